//! A ticket as it stands, and a ticket in somebody's hands.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

use super::{
    actor::Actor,
    advance::advance_ticket,
    calendar::Calendar,
    client::Client,
    clock::Clock,
    comment::is_told,
    number::{ClientId, ContractId, TicketId},
    rule_change::RuleChange,
    rules,
    trouble::DeskError,
    words::{Category, Priority, Promise, Status, VoidReason},
};
use crate::accounts::user::UserId;

/// A ticket.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Ticket {
    /// Its number, as people name it.
    pub id: TicketId,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// Whose it is.
    pub client_id: ClientId,
    /// What it is about, in a line.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// What sort of matter it is.
    pub category: Category,
    /// Words by which it is found again.
    pub tags: Vec<String>,
    /// How much depends on it.
    pub priority: Priority,
    /// Where it stands.
    pub status: Status,
    /// Who opened it.
    pub created_by: UserId,
    /// Who is at it.
    pub assigned_to: Option<UserId>,
    /// Under which contract.
    pub contract_id: Option<ContractId>,
    /// When the client first read a word from us.
    pub first_responded_at: Option<DateTime<Utc>>,
    /// When it was solved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
    /// Why it should not have been.
    pub void_reason: Option<VoidReason>,
    /// In which ticket of the same client it goes on.
    pub merged_into: Option<TicketId>,
    /// How often it was closed and opened again, and once.
    pub cycle: i32,
    /// Rises with each change.
    pub lock_version: i32,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A ticket as somebody has looked at it who now changes it. If it has changed since then, they have not seen what they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Which ticket.
    pub ticket: TicketId,
    /// At which version.
    pub version: i32,
}

/// What is read of a ticket.
const COLUMNS: &str =
    "t.id, t.created_at, t.client_id, t.title, t.description, t.category, t.tags, t.priority, t.status, t.created_by,
    t.assigned_to, t.contract_id, t.first_responded_at, t.resolved_at, t.closed_at, t.void_reason, t.merged_into,
    t.cycle, t.lock_version, t.updated_at";

/// What time it is: Postgres's, which is one, whatever the number of machines.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn now(db: impl PgExecutor<'_>) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar("select date_trunc('second', clock_timestamp())").fetch_one(db).await
}

impl Ticket {
    /// The ticket of that number, if the person may see it.
    ///
    /// # Errors
    /// [`DeskError::NoSuchTicket`], also of one that is somebody else's; or Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, actor: &Actor, id: TicketId) -> Result<Self, DeskError> {
        let sql = format!("select {COLUMNS} from desk.tickets t where t.id = $1");
        let found: Option<Self> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await?;
        found.filter(|ticket| actor.sees(ticket.client_id)).ok_or(DeskError::NoSuchTicket)
    }

    /// The same of those that were put away: nobody changes them any more.
    ///
    /// # Errors
    /// As [`Ticket::find`].
    pub async fn find_archived(db: impl PgExecutor<'_>, actor: &Actor, id: TicketId) -> Result<Self, DeskError> {
        let sql = format!("select {COLUMNS} from archive.tickets t where t.id = $1");
        let found: Option<Self> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await?;
        found.filter(|ticket| actor.sees(ticket.client_id)).ok_or(DeskError::NoSuchTicket)
    }

    /// As it is now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { ticket: self.id, version: self.lock_version }
    }
}

/// A ticket that somebody has taken to change it: nobody else changes it meanwhile, and what its clocks had come to is told.
pub(super) struct Held<'t> {
    pub(super) tx: &'t mut PgConnection,
    pub(super) at: DateTime<Utc>,
    pub(super) actor: Actor,
    pub(super) ticket: Ticket,
    /// Where it stood when it was taken.
    before: Status,
    pub(super) calendar: Calendar,
    /// Those of its present cycle.
    pub(super) clocks: Vec<Clock>,
}

impl<'t> Held<'t> {
    /// Takes the ticket, if it is as it was seen.
    pub(super) async fn seen(tx: &'t mut PgConnection, at: DateTime<Utc>, actor: &Actor, seen: Seen) -> Result<Self, DeskError> {
        let held = Self::any(tx, at, actor, seen.ticket).await?;
        let present = held.ticket.lock_version;
        if present == seen.version { Ok(held) } else { Err(DeskError::Changed { seen: seen.version, present }) }
    }

    /// Takes the ticket, whatever has changed since it was seen: for what only adds to it.
    pub(super) async fn any(tx: &'t mut PgConnection, at: DateTime<Utc>, actor: &Actor, id: TicketId) -> Result<Self, DeskError> {
        rules::read(tx).await?;
        // Not `for update`: a monitor that writes an alert does not wait.
        let sql = format!("select {COLUMNS} from desk.tickets t where t.id = $1 for no key update");
        let ticket: Option<Ticket> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&mut *tx).await?;
        let ticket = ticket.filter(|ticket| actor.sees(ticket.client_id)).ok_or(DeskError::NoSuchTicket)?;
        // Who waited for the ticket is later than whom they waited for.
        let mut at = at.trunc_subsecs(0).max(ticket.updated_at);
        if let Some(change) = RuleChange::under_way(tx).await? {
            at = at.max(change.at);
            change.reach(tx, &ticket).await?;
        }
        advance_ticket(tx, at, ticket.id).await?;
        let client = Client::find(tx, ticket.client_id).await?;
        let calendar = Calendar::find(tx, client.calendar_id).await?;
        let mut clocks = Clock::lock(tx, ticket.id, ticket.cycle).await?;
        for clock in &mut clocks {
            clock.count_void(ticket.status.waits_for_us(), &calendar.time, &calendar, at);
        }
        Ok(Self { tx, at, actor: *actor, before: ticket.status, ticket, calendar, clocks })
    }

    /// Refuses what is not done in that status.
    pub(super) fn must_be(&self, allowed: bool, act: &'static str) -> Result<(), DeskError> {
        if allowed { Ok(()) } else { Err(DeskError::WrongStatus { status: self.ticket.status, act }) }
    }

    /// Whether the client has read a word from us, since the ticket was last opened; also of whoever opened it, whose word keeps no promise.
    pub(super) async fn is_answered(&mut self) -> sqlx::Result<bool> {
        let is_awaited = self.clocks.iter().any(|clock| clock.promise == Promise::FirstResponse && clock.is_live());
        if self.ticket.first_responded_at.is_some() && !is_awaited {
            return Ok(true);
        }
        is_told(self.tx, &self.ticket, None).await
    }

    /// Puts it back as it is now, and says what was done and by whom. Returns the version that it has from now on.
    pub(super) async fn put_back(self, action: &str, mut detail: serde_json::Value) -> Result<i32, DeskError> {
        let Self { tx, at, actor, ticket, before, clocks, .. } = self;
        if ticket.status != before {
            detail["status"] = json!({ "from": before.as_str(), "to": ticket.status.as_str() });
        }
        Clock::save(&mut *tx, &clocks).await?;
        let version = sqlx::query_scalar(include_str!("sql/save_ticket.sql"))
            .bind(ticket.id)
            .bind(ticket.created_at)
            .bind(ticket.priority)
            .bind(ticket.status)
            .bind(ticket.assigned_to)
            .bind(ticket.contract_id)
            .bind(ticket.first_responded_at)
            .bind(ticket.resolved_at)
            .bind(ticket.closed_at)
            .bind(ticket.cycle)
            .bind(at)
            .bind(ticket.category)
            .bind(&ticket.tags)
            .bind(ticket.void_reason)
            .bind(ticket.merged_into)
            .fetch_one(&mut *tx)
            .await?;
        note(tx, at, &actor, action, ticket.id, detail).await?;
        Ok(version)
    }
}

/// Writes what was done to a ticket into the audit log.
pub(super) async fn note(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    ticket: TicketId,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    sqlx::query("insert into core.audit_log (at, actor_id, action, subject, detail) values ($1, $2, $3, 'ticket:' || $4, $5)")
        .bind(at)
        .bind(actor.id())
        .bind(action)
        .bind(ticket)
        .bind(detail)
        .execute(tx)
        .await
        .map(drop)
}
