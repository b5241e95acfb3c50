//! What people do to a ticket. Each says at which version they have seen it, and is refused if it has changed since; each returns the version that it
//! has from then on.
//!
//! ```text
//! new ─► open ◄──► waiting_client        the clocks stand still meanwhile
//!   └──────┴──────────┴──► resolved ─► closed
//!          ▲                  │          │
//!          └──────────────────┴──────────┘   opened again: the clock goes on; after `closed` there are new ones
//! ```

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    actor::Actor,
    client::Client,
    comment::Audience,
    text::Body,
    ticket::{Held, Seen},
    trouble::DeskError,
    words::{Priority, Status},
};
use crate::accounts::user::UserId;

/// Gives the ticket to somebody, or to nobody.
///
/// # Errors
/// Nothing may be kept of the transaction: it has changed, it is over, who should have it is no agent, or Postgres refuses or cannot be reached.
pub async fn assign(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    seen: Seen,
    to: Option<UserId>,
) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(held.ticket.status.is_live(), "assigned")?;
    if let Some(agent) = to {
        let works_here: bool = sqlx::query_scalar(
            "select exists (select from core.users where id = $1 and role in ('agent', 'manager') and disabled_at is null)",
        )
        .bind(agent)
        .fetch_one(&mut *held.tx)
        .await?;
        if !works_here {
            return Err(DeskError::NoAgent);
        }
        if held.ticket.status == Status::New {
            held.ticket.status = Status::Open;
        }
    }
    let before = std::mem::replace(&mut held.ticket.assigned_to, to);
    held.put_back("assign_ticket", json!({ "from": before, "to": to })).await
}

/// Says that more or less depends on it. What is used up of the promises stays used up.
///
/// # Errors
/// As [`assign`].
pub async fn set_priority(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    seen: Seen,
    priority: Priority,
) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(held.ticket.status.is_live(), "given another priority")?;
    let before = std::mem::replace(&mut held.ticket.priority, priority);
    held.follow_terms().await?;
    held.put_back("set_ticket_priority", json!({ "from": before.as_str(), "to": priority.as_str() })).await
}

/// The client has been asked something: where the policy says so, time stands still until they answer.
///
/// # Errors
/// As [`assign`]; [`DeskError::Unanswered`]: nobody has asked them anything.
pub async fn wait_for_client(tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, seen: Seen) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(matches!(held.ticket.status, Status::New | Status::Open), "left waiting")?;
    if !held.is_answered() {
        return Err(DeskError::Unanswered);
    }
    held.ticket.status = Status::WaitingClient;
    held.pause().await?;
    held.put_back("wait_for_client", json!({})).await
}

/// The client need not be waited for any more.
///
/// # Errors
/// As [`assign`].
pub async fn go_on(tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, seen: Seen) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(held.ticket.status == Status::WaitingClient, "gone on with")?;
    held.ticket.status = Status::Open;
    held.go_on().await?;
    held.put_back("go_on_with_ticket", json!({})).await
}

/// It is solved; `answer` tells the client how. That keeps the promise of an answer too, whoever opened the ticket.
///
/// # Errors
/// As [`assign`]; [`DeskError::Unanswered`]: the client would read nothing.
pub async fn resolve(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    seen: Seen,
    answer: Option<&Body>,
) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(held.ticket.status.is_live(), "resolved")?;
    if let Some(answer) = answer {
        held.answer().await?;
        held.write(answer, Audience::Everybody).await?;
    }
    if !held.is_answered() {
        return Err(DeskError::Unanswered);
    }
    held.stop(|_| true).await?;
    held.ticket.status = Status::Resolved;
    held.ticket.resolved_at = Some(held.at);
    held.put_back("resolve_ticket", json!({})).await
}

/// It is not solved after all.
///
/// # Errors
/// As [`assign`]; the client has no contract any more, if it was closed.
pub async fn reopen(tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, seen: Seen) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    held.must_be(!held.ticket.status.is_live(), "opened again")?;
    held.open_again().await?;
    held.put_back("reopen_ticket", json!({})).await
}

/// It is over.
///
/// # Errors
/// As [`assign`].
pub async fn close(tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, seen: Seen) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(held.ticket.status == Status::Resolved, "closed")?;
    held.ticket.status = Status::Closed;
    held.ticket.closed_at = Some(held.at);
    held.put_back("close_ticket", json!({})).await
}

impl Held<'_> {
    /// Opens it again: where it was resolved its clock goes on, where it was closed there are promises anew, by the contract of today.
    pub(super) async fn open_again(&mut self) -> Result<(), DeskError> {
        let was_closed = self.ticket.status == Status::Closed;
        self.ticket.status = Status::Open;
        (self.ticket.resolved_at, self.ticket.closed_at) = (None, None);
        if !was_closed {
            return self.take_up_again().await;
        }
        let client = Client::find(self.tx, self.ticket.client_id).await?;
        self.ticket.contract_id = client.contract_on(self.tx, self.calendar.time.day(self.at)).await?;
        self.ticket.cycle += 1;
        self.clocks.clear();
        self.begin_cycle().await
    }

    /// The clocks of another cycle: that of an answer only where the client waits for one.
    async fn begin_cycle(&mut self) -> Result<(), DeskError> {
        let first_responded_at = self.ticket.first_responded_at;
        if matches!(self.actor, Actor::Contact { .. }) {
            self.ticket.first_responded_at = None;
        }
        let begun = self.follow_terms().await;
        self.ticket.first_responded_at = first_responded_at;
        begun
    }
}
