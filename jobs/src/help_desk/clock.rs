//! How much of a promise's time is used up, and by when the rest will be.
//!
//! ```text
//! running ─► met      kept in time
//!   │  ▲  └► missed   kept too late, or overdue when it was promised no more
//!   ▼  │              (reopened, or promised again: running again)
//! paused              the client is asked something, or the ticket was resolved
//! ```
//!
//! Any of them may become void: nothing is promised any more, until the promise comes back, or the ticket was not void after all. What is used up is kept
//! in seconds of the calendar; when something is written, the moments are worked out at which the rest will be used up: all but the warning's time, all,
//! and so much more that managers are told. Whoever looks at the time afterwards compares instants.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::{FromRow as _, PgConnection, Row as _, types::Json};

use super::{
    business_time::BusinessTime,
    calendar::Calendar,
    number::{CalendarId, ClockId, PolicyId, TicketId},
    policy::Terms,
    ticket::Ticket,
    trouble::DeskError,
    words::{ClockState, Priority, Promise},
};

/// What a clock has come to: nothing, warned about, breached; each later number is one escalation more.
pub type Level = i16;
/// It was warned about.
pub const WARNED: Level = 1;
/// Its deadline has passed.
pub const BREACHED: Level = 2;

/// A clock of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Clock {
    /// Its number.
    pub id: ClockId,
    /// What it counts for.
    #[serde(skip)]
    pub promise: Promise,
    /// For which time that the ticket was opened.
    #[serde(skip)]
    pub cycle: i32,
    /// By which policy; none: the client's fallback.
    pub policy_id: Option<PolicyId>,
    /// By which revision of it.
    pub policy_revision: Option<i32>,
    /// For which priority; none: nobody has noted it.
    #[serde(serialize_with = "as_word_if_any")]
    pub priority: Option<Priority>,
    /// By which calendar.
    pub calendar_id: CalendarId,
    /// By which revision of it.
    pub calendar_revision: i32,
    /// How much time was promised, in seconds of the calendar.
    pub target_s: i64,
    /// How long before the deadline it is warned about.
    pub warn_s: i64,
    /// How long after it managers are told.
    pub escalate_s: Vec<i64>,
    /// Where it stands.
    #[serde(serialize_with = "as_word")]
    pub state: ClockState,
    /// How much was used up by `counted_to`.
    pub consumed_s: i64,
    /// From when on time goes on while it runs.
    pub counted_to: DateTime<Utc>,
    /// When it is warned about.
    pub warn_at: Option<DateTime<Utc>>,
    /// The deadline: of one that runs, or stands still after it.
    pub due_at: Option<DateTime<Utc>>,
    /// When managers are told.
    pub escalate_at: Vec<DateTime<Utc>>,
    /// How far it has come for this deadline.
    pub level: Level,
    /// When it comes further.
    pub next_at: Option<DateTime<Utc>>,
    /// When the promise was kept or given up.
    pub stopped_at: Option<DateTime<Utc>>,
}

fn as_word<S: serde::Serializer>(state: &ClockState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_str())
}

fn as_word_if_any<S: serde::Serializer>(priority: &Option<Priority>, serializer: S) -> Result<S::Ok, S::Error> {
    priority.map(Priority::as_str).serialize(serializer)
}

/// What is read of a clock.
const COLUMNS: &str =
    "c.id, c.promise, c.cycle, c.policy_id, c.policy_revision, c.priority, c.calendar_id, c.calendar_revision, c.target_s, c.warn_s,
    c.escalate_s, c.state, c.consumed_s, c.counted_to, c.warn_at, c.due_at, c.escalate_at, c.level, c.next_at, c.stopped_at";

impl Clock {
    /// A clock that begins to run. It is nowhere yet.
    pub(super) fn start(
        promise: Promise,
        cycle: i32,
        target_s: i64,
        terms: &Terms,
        calendar: &Calendar,
        at: DateTime<Utc>,
    ) -> Result<Self, DeskError> {
        let mut clock = Self {
            id: ClockId(0),
            promise,
            cycle,
            policy_id: terms.policy_id,
            policy_revision: terms.policy_revision,
            priority: Some(terms.priority),
            calendar_id: calendar.id,
            calendar_revision: calendar.revision,
            target_s,
            warn_s: terms.warn_s(),
            escalate_s: terms.escalate_s(),
            state: ClockState::Running,
            consumed_s: 0,
            counted_to: at,
            warn_at: None,
            due_at: None,
            escalate_at: Vec::new(),
            level: 0,
            next_at: None,
            stopped_at: None,
        };
        clock.plan(&calendar.time, at).map_err(|_| DeskError::NeverOpen(calendar.id))?;
        Ok(clock)
    }

    /// Whether it still counts for something.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state, ClockState::Running | ClockState::Paused)
    }

    /// Whether its time was last counted by that calendar, as that was at that revision.
    pub(super) fn is_counted_by(&self, calendar: &Calendar) -> bool {
        (self.calendar_id, self.calendar_revision) == (calendar.id, calendar.revision)
    }

    /// Whether the deadline has passed. At the very instant of it the promise is still kept.
    #[must_use]
    pub fn is_overdue(&self, at: DateTime<Utc>) -> bool {
        self.due_at.is_some_and(|due| due < at)
    }

    /// Time stands still.
    pub(super) fn pause(&mut self, time: &BusinessTime, at: DateTime<Utc>) {
        self.count(time, at);
        self.state = ClockState::Paused;
        self.forget_what_is_ahead(at);
    }

    /// Time goes on, after a pause or after the promise seemed to be kept.
    pub(super) fn go_on(&mut self, calendar: &Calendar, at: DateTime<Utc>) -> Result<(), DeskError> {
        self.state = ClockState::Running;
        self.stopped_at = None;
        self.counted_to = at;
        (self.calendar_id, self.calendar_revision) = (calendar.id, calendar.revision);
        self.plan(&calendar.time, at).map_err(|_| DeskError::NeverOpen(calendar.id))
    }

    /// The promise is kept, in time or too late; or it was overdue when it was taken back.
    pub(super) fn stop(&mut self, time: &BusinessTime, at: DateTime<Utc>) {
        self.count(time, at);
        self.state = if self.is_overdue(at) { ClockState::Missed } else { ClockState::Met };
        self.stopped_at = Some(at);
        self.next_at = None;
    }

    /// Nothing is promised any more.
    pub(super) fn give_up(&mut self, time: &BusinessTime, at: DateTime<Utc>) {
        self.count(time, at);
        self.state = ClockState::Void;
        self.stopped_at = Some(at);
        self.next_at = None;
    }

    /// Other terms: what is used up stays used up. A deadline that would have passed under them before they came is now.
    pub(super) fn change_terms(
        &mut self,
        target_s: i64,
        terms: &Terms,
        calendar: &Calendar,
        at: DateTime<Utc>,
    ) -> Result<(), DeskError> {
        self.count(&calendar.time, at);
        (self.policy_id, self.policy_revision, self.priority) = (terms.policy_id, terms.policy_revision, Some(terms.priority));
        if self.escalate_s != terms.escalate_s() {
            self.escalate_at.clear();
        }
        (self.target_s, self.warn_s, self.escalate_s) = (target_s, terms.warn_s(), terms.escalate_s());
        self.plan_anew(calendar, at)
    }

    /// What was promised no more is promised again.
    pub(super) fn promise_again(
        &mut self,
        target_s: i64,
        terms: &Terms,
        calendar: &Calendar,
        at: DateTime<Utc>,
    ) -> Result<(), DeskError> {
        if self.state == ClockState::Void {
            // Nothing was due while nothing was promised: what has passed meanwhile is now.
            self.warn_at = self.warn_at.filter(|warn_at| self.level >= WARNED || *warn_at > at);
            if self.is_overdue(at) {
                self.due_at = None;
                self.escalate_at.clear();
            }
        }
        (self.state, self.stopped_at, self.counted_to) = (ClockState::Running, None, at);
        (self.calendar_id, self.calendar_revision) = (calendar.id, calendar.revision);
        self.change_terms(target_s, terms, calendar, at)
    }

    /// What is promised no more is counted on while the ticket waits for us, up to `at` by the calendar `before`: should it be promised again, it counts from where it
    /// began.
    pub(super) fn count_void(&mut self, waits_for_us: bool, before: &BusinessTime, calendar: &Calendar, at: DateTime<Utc>) {
        if self.state != ClockState::Void {
            return;
        }
        if waits_for_us {
            self.consumed_s += before.between(self.counted_to, at).num_seconds();
        }
        self.counted_to = self.counted_to.max(at);
        (self.calendar_id, self.calendar_revision) = (calendar.id, calendar.revision);
    }

    /// The calendar has changed: what is used up was counted by the one before.
    pub(super) fn change_calendar(&mut self, at: DateTime<Utc>, before: &Calendar, after: &Calendar) -> Result<(), DeskError> {
        self.count(&before.time, at);
        (self.calendar_id, self.calendar_revision) = (after.id, after.revision);
        self.plan_anew(after, at)
    }

    fn plan_anew(&mut self, calendar: &Calendar, at: DateTime<Utc>) -> Result<(), DeskError> {
        if self.state == ClockState::Running {
            return self.plan(&calendar.time, at).map_err(|_| DeskError::NeverOpen(calendar.id));
        }
        // What is ahead is worked out when time goes on.
        self.escalate_at.clear();
        if self.consumed_s > self.target_s {
            self.due_at = self.due_at.or(Some(at));
        } else {
            self.forget_what_is_ahead(at);
        }
        Ok(())
    }

    /// Adds what was worked since it was last counted.
    fn count(&mut self, time: &BusinessTime, at: DateTime<Utc>) {
        if self.state == ClockState::Running {
            self.consumed_s += time.between(self.counted_to, at).num_seconds();
        }
        self.counted_to = self.counted_to.max(at);
    }

    /// A deadline that has not passed is none while time stands still.
    fn forget_what_is_ahead(&mut self, at: DateTime<Utc>) {
        self.next_at = None;
        if !self.is_overdue(at) || self.consumed_s < self.target_s {
            (self.warn_at, self.due_at) = (None, None);
            self.escalate_at.clear();
        }
    }

    /// Works out when the rest will be used up. What is used up already keeps its moment, or has come at this one.
    fn plan(&mut self, time: &BusinessTime, at: DateTime<Utc>) -> Result<(), super::business_time::NeverOpen> {
        let (consumed_s, target_s, due_before) = (self.consumed_s, self.target_s, self.due_at);
        let moment = |mark_s: i64, known: Option<DateTime<Utc>>| {
            if mark_s <= consumed_s {
                return Ok(known.filter(|known| *known <= at).unwrap_or(at));
            }
            time.after(at, TimeDelta::seconds(mark_s - consumed_s))
        };
        let warn_mark_s = (target_s - self.warn_s).max(0);
        let due_at = moment(target_s, self.due_at)?;
        self.warn_at = Some(moment(warn_mark_s, self.warn_at)?.min(due_at));
        let known = &self.escalate_at;
        let escalate_at: Result<Vec<_>, _> = self
            .escalate_s
            .iter()
            .enumerate()
            .map(|(step, after_s)| Ok(moment(target_s + after_s, known.get(step).copied())?.max(due_at)))
            .collect();
        self.escalate_at = escalate_at?;
        self.due_at = Some(due_at);
        // What was told for an earlier deadline, and is not so any more, will be told again when it is.
        let passed = self.escalate_s.iter().filter(|after_s| target_s + **after_s <= consumed_s).count();
        let reached = match consumed_s {
            consumed if consumed >= target_s => BREACHED + Level::try_from(passed).unwrap_or(Level::MAX - BREACHED),
            consumed if consumed >= warn_mark_s => WARNED,
            _ => 0,
        };
        self.level = self.level.min(reached);
        // A warning is about one deadline: another one that is near already is warned about from now on.
        if (self.level, reached) == (WARNED, WARNED) && due_before != Some(due_at) {
            self.level = 0;
            self.warn_at = Some(at);
        }
        self.next_at = self.after_level();
        Ok(())
    }

    /// When it comes to the next level.
    fn after_level(&self) -> Option<DateTime<Utc>> {
        match self.level {
            0 => self.warn_at,
            WARNED => self.due_at,
            level => usize::try_from(level - BREACHED).ok().and_then(|step| self.escalate_at.get(step)).copied(),
        }
    }

    /// The clocks of a ticket, the latest cycle first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn of_ticket(tx: &mut PgConnection, ticket: TicketId) -> sqlx::Result<Vec<Self>> {
        let sql = format!("select {COLUMNS} from desk.sla_clocks c where c.ticket_id = $1 order by c.cycle desc, c.promise");
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(ticket).fetch_all(tx).await
    }

    /// The same of a ticket that was put away.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn of_archived(tx: &mut PgConnection, ticket: TicketId) -> sqlx::Result<Vec<Self>> {
        let sql = format!("select {COLUMNS} from archive.sla_clocks c where c.ticket_id = $1 order by c.cycle desc, c.promise");
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(ticket).fetch_all(tx).await
    }

    /// Those of a cycle of a ticket, locked: a monitor that is at them is waited for.
    pub(super) async fn lock(tx: &mut PgConnection, ticket: TicketId, cycle: i32) -> sqlx::Result<Vec<Self>> {
        let sql = format!(
            "select {COLUMNS} from desk.sla_clocks c where (c.ticket_id, c.cycle) = ($1, $2) order by c.id for no key update"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(ticket).bind(cycle).fetch_all(tx).await
    }

    /// Those of the present cycles of these tickets, locked, by ticket.
    pub(super) async fn lock_of(tx: &mut PgConnection, tickets: &[Ticket]) -> sqlx::Result<Vec<(TicketId, Self)>> {
        let sql = format!(
            "select c.ticket_id, {COLUMNS} from desk.sla_clocks c
             join unnest($1::bigint[], $2::integer[]) as t (id, cycle) on (t.id, t.cycle) = (c.ticket_id, c.cycle)
             order by c.id for no key update of c"
        );
        let (ids, cycles): (Vec<TicketId>, Vec<i32>) = tickets.iter().map(|ticket| (ticket.id, ticket.cycle)).unzip();
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(ids).bind(cycles).fetch_all(tx).await?;
        rows.iter().map(|row| Ok((row.try_get("ticket_id")?, Self::from_row(row)?))).collect()
    }

    /// Writes one that has begun, and takes the number that it is given.
    pub(super) async fn insert(&mut self, tx: &mut PgConnection, ticket: TicketId, opened_at: DateTime<Utc>) -> sqlx::Result<()> {
        self.id = sqlx::query_scalar(include_str!("sql/start_clock.sql"))
            .bind(ticket)
            .bind(opened_at)
            .bind(self.promise)
            .bind(self.cycle)
            .bind(Json(&*self))
            .fetch_one(tx)
            .await?;
        Ok(())
    }

    /// Writes what has become of them.
    pub(super) async fn save(tx: &mut PgConnection, clocks: &[Self]) -> sqlx::Result<()> {
        sqlx::query(include_str!("sql/save_clocks.sql")).bind(Json(clocks)).execute(tx).await.map(drop)
    }
}
