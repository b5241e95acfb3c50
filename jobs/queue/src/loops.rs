//! What every loop of the engine has in common: it outlives outages and panics, says so once and not once a second, and is never
//! silently dead. A loop proves that it lives by advancing or by failing; one that does neither is rebuilt, and if that does not help
//! the process must end, because nothing inside it can.

use std::{
    error::Error,
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{sync::Notify, task::JoinError, time::Instant};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::{error, info, warn};

use crate::{faults::hang_here, lane::Lane, trouble::Troubles};

/// The watchdog looks this often, and waits as long before it starts a loop again. It counts looks, not seconds: a process that was
/// stopped and goes on has not hung.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A loop that has not moved for so many looks hangs.
const PATIENCE: u32 = 15;
/// A rebuilt loop that hangs again within so many looks is past help.
const PROBATION: u32 = 60;
/// A step of a loop takes milliseconds; one that takes this long is given up, as a failure. Less than the watchdog's patience.
const LONGEST_STEP: Duration = Duration::from_secs(12);

/// A loop hung, was rebuilt and hung again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the loop {name:?} hung, was built anew, and hung again")]
pub struct Hung {
    /// Which loop.
    pub name: &'static str,
}

/// A loop of the worker's own, beside the engine's, which the same watchdog watches: it is dropped at the halt and whenever it hangs, and may return when it is
/// over.
pub struct Companion {
    name: &'static str,
    build: Box<dyn FnMut(Outage) -> BoxFuture<'static, ()> + Send>,
}

impl Companion {
    /// `build` makes the loop, at the start and anew after a hang or a panic. It proves that it lives by what it tells its [`Outage`].
    pub fn new<F>(name: &'static str, mut build: impl FnMut(Outage) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name, build: Box::new(move |outage: Outage| -> BoxFuture<'static, ()> { Box::pin(build(outage)) }) }
    }
}

impl fmt::Debug for Companion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Companion").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Runs loops until told to halt, and watches each of them.
#[derive(Debug, Clone)]
pub(crate) struct Loops {
    pub(crate) halt: CancellationToken,
    tracker: TaskTracker,
    look_every: Duration,
    pub(crate) troubles: Arc<Troubles>,
    hung: Arc<(Mutex<Option<Hung>>, Notify)>,
}

impl Loops {
    pub(crate) fn new() -> Self {
        Self::looking_every(LOOK_EVERY)
    }

    fn looking_every(look_every: Duration) -> Self {
        Self {
            halt: CancellationToken::new(),
            tracker: TaskTracker::new(),
            look_every,
            troubles: Arc::default(),
            hung: Arc::default(),
        }
    }

    /// Starts `body`, which is over when it returns. It is dropped at the halt and whenever it hangs, so it must be safe to drop at any
    /// await.
    pub(crate) fn start<F>(&self, name: &'static str, lane: Option<Lane>, body: impl FnMut(Outage) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(self.halt.clone().run_until_cancelled_owned(self.clone().watch(name, lane, body)));
    }

    /// As [`Self::start`], for a loop that ends by itself after the halt and must not be dropped before.
    pub(crate) fn start_until_done<F>(
        &self,
        name: &'static str,
        lane: Option<Lane>,
        body: impl FnMut(Outage) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(self.clone().watch(name, lane, body));
    }

    /// As [`Self::start`], for a loop that others have written.
    pub(crate) fn accompany(&self, Companion { name, build }: Companion) {
        self.start(name, None, build);
    }

    /// Resolves when a loop is past help; the process should end.
    pub(crate) async fn hung(&self) -> Hung {
        loop {
            let told = self.hung.1.notified();
            if let Some(hung) = *self.hung.0.lock().unwrap_or_else(PoisonError::into_inner) {
                return hung;
            }
            told.await;
        }
    }

    /// Halts every loop and waits until they are gone.
    pub(crate) async fn halt(self) {
        self.halt.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    async fn watch<F>(self, name: &'static str, lane: Option<Lane>, mut body: impl FnMut(Outage) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let labels = [("loop", name), ("queue", lane.map_or("", Lane::as_str))];
        let restarts = metrics::counter!("faena_loop_restarts_total", &labels);
        let (mut trusted_in, mut is_rebuilt) = (0, false);
        loop {
            let outage = Outage::new(labels, self.troubles.clone());
            let pulse = outage.pulse.clone();
            // A task of its own: one that blocks a thread hangs as well, and must not take its watchdog with it.
            let built = body(outage);
            let mut running = AbortOnDropHandle::new(tokio::spawn(async move {
                hang_here(name, is_rebuilt).await;
                built.await;
            }));
            is_rebuilt = true;
            match watch_one(&mut running, &pulse, &labels, self.look_every, &mut trusted_in).await {
                Watched::Ended(Ok(())) => return,
                Watched::Ended(Err(_)) => error!(name, lane = labels[1].1, "a loop of the engine panicked; starting it again"),
                Watched::Hung if trusted_in == 0 => {
                    trusted_in = PROBATION;
                    self.troubles.note_stall();
                    error!(name, lane = labels[1].1, "a loop of the engine hangs; building it anew");
                    running.abort();
                    // What it holds is let go before its successor starts; if it blocks a thread, that never happens.
                    let _ = tokio::time::timeout(self.look_every, &mut running).await;
                }
                Watched::Hung => {
                    error!(name, lane = labels[1].1, "a loop of the engine was built anew and hangs again");
                    *self.hung.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Hung { name });
                    self.hung.1.notify_waiters();
                    return;
                }
            }
            restarts.increment(1);
            tokio::time::sleep(self.look_every).await;
        }
    }
}

enum Watched {
    Ended(Result<(), JoinError>),
    Hung,
}

async fn watch_one(
    running: &mut AbortOnDropHandle<()>,
    pulse: &Pulse,
    labels: &[(&'static str, &'static str); 2],
    look_every: Duration,
    trusted_in: &mut u32,
) -> Watched {
    let age = metrics::gauge!("faena_loop_age_seconds", labels);
    let mut still = 0;
    while still < PATIENCE {
        if let Ok(ended) = tokio::time::timeout(look_every, &mut *running).await {
            return Watched::Ended(ended);
        }
        still = if pulse.take_moved() { 0 } else { still + 1 };
        *trusted_in = trusted_in.saturating_sub(1);
        age.set(pulse.age().as_secs_f64());
    }
    Watched::Hung
}

/// A loop's proof of life.
#[derive(Debug)]
struct Pulse {
    started: Instant,
    moved: AtomicBool,
    moved_at_ms: AtomicU64,
}

impl Pulse {
    fn new() -> Self {
        Self { started: Instant::now(), moved: AtomicBool::new(false), moved_at_ms: AtomicU64::new(0) }
    }

    fn moves(&self) {
        self.moved_at_ms.store(self.elapsed_ms(), Ordering::Relaxed);
        self.moved.store(true, Ordering::Relaxed);
    }

    fn take_moved(&self) -> bool {
        self.moved.swap(false, Ordering::Relaxed)
    }

    fn age(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms().saturating_sub(self.moved_at_ms.load(Ordering::Relaxed)))
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What a loop says of itself: that something begins to fail, that it works again, and, with either, that it is alive.
#[derive(Debug)]
pub struct Outage {
    labels: [(&'static str, &'static str); 2],
    failures: u64,
    pulse: Arc<Pulse>,
    troubles: Arc<Troubles>,
}

impl Outage {
    fn new(labels: [(&'static str, &'static str); 2], troubles: Arc<Troubles>) -> Self {
        Self { labels, failures: 0, pulse: Arc::new(Pulse::new()), troubles }
    }

    /// For a loop that no watchdog watches: it says of itself what others do.
    #[must_use]
    pub fn unwatched(name: &'static str) -> Self {
        Self::new([("loop", name), ("queue", "")], Arc::default())
    }

    /// Nothing worked and nothing failed, but the loop is there: it waits, and knows for what.
    pub fn waits(&self) {
        self.pulse.moves();
    }

    /// A step failed, with an answer or without: told once, and counted each time.
    pub fn failed(&mut self, error: &(dyn Error + 'static)) {
        self.pulse.moves();
        self.troubles.note(error);
        let [(_, name), (_, lane)] = self.labels;
        if self.failures == 0 {
            warn!(name, lane, error = %error, "a loop of the engine fails, and tries again");
        }
        self.failures += 1;
        metrics::counter!("faena_loop_failures_total", &self.labels).increment(1);
    }

    /// A step went well.
    pub fn over(&mut self) {
        self.pulse.moves();
        if self.failures > 0 {
            let [(_, name), (_, lane)] = self.labels;
            info!(name, lane, failures = self.failures, "working again");
            self.failures = 0;
        }
    }

    /// How long to wait before trying again: from 0.1 s to 2 s.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_millis((50 << self.failures.min(6)).min(2000))
    }
}

/// One step of a loop, given up when it takes too long: a query on a connection whose other end is gone would wait for ever.
///
/// # Errors
/// Those of the step; or it has come to no end before the watchdog would take its loop for one that hangs.
pub async fn bounded<T, E: From<sqlx::Error>>(step: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let given_up = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no end within {} s", LONGEST_STEP.as_secs()));
    tokio::time::timeout(LONGEST_STEP, step).await.unwrap_or_else(|_| Err(sqlx::Error::Io(given_up()).into()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A second of the watchdog's takes so long here. Loop and watchdog share a thread: however busy the machine is, neither outruns
    /// the other.
    const SECOND: Duration = Duration::from_millis(2);

    /// Runs a loop for ten such minutes: how often it was built, and whether it was found past help.
    async fn run<F>(mut body: impl FnMut(usize, Outage) -> F + Send + 'static) -> (usize, Option<Hung>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (loops, built) = (Loops::looking_every(SECOND), Arc::new(AtomicUsize::new(0)));
        let counted = built.clone();
        loops.start("knead", None, move |outage| body(counted.fetch_add(1, Ordering::SeqCst) + 1, outage));
        let hung = tokio::select! {
            hung = loops.hung() => Some(hung),
            () = ten_minutes() => None,
        };
        loops.halt().await;
        (built.load(Ordering::SeqCst), hung)
    }

    async fn ten_minutes() {
        for _ in 0..600 {
            tokio::time::sleep(SECOND).await;
        }
    }

    async fn fail_for_ever(mut outage: Outage) {
        loop {
            outage.failed(&std::fmt::Error);
            tokio::time::sleep(SECOND).await;
        }
    }

    #[tokio::test]
    async fn a_loop_that_hangs_is_built_anew_and_goes_on() {
        let told = run(|built, mut outage| async move {
            if built == 1 {
                std::future::pending::<()>().await;
            }
            loop {
                outage.over();
                tokio::time::sleep(SECOND).await;
            }
        });
        assert_eq!(told.await, (2, None));
    }

    #[tokio::test]
    async fn a_loop_that_hangs_again_is_past_help() {
        assert_eq!(run(|_, _outage| std::future::pending()).await, (2, Some(Hung { name: "knead" })));
    }

    #[tokio::test]
    async fn a_loop_that_moves_a_little_and_hangs_again_is_past_help_too() {
        let told = run(|_, mut outage| async move {
            outage.over();
            std::future::pending::<()>().await;
        });
        assert_eq!(told.await, (2, Some(Hung { name: "knead" })));
    }

    #[tokio::test]
    async fn a_loop_that_hangs_once_a_quarter_of_an_hour_is_built_anew_each_time() {
        let told = run(|_, outage| async move {
            for _ in 0..150 {
                outage.waits();
                tokio::time::sleep(SECOND).await;
            }
            std::future::pending::<()>().await;
        });
        let (built, hung) = told.await;
        assert!(built > 2 && hung.is_none(), "{built} {hung:?}");
    }

    #[tokio::test]
    async fn ten_minutes_of_errors_are_not_a_hang() {
        assert_eq!(run(|_, outage| fail_for_ever(outage)).await, (1, None));
    }

    #[tokio::test]
    async fn ten_minutes_of_panics_are_not_a_hang() {
        let (built, hung) = run(|_, _outage| async { panic!("as told") }).await;
        assert!(built > 10 && hung.is_none(), "{built} {hung:?}");
    }

    #[tokio::test]
    async fn a_loop_that_returns_is_over() {
        assert_eq!(run(|_, _outage| async {}).await, (1, None));
    }

    #[tokio::test]
    async fn a_loop_that_ends_by_itself_is_waited_for_at_the_halt() {
        let (loops, done) = (Loops::looking_every(SECOND), Arc::new(AtomicBool::new(false)));
        let (halt, noted) = (loops.halt.clone(), done.clone());
        loops.start_until_done("prove", None, move |outage| {
            let (halt, noted) = (halt.clone(), noted.clone());
            async move {
                while !halt.is_cancelled() {
                    outage.waits();
                    tokio::time::sleep(SECOND).await;
                }
                tokio::time::sleep(3 * SECOND).await;
                noted.store(true, Ordering::SeqCst);
            }
        });
        ten_minutes().await;
        assert!(!done.load(Ordering::SeqCst));
        loops.halt().await;
        assert!(done.load(Ordering::SeqCst));
    }
}
