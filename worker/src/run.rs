//! `worker run`: the engine, the admin listener, and the signals that end them.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context;
use queue::{Alone, Companion, Engine, Journal, Operations, Outage, Registry};
use schedules::{Schedule, SharedCatalogue};
use secrecy::ExposeSecret;
use sqlx::PgPool;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    admin,
    publish::publish,
    pulse::watch_the_runtime,
    settings::{ATTEMPT, RunSettings, Stores},
    supervise::PARENT,
    telemetry,
};

/// Connections for the engine's loops, besides those of running jobs.
const LOOP_CONNECTIONS: u32 = 12;
/// Of more connections Postgres would have more to do, and none of its work be done sooner: jobs wait for theirs.
const MAX_CONNECTIONS: u32 = 50;

pub(crate) async fn run<P: Send + Sync + 'static>(
    stores: Stores,
    settings: RunSettings,
    registry: Registry<P>,
    catalogue: SharedCatalogue,
    schedules: Vec<Schedule>,
    ports: P,
) -> anyhow::Result<()> {
    let metrics = telemetry::collect_metrics()?;
    let slots: usize = settings.slots.values().sum();
    let db = stores.pool(LOOP_CONNECTIONS);
    let job_db = stores.job_pool(u32::try_from(slots).unwrap_or(u32::MAX).min(MAX_CONNECTIONS));
    let stop = stop_on_signals()?;
    let listener = admin::listen(settings.admin_addr).await?;
    let addr = listener.local_addr().context("asking for the admin listener's address")?;
    let worker = name();
    let draining = stop.clone();
    let operations = Operations::new(stores.store.clone(), db.clone());
    let serving = tokio::spawn(admin::serve(listener, operations, metrics.clone(), draining));
    let mut companions = keep_schedules(&db, &catalogue, &schedules, &stop);
    companions.push(Companion::new("publish", {
        let (db, publication) = (db.clone(), registry.publication());
        move |outage| publish(db.clone(), publication.clone(), outage)
    }));
    companions.push(Companion::new("upkeep", move |outage| telemetry::keep_up(metrics.clone(), outage)));
    let engine = Engine {
        store: stores.store.clone(),
        db: job_db,
        loop_db: db,
        direct_url: stores.direct_url.expose_secret().to_owned(),
        registry,
        ports: Arc::new(ports),
        slots: settings.slots,
        record: settings.record,
        journal: settings.journal.as_deref().map(Journal::begin).transpose().context("beginning the journal")?,
        alone: Some(Alone {
            program: std::env::current_exe().context("looking for this program")?,
            args: std::env::args_os().skip(1).collect(),
            envs: BTreeMap::from([(ATTEMPT.into(), "true".into()), (PARENT.into(), std::process::id().to_string().into())]),
        }),
        drain: settings.drain,
        worker: worker.clone(),
        companions,
    };
    watch_the_runtime().context("starting the watchdog")?;
    info!(%addr, worker, "ready");
    let drained = engine.run(stop).await;
    serving.abort();
    drained?;
    info!(worker, "drained");
    Ok(())
}

/// What fires ticks, and what sees whether anybody does. Neither goes on while the worker drains.
fn keep_schedules(db: &PgPool, catalogue: &SharedCatalogue, schedules: &[Schedule], stop: &CancellationToken) -> Vec<Companion> {
    let ticks = {
        let (db, catalogue, schedules, stop) = (db.clone(), catalogue.clone(), schedules.to_vec(), stop.clone());
        move |outage: Outage| {
            let ticks = schedules::tick(db.clone(), catalogue.clone(), schedules.clone(), outage);
            let stopped = stop.clone().run_until_cancelled_owned(ticks);
            async move { _ = stopped.await }
        }
    };
    let watches = {
        let (db, stop) = (db.clone(), stop.clone());
        move |outage: Outage| {
            let stopped = stop.clone().run_until_cancelled_owned(schedules::watch(db.clone(), outage));
            async move { _ = stopped.await }
        }
    };
    vec![Companion::new("tick", ticks), Companion::new("watch_ticks", watches)]
}

/// Host, process and a random part: a name is never reused, so nothing of an earlier process can be taken for this one's.
fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).take(63).collect();
    format!(
        "{}-{}-{}",
        if host.is_empty() { "worker" } else { &host },
        std::process::id(),
        &uuid::Uuid::new_v4().simple().to_string()[..8]
    )
}

fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM"),
            _ = interrupt.recv() => info!("SIGINT"),
        }
        stopped.cancel();
    });
    Ok(stop)
}
