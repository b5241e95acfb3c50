//! Tells somebody of a client by mail that their ticket is closed without a word of theirs: void, gone on elsewhere, or solved for so long.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{actor::Actor, number::TicketId, ticket::Ticket, told::reader, trouble::DeskError, words::Status};
use crate::{
    accounts::user::{User, UserId},
    housekeeping::close_tickets::CLOSED_AFTER,
    mail::{
        delivery,
        letters::{Closing, TicketClosed},
    },
    ports::{Ctx, Ports},
};

/// Sends the letter that a ticket is closed, and why.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceClosure {
    /// To whom.
    pub user_id: UserId,
    /// Which ticket.
    pub ticket_id: TicketId,
    /// The version that it had from then on: a ticket may be closed more than once.
    pub version: i32,
}

impl Job for AnnounceClosure {
    type Ports = Ports;
    const NAME: &'static str = "announce_closure";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("ticket_closed:{}:{}:{}", self.ticket_id, self.version, self.user_id);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let contact = reader(ctx, user.id).await?.filter(|reader| matches!(reader, Actor::Contact { .. }));
        let ticket = match contact {
            Some(contact) => found(Ticket::find(&ctx.db, &contact, self.ticket_id).await)?.map(|ticket| (contact, ticket)),
            None => None,
        };
        let Some((contact, ticket)) = ticket else {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the ticket is not theirs to read any more"));
        };
        if ticket.status != Status::Closed {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the ticket was opened again meanwhile"));
        }
        let into = match ticket.merged_into {
            Some(into) => found(Ticket::find(&ctx.db, &contact, into).await)?,
            None => None,
        };
        let leads_to = into.as_ref().map_or(ticket.id, |into| into.id);
        let why = match (into, ticket.void_reason) {
            (Some(into), _) => Closing::Merged { ticket: into.id.0, title: into.title },
            (None, Some(reason)) => Closing::Void(reason),
            (None, None) => Closing::Solved { days: CLOSED_AFTER.num_days() },
        };
        let link = ctx.links.ticket(user.locale, leads_to);
        let letter = TicketClosed { ticket: ticket.id.0, title: ticket.title, why, link };
        delivery::send(ctx, key, &user, &letter).await
    }
}

/// The ticket, if it is there for them.
fn found(looked_up: Result<Ticket, DeskError>) -> Result<Option<Ticket>, Failure> {
    match looked_up {
        Ok(ticket) => Ok(Some(ticket)),
        Err(DeskError::Postgres(error)) => Err(error).context("looking up the ticket"),
        Err(_) => Ok(None),
    }
}
