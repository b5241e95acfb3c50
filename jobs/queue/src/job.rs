//! What a job is: a serializable struct, a few constants of policy, and one `run`.

use std::{fmt, future::Future, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    attempt::Attempted, backoff::Backoff, batch::BatchId, context::Ctx, lane::Lane, limit::Limit, order::Order, unique::Unique,
};

/// A kind of work. The value holds the arguments; the constants are its policy, and the defaults suit most jobs.
///
/// Arguments are ids, not copies: a job reads the present state of what it works on. Their JSON Schema is published, for those who enqueue
/// from other languages.
pub trait Job: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The doors to the outside world that the job's package offers its jobs (mail, blobs, …).
    type Ports: Send + Sync + 'static;

    /// The job's name in Redis, Postgres, metrics and pages: `verb_noun`. It outlives renames of the Rust type.
    const NAME: &'static str;
    /// Where it waits.
    const QUEUE: Queue = Queue::Default;
    /// In which lane of its queue, if not the queue's own: `videos` of [`Queue::Low`] waits in `low/videos`, which has slots of its own.
    const LANE: Option<&'static str> = None;
    /// Whether an attempt may take minutes. Its lane then never borrows the idle slots of a more urgent queue, which would be gone for
    /// as long.
    const LONG: bool = false;
    /// The version of the arguments' shape; raise it when old arguments no longer decode.
    const VERSION: u16 = 1;
    /// How many attempts it has before it is dead.
    const MAX_ATTEMPTS: u32 = 10;
    /// How long one attempt may take; then it is dropped and counts as a failed attempt.
    const TIMEOUT: Duration = Duration::from_secs(60);
    /// How long to wait between attempts.
    const BACKOFF: Backoff = Backoff::DEFAULT;
    /// How long after it was due another attempt may begin: then the job is dead, whatever is left of its attempts.
    const RETRY_FOR: Option<Duration> = None;
    /// Whether one such job is wanted at a time, and what tells one from another.
    const UNIQUE: Option<Unique> = None;

    /// The limits that it counts against, over all workers: while one has no share left, the job waits without a slot.
    const LIMITS: &'static [Limit] = &[];
    /// The argument that says for whom the job is done, so that one tenant's jobs can be paused.
    const TENANT: Option<&'static str> = None;

    /// Where it waits.
    ///
    /// # Panics
    /// [`Job::LANE`] cannot name a lane: a mistake found when the catalogue is made.
    #[must_use]
    fn lane() -> Lane {
        match Self::LANE {
            None => Self::QUEUE.into(),
            Some(name) => format!("{}/{name}", Self::QUEUE).parse().unwrap_or_else(|error| panic!("{}: {error}", Self::NAME)),
        }
    }

    /// One attempt. What it returns is what became of it; see [`Attempted`].
    fn run(self, ctx: &Ctx<Self::Ports>) -> impl Future<Output = Attempted> + Send;

    /// An order of this job, for what is asked beside it. Each of [`Order`]'s methods is one of the job, too.
    fn order(self) -> Order<Self>
    where
        Self: Sized,
    {
        Order::from(self)
    }

    /// [`Order::with_id`].
    fn with_id(self, id: JobId) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().with_id(id)
    }

    /// [`Order::at`].
    fn at(self, when: DateTime<Utc>) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().at(when)
    }

    /// [`Order::after`].
    fn after(self, delay: Duration) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().after(delay)
    }

    /// [`Order::tenant`].
    fn tenant(self, tenant: impl Into<String>) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().tenant(tenant)
    }

    /// [`Order::expires_at`].
    fn expires_at(self, when: DateTime<Utc>) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().expires_at(when)
    }

    /// [`Order::expires_in`].
    fn expires_in(self, time: Duration) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().expires_in(time)
    }

    /// [`Order::in_batch`].
    fn in_batch(self, batch: BatchId) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().in_batch(batch)
    }

    /// [`Order::unique`].
    fn unique(self, unique: Unique) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().unique(unique)
    }

    /// [`Order::not_unique`].
    fn not_unique(self) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().not_unique()
    }

    /// [`Order::then`].
    fn then<K: Job>(self, next: impl Into<Order<K>>) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().then(next)
    }

    /// [`Order::on_death`].
    fn on_death<K: Job>(self, next: impl Into<Order<K>>) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().on_death(next)
    }

    /// [`Order::on_end`].
    fn on_end<K: Job>(self, next: impl Into<Order<K>>) -> Order<Self>
    where
        Self: Sized,
    {
        self.order().on_end(next)
    }
}

/// A job's identity, made before the job is enqueued (UUIDv7, RFC 9562, so ids sort by the time they were made).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct JobId(pub Uuid);

impl JobId {
    /// A new id.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Whether `text` is this id as it is printed.
    pub(crate) fn is_spelled(&self, text: &str) -> bool {
        self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text
    }
}

impl Default for JobId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The three queues, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Queue {
    /// Somebody waits for it: payments, SLA deadlines.
    Critical,
    /// Most work.
    Default,
    /// Work that may take its time: reports, videos, cleaning.
    Low,
}

impl Queue {
    /// Every queue, most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Default, Self::Low];

    /// Its name in Redis, Postgres, metrics and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Default => "default",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Queue {
    type Err = UnknownQueue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == text).ok_or_else(|| UnknownQueue(text.to_owned()))
    }
}

/// A queue name that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no queue is named {0:?}; the queues are critical, default and low")]
pub struct UnknownQueue(String);
