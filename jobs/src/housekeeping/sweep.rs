//! What sweeps have in common: they go through what is old part by part and batch by batch, remove a batch and count it in one transaction, and
//! leave off where they are when they must. Whatever dies in between, the next attempt goes on from the last batch, and the counts are exact.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use queue::{Attempted, Failure, JobId, OldJobs, Operations, OrFailure, Remains, Step, operations::State};
use sqlx::{FromRow, types::Json};
use tracing::info;

use crate::{
    operators::store,
    ports::{Ctx, blobs::MOST_LISTED},
    reports::clear,
};

/// A batch looks at this many rows, so that it holds no lock for long.
pub(super) const BATCH: usize = 1000;
/// Looking costs less than removing, and of remains there is seldom anything to remove.
const REMAINS_BATCH: usize = 5000;
/// Each file is a question to the store.
const FILES_BATCH: usize = 100;
/// A batch that takes longer is in somebody's way, and is tried again later.
const STATEMENT_TIMEOUT: &str = "set local statement_timeout = '10s'";
/// A sweep pauses after a batch for as long as the batch took, and no longer than this: half of the time belongs to the others.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// An attempt leaves off after this long and goes on in another, so that it keeps no slot and no deploy waiting.
const A_SPELL: Duration = Duration::from_secs(300);
const NEXT_SPELL: Duration = Duration::from_secs(1);
/// Bounds the attempt of a sweep: a spell, and the last batch of it.
pub(super) const TIMEOUT: Duration = Duration::from_secs(420);

/// One sort of things that go.
#[derive(Debug)]
pub(super) enum Part {
    /// Rows that a statement knows. Its parameters: `$1` before when they are old, `$2` and `$3` time and key of the last row that was looked
    /// at (null: from the start), `$4` how many to look at, `$5` dry run. It answers with a [`Looked`].
    Rows { what: &'static str, sql: &'static str, before: DateTime<Utc> },
    /// Files of the store, and the rows that know them. `find` has the parameters of `Rows` but the last and answers with [`Found`]; when the files are
    /// gone, `gone` changes the rows: `$1` their keys, `$2` before.
    Files { what: &'static str, find: &'static str, gone: &'static str, before: DateTime<Utc> },
    /// Files of the store that no row claims: of those with the prefix. `unclaimed` answers with those of the keys `$1` that none claims or may claim yet;
    /// what was noted so before `before` is removed.
    Unclaimed { what: &'static str, prefix: &'static str, unclaimed: &'static str, before: DateTime<Utc> },
    /// Ended jobs, with what stands beside them.
    Ended { state: State, before: DateTime<Utc> },
    /// What jobs that nobody knows any more have left.
    Remains { of: Remains, before: DateTime<Utc> },
}

/// What a batch came to.
#[derive(Debug, FromRow)]
struct Looked {
    looked_at: i64,
    last_at: Option<DateTime<Utc>>,
    last_key: Option<String>,
    gone: i64,
}

/// A file that goes.
#[derive(Debug, FromRow)]
struct Found {
    at: DateTime<Utc>,
    object_key: String,
    /// An upload in parts that was begun under the key.
    upload_id: Option<String>,
}

/// A sweep's row.
#[derive(Debug, FromRow)]
struct Run {
    began_at: DateTime<Utc>,
    part: i32,
    after_at: Option<DateTime<Utc>>,
    after_key: Option<String>,
    looked_at: i64,
    counts: Json<serde_json::Map<String, serde_json::Value>>,
}

/// Sweeps what `parts` names, which is told when the sweep began.
pub(super) async fn sweep(ctx: &Ctx, job: &'static str, dry_run: bool, parts: fn(&Ctx, DateTime<Utc>) -> Vec<Part>) -> Attempted {
    let mut run = Run::begin(ctx, job, dry_run).await?;
    let spell = Instant::now();
    let parts = parts(ctx, run.began_at);
    while let Some(part) = usize::try_from(run.part).ok().and_then(|part| parts.get(part)) {
        if ctx.cancelled().is_cancelled() {
            return Err(Failure::retry("stopped between two batches"));
        }
        if spell.elapsed() > A_SPELL {
            return Err(Failure::snooze(
                NEXT_SPELL,
                format!("{} rows were looked at; it goes on in another spell", run.looked_at),
            ));
        }
        let batch = Instant::now();
        let more = run.batch(ctx, part, dry_run).await?;
        ctx.progress(run.looked_at.unsigned_abs(), 0, part.what());
        if more {
            let pause = tokio::time::sleep(batch.elapsed().min(LONGEST_PAUSE));
            // Whoever wants it to stop is heard at the next batch.
            let _ = ctx.cancelled().run_until_cancelled(pause).await;
        }
    }
    let mut effect = ctx.effect().await?;
    sqlx::query("update core.sweeps set finished_at = clock_timestamp() where job_id = $1")
        .bind(ctx.job_id())
        .execute(&mut *effect)
        .await
        .context("noting that the sweep is over")?;
    info!(job = %ctx.job_id(), sweep = job, dry_run, looked_at = run.looked_at, counts = %serde_json::Value::from(run.counts.0), "swept");
    Ok(effect.into())
}

impl Part {
    fn what(&self) -> &'static str {
        match self {
            Self::Rows { what, .. } | Self::Files { what, .. } | Self::Unclaimed { what, .. } => what,
            Self::Ended { state, .. } => state.as_str(),
            Self::Remains { of: Remains::Effects, .. } => "effects",
            Self::Remains { of: Remains::Attempts, .. } => "attempts",
        }
    }
}

impl Run {
    /// Writes the sweep's row, or finds how far an earlier attempt has got.
    async fn begin(ctx: &Ctx, job: &'static str, dry_run: bool) -> Result<Self, Failure> {
        let mut step = ctx.step().await?;
        // Of two clocks the earlier: a worker whose clock is years ahead must not find everything old.
        let run = sqlx::query_as(
            "insert into core.sweeps as s (job_id, job, dry_run, began_at) values ($1, $2, $3, least($4, clock_timestamp()))
             on conflict (job_id) do update set part = s.part
             returning began_at, part, after_at, after_key, looked_at, counts",
        )
        .bind(ctx.job_id())
        .bind(job)
        .bind(dry_run)
        .bind(ctx.now())
        .fetch_one(&mut *step)
        .await
        .context("beginning the sweep")?;
        step.commit().await?;
        Ok(run)
    }

    /// Removes one batch and counts it; answers whether there is more of the part.
    async fn batch(&mut self, ctx: &Ctx, part: &Part, dry_run: bool) -> Result<bool, Failure> {
        let (mut step, looked, counts, size) = match part {
            Part::Rows { what, sql, before } => {
                let mut step = bounded_step(ctx).await?;
                let looked: Looked = sqlx::query_as(*sql)
                    .bind(before)
                    .bind(self.after_at)
                    .bind(&self.after_key)
                    .bind(i64::try_from(BATCH).unwrap_or(i64::MAX))
                    .bind(dry_run)
                    .fetch_one(&mut *step)
                    .await
                    .context("removing a batch")?;
                let counts = vec![((*what).to_owned(), looked.gone)];
                (step, looked, counts, BATCH)
            }
            Part::Files { what, find, gone, before } => {
                let files: Vec<Found> = sqlx::query_as(*find)
                    .bind(before)
                    .bind(self.after_at)
                    .bind(&self.after_key)
                    .bind(i64::try_from(FILES_BATCH).unwrap_or(i64::MAX))
                    .fetch_all(&ctx.db)
                    .await
                    .context("looking for old files")?;
                let (step, looked) = remove_files(ctx, &files, gone, *before, dry_run).await?;
                let counts = vec![((*what).to_owned(), looked.gone)];
                (step, looked, counts, FILES_BATCH)
            }
            Part::Unclaimed { what, prefix, unclaimed, before } => {
                let (step, looked) = self.unclaimed(ctx, prefix, unclaimed, *before, dry_run).await?;
                let counts = vec![((*what).to_owned(), looked.gone)];
                (step, looked, counts, MOST_LISTED)
            }
            Part::Ended { state, before } => {
                let after = self.after_at.zip(self.after_job());
                let old = operations(ctx)?.old_ended(*state, *before, after, BATCH).await.context("looking for old jobs")?;
                let (step, looked, counts) = remove(ctx, &old, state.as_str(), dry_run).await?;
                (step, looked, counts, BATCH)
            }
            Part::Remains { of, before } => {
                let old = operations(ctx)?.old_remains(*of, *before, self.after_job(), REMAINS_BATCH).await;
                let old = old.context("looking for what jobs have left")?;
                let (step, looked, counts) = remove(ctx, &old, "", dry_run).await?;
                (step, looked, counts, REMAINS_BATCH)
            }
        };
        let more = usize::try_from(looked.looked_at).unwrap_or(usize::MAX) >= size;
        self.advance(looked, counts, more);
        sqlx::query(
            "update core.sweeps set part = $2, after_at = $3, after_key = $4, looked_at = $5, counts = $6, batches = batches + 1 where job_id = $1",
        )
        .bind(ctx.job_id())
        .bind(self.part)
        .bind(self.after_at)
        .bind(&self.after_key)
        .bind(self.looked_at)
        .bind(&self.counts)
        .execute(&mut *step)
        .await
        .context("counting a batch")?;
        step.commit().await?;
        Ok(more)
    }

    /// Notes which of the store's next files no row claims, and removes those that it noted long ago. Who dies in between removes them once more, or finds
    /// them gone.
    async fn unclaimed(
        &self,
        ctx: &Ctx,
        prefix: &'static str,
        unclaimed: &'static str,
        before: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<(Step, Looked), Failure> {
        let Some(files) = &ctx.blobs else {
            // Where there is no store, there is nothing in it.
            return Ok((bounded_step(ctx).await?, Looked { looked_at: 0, last_at: None, last_key: None, gone: 0 }));
        };
        let listed = match files.list(prefix, self.after_key.as_deref()).await {
            Ok(listed) => listed,
            Err(trouble) => return Err(store::trouble(ctx, trouble).await),
        };
        store::answers(ctx).await?;
        let mut step = bounded_step(ctx).await?;
        let nobodys: Vec<String> =
            sqlx::query_scalar(unclaimed).bind(&listed).fetch_all(&mut *step).await.context("asking whose files are")?;
        let upto = listed.last().filter(|_| listed.len() >= MOST_LISTED);
        let noted: Vec<(String, bool)> = sqlx::query_as(include_str!("sql/mark_files.sql"))
            .bind(&nobodys)
            .bind(prefix)
            .bind(&self.after_key)
            .bind(upto)
            .bind(before)
            .bind(dry_run)
            .bind(&listed)
            .fetch_all(&mut *step)
            .await
            .context("noting files that nobody claims")?;
        let count = |len: usize| i64::try_from(len).unwrap_or(i64::MAX);
        let looked =
            Looked { looked_at: count(listed.len()), last_at: None, last_key: listed.last().cloned(), gone: count(noted.len()) };
        let old: Vec<String> = noted.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key).collect();
        if dry_run || old.is_empty() {
            return Ok((step, looked));
        }
        step.commit().await?;
        for key in &old {
            if let Err(trouble) = files.delete(key).await {
                return Err(store::trouble(ctx, trouble).await);
            }
        }
        let mut step = bounded_step(ctx).await?;
        sqlx::query("delete from core.unclaimed_files where object_key = any($1)")
            .bind(&old)
            .execute(&mut *step)
            .await
            .context("noting that files are gone")?;
        Ok((step, looked))
    }

    fn after_job(&self) -> Option<JobId> {
        self.after_key.as_deref().and_then(|key| key.parse().ok())
    }

    fn advance(&mut self, looked: Looked, counts: Vec<(String, i64)>, more: bool) {
        self.looked_at += looked.looked_at;
        for (what, gone) in counts {
            let counted = self.counts.get(&what).and_then(serde_json::Value::as_i64).unwrap_or(0);
            self.counts.insert(what, (counted + gone).into());
        }
        (self.after_at, self.after_key) = if more { (looked.last_at, looked.last_key) } else { (None, None) };
        if !more {
            self.part += 1;
        }
    }
}

async fn bounded_step(ctx: &Ctx) -> Result<Step, Failure> {
    let mut step = ctx.step().await?;
    sqlx::query(STATEMENT_TIMEOUT).execute(&mut *step).await.context("bounding a batch")?;
    Ok(step)
}

/// Removes files from the store, and then notes that they are gone: who dies in between removes them once more, which is as good.
async fn remove_files(
    ctx: &Ctx,
    files: &[Found],
    gone: &'static str,
    before: DateTime<Utc>,
    dry_run: bool,
) -> Result<(Step, Looked), Failure> {
    let count = i64::try_from(files.len()).unwrap_or(i64::MAX);
    let last = files.last();
    let mut looked = Looked {
        looked_at: count,
        last_at: last.map(|file| file.at),
        last_key: last.map(|file| file.object_key.clone()),
        gone: count,
    };
    if !dry_run && !files.is_empty() {
        let files_of = ctx.blobs.as_ref().or_dead("this worker has no store of files: see S3_ENDPOINT")?;
        for file in files {
            if let Err(trouble) = clear(files_of.as_ref(), &file.object_key, file.upload_id.as_deref()).await {
                return Err(store::trouble(ctx, trouble).await);
            }
        }
    }
    let mut step = bounded_step(ctx).await?;
    if !dry_run {
        let keys: Vec<&str> = files.iter().map(|file| file.object_key.as_str()).collect();
        let noted = sqlx::query(gone).bind(keys).bind(before).execute(&mut *step).await.context("noting that files are gone")?;
        looked.gone = i64::try_from(noted.rows_affected()).unwrap_or(i64::MAX);
    }
    Ok((step, looked))
}

/// Removes jobs of the engine's; `of` is the state they ended in.
async fn remove(ctx: &Ctx, old: &OldJobs, of: &str, dry_run: bool) -> Result<(Step, Looked, Vec<(String, i64)>), Failure> {
    let mut step = bounded_step(ctx).await?;
    let removed = old.remove(&mut step, dry_run).await.context("removing a batch of old jobs")?;
    let looked = Looked {
        looked_at: i64::try_from(old.looked_at).unwrap_or(i64::MAX),
        last_at: old.last.map(|(at, _)| at),
        last_key: old.last.map(|(_, id)| id.to_string()),
        gone: removed.jobs,
    };
    let mut counts = vec![
        ("attempts".to_owned(), removed.attempts),
        ("effects".to_owned(), removed.effects),
        ("commands".to_owned(), removed.commands),
    ];
    if !of.is_empty() {
        counts.push((of.to_owned(), removed.jobs));
    }
    Ok((step, looked, counts))
}

fn operations(ctx: &Ctx) -> Result<Operations, Failure> {
    let live = ctx.live.clone().or_dead("this worker was given no way to ask for live jobs")?;
    Ok(Operations::new(live, ctx.db.clone()))
}
