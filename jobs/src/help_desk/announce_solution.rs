//! Tells somebody of a client by mail that their ticket is solved.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    actor::Actor,
    number::{CommentId, TicketId},
    ticket::Ticket,
    told::{Told, reader},
    trouble::DeskError,
};
use crate::{
    accounts::user::{User, UserId},
    mail::{
        delivery,
        letters::{TicketSolved, Words},
    },
    ports::{Ctx, Ports},
};

/// Sends the letter that a ticket is solved, and how.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceSolution {
    /// To whom.
    pub user_id: UserId,
    /// Which ticket.
    pub ticket_id: TicketId,
    /// The version that it had from then on: a ticket may be solved more than once.
    pub version: i32,
    /// What the client was told about it; none: they had been told before.
    #[serde(default)]
    pub comment_id: Option<CommentId>,
}

impl Job for AnnounceSolution {
    type Ports = Ports;
    const NAME: &'static str = "announce_solution";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("ticket_solved:{}:{}:{}", self.ticket_id, self.version, self.user_id);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let ticket = match reader(ctx, user.id).await? {
            Some(reader @ Actor::Contact { .. }) => Ticket::find(&ctx.db, &reader, self.ticket_id).await,
            Some(Actor::Agent { .. }) | None => Err(DeskError::NotAllowed),
        };
        let ticket = match ticket {
            Ok(ticket) if !ticket.status.is_live() => ticket,
            Ok(_) => {
                delivery::withdraw(ctx, &key).await?;
                return Err(Failure::cancelled("the ticket was opened again meanwhile"));
            }
            Err(DeskError::Postgres(error)) => return Err(error).context("looking up the ticket"),
            Err(_) => {
                delivery::withdraw(ctx, &key).await?;
                return Err(Failure::cancelled("the ticket is not theirs to read any more"));
            }
        };
        let told = match self.comment_id {
            None => None,
            Some(comment) => Told::comment(&ctx.db, comment).await.context("looking up what they were told")?,
        };
        let told = told.filter(|told| !told.is_internal && told.ticket_id == ticket.id);
        let letter = TicketSolved {
            ticket: ticket.id.0,
            title: ticket.title,
            words: told.map(|told| Words::of(&told.body)),
            link: ctx.links.ticket(user.locale, ticket.id),
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}
