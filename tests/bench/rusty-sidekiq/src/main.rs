//! rusty-sidekiq in the benchmarks: `enqueue MODE N [RATE]` and `work`.

#[path = "../../src/load.rs"]
mod load;
#[path = "../../src/notes.rs"]
mod notes;

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use sidekiq::{Processor, ProcessorConfig, RedisConnectionManager, RedisPool, Worker, WorkerOpts};

use crate::{
    load::{Client, load},
    notes::{Notes, Payload, setting},
};

/// What it does best with on two cores; its own default is the number of cores.
const BEST_CONCURRENCY: usize = 16;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, rest)) if command == "enqueue" => {
            // As many connections as calls in flight.
            let pool = connect(64).await?;
            load(Sidekiq(pool), rest).await
        }
        _ => work().await,
    }
}

async fn connect(size: u32) -> anyhow::Result<RedisPool> {
    let manager = RedisConnectionManager::new(setting("PEERS_REDIS_URL").context("which Redis?")?)?;
    // Whoever is after speed does not ask a connection whether it lives before each use.
    let pool = bb8::Pool::builder().max_size(size).test_on_check_out(false).build(manager).await?;
    drop(pool.get().await?);
    Ok(pool)
}

struct Sidekiq(RedisPool);

impl Client for Sidekiq {
    /// It has no bulk push: a batch of one, in as many lanes as `in-flight` has.
    const BATCH: u64 = 1;

    async fn one(&self, payload: Payload) -> anyhow::Result<()> {
        Ok(Measure::perform_async(&self.0, payload).await?)
    }

    async fn bulk(&self, _payloads: Vec<Payload>) -> anyhow::Result<()> {
        anyhow::bail!("it has no bulk push")
    }

    async fn promise(&self, _payload: Payload) -> anyhow::Result<u64> {
        anyhow::bail!("it knows no transaction")
    }
}

#[derive(Clone)]
struct Measure(Arc<Notes>);

#[async_trait]
impl Worker<Payload> for Measure {
    fn opts() -> WorkerOpts<Payload, Self> {
        WorkerOpts::new().queue("bench")
    }

    async fn perform(&self, payload: Payload) -> sidekiq::Result<()> {
        self.0.work(payload.id, payload.t).await.map_err(|error| sidekiq::Error::Message(error.to_string()))?;
        self.0.finished(1);
        Ok(())
    }
}

async fn work() -> anyhow::Result<()> {
    let slots = setting("PEERS_CONCURRENCY").map_or(Ok(BEST_CONCURRENCY), |slots| slots.parse())?;
    let pool = connect(u32::try_from(slots)? * 2 + 5).await?;
    let config = ProcessorConfig::default().num_workers(slots);
    let mut processor = Processor::new(pool, vec!["bench".to_owned()]).with_config(config);
    processor.register(Measure(Notes::open()?));
    processor.run().await;
    Ok(())
}
