//! Ends jobs that wait and are not worth an attempt any more. A claim ends them too, when their turn comes; until then they would stand in
//! lines and lanes that are paused, and hold keys that others want.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::PgPool;

use crate::{
    commands::{cancel_event, try_to_end_absent},
    ends,
    faults::crash_point,
    job::JobId,
    lane::Lane,
    loops::{Outage, bounded},
    operations::OperationsError,
    store::{Cancelled, Store, StoreError, at},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many are ended in one step at most; after a failure half as many.
const MOST: usize = 100;

#[derive(Debug, sqlx::FromRow)]
struct Expired {
    id: JobId,
    queue: String,
    is_pushed: bool,
    expires_at_ms: i64,
}

/// Where a walk goes on: when the last one expired, and which it was.
type Cursor = Option<(i64, JobId)>;

/// Walks what has expired, until halted: all of it once a second, or without a rest.
pub(crate) async fn end_expired(store: Store, db: PgPool, mut outage: Outage) {
    let (mut cursor, mut most): (Cursor, _) = (None, MOST);
    loop {
        match bounded(end_some(&store, &db, cursor, most)).await {
            Ok((next, refused)) => {
                (cursor, most) = (next, (most * 2).min(MOST));
                match refused {
                    None => outage.over(),
                    Some(error) => outage.failed(&error),
                }
                if cursor.is_some() {
                    continue;
                }
            }
            Err(error) => {
                most = (most / 2).max(1);
                outage.failed(&error);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What runs may go on: it began in time. Direct pushes are ended by their claim alone, because nothing but Redis knows of them. Answers where to go
/// on, `None` at the end of the walk, and what a lane had to say whose keys are not what they must be: it is not the others' trouble.
async fn end_some(
    store: &Store,
    db: &PgPool,
    after: Cursor,
    most: usize,
) -> Result<(Cursor, Option<StoreError>), OperationsError> {
    let mut refused = None;
    let mut tx = db.begin().await?;
    let (mut any_ended, mut absent) = (false, Vec::new());
    let expired: Vec<Expired> = sqlx::query_as(include_str!("sql/expired.sql"))
        .bind(after.map(|(at, _)| at))
        .bind(after.map(|(_, id)| id))
        .bind(i64::try_from(most).unwrap_or(1))
        .fetch_all(&mut *tx)
        .await?;
    let next = expired.last().filter(|_| expired.len() == most).map(|last| (last.expires_at_ms, last.id));
    for Expired { id, queue, is_pushed, expires_at_ms } in expired {
        let Ok(lane) = queue.parse::<Lane>() else { continue };
        let (key, reason) = (id.to_string(), reason(at(expires_at_ms)));
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
            absent.extend(try_to_end_absent(&mut tx, id, &reason).await?);
        }
    }
    // Together: what they hold and what follows them is taken in the order in which everybody takes it.
    ends::settle(&mut tx, &absent).await?;
    if any_ended {
        crash_point("expiry.ended");
    }
    tx.commit().await?;
    Ok((next, refused))
}

/// Why a job that expired did not run.
pub(crate) fn reason(expired_at: DateTime<Utc>) -> String {
    format!("expired: not worth running after {}", expired_at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
