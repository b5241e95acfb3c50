//! Batches: jobs whose common end something follows. They live in Postgres alone, so that a wiped Redis costs none of it.
//!
//! Whoever writes the end of a job notes it beside the batch's other jobs, and waits for nobody: whether the batch is over is looked at apart from
//! that, by one worker at a time.

use std::{collections::BTreeMap, fmt, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool, types::Json};
use tracing::error;
use uuid::Uuid;

use crate::{
    clock,
    ends::promise,
    enqueue::{EnqueueError, Parcel},
    envelope::Durability,
    faults::crash_point,
    job::{Job, JobId},
    loops::{Outage, bounded},
    operations::{Operations, OperationsError},
    order::{Order, check_terms},
    terms::{FollowUp, On, Terms},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What a batch is about may have this many characters.
const MAX_ABOUT_CHARS: usize = 200;

/// The name of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct BatchId(pub Uuid);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A batch before it is begun: what it is about, and what follows it.
///
/// ```no_run
/// # use queue::{Attempted, Batch, Ctx, End, EnqueueError, Job};
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)] struct Letter { user: i64 }
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)] struct Report {}
/// # impl Job for Letter { type Ports = (); const NAME: &'static str = "letter";
/// #     async fn run(self, _ctx: &Ctx<()>) -> Attempted { Ok(End::Done) } }
/// # impl Job for Report { type Ports = (); const NAME: &'static str = "report";
/// #     async fn run(self, _ctx: &Ctx<()>) -> Attempted { Ok(End::Done) } }
/// # async fn write(tx: &mut sqlx::PgConnection) -> Result<(), EnqueueError> {
/// let batch = Batch::about("letters of the week").on_end(Report {}).begin(tx).await?;
/// for user in 1..=1000 {
///     queue::enqueue(tx, Letter { user }.in_batch(batch)).await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Batch {
    about: String,
    follow_ups: Vec<Result<FollowUp, EnqueueError>>,
}

impl Batch {
    /// A batch of which people read this, in 1 to 200 characters.
    #[must_use]
    pub fn about(what: impl Into<String>) -> Self {
        Self { about: what.into(), follow_ups: Vec::new() }
    }

    /// When all of its jobs have completed, `next` is enqueued, once. Where some died, that is when an operator has run them again to a better end.
    #[must_use]
    pub fn then<K: Job>(self, next: impl Into<Order<K>>) -> Self {
        self.followed(On::Success, next.into())
    }

    /// When the first of its jobs is dead, `next` is enqueued, once.
    #[must_use]
    pub fn on_death<K: Job>(self, next: impl Into<Order<K>>) -> Self {
        self.followed(On::Death, next.into())
    }

    /// When all of its jobs have ended, however that was, `next` is enqueued, once.
    #[must_use]
    pub fn on_end<K: Job>(self, next: impl Into<Order<K>>) -> Self {
        self.followed(On::End, next.into())
    }

    fn followed<K: Job>(mut self, on: On, next: Order<K>) -> Self {
        self.follow_ups.push(next.erase(on));
        self
    }

    /// Begins it in the caller's transaction. Its jobs join it there, or while others of it have not ended, as when one of them enqueues more.
    /// One without jobs is never over, and swept when it is old.
    ///
    /// # Errors
    /// What it is about is empty or too long, something that follows is wrong, or Postgres refuses the row.
    pub async fn begin(self, tx: &mut PgConnection) -> Result<BatchId, EnqueueError> {
        let name = "batch";
        let chars = self.about.chars().count();
        if !(1..=MAX_ABOUT_CHARS).contains(&chars) || self.about.contains(char::is_control) {
            return Err(EnqueueError::About { chars });
        }
        let follow_ups = self.follow_ups.into_iter().collect::<Result<Vec<_>, _>>()?;
        let terms = Terms { follow_ups, ..Terms::default() };
        check_terms(name, &terms)?;
        let id = BatchId(Uuid::now_v7());
        sqlx::query("insert into faena.batches (id, about, follow_ups) values ($1, $2, $3)")
            .bind(id)
            .bind(&self.about)
            .bind(Json(&terms.follow_ups))
            .execute(tx)
            .await?;
        Ok(id)
    }
}

/// Jobs join a batch that is not over. Answers whether it took them: until this transaction ends it is not over.
pub(crate) async fn join(tx: &mut PgConnection, batch: BatchId, jobs: &[JobId]) -> sqlx::Result<bool> {
    // Locked in a statement of its own: what was committed while it waited is seen by it.
    let open = sqlx::query("select from faena.batches where id = $1 and ended_at is null for share").bind(batch);
    if open.fetch_optional(&mut *tx).await?.is_none() {
        return Ok(false);
    }
    sqlx::query(
        "insert into faena.batch_jobs (job_id, batch_id) select id, $2 from unnest($1::uuid[]) id on conflict do nothing",
    )
    .bind(jobs)
    .bind(batch)
    .execute(tx)
    .await?;
    Ok(true)
}

/// Notes how jobs of batches have ended.
pub(crate) async fn note_ends(tx: &mut PgConnection, jobs: &[JobId], states: &[String]) -> sqlx::Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update faena.batch_jobs b set state = t.state from unnest($1::uuid[], $2::text[]) t (id, state) where b.job_id = t.id",
    )
    .bind(jobs)
    .bind(states)
    .execute(tx)
    .await
    .map(drop)
}

/// A job is promised anew: if it is of a batch, that is not over any more. Whatever stands in the batch's row: who looks just now whether it is over does not see
/// this yet, and ends it; this waits for that, and holds.
pub(crate) async fn reopen(tx: &mut PgConnection, job: JobId) -> sqlx::Result<()> {
    sqlx::query(
        "with again as (update faena.batch_jobs set state = null where job_id = $1 returning batch_id)
         update faena.batches b set ended_at = null from again where b.id = again.batch_id",
    )
    .bind(job)
    .execute(tx)
    .await
    .map(drop)
}

/// Looks for batches that are over, until halted.
pub(crate) async fn end_batches(db: PgPool, mut outage: Outage) {
    loop {
        match bounded(end_some(&db)).await {
            Ok(()) => outage.over(),
            Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Due {
    id: BatchId,
    follow_ups: Json<Vec<FollowUp>>,
    /// Whether that end has come and was not followed yet.
    death: bool,
    end: bool,
    success: bool,
}

async fn end_some(db: &PgPool) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    // Locked first: what is asked of it then sees every job that has joined.
    let open: Vec<BatchId> = sqlx::query_scalar(include_str!("sql/batches_to_end.sql")).fetch_all(&mut *tx).await?;
    if open.is_empty() {
        return Ok(());
    }
    let due: Vec<Due> = sqlx::query_as(include_str!("sql/end_batches.sql")).bind(&open).fetch_all(&mut *tx).await?;
    let now = clock::now();
    let mut follow_ups: BTreeMap<JobId, Parcel> = BTreeMap::new();
    for Due { id: batch, follow_ups: Json(nexts), death, end, success } in due {
        for next in nexts {
            let is_due = match next.on {
                On::Death => death,
                On::End => end,
                On::Success => success,
            };
            let id = next.id;
            match next.into_parcel(Durability::Outbox, now, now) {
                Ok(parcel) if is_due => _ = follow_ups.insert(id, parcel),
                Ok(_) => {}
                Err(why) => error!(%batch, follow_up = %id, %why, "what was to follow the batch cannot be enqueued"),
            }
        }
    }
    if !follow_ups.is_empty() {
        promise(&mut tx, follow_ups).await?;
    }
    crash_point("batch.ended");
    tx.commit().await
}

/// A batch at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct BatchOverview {
    /// Its name.
    pub id: BatchId,
    /// What it is about.
    pub about: String,
    /// When it was begun.
    pub begun_at: DateTime<Utc>,
    /// When all of its jobs had ended; `None`: they have not.
    pub ended_at: Option<DateTime<Utc>>,
    /// Jobs that have not ended.
    pub open: i64,
    #[expect(missing_docs, reason = "see `State`")]
    pub completed: i64,
    #[expect(missing_docs, reason = "see `State`")]
    pub dead: i64,
    #[expect(missing_docs, reason = "see `State`")]
    pub cancelled: i64,
}

impl Operations {
    /// Batches, the latest first, from behind one of them on.
    ///
    /// # Errors
    /// Postgres did not answer.
    pub async fn batches(&self, after: Option<BatchId>, limit: usize) -> Result<Vec<BatchOverview>, OperationsError> {
        let limit = i64::try_from(limit.clamp(1, 200)).unwrap_or(200);
        let listed = sqlx::query_as(include_str!("sql/list_batches.sql")).bind(after).bind(limit).bind(None::<BatchId>);
        Ok(listed.fetch_all(&self.db).await?)
    }

    /// One batch; `None`: there is none of that name.
    ///
    /// # Errors
    /// Postgres did not answer.
    pub async fn batch(&self, id: BatchId) -> Result<Option<BatchOverview>, OperationsError> {
        let found = sqlx::query_as(include_str!("sql/list_batches.sql")).bind(None::<BatchId>).bind(1_i64).bind(Some(id));
        Ok(found.fetch_optional(&self.db).await?)
    }
}
