//! What an operator may look at and do: the same for the pages, the command line and the tests.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

pub use crate::commands::{CommandError, CommandOutcome};
use crate::{
    heartbeat::WorkerBeat,
    lane::Lane,
    limits::Pause,
    progress::Progress,
    relay::RelayError,
    store::{Store, StoreError},
    terms::Terms,
};

/// Looks at live jobs, promises and ledger, and carries out an operator's commands. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Operations {
    pub(crate) store: Store,
    pub(crate) db: PgPool,
}

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Promised in Postgres, not yet in Redis.
    Outboxed,
    /// Waits for a slot.
    Available,
    /// A worker holds it.
    Running,
    /// Waits for its time.
    Scheduled,
    /// Waits for another attempt.
    Retryable,
    /// Waits for a share of a limit.
    Limited,
    /// Its kind or its tenant is paused.
    Paused,
    /// No worker that looked at it knows such a job; it waits for a binary that does.
    Parked,
    /// Did what it was for.
    Completed,
    /// Failed for good; an operator may enqueue it again.
    Dead,
    /// Nobody wanted it any more.
    Cancelled,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 11] = [
        Self::Outboxed,
        Self::Scheduled,
        Self::Available,
        Self::Running,
        Self::Retryable,
        Self::Limited,
        Self::Paused,
        Self::Parked,
        Self::Completed,
        Self::Cancelled,
        Self::Dead,
    ];

    /// Its name in pages, metrics and URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outboxed => "outboxed",
            Self::Available => "available",
            Self::Running => "running",
            Self::Scheduled => "scheduled",
            Self::Retryable => "retryable",
            Self::Limited => "limited",
            Self::Paused => "paused",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a job in this state is over.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Dead | Self::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A state name that is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("no state is named {0:?}")]
pub struct UnknownState(String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// Why the stores did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperationsError {
    /// Postgres did not.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// Redis did not.
    #[error(transparent)]
    Redis(#[from] StoreError),
    /// A list does not go on there.
    #[error("{0:?} is no place where this list goes on: give what the page before called `next`")]
    BadCursor(String),
    /// No worker has ever served such a lane.
    #[error("there is no lane {lane}; the lanes are {known}")]
    UnknownLane {
        /// What was asked for.
        lane: Lane,
        /// What there is.
        known: String,
    },
}

impl From<RelayError> for OperationsError {
    fn from(error: RelayError) -> Self {
        match error {
            RelayError::Postgres(error) => Self::Postgres(error),
            RelayError::Redis(error) => Self::Redis(error),
        }
    }
}

/// The whole engine at a glance.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// When it was taken, by Redis's clock.
    pub taken_at: DateTime<Utc>,
    /// One entry a lane, most urgent first.
    pub lanes: Vec<LaneOverview>,
    /// Every worker heard of lately, longest silent first.
    pub workers: Vec<WorkerBeat>,
    /// Queues, kinds of jobs and tenants that are paused.
    pub pauses: Vec<Pause>,
    /// What stands in somebody's way, oldest first.
    pub notices: Vec<Notice>,
    /// How long the oldest promise has waited for the relay.
    pub relay_lag: Option<Duration>,
    /// Events that are not yet in the ledger.
    pub unrecorded: u64,
    /// Their bytes.
    pub unrecorded_bytes: u64,
}

/// One lane at a glance. Live states are counted in Redis at one instant, ended ones in the ledger.
#[derive(Debug, Clone, Serialize)]
pub struct LaneOverview {
    /// Which.
    pub lane: Lane,
    /// See [`State::Outboxed`]; the other counts likewise.
    pub outboxed: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub scheduled: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub available: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub running: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub retryable: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub limited: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub paused: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub parked: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub completed: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub dead: u64,
    #[expect(missing_docs, reason = "see `State`")]
    pub cancelled: u64,
    /// How long the job at the head of the lane has waited for a slot.
    pub oldest_age: Option<Duration>,
    /// Who paused it.
    pub paused_by: Option<String>,
}

impl LaneOverview {
    /// How many of its jobs are in `state`.
    #[must_use]
    pub fn count(&self, state: State) -> u64 {
        match state {
            State::Outboxed => self.outboxed,
            State::Scheduled => self.scheduled,
            State::Available => self.available,
            State::Running => self.running,
            State::Retryable => self.retryable,
            State::Limited => self.limited,
            State::Paused => self.paused,
            State::Parked => self.parked,
            State::Completed => self.completed,
            State::Dead => self.dead,
            State::Cancelled => self.cancelled,
        }
    }
}

/// How the attempts of a lane went since its data in Redis began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Which lane.
    pub lane: Lane,
    /// Attempts that did what they were for.
    pub succeeded: u64,
    /// Attempts that were tried again or were the last.
    pub failed: u64,
}

/// Key of the notice that the recorder is so far behind that successes of direct pushes go unrecorded.
pub const PRESSURE: &str = "recorder";

/// Something an operator must know and nobody else would say.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Notice {
    /// What it is about, for example `smtp`.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
    /// When it was first noticed.
    pub since: DateTime<Utc>,
    /// When it was last noticed.
    pub last_at: DateTime<Utc>,
    /// How often.
    pub times: i64,
}

/// One line of a list of jobs.
#[derive(Debug, Clone, Serialize)]
pub struct JobSummary {
    /// The job's id; not always a UUID when what Redis holds is undecodable.
    pub id: String,
    /// Where it waits or waited.
    pub lane: Lane,
    /// The kind of job, or `undecodable`.
    pub name: String,
    /// Where it is in its life.
    pub state: State,
    /// Attempts begun so far, the running one included.
    pub attempts: u32,
    /// When it was enqueued.
    pub enqueued_at: Option<DateTime<Utc>>,
    /// When it is due (scheduled, retryable), was claimed (running) or ended (ended states).
    pub at: Option<DateTime<Utc>>,
    /// The worker that runs it.
    pub worker: Option<String>,
    /// Why it is dead or cancelled, or what it waits for (limited, paused).
    pub reason: Option<String>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Copy)]
pub struct JobFilter {
    /// In which state.
    pub state: State,
    /// Of which lane; `None` lists all, most urgent first (ended jobs: latest first).
    pub lane: Option<Lane>,
}

/// A page of jobs.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    /// At most as many as were asked for.
    pub jobs: Vec<JobSummary>,
    /// Where the next page begins; opaque, and `None` on the last page.
    pub next: Option<String>,
}

/// A job's whole story.
#[derive(Debug, Clone, Serialize)]
pub struct JobDetail {
    /// As in the list.
    pub summary: JobSummary,
    /// `outbox` or `redis`.
    pub durability: String,
    /// The version of its arguments' shape.
    pub version: i32,
    /// Its arguments as JSON text, or what stands for them when they are not JSON.
    pub args: String,
    /// Not before this time.
    pub run_at: Option<DateTime<Utc>>,
    /// What it asks of the engine beyond lane and time.
    pub terms: Terms,
    /// How far it has got while it runs, as it says itself.
    pub progress: Option<Progress>,
    /// In the outbox: when a relay pushed it.
    pub pushed_at: Option<DateTime<Utc>>,
    /// Whether somebody has asked to cancel the running attempt.
    pub cancel_wanted: bool,
    /// Each delivery that ended, oldest first.
    pub attempts: Vec<AttemptRecord>,
    /// What operators asked for, oldest first.
    pub commands: Vec<CommandRecord>,
}

/// One delivery of a job as the ledger has it.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct AttemptRecord {
    /// Its number; a delivery that used no attempt shares its number with the next.
    pub attempt: i32,
    /// Which life of Redis's data.
    pub epoch: i64,
    /// Which claim in that life.
    pub fence: i64,
    /// Who ran it.
    pub worker: String,
    /// When the handler began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// What it came to.
    pub outcome: String,
    /// What went wrong.
    pub error: Option<String>,
}

/// What an operator asked for.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct CommandRecord {
    /// `retry`, `cancel`, `edit` or `delete`.
    pub verb: String,
    /// Who.
    pub actor: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// When it was done; `None`: not yet.
    pub carried_out_at: Option<DateTime<Utc>>,
    /// What came of it.
    pub outcome: Option<String>,
}

impl Operations {
    /// Operations on the jobs of `store` and `db`.
    #[must_use]
    pub fn new(store: Store, db: PgPool) -> Self {
        Self { store, db }
    }
}
