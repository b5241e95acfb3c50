//! A change of what is promised, and how the clocks of tickets that are open follow it.
//!
//! ```text
//! rules change ─tx─► few tickets: their clocks follow in the same transaction
//!                └─► many: a row of desk.rule_changes and the promise of follow_rule_change, which goes on in batches
//! ```
//!
//! A change that nobody follows any more, because its job died, is followed again when somebody asks for it, or superseded by the next.
//!
//! What is used up by the moment of the change stays used up, as it was counted then; what is left is counted by the new rules. Until its clocks have
//! followed, a ticket is not written about by the rules that are gone: whoever changes it has it follow first, and the monitor waits.

use std::collections::{HashMap, hash_map::Entry};

use chrono::{DateTime, NaiveDate, Utc};
use queue::{JobId, enqueue};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgConnection, types::Json};

use super::{
    actor::Actor,
    business_time::{BusinessTime, Hours},
    calendar::Calendar,
    client::Client,
    clock::Clock,
    follow_rule_change::FollowRuleChange,
    number::{CalendarId, ClientId, ContractId, RuleChangeId, TicketId},
    policy::Terms,
    rules,
    ticket::Ticket,
    ticket_clocks::follow_terms,
    trouble::DeskError,
    words::Priority,
};

/// As many tickets follow in the transaction of the change itself: a second of somebody's patience, and of the others'.
const AT_ONCE: i64 = 500;
/// As many follow in a batch of the job's.
pub(super) const BATCH: i64 = 500;

/// Whose tickets a change may touch.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    /// Those of clients with that calendar.
    pub(super) calendar: Option<CalendarId>,
    /// Those of that client.
    pub(super) client: Option<ClientId>,
    /// Those of these priorities.
    pub(super) priorities: Option<Vec<Priority>>,
}

/// What a change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// How many live tickets it touches.
    pub tickets: i64,
    /// Whether their clocks have followed; else a job has them follow.
    pub is_done: bool,
}

/// A change that clocks have yet to follow.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RuleChange {
    /// Its number.
    pub id: RuleChangeId,
    /// From when on it counts.
    pub at: DateTime<Utc>,
    calendar_id: Option<CalendarId>,
    client_id: Option<ClientId>,
    priorities: Option<Vec<String>>,
    /// How many live tickets it touches.
    pub tickets: i64,
    /// How many of them have followed.
    pub followed: i64,
    after_ticket: TicketId,
    /// Who has them follow.
    pub job_id: Option<JobId>,
    /// Whether nobody does any more: the job is dead, or was cancelled.
    pub is_stopped: bool,
}

/// A calendar as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CalendarBefore {
    id: CalendarId,
    revision: i32,
    time_zone: String,
    /// Weekday from Monday (1), and from which minute of the day to which. None: always.
    hours: Option<Vec<(u8, u16, u16)>>,
    holidays: Vec<NaiveDate>,
}

impl CalendarBefore {
    fn of(calendar: &Calendar) -> Self {
        Self {
            id: calendar.id,
            revision: calendar.revision,
            time_zone: calendar.time.zone().name().to_owned(),
            hours: calendar.time.hours().map(|hours| hours.into_iter().map(|of| (of.day(), of.opens, of.closes)).collect()),
            holidays: calendar.time.holidays().collect(),
        }
    }

    pub(super) fn read(&self) -> Result<Calendar, DeskError> {
        let bad = |reason: String| DeskError::BadCalendar { calendar: self.id, reason };
        let zone = self.time_zone.parse().map_err(|_| bad(format!("there is no time zone {}", self.time_zone)))?;
        let time = match &self.hours {
            None => BusinessTime::always(zone),
            Some(hours) => {
                let hours: Option<Vec<Hours>> =
                    hours.iter().map(|(day, opens, closes)| Hours::on(i16::from(*day), *opens, *closes)).collect();
                let hours = hours.ok_or_else(|| bad("its hours are none".to_owned()))?;
                BusinessTime::of(zone, hours, self.holidays.iter().copied()).map_err(|problem| bad(problem.to_string()))?
            }
        };
        Ok(Calendar { id: self.id, revision: self.revision, time })
    }
}

/// A job's promise stands until its end is in the ledger.
const COLUMNS: &str = "id, at, calendar_id, client_id, priorities, tickets, followed, after_ticket, job_id,
    not exists (select from faena.outbox o where o.id = job_id) as is_stopped";

/// Notes that the rules have changed in this transaction, and has the clocks follow: at once where they are few. The caller holds the rules, and has seen to it
/// that nobody follows another change. One that nobody follows any more is superseded: clocks that have not followed it go from the rules before it to those of
/// now, and so all live tickets are touched.
pub(super) async fn follow(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    reach: &Reach,
    before: Option<&Calendar>,
) -> Result<Followed, DeskError> {
    let stopped = RuleChange::under_way(tx).await?;
    let everything = Reach::default();
    let reach = if stopped.is_some() { &everything } else { reach };
    if let Some(stopped) = &stopped {
        RuleChange::finish(tx, stopped.id).await?;
    }
    let change: RuleChange = sqlx::query_as(include_str!("sql/begin_rule_change.sql"))
        .bind(at)
        .bind(actor.id())
        .bind(reach.calendar)
        .bind(reach.client)
        .bind(reach.priorities.as_ref().map(|all| all.iter().map(|one| one.as_str()).collect::<Vec<_>>()))
        .bind(before.map(|before| Json(CalendarBefore::of(before))))
        .fetch_one(&mut *tx)
        .await?;
    if let Some(stopped) = stopped {
        // Those that it had superseded itself, too.
        sqlx::query("update desk.rule_changes set superseded_by = $2 where id = $1 or superseded_by = $1")
            .bind(stopped.id)
            .bind(change.id)
            .execute(&mut *tx)
            .await?;
    }
    let tickets = change.tickets;
    let is_done = tickets <= AT_ONCE;
    if is_done {
        change.batch(tx, AT_ONCE).await?;
        RuleChange::finish(tx, change.id).await?;
    } else {
        change.promise(tx).await?;
    }
    Ok(Followed { tickets, is_done })
}

/// Has a change followed again whose job is over, from where that has got to. Whether there was one.
///
/// # Errors
/// Nothing may be kept of the transaction: the person does not lead the desk, or Postgres refuses or cannot be reached.
pub async fn follow_again(tx: &mut PgConnection, actor: &Actor) -> Result<bool, DeskError> {
    actor.must_lead()?;
    rules::hold(tx).await?;
    let Some(change) = RuleChange::under_way(tx).await?.filter(|change| change.is_stopped) else { return Ok(false) };
    change.promise(tx).await?;
    rules::note(tx, actor, "follow_rules_again", format!("rule_change:{}", change.id.0), json!({ "followed": change.followed }))
        .await?;
    Ok(true)
}

impl RuleChange {
    /// Promises that clocks follow it.
    async fn promise(&self, tx: &mut PgConnection) -> Result<(), DeskError> {
        let job = enqueue(&mut *tx, FollowRuleChange { change_id: self.id }).await.map_err(DeskError::Enqueue)?;
        sqlx::query("update desk.rule_changes set job_id = $2 where id = $1").bind(self.id).bind(job.id).execute(tx).await?;
        Ok(())
    }

    /// The calendars as they were before it, and before those that it has superseded.
    async fn calendars_before(&self, tx: &mut PgConnection) -> Result<Vec<Calendar>, DeskError> {
        let known: Vec<Json<CalendarBefore>> = sqlx::query_scalar(
            "select calendar_before from desk.rule_changes where (id = $1 or superseded_by = $1) and calendar_before is not null order by id",
        )
        .bind(self.id)
        .fetch_all(tx)
        .await?;
        known.iter().map(|before| before.read()).collect()
    }

    /// The one that clocks are following, or should.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn under_way(tx: &mut PgConnection) -> sqlx::Result<Option<Self>> {
        let sql = format!("select {COLUMNS} from desk.rule_changes where finished_at is null");
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_optional(tx).await
    }

    /// The one of that number, if clocks are following it still; nobody else has them follow meanwhile.
    pub(super) async fn take(tx: &mut PgConnection, id: RuleChangeId) -> sqlx::Result<Option<Self>> {
        let sql = format!("select {COLUMNS} from desk.rule_changes where id = $1 and finished_at is null for update");
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(tx).await
    }

    /// Has the next tickets follow, and notes how far that is. Answers how many there were.
    pub(super) async fn batch(&self, tx: &mut PgConnection, most: i64) -> Result<i64, DeskError> {
        let tickets: Vec<Ticket> = sqlx::query_as(include_str!("sql/live_tickets.sql"))
            .bind(self.calendar_id)
            .bind(self.client_id)
            .bind(&self.priorities)
            .bind(self.at)
            .bind(self.after_ticket)
            .bind(most)
            .fetch_all(&mut *tx)
            .await?;
        let Some(last) = tickets.last().map(|ticket| ticket.id) else { return Ok(0) };
        self.have_follow(tx, &tickets).await?;
        let count = i64::try_from(tickets.len()).unwrap_or(i64::MAX);
        sqlx::query("update desk.rule_changes set followed = followed + $2, after_ticket = $3 where id = $1")
            .bind(self.id)
            .bind(count)
            .bind(last)
            .execute(tx)
            .await?;
        Ok(count)
    }

    /// No clock has to follow it any more.
    pub(super) async fn finish(tx: &mut PgConnection, id: RuleChangeId) -> sqlx::Result<()> {
        // What was resolved meanwhile need not follow.
        sqlx::query(
            "update desk.rule_changes set finished_at = clock_timestamp(), followed = least(followed, tickets) where id = $1",
        )
        .bind(id)
        .execute(tx)
        .await
        .map(drop)
    }

    /// Has a ticket follow that somebody is about to change, if it has not: the ticket is locked, and its row says what is so.
    pub(super) async fn reach(&self, tx: &mut PgConnection, ticket: &Ticket) -> Result<(), DeskError> {
        let touches = ticket.status.is_live()
            && ticket.id > self.after_ticket
            && ticket.created_at <= self.at
            && self.client_id.is_none_or(|client| client == ticket.client_id)
            && self.priorities.as_ref().is_none_or(|all| all.iter().any(|one| one == ticket.priority.as_str()));
        // Of another calendar: its clocks are set by the rules that they were set by before.
        if touches { self.have_follow(tx, std::slice::from_ref(ticket)).await } else { Ok(()) }
    }

    /// Sets the clocks of live tickets by the rules of now. Set so again, they stay as they are.
    async fn have_follow(&self, tx: &mut PgConnection, tickets: &[Ticket]) -> Result<(), DeskError> {
        let before = self.calendars_before(tx).await?;
        let mut clocks: HashMap<TicketId, Vec<Clock>> = HashMap::new();
        for (ticket, clock) in Clock::lock_of(tx, tickets).await? {
            clocks.entry(ticket).or_default().push(clock);
        }
        let mut rules = Rules::default();
        let mut set = Vec::new();
        for ticket in tickets {
            let (terms, calendar) = rules.of(tx, ticket).await?;
            let mut clocks = clocks.remove(&ticket.id).unwrap_or_default();
            // Who waited for a ticket is later than whom they waited for.
            let at = self.at.max(ticket.updated_at);
            for clock in &mut clocks {
                let before = before.iter().find(|before| clock.is_counted_by(before));
                clock.count_void(ticket.status.waits_for_us(), &before.unwrap_or(calendar).time, calendar, at);
                if let Some(before) = before.filter(|_| clock.is_live()) {
                    clock.change_calendar(at, before, calendar)?;
                }
            }
            follow_terms(tx, at, ticket, &mut clocks, terms, calendar).await?;
            set.append(&mut clocks);
        }
        Clock::save(tx, &set).await?;
        Ok(())
    }
}

/// The rules as they are, each read once.
#[derive(Default)]
struct Rules {
    calendars: HashMap<ClientId, Calendar>,
    terms: HashMap<(ClientId, Priority, Option<ContractId>), Terms>,
}

impl Rules {
    async fn of(&mut self, tx: &mut PgConnection, ticket: &Ticket) -> Result<(&Terms, &Calendar), DeskError> {
        let calendar = match self.calendars.entry(ticket.client_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let client = Client::find(tx, ticket.client_id).await?;
                unknown.insert(Calendar::find(tx, client.calendar_id).await?)
            }
        };
        let terms = match self.terms.entry((ticket.client_id, ticket.priority, ticket.contract_id)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                unknown.insert(Terms::find(tx, ticket.client_id, ticket.priority, ticket.contract_id).await?)
            }
        };
        Ok((terms, calendar))
    }
}
