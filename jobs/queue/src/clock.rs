//! What time it is: the system's, or in a test one that stands still until it is moved.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};

tokio::task_local! {
    /// The clock of the attempt under way.
    static PRESENT: Clock;
}

/// A worker's jobs are given the system's clock, a [`Kit`](crate::kit::Kit)'s one that stands still.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock {
    /// Milliseconds since 1970; `None`: as the system says.
    stopped_at: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// One that stands still.
    pub(crate) fn stopped(at: DateTime<Utc>) -> Self {
        Self { stopped_at: Some(Arc::new(AtomicI64::new(at.timestamp_millis()))) }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        let stopped_at = self.stopped_at.as_ref().and_then(|at| DateTime::from_timestamp_millis(at.load(Ordering::Relaxed)));
        stopped_at.unwrap_or_else(Utc::now)
    }

    /// Moves one that stands still, for everybody who was given it.
    pub(crate) fn move_to(&self, now: DateTime<Utc>) {
        if let Some(at) = &self.stopped_at {
            at.store(now.timestamp_millis(), Ordering::Relaxed);
        }
    }

    /// The future, for which [`now`] is what this clock says.
    pub(crate) async fn rule<F: Future>(self, future: F) -> F::Output {
        PRESENT.scope(self, future).await
    }
}

/// What time it is for whoever asks: within an attempt that is what its clock says.
pub(crate) fn now() -> DateTime<Utc> {
    PRESENT.try_with(Clock::now).unwrap_or_else(|_| Utc::now())
}
