//! The loops that keep one queue's live jobs moving: fetch, renew, promote and rescue.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::aio::MultiplexedConnection;
use sqlx::PgPool;
use tracing::{info, warn};

use crate::{
    ack::Acker,
    engine::Drain,
    envelope::Delivery,
    epoch::Epoch,
    faults::crash_point,
    inflight::Inflight,
    lane::Lane,
    limits::read_settings,
    loops::{Outage, bounded},
    perform::Why,
    recall::recall_edited,
    relay::RelayError,
    store::{LEASE, MAX_BATCH, Renewal, Renewed, Store, StoreError},
};

/// More jobs in one claim do not make it faster.
const CLAIM_BATCH: usize = 250;
/// Behind the wake list stands this poll, in case its token was lost.
const POLL: Duration = Duration::from_secs(1);
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// A running job hears of its cancellation well within half a second.
const LOOK_FOR_CANCELS_EVERY: Duration = Duration::from_millis(200);
const RESCUE_EVERY: Duration = Duration::from_secs(1);
const SEE_BEGUN_EVERY: Duration = Duration::from_secs(1);
/// New jobs may be scheduled sooner than the next known due time.
const PROMOTE_AT_LEAST_EVERY: Duration = Duration::from_millis(250);

/// Claims jobs whenever slots are free, until draining begins; then hands back what no handler has begun.
pub(crate) async fn fetch(
    store: Store,
    db: PgPool,
    inflight: Arc<Inflight>,
    acker: Acker,
    worker: String,
    drain: Drain,
    mut outage: Outage,
) {
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
}

/// Claims over a connection of its own, whose Redis's epoch was looked at first: a Redis that was restarted or replaced breaks the
/// connection, and may have forgotten which fences it gave. No claim is given up when draining begins, or a claimed batch would have
/// to wait for its leases to run out.
async fn fetch_from(
    store: &Store,
    db: &PgPool,
    inflight: &Inflight,
    worker: &str,
    drain: &Drain,
    outage: &mut Outage,
) -> Result<(), StoreError> {
    let mut connection = store.blocking_connection(POLL).await?;
    ensure_epoch(store, db, inflight.lane, &mut connection).await?;
    let mut wanted = 1;
    loop {
        let freed = tokio::time::timeout(POLL, inflight.free_slots(wanted));
        let Some(freed) = drain.begun.run_until_cancelled(freed).await else { return Ok(()) };
        let Ok(free) = freed else {
            outage.waits();
            continue;
        };
        let mut limit = free.min(CLAIM_BATCH);
        let own = inflight.free_own_slots();
        if own < limit {
            limit = own + inflight.borrow_slots(limit - own);
        }
        if limit == 0 || inflight.is_paused() {
            inflight.return_unused();
            outage.waits();
            continue;
        }
        let mut claimed = store.claim(&mut connection, inflight.lane, limit, worker).await?;
        // More is waiting: a claim for each slot that becomes free would cost Redis more than the jobs.
        let more = claimed.as_ref().is_some_and(|deliveries| deliveries.len() == limit);
        wanted = if more { (inflight.slots / 2).clamp(1, CLAIM_BATCH) } else { 1 };
        if claimed.as_ref().is_some_and(Vec::is_empty) {
            inflight.return_unused();
            outage.over();
            claimed = wait_and_claim(store, &mut connection, inflight, worker, drain).await?;
        }
        match claimed {
            None => ensure_epoch(store, db, inflight.lane, &mut connection).await?,
            Some(deliveries) => inflight.accept(deliveries),
        }
        inflight.return_unused();
        outage.over();
    }
}

/// Waits for a push, and claims one job then: for one a slot stands free, because the last is never lent. A drain and a pause end the
/// wait; what was claimed at that moment comes all the same.
async fn wait_and_claim(
    store: &Store,
    connection: &mut MultiplexedConnection,
    inflight: &Inflight,
    worker: &str,
    drain: &Drain,
) -> Result<Option<Vec<Delivery>>, StoreError> {
    let limit = inflight.free_own_slots().min(1);
    let mut waiting = pin!(store.wait_and_claim(connection, inflight.lane, limit, worker, POLL));
    tokio::select! {
        claimed = &mut waiting => return claimed,
        () = drain.begun.cancelled() => {}
        () = inflight.stopped() => {}
    }
    // Unheard, it ends by itself within `POLL`.
    let _ = store.hurry(inflight.lane, worker).await;
    waiting.await
}

/// Begins a new epoch, with the next number from Postgres, if Redis holds none, because it is new or was wiped, or if it holds
/// another Redis's: after a restart or a promotion it may have forgotten the last fences it gave.
pub(crate) async fn ensure_epoch(
    store: &Store,
    db: &PgPool,
    lane: Lane,
    connection: &mut MultiplexedConnection,
) -> Result<(), StoreError> {
    let (replication_id, present) = store.life(connection, lane).await?;
    if present.as_ref().is_some_and(|epoch| epoch.is_of(&replication_id)) {
        return Ok(());
    }
    let taken = bounded(async {
        let (number,): (i64,) = sqlx::query_as("select nextval('faena.epochs')").fetch_one(db).await?;
        Ok::<_, sqlx::Error>((number, read_settings(db).await?))
    })
    .await;
    match taken {
        Ok((number, told)) => {
            // Before anything can be claimed: a wiped Redis has forgotten what is limited and what is paused.
            // All over this connection: after a failover another one may lead to another Redis.
            store.tell_settings_over(connection, lane, &told).await?;
            match bounded(recall_edited(store, db, lane, connection)).await {
                Ok(()) => {}
                Err(RelayError::Redis(error)) => return Err(error),
                Err(RelayError::Postgres(error)) => {
                    warn!(queue = lane.as_str(), %error, "Postgres does not say what was changed: claiming nothing");
                    return Err(StoreError::no_epoch());
                }
            }
            crash_point("epoch.told");
            let holds = store.begin_epoch(connection, lane, present.as_ref(), number, &replication_id).await?;
            if !holds.is_of(&replication_id) {
                return Err(StoreError::another_life());
            }
            crash_point("epoch.begun");
            info!(queue = lane.as_str(), epoch = number, "a new life of Redis's data: a new epoch begins");
            Ok(())
        }
        Err(error) => {
            warn!(queue = lane.as_str(), %error, "Redis needs a new epoch and Postgres gives none: claiming nothing");
            Err(StoreError::no_epoch())
        }
    }
}

/// Sees whether apalis takes what was claimed: each job has a slot, so none waits for longer than a moment. Where it does not, their leases would be renewed
/// for ever, and nobody would run them.
pub(crate) async fn see_begun(inflight: Arc<Inflight>, outage: Outage) {
    let mut begun = 0;
    loop {
        if inflight.begins(&mut begun) {
            outage.waits();
        }
        tokio::time::sleep(SEE_BEGUN_EVERY).await;
    }
}

/// Renews every lease this process holds, and passes on what it learns about them. Between renewals it looks whether somebody wants a
/// running job cancelled; with nothing running it asks Redis nothing.
pub(crate) async fn renew(store: Store, inflight: Arc<Inflight>, mut outage: Outage) {
    let mut ticks = tokio::time::interval(LOOK_FOR_CANCELS_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut renewed: Option<Instant> = None;
    loop {
        ticks.tick().await;
        if inflight.is_empty() {
            outage.waits();
            continue;
        }
        // A tick early rather than a tick late.
        let told = if renewed.is_none_or(|at| at.elapsed() + LOOK_FOR_CANCELS_EVERY / 2 >= RENEW_EVERY) {
            renewed = Some(Instant::now());
            renew_once(&store, &inflight).await
        } else {
            store.cancels(inflight.lane).await.map(|wishes| inflight.cancel(&wishes))
        };
        match told {
            Ok(()) => outage.over(),
            Err(error) => outage.failed(&error),
        }
    }
}

async fn renew_once(store: &Store, inflight: &Inflight) -> Result<(), StoreError> {
    let held = inflight.renewals();
    let answers = store.renew(inflight.lane, &held).await.inspect_err(|_| inflight.tell_progress_again())?;
    for (Renewal { id, lease, .. }, answer) in held.iter().zip(answers) {
        match answer {
            Renewed::Held => {}
            Renewed::CancelWanted => inflight.interrupt(id, lease, Why::Cancel),
            Renewed::Lost => {
                metrics::counter!("faena_leases_lost_total", "queue" => inflight.lane.as_str()).increment(1);
                inflight.interrupt(id, lease, Why::Lost);
            }
        }
    }
    Ok(())
}

/// Makes due jobs available, to the millisecond where the due time is known. What is parked is offered once at the start: this
/// binary may know it.
pub(crate) async fn promote(store: Store, lane: Lane, mut outage: Outage) {
    let mut parked = true;
    loop {
        crash_point("promote.begun");
        let wait = match store.promote(lane, parked).await {
            Ok((promoted, next_due)) => {
                if promoted > 0 {
                    crash_point("promote.promoted");
                }
                outage.over();
                parked &= promoted >= MAX_BATCH;
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

/// Returns orphans to their lane. After trouble with Redis, in a new epoch, at the start and when it is late (the machine or Redis stood still,
/// and every lease may have run out with nobody dead), it waits for one lease, so that the owners of leases renew them first.
pub(crate) async fn rescue(store: Store, lane: Lane, mut outage: Outage) {
    let mut waited: Option<(Epoch, Instant)> = None;
    loop {
        let slept = Instant::now();
        tokio::time::sleep(RESCUE_EVERY).await;
        let answer = store.epoch_and_time(lane).await;
        // The answer counts: while Redis stood still, owners could not renew either.
        if slept.elapsed() > 2 * RESCUE_EVERY {
            waited = None;
        }
        let rescued = match (answer, &waited) {
            (Err(error), _) => Err(error),
            (Ok((None, _)), _) => {
                waited = None;
                Ok(None)
            }
            (Ok((Some(epoch), asked)), Some((known, since))) if epoch == *known => match since.elapsed() >= LEASE {
                true => store.rescue(lane, &epoch, asked).await.inspect(|rescued| {
                    if rescued.is_none() {
                        waited = None;
                    }
                }),
                false => Ok(None),
            },
            (Ok((Some(epoch), _)), _) => {
                waited = Some((epoch, Instant::now()));
                Ok(None)
            }
        };
        match rescued {
            Ok(rescued) => {
                outage.over();
                if let Some(rescued @ 1..) = rescued {
                    warn!(queue = lane.as_str(), rescued, "orphans were returned to their queue");
                    metrics::counter!("faena_rescued_total", "queue" => lane.as_str()).increment(rescued);
                }
            }
            Err(error) => {
                outage.failed(&error);
                waited = None;
            }
        }
    }
}
