//! Fires ticks. Every worker does: a schedule's row is locked by whoever decides about it, and a tick is a row that only one can insert.

use std::{
    slice,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use queue::{ByNameError, EnqueueError, Enqueued, Outage, bounded, clear_notice};
use sqlx::{PgConnection, PgPool};
use tracing::{info, warn};

use crate::{
    Schedule,
    catalogue::SharedCatalogue,
    register::register,
    row::{Row, note_fired, note_missed},
    schedule::{job_id, run_at},
    settle::{Reason, Settlement, settle},
    watcher::{late_key, lateness_allowed},
};

const EVERY: Duration = Duration::from_secs(1);
/// A pass decides about no more schedules than this, and a transaction about no more than that: each is a step, which has its time.
const A_PASS: usize = 500;
const A_TRANSACTION: usize = 20;
/// How long the ledger of ticks goes back, how often what is older is removed, and how much at once.
const LEDGER_DAYS: i32 = 90;
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const A_SWEEP: i64 = 500;

/// Fires what is due, each second, for as long as it is polled. An outage of Postgres delays ticks and loses none that its
/// schedule wants caught up. After a panic whoever watches it starts it again.
pub async fn tick(db: PgPool, catalogue: SharedCatalogue, schedules: Vec<Schedule>, mut outage: Outage) {
    let ticker = Ticker { db, known: catalogue.names(), catalogue };
    let (mut registered, mut swept) = (false, None::<Instant>);
    loop {
        let passed = ticker.run(&schedules, &mut registered, &mut swept, &outage).await;
        let is_more = match passed {
            Ok(is_more) => {
                outage.over();
                is_more
            }
            Err(error) => {
                outage.failed(&error);
                false
            }
        };
        if !is_more {
            tokio::time::sleep(EVERY).await;
        }
    }
}

struct Ticker {
    db: PgPool,
    catalogue: SharedCatalogue,
    known: Vec<&'static str>,
}

impl Ticker {
    /// One pass, with what comes before the first and beside some. Whether there is more.
    async fn run(
        &self,
        schedules: &[Schedule],
        registered: &mut bool,
        swept: &mut Option<Instant>,
        outage: &Outage,
    ) -> sqlx::Result<bool> {
        if !*registered {
            bounded(register(&self.db, schedules)).await?;
            outage.waits();
            *registered = true;
        }
        let is_more = self.pass(outage).await?;
        if swept.is_none_or(|at| at.elapsed() > SWEEP_EVERY) {
            bounded(self.sweep()).await?;
            *swept = Some(Instant::now());
        }
        Ok(is_more)
    }

    /// Decides about what is due. Whether there is more.
    async fn pass(&self, outage: &Outage) -> sqlx::Result<bool> {
        let look = sqlx::query_scalar(include_str!("sql/due.sql")).bind(&self.known).bind(A_PASS as i64);
        let due: Vec<String> = bounded(look.fetch_all(&self.db)).await?;
        outage.waits();
        let mut is_more = due.len() == A_PASS;
        for some in due.chunks(A_TRANSACTION) {
            match bounded(self.settle(some)).await {
                Ok(more) => is_more |= more,
                Err(error) if is_about_a_row(&error) => is_more |= self.settle_each(some, outage).await?,
                Err(error) => return Err(error),
            }
            outage.waits();
        }
        Ok(is_more)
    }

    /// One by one, so that a schedule that Postgres refuses holds up no other.
    async fn settle_each(&self, names: &[String], outage: &Outage) -> sqlx::Result<bool> {
        let mut is_more = false;
        for name in names {
            outage.waits();
            match bounded(self.settle(slice::from_ref(name))).await {
                Ok(more) => is_more |= more,
                Err(error) if is_about_a_row(&error) => warn!(schedule = name, %error, "its ticks cannot be written"),
                Err(error) => return Err(error),
            }
        }
        Ok(is_more)
    }

    /// Decides about the due ticks of some schedules, in one transaction. Whether one of them has more.
    async fn settle(&self, names: &[String]) -> sqlx::Result<bool> {
        let mut tx = self.db.begin().await?;
        let rows: Vec<Row> = sqlx::query_as(include_str!("sql/lock_due.sql")).bind(names).fetch_all(&mut *tx).await?;
        let mut settled = Vec::new();
        for row in &rows {
            match row.schedule() {
                Ok(schedule) => settled.push(self.settle_one(&mut tx, row, schedule).await?),
                Err(error) => refuse(&mut tx, row, &error.to_string()).await?,
            }
        }
        tx.commit().await?;
        settled.iter().for_each(Settled::publish);
        Ok(settled.iter().any(|settled| settled.what.next_at.is_some_and(|next| next <= settled.now)))
    }

    async fn settle_one(&self, tx: &mut PgConnection, row: &Row, schedule: Schedule) -> sqlx::Result<Settled> {
        let mut what = settle(&schedule.calendar, schedule.catch_up, row.paused_at.is_some(), row.settled_to, row.now);
        if let Some((run, reason)) = what.missed {
            note_missed(&mut *tx, &schedule.name, run, reason, None).await?;
        }
        let (mut fired, mut refused) = (Vec::new(), None);
        for tick in &what.fired {
            match self.fire(tx, &schedule, *tick).await? {
                Fired::Now => fired.push(*tick),
                Fired::Before => {}
                Fired::Refused(why) => refused = Some(why),
            }
        }
        if row.next_at.is_some_and(|due| row.now - due > lateness_allowed(schedule.jitter)) {
            clear_notice(&mut *tx, &late_key(&schedule.name)).await?;
        }
        sqlx::query("update faena.schedules set settled_to = $2, next_at = $3, refused = $4 where name = $1")
            .bind(&schedule.name)
            .bind(what.settled_to)
            .bind(what.next_at)
            .bind(if what.fired.is_empty() { &row.refused } else { &refused })
            .execute(&mut *tx)
            .await?;
        what.fired = fired;
        Ok(Settled { schedule, now: row.now, what, refused })
    }

    /// The tick's row and the promise of its job, or why there is none.
    async fn fire(&self, tx: &mut PgConnection, schedule: &Schedule, tick: DateTime<Utc>) -> sqlx::Result<Fired> {
        let Schedule { name, job, args, jitter, .. } = schedule;
        // Asked first, so that nothing was written when it is refused.
        if let Err(error) = self.catalogue.normalize(job, args) {
            let why = say(&error);
            let alone = crate::Run { first: tick, last: tick, count: 1 };
            note_missed(tx, name, alone, Reason::Refused, Some(&why)).await?;
            return Ok(Fired::Refused(why));
        }
        if !note_fired(&mut *tx, schedule, tick).await? {
            return Ok(Fired::Before);
        }
        match self.catalogue.enqueue(tx, job_id(name, tick), job, args, run_at(name, tick, *jitter)).await {
            Ok(Enqueued { duplicate_of: None, .. }) => Ok(Fired::Now),
            Ok(Enqueued { duplicate_of, .. }) => {
                sqlx::query("update faena.schedule_ticks set duplicate_of = $3 where schedule = $1 and tick = $2")
                    .bind(name)
                    .bind(tick)
                    .bind(duplicate_of)
                    .execute(tx)
                    .await?;
                Ok(Fired::Now)
            }
            Err(ByNameError::Enqueue(EnqueueError::Postgres(error))) => Err(error),
            Err(error) => Err(sqlx::Error::Encode(error.into())),
        }
    }

    async fn sweep(&self) -> sqlx::Result<()> {
        sqlx::query(include_str!("sql/sweep.sql")).bind(LEDGER_DAYS).bind(A_SWEEP).execute(&self.db).await.map(drop)
    }
}

enum Fired {
    Now,
    /// A worker of before this table decided alone.
    Before,
    Refused(String),
}

/// What was decided about a schedule, once it stands in Postgres.
struct Settled {
    schedule: Schedule,
    now: DateTime<Utc>,
    what: Settlement,
    refused: Option<String>,
}

impl Settled {
    fn publish(&self) {
        let schedule = &*self.schedule.name;
        let missed = |reason: Reason, ticks: u64| {
            metrics::counter!("faena_ticks_total", "outcome" => "missed", "reason" => reason.as_str()).increment(ticks);
        };
        if let Some((run, reason)) = self.what.missed {
            missed(reason, run.count);
            info!(schedule, first = %run.first, last = %run.last, ticks = run.count, reason = reason.as_str(), "ticks were missed");
        }
        if let Some(why) = &self.refused {
            missed(Reason::Refused, 1);
            warn!(schedule, why, "the job of a tick was refused");
        }
        for tick in &self.what.fired {
            let late = (self.now - *tick).to_std().unwrap_or_default();
            metrics::counter!("faena_ticks_total", "outcome" => "fired", "reason" => "").increment(1);
            metrics::histogram!("faena_tick_late_seconds").record(late);
            info!(schedule, %tick, job = %job_id(schedule, *tick), late_s = late.as_secs(), "ticked");
        }
    }
}

/// A row that this binary cannot read is said once and left to one that can.
async fn refuse(tx: &mut PgConnection, row: &Row, why: &str) -> sqlx::Result<()> {
    let told = sqlx::query("update faena.schedules set refused = $2 where name = $1 and refused is distinct from $2")
        .bind(&row.name)
        .bind(why)
        .execute(tx)
        .await?;
    if told.rows_affected() == 1 {
        warn!(schedule = row.name, why, "a schedule cannot be read");
    }
    Ok(())
}

/// An error with its reason, as long as the ledger has room for.
pub(crate) fn say(error: &ByNameError) -> String {
    let why = match error {
        // serde's place in the text, that nobody has before them, says less than the field.
        ByNameError::Args { source, .. } => format!("{error}: {}", without_place(&source.to_string())),
        _ => error.to_string(),
    };
    why.chars().take(2000).collect()
}

/// What serde says, without the line and the column.
fn without_place(text: &str) -> &str {
    text.split_once(" at line ").map_or(text, |(said, _)| said)
}

/// Whether Postgres has spoken about what it was given, and is not merely away.
fn is_about_a_row(error: &sqlx::Error) -> bool {
    !matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_))
}
