//! The two ways in: through the outbox, in the caller's transaction; or straight to Redis.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};

use crate::{
    batch::{self, BatchId},
    envelope::{Durability, Envelope, MAX_ARGS_BYTES},
    job::{Job, JobId},
    lane::Lane,
    order::Order,
    pusher::Pressure,
    store::{Store, StoreError},
    terms::{MAX_CHAIN, MAX_FOLLOW_UPS, MAX_TENANT_CHARS, MAX_TERMS_BYTES},
    unique::{self, UniqueProblem},
};

/// What came of an enqueue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The job's id.
    pub id: JobId,
    /// Another job already does what this one asks for: this one does not run, and stands in the ledger as cancelled, with that reason.
    pub duplicate_of: Option<JobId>,
}

/// Why a job was not enqueued. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueError {
    /// The arguments do not serialize.
    #[error("the arguments of {name} cannot be written as JSON: {source}")]
    Encode {
        /// The kind of job.
        name: &'static str,
        /// What serde_json says.
        source: serde_json::Error,
    },
    /// The arguments are larger than [`MAX_ARGS_BYTES`].
    #[error("the arguments of {name} have {size_bytes} bytes; {MAX_ARGS_BYTES} are allowed")]
    TooLarge {
        /// The kind of job.
        name: String,
        /// What they have.
        size_bytes: usize,
    },
    /// The argument that a limit goes by has a value too long to be counted by.
    #[error("the argument {field} has a value too long for a limit to go by: {size_bytes} bytes")]
    LongKey {
        /// The argument.
        field: &'static str,
        /// What its value has, written as a key.
        size_bytes: usize,
    },
    /// The arguments of a follow-up hold a NUL, half a character, or a number of absurd magnitude.
    #[error("the arguments of {name} hold what Postgres cannot store: a NUL, a lone surrogate or an absurd number")]
    Unstorable {
        /// The kind of job.
        name: String,
    },
    /// The tenant's name is empty, too long, or does not print.
    #[error("the tenant of {name} is not 1 to {MAX_TENANT_CHARS} printable characters")]
    Tenant {
        /// The kind of job.
        name: &'static str,
    },
    /// The job's time, or its expiry, is beyond every calendar.
    #[error("the {field} of {name} is further away than the year 9999")]
    TooFar {
        /// The kind of job.
        name: &'static str,
        /// Which: `time` or `expiry`.
        field: &'static str,
    },
    /// The job expires before it could begin: nobody can have meant that.
    #[error("{name} would never run: it may begin at {run_at} and is not worth it from {expires_at} on")]
    NeverRuns {
        /// The kind of job.
        name: &'static str,
        /// From when on it may run.
        run_at: DateTime<Utc>,
        /// From when on it is not worth an attempt.
        expires_at: DateTime<Utc>,
    },
    /// More jobs follow than [`MAX_FOLLOW_UPS`].
    #[error("{name} is followed by {count} jobs; {MAX_FOLLOW_UPS} are allowed")]
    TooManyFollowUps {
        /// The kind of job.
        name: &'static str,
        /// How many follow.
        count: usize,
    },
    /// What follows is followed, and so on, more often than [`MAX_CHAIN`] times.
    #[error("the chain behind {name} is longer than {MAX_CHAIN} jobs")]
    ChainTooLong {
        /// The kind of job.
        name: &'static str,
    },
    /// What follows, arguments included, is larger than [`MAX_TERMS_BYTES`].
    #[error("what follows {name} has {size_bytes} bytes; {MAX_TERMS_BYTES} are allowed")]
    TermsTooLarge {
        /// The kind of job.
        name: &'static str,
        /// What it has.
        size_bytes: usize,
    },
    /// The job is unique by something that tells no jobs apart.
    #[error("the field {field}, by which {name} is unique: {problem}")]
    Unique {
        /// The kind of job.
        name: &'static str,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: UniqueProblem,
    },
    /// Somebody enqueued something else under the id.
    #[error("the id {id} is another job: its name or its arguments differ")]
    IdTaken {
        /// The id.
        id: JobId,
    },
    /// What a batch is about says too little, too much, or does not print.
    #[error("what a batch is about has {chars} characters; it must have 1 to 200 that print")]
    About {
        /// What it has.
        chars: usize,
    },
    /// A job that is pushed cannot be of a batch.
    #[error("{name} is pushed directly, and so cannot be of the batch {batch}")]
    PushedInBatch {
        /// The kind of job.
        name: &'static str,
        /// Which batch.
        batch: BatchId,
    },
    /// All jobs of the batch have ended, or nobody has begun it.
    #[error("{name} cannot be of the batch {batch}, which is over or was never begun")]
    NoBatch {
        /// The kind of job.
        name: String,
        /// Which batch.
        batch: BatchId,
    },
    /// Postgres refused or could not be reached.
    #[error("writing the job to the outbox: {0}")]
    Postgres(#[from] sqlx::Error),
    /// Redis refused or could not be reached.
    #[error("pushing the job: {0}")]
    Redis(#[from] StoreError),
}

/// A job ready to be written, whatever its Rust type.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) lane: Lane,
    pub(crate) envelope: Envelope,
}

impl Parcel {
    pub(crate) fn new(lane: Lane, envelope: Envelope) -> Result<Self, EnqueueError> {
        let size_bytes = envelope.args.get().len();
        if size_bytes > MAX_ARGS_BYTES {
            return Err(EnqueueError::TooLarge { name: envelope.name, size_bytes });
        }
        Ok(Self { lane, envelope })
    }

    /// Writes the outbox row and wakes a relay at commit. An id that is there already is left alone. The duplicate of a unique job is
    /// written into the ledger instead.
    pub(crate) async fn write_outbox(&self, tx: &mut PgConnection) -> Result<Enqueued, EnqueueError> {
        let Envelope { id, name, version, enqueued_at, run_at, attempts_before, traceparent, terms, args, .. } = &self.envelope;
        if let Some(term) = &terms.unique
            && let Some(holder) = unique::take(tx, term, *id).await?
        {
            self.write_duplicate(tx, holder).await?;
            return Ok(Enqueued { id: *id, duplicate_of: Some(holder) });
        }
        sqlx::query(include_str!("sql/write_outbox.sql"))
            .bind(id)
            .bind(self.lane.as_str())
            .bind(name)
            .bind(i16::try_from(*version).unwrap_or(i16::MAX))
            .bind(args.get())
            .bind(run_at)
            .bind(i32::try_from(*attempts_before).unwrap_or(i32::MAX))
            .bind(traceparent)
            .bind(enqueued_at)
            .bind((!terms.is_default()).then_some(Json(terms)))
            .execute(&mut *tx)
            .await?;
        if let Some(batch) = terms.batch
            && !batch::join(tx, batch, &[*id]).await?
        {
            return Err(EnqueueError::NoBatch { name: name.clone(), batch });
        }
        Ok(Enqueued { id: *id, duplicate_of: None })
    }

    /// As [`Self::write_outbox`], under an id that the caller chose: what was enqueued under it before, and may be over, is left alone.
    pub(crate) async fn write_outbox_once(&self, tx: &mut PgConnection) -> Result<Enqueued, EnqueueError> {
        let Envelope { id, name, args, .. } = &self.envelope;
        let (same, duplicate_of): (Option<bool>, Option<JobId>) =
            sqlx::query_as(include_str!("sql/find_id.sql")).bind(id).bind(name).bind(args.get()).fetch_one(&mut *tx).await?;
        match same {
            None => self.write_outbox(tx).await,
            Some(true) => Ok(Enqueued { id: *id, duplicate_of }),
            Some(false) => Err(EnqueueError::IdTaken { id: *id }),
        }
    }

    /// Writes into the ledger that the job is not wanted, because another one does what it asks for.
    pub(crate) async fn write_duplicate(&self, tx: &mut PgConnection, holder: JobId) -> sqlx::Result<()> {
        let Envelope { id, name, version, enqueued_at, run_at, attempts_before, traceparent, terms, args, .. } = &self.envelope;
        sqlx::query(include_str!("sql/write_duplicate.sql"))
            .bind(id)
            .bind(self.lane.as_str())
            .bind(name)
            .bind(i32::from(*version))
            .bind(args.get())
            .bind(run_at)
            .bind(i32::try_from(*attempts_before).unwrap_or(i32::MAX))
            .bind(traceparent)
            .bind(enqueued_at)
            .bind(Json(terms))
            .bind(format!("duplicate of {holder}"))
            .execute(tx)
            .await
            .map(drop)
    }
}

/// Enqueues a job in the caller's transaction: if that commits the job will run, and otherwise it never existed. A unique job that meets
/// another one that asks for the same does not run: the answer says which.
///
/// # Errors
/// The arguments are too large or do not serialize, an option of the order is wrong, or Postgres refuses the row.
pub async fn enqueue<J: Job>(tx: &mut PgConnection, order: impl Into<Order<J>>) -> Result<Enqueued, EnqueueError> {
    let order = order.into();
    let is_id_chosen = order.is_id_chosen;
    let parcel = order.pack(Durability::Outbox)?;
    if is_id_chosen { parcel.write_outbox_once(tx).await } else { parcel.write_outbox(tx).await }
}

/// Enqueues a job straight to Redis: no transaction, no promise beyond Redis's own durability. For bulk, and for work that no
/// business row asks for. An id that is live, or whose end is not yet in the ledger, is left alone. What a unique job holds is a key in
/// Redis: jobs that are pushed and jobs that are promised do not meet each other.
///
/// # Errors
/// The arguments are too large or do not serialize, an option of the order is wrong; Redis refuses (also when the recorder is so far behind that new pushes would
/// fill Redis) or cannot be reached (then the job may or may not be there: push it again under the same id).
pub async fn push<J: Job>(store: &Store, order: impl Into<Order<J>>) -> Result<Enqueued, EnqueueError> {
    let parcel = order.into().pack(Durability::Redis)?;
    let duplicate_of = store.pusher.push(store, parcel.lane, &parcel.envelope).await?;
    Ok(Enqueued { id: parcel.envelope.id, duplicate_of })
}

/// Enqueues many jobs as [`push`] does, 500 in each step.
///
/// # Errors
/// As [`push`]. Arguments are checked before anything is sent; when Redis fails half-way, the first steps' jobs are live: pushing all
/// of them again under the same ids ([`Order::with_id`]) is safe.
pub async fn push_all<J, O>(store: &Store, orders: impl IntoIterator<Item = O>) -> Result<Vec<Enqueued>, EnqueueError>
where
    J: Job,
    O: Into<Order<J>>,
{
    let envelopes: Vec<Envelope> = orders
        .into_iter()
        .map(|order| Ok(order.into().pack(Durability::Redis)?.envelope))
        .collect::<Result<_, EnqueueError>>()?;
    let pushed = store.push(J::lane(), &envelopes, Pressure::Refuses).await?;
    let enqueued = |envelope: Envelope| Enqueued { id: envelope.id, duplicate_of: pushed.duplicates.get(&envelope.id).copied() };
    Ok(envelopes.into_iter().map(enqueued).collect())
}
