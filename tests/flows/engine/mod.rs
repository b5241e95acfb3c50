//! The engine, run as a real worker process against real stores.

mod adoption;
mod commands;
mod counting;
mod crashes;
mod drain;
mod endings;
mod lanes;
mod limits;
mod migrations;
mod outages;
mod redis_errors;
mod scripts;
mod stock_cases;
mod timing;
mod watchdog;

use faena_tests::stores::Stores;
use queue::{Job, JobId, Order};

/// Enqueues jobs through the outbox, all in one transaction.
async fn enqueue_all<J: Job, O: Into<Order<J>>>(stores: &Stores, jobs: impl IntoIterator<Item = O>) -> Vec<JobId> {
    let mut tx = stores.db.begin().await.expect("a transaction");
    let mut ids = Vec::new();
    for job in jobs {
        ids.push(queue::enqueue(&mut tx, job).await.expect("the job is enqueued"));
    }
    tx.commit().await.expect("the transaction commits");
    ids
}

async fn enqueue<J: Job>(stores: &Stores, job: impl Into<Order<J>>) -> JobId {
    enqueue_all(stores, [job.into()]).await.remove(0)
}
