//! Who hears by letter of what was done to a ticket. Each letter is promised in the transaction that makes it worth writing, one for a person and an event.

use queue::enqueue;

use super::{
    announce_answer::AnnounceAnswer, announce_assignment::AnnounceAssignment, announce_closure::AnnounceClosure,
    announce_reply::AnnounceReply, announce_solution::AnnounceSolution, number::CommentId, ticket::Held, trouble::DeskError,
};
use crate::accounts::user::UserId;

impl Held<'_> {
    /// The client's people hear what somebody who works here has told them.
    pub(super) async fn tell_answer(&mut self, comment: CommentId) -> Result<(), DeskError> {
        for user_id in self.readers().await? {
            enqueue(&mut *self.tx, AnnounceAnswer { user_id, comment_id: comment }).await.map_err(DeskError::Enqueue)?;
        }
        Ok(())
    }

    /// Whoever has it hears what the client has written. Where that is nobody it waits in the list, and managers are told before its deadline.
    pub(super) async fn tell_reply(&mut self, comment_id: CommentId) -> Result<(), DeskError> {
        let Some(user_id) = self.ticket.assigned_to else { return Ok(()) };
        enqueue(&mut *self.tx, AnnounceReply { user_id, comment_id }).await.map(drop).map_err(DeskError::Enqueue)
    }

    /// The client's people hear that it is solved, and how: one letter with both.
    pub(super) async fn tell_solution(&mut self, comment_id: Option<CommentId>) -> Result<(), DeskError> {
        let (ticket_id, version) = (self.ticket.id, self.next_version());
        for user_id in self.readers().await? {
            let letter = AnnounceSolution { user_id, ticket_id, version, comment_id };
            enqueue(&mut *self.tx, letter).await.map_err(DeskError::Enqueue)?;
        }
        Ok(())
    }

    /// The client's people hear that it should not have been, and where it goes on if it does. Those of a ticket that closes by itself are told where that is
    /// done, by the thousand.
    pub(super) async fn tell_closure(&mut self) -> Result<(), DeskError> {
        let (ticket_id, version) = (self.ticket.id, self.next_version());
        for user_id in self.readers().await? {
            enqueue(&mut *self.tx, AnnounceClosure { user_id, ticket_id, version }).await.map_err(DeskError::Enqueue)?;
        }
        Ok(())
    }

    /// Whoever it was given to hears of it, unless they took it themselves.
    pub(super) async fn tell_assignment(&mut self, before: Option<UserId>) -> Result<(), DeskError> {
        let by_user_id = self.actor.id();
        let Some(user_id) = self.ticket.assigned_to.filter(|to| *to != by_user_id && Some(*to) != before) else { return Ok(()) };
        let letter = AnnounceAssignment { user_id, ticket_id: self.ticket.id, version: self.next_version(), by_user_id };
        enqueue(&mut *self.tx, letter).await.map(drop).map_err(DeskError::Enqueue)
    }

    /// The version that the ticket has from now on: the event's name.
    fn next_version(&self) -> i32 {
        self.ticket.lock_version + 1
    }

    async fn readers(&mut self) -> sqlx::Result<Vec<UserId>> {
        sqlx::query_scalar(include_str!("sql/readers.sql"))
            .bind(self.ticket.id)
            .bind(self.ticket.client_id)
            .bind(self.ticket.created_by)
            .fetch_all(&mut *self.tx)
            .await
    }
}
