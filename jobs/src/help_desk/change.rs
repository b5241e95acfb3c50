//! What people do to a ticket. Each says at which version they have seen it, and is refused if it has changed since; each returns the version that it
//! has from then on.
//!
//! ```text
//! new ─► open ◄──► waiting_client        the clocks stand still meanwhile
//!   └──────┴──────────┴──► resolved ─► closed
//!          ▲                  │          │
//!          └──────────────────┴──────────┘   opened again: the clock goes on; after `closed` there are new ones
//!
//! any but closed ─► closed, void: it should not have been; opened again, it goes on as it was
//! ```

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    actor::Actor,
    client::Client,
    comment::Audience,
    number::TicketId,
    rules,
    text::{Body, Tag},
    ticket::{Held, Seen, Ticket, note},
    trouble::DeskError,
    words::{Category, Priority, Status, VoidReason},
};
use crate::accounts::user::UserId;

/// Gives the ticket to somebody, or to nobody. To whoever has it already: nothing changes.
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
    if held.ticket.assigned_to == to && (to.is_none() || held.ticket.status != Status::New) {
        return Ok(seen.version);
    }
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
    held.tell_assignment(before).await?;
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
    if held.ticket.priority == priority {
        return Ok(seen.version);
    }
    let before = std::mem::replace(&mut held.ticket.priority, priority);
    held.follow_terms().await?;
    held.put_back("set_ticket_priority", json!({ "from": before.as_str(), "to": priority.as_str() })).await
}

/// Says what it is about, and by which words it is found again.
///
/// # Errors
/// As [`assign`].
pub async fn classify(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    seen: Seen,
    category: Category,
    tags: &[Tag],
) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(held.ticket.status != Status::Closed, "classified anew")?;
    let mut tags: Vec<String> = tags.iter().map(|tag| tag.as_str().to_owned()).collect();
    tags.sort_unstable();
    tags.dedup();
    let mut detail = json!({});
    if held.ticket.category != category {
        let before = std::mem::replace(&mut held.ticket.category, category);
        detail["category"] = json!({ "from": before.as_str(), "to": category.as_str() });
    }
    if held.ticket.tags != tags {
        let before = std::mem::replace(&mut held.ticket.tags, tags);
        let but = |of: &[String], others: &[String]| of.iter().filter(|tag| !others.contains(tag)).cloned().collect::<Vec<_>>();
        let (added, removed) = (but(&held.ticket.tags, &before), but(&before, &held.ticket.tags));
        detail["tags"] = json!({ "added": added, "removed": removed });
    }
    if detail.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(seen.version);
    }
    held.put_back("classify_ticket", detail).await
}

/// It should not have been: it is closed unsolved, and nothing that was promised for it counts. A duplicate may go on in another ticket of the same client's,
/// whose people hear from then on what is answered there. That one is live: in one that is over nobody would see to it, and an agent who wants it to go on there
/// opens it again first, so that no promise begins unseen.
///
/// # Errors
/// As [`assign`]; [`DeskError::NoMerger`], [`DeskError::MergerOver`]: it cannot go on there.
pub async fn make_void(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    seen: Seen,
    reason: VoidReason,
    into: Option<TicketId>,
) -> Result<i32, DeskError> {
    rules::read(tx).await?;
    // Both at once, in the order of their numbers: of two that are put together crosswise one waits for the other, and neither for ever.
    sqlx::query("select from desk.tickets where id = any($1) order by id for no key update")
        .bind(into.into_iter().chain([seen.ticket]).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(held.ticket.status != Status::Closed, "made void")?;
    if let Some(into) = into {
        let other = Ticket::find(&mut *held.tx, actor, into).await;
        let other = other.map_err(|error| if matches!(error, DeskError::NoSuchTicket) { DeskError::NoMerger } else { error })?;
        let is_fit = other.client_id == held.ticket.client_id && other.id != held.ticket.id && other.void_reason.is_none();
        if reason != VoidReason::Duplicate || !is_fit {
            return Err(DeskError::NoMerger);
        }
        if !other.status.is_live() {
            return Err(DeskError::MergerOver { ticket: into, status: other.status });
        }
        note(held.tx, held.at, actor, "merge_ticket", into, json!({ "from": held.ticket.id })).await?;
    }
    held.give_up().await?;
    let at = held.at;
    held.ticket.status = Status::Closed;
    held.ticket.resolved_at.get_or_insert(at);
    held.ticket.closed_at = Some(at);
    (held.ticket.void_reason, held.ticket.merged_into) = (Some(reason), into);
    held.tell_closure().await?;
    held.put_back("void_ticket", json!({ "reason": reason.as_str(), "into": into })).await
}

/// The client has been asked something: where the policy says so, time stands still until they answer.
///
/// # Errors
/// As [`assign`]; [`DeskError::Unanswered`]: nobody has asked them anything.
pub async fn wait_for_client(tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, seen: Seen) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    actor.must_be_agent()?;
    held.must_be(matches!(held.ticket.status, Status::New | Status::Open), "left waiting")?;
    if !held.is_answered().await? {
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

/// It is solved; `answer` tells the client how, where they do not know. That keeps the promise of an answer too, whoever opened the ticket.
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
    let mut told = None;
    if let Some(answer) = answer {
        told = Some(held.write(answer, Audience::Everybody).await?);
    } else if !held.is_answered().await? {
        return Err(DeskError::Unanswered);
    }
    held.answer().await?;
    held.stop(|_| true).await?;
    held.ticket.status = Status::Resolved;
    held.ticket.resolved_at = Some(held.at);
    held.tell_solution(told).await?;
    held.put_back("resolve_ticket", json!({})).await
}

/// It is not solved after all.
///
/// # Errors
/// As [`assign`]; the client has no contract any more, if it was closed and not void.
pub async fn reopen(tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, seen: Seen) -> Result<i32, DeskError> {
    let mut held = Held::seen(tx, at, actor, seen).await?;
    held.must_be(!held.ticket.status.is_live(), "opened again")?;
    held.must_go_on_here()?;
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
    /// Sends the client's people to the ticket in which theirs goes on; who works here may take them apart again.
    pub(super) fn must_go_on_here(&self) -> Result<(), DeskError> {
        match (self.actor, self.ticket.merged_into) {
            (Actor::Contact { .. }, Some(into)) => Err(DeskError::Merged(into)),
            _ => Ok(()),
        }
    }

    /// Opens it again: where it was resolved its clock goes on, where it was void all of them; where it was closed there are promises anew, by the contract of today.
    pub(super) async fn open_again(&mut self) -> Result<(), DeskError> {
        let was_closed = self.ticket.status == Status::Closed;
        let void_since = self.ticket.closed_at.filter(|_| self.ticket.void_reason.is_some());
        let resolved_at = self.ticket.resolved_at;
        self.ticket.status = Status::Open;
        (self.ticket.resolved_at, self.ticket.closed_at) = (None, None);
        (self.ticket.void_reason, self.ticket.merged_into) = (None, None);
        if let Some(void_since) = void_since {
            self.undo_void(void_since).await?;
        }
        if void_since.is_some() || !was_closed {
            return self.take_up_again(resolved_at).await;
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
