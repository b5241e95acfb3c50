//! Carries promises from the outbox to Redis.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::{PgConnection, PgPool, postgres::PgListener, types::Json};
use tracing::error;

use crate::{
    envelope::{Durability, Envelope},
    faults::crash_point,
    job::JobId,
    lane::Lane,
    loops::{Outage, bounded},
    pusher::Pressure,
    store::{MAX_BATCH, Store, StoreError},
    terms::Terms,
};

/// Behind the notification stands this poll: where DATABASE_URL is a pooler there may be no LISTEN at all.
const POLL: Duration = Duration::from_millis(500);

/// Why a batch did not get to Redis. It stays in the outbox.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    #[error(transparent)]
    Redis(#[from] StoreError),
}

/// A promise as it stands in the outbox.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct OutboxRow {
    id: JobId,
    queue: String,
    name: String,
    version: i16,
    args: String,
    run_at: Option<DateTime<Utc>>,
    attempts_before: i32,
    traceparent: Option<String>,
    enqueued_at: DateTime<Utc>,
    terms: Option<Json<Terms>>,
}

/// Relays until halted.
pub(crate) async fn relay(store: Store, db: PgPool, direct_url: String, mut outage: Outage) {
    let mut listener = None;
    loop {
        match bounded(relay_batch(&store, &db)).await {
            Ok(relayed) => {
                outage.over();
                if relayed >= MAX_BATCH {
                    continue;
                }
            }
            Err(error) => {
                outage.failed(&error);
                tokio::time::sleep(outage.delay()).await;
                continue;
            }
        }
        if listener.is_none() {
            listener = listen(&direct_url).await;
            // What was committed before the listening began has notified nobody.
            if listener.is_some() {
                continue;
            }
        }
        wait(&mut listener).await;
    }
}

async fn listen(direct_url: &str) -> Option<PgListener> {
    let connect = async {
        let mut listener = PgListener::connect(direct_url).await.ok()?;
        listener.listen("faena_outbox").await.ok()?;
        Some(listener)
    };
    tokio::time::timeout(Duration::from_secs(2), connect).await.ok().flatten()
}

/// Waits for a commit that enqueued something, or for the poll.
async fn wait(listener: &mut Option<PgListener>) {
    match listener {
        None => tokio::time::sleep(POLL).await,
        Some(open) => {
            if let Ok(Err(_) | Ok(None)) = tokio::time::timeout(POLL, open.try_recv()).await {
                *listener = None;
            }
        }
    }
}

/// Pushes at most [`MAX_BATCH`] promises. A crash between the push and the commit pushes them again, which changes nothing.
async fn relay_batch(store: &Store, db: &PgPool) -> Result<usize, RelayError> {
    let mut tx = db.begin().await?;
    let rows: Vec<OutboxRow> =
        sqlx::query_as(include_str!("sql/take_unpushed.sql")).bind(MAX_BATCH as i64).fetch_all(&mut *tx).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<JobId> = rows.iter().map(|row| row.id).collect();
    crash_point("relay.taken");
    push_rows(store, rows).await?;
    crash_point("relay.pushed");
    mark_pushed(&mut tx, &ids).await?;
    crash_point("relay.marked");
    tx.commit().await?;
    crash_point("relay.committed");
    metrics::counter!("faena_relayed_total").increment(ids.len() as u64);
    Ok(ids.len())
}

/// Pushes promises to their queues.
pub(crate) async fn push_rows(store: &Store, rows: Vec<OutboxRow>) -> Result<u64, RelayError> {
    let mut by_lane: BTreeMap<Lane, Vec<Envelope>> = BTreeMap::new();
    for row in rows {
        match row.into_envelope() {
            Ok((lane, envelope)) => by_lane.entry(lane).or_default().push(envelope),
            // The table's checks make this unreachable but for a hand-edited row; one bad row must not hold up the others.
            Err(reason) => error!(reason, "a row of the outbox cannot be pushed"),
        }
    }
    let mut pushed = 0;
    for (lane, envelopes) in by_lane {
        pushed += store.push(lane, &envelopes, Pressure::Ignored).await?.added;
    }
    Ok(pushed)
}

async fn mark_pushed(tx: &mut PgConnection, ids: &[JobId]) -> sqlx::Result<()> {
    sqlx::query("update faena.outbox set pushed_at = clock_timestamp() where id = any($1)").bind(ids).execute(tx).await.map(drop)
}

impl OutboxRow {
    pub(crate) fn into_envelope(self) -> Result<(Lane, Envelope), String> {
        let lane = self.queue.parse::<Lane>().map_err(|error| format!("job {}: {error}", self.id))?;
        let args = RawValue::from_string(self.args).map_err(|error| format!("job {}: {error}", self.id))?;
        let envelope = Envelope {
            id: self.id,
            name: self.name,
            version: self.version.unsigned_abs(),
            durability: Durability::Outbox,
            enqueued_at: self.enqueued_at,
            run_at: self.run_at,
            attempts_before: self.attempts_before.unsigned_abs(),
            traceparent: self.traceparent,
            terms: self.terms.map(|terms| terms.0).unwrap_or_default(),
            args,
        };
        Ok((lane, envelope))
    }
}
