//! What must be true once the queue is quiet, judged by the traces that jobs left and by counting everything.

use std::{collections::BTreeMap, time::Duration};

use queue::{Queue, operations::State};
use redis::{AsyncCommands, aio::MultiplexedConnection};

use crate::{stores::Stores, wait::until};

/// Of the tests' jobs, no rate lets the next one wait for longer.
const LONGEST_PACE: Duration = Duration::from_secs(10);

/// Waits until no job is live and every event is in the ledger.
///
/// # Panics
/// It does not come to rest.
pub async fn quiet(stores: &Stores) {
    let operations = stores.operations();
    until("every job to end and to be recorded", async || {
        let Ok(overview) = operations.overview().await else { return false };
        let live = [
            State::Outboxed,
            State::Scheduled,
            State::Available,
            State::Running,
            State::Retryable,
            State::Limited,
            State::Paused,
            State::Parked,
        ];
        let (pushed,): (i64,) = sqlx::query_as("select count(*) from faena.outbox").fetch_one(&stores.db).await.unwrap_or((1,));
        pushed == 0
            && overview.unrecorded == 0
            && overview.lanes.iter().all(|queue| live.iter().all(|state| queue.count(*state) == 0))
    })
    .await;
}

/// Waits until somebody in this test's database waits for a lock.
///
/// # Panics
/// Nobody does.
pub async fn somebody_waits_for_a_lock(stores: &Stores) {
    until("somebody to wait for a lock", async || {
        let sql = "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
        sqlx::query_scalar(sql).fetch_one(&stores.db).await.unwrap_or(false)
    })
    .await;
}

/// Which of the effects 0 … `expected` − 1 are missing, and which happened more than once.
pub async fn effects(stores: &Stores, expected: i64) -> (Vec<i64>, Vec<i64>) {
    let counts: BTreeMap<i64, i64> = sqlx::query_as("select n, count(*) from probe.effects group by n")
        .fetch_all(&stores.db)
        .await
        .expect("the traces can be read")
        .into_iter()
        .collect();
    let missing = (0..expected).filter(|n| !counts.contains_key(n)).collect();
    let repeated = counts.iter().filter(|(_, count)| **count > 1).map(|(n, _)| *n).collect();
    (missing, repeated)
}

/// Waits until nothing is left in Redis of a quiet queue but what it is meant to keep: the pace of a rate is forgotten when its time has come.
///
/// # Panics
/// A key is left over.
pub async fn no_leftovers(stores: &Stores) {
    let client = redis::Client::open(stores.redis_url.as_str()).expect("a Redis URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let mut left = Vec::new();
    let clean = tokio::time::timeout(LONGEST_PACE, async {
        loop {
            left = leftovers(stores, &mut connection).await;
            if left.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(clean.await.is_ok(), "Redis still holds {left:?}");
}

async fn leftovers(stores: &Stores, connection: &mut MultiplexedConnection) -> Vec<String> {
    let mut left = Vec::new();
    for queue in Queue::ALL {
        let names = [
            "job",
            "ready",
            "running",
            "attempts",
            "scheduled",
            "retryable",
            "parked",
            "cancels",
            "gone",
            "events",
            "waiting",
            "turns",
            "limits",
            "unique",
        ];
        for name in names {
            let key = format!("{}:{{{queue}}}:{name}", stores.namespace);
            let kind: String = redis::cmd("TYPE").arg(&key).query_async(connection).await.expect("Redis answers");
            let size: u64 = match kind.as_str() {
                "hash" => connection.hlen(&key).await,
                "list" => connection.llen(&key).await,
                "zset" => connection.zcard(&key).await,
                "set" => connection.scard(&key).await,
                "stream" => connection.xlen(&key).await,
                _ => Ok(0),
            }
            .expect("Redis answers");
            if size > 0 {
                left.push(format!("{key}: {size}"));
            }
        }
    }
    left
}
