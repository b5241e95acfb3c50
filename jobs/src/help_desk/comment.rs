//! What is written under a ticket, and what it sets going.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

use super::{
    actor::Actor,
    number::{CommentId, TicketId},
    text::Body,
    ticket::{Held, Ticket},
    trouble::DeskError,
    words::{Promise, Status},
};
use crate::accounts::user::UserId;

/// So many of what was written under a ticket are read at once.
pub const MOST: usize = 200;

/// Something that was written under a ticket.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Comment {
    /// Its number.
    pub id: CommentId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Their name.
    pub author: String,
    /// Whether they worked here when they wrote it.
    pub is_by_agent: bool,
    /// What they wrote.
    pub body: String,
    /// Whether the client does not see it.
    pub is_internal: bool,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The client too.
    Everybody,
    /// Those who work here.
    Agents,
}

impl Comment {
    /// The latest [`MOST`] under a ticket that the person may read, in order, of those before the comment `before`; and whether there are earlier ones.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn of(
        db: impl PgExecutor<'_>,
        actor: &Actor,
        ticket: &Ticket,
        before: Option<CommentId>,
    ) -> sqlx::Result<(Vec<Self>, bool)> {
        Self::stretch(db, actor, ticket, before, "desk.comments").await
    }

    /// The same of a ticket that was put away.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn of_archived(
        db: impl PgExecutor<'_>,
        actor: &Actor,
        ticket: &Ticket,
        before: Option<CommentId>,
    ) -> sqlx::Result<(Vec<Self>, bool)> {
        Self::stretch(db, actor, ticket, before, "archive.comments").await
    }

    async fn stretch(
        db: impl PgExecutor<'_>,
        actor: &Actor,
        ticket: &Ticket,
        before: Option<CommentId>,
        table: &str,
    ) -> sqlx::Result<(Vec<Self>, bool)> {
        let sql = format!(
            "select c.id, c.author_id, u.full_name as author, c.by_desk as is_by_agent, c.body, c.is_internal, c.created_at
             from {table} c join core.users u on u.id = c.author_id
             where c.ticket_id = $1 and (not c.is_internal or $2)
                 and ($3::bigint is null or (c.created_at, c.id) < (select b.created_at, b.id from {table} b where b.id = $3))
             order by c.created_at desc, c.id desc
             limit $4"
        );
        let mut latest: Vec<Self> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(ticket.id)
            .bind(matches!(actor, Actor::Agent { .. }))
            .bind(before)
            .bind(i64::try_from(MOST + 1).unwrap_or(i64::MAX))
            .fetch_all(db)
            .await?;
        let has_earlier = latest.len() > MOST;
        latest.truncate(MOST);
        latest.reverse();
        Ok((latest, has_earlier))
    }
}

/// Writes under a ticket. It only adds, so it matters not what else has changed meanwhile.
///
/// An agent's first word to the client keeps the promise of an answer, unless the agent opened the ticket; a note for agents keeps none. The
/// client's word ends the wait for them, and opens a ticket again that was resolved or closed.
///
/// # Errors
/// Nothing may be kept of the transaction: there is no such ticket for them, or the client's goes on in another one; a client cannot write for agents alone, nor an agent to the client of
/// a closed ticket; of a ticket that would be opened again the client has no contract any more; or Postgres refuses or cannot be reached.
pub async fn comment(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    ticket: TicketId,
    body: &Body,
    audience: Audience,
) -> Result<CommentId, DeskError> {
    let mut held = Held::any(tx, at, actor, ticket).await?;
    match (actor, audience) {
        (Actor::Contact { .. }, Audience::Agents) => return Err(DeskError::NotAllowed),
        (Actor::Contact { .. }, Audience::Everybody) => {
            held.must_go_on_here()?;
            held.hear_client().await?;
        }
        (Actor::Agent { .. }, Audience::Agents) => {}
        (Actor::Agent { .. }, Audience::Everybody) => {
            held.must_be(held.ticket.status != Status::Closed, "answered")?;
            if held.actor.id() != held.ticket.created_by {
                held.answer().await?;
            }
        }
    }
    let id = held.write(body, audience).await?;
    match (actor, audience) {
        (Actor::Agent { .. }, Audience::Everybody) => held.tell_answer(id).await?,
        (Actor::Agent { .. }, Audience::Agents) => {}
        (Actor::Contact { .. }, _) => held.tell_reply(id).await?,
    }
    held.put_back("comment_ticket", json!({ "comment": id, "internal": audience == Audience::Agents })).await?;
    Ok(id)
}

/// Whether somebody who works here has told the client something since the ticket was opened, or opened again after it was closed; but for what `but` has told.
pub(super) async fn is_told(tx: &mut PgConnection, ticket: &Ticket, but: Option<UserId>) -> sqlx::Result<bool> {
    sqlx::query_scalar(include_str!("sql/is_told.sql"))
        .bind(ticket.id)
        .bind(ticket.created_at)
        .bind(ticket.cycle)
        .bind(but)
        .fetch_one(tx)
        .await
}

impl Held<'_> {
    /// The client has read a word from us.
    pub(super) async fn answer(&mut self) -> Result<(), DeskError> {
        let at = self.at;
        self.ticket.first_responded_at.get_or_insert(at);
        if self.ticket.status == Status::New {
            self.ticket.status = Status::Open;
        }
        self.stop(|promise| promise == Promise::FirstResponse).await
    }

    async fn hear_client(&mut self) -> Result<(), DeskError> {
        match self.ticket.status {
            Status::New | Status::Open => Ok(()),
            Status::WaitingClient => {
                self.ticket.status = Status::Open;
                self.go_on().await
            }
            Status::Resolved | Status::Closed => self.open_again().await,
        }
    }

    /// Writes it down.
    pub(super) async fn write(&mut self, body: &Body, audience: Audience) -> sqlx::Result<CommentId> {
        sqlx::query_scalar(
            "insert into desk.comments (ticket_id, ticket_created_at, author_id, body, is_internal, by_desk, created_at)
             values ($1, $2, $3, $4, $5, $6, $7) returning id",
        )
        .bind(self.ticket.id)
        .bind(self.ticket.created_at)
        .bind(self.actor.id())
        .bind(body)
        .bind(audience == Audience::Agents)
        .bind(matches!(self.actor, Actor::Agent { .. }))
        .bind(self.at)
        .fetch_one(&mut *self.tx)
        .await
    }
}
