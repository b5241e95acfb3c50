//! The engine, run as a real worker process against real stores.

mod adoption;
mod batches;
mod cancel;
mod chains;
mod commands;
mod counting;
mod crashes;
mod drain;
mod edits;
mod endings;
mod expiry;
mod kills;
mod lanes;
mod limits;
mod migrations;
mod outages;
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
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Transaction};

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

/// Whoever writes one of certain rows waits until it is opened: a job is in the middle of its work, however slow the story is.
struct Gate(PgConnection);

impl Gate {
    /// Shuts it, for example before each `insert on probe.effects` of which `new.n >= 7`.
    async fn shut(stores: &Stores, before: &str, rows: &str) -> Self {
        let mut keeper = PgConnection::connect(&stores.database_url).await.expect("Postgres answers");
        let sql = format!(
            "select pg_advisory_lock(7);
             create function probe.wait() returns trigger language plpgsql as
                 $$ begin perform pg_advisory_xact_lock_shared(7); return new; end $$;
             create trigger gate before {before} for each row when ({rows}) execute function probe.wait()"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut keeper).await.expect("the gate is made");
        Self(keeper)
    }

    async fn open(mut self) {
        sqlx::raw_sql("select pg_advisory_unlock(7)").execute(&mut self.0).await.expect("the gate opens");
        self.0.close().await.expect("the connection closes");
    }
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
