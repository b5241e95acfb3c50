//! Returns what Redis has lost: it walks the pushed promises that have no end yet and pushes again those that Redis does not know.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tracing::warn;

use crate::{
    commands::{end_absent, hold_effect, is_lock_not_available},
    ends,
    faults::{Sabotage, crash_point, sabotaged},
    job::JobId,
    lane::Lane,
    loops::{Outage, bounded},
    relay::{OutboxRow, PushedRows, RelayError, push_rows},
    store::{MAX_BATCH, Store, StoreError},
};

/// A promise pushed more recently than this is left alone: its push may still be on its way.
const SETTLED_AFTER_SECONDS: i32 = 5;
/// Between two walks.
const PAUSE: Duration = Duration::from_secs(5);

type Cursor = Option<(DateTime<Utc>, JobId)>;

/// Walks until halted, oldest promise first.
pub(crate) async fn reconcile(store: Store, db: PgPool, mut outage: Outage) {
    let mut cursor: Cursor = None;
    loop {
        let pause = match bounded(reconcile_step(&store, &db, cursor)).await {
            Ok((next, refused)) => {
                match refused {
                    None => outage.over(),
                    Some(error) => outage.failed(&error),
                }
                cursor = next;
                if cursor.is_some() { Duration::from_millis(20) } else { PAUSE }
            }
            Err(error) => {
                outage.failed(&error);
                outage.delay()
            }
        };
        tokio::time::sleep(pause).await;
        // The step has all of its time, and is not taken for a hang because of the pause before it.
        outage.waits();
    }
}

/// Looks at most at [`MAX_BATCH`] promises; answers where to go on, `None` at the end of the walk, and what a lane had to say whose keys are not
/// what they must be: it is not the others' trouble.
async fn reconcile_step(store: &Store, db: &PgPool, after: Cursor) -> Result<(Cursor, Option<StoreError>), RelayError> {
    let rows: Vec<(JobId, String, DateTime<Utc>)> = sqlx::query_as(include_str!("sql/walk_pushed.sql"))
        .bind(after.map(|(at, _)| at))
        .bind(after.map(|(_, id)| id))
        .bind(SETTLED_AFTER_SECONDS)
        .bind(MAX_BATCH as i64)
        .fetch_all(db)
        .await?;
    let mut by_lane: BTreeMap<Lane, Vec<JobId>> = BTreeMap::new();
    for (id, queue, _) in &rows {
        if let Ok(lane) = queue.parse() {
            by_lane.entry(lane).or_default().push(*id);
        }
    }
    let mut refused = None;
    for (lane, ids) in by_lane {
        let missing = match store.missing(lane, &ids).await {
            Err(error) if error.is_of_one_lane() => {
                refused = Some(error);
                continue;
            }
            missing => missing?,
        };
        let missing: Vec<JobId> = missing.iter().filter_map(|id| id.parse().ok()).collect();
        crash_point("reconcile.asked");
        if !missing.is_empty() && !sabotaged(Sabotage::NoReconcile) {
            refused = push_again(store, db, &missing).await?.or(refused);
            end_unwanted(db, &missing).await?;
        }
    }
    if rows.len() < MAX_BATCH {
        forget_passed_keys(db).await?;
    }
    Ok((rows.last().filter(|_| rows.len() == MAX_BATCH).map(|(id, _, at)| (*at, *id)), refused))
}

/// Ends what somebody wanted cancelled, as Redis knew before it lost the job. Each by itself: an attempt of which Redis knows nothing any more may be at
/// its last act, and then the next walk comes by again.
async fn end_unwanted(db: &PgPool, missing: &[JobId]) -> sqlx::Result<()> {
    let unwanted: Vec<(JobId, String)> =
        sqlx::query_as(include_str!("sql/list_unwanted.sql")).bind(missing).fetch_all(db).await?;
    for (id, actor) in unwanted {
        match end_one(db, id, &format!("cancelled by {actor}")).await {
            Err(error) if is_lock_not_available(&error) => {}
            ended => ended?,
        }
    }
    Ok(())
}

async fn end_one(db: &PgPool, id: JobId, reason: &str) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("set local lock_timeout = '50ms'").execute(&mut *tx).await?;
    hold_effect(&mut tx, id).await?;
    let promise = sqlx::query("select from faena.outbox where id = $1 and pushed_at is not null for update").bind(id);
    if promise.fetch_optional(&mut *tx).await?.is_none() {
        return Ok(());
    }
    let ended = end_absent(&mut tx, id, reason).await?;
    if !ended.is_empty() {
        ends::settle(&mut tx, &ended).await?;
        return tx.commit().await;
    }
    // It has had its effect: the wish came too late. Pushed again, it ends as completed.
    tx.rollback().await?;
    sqlx::query(
        "update faena.commands set stands = false, carried_out_at = coalesce(carried_out_at, clock_timestamp()), outcome = coalesce(outcome, 'too_late')
         where job_id = $1 and verb = 'cancel' and (stands or carried_out_at is null)",
    )
    .bind(id)
    .execute(db)
    .await
    .map(drop)
}

/// Keys that unique jobs held for a time which is over serve nobody. Whoever takes one meanwhile changes its row, and keeps it.
async fn forget_passed_keys(db: &PgPool) -> sqlx::Result<()> {
    sqlx::query(
        "delete from faena.unique_holders where until <= clock_timestamp() and key in (
             select key from faena.unique_holders where until <= clock_timestamp() order by until limit 1000 for update skip locked)",
    )
    .execute(db)
    .await
    .map(drop)
}

/// Redis was asked first, and lacks them. A promise whose end has been recorded since is gone from the outbox too, so what is still
/// there under its lock is missing from both. What somebody wants cancelled is not pushed.
async fn push_again(store: &Store, db: &PgPool, missing: &[JobId]) -> Result<Option<StoreError>, RelayError> {
    let mut tx = db.begin().await?;
    let rows: Vec<OutboxRow> = sqlx::query_as(include_str!("sql/lock_pushed.sql")).bind(missing).fetch_all(&mut *tx).await?;
    crash_point("reconcile.locked");
    let PushedRows { added: pushed, refused, .. } = push_rows(store, rows).await?;
    crash_point("reconcile.pushed");
    tx.commit().await?;
    crash_point("reconcile.committed");
    if pushed > 0 {
        warn!(pushed, "Redis had lost promised jobs: they were pushed again");
        metrics::counter!("faena_reconciled_total").increment(pushed);
    }
    Ok(refused.map(|(_, error)| error))
}
