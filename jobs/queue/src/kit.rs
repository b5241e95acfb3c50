//! A kit for those who write jobs: attempts made in this process, by the code that makes them in a worker, while time stands still.
//!
//! No Redis, no worker process, no waiting. What a job reaches through a port is the test's (a fake); Postgres is a real database, given
//! with [`Kit::with_database`], or none at all.
//!
//! ```
//! use std::{sync::Mutex, time::Duration};
//! use queue::{Attempted, Backoff, Ctx, End, Failure, Job, kit::{Kit, Outcome}};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! /// The outside, as these jobs see it: a bell that may be broken.
//! struct Bell {
//!     broken: bool,
//!     rung: Mutex<Vec<String>>,
//! }
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct RingBell {
//!     times: usize,
//! }
//!
//! impl Job for RingBell {
//!     type Ports = Bell;
//!     const NAME: &'static str = "ring_bell";
//!     const MAX_ATTEMPTS: u32 = 3;
//!     const BACKOFF: Backoff = Backoff::between(Duration::from_secs(30), Duration::from_secs(60));
//!
//!     async fn run(self, ctx: &Ctx<Bell>) -> Attempted {
//!         if ctx.broken {
//!             return Err(Failure::retry("the bell is broken"));
//!         }
//!         ctx.rung.lock().unwrap().push(format!("{} times at {}", self.times, ctx.now().format("%H:%M")));
//!         Ok(End::Done)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let noon = "2026-03-01T12:00:00Z".parse().unwrap();
//! let kit = Kit::of::<RingBell>(Bell { broken: false, rung: Mutex::default() }).at(noon);
//! assert_eq!(kit.attempt(RingBell { times: 3 }).await, Outcome::Completed);
//! kit.advance(Duration::from_secs(3600));
//! assert_eq!(kit.attempt(RingBell { times: 1 }).await, Outcome::Completed);
//! assert_eq!(*kit.ports().rung.lock().unwrap(), ["3 times at 12:00", "1 times at 13:00"]);
//!
//! let kit = Kit::of::<RingBell>(Bell { broken: true, rung: Mutex::default() });
//! let outcome = kit.attempt(RingBell { times: 1 }).await;
//! assert!(matches!(outcome, Outcome::Retry { delay, .. } if delay <= Duration::from_secs(30)));
//! let outcome = kit.attempt(RingBell { times: 1 }).number(3).await;
//! assert_eq!(outcome, Outcome::Dead { reason: "attempt 3 of 3 failed: the bell is broken".to_owned() });
//!
//! // Arguments as another program might have written them.
//! let outcome = kit.attempt_json("ring_bell", r#"{"times": "often"}"#).await;
//! assert!(matches!(outcome, Outcome::Dead { reason } if reason.contains("cannot be decoded")));
//! # }
//! ```

mod outcome;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    future::IntoFuture,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    alone::Turns,
    child::Children,
    clock::Clock,
    enqueue::{EnqueueError, Enqueued, enqueue},
    envelope::{Delivery, Durability, Envelope, Lease},
    event::Event,
    job::{Job, JobId, Queue},
    lane::Lane,
    order::Order,
    perform::{Interrupt, Surroundings, Why, perform},
    recorder,
    registry::Registry,
    relay::OutboxRow,
};

pub use outcome::{Outcome, Ran, Waiting};

/// No worker's: epochs begin at 1, so a real delivery is always newer.
const EPOCH: i64 = 0;
/// Rises over all kits of a process: two of them on one database are like two workers.
static FENCE: AtomicI64 = AtomicI64::new(1);
/// Work that begets work without end is a mistake, in the jobs or in the test.
const MAX_ATTEMPTS: usize = 10_000;

/// Jobs and their surroundings, in memory. Time stands still at the moment at which the kit was made, unless told otherwise.
pub struct Kit<P> {
    surroundings: Surroundings<P>,
    has_database: bool,
    /// What jobs that were attempted and are not over have behind them.
    past: Mutex<HashMap<JobId, Past>>,
}

#[derive(Debug, Clone, Copy)]
struct Past {
    used: u32,
    due: DateTime<Utc>,
}

impl<P: Send + Sync + 'static> Kit<P> {
    /// The jobs of a catalogue, with these ports.
    ///
    /// # Panics
    /// There is no Tokio runtime.
    #[must_use]
    pub fn new(registry: Registry<P>, ports: P) -> Self {
        // Closed, so that whoever asks it for a connection is told at once and not after a connect timeout.
        let db = PgPoolOptions::new().connect_lazy_with(sqlx::postgres::PgConnectOptions::new_without_pgpass());
        let clock = Clock::stopped(Utc::now());
        let surroundings = Surroundings {
            registry,
            ports: Arc::new(ports),
            db,
            clock,
            journal: None,
            alone: None,
            turns: Turns::default(),
            peers: None,
            children: Children::default(),
        };
        Self { surroundings, has_database: false, past: Mutex::default() }
    }

    /// One kind of job, with these ports.
    ///
    /// # Panics
    /// There is no Tokio runtime.
    #[must_use]
    pub fn of<J: Job<Ports = P>>(ports: P) -> Self {
        Self::new(Registry::new().job::<J>(), ports)
    }

    /// The same with a database, which has the migrations: effects are committed there, and what is enqueued is found there. Its own
    /// clock is not the kit's.
    #[must_use]
    pub fn with_database(mut self, db: PgPool) -> Self {
        self.surroundings.db = db;
        self.has_database = true;
        self
    }

    /// The same at another time.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> Self {
        self.surroundings.clock.move_to(now);
        self
    }

    /// The same, but an attempt of `J` may take so long instead of [`Job::TIMEOUT`]: an endless one ends as it would, and sooner.
    ///
    /// # Panics
    /// The kit has no such job.
    #[must_use]
    pub fn with_timeout<J: Job<Ports = P>>(mut self, limit: Duration) -> Self {
        let kind = self.surroundings.registry.get_mut(J::NAME);
        kind.unwrap_or_else(|| panic!("this kit has no job {}", J::NAME)).timeout = limit;
        self
    }

    /// What time it is for its jobs.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.surroundings.clock.now()
    }

    /// Lets so much time pass.
    ///
    /// # Panics
    /// That is further away than any calendar reaches.
    pub fn advance(&self, by: Duration) {
        self.surroundings.clock.move_to(later(self.now(), by));
    }

    /// What its jobs are given.
    #[must_use]
    pub fn ports(&self) -> &P {
        &self.surroundings.ports
    }

    /// One attempt of a job that nobody enqueued: it begins when it is awaited.
    ///
    /// # Panics
    /// Its arguments do not serialize.
    pub fn attempt<J: Job<Ports = P>>(&self, job: J) -> Attempt<'_, P> {
        let args = serde_json::value::to_raw_value(&job).unwrap_or_else(|error| panic!("the arguments of {}: {error}", J::NAME));
        self.attempt_of(J::NAME, J::VERSION, args)
    }

    /// As [`Kit::attempt`], of a job given by name and the text of its arguments, as it may stand in Redis.
    ///
    /// # Panics
    /// The text is not JSON, which no envelope can carry.
    pub fn attempt_json(&self, name: &str, args: &str) -> Attempt<'_, P> {
        let raw = RawValue::from_string(args.to_owned())
            .unwrap_or_else(|error| panic!("the arguments of {name} are not JSON: {error}"));
        self.attempt_of(name, self.surroundings.registry.get(name).map_or(1, |kind| kind.version), raw)
    }

    fn attempt_of(&self, name: &str, version: u16, args: Box<RawValue>) -> Attempt<'_, P> {
        let mut envelope = Envelope::new(JobId::new(), name, version, Durability::Outbox, args);
        envelope.enqueued_at = self.now();
        Attempt { kit: self, envelope, number: 1, interruption: None }
    }

    /// Enqueues a job in a transaction of its own, at the kit's time.
    ///
    /// # Errors
    /// As [`queue::enqueue`](crate::enqueue()).
    ///
    /// # Panics
    /// The kit has no database.
    pub async fn enqueue<J: Job<Ports = P>>(&self, order: impl Into<Order<J>>) -> Result<Enqueued, EnqueueError> {
        let mut tx = self.database().begin().await?;
        let enqueued = self.surroundings.clock.clone().rule(enqueue(&mut tx, order)).await?;
        tx.commit().await?;
        Ok(enqueued)
    }

    /// The jobs of this kind that were enqueued and are not over, in the order in which they are due.
    ///
    /// # Panics
    /// The kit has no database, it cannot be read, or arguments in it are not those of the job.
    pub async fn enqueued<J: Job<Ports = P>>(&self) -> Vec<Waiting<J>> {
        let waiting = self.promises().await.into_iter().filter(|(_, envelope)| envelope.name == J::NAME);
        waiting
            .map(|(_, Envelope { id, args, run_at, .. })| {
                let job =
                    serde_json::from_str(args.get()).unwrap_or_else(|error| panic!("the arguments {args} of {id}: {error}"));
                Waiting { id, job, run_at }
            })
            .collect()
    }

    /// Runs all that was enqueued, and what that enqueues, until nothing is left: each when it is due, to which the clock is moved; those that
    /// fail again after their backoff. Ends stand in the ledger.
    ///
    /// # Panics
    /// The kit has no database, it cannot be used, or there is no end to the work.
    pub async fn drain(&self) -> Vec<Ran> {
        self.run_waiting(true).await
    }

    /// As [`Kit::drain`], but runs only what is due, and leaves the clock alone.
    ///
    /// # Panics
    /// As [`Kit::drain`].
    pub async fn run_due(&self) -> Vec<Ran> {
        self.run_waiting(false).await
    }

    async fn run_waiting(&self, to_the_end: bool) -> Vec<Ran> {
        let (mut ran, mut parked) = (Vec::new(), HashSet::new());
        while let Some((due, lane, envelope)) = self.next(&parked).await {
            if due > self.now() {
                if !to_the_end {
                    break;
                }
                self.surroundings.clock.move_to(due);
            }
            let last = self.run_one(lane, envelope).await;
            assert!(
                ran.len() < MAX_ATTEMPTS,
                "{MAX_ATTEMPTS} attempts and no end: {} ended the last one as {:?}",
                last.name,
                last.outcome
            );
            if matches!(last.outcome, Outcome::Parked { .. } | Outcome::Released | Outcome::Superseded) {
                parked.insert(last.id);
            }
            ran.push(last);
        }
        ran
    }

    async fn next(&self, parked: &HashSet<JobId>) -> Option<(DateTime<Utc>, Lane, Envelope)> {
        let waiting = self.promises().await.into_iter().filter(|(_, envelope)| !parked.contains(&envelope.id));
        let due = |envelope: &Envelope| {
            self.past().get(&envelope.id).map_or_else(|| envelope.run_at.unwrap_or(envelope.enqueued_at), |past| past.due)
        };
        waiting.map(|(lane, envelope)| (due(&envelope), lane, envelope)).min_by_key(|(due, _, envelope)| (*due, envelope.id))
    }

    /// Attempts a promised job, and writes what came of it as the recorder does.
    async fn run_one(&self, lane: Lane, envelope: Envelope) -> Ran {
        let (id, name, at) = (envelope.id, envelope.name.clone(), self.now());
        let used = self.past().get(&id).map_or(0, |past| past.used);
        let attempt = used + 1;
        let (delivery, outcome) = Attempt { kit: self, envelope, number: attempt, interruption: None }.make(lane).await;
        let again = match &outcome {
            Outcome::Retry { delay, .. } => Some(Past { used: attempt, due: later(at, *delay) }),
            Outcome::Throttled { delay, .. } => Some(Past { used, due: later(at, *delay) }),
            _ => None,
        };
        if let Some(again) = again {
            self.past().insert(id, again);
        }
        if let Some((outcome, error)) = outcome.recorded() {
            let event = Event {
                id: id.to_string(),
                outcome,
                attempt,
                epoch: delivery.lease.epoch,
                fence: delivery.lease.fence,
                worker: "kit".to_owned(),
                started_ms: Some(at.timestamp_millis()),
                ended_ms: self.now().timestamp_millis(),
                error,
                ..Event::default()
            };
            let recorded = async {
                let mut tx = self.database().begin().await?;
                recorder::record_one(&mut tx, lane, event).await?;
                tx.commit().await
            };
            // What follows is enqueued at the kit's time, too.
            self.surroundings
                .clock
                .clone()
                .rule(recorded)
                .await
                .unwrap_or_else(|error| panic!("what {name} came to could not be recorded: {error}"));
        }
        Ran { id, name, attempt, at, outcome }
    }

    async fn promises(&self) -> Vec<(Lane, Envelope)> {
        let rows = sqlx::query_as::<_, OutboxRow>(include_str!("sql/list_promises.sql")).fetch_all(self.database()).await;
        let rows = rows.unwrap_or_else(|error| panic!("the outbox cannot be read: {error}"));
        rows.into_iter().map(|row| row.into_envelope().unwrap_or_else(|reason| panic!("{reason}"))).collect()
    }

    fn database(&self) -> &PgPool {
        assert!(self.has_database, "this kit has no database: give it one with Kit::with_database");
        &self.surroundings.db
    }

    fn past(&self) -> MutexGuard<'_, HashMap<JobId, Past>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> fmt::Debug for Kit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").field("registry", &self.surroundings.registry).finish_non_exhaustive()
    }
}

/// An attempt that is made when it is awaited.
#[must_use = "await the attempt, or it is not made"]
pub struct Attempt<'k, P> {
    kit: &'k Kit<P>,
    envelope: Envelope,
    number: u32,
    interruption: Option<(Duration, Why)>,
}

impl<P> fmt::Debug for Attempt<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("envelope", &self.envelope).field("number", &self.number).finish_non_exhaustive()
    }
}

impl<P: Send + Sync + 'static> Attempt<'_, P> {
    /// It is the job's `number`-th attempt, counted from 1.
    pub fn number(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// The job has this id: two attempts under one id are two deliveries of one job, whose effect happens once.
    pub fn id(mut self, id: JobId) -> Self {
        self.envelope.id = id;
        self
    }

    /// Somebody cancels the job when it has run for so long. A job that takes no notice is dropped two seconds later, as everywhere.
    pub fn cancelled_after(self, delay: Duration) -> Self {
        Self { interruption: Some((delay, Why::Cancel)), ..self }
    }

    /// The worker must stop when the job has run for so long.
    pub fn stopped_after(self, delay: Duration) -> Self {
        Self { interruption: Some((delay, Why::Stop)), ..self }
    }

    async fn make(self, lane: Lane) -> (Delivery, Outcome) {
        let Self { kit, envelope, number, interruption } = self;
        if !kit.has_database {
            kit.surroundings.db.close().await;
        }
        let delivery = Delivery {
            id: envelope.id.to_string(),
            lane,
            lease: Lease::new(EPOCH, FENCE.fetch_add(1, Ordering::Relaxed), "kit".into()),
            attempt: number,
            crashes: 0,
            claimed_at: kit.now(),
            raw: serde_json::to_vec(&envelope).unwrap_or_else(|error| panic!("the envelope cannot be written: {error}")),
        };
        let (interrupt, reported) = (Interrupt::default(), Arc::default());
        let read = delivery.envelope();
        let attempt = perform(&kit.surroundings, &delivery, read.as_ref(), &interrupt, &reported);
        let outcome: Outcome = match interruption {
            None => attempt.await,
            Some((delay, why)) => {
                let mut attempt = std::pin::pin!(attempt);
                tokio::select! {
                    biased;
                    decision = &mut attempt => decision,
                    () = tokio::time::sleep(delay) => {
                        interrupt.fire(why);
                        attempt.await
                    }
                }
            }
        }
        .into();
        assert!(
            kit.has_database || !outcome.text().contains(&sqlx::Error::PoolClosed.to_string()),
            "{} asked Postgres, and this kit has no database: give it one with Kit::with_database",
            envelope.name
        );
        (delivery, outcome)
    }
}

impl<'k, P: Send + Sync + 'static> IntoFuture for Attempt<'k, P> {
    type Output = Outcome;
    type IntoFuture = BoxFuture<'k, Outcome>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let kind = self.kit.surroundings.registry.get(&self.envelope.name);
            let lane = kind.map_or(Lane::of(Queue::Default), |kind| kind.lane);
            self.make(lane).await.1
        })
    }
}

fn later(time: DateTime<Utc>, delay: Duration) -> DateTime<Utc> {
    let later = TimeDelta::from_std(delay).ok().and_then(|delay| time.checked_add_signed(delay));
    later.unwrap_or_else(|| panic!("{delay:?} after {time} is further away than any calendar reaches"))
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{Attempted, Ctx, Failure};

    /// Does one of the things that jobs do.
    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    enum Act {
        Panic,
        Never,
        Listen,
        Wait(i64),
        AskPostgres,
    }

    impl Job for Act {
        type Ports = ();
        const NAME: &'static str = "act";

        async fn run(self, ctx: &Ctx<()>) -> Attempted {
            match self {
                Self::Panic => panic!("the roof is on fire"),
                Self::Never => std::future::pending().await,
                Self::Listen => {
                    ctx.cancelled().cancelled().await;
                    Err(Failure::cancelled("noticed the wish"))
                }
                Self::Wait(minutes) => Err(Failure::throttled(ctx.now() + TimeDelta::minutes(minutes), "closed for lunch")),
                Self::AskPostgres => Ok(ctx.effect().await?.into()),
            }
        }
    }

    fn kit() -> Kit<()> {
        Kit::of::<Act>(()).with_timeout::<Act>(Duration::from_millis(50))
    }

    #[tokio::test]
    async fn a_panic_and_an_endless_attempt_are_retries() {
        let error = async |act| match kit().attempt(act).await {
            Outcome::Retry { error, .. } => error,
            outcome => panic!("not a retry: {outcome:?}"),
        };
        assert_eq!(error(Act::Panic).await, "panicked: the roof is on fire");
        assert_eq!(error(Act::Never).await, "no end within 0.05 s");
    }

    #[tokio::test]
    async fn a_job_that_listens_ends_when_it_is_cancelled_and_goes_back_when_the_worker_stops() {
        let kit = Kit::of::<Act>(());
        let soon = Duration::from_millis(5);
        let cancelled = Outcome::Cancelled { reason: "noticed the wish".to_owned() };
        assert_eq!(kit.attempt(Act::Listen).cancelled_after(soon).await, cancelled);
        assert_eq!(kit.attempt(Act::Listen).stopped_after(soon).await, Outcome::Released);
    }

    #[tokio::test]
    async fn time_stands_still() {
        let kit = kit();
        let throttled = Outcome::Throttled { reason: "closed for lunch".to_owned(), delay: Duration::from_secs(3600) };
        assert_eq!(kit.attempt(Act::Wait(60)).await, throttled);
        let before = kit.now();
        kit.advance(Duration::from_millis(1500));
        assert_eq!(kit.now() - before, TimeDelta::milliseconds(1500));
    }

    #[tokio::test]
    async fn what_is_unknown_or_not_its_own_is_told_as_a_worker_tells_it() {
        let kit = kit();
        let parked = Outcome::Parked { reason: "this worker knows no job \"react\" of version 1".to_owned() };
        assert_eq!(kit.attempt_json("react", "{}").await, parked);
        let Outcome::Dead { reason } = kit.attempt_json("act", r#""Sing""#).await else { panic!("not dead") };
        assert!(reason.starts_with("the arguments of act cannot be decoded: unknown variant `Sing`"), "{reason}");
    }

    #[tokio::test]
    #[should_panic(expected = "act asked Postgres, and this kit has no database: give it one with Kit::with_database")]
    async fn a_job_that_asks_for_a_database_where_there_is_none_is_told_so() {
        kit().attempt(Act::AskPostgres).await;
    }
}
