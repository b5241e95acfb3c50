//! A schedule as its row in `faena.schedules` has it, and the ledger's rows as they are written.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, postgres::PgArguments, query::QueryScalar};

use crate::{
    calendar::{Calendar, Run},
    schedule::{Schedule, job_id, read_calendar, run_at},
    settle::{CatchUp, NoCatchUp, Reason},
};

/// What a worker or an operator needs of a row to decide about it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) expression: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) job: Option<String>,
    pub(crate) args: Option<String>,
    pub(crate) catch_up: Option<String>,
    pub(crate) within_s: Option<i32>,
    pub(crate) jitter_s: i32,
    pub(crate) settled_to: DateTime<Utc>,
    pub(crate) next_at: Option<DateTime<Utc>>,
    pub(crate) refused: Option<String>,
    pub(crate) paused_at: Option<DateTime<Utc>>,
    pub(crate) paused_by: Option<String>,
    pub(crate) created_by: String,
    pub(crate) edited_at: Option<DateTime<Utc>>,
    pub(crate) edited_by: Option<String>,
    pub(crate) version: i32,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
    /// Postgres's clock, by which everybody goes.
    pub(crate) now: DateTime<Utc>,
}

/// Why a row is no schedule, to this binary.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadRow {
    #[error("{0}")]
    Calendar(#[from] crate::schedule::Unreadable),
    #[error("{0}")]
    CatchUp(#[from] NoCatchUp),
    #[error("only an older worker has written it")]
    Unwritten,
}

impl Row {
    /// The schedule that it describes.
    pub(crate) fn schedule(&self) -> Result<Schedule, BadRow> {
        let (Some(expression), Some(zone), Some(job), Some(args), Some(catch_up)) =
            (&self.expression, &self.time_zone, &self.job, &self.args, &self.catch_up)
        else {
            return Err(BadRow::Unwritten);
        };
        Ok(Schedule {
            name: self.name.clone(),
            calendar: read_calendar(expression, zone)?,
            catch_up: CatchUp::of(catch_up, self.within_s.map(seconds))?,
            jitter: seconds(self.jitter_s),
            job: job.clone(),
            args: args.clone(),
        })
    }

    pub(crate) fn is_of_code(&self) -> bool {
        self.source == CODE
    }

    /// Whether it says the same as a schedule, however its arguments are written.
    pub(crate) fn says(&self, schedule: &Schedule) -> bool {
        let value = |args: &str| serde_json::from_str::<serde_json::Value>(args).ok();
        self.schedule().is_ok_and(|mine| {
            (mine.calendar.expression.as_str(), mine.calendar.zone, mine.catch_up, mine.jitter, &mine.job, value(&mine.args))
                == (
                    schedule.calendar.expression.as_str(),
                    schedule.calendar.zone,
                    schedule.catch_up,
                    schedule.jitter,
                    &schedule.job,
                    value(&schedule.args),
                )
        })
    }

    /// Ticks that nobody has decided about yet and that now nobody will: the ledger says so.
    pub(crate) async fn give_up_undecided(&self, tx: &mut PgConnection, reason: Reason) -> sqlx::Result<()> {
        // A row that cannot be read has no ticks that could be named.
        let undecided = self.schedule().ok().and_then(|schedule| schedule.calendar.run(self.settled_to, self.now));
        match undecided {
            Some(run) => note_missed(tx, &self.name, run, reason, None).await,
            None => Ok(()),
        }
    }

    /// Up to when ticks are decided once [`Self::give_up_undecided`] has been through: never back, whatever the clock does.
    pub(crate) fn decided(&self) -> DateTime<Utc> {
        self.settled_to.max(self.now)
    }
}

pub(crate) const CODE: &str = "code";
pub(crate) const MADE: &str = "made";

pub(crate) fn seconds(number: i32) -> Duration {
    Duration::from_secs(number.max(0).unsigned_abs().into())
}

fn whole_seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

pub(crate) const CREATE: &str = include_str!("sql/create.sql");
pub(crate) const EDIT: &str = include_str!("sql/edit.sql");

/// [`CREATE`] or [`EDIT`] with what they take, for ticks after `settled_to`. Gives the version, or nothing when there is no such row.
pub(crate) fn write<'q>(
    sql: &'static str,
    schedule: &'q Schedule,
    source: &'q str,
    settled_to: DateTime<Utc>,
    actor: &'q str,
) -> QueryScalar<'q, sqlx::Postgres, i32, PgArguments> {
    let Schedule { name, calendar: Calendar { expression, zone }, catch_up, jitter, job, args } = schedule;
    sqlx::query_scalar(sql)
        .bind(name)
        .bind(source)
        .bind(expression.as_str())
        .bind(zone.name())
        .bind(job)
        .bind(args)
        .bind(catch_up.as_str())
        .bind(catch_up.within().map(whole_seconds))
        .bind(whole_seconds(*jitter))
        .bind(settled_to)
        .bind(schedule.calendar.next(settled_to))
        .bind(actor)
}

pub(crate) async fn lock(tx: &mut PgConnection, name: &str) -> sqlx::Result<Option<Row>> {
    sqlx::query_as(include_str!("sql/lock_schedule.sql")).bind(name).fetch_optional(tx).await
}

/// Writes what was missed.
pub(crate) async fn note_missed(
    db: impl PgExecutor<'_>,
    schedule: &str,
    run: Run,
    reason: Reason,
    detail: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query(include_str!("sql/note_missed.sql"))
        .bind(schedule)
        .bind(run.first)
        .bind(run.last)
        .bind(run.count.cast_signed())
        .bind(reason.as_str())
        .bind(detail)
        .execute(db)
        .await
        .map(drop)
}

/// Writes that a tick fires: whether this is the first to say so. Its job is enqueued in the same transaction.
pub(crate) async fn note_fired(db: impl PgExecutor<'_>, schedule: &Schedule, tick: DateTime<Utc>) -> sqlx::Result<bool> {
    let inserted = sqlx::query(
        "insert into faena.schedule_ticks (schedule, tick, job_id, run_at) values ($1, $2, $3, $4) on conflict do nothing",
    )
    .bind(&schedule.name)
    .bind(tick)
    .bind(job_id(&schedule.name, tick))
    .bind(run_at(&schedule.name, tick, schedule.jitter))
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
