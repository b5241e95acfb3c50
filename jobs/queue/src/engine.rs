//! Runs everything a worker runs: an apalis worker for each queue, and the loops that keep jobs, promises and ledger moving.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use apalis_core::{
    monitor::Monitor,
    task::Task,
    worker::{builder::WorkerBuilder, event::Event as WorkerEvent, ext::event_listener::EventListenerExt as _},
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    ack::{Acker, acknowledge},
    alone::{Alone, Turns},
    backend::QueueBackend,
    batch::end_batches,
    child::{self, Children},
    clock::Clock,
    commands::carry_out_commands,
    expiry::end_expired,
    heartbeat::beat,
    inflight::{Claimed, Inflight},
    journal::Journal,
    lane::Lane,
    lanes::{self, Named, learn_settings, watch_settings},
    live,
    loops::{Companion, Hung, Loops},
    mend::mend,
    peers::Peers,
    perform::{Decision, Surroundings, perform},
    reconcile::reconcile,
    recorder::record,
    registry::Registry,
    relay::relay,
    store::Store,
    trouble::tell_troubles,
};

/// Before the first claim; a worker starts although a store is away.
const LEARNING: Duration = Duration::from_secs(5);
/// Beyond the drain's own time: for dropped handlers to notice, and for Redis to hear what became of their jobs.
const AFTER_DRAIN: Duration = Duration::from_secs(6);

/// A worker, ready to run.
#[derive(Debug)]
pub struct Engine<P> {
    /// The live jobs.
    pub store: Store,
    /// Outbox, ledger and effects; also what jobs are given as [`Ctx::db`](crate::Ctx::db).
    pub db: PgPool,
    /// The engine's own connections: jobs that wait for theirs, however many, must not hold up the loops.
    pub loop_db: PgPool,
    /// Where LISTEN works; `DATABASE_URL` may be a pooler that does not support it.
    pub direct_url: String,
    /// The jobs this worker knows.
    pub registry: Registry<P>,
    /// What they are given.
    pub ports: Arc<P>,
    /// How many jobs of each lane may run at once; a lane that is absent is not served.
    pub slots: BTreeMap<Lane, usize>,
    /// Whether it writes the ledger. Any number of workers may, and some worker must: unrecorded events stay in Redis.
    pub record: bool,
    /// Where it notes which jobs it has begun, for a supervisor that outlives it.
    pub journal: Option<Journal>,
    /// How it attempts a job under which processes have died; `None`: like any other.
    pub alone: Option<Alone>,
    /// How long running jobs may take to end once the worker must stop.
    pub drain: Duration,
    /// Unique per start, without spaces.
    pub worker: String,
    /// Loops of the worker's own.
    pub companions: Vec<Companion>,
}

/// The beginning of a worker's end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drain {
    /// No more claims; running jobs go on.
    pub(crate) begun: CancellationToken,
}

/// The worker ended otherwise than it should. What it held returns to its queue when leases run out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UncleanEnd {
    /// The drain's time was up.
    #[error("draining: {leases} jobs could not be handed back: they return to their queue when their leases run out")]
    Leases {
        /// How many jobs Redis still believes to be held.
        leases: usize,
    },
    /// A part of the engine does not move any more: the process must end, without waiting for anything.
    #[error("{0}; only a new process can help")]
    Hung(#[from] Hung),
}

impl<P: Send + Sync + 'static> Engine<P> {
    /// Runs until `stop`, then drains: no more claims, running jobs may end within [`Engine::drain`], the rest is handed back
    /// uncounted. An outage of Redis or Postgres does not end it.
    ///
    /// # Errors
    /// Redis did not hear what became of every job before the time was up; or a loop hung, was built anew, and hung again.
    pub async fn run(self, stop: CancellationToken) -> Result<(), UncleanEnd> {
        let Self {
            store,
            db: job_db,
            loop_db: db,
            direct_url,
            registry,
            ports,
            slots,
            record: records,
            journal,
            alone,
            drain: drain_time,
            worker,
            companions,
        } = self;
        let children = Children::default();
        let surroundings = Arc::new(Surroundings {
            registry,
            ports,
            db: job_db,
            clock: Clock::default(),
            journal,
            alone,
            turns: Turns::default(),
            peers: Some(Peers::new(store.clone())),
            children: children.clone(),
        });
        let (loops, drain) = (Loops::new(), Drain::default());
        companions.into_iter().for_each(|companion| loops.accompany(companion));
        let mut monitor = Monitor::new().should_restart(|worker, error| {
            error!(worker = worker.name(), %error, "an apalis worker ended; starting it again");
            true
        });
        let lanes: Vec<Lane> =
            surroundings.registry.lanes().into_iter().chain(slots.keys().copied()).collect::<BTreeSet<_>>().into_iter().collect();
        let mut inflights: Vec<Arc<Inflight>> = Vec::new();
        // Most urgent first: the less urgent may borrow from those before them.
        for (lane, slots) in slots {
            let long = surroundings.registry.kinds().any(|kind| kind.lane == lane && kind.long);
            let more_urgent = inflights.iter().filter(|other| other.lane.is_own() && other.lane.queue() < lane.queue());
            let lenders = if long { Vec::new() } else { more_urgent.cloned().collect() };
            inflights.push(Inflight::new(lane, slots, lenders));
        }
        let limits = surroundings.registry.limits().map(|(kind, limit)| (kind.lane, *limit)).collect();
        let named: Named = (lanes.clone(), limits);
        let learnt = tokio::time::timeout(LEARNING, learn_settings(&store, &db, &named, &inflights));
        let is_listed = matches!(stop.run_until_cancelled(learnt).await, Some(Ok(Ok(()))));
        if !is_listed {
            warn!("a store does not answer: what is paused, and what limits allow, will be learnt when it does");
        }
        for inflight in &inflights {
            let acker = start_queue_loops(&loops, &store, &db, inflight, &worker, &drain);
            monitor = register(monitor, inflight, acker, &surroundings, &worker);
        }
        // Lanes that a deploy has taken out of the catalogue may hold ends that nobody has recorded, leases, and jobs whose time comes.
        let all = tokio::time::timeout(LEARNING, async { lanes::lanes(&mut *db.acquire().await?).await });
        let mut lanes: BTreeSet<Lane> = lanes.into_iter().collect();
        lanes.extend(all.await.ok().and_then(Result::ok).unwrap_or_default());
        for &lane in lanes.iter().filter(|_| records) {
            let (store, db) = (store.clone(), db.clone());
            loops.start("record", Some(lane), move |outage| record(store.clone(), db.clone(), lane, outage));
        }
        let kinds = surroundings.registry.kinds().map(|kind| (kind.name.to_owned(), kind.version)).collect();
        start_shared_loops(&loops, (&store, &db), direct_url, (named, is_listed, &lanes), &inflights, (&worker, kinds), &drain);

        let begun = drain.begun.clone();
        let workers = tokio::spawn(monitor.run_with_signal(async move {
            begun.cancelled().await;
            Ok(())
        }));
        tokio::select! {
            () = stop.cancelled() => {}
            hung = loops.hung() => return Err(hung.into()),
        }
        info!(running = inflights.iter().map(|inflight| inflight.busy()).sum::<usize>(), "draining");
        drain.begun.cancel();
        let ended = end(workers, &inflights, drain_time).await;
        if tokio::time::timeout(child::GRACE * 2, children.gone()).await.is_err() {
            warn!("a child process of a job does not end");
        }
        let leases = inflights.iter().map(|inflight| inflight.leases().len()).sum();
        if let Err(error) = store.forget_workers(&[worker]).await {
            warn!(%error, "the worker's heartbeat stays until it is forgotten");
        }
        if tokio::time::timeout(AFTER_DRAIN, loops.halt()).await.is_err() {
            warn!("what does not end is left behind");
        }
        if ended && leases == 0 { Ok(()) } else { Err(UncleanEnd::Leases { leases }) }
    }
}

/// Waits for the apalis workers; when the drain's time is up, handlers are dropped and their jobs handed back.
async fn end<T>(mut workers: tokio::task::JoinHandle<T>, inflights: &[Arc<Inflight>], drain_time: Duration) -> bool {
    if tokio::time::timeout(drain_time, &mut workers).await.is_ok() {
        return true;
    }
    warn!("the drain's time is up: handing back what still runs");
    inflights.iter().for_each(|inflight| inflight.stop_all());
    tokio::time::timeout(AFTER_DRAIN, &mut workers).await.is_ok()
}

fn start_queue_loops(loops: &Loops, store: &Store, db: &PgPool, inflight: &Arc<Inflight>, worker: &str, drain: &Drain) -> Acker {
    let (acker, finished) = Acker::new();
    let common = (store.clone(), db.clone(), inflight.clone(), worker.to_owned(), acker.clone(), drain.clone());
    // It ends when every delivery has been acknowledged, which is after the halt.
    loops.start_until_done("acknowledge", Some(inflight.lane), {
        let (store, inflight, worker, halt) = (store.clone(), inflight.clone(), worker.to_owned(), loops.halt.clone());
        let finished = Arc::new(tokio::sync::Mutex::new(finished));
        move |outage| acknowledge(store.clone(), inflight.clone(), worker.clone(), finished.clone(), halt.clone(), outage)
    });
    // The acker goes with the loop, or the acknowledgements would never end.
    loops.start("fetch", Some(inflight.lane), {
        let (store, db, inflight, worker, acker, drain) = common;
        move |outage| {
            live::fetch(store.clone(), db.clone(), inflight.clone(), acker.clone(), worker.clone(), drain.clone(), outage)
        }
    });
    loops.start("begin", Some(inflight.lane), {
        let inflight = inflight.clone();
        move |outage| live::see_begun(inflight.clone(), outage)
    });
    loops.start("renew", Some(inflight.lane), {
        let (store, inflight) = (store.clone(), inflight.clone());
        move |outage| live::renew(store.clone(), inflight.clone(), outage)
    });
    acker
}

fn start_shared_loops(
    loops: &Loops,
    (store, db): (&Store, &PgPool),
    direct_url: String,
    (named, is_listed, lanes): (Named, bool, &BTreeSet<Lane>),
    inflights: &[Arc<Inflight>],
    (worker, kinds): (&str, BTreeMap<String, u16>),
    drain: &Drain,
) {
    let both = (store.clone(), db.clone());
    loops.start("relay", None, {
        let (store, db) = both.clone();
        move |outage| relay(store.clone(), db.clone(), direct_url.clone(), outage)
    });
    for &lane in lanes {
        loops.start("promote", Some(lane), {
            let store = store.clone();
            move |outage| live::promote(store.clone(), lane, outage)
        });
        loops.start("rescue", Some(lane), {
            let store = store.clone();
            move |outage| live::rescue(store.clone(), lane, outage)
        });
    }
    loops.start("reconcile", None, {
        let (store, db) = both.clone();
        move |outage| reconcile(store.clone(), db.clone(), outage)
    });
    loops.start("mend", None, {
        let (store, db) = both.clone();
        move |outage| mend(store.clone(), db.clone(), outage)
    });
    loops.start("expiry", None, {
        let (store, db) = both.clone();
        move |outage| end_expired(store.clone(), db.clone(), outage)
    });
    loops.start("batches", None, {
        let db = db.clone();
        move |outage| end_batches(db.clone(), outage)
    });
    loops.start("commands", None, {
        let (store, db) = both;
        move |outage| carry_out_commands(store.clone(), db.clone(), outage)
    });
    loops.start("settings", None, {
        let (store, db, inflights) = (store.clone(), db.clone(), inflights.to_vec());
        move |outage| watch_settings(store.clone(), db.clone(), named.clone(), inflights.clone(), is_listed, outage)
    });
    loops.start("troubles", None, {
        let (troubles, db) = (loops.troubles.clone(), db.clone());
        move |outage| tell_troubles(troubles.clone(), db.clone(), outage)
    });
    loops.start("heartbeat", None, {
        let (store, inflights, worker, drain) = (store.clone(), inflights.to_vec(), (worker.to_owned(), kinds), drain.clone());
        move |outage| beat(store.clone(), worker.clone(), inflights.clone(), drain.clone(), outage)
    });
}

fn register<P: Send + Sync + 'static>(
    monitor: Monitor,
    inflight: &Arc<Inflight>,
    acker: Acker,
    surroundings: &Arc<Surroundings<P>>,
    worker: &str,
) -> Monitor {
    let (inflight, surroundings) = (inflight.clone(), surroundings.clone());
    let name = format!("{worker}/{}", inflight.lane);
    monitor.register(move |_restarts| {
        let surroundings = surroundings.clone();
        let attempt = tower::service_fn(move |task: Task<Arc<Claimed>>| {
            let surroundings = surroundings.clone();
            async move {
                let Claimed { delivery, envelope, interrupt, reported, .. } = &*task.args;
                Ok::<Decision, Infallible>(perform(&surroundings, delivery, envelope.as_ref(), interrupt, reported).await)
            }
        });
        WorkerBuilder::new(name.as_str())
            // No limit of apalis's own: what arrives has a slot already, ours or a borrowed one.
            .backend(QueueBackend::new(inflight.clone(), acker.clone()))
            .on_event(|worker, event| {
                if let WorkerEvent::Error(error) = event {
                    error!(worker = worker.name(), %error, "apalis reports an error");
                }
            })
            .build(attempt)
    })
}
