//! Ends jobs that wait and are not worth an attempt any more. A claim ends them too, when their turn comes; until then they would stand in
//! lines and lanes that are paused, and hold keys that others want.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::PgPool;

use crate::{
    commands::{cancel_event, end_absent, hold_effect, is_lock_not_available},
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
    let (mut cursor, mut pace): (Cursor, _) = (None, Pace { most: MOST });
    loop {
        let rest = match bounded(end_some(&store, &db, cursor, pace.most)).await {
            Ok((next, refused)) => {
                cursor = next;
                match refused {
                    None => outage.over(),
                    Some(error) => outage.failed(&error),
                }
                pace.went_well(cursor.is_some())
            }
            Err(error) => {
                outage.failed(&error);
                pace.failed()
            }
        };
        tokio::time::sleep(rest).await;
    }
}

/// How a walk goes on.
#[derive(Debug)]
struct Pace {
    /// So many are looked at in the next step at most.
    most: usize,
}

impl Pace {
    /// Answers how long to rest: where there is more, not at all.
    fn went_well(&mut self, is_more: bool) -> Duration {
        self.most = (self.most * 2).min(MOST);
        if is_more { Duration::ZERO } else { LOOK_EVERY }
    }

    /// A step may have more in hand than it has time for.
    fn failed(&mut self) -> Duration {
        self.most = (self.most / 2).max(1);
        LOOK_EVERY
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
        let reason = reason(at(expires_at_ms));
        let ended = match end_waiting(store, lane, id, &reason).await {
            Err(error) if error.is_of_one_lane() => {
                refused = Some(error);
                continue;
            }
            ended => ended?,
        };
        any_ended |= matches!(ended, Cancelled::Now);
        if matches!(ended, Cancelled::Unknown) && !is_pushed {
            absent.push((lane, id, reason));
        }
    }
    if any_ended {
        crash_point("expiry.ended");
    }
    tx.commit().await?;
    for (lane, id, reason) in absent {
        match end_unpushed(store, db, lane, id, &reason).await {
            // An attempt of which Redis knows nothing any more may be at its last act: the next walk comes by again.
            Err(OperationsError::Postgres(error)) if is_lock_not_available(&error) => {}
            ended => ended?,
        }
    }
    Ok((next, refused))
}

async fn end_waiting(store: &Store, lane: Lane, id: JobId, reason: &str) -> Result<Cancelled, StoreError> {
    let key = id.to_string();
    store.cancel(lane, &key, &cancel_event(&key, reason.to_owned()), true).await
}

/// Ends one that no relay has marked as pushed, and that Redis did not know. Apart from the walk, which has promises locked: an effect row is locked before
/// its promise.
async fn end_unpushed(store: &Store, db: &PgPool, lane: Lane, id: JobId, reason: &str) -> Result<(), OperationsError> {
    let mut tx = db.begin().await?;
    sqlx::query("set local lock_timeout = '50ms'").execute(&mut *tx).await?;
    hold_effect(&mut tx, id).await?;
    let promise = sqlx::query("select from faena.outbox where id = $1 and pushed_at is null for update").bind(id);
    if promise.fetch_optional(&mut *tx).await?.is_none() {
        return Ok(());
    }
    // A relay may have pushed it since, and died before it could mark it: asked once more, under the row's lock, which every relay waits for.
    if end_waiting(store, lane, id, reason).await? != Cancelled::Unknown {
        return Ok(());
    }
    let ended = end_absent(&mut tx, id, reason).await?;
    if ended.is_empty() {
        // It has had its effect: its row stays, and the claim to come ends it as completed.
        return Ok(());
    }
    ends::settle(&mut tx, &ended).await?;
    tx.commit().await?;
    Ok(())
}

/// Why a job that expired did not run.
pub(crate) fn reason(expired_at: DateTime<Utc>) -> String {
    format!("expired: not worth running after {}", expired_at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_on_without_a_rest_while_there_is_more_and_in_smaller_steps_after_a_failure() {
        let mut pace = Pace { most: MOST };
        assert_eq!((pace.went_well(true), pace.most), (Duration::ZERO, MOST));
        assert_eq!((pace.went_well(false), pace.most), (LOOK_EVERY, MOST));

        let steps: Vec<usize> = (0..9)
            .map(|_| {
                assert_eq!(pace.failed(), LOOK_EVERY);
                pace.most
            })
            .collect();
        assert_eq!(steps, [50, 25, 12, 6, 3, 1, 1, 1, 1], "never none");

        let steps: Vec<usize> = (0..8)
            .map(|_| {
                pace.went_well(true);
                pace.most
            })
            .collect();
        assert_eq!(steps, [2, 4, 8, 16, 32, 64, 100, 100], "and back again");
    }
}
