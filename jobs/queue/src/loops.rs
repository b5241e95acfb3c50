//! What every loop of the engine has in common: it outlives outages and panics, and it says so once, not once a second.

use std::{fmt::Display, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

const RESTART_DELAY: Duration = Duration::from_secs(1);

/// Runs loops until told to halt; a loop that panics is started again.
#[derive(Debug, Clone)]
pub(crate) struct Loops {
    pub(crate) halt: CancellationToken,
    tracker: TaskTracker,
}

impl Loops {
    pub(crate) fn new() -> Self {
        Self { halt: CancellationToken::new(), tracker: TaskTracker::new() }
    }

    /// Starts `body` under `name`; it is dropped at the halt, so it must be safe to drop at any await.
    pub(crate) fn start<F>(&self, name: &'static str, mut body: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let halt = self.halt.clone();
        self.tracker.spawn(halt.clone().run_until_cancelled_owned(async move {
            loop {
                if AssertUnwindSafe(body()).catch_unwind().await.is_err() {
                    error!(name, "a loop of the engine panicked; starting it again");
                    metrics::counter!("faena_loop_restarts_total", "loop" => name).increment(1);
                }
                tokio::time::sleep(RESTART_DELAY).await;
            }
        }));
    }

    /// Starts a loop that ends by itself and must not be dropped before.
    pub(crate) fn start_once(&self, body: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(body);
    }

    /// Halts every loop and waits until they are gone.
    pub(crate) async fn halt(self) {
        self.halt.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Says that something fails when it begins to fail, and that it works when it works again.
#[derive(Debug)]
pub(crate) struct Outage {
    doing: &'static str,
    failures: u64,
}

impl Outage {
    pub(crate) fn new(doing: &'static str) -> Self {
        Self { doing, failures: 0 }
    }

    pub(crate) fn failed(&mut self, error: &dyn Display) {
        if self.failures == 0 {
            warn!(doing = self.doing, %error, "failing, and trying again");
        }
        self.failures += 1;
        metrics::counter!("faena_loop_failures_total", "loop" => self.doing).increment(1);
    }

    pub(crate) fn over(&mut self) {
        if self.failures > 0 {
            info!(doing = self.doing, failures = self.failures, "working again");
            self.failures = 0;
        }
    }

    /// How long to wait before trying again: from 0.1 s to 2 s.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis((50 << self.failures.min(6)).min(2000))
    }
}
