//! `bench load MODE N [RATE]`: enqueues through the public API.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use queue::Store;
use sqlx::PgPool;
use worker::{Mistakes, StoreArgs};

use crate::{
    load::{Client, load},
    notes::{Payload, monotonic_ns, setting},
    world::{Keyed, Limited, Measure, Paced, Tight},
};

#[derive(Debug, Parser)]
#[command(name = "bench load", about = "Enqueues jobs that do nothing, and says how long it took.")]
struct Arguments {
    /// one|in-flight|bulk N, or paced|promised N RATE.
    #[arg(required = true)]
    words: Vec<String>,
    #[command(flatten)]
    stores: StoreArgs,
}

struct Faena {
    store: Store,
    db: PgPool,
    /// What the jobs of `bulk` are under.
    control: Option<String>,
}

impl Client for Faena {
    /// One step of `push_all`.
    const BATCH: u64 = 500;

    async fn one(&self, payload: Payload) -> anyhow::Result<()> {
        queue::push(&self.store, Measure(payload)).await?;
        Ok(())
    }

    async fn bulk(&self, payloads: Vec<Payload>) -> anyhow::Result<()> {
        match self.control.as_deref() {
            None | Some("none") => queue::push_all(&self.store, payloads.into_iter().map(Measure)).await?,
            Some("limit") => queue::push_all(&self.store, payloads.into_iter().map(Limited)).await?,
            Some("keyed") => queue::push_all(&self.store, payloads.into_iter().map(Keyed)).await?,
            Some("tight") => queue::push_all(&self.store, payloads.into_iter().map(Tight)).await?,
            Some("rate") => queue::push_all(&self.store, payloads.into_iter().map(Paced)).await?,
            Some(other) => anyhow::bail!("no control is named {other:?}"),
        };
        Ok(())
    }

    async fn promise(&self, payload: Payload) -> anyhow::Result<u64> {
        let mut tx = self.db.begin().await?;
        queue::enqueue(&mut tx, Measure(payload)).await?;
        let asked = monotonic_ns();
        tx.commit().await?;
        Ok(asked)
    }
}

pub(crate) async fn main() -> ExitCode {
    match obey(Arguments::parse_from(std::env::args().skip(1))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn obey(arguments: Arguments) -> anyhow::Result<()> {
    let mut mistakes = Mistakes::default();
    let stores = arguments.stores.checked(&mut mistakes);
    mistakes.into_result()?;
    let stores = stores.context("the settings are incomplete")?;
    let (store, db) = (stores.store.clone(), stores.pool(1));
    // Connected before the time is taken, as every peer is.
    let ready = queue::Readiness::of_stores(&store, &db).await;
    anyhow::ensure!(ready.ready, "a store does not answer: {ready:?}");
    load(Faena { store, db, control: setting("PEERS_CONTROL") }, &arguments.words).await
}
