//! Carries promises from the outbox to Redis.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

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
    edited_at: Option<DateTime<Utc>>,
}

/// Relays until halted.
pub(crate) async fn relay(store: Store, db: PgPool, direct_url: String, mut outage: Outage) {
    let (mut listener, mut most) = (None, MAX_BATCH);
    // Lanes that have refused, and when they are tried again: the others' promises do not wait for them.
    let mut refusing: BTreeMap<Lane, Instant> = BTreeMap::new();
    loop {
        refusing.retain(|_, until| *until > Instant::now());
        let refused: Vec<Lane> = refusing.keys().copied().collect();
        match bounded(relay_batch(&store, &db, &refused, most)).await {
            Ok(Relayed { taken, refused }) => {
                match refused {
                    None if refusing.is_empty() => outage.over(),
                    None => outage.waits(),
                    Some((lane, error)) => {
                        outage.failed(&error);
                        refusing.insert(lane, Instant::now() + outage.delay());
                        continue;
                    }
                }
                let all = taken < most;
                most = (most * 2).min(MAX_BATCH);
                if !all {
                    continue;
                }
            }
            Err(error) => {
                // Five hundred of the largest jobs may be more than a step has time for.
                most = (most / 2).max(1);
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

/// What a step came to.
struct Relayed {
    /// How many promises it had in hand.
    taken: usize,
    /// A lane whose keys are not what they must be, and what Redis said.
    refused: Option<(Lane, StoreError)>,
}

/// Pushes at most `most` promises, of other lanes than those that `refused`. A crash between the push and the commit pushes them again, which
/// changes nothing.
async fn relay_batch(store: &Store, db: &PgPool, refused: &[Lane], most: usize) -> Result<Relayed, RelayError> {
    let mut tx = db.begin().await?;
    let refused: Vec<&str> = refused.iter().map(|lane| lane.as_str()).collect();
    let rows: Vec<OutboxRow> = sqlx::query_as(include_str!("sql/take_unpushed.sql"))
        .bind(i64::try_from(most).unwrap_or(1))
        .bind(refused)
        .fetch_all(&mut *tx)
        .await?;
    if rows.is_empty() {
        return Ok(Relayed { taken: 0, refused: None });
    }
    let taken = rows.len();
    crash_point("relay.taken");
    let pushed = push_rows(store, rows).await?;
    crash_point("relay.pushed");
    mark_pushed(&mut tx, &pushed.ids).await?;
    crash_point("relay.marked");
    tx.commit().await?;
    crash_point("relay.committed");
    metrics::counter!("faena_relayed_total").increment(pushed.ids.len() as u64);
    Ok(Relayed { taken, refused: pushed.refused })
}

/// What came of a push of promises.
#[derive(Debug, Default)]
pub(crate) struct PushedRows {
    /// Redis has these, and those that can never be pushed are among them.
    ids: Vec<JobId>,
    /// How many were new to it.
    pub(crate) added: u64,
    /// A lane whose keys are not what they must be: nothing of it was pushed.
    pub(crate) refused: Option<(Lane, StoreError)>,
}

/// Pushes promises to their queues. What is wrong with one lane's keys is not the others' trouble.
pub(crate) async fn push_rows(store: &Store, rows: Vec<OutboxRow>) -> Result<PushedRows, RelayError> {
    let mut by_lane: BTreeMap<Lane, Vec<Envelope>> = BTreeMap::new();
    let mut pushed = PushedRows::default();
    for row in rows {
        let id = row.id;
        match row.into_envelope() {
            Ok((lane, envelope)) => by_lane.entry(lane).or_default().push(envelope),
            // The table's checks make this unreachable but for a hand-edited row; one bad row must not hold up the others.
            Err(reason) => {
                error!(reason, "a row of the outbox cannot be pushed");
                pushed.ids.push(id);
            }
        }
    }
    for (lane, envelopes) in by_lane {
        match store.push(lane, &envelopes, Pressure::Ignored).await {
            Ok(of_lane) => {
                pushed.added += of_lane.added;
                pushed.ids.extend(envelopes.iter().map(|envelope| envelope.id));
            }
            Err(error) if error.is_of_one_lane() => pushed.refused = Some((lane, error)),
            Err(error) => return Err(error.into()),
        }
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
            edited_at: self.edited_at,
            terms: self.terms.map(|terms| terms.0).unwrap_or_default(),
            args,
        };
        Ok((lane, envelope))
    }
}
