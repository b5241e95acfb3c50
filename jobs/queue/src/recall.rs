//! What an operator has changed, and a Redis that has lost its last words brings back as it was before: it is taken out, and pushed anew.

use chrono::{DateTime, Utc};
use redis::aio::MultiplexedConnection;
use sqlx::PgPool;
use tracing::warn;

use crate::{
    envelope::{Envelope, without_words},
    job::JobId,
    lane::Lane,
    relay::RelayError,
    store::{MAX_BATCH, Store, StoreError},
};

/// Compares what the Redis behind a connection holds of a lane with what was changed within the last hour: no Redis forgets more, unless a person has set
/// it back. Before anything is claimed in a new life of its data.
pub(crate) async fn recall_edited(
    store: &Store,
    db: &PgPool,
    lane: Lane,
    connection: &mut MultiplexedConnection,
) -> Result<(), RelayError> {
    let edited: Vec<(JobId, DateTime<Utc>)> = sqlx::query_as(
        "select id, edited_at from faena.outbox where queue = $1 and edited_at > clock_timestamp() - interval '1 hour' order by id",
    )
    .bind(lane.as_str())
    .fetch_all(db)
    .await?;
    let mut recalled = 0;
    for some in edited.chunks(MAX_BATCH) {
        for id in store.outdated(connection, lane, some).await? {
            recalled += usize::from(recall(store, db, lane, connection, id).await?);
        }
    }
    if recalled > 0 {
        warn!(
            queue = lane.as_str(),
            recalled, "Redis had come back with jobs as they were before an operator changed them: they are pushed anew"
        );
    }
    Ok(())
}

/// Decided under the promise's lock: no relay pushes it meanwhile, and nobody changes it. One lock at a time, so that nobody waits for two.
async fn recall(
    store: &Store,
    db: &PgPool,
    lane: Lane,
    connection: &mut MultiplexedConnection,
    id: JobId,
) -> Result<bool, RelayError> {
    let mut tx = db.begin().await?;
    let edited_at: Option<Option<DateTime<Utc>>> =
        sqlx::query_scalar("select edited_at from faena.outbox where id = $1 for update")
            .bind(id)
            .fetch_optional(&mut *tx)
            .await?;
    let Some(edited_at) = edited_at.flatten() else { return Ok(false) };
    if store.outdated(connection, lane, &[(id, edited_at)]).await?.is_empty() {
        return Ok(false);
    }
    // Whoever runs it runs what nobody wants any more, and its effect is refused already.
    store.withdraw(connection, lane, &id.to_string(), true).await?;
    sqlx::query("update faena.outbox set pushed_at = null where id = $1").bind(id).execute(&mut *tx).await?;
    sqlx::query("select pg_notify('faena_outbox', '')").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(true)
}

impl Store {
    /// Of these changed jobs, those that are live as they were before.
    async fn outdated(
        &self,
        connection: &mut MultiplexedConnection,
        lane: Lane,
        edited: &[(JobId, DateTime<Utc>)],
    ) -> Result<Vec<JobId>, StoreError> {
        let mut read = redis::cmd("HMGET");
        read.arg(self.key(lane, "job"));
        for (id, _) in edited {
            read.arg(id.to_string());
        }
        let held: Vec<Option<Vec<u8>>> =
            read.query_async(connection).await.map_err(|source| StoreError::of("reading jobs", source))?;
        let as_before = |raw: &[u8], edited_at: DateTime<Utc>| {
            // A tombstone is the recorder's.
            raw.first() != Some(&b'!')
                && serde_json::from_slice::<Envelope>(&without_words(raw.to_vec()))
                    .map_or(true, |envelope| envelope.edited_at != Some(edited_at))
        };
        let pairs = edited.iter().zip(held);
        Ok(pairs
            .filter(|((_, edited_at), raw)| raw.as_deref().is_some_and(|raw| as_before(raw, *edited_at)))
            .map(|((id, _), _)| *id)
            .collect())
    }
}
