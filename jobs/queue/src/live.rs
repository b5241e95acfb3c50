//! The loops that keep one queue's live jobs moving: fetch, renew, promote and rescue.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::PgPool;
use tracing::{info, warn};

use crate::{
    ack::Acker,
    engine::Drain,
    faults::crash_point,
    inflight::Inflight,
    job::Queue,
    loops::Outage,
    store::{LEASE, MAX_BATCH, Renewed, Store, StoreError},
};

/// More jobs in one claim do not make it faster.
const CLAIM_BATCH: usize = 250;
/// Behind the wake list stands this poll, in case its token was lost.
const POLL: Duration = Duration::from_secs(1);
const RENEW_EVERY: Duration = Duration::from_secs(1);
const RESCUE_EVERY: Duration = Duration::from_secs(1);
/// New jobs may be scheduled sooner than the next known due time.
const PROMOTE_AT_LEAST_EVERY: Duration = Duration::from_millis(250);

/// Claims jobs whenever slots are free, until draining begins; then hands back what no handler has begun.
pub(crate) async fn fetch(store: Store, db: PgPool, inflight: Arc<Inflight>, acker: Acker, worker: String, drain: Drain) {
    let mut outage = Outage::new("claiming jobs");
    while !drain.begun.is_cancelled() {
        if let Err(error) = fetch_from(&store, &db, &inflight, &worker, &drain, &mut outage).await {
            outage.failed(&error);
            drain.begun.run_until_cancelled(tokio::time::sleep(outage.delay())).await;
        }
    }
    for claimed in inflight.take_unstarted() {
        acker.release_unstarted(claimed);
    }
    inflight.close();
    std::future::pending::<()>().await;
}

/// Waiting is given up when draining begins; a claim is not, or a claimed batch would have to wait for its leases to run out.
async fn fetch_from(
    store: &Store,
    db: &PgPool,
    inflight: &Inflight,
    worker: &str,
    drain: &Drain,
    outage: &mut Outage,
) -> Result<(), StoreError> {
    let mut blocking = store.blocking_connection(POLL).await?;
    loop {
        let Some(free) = drain.begun.run_until_cancelled(inflight.free_slots()).await else { return Ok(()) };
        match store.claim(inflight.queue, free.min(CLAIM_BATCH), worker).await? {
            None => ensure_epoch(store, db, inflight.queue).await?,
            Some(deliveries) if deliveries.is_empty() => {
                let wake = store.wait_for_wake(&mut blocking, inflight.queue, POLL);
                let Some(woken) = drain.begun.run_until_cancelled(wake).await else { return Ok(()) };
                woken?;
            }
            Some(deliveries) => inflight.accept(deliveries, &drain.over),
        }
        outage.over();
    }
}

/// Redis holds no epoch: it is new or was wiped. A new life of its data begins with the next number from Postgres.
pub(crate) async fn ensure_epoch(store: &Store, db: &PgPool, queue: Queue) -> Result<(), StoreError> {
    let taken: Result<(i64,), _> = sqlx::query_as("select nextval('faena.epochs')").fetch_one(db).await;
    match taken {
        Ok((epoch,)) => {
            store.offer_epoch(queue, epoch).await?;
            info!(queue = queue.as_str(), epoch, "Redis had no epoch: a new one begins");
        }
        Err(error) => {
            warn!(queue = queue.as_str(), %error, "Redis has no epoch and Postgres gives none: claiming nothing");
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// Renews every lease this process holds, and passes on what it learns about them.
pub(crate) async fn renew(store: Store, inflight: Arc<Inflight>) {
    let mut outage = Outage::new("renewing leases");
    let mut ticks = tokio::time::interval(RENEW_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let held = inflight.leases();
        if held.is_empty() {
            continue;
        }
        match store.renew(inflight.queue, &held).await {
            Ok(answers) => {
                outage.over();
                for ((id, lease), answer) in held.iter().zip(answers) {
                    match answer {
                        Renewed::Held => {}
                        Renewed::CancelWanted => inflight.cancel(id, lease),
                        Renewed::Lost => {
                            metrics::counter!("faena_leases_lost_total", "queue" => inflight.queue.as_str()).increment(1);
                            inflight.lose(id, lease);
                        }
                    }
                }
            }
            Err(error) => outage.failed(&error),
        }
    }
}

/// Makes due jobs available, to the millisecond where the due time is known.
pub(crate) async fn promote(store: Store, queue: Queue) {
    let mut outage = Outage::new("promoting due jobs");
    loop {
        crash_point("promote.begun");
        let wait = match store.promote(queue).await {
            Ok((promoted, next_due)) => {
                if promoted > 0 {
                    crash_point("promote.promoted");
                }
                outage.over();
                if promoted >= MAX_BATCH { Duration::ZERO } else { next_due.unwrap_or(PROMOTE_AT_LEAST_EVERY) }
            }
            Err(error) => {
                outage.failed(&error);
                outage.delay()
            }
        };
        tokio::time::sleep(wait.min(PROMOTE_AT_LEAST_EVERY)).await;
    }
}

/// Returns orphans to their queue. After trouble with Redis, and at the start, it waits for one lease, so that the owners of leases
/// renew them first.
pub(crate) async fn rescue(store: Store, queue: Queue) {
    let mut outage = Outage::new("rescuing orphans");
    let mut not_before = Instant::now() + LEASE;
    loop {
        tokio::time::sleep(RESCUE_EVERY).await;
        let silent = Instant::now() < not_before;
        let looked = if silent { store.epoch(queue).await.map(|_| 0) } else { store.rescue(queue).await };
        match looked {
            Ok(rescued) => {
                outage.over();
                if rescued > 0 {
                    warn!(queue = queue.as_str(), rescued, "orphans were returned to their queue");
                    metrics::counter!("faena_rescued_total", "queue" => queue.as_str()).increment(rescued as u64);
                }
            }
            Err(error) => {
                outage.failed(&error);
                not_before = Instant::now() + LEASE;
            }
        }
    }
}
