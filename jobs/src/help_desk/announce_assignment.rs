//! Tells somebody of the help desk by mail that a ticket was given to them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{number::TicketId, words::Priority};
use crate::{
    accounts::{
        role::Role,
        user::{User, UserId},
    },
    mail::{delivery, letters::TicketAssigned},
    ports::{Ctx, Ports},
};

/// Sends the letter that somebody else has given a ticket to an agent.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceAssignment {
    /// To whom.
    pub user_id: UserId,
    /// Which ticket.
    pub ticket_id: TicketId,
    /// The version that it had from then on: a ticket may be given to somebody more than once.
    pub version: i32,
    /// Who gave it to them.
    pub by_user_id: UserId,
}

/// What the letter says of the ticket.
#[derive(Debug, sqlx::FromRow)]
struct Given {
    title: String,
    client: String,
    priority: Priority,
    due_at: Option<DateTime<Utc>>,
    by: Option<String>,
}

impl Job for AnnounceAssignment {
    type Ports = Ports;
    const NAME: &'static str = "announce_assignment";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let key = format!("ticket_assigned:{}:{}", self.ticket_id, self.version);
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let given: Option<Given> = sqlx::query_as(include_str!("sql/given_ticket.sql"))
            .bind(self.ticket_id)
            .bind(user.id)
            .bind(self.by_user_id)
            .fetch_optional(&ctx.db)
            .await
            .context("looking up the ticket")?;
        let works_here = user.disabled_at.is_none() && matches!(user.role, Role::Agent | Role::Manager | Role::Admin);
        let Some(given) = given.filter(|_| works_here) else {
            delivery::withdraw(ctx, &key).await?;
            return Err(Failure::cancelled("the ticket is not theirs to see to any more"));
        };
        let letter = TicketAssigned {
            ticket: self.ticket_id.0,
            title: given.title,
            client: given.client,
            priority: given.priority,
            due_at: given.due_at,
            by: given.by,
            link: ctx.links.ticket(user.locale, self.ticket_id),
        };
        delivery::send(ctx, key, &user, &letter).await
    }
}
