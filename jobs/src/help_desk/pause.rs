//! When clocks of a ticket stood still, why, and how much working time that kept from them.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, types::Json};

use super::{
    actor::Actor,
    business_time::BusinessTime,
    calendar::Calendar,
    client::Client,
    number::{CalendarId, ClientId},
    rule_change::CalendarBefore,
    ticket::Ticket,
    trouble::DeskError,
    words::{PauseReason, Promise},
};

/// So many of the latest pauses are told.
pub const MOST: usize = 200;

/// A time during which clocks of a ticket stood still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// From when on.
    pub began_at: DateTime<Utc>,
    /// Until when; none: they stand still.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why.
    pub reason: PauseReason,
    /// The promises whose clocks they are.
    pub promises: Vec<Promise>,
    /// How many seconds were worked meanwhile, by the client's calendar as it was on each day; none: nobody knows any more by which.
    pub held_s: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Row {
    began_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    reason: PauseReason,
    promises: Vec<String>,
}

/// The pauses of a ticket's clocks, the latest first, at most [`MOST`]; of one that was put away too. What goes on is counted until `at`.
///
/// # Errors
/// The person does not work here, a calendar is none, or Postgres refuses or cannot be reached.
pub async fn pauses(tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, ticket: &Ticket) -> Result<Vec<Pause>, DeskError> {
    actor.must_be_agent()?;
    let rows: Vec<Row> = sqlx::query_as(include_str!("sql/pauses.sql"))
        .bind(ticket.id)
        .bind(i64::try_from(MOST).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await?;
    let Some(earliest) = rows.last().map(|row| row.began_at) else { return Ok(Vec::new()) };
    let past = Past::since(tx, ticket.client_id, earliest).await?;
    let told = rows.into_iter().map(|Row { began_at, ended_at, reason, promises }| Pause {
        began_at,
        ended_at,
        reason,
        promises: promises.iter().filter_map(|promise| promise.parse().ok()).collect(),
        held_s: past.worked_s(began_at, ended_at.unwrap_or(at)),
    });
    Ok(told.collect())
}

/// A time in which one calendar counted, until the one that comes before it in the list.
struct Era {
    /// From when on; none: from before anybody asks.
    from: Option<DateTime<Utc>>,
    time: BusinessTime,
}

/// By which calendars a client's time was counted, the latest first.
struct Past {
    eras: Vec<Era>,
    /// Before that nobody knows by which.
    known_from: Option<DateTime<Utc>>,
}

/// A change of a calendar, or of a client's choice of one.
#[derive(sqlx::FromRow)]
struct Change {
    at: DateTime<Utc>,
    calendar_id: Option<CalendarId>,
    client_id: Option<ClientId>,
    calendar_before: Json<CalendarBefore>,
}

impl Past {
    /// From the calendar of today back to the one that counted at `earliest`.
    async fn since(tx: &mut PgConnection, client: ClientId, earliest: DateTime<Utc>) -> Result<Self, DeskError> {
        let client = Client::find(tx, client).await?;
        let mut calendar = Calendar::find(tx, client.calendar_id).await?;
        let changes: Vec<Change> = sqlx::query_as(
            "select at, calendar_id, client_id, calendar_before from desk.rule_changes
             where calendar_before is not null and at > $1 and (client_id is null or client_id = $2)
             order by at desc, id desc",
        )
        .bind(earliest)
        .bind(client.id)
        .fetch_all(tx)
        .await?;
        let mut past = Self { eras: Vec::new(), known_from: None };
        for Change { at, calendar_id, client_id, calendar_before } in changes {
            let before = calendar_before.read()?;
            if client_id.is_some() || before.id == calendar.id {
                let time = std::mem::replace(&mut calendar, before).time;
                past.eras.push(Era { from: Some(at), time });
            } else if calendar_id.is_none() {
                // It superseded another one, and so does not say whose it was: perhaps this client had that calendar before.
                past.known_from = Some(at);
                break;
            }
        }
        past.eras.push(Era { from: past.known_from, time: calendar.time });
        Ok(past)
    }

    /// How many seconds were worked between two instants.
    fn worked_s(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<i64> {
        if self.known_from.is_some_and(|known_from| from < known_from) {
            return None;
        }
        let (mut worked, mut end) = (TimeDelta::zero(), to);
        for era in &self.eras {
            let begin = era.from.map_or(from, |began| began.max(from));
            worked += era.time.between(begin, end);
            end = end.min(begin);
        }
        Some(worked.num_seconds())
    }
}
