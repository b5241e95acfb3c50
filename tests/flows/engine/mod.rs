//! The engine, run as a real worker process against real stores.

mod adoption;
mod batches;
mod cancel;
mod chains;
mod commands;
pub(crate) mod counting;
mod crashes;
mod drain;
mod edits;
mod endings;
mod expiry;
mod hangs;
mod kills;
mod lanes;
mod limits;
mod migrations;
mod outages;
mod pooler;
mod redis_errors;
mod schedules;
mod scripts;
mod secrets;
mod set_back;
mod stock_cases;
mod timing;
mod unique;
mod watchdog;

use faena_tests::{stores::Stores, wait::eventually};
use queue::{
    Job, JobId, Order,
    operations::{JobDetail, State},
};
use sqlx::{Postgres, Transaction};

/// Enqueues jobs through the outbox, all in one transaction.
async fn enqueue_all<J: Job, O: Into<Order<J>>>(stores: &Stores, jobs: impl IntoIterator<Item = O>) -> Vec<JobId> {
    let mut tx = stores.db.begin().await.expect("a transaction");
    let mut ids = Vec::new();
    for job in jobs {
        ids.push(queue::enqueue(&mut tx, job).await.expect("the job is enqueued").id);
    }
    tx.commit().await.expect("the transaction commits");
    ids
}

async fn enqueue<J: Job>(stores: &Stores, job: impl Into<Order<J>>) -> JobId {
    enqueue_all(stores, [job.into()]).await.remove(0)
}

/// What a wipe does, to this test's own keys.
async fn forget_everything(stores: &Stores) {
    let client = redis::Client::open(stores.redis_url.as_str()).expect("a Redis URL");
    let mut redis = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let keys = keys_of(stores, &mut redis).await;
    let _: () = redis::cmd("DEL").arg(keys).query_async(&mut redis).await.expect("Redis forgets");
}

async fn keys_of(stores: &Stores, redis: &mut redis::aio::MultiplexedConnection) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("{}:*", stores.namespace)).query_async(redis).await.expect("Redis answers")
}

/// Keeps jobs that note their start from doing so, and so from their end, until it is over.
async fn hold_starts(stores: &Stores) -> Transaction<'static, Postgres> {
    let mut gate = stores.db.begin().await.expect("a transaction");
    let lock = sqlx::raw_sql("lock table probe.starts in share row exclusive mode");
    lock.execute(&mut *gate).await.expect("nobody is at the table");
    gate
}

/// Waits for a job's end.
async fn ended(stores: &Stores, id: JobId) -> JobDetail {
    let operations = stores.operations();
    eventually(format!("{id} to end"), async || {
        operations.job(id).await.ok().flatten().filter(|job| job.summary.state.is_ended())
    })
    .await
}

/// Waits until a job is in this state.
async fn reaches(stores: &Stores, id: JobId, state: State) -> JobDetail {
    let operations = stores.operations();
    eventually(format!("{id} to be {state}"), async || {
        operations.job(id).await.ok().flatten().filter(|job| job.summary.state == state)
    })
    .await
}
