//! What is old leaves the ledger, and takes along what stands beside it: attempts, the effect row, what operators asked for.
//!
//! An effect row stands between a job and its second effect, so it may go only when nothing can deliver the job again. A job that has ended
//! can come back in three ways: an operator runs it again (then its ledger row is gone and it is in the outbox), somebody promises its id anew
//! (it is in the outbox, too), or Redis still holds it, or holds it again. So a job goes
//!
//! - together with its ledger row and never before it,
//! - when Redis, asked first, neither holds it nor remembers its end,
//! - and Postgres, asked after that and under the row's lock, has it in the ledger as it was and not in the outbox.
//!
//! A Redis that was set back to an older state is what cannot be asked about. Of promises that does no harm: an attempt at one that is more
//! than a day old has an effect only while the promise stands ([`Ctx::effect`](crate::Ctx::effect)), and the promise is gone since the end was
//! written. A direct push is as durable as Redis is configured to be, and as forgetful: set Redis back by less than the ledger goes back.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::{
    job::JobId,
    operations::{Operations, OperationsError, State},
    store::MAX_BATCH,
};

/// From this age on an attempt at a promise asks whether the promise still stands. What is younger is in the ledger, which keeps nothing for
/// less than twice as long.
pub(crate) const OLD: TimeDelta = TimeDelta::days(1);

/// Ended jobs of long ago, or what is left of jobs that nobody knows any more.
#[derive(Debug)]
pub struct OldJobs {
    /// Those that Redis does not know.
    ids: Vec<JobId>,
    before: DateTime<Utc>,
    kind: Kind,
    /// How many rows were looked at: fewer than asked for at the end of the walk.
    pub looked_at: usize,
    /// The last of them, after which the walk goes on.
    pub last: Option<(DateTime<Utc>, JobId)>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Ended(State),
    Remains,
}

/// What a job that nobody knows any more may have left. With either goes the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    /// Effects.
    Effects,
    /// Attempts.
    Attempts,
}

impl Remains {
    const fn walk(self) -> &'static str {
        match self {
            Self::Effects => include_str!("sql/walk_effects.sql"),
            Self::Attempts => include_str!("sql/walk_attempts.sql"),
        }
    }
}

/// How many rows went, or would go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Removed {
    /// Rows of the ledger.
    pub jobs: i64,
    /// Deliveries.
    pub attempts: i64,
    /// Effects.
    pub effects: i64,
    /// What operators asked for.
    pub commands: i64,
}

impl Operations {
    /// The next jobs that ended so before then, oldest first.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn old_ended(
        &self,
        state: State,
        before: DateTime<Utc>,
        after: Option<(DateTime<Utc>, JobId)>,
        at_most: usize,
    ) -> Result<OldJobs, OperationsError> {
        let found: Vec<(DateTime<Utc>, JobId)> = sqlx::query_as(include_str!("sql/walk_ended.sql"))
            .bind(state.as_str())
            .bind(before)
            .bind(after.map(|(at, _)| at))
            .bind(after.map(|(_, id)| id))
            .bind(i64::try_from(at_most).unwrap_or(i64::MAX))
            .fetch_all(&self.db)
            .await?;
        let ids = self.unknown_to_redis(found.iter().map(|(_, id)| *id).collect()).await?;
        Ok(OldJobs { ids, before, kind: Kind::Ended(state), looked_at: found.len(), last: found.last().copied() })
    }

    /// The next jobs of which there are such rows, and that are neither promised nor in the ledger, in the order of their ids: direct pushes that
    /// Redis lost, or whose success went unrecorded.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn old_remains(
        &self,
        of: Remains,
        before: DateTime<Utc>,
        after: Option<JobId>,
        at_most: usize,
    ) -> Result<OldJobs, OperationsError> {
        let found: Vec<(JobId, bool)> =
            sqlx::query_as(of.walk()).bind(after).bind(i64::try_from(at_most).unwrap_or(i64::MAX)).fetch_all(&self.db).await?;
        let mut nobodys: Vec<JobId> = found.iter().filter(|(_, is_nobodys)| *is_nobodys).map(|(id, _)| *id).collect();
        // A job has one effect, and any number of attempts.
        nobodys.dedup();
        let ids = self.unknown_to_redis(nobodys).await?;
        let last = found.last().map(|(id, _)| (before, *id));
        Ok(OldJobs { ids, before, kind: Kind::Remains, looked_at: found.len(), last })
    }

    /// Of these, those that no lane holds live nor remembers as ended.
    pub(crate) async fn unknown_to_redis(&self, ids: Vec<JobId>) -> Result<Vec<JobId>, OperationsError> {
        let mut unknown: HashSet<JobId> = ids.iter().copied().collect();
        for lane in self.lanes().await? {
            for some in ids.chunks(MAX_BATCH) {
                let missing: HashSet<String> = self.store.missing(lane, some).await?.into_iter().collect();
                for id in some.iter().filter(|id| !missing.contains(&id.to_string())) {
                    unknown.remove(id);
                }
            }
        }
        Ok(ids.into_iter().filter(|id| unknown.contains(id)).collect())
    }
}

impl OldJobs {
    /// Removes them, but those that have come back to life since; a dry run only counts.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn remove(&self, tx: &mut PgConnection, dry_run: bool) -> sqlx::Result<Removed> {
        if self.ids.is_empty() {
            return Ok(Removed::default());
        }
        let query = match self.kind {
            Kind::Ended(state) => sqlx::query_as(include_str!("sql/remove_ended.sql"))
                .bind(&self.ids)
                .bind(self.before)
                .bind(dry_run)
                .bind(state.as_str()),
            Kind::Remains => {
                sqlx::query_as(include_str!("sql/remove_remains.sql")).bind(&self.ids).bind(self.before).bind(dry_run)
            }
        };
        query.fetch_one(tx).await
    }
}
