//! Whether the stores answer, asked now and within a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use sqlx::PgPool;

use crate::{
    lane::Lane,
    operations::{Operations, State},
    store::Store,
};

const PATIENCE: Duration = Duration::from_secs(1);

/// One dependency's answer.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Whether it answered.
    pub ok: bool,
    /// How long it took, in ms.
    pub ms: f64,
    /// What went wrong, without addresses or credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What `/ready` says: ready only if everything that must answer does.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Readiness {
    /// Whether requests or jobs may be sent here.
    pub ready: bool,
    /// One entry per dependency.
    pub checks: BTreeMap<&'static str, Check>,
}

impl Check {
    /// Asks a dependency, for at most a second. `ask` says what is wrong in words fit for strangers.
    pub async fn ask(ask: impl Future<Output = Result<(), String>>) -> Self {
        let asked = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, ask).await.unwrap_or_else(|_| Err("no answer within 1 s".to_owned()));
        Self { ok: answer.is_ok(), ms: (asked.elapsed().as_secs_f64() * 1e5).round() / 100.0, error: answer.err() }
    }
}

impl Readiness {
    /// Asks Postgres (and whether its schema is there) and the queues' Redis.
    pub async fn of_stores(store: &Store, db: &PgPool) -> Self {
        let postgres = Check::ask(async {
            let there: Result<(bool,), _> = sqlx::query_as("select to_regclass('faena.outbox') is not null").fetch_one(db).await;
            match there {
                Ok((true,)) => Ok(()),
                Ok((false,)) => Err("the migrations have not been applied".to_owned()),
                Err(_) => Err("no connection".to_owned()),
            }
        });
        let redis = Check::ask(async { store.now().await.map(drop).map_err(|_| "no connection".to_owned()) });
        let (postgres, redis) = tokio::join!(postgres, redis);
        Self { ready: postgres.ok && redis.ok, checks: BTreeMap::from([("postgres", postgres), ("redis", redis)]) }
    }
}

impl Operations {
    /// See [`Readiness::of_stores`].
    pub async fn readiness(&self) -> Readiness {
        Readiness::of_stores(&self.store, &self.db).await
    }

    /// Sets the gauges that describe the engine as a whole, for a scrape. What cannot be asked within a second is left out: a gauge
    /// that repeats an old number would lie.
    pub async fn publish_gauges(&self) {
        let overview = tokio::time::timeout(PATIENCE, self.overview()).await;
        let Ok(Ok(overview)) = overview else {
            metrics::gauge!("faena_overview_up").set(0.0);
            for lane in told().iter().copied() {
                State::ALL.iter().for_each(|state| gauge_jobs(lane, *state).set(f64::NAN));
                oldest_age(lane).set(f64::NAN);
            }
            for whole in [relay_lag(), unrecorded(), unrecorded_bytes(), workers()] {
                whole.set(f64::NAN);
            }
            return;
        };
        metrics::gauge!("faena_overview_up").set(1.0);
        for lane in &overview.lanes {
            for state in State::ALL {
                #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
                gauge_jobs(lane.lane, state).set(lane.count(state) as f64);
            }
            told().insert(lane.lane);
            oldest_age(lane.lane).set(lane.oldest_age.unwrap_or_default().as_secs_f64());
        }
        relay_lag().set(overview.relay_lag.unwrap_or_default().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
        unrecorded().set(overview.unrecorded as f64);
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
        unrecorded_bytes().set(overview.unrecorded_bytes as f64);
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
        workers().set(overview.workers.iter().filter(|worker| !worker.is_silent(overview.taken_at)).count() as f64);
    }
}

/// The lanes whose gauges this process has set: gauges are the process's, and so is this list.
fn told() -> MutexGuard<'static, BTreeSet<Lane>> {
    static TOLD: Mutex<BTreeSet<Lane>> = Mutex::new(BTreeSet::new());
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gauge_jobs(lane: Lane, state: State) -> metrics::Gauge {
    metrics::gauge!("faena_jobs", "queue" => lane.as_str(), "state" => state.as_str())
}

fn relay_lag() -> metrics::Gauge {
    metrics::gauge!("faena_relay_lag_seconds")
}

fn unrecorded_bytes() -> metrics::Gauge {
    metrics::gauge!("faena_unrecorded_bytes")
}

fn unrecorded() -> metrics::Gauge {
    metrics::gauge!("faena_unrecorded_events")
}

fn workers() -> metrics::Gauge {
    metrics::gauge!("faena_workers")
}

fn oldest_age(lane: Lane) -> metrics::Gauge {
    metrics::gauge!("faena_oldest_age_seconds", "queue" => lane.as_str())
}
