//! River for Rust in the benchmarks: `prepare`, `enqueue MODE N [RATE]` and `work`.

#[path = "../../src/load.rs"]
mod load;
#[path = "../../src/notes.rs"]
mod notes;

use std::time::Duration;

use anyhow::Context;
use riverqueue::{
    BoxError, Client as River, EventKind, EventRecvError, InsertOpts, Job, JobArgs, MaintenanceConfig, QueueConfig, WorkContext,
    WorkOutcome, Workers,
    migrate::PostgresMigrator,
    sqlx::{PgPool, postgres::PgPoolOptions},
};
use serde::{Deserialize, Serialize};

use crate::{
    load::{Client, load},
    notes::{Notes, Payload, monotonic_ns, setting},
};

/// What its own benchmark works with.
const BEST_CONCURRENCY: usize = 2000;
const EAGER_COOLDOWN: Duration = Duration::from_millis(2);
const EAGER_POLL: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Serialize, Deserialize, JobArgs)]
#[river(kind = "measure")]
struct Measure {
    id: u64,
    t: u64,
    pad: String,
}

impl From<Payload> for Measure {
    fn from(Payload { id, t, pad }: Payload) -> Self {
        Self { id, t, pad }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let url = setting("PEERS_PG_URL").context("which Postgres?")?;
    let pool = PgPoolOptions::new().max_connections(10).connect(&url).await?;
    match arguments.split_first() {
        Some((command, _)) if command == "prepare" => {
            PostgresMigrator::new(pool).migrate_up().await?;
            Ok(())
        }
        Some((command, rest)) if command == "enqueue" => {
            // A client tells workers of an insert only when the last telling is this long ago; its default is 100 ms.
            let eager = setting("PEERS_SCENARIO").as_deref() == Some("latency");
            let mut builder = River::builder(pool.clone());
            if eager {
                builder = builder.fetch_cooldown(EAGER_COOLDOWN);
            }
            load(Inserter { client: builder.build()?, pool }, rest).await
        }
        _ => work(pool).await,
    }
}

struct Inserter {
    client: River,
    pool: PgPool,
}

fn options() -> InsertOpts {
    InsertOpts::default().with_queue("bench")
}

impl Client for Inserter {
    const BATCH: u64 = 1000;

    async fn one(&self, payload: Payload) -> anyhow::Result<()> {
        self.client.insert(Measure::from(payload)).opts(options()).await?;
        Ok(())
    }

    async fn bulk(&self, payloads: Vec<Payload>) -> anyhow::Result<()> {
        self.client.insert_many(payloads.into_iter().map(|payload| (Measure::from(payload), options()))).await?;
        Ok(())
    }

    async fn promise(&self, payload: Payload) -> anyhow::Result<u64> {
        let mut tx = riverqueue::database::begin_postgres(&self.pool).await?;
        self.client.insert(Measure::from(payload)).opts(options()).tx(&mut tx).await?;
        let asked = monotonic_ns();
        tx.commit().await?;
        Ok(asked)
    }
}

async fn work(pool: PgPool) -> anyhow::Result<()> {
    let notes = Notes::open()?;
    let kill9 = setting("PEERS_SCENARIO").as_deref() == Some("kill9");
    let durable = setting("PEERS_VARIANT").as_deref() == Some("durable");
    let slots = setting("PEERS_CONCURRENCY").map_or(Ok(BEST_CONCURRENCY), |slots| slots.parse())?;

    let mut workers = Workers::new();
    let noting = notes.clone();
    workers.add_fn(move |_: WorkContext, job: Job<Measure>| {
        let notes = noting.clone();
        async move {
            notes.work(job.args.id, job.args.t).await?;
            Ok::<_, BoxError>(WorkOutcome::Complete)
        }
    })?;
    let (mut queue, mut builder) = (QueueConfig::new(slots), River::builder(pool));
    // Where speed is measured it may be as eager as in its own benchmark; killed, it is first as shipped.
    if !kill9 || durable {
        queue = queue.with_fetch_poll_interval(EAGER_POLL);
        builder = builder.fetch_cooldown(EAGER_COOLDOWN);
    }
    if durable {
        // As shipped it rescues after an hour, and a dead leader keeps its place for fifteen seconds.
        let maintenance = MaintenanceConfig::default()
            .with_rescue_after(Duration::from_secs(5))
            .with_rescuer_interval(Duration::from_secs(2))
            .with_scheduler_interval(Duration::from_secs(1))
            .with_elect_interval(Duration::from_secs(1));
        builder = builder.maintenance(maintenance).job_timeout(Duration::from_secs(5));
    }
    let client = builder.workers(workers).queue("bench", queue).build()?;
    let mut completed = client.subscribe(&[EventKind::JobCompleted])?;
    let _running = client.start()?;
    loop {
        match completed.recv().await {
            Ok(_) => notes.finished(1),
            // Events that came too fast are counted, not lost: there are no others.
            Err(EventRecvError::Lagged(missed)) => notes.finished(missed),
            Err(error) => return Err(error.into()),
        }
    }
}
