//! What an operator looks at and does: the same for the pages, the command line and an API.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use queue::{ByNameError, Enqueued, JobId, redacted, with_secrets_of};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use crate::{
    Schedule,
    calendar::Calendar,
    catalogue::SharedCatalogue,
    draft::{Draft, Mistake, Mistakes},
    row::{CREATE, EDIT, MADE, Row, lock, write},
    settle::Reason,
    watcher::lateness_allowed,
};

/// Days of the Unix epoch that Postgres counts by far: until the year 9909.
const DAYS: i64 = 2_900_000;

/// The schedules of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    db: PgPool,
    catalogue: SharedCatalogue,
}

/// Why something was not done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperationError {
    /// What was typed describes no schedule.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// There is none of that name.
    #[error("there is no schedule {0}")]
    NoSuchSchedule(String),
    /// It is one of the program's own.
    #[error("the schedule {0} is one of the program's own: it is changed in the code. It can be paused, resumed and run now")]
    OfCode(String),
    /// Somebody else was faster.
    #[error("somebody edited the schedule meanwhile: it is at version {version} now; look at it again")]
    Changed {
        /// What it is now.
        version: i32,
    },
    /// Its row cannot be read by this binary.
    #[error("the schedule {name} cannot be read: {why}")]
    Unreadable {
        /// Which.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its job cannot be enqueued.
    #[error("{}", crate::ticker::say(.0))]
    Refused(ByNameError),
    /// Postgres did not answer, or refused.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
}

/// A schedule and how it stands.
#[derive(Debug, Clone, Serialize)]
pub struct ScheduleView {
    /// Its name.
    pub name: String,
    /// `code`, or `made` at run time.
    pub source: String,
    /// Five fields.
    pub expression: String,
    /// Of the IANA database.
    pub time_zone: String,
    /// The kind of job.
    pub job: String,
    /// Its arguments as people may see them.
    pub args: Value,
    /// As in [`Draft::catch_up`].
    pub catch_up: String,
    /// Up to how many seconds later a tick's job runs.
    pub jitter_s: i64,
    /// The first tick that nobody has decided about. While it is paused: when it would have ticked.
    pub next_at: Option<DateTime<Utc>>,
    /// How late that tick is, when it is later than it may be.
    pub late_s: Option<i64>,
    /// Why the last tick's job could not be enqueued.
    pub refused: Option<String>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// By whom.
    pub paused_by: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When it was edited last.
    pub edited_at: Option<DateTime<Utc>>,
    /// By whom.
    pub edited_by: Option<String>,
    /// Rises with each edit.
    pub version: i32,
    /// What the ledger has last.
    pub last: Option<TickRecord>,
    /// How it ticks.
    #[serde(skip)]
    pub calendar: Calendar,
}

impl ScheduleView {
    /// Whether it is one of the program's own, which is edited in the code.
    #[must_use]
    pub fn is_of_code(&self) -> bool {
        self.source == crate::row::CODE
    }

    /// The next ticks from now on.
    #[must_use]
    pub fn next(&self, now: DateTime<Utc>, how_many: usize) -> Vec<DateTime<Utc>> {
        self.calendar.ticks(now).take(how_many).collect()
    }
}

/// Schedules in the order of their names.
#[derive(Debug, Serialize)]
pub struct ScheduleList {
    /// This page of them.
    pub schedules: Vec<ScheduleView>,
    /// After which name the next page begins.
    pub next: Option<String>,
}

/// A row of the ledger: a tick that fired, ticks that were missed one after the other, or a job that somebody ran now.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct TickRecord {
    /// The instant that it was expected at; of a run of missed ticks the first.
    pub tick: DateTime<Utc>,
    /// Of a run of missed ticks the last.
    pub last_tick: Option<DateTime<Utc>>,
    /// How many ticks it stands for.
    pub ticks: i64,
    /// When it fired.
    pub fired_at: Option<DateTime<Utc>>,
    /// How long after its instant that was.
    pub late_ms: Option<i64>,
    /// The job that it enqueued.
    pub job_id: Option<JobId>,
    /// With jitter: when that may run.
    pub run_at: Option<DateTime<Utc>>,
    /// Who ran it now.
    pub asked_by: Option<String>,
    /// Why it was missed: see [`Reason`].
    pub reason: Option<String>,
    /// More about that.
    pub detail: Option<String>,
    /// Another job that did what this tick's asked for: its own did not run.
    pub duplicate_of: Option<JobId>,
}

impl TickRecord {
    /// Why it was missed.
    #[must_use]
    pub fn missed(&self) -> Option<Reason> {
        self.reason.as_deref()?.parse().ok()
    }
}

/// A stretch of a ledger, the latest first.
#[derive(Debug, Serialize)]
pub struct TickList {
    /// Its rows.
    pub ticks: Vec<TickRecord>,
    /// Before which instant the next page begins.
    pub next: Option<DateTime<Utc>>,
}

impl Operations {
    /// Over a database and the jobs that schedules may name.
    #[must_use]
    pub fn new(db: PgPool, catalogue: SharedCatalogue) -> Self {
        Self { db, catalogue }
    }

    /// The jobs that a schedule may name.
    #[must_use]
    pub fn jobs(&self) -> Vec<&'static str> {
        self.catalogue.names()
    }

    /// The schedule that somebody means.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, draft: &Draft) -> Result<Schedule, Mistakes> {
        draft.check(&*self.catalogue)
    }

    /// Schedules by name, those after `after`.
    ///
    /// # Errors
    /// Postgres does not answer.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<ScheduleList, OperationError> {
        self.list_of(None, after, limit).await
    }

    /// As [`Operations::list`], of these kinds of jobs alone.
    ///
    /// # Errors
    /// Postgres does not answer.
    pub async fn list_of(
        &self,
        jobs: Option<&[String]>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ScheduleList, OperationError> {
        let limit = limit.clamp(1, 500);
        let mut rows = self.views(None, jobs, after, limit + 1).await?;
        let is_more = rows.len() > limit;
        rows.truncate(limit);
        let next = if is_more { rows.last().map(|row| row.row.name.clone()) } else { None };
        // One that cannot be read has a notice of its own; it does not hide the others.
        Ok(ScheduleList { schedules: rows.into_iter().filter_map(|row| row.view().ok()).collect(), next })
    }

    /// One schedule.
    ///
    /// # Errors
    /// There is none of that name, or Postgres does not answer.
    pub async fn get(&self, name: &str) -> Result<ScheduleView, OperationError> {
        let row = self.views(Some(name), None, None, 1).await?.pop();
        row.ok_or_else(|| OperationError::NoSuchSchedule(name.to_owned()))?.view()
    }

    /// A schedule's ledger, the latest first; those before `before`. A deleted schedule keeps its ledger.
    ///
    /// # Errors
    /// There never was one of that name, or Postgres does not answer.
    pub async fn ticks(&self, name: &str, before: Option<DateTime<Utc>>, limit: usize) -> Result<TickList, OperationError> {
        let limit = limit.clamp(1, 500);
        let mut ticks: Vec<TickRecord> = sqlx::query_as(include_str!("sql/ticks.sql"))
            .bind(storable(name))
            // Beyond what Postgres counts, every tick is before or none is.
            .bind(before.map(|before| before.clamp(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(DAYS))))
            .bind(i64::try_from(limit + 1).unwrap_or(i64::MAX))
            .fetch_all(&self.db)
            .await?;
        if ticks.is_empty() && !self.was_there(name).await? {
            return Err(OperationError::NoSuchSchedule(name.to_owned()));
        }
        let is_more = ticks.len() > limit;
        ticks.truncate(limit);
        let next = if is_more { ticks.last().map(|last| last.tick) } else { None };
        Ok(TickList { ticks, next })
    }

    /// Makes a schedule. Ticks from now on are expected of it.
    ///
    /// # Errors
    /// It is none, its name is taken, or Postgres does not answer.
    pub async fn create(&self, draft: &Draft, actor: &str) -> Result<ScheduleView, OperationError> {
        let schedule = self.check(draft)?;
        let mut tx = self.db.begin().await?;
        let now = sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *tx).await?;
        let created = write(CREATE, &schedule, MADE, now, actor).fetch_optional(&mut *tx).await?;
        if created.is_none() {
            return Err(Mistakes(vec![Mistake::NameTaken]).into());
        }
        tx.commit().await?;
        self.get(&schedule.name).await
    }

    /// Gives a schedule another definition; its name stays. With a version: only if nobody edited it since. Secrets that read `[secret]`
    /// stay what they are; what is the same already is no edit.
    ///
    /// # Errors
    /// It is none, or one of the program's own, or was edited meanwhile, or Postgres does not answer.
    pub async fn edit(
        &self,
        name: &str,
        version: Option<i32>,
        draft: &Draft,
        actor: &str,
    ) -> Result<ScheduleView, OperationError> {
        let mut tx = self.db.begin().await?;
        let row = of_operators(standing(&mut tx, name).await?)?;
        let args = with_secrets_of(row.args.as_deref().unwrap_or_default(), &draft.args);
        let schedule = self.check(&Draft { name: name.to_owned(), args, ..draft.clone() })?;
        if version.is_some_and(|version| version != row.version) {
            return Err(OperationError::Changed { version: row.version });
        }
        if row.says(&schedule) {
            return self.get(name).await;
        }
        row.give_up_undecided(&mut tx, if row.paused_at.is_some() { Reason::Paused } else { Reason::Edited }).await?;
        write(EDIT, &schedule, MADE, row.decided(), actor).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        self.get(name).await
    }

    /// Deletes a schedule. What it has enqueued stays, and so does its ledger.
    ///
    /// # Errors
    /// There is none, or it is one of the program's own, or Postgres does not answer.
    pub async fn delete(&self, name: &str, actor: &str) -> Result<(), OperationError> {
        let mut tx = self.db.begin().await?;
        let row = of_operators(standing(&mut tx, name).await?)?;
        row.give_up_undecided(&mut tx, if row.paused_at.is_some() { Reason::Paused } else { Reason::Deleted }).await?;
        mark_deleted(&mut tx, &row, actor).await?;
        Ok(tx.commit().await?)
    }

    /// Lets a schedule tick no more until it is resumed. Whether it did before.
    ///
    /// # Errors
    /// There is none, or Postgres does not answer.
    pub async fn pause(&self, name: &str, actor: &str) -> Result<bool, OperationError> {
        let mut tx = self.db.begin().await?;
        let row = standing(&mut tx, name).await?;
        if row.paused_at.is_some() {
            return Ok(false);
        }
        // What was due before is not missed because of the pause.
        row.give_up_undecided(&mut tx, Reason::Unfired).await?;
        sqlx::query("update faena.schedules set paused_at = clock_timestamp(), paused_by = $2, settled_to = $3 where name = $1")
            .bind(name)
            .bind(actor)
            .bind(row.decided())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lets a schedule tick again, from now on. Whether it was paused.
    ///
    /// # Errors
    /// There is none, or Postgres does not answer.
    pub async fn resume(&self, name: &str) -> Result<bool, OperationError> {
        let mut tx = self.db.begin().await?;
        let row = standing(&mut tx, name).await?;
        if row.paused_at.is_none() {
            return Ok(false);
        }
        let schedule = read(&row)?;
        row.give_up_undecided(&mut tx, Reason::Paused).await?;
        sqlx::query(
            "update faena.schedules set paused_at = null, paused_by = null, settled_to = $2, next_at = $3 where name = $1",
        )
        .bind(name)
        .bind(row.decided())
        .bind(schedule.calendar.next(row.decided()))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Enqueues a schedule's job at once, whether it is paused or not. Its ticks stay as they are.
    ///
    /// # Errors
    /// There is none, its job is refused, or Postgres does not answer.
    pub async fn run_now(&self, name: &str, actor: &str) -> Result<Enqueued, OperationError> {
        let mut tx = self.db.begin().await?;
        let row = standing(&mut tx, name).await?;
        let schedule = read(&row)?;
        let enqueued = self.catalogue.enqueue(&mut tx, JobId::new(), &schedule.job, &schedule.args, None).await;
        let enqueued = enqueued.map_err(OperationError::Refused)?;
        // A whole minute is the identity of a tick, which this is not.
        let is_a_minute = row.now.second() == 0 && row.now.nanosecond() < 1_000;
        sqlx::query(
            "insert into faena.schedule_ticks (schedule, tick, job_id, asked_by, duplicate_of) values ($1, $2, $3, $4, $5)",
        )
        .bind(name)
        .bind(if is_a_minute { row.now + TimeDelta::milliseconds(1) } else { row.now })
        .bind(enqueued.id)
        .bind(actor)
        .bind(enqueued.duplicate_of)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(enqueued)
    }

    async fn was_there(&self, name: &str) -> sqlx::Result<bool> {
        sqlx::query_scalar("select exists (select from faena.schedules where name = $1)")
            .bind(storable(name))
            .fetch_one(&self.db)
            .await
    }

    async fn views(
        &self,
        name: Option<&str>,
        jobs: Option<&[String]>,
        after: Option<&str>,
        limit: usize,
    ) -> sqlx::Result<Vec<ViewRow>> {
        sqlx::query_as(include_str!("sql/views.sql"))
            .bind(name.map(storable))
            .bind(after.map(storable))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(jobs)
            .fetch_all(&self.db)
            .await
    }
}

#[derive(sqlx::FromRow)]
struct ViewRow {
    #[sqlx(flatten)]
    row: Row,
    tick: Option<DateTime<Utc>>,
    last_tick: Option<DateTime<Utc>>,
    ticks: Option<i64>,
    fired_at: Option<DateTime<Utc>>,
    late_ms: Option<i64>,
    job_id: Option<JobId>,
    run_at: Option<DateTime<Utc>>,
    asked_by: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
    duplicate_of: Option<JobId>,
}

impl ViewRow {
    fn view(self) -> Result<ScheduleView, OperationError> {
        let Schedule { name, calendar, catch_up, jitter, job, args } = read(&self.row)?;
        let row = self.row;
        let late =
            row.next_at.map(|due| row.now - due).filter(|late| row.paused_at.is_none() && *late > lateness_allowed(jitter));
        let last = self.tick.zip(self.ticks).map(|(tick, ticks)| TickRecord {
            tick,
            last_tick: self.last_tick,
            ticks,
            fired_at: self.fired_at,
            late_ms: self.late_ms,
            job_id: self.job_id,
            run_at: self.run_at,
            asked_by: self.asked_by,
            reason: self.reason,
            detail: self.detail,
            duplicate_of: self.duplicate_of,
        });
        Ok(ScheduleView {
            name,
            source: row.source,
            expression: calendar.expression.as_str().to_owned(),
            time_zone: calendar.zone.name().to_owned(),
            job,
            args: readable(redacted(&args)),
            catch_up: catch_up.to_string(),
            jitter_s: row.jitter_s.into(),
            next_at: row.next_at,
            late_s: late.map(|late| late.num_seconds()),
            refused: row.refused,
            paused_at: row.paused_at,
            paused_by: row.paused_by,
            created_by: row.created_by,
            edited_at: row.edited_at,
            edited_by: row.edited_by,
            version: row.version,
            last,
            calendar,
        })
    }
}

/// What Postgres can compare with: no name has a NUL, and a text with one is no error but nobody's name.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The row of a schedule that is there, locked.
async fn standing(tx: &mut PgConnection, name: &str) -> Result<Row, OperationError> {
    let row = lock(tx, &storable(name)).await?.filter(|row| row.deleted_at.is_none());
    row.ok_or_else(|| OperationError::NoSuchSchedule(name.to_owned()))
}

fn of_operators(row: Row) -> Result<Row, OperationError> {
    if row.is_of_code() { Err(OperationError::OfCode(row.name)) } else { Ok(row) }
}

fn readable(args: String) -> Value {
    serde_json::from_str(&args).unwrap_or(Value::String(args))
}

fn read(row: &Row) -> Result<Schedule, OperationError> {
    row.schedule().map_err(|error| OperationError::Unreadable { name: row.name.clone(), why: error.to_string() })
}

pub(crate) async fn mark_deleted(tx: &mut PgConnection, row: &Row, actor: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update faena.schedules set deleted_at = clock_timestamp(), deleted_by = $2, settled_to = $3, next_at = null where name = $1",
    )
    .bind(&row.name)
    .bind(actor)
    .bind(row.decided())
    .execute(tx)
    .await
    .map(drop)
}
