//! The two ways in: through the outbox, in the caller's transaction; or straight to Redis.

use serde_json::value::RawValue;
use sqlx::{PgConnection, types::Json};

use crate::{
    envelope::{Durability, Envelope, MAX_ARGS_BYTES},
    job::{Job, JobId, Order},
    lane::Lane,
    limit::Reckoning,
    store::{Pressure, Store, StoreError},
    terms::Terms,
};

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

impl<J: Job> Order<J> {
    fn pack(self, durability: Durability) -> Result<Parcel, EnqueueError> {
        let args = serde_json::to_string(&self.job).map_err(|source| EnqueueError::Encode { name: J::NAME, source })?;
        let args = RawValue::from_string(args).map_err(|source| EnqueueError::Encode { name: J::NAME, source })?;
        let (limits, tenant) = Reckoning::of::<J>().of_args(&args)?;
        let terms = Terms { limits, tenant, ..Terms::default() };
        let envelope = Envelope { run_at: self.run_at, terms, ..Envelope::new(self.id, J::NAME, J::VERSION, durability, args) };
        Parcel::new(J::lane(), envelope)
    }
}

impl Parcel {
    pub(crate) fn new(lane: Lane, envelope: Envelope) -> Result<Self, EnqueueError> {
        let size_bytes = envelope.args.get().len();
        if size_bytes > MAX_ARGS_BYTES {
            return Err(EnqueueError::TooLarge { name: envelope.name, size_bytes });
        }
        Ok(Self { lane, envelope })
    }

    /// Writes the outbox row and wakes a relay at commit. An id that is there already is left alone.
    pub(crate) async fn write_outbox(&self, tx: &mut PgConnection) -> Result<JobId, EnqueueError> {
        let Envelope { id, name, version, enqueued_at, run_at, attempts_before, traceparent, terms, args, .. } = &self.envelope;
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
            .execute(tx)
            .await?;
        Ok(*id)
    }
}

/// Enqueues a job in the caller's transaction: if that commits the job will run, and otherwise it never existed.
///
/// # Errors
/// The arguments are too large or do not serialize, or Postgres refuses the row.
pub async fn enqueue<J: Job>(tx: &mut PgConnection, order: impl Into<Order<J>>) -> Result<JobId, EnqueueError> {
    order.into().pack(Durability::Outbox)?.write_outbox(tx).await
}

/// Enqueues a job straight to Redis: no transaction, no promise beyond Redis's own durability. For bulk, and for work that no
/// business row asks for. An id that is live, or whose end is not yet in the ledger, is left alone.
///
/// # Errors
/// The arguments are too large or do not serialize; Redis refuses (also when the recorder is so far behind that new pushes would
/// fill Redis) or cannot be reached (then the job may or may not be there: push it again under the same id).
pub async fn push<J: Job>(store: &Store, order: impl Into<Order<J>>) -> Result<JobId, EnqueueError> {
    let parcel = order.into().pack(Durability::Redis)?;
    store.pusher.push(store, parcel.lane, &parcel.envelope).await?;
    Ok(parcel.envelope.id)
}

/// Enqueues many jobs as [`push`] does, 500 in each step.
///
/// # Errors
/// As [`push`]. Arguments are checked before anything is sent; when Redis fails half-way, the first steps' jobs are live: pushing all
/// of them again under the same ids ([`Order::with_id`]) is safe.
pub async fn push_all<J, O>(store: &Store, orders: impl IntoIterator<Item = O>) -> Result<Vec<JobId>, EnqueueError>
where
    J: Job,
    O: Into<Order<J>>,
{
    let envelopes: Vec<Envelope> = orders
        .into_iter()
        .map(|order| Ok(order.into().pack(Durability::Redis)?.envelope))
        .collect::<Result<_, EnqueueError>>()?;
    store.push(J::lane(), &envelopes, Pressure::Refuses).await?;
    Ok(envelopes.into_iter().map(|envelope| envelope.id).collect())
}
