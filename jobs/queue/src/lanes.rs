//! The lanes there are, and which of them are paused: decisions, kept in Postgres.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use sqlx::{PgConnection, PgPool};

use crate::{
    inflight::Inflight,
    job::Queue,
    lane::Lane,
    limit::Limit,
    limits::{list_limits, read_settings, tell_lanes},
    loops::{Outage, bounded},
    operations::{Operations, OperationsError},
    relay::RelayError,
    store::Store,
};

/// A pause is seen by every worker within this time.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Every lane that a worker has ever served, most urgent first.
pub(crate) async fn lanes(db: &mut PgConnection) -> sqlx::Result<Vec<Lane>> {
    let names: Vec<(String,)> = sqlx::query_as("select lane from faena.lanes").fetch_all(db).await?;
    let mut lanes: Vec<Lane> = names.iter().filter_map(|(name,)| name.parse().ok()).collect();
    lanes.sort();
    Ok(lanes)
}

/// What a worker's catalogue names: lanes, and limits with theirs.
pub(crate) type Named = (Vec<Lane>, Vec<(Lane, Limit)>);

/// Puts the lanes and limits of this worker's catalogue on the list, and learns and tells what is paused and what limits allow, before the
/// first claim: who claims without knowing begins what is paused, and sets aside what it knows no bounds of.
pub(crate) async fn learn_settings(
    store: &Store,
    db: &PgPool,
    catalogue: &Named,
    inflights: &[Arc<Inflight>],
) -> Result<(), RelayError> {
    list(db, &catalogue.0).await?;
    list_limits(db, &catalogue.1).await?;
    look(store, db, &catalogue.0, inflights).await
}

async fn look(store: &Store, db: &PgPool, lanes: &[Lane], inflights: &[Arc<Inflight>]) -> Result<(), RelayError> {
    let told = read_settings(db).await?;
    inflights.iter().for_each(|inflight| inflight.pause(told.resting.by(inflight.lane).is_some()));
    Ok(tell_lanes(store, lanes, &told).await?)
}

/// Keeps this worker's claims in step with pauses and limits, until halted. While Postgres is away, what was last known holds.
pub(crate) async fn watch_settings(
    store: Store,
    db: PgPool,
    catalogue: Named,
    inflights: Vec<Arc<Inflight>>,
    mut is_listed: bool,
    mut outage: Outage,
) {
    loop {
        let looked = async {
            if is_listed {
                look(&store, &db, &catalogue.0, &inflights).await
            } else {
                learn_settings(&store, &db, &catalogue, &inflights).await
            }
        };
        match bounded(looked).await {
            Ok(()) => {
                is_listed = true;
                outage.over();
            }
            Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn list(db: &PgPool, catalogue: &[Lane]) -> sqlx::Result<()> {
    let names: Vec<&str> = catalogue.iter().map(|lane| lane.as_str()).collect();
    sqlx::query("insert into faena.lanes (lane) select unnest($1::text[]) on conflict do nothing")
        .bind(names)
        .execute(db)
        .await
        .map(drop)
}

/// What is paused of which nothing is claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PausedLanes {
    lanes: BTreeMap<Lane, String>,
    queues: BTreeMap<Queue, String>,
}

impl PausedLanes {
    /// Who paused it, alone or with its queue.
    pub(crate) fn by(&self, lane: Lane) -> Option<&String> {
        self.lanes.get(&lane).or_else(|| self.queues.get(&lane.queue()))
    }
}

/// The paused lanes and queues, and who paused each.
pub(crate) async fn paused(db: &PgPool) -> sqlx::Result<PausedLanes> {
    let rows: Vec<(String, String, bool)> = sqlx::query_as(
        "select lane, paused_by, false from faena.lanes where paused_at is not null
         union all select substr(what, 7), paused_by, true from faena.pauses where starts_with(what, 'queue:')",
    )
    .fetch_all(db)
    .await?;
    let mut paused = PausedLanes::default();
    for (name, by, is_queue) in rows {
        if is_queue {
            paused.queues.extend(name.parse().ok().map(|queue: Queue| (queue, by)));
        } else {
            paused.lanes.extend(name.parse().ok().map(|lane: Lane| (lane, by)));
        }
    }
    Ok(paused)
}

impl Operations {
    /// Pauses a lane: its jobs wait, those that run go on. Every worker sees it within a second, and a wiped Redis does not forget it.
    /// Answers whether it was not paused before.
    ///
    /// # Errors
    /// No worker has ever served such a lane, or Postgres did not answer.
    pub async fn pause(&self, lane: Lane, actor: &str) -> Result<bool, OperationsError> {
        let known: BTreeSet<Lane> = Lane::OWN.into_iter().chain(self.lanes().await?).collect();
        if !known.contains(&lane) {
            let known = known.iter().map(|lane| lane.as_str()).collect::<Vec<_>>().join(", ");
            return Err(OperationsError::UnknownLane { lane, known });
        }
        let paused = sqlx::query(
            "insert into faena.lanes as l (lane, paused_at, paused_by) values ($1, clock_timestamp(), $2)
             on conflict (lane) do update set paused_at = excluded.paused_at, paused_by = excluded.paused_by where l.paused_at is null",
        );
        let paused = paused.bind(lane.as_str()).bind(actor).execute(&self.db).await?.rows_affected() > 0;
        self.tell_lanes_now().await;
        Ok(paused)
    }

    /// Resumes a paused lane. Answers whether it was paused.
    ///
    /// # Errors
    /// Postgres did not answer.
    pub async fn resume(&self, lane: Lane) -> Result<bool, OperationsError> {
        let resumed =
            sqlx::query("update faena.lanes set paused_at = null, paused_by = null where lane = $1 and paused_at is not null");
        let resumed = resumed.bind(lane.as_str()).execute(&self.db).await?.rows_affected() > 0;
        self.tell_lanes_now().await;
        Ok(resumed)
    }
}
