//! Ends jobs that wait and are not worth an attempt any more. A claim ends them too, when their turn comes; until then they would stand in
//! lines and lanes that are paused, and hold keys that others want.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::{Acquire as _, PgPool};

use crate::{
    commands::{cancel_event, end_unpushed},
    faults::crash_point,
    job::JobId,
    lane::Lane,
    loops::{Outage, bounded},
    operations::OperationsError,
    store::{Cancelled, Store, StoreError},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, sqlx::FromRow)]
struct Expired {
    id: JobId,
    queue: String,
    is_pushed: bool,
    expires_at: DateTime<Utc>,
}

/// Looks for what has expired, until halted.
pub(crate) async fn end_expired(store: Store, db: PgPool, mut outage: Outage) {
    loop {
        match bounded(end_some(&store, &db)).await {
            Ok(None) => outage.over(),
            Ok(Some(error)) => outage.failed(&error),
            Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What runs may go on: it began in time. Direct pushes are ended by their claim alone, because nothing but Redis knows of them. Answers what a
/// lane had to say whose keys are not what they must be: it is not the others' trouble.
async fn end_some(store: &Store, db: &PgPool) -> Result<Option<StoreError>, OperationsError> {
    let mut refused = None;
    let mut tx = db.begin().await?;
    let mut any_ended = false;
    let expired: Vec<Expired> = sqlx::query_as(include_str!("sql/expired.sql")).fetch_all(&mut *tx).await?;
    for Expired { id, queue, is_pushed, expires_at } in expired {
        let Ok(lane) = queue.parse::<Lane>() else { continue };
        let (key, reason) = (id.to_string(), reason(expires_at));
        let ended = match store.cancel(lane, &key, &cancel_event(&key, reason.clone()), true).await {
            Err(error) if error.is_of_one_lane() => {
                refused = Some(error);
                continue;
            }
            ended => ended?,
        };
        any_ended |= matches!(ended, Cancelled::Now);
        // Not marked as pushed, it may be in Redis all the same: so it was asked first, under the row's lock, which every relay waits for.
        if matches!(ended, Cancelled::Unknown) && !is_pushed {
            // Nothing is answered where it has had its effect: then its row stays, and the claim to come ends it as completed.
            let mut end = tx.begin().await?;
            if end_unpushed(&mut end, id, &reason).await?.is_empty() { end.rollback().await? } else { end.commit().await? }
        }
    }
    if any_ended {
        crash_point("expiry.ended");
    }
    tx.commit().await?;
    Ok(refused)
}

/// Why a job that expired did not run.
pub(crate) fn reason(expired_at: DateTime<Utc>) -> String {
    format!("expired: not worth running after {}", expired_at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
