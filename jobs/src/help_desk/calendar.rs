//! Calendars as they are kept, and what a change of one does to the deadlines that were counted by it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::json;
use sqlx::PgConnection;

use super::{
    actor::Actor,
    business_time::{BusinessTime, Hours},
    number::CalendarId,
    rule_change::{Followed, Reach, follow},
    rules,
    trouble::DeskError,
};

/// A calendar as it is at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Which.
    pub id: CalendarId,
    /// Rises with each change.
    pub revision: i32,
    /// When somebody is at work.
    pub time: BusinessTime,
}

/// A calendar as somebody has looked at it who now changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenCalendar {
    /// Which calendar.
    pub calendar: CalendarId,
    /// At which revision.
    pub revision: i32,
}

/// What a calendar should say.
#[derive(Debug, Clone)]
pub struct Plan {
    /// By which clock.
    pub zone: Tz,
    /// Day and night, holidays too: the hours do not count, and are kept.
    pub is_always_open: bool,
    /// The hours of a week.
    pub hours: Vec<Hours>,
    /// Days without any, and what they are called.
    pub holidays: Vec<(NaiveDate, String)>,
}

impl Plan {
    fn time(&self) -> Result<BusinessTime, DeskError> {
        let by_hours = BusinessTime::of(self.zone, self.hours.iter().copied(), self.holidays.iter().map(|(day, _)| *day))?;
        Ok(if self.is_always_open { BusinessTime::always(self.zone) } else { by_hours })
    }
}

/// The hours as arrays, as a statement takes them.
fn columns(hours: &[Hours]) -> [Vec<i16>; 3] {
    // Hours that were judged are minutes of a day.
    let minute = |minute: u16| i16::try_from(minute).unwrap_or(i16::MAX);
    [
        hours.iter().map(|hours| i16::try_from(hours.weekday.number_from_monday()).unwrap_or_default()).collect(),
        hours.iter().map(|hours| minute(hours.opens)).collect(),
        hours.iter().map(|hours| minute(hours.closes)).collect(),
    ]
}

impl Calendar {
    /// As it is now.
    #[must_use]
    pub fn seen(&self) -> SeenCalendar {
        SeenCalendar { calendar: self.id, revision: self.revision }
    }

    /// The calendar of that number.
    ///
    /// # Errors
    /// There is none; its zone is none; or Postgres refuses or cannot be reached.
    pub async fn find(tx: &mut PgConnection, id: CalendarId) -> Result<Self, DeskError> {
        let (zone, is_always_open, revision): (String, bool, i32) =
            sqlx::query_as("select time_zone, is_always_open, revision from desk.calendars where id = $1")
                .bind(id)
                .fetch_optional(&mut *tx)
                .await?
                .ok_or(DeskError::NoSuchCalendar)?;
        let bad = |reason: String| DeskError::BadCalendar { calendar: id, reason };
        let zone: Tz = zone.parse().map_err(|_| bad(format!("there is no time zone {zone}")))?;
        if is_always_open {
            return Ok(Self { id, revision, time: BusinessTime::always(zone) });
        }
        let hours = Self::hours(&mut *tx, id).await?;
        let holidays: Vec<NaiveDate> = sqlx::query_scalar("select day from desk.calendar_holidays where calendar_id = $1")
            .bind(id)
            .fetch_all(&mut *tx)
            .await?;
        let time = BusinessTime::of(zone, hours, holidays).map_err(|problem| bad(problem.to_string()))?;
        Ok(Self { id, revision, time })
    }

    /// The hours of a week that the calendar of that number has, in order, whether or not they count.
    ///
    /// # Errors
    /// They are none, or Postgres refuses or cannot be reached.
    pub async fn hours(tx: &mut PgConnection, id: CalendarId) -> Result<Vec<Hours>, DeskError> {
        let rows: Vec<(i16, i16, i16)> = sqlx::query_as(
            "select weekday, opens_minute, closes_minute from desk.calendar_hours where calendar_id = $1 order by weekday, opens_minute",
        )
        .bind(id)
        .fetch_all(tx)
        .await?;
        let hours = rows
            .into_iter()
            .map(|(weekday, opens, closes)| Hours::on(weekday, u16::try_from(opens).ok()?, u16::try_from(closes).ok()?));
        let hours: Option<Vec<Hours>> = hours.collect();
        hours.ok_or_else(|| DeskError::BadCalendar { calendar: id, reason: "its hours are none".to_owned() })
    }

    /// Makes one.
    ///
    /// # Errors
    /// Who asks does not lead the desk, its hours are none, nobody would be at work for a year, the name is taken, or Postgres refuses or cannot be
    /// reached.
    pub async fn make(
        tx: &mut PgConnection,
        at: DateTime<Utc>,
        actor: &Actor,
        name: &str,
        plan: &Plan,
    ) -> Result<CalendarId, DeskError> {
        actor.must_lead()?;
        must_open(&plan.time()?, at)?;
        let id: CalendarId =
            sqlx::query_scalar("insert into desk.calendars (name, time_zone, is_always_open) values ($1, $2, $3) returning id")
                .bind(name)
                .bind(plan.zone.name())
                .bind(plan.is_always_open)
                .fetch_one(&mut *tx)
                .await
                .map_err(refusal)?;
        write_days(tx, id, plan).await?;
        rules::note(tx, actor, "make_calendar", format!("calendar:{id}"), json!({ "name": name })).await?;
        Ok(id)
    }

    /// Changes one, if it is as it was seen, and with it every deadline that was counted by it: what is used up by now stays used up, what is left is
    /// counted by the new hours. Where many tickets are open their clocks follow in batches.
    ///
    /// # Errors
    /// Nothing may be kept of the transaction: who asks does not lead the desk, there is no such calendar, somebody has changed it
    /// ([`DeskError::RulesChanged`]), another change is being followed, its hours are none, nobody would be at work for a year, the name is taken, or
    /// Postgres refuses or cannot be reached.
    pub async fn change(
        tx: &mut PgConnection,
        at: DateTime<Utc>,
        actor: &Actor,
        seen: SeenCalendar,
        name: &str,
        plan: &Plan,
    ) -> Result<Followed, DeskError> {
        actor.must_lead()?;
        let at = rules::begin_change(tx, at).await?;
        let before = Self::find(tx, seen.calendar).await?;
        if before.revision != seen.revision {
            return Err(DeskError::RulesChanged);
        }
        let after = Self { id: before.id, revision: before.revision + 1, time: plan.time()? };
        must_open(&after.time, at)?;
        sqlx::query("update desk.calendars set time_zone = $2, is_always_open = $3, revision = $4, name = $5 where id = $1")
            .bind(before.id)
            .bind(plan.zone.name())
            .bind(plan.is_always_open)
            .bind(after.revision)
            .bind(name)
            .execute(&mut *tx)
            .await
            .map_err(refusal)?;
        for table in ["hours", "holidays"] {
            let delete = format!("delete from desk.calendar_{table} where calendar_id = $1");
            sqlx::query(sqlx::AssertSqlSafe(delete)).bind(before.id).execute(&mut *tx).await?;
        }
        write_days(tx, before.id, plan).await?;
        let reach = Reach { calendar: Some(before.id), ..Reach::default() };
        let followed = follow(tx, at, actor, &reach, Some(&before)).await?;
        let detail = json!({ "name": name, "revision": after.revision, "tickets": followed.tickets });
        rules::note(tx, actor, "change_calendar", format!("calendar:{}", before.id), detail).await?;
        Ok(followed)
    }
}

/// Refuses a calendar by which some deadline could not be counted: from now on, and after each holiday, somebody is at work within a year.
fn must_open(time: &BusinessTime, at: DateTime<Utc>) -> Result<(), DeskError> {
    let after_holidays =
        time.holidays().filter_map(|day| day.succ_opt()?.and_hms_opt(0, 0, 0)).map(|midnight| midnight.and_utc());
    for from in std::iter::once(at).chain(after_holidays.filter(|midnight| *midnight > at)) {
        time.after(from, TimeDelta::minutes(1)).map_err(|_| DeskError::NoOpenHour)?;
    }
    Ok(())
}

/// What the tables refuse, by its name.
fn refusal(error: sqlx::Error) -> DeskError {
    match error.as_database_error().and_then(|error| error.constraint()) {
        Some("calendars_name_key") => DeskError::NameTaken,
        _ => error.into(),
    }
}

async fn write_days(tx: &mut PgConnection, id: CalendarId, plan: &Plan) -> sqlx::Result<()> {
    let [weekdays, opens, closes] = columns(&plan.hours);
    sqlx::query(
        "insert into desk.calendar_hours (calendar_id, weekday, opens_minute, closes_minute)
         select $1, * from unnest($2::smallint[], $3::smallint[], $4::smallint[])",
    )
    .bind(id)
    .bind(weekdays)
    .bind(opens)
    .bind(closes)
    .execute(&mut *tx)
    .await?;
    let (days, names): (Vec<NaiveDate>, Vec<&str>) = plan.holidays.iter().map(|(day, name)| (*day, name.as_str())).unzip();
    sqlx::query("insert into desk.calendar_holidays (calendar_id, day, name) select $1, * from unnest($2::date[], $3::text[])")
        .bind(id)
        .bind(days)
        .bind(names)
        .execute(tx)
        .await
        .map(drop)
}
