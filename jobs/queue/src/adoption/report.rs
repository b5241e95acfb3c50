//! What is asked of an adoption, and what it answers.

use std::time::Duration;

use redis::RedisError;
use serde::Serialize;

/// What is to be adopted, and how. Not printable: the URL may hold a password.
#[derive(Clone)]
pub struct AdoptionPlan {
    /// The Redis of the stock queue.
    pub redis_url: String,
    /// The stock queue's name; by default that is the path of a Rust type.
    pub queue: String,
    /// The kind of job of ours that its arguments are.
    pub job: String,
    /// A stock worker without a heartbeat for this long is dead, and what it has in flight are orphans.
    pub dead_after: Duration,
    /// Go on although stock workers are alive. What they have in flight stays theirs.
    pub force: bool,
    /// Change nothing, and say what would be done.
    pub dry_run: bool,
}

/// What an adoption came to, or in a dry run would come to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AdoptionReport {
    /// The stock queue.
    pub queue: String,
    /// The kind of job that its jobs are now.
    pub job: String,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What was moved, by what it waited for.
    pub adopted: Adopted,
    /// What stays in the stock queue, and why.
    pub kept: Vec<Kept>,
    /// The stock workers that are alive and have jobs in flight: those stay theirs.
    pub running: Vec<Running>,
    /// Jobs that are over: they stay where they are.
    pub done: u64,
    /// Jobs that are dead: they stay where they are.
    pub dead: u64,
    /// The stock queues of that Redis, told where nothing at all was found under the name that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known_queues: Vec<String>,
}

impl AdoptionReport {
    pub(super) fn found_nothing(&self) -> bool {
        let Self { adopted, kept, running, done, dead, .. } = self;
        adopted.total() + done + dead == 0 && kept.is_empty() && running.is_empty()
    }
}

/// How many jobs were adopted.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Adopted {
    /// They waited for a worker.
    pub pending: u64,
    /// They waited for their time.
    pub scheduled: u64,
    /// They waited for another attempt.
    pub retrying: u64,
    /// They were in flight at a worker that is dead.
    pub orphaned: u64,
    /// They had been set aside by an adoption that was interrupted.
    pub resumed: u64,
}

/// A job that stays in the stock queue.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// Its id there.
    pub id: String,
    /// What it waits for there.
    pub state: StockState,
    /// Why it was not adopted.
    pub reason: String,
}

/// A stock worker that is alive.
#[derive(Debug, Clone, Serialize)]
pub struct Running {
    /// Its name.
    pub worker: String,
    /// How many seconds ago it last showed that it lives.
    pub silent_seconds: i64,
    /// How many jobs it has in flight.
    pub in_flight: u64,
}

/// What a stock job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StockState {
    /// A worker.
    Pending,
    /// Its time.
    Scheduled,
    /// Another attempt.
    Retrying,
    /// Nothing that would ever come: its worker is dead.
    Orphaned,
    /// The end of an adoption that was interrupted.
    Aside,
}

/// Why an adoption ended early. What it has adopted is adopted; running it again goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptionError {
    /// The catalogue has no such job.
    #[error("no job is named {name:?}; the jobs are {known}. Say with --job which of them the stock queue's arguments are")]
    UnknownJob {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Somebody may be running what would be moved.
    #[error("stock workers of {queue} are alive: {workers}. Stop them first and wait until they count as dead, or use --force")]
    Alive {
        /// The stock queue.
        queue: String,
        /// Their names, and when they were last heard of.
        workers: String,
    },
    /// The stock queue's Redis refused or could not be reached.
    #[error("the stock queue's Redis: {0}")]
    Redis(#[from] RedisError),
    /// Postgres refused or could not be reached.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
}

impl Adopted {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { pending, scheduled, retrying, orphaned, resumed } = self;
        pending + scheduled + retrying + orphaned + resumed
    }

    pub(super) fn count(&mut self, state: StockState) {
        *match state {
            StockState::Pending => &mut self.pending,
            StockState::Scheduled => &mut self.scheduled,
            StockState::Retrying => &mut self.retrying,
            StockState::Orphaned => &mut self.orphaned,
            StockState::Aside => &mut self.resumed,
        } += 1;
    }
}

impl StockState {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::Retrying => "retrying",
            Self::Orphaned => "orphaned",
            Self::Aside => "aside",
        }
    }
}
