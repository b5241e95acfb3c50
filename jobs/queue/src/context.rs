//! What a job is given: the ports of its business, the database, and proof of its claim.

use std::{
    io,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, PgPool, Postgres, Transaction, types::Json};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::{
    attempt::{Failure, OrFailure},
    child::{Child, Children},
    clock::Clock,
    envelope::Lease,
    faults::{Sabotage, sabotaged},
    job::JobId,
    progress::Reported,
    retention::OLD,
};

/// The surroundings of one attempt. The job's ports are reached as fields of it (`ctx.mail`), the database as [`Ctx::db`].
#[derive(Debug)]
pub struct Ctx<P> {
    /// Reads, and writes that may happen twice. What must happen once goes through [`Ctx::effect`].
    pub db: PgPool,
    pub(crate) ports: Arc<P>,
    pub(crate) clock: Clock,
    pub(crate) job_id: JobId,
    pub(crate) lease: Lease,
    pub(crate) claimed_at: DateTime<Utc>,
    /// When it was promised; `None`: it was pushed directly.
    pub(crate) promised_at: Option<DateTime<Utc>>,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) cancelled: CancellationToken,
    pub(crate) reported: Arc<Reported>,
    pub(crate) children: Children,
}

impl<P> Deref for Ctx<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.ports
    }
}

impl<P> Ctx<P> {
    /// The id of the job being attempted.
    #[must_use]
    pub fn job_id(&self) -> JobId {
        self.job_id
    }

    /// When it was claimed, by Redis's clock.
    #[must_use]
    pub fn claimed_at(&self) -> DateTime<Utc> {
        self.claimed_at
    }

    /// Which attempt this is in its present round, counted from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the job is dead if this attempt fails.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        self.attempt >= self.max_attempts
    }

    /// What time it is. A job asks here and not the system, so that its tests may choose the time (see [`kit`](crate::kit)).
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Fires when somebody cancels the job or the worker must stop. A job that awaits nothing else for seconds watches it.
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// Says how far the job has got, for those who look at it while it runs: `done` of `total` (0: nobody knows of how much), and what it is
    /// doing, in 120 characters. Say it as often as you like: it is told once a second, with the lease. What would go back is not
    /// believed.
    pub fn progress(&self, done: u64, total: u64, note: &str) {
        self.reported.report(done, total, note);
    }

    /// Starts a program in a process group of its own, which ends with the attempt: see [`Child`]. A `pre_exec` that leaves the group leaves
    /// its protection.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        self.children.spawn(command, &self.cancelled)
    }

    /// Opens the transaction that is the handler's last act. Return it as [`End::Effect`](crate::End::Effect): the engine
    /// commits it. It happens once, whatever crashes, restarts and second deliveries there are.
    ///
    /// # Errors
    /// [`Failure::AlreadyDone`] when an earlier delivery committed it, [`Failure::Superseded`] when a newer delivery exists,
    /// [`Failure::Retry`] when Postgres cannot be reached. Return them with `?`.
    pub async fn effect(&self) -> Result<Effect, Failure> {
        Ok(Effect(self.claim_effect(true).await?))
    }

    /// Opens a transaction before the last one, for work that is remembered between attempts ("this letter is being sent").
    /// It may be committed by every attempt, but by none that a newer delivery has replaced.
    ///
    /// # Errors
    /// As [`Ctx::effect`].
    pub async fn step(&self) -> Result<Step, Failure> {
        Ok(Step { tx: self.claim_effect(false).await?, job_id: self.job_id })
    }

    /// How far an earlier attempt had got: what it last saved with [`Step::save_checkpoint`]. It stands in Postgres, so it outlasts the
    /// worker and a wiped Redis. From here on no step of an older delivery is committed any more, so what is read stays true.
    ///
    /// # Errors
    /// As [`Ctx::effect`]; [`Failure::Retry`] also when what was saved is no `T`.
    pub async fn checkpoint<T: DeserializeOwned + Send + Unpin + 'static>(&self) -> Result<Option<T>, Failure> {
        // Claimed before it is read: who stood still in the middle of a step would commit it after we had read, and we would take it again.
        let mut tx = self.claim_effect(false).await?;
        let saved: Option<(Option<Json<T>>,)> = sqlx::query_as("select checkpoint from faena.effects where job_id = $1")
            .bind(self.job_id)
            .fetch_optional(&mut *tx)
            .await
            .context("reading the checkpoint")?;
        tx.commit().await.context("reading the checkpoint")?;
        Ok(saved.and_then(|(checkpoint,)| checkpoint).map(|Json(checkpoint)| checkpoint))
    }

    async fn claim_effect(&self, last: bool) -> Result<Transaction<'static, Postgres>, Failure> {
        let mut tx = self.db.begin().await.context("opening a transaction")?;
        if sabotaged(Sabotage::NoFence) {
            return Ok(tx);
        }
        let claimed: Option<(bool,)> = sqlx::query_as(include_str!("sql/claim_effect.sql"))
            .bind(self.job_id)
            .bind(self.lease.epoch)
            .bind(self.lease.fence)
            .bind(last)
            .bind(self.promised_at.is_some_and(|at| self.now() - at > OLD))
            .fetch_optional(&mut *tx)
            .await
            .context("claiming the job's effect")?;
        if claimed.is_some() {
            return Ok(tx);
        }
        let held: Option<(bool, bool)> =
            sqlx::query_as("select done_at is not null, (epoch, fence) > ($2, $3) from faena.effects where job_id = $1")
                .bind(self.job_id)
                .bind(self.lease.epoch)
                .bind(self.lease.fence)
                .fetch_optional(&mut *tx)
                .await
                .context("asking who holds the job's effect")?;
        // Neither done nor a newer delivery's: the promise is gone, because the ledger has its end.
        Err(if matches!(held, Some((false, true))) { Failure::Superseded } else { Failure::AlreadyDone })
    }
}

/// The open transaction of a handler's last act. It has no `commit`: returning it is how it is committed, and dropping it rolls
/// it back. It is used as a connection: `query.execute(&mut *effect)`.
#[derive(Debug)]
#[must_use = "return the effect, or it is rolled back"]
pub struct Effect(Transaction<'static, Postgres>);

impl Effect {
    pub(crate) async fn commit(self) -> sqlx::Result<()> {
        self.0.commit().await
    }
}

impl Deref for Effect {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Effect {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// A fenced transaction in the middle of an attempt.
#[derive(Debug)]
#[must_use = "commit the step, or it is rolled back"]
pub struct Step {
    tx: Transaction<'static, Postgres>,
    job_id: JobId,
}

impl Step {
    /// Saves how far the job has got, together with what else the step writes: the next attempt reads it with [`Ctx::checkpoint`].
    ///
    /// # Errors
    /// [`Failure::Retry`] when Postgres refuses; a checkpoint may have 128 KiB.
    pub async fn save_checkpoint<T: Serialize + Sync>(&mut self, checkpoint: &T) -> Result<(), Failure> {
        sqlx::query("update faena.effects set checkpoint = $2 where job_id = $1")
            .bind(self.job_id)
            .bind(Json(checkpoint))
            .execute(&mut *self.tx)
            .await
            .map(drop)
            .context("saving the checkpoint")
    }

    /// Commits it.
    ///
    /// # Errors
    /// [`Failure::Retry`] when Postgres did not say that it did.
    pub async fn commit(self) -> Result<(), Failure> {
        self.tx.commit().await.context("committing a step")
    }
}

impl Deref for Step {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for Step {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}
