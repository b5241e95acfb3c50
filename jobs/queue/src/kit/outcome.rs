//! What attempts come to, as tests see it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{event, job::JobId, perform::Decision};

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The job did what it was for; its effect is committed.
    Completed,
    /// It failed and is tried again after `delay`.
    Retry {
        /// What went wrong, with its causes.
        error: String,
        /// How long it waits.
        delay: Duration,
    },
    /// It was told to wait for `delay`, and no attempt was used.
    Throttled {
        /// By whom, or for what.
        reason: String,
        /// How long it waits.
        delay: Duration,
    },
    /// The registry has no such job, or only an older version of it.
    Parked {
        /// What is missing.
        reason: String,
    },
    /// It failed for good.
    Dead {
        /// Why, for a person to act on.
        reason: String,
    },
    /// Nobody wants it any more.
    Cancelled {
        /// Why not.
        reason: String,
    },
    /// The worker stops: back to its queue, uncounted.
    Released,
    /// A newer delivery of the same job exists; this one changed nothing.
    Superseded,
}

/// A job that was enqueued and is not over.
#[derive(Debug)]
pub struct Waiting<J> {
    /// Its id.
    pub id: JobId,
    /// The job, its arguments decoded.
    pub job: J,
    /// When it may first run, if not at once.
    pub run_at: Option<DateTime<Utc>>,
}

/// An attempt that [`Kit::drain`] or [`Kit::run_due`] made.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// The job's id.
    pub id: JobId,
    /// The kind of job.
    pub name: String,
    /// Which attempt it was, counted from 1.
    pub attempt: u32,
    /// When it was made, by the kit's clock.
    pub at: DateTime<Utc>,
    /// What it came to.
    pub outcome: Outcome,
}

impl Outcome {
    /// How the recorder tells it, and with which words; `None`: not at all.
    pub(super) fn recorded(&self) -> Option<(event::Outcome, Option<String>)> {
        let (outcome, words) = match self {
            Self::Completed => (event::Outcome::Completed, None),
            Self::Retry { error, .. } => (event::Outcome::Retry, Some(error)),
            Self::Throttled { reason, .. } => (event::Outcome::Throttled, Some(reason)),
            Self::Dead { reason } => (event::Outcome::Dead, Some(reason)),
            Self::Cancelled { reason } => (event::Outcome::Cancelled, Some(reason)),
            Self::Parked { .. } | Self::Released | Self::Superseded => return None,
        };
        Some((outcome, words.cloned()))
    }

    /// Its words.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Completed | Self::Released | Self::Superseded => "",
            Self::Retry { error: text, .. }
            | Self::Throttled { reason: text, .. }
            | Self::Parked { reason: text }
            | Self::Dead { reason: text }
            | Self::Cancelled { reason: text } => text,
        }
    }
}

impl From<Decision> for Outcome {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Complete => Self::Completed,
            Decision::Retry { error, delay } => Self::Retry { error, delay },
            Decision::Wait { delay, reason } => Self::Throttled { reason, delay },
            Decision::Park { reason, .. } => Self::Parked { reason },
            Decision::Dead { reason } => Self::Dead { reason },
            Decision::Cancel { reason } | Decision::Expire { reason, .. } => Self::Cancelled { reason },
            Decision::Release => Self::Released,
            Decision::Drop => Self::Superseded,
        }
    }
}
