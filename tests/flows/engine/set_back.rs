//! A Redis comes back without its last words, or without any: what operators have decided since holds all the same.

use std::time::Duration;

use chrono::Utc;
use faena_tests::{
    judge::{no_leftovers, quiet},
    probe::{Linger, Refuse, Touch},
    process::start_probe,
    stores::Stores,
    wait::until,
};
use nix::sys::signal::Signal;
use queue::{
    Edit, Job, JobId,
    operations::{CommandOutcome, State},
};
use redis::aio::MultiplexedConnection;
use serde_json::value::to_raw_value;

use super::{ended, enqueue, forget_everything, keys_of, reaches};

const HOUR: Duration = Duration::from_secs(3600);

/// What Redis held at a time.
struct Past(Vec<(String, Vec<u8>)>);

impl Past {
    async fn of(stores: &Stores) -> Self {
        let (mut redis, mut held) = (connect(stores).await, Vec::new());
        // What ends somebody's wait goes by itself.
        for key in keys_of(stores, &mut redis).await.into_iter().filter(|key| !key.contains(":wake:")) {
            let dumped: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(&mut redis).await.unwrap();
            held.extend(dumped.map(|value| (key, value)));
        }
        Self(held)
    }

    /// As after a restart: the replication id is another one than that under which each epoch began.
    async fn comes_back(self, stores: &Stores) {
        forget_everything(stores).await;
        let mut redis = connect(stores).await;
        for (key, value) in self.0 {
            redis::cmd("RESTORE").arg(&key).arg(0).arg(value).exec_async(&mut redis).await.unwrap();
            if key.ends_with(":epoch") {
                let epoch: String = redis::cmd("GET").arg(&key).query_async(&mut redis).await.unwrap();
                let (number, _) = epoch.split_once(' ').unwrap();
                redis::cmd("SET").arg(&key).arg(format!("{number} another")).exec_async(&mut redis).await.unwrap();
            }
        }
    }
}

async fn connect(stores: &Stores) -> MultiplexedConnection {
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn count(stores: &Stores, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&stores.db).await.unwrap()
}

async fn traces(stores: &Stores) -> Vec<i64> {
    sqlx::query_scalar("select n from probe.effects order by n").fetch_all(&stores.db).await.unwrap()
}

async fn all_are_pushed(stores: &Stores) {
    let sql = "select count(*) from faena.outbox where pushed_at is null";
    until("every promise to be pushed", async || count(stores, sql).await == 0).await;
}

/// What it pushes waits, and what ends is in Redis alone.
const NEITHER_RUNS_NOR_RECORDS: [(&str, &str); 2] = [("SLOTS_DEFAULT", "0"), ("RECORD", "false")];
const RUNS_NOTHING: [(&str, &str); 1] = [("SLOTS_DEFAULT", "0")];

#[tokio::test]
async fn an_end_that_an_operator_has_undone_does_not_come_back() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &NEITHER_RUNS_NOR_RECORDS).await;
    let id = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }).await;
    reaches(&stores, id, State::Available).await;
    worker.kill_9().await;
    assert_eq!(stores.operations().cancel(id, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    let before_its_record = Past::of(&stores).await;
    let recorder = start_probe(&stores, &RUNS_NOTHING).await;
    reaches(&stores, id, State::Cancelled).await;
    quiet(&stores).await;
    recorder.kill_9().await;
    assert_eq!(stores.operations().retry(id, "operadora").await.unwrap(), CommandOutcome::EnqueuedAgain);

    before_its_record.comes_back(&stores).await;
    let _worker = start_probe(&stores, &[]).await;

    reaches(&stores, id, State::Completed).await;
    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [1]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn what_was_deleted_from_the_ledger_is_not_written_there_once_more() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[("RECORD", "false")]).await;
    let id = queue::push(&stores.store, Refuse { reason: "of a person's data".to_owned() }).await.unwrap().id;
    until("its end to be told", async || stores.operations().overview().await.unwrap().unrecorded > 0).await;
    worker.kill_9().await;
    let before_its_record = Past::of(&stores).await;
    let recorder = start_probe(&stores, &[]).await;
    assert_eq!(ended(&stores, id).await.summary.state, State::Dead);
    quiet(&stores).await;
    stores.operations().delete(id, "operadora").await.unwrap();
    recorder.kill_9().await;

    before_its_record.comes_back(&stores).await;
    let _worker = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert!(stores.operations().job(id).await.unwrap().is_none());
    assert_eq!(count(&stores, "select count(*) from faena.attempts").await, 0);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn what_was_changed_runs_as_it_was_changed() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &RUNS_NOTHING).await;
    let other = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }).await;
    let sooner = enqueue(&stores, Touch { n: 2, sleep_ms: 0 }.after(HOUR)).await;
    let as_it_is = enqueue(&stores, Touch { n: 3, sleep_ms: 0 }).await;
    for (id, state) in [(other, State::Available), (sooner, State::Scheduled), (as_it_is, State::Available)] {
        reaches(&stores, id, state).await;
    }
    worker.kill_9().await;
    let before = Past::of(&stores).await;
    let worker = start_probe(&stores, &RUNS_NOTHING).await;
    let args = Edit { args: Some(to_raw_value(&Touch { n: 11, sleep_ms: 0 }).unwrap()), run_at: None };
    stores.operations().edit(other, &args, "operadora").await.unwrap();
    stores.operations().edit(sooner, &Edit { args: None, run_at: Some(Utc::now()) }, "operadora").await.unwrap();
    all_are_pushed(&stores).await;
    worker.kill_9().await;

    before.comes_back(&stores).await;
    let _worker = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [2, 3, 11]);
    no_leftovers(&stores).await;
}

/// A running job's worker has not heard of it, and of a waiting one nobody has recorded the end.
#[tokio::test]
async fn what_was_cancelled_is_over_although_redis_has_forgotten_everything() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[]).await;
    let running = enqueue(&stores, Linger { n: 1, listens: false }).await;
    let waiting = enqueue(&stores, Touch { n: 2, sleep_ms: 0 }.after(HOUR)).await;
    until("it to begin", async || count(&stores, "select count(*) from probe.starts").await == 1).await;
    reaches(&stores, waiting, State::Scheduled).await;
    all_are_pushed(&stores).await;
    worker.signal(Signal::SIGSTOP);
    let operations = stores.operations();
    assert_eq!(operations.cancel(running, "operadora").await.unwrap(), CommandOutcome::CancelRequested);
    assert_eq!(operations.cancel(waiting, "operadora").await.unwrap(), CommandOutcome::Cancelled);

    forget_everything(&stores).await;
    worker.kill_9().await;
    let _worker = start_probe(&stores, &[]).await;

    for id in [running, waiting] {
        let job = ended(&stores, id).await;
        assert_eq!((job.summary.state, job.summary.reason.as_deref()), (State::Cancelled, Some("cancelled by operadora")));
    }
    quiet(&stores).await;
    assert_eq!(count(&stores, "select count(*) from probe.starts").await, 1, "nothing has begun again");
    until("no wish to stand", async || count(&stores, "select count(*) from faena.commands where stands").await == 0).await;

    // Whoever wants it after all gets it.
    operations.retry(waiting, "operadora").await.unwrap();
    reaches(&stores, waiting, State::Completed).await;
    no_leftovers(&stores).await;
}

/// A job that runs until it is cancelled; and what Redis held when its worker had not heard of the wish yet. It has ended since, and nobody runs anything.
async fn cancelled_while_it_ran(stores: &Stores) -> (JobId, Past) {
    let worker = start_probe(stores, &[]).await;
    let id = enqueue(stores, Linger { n: 1, listens: true }).await;
    until("it to begin", async || count(stores, "select count(*) from probe.starts").await == 1).await;
    all_are_pushed(stores).await;
    worker.signal(Signal::SIGSTOP);
    assert_eq!(stores.operations().cancel(id, "operadora").await.unwrap(), CommandOutcome::CancelRequested);
    let unheard = Past::of(stores).await;
    worker.signal(Signal::SIGCONT);
    assert_eq!(ended(stores, id).await.summary.state, State::Cancelled);
    quiet(stores).await;
    worker.kill_9().await;
    (id, unheard)
}

#[tokio::test]
async fn a_wish_to_cancel_ends_no_attempt_of_a_job_that_was_run_again_since() {
    let stores = Stores::fresh().await;
    let (id, unheard) = cancelled_while_it_ran(&stores).await;
    let operations = stores.operations();
    assert_eq!(operations.retry(id, "operadora").await.unwrap(), CommandOutcome::EnqueuedAgain);

    unheard.comes_back(&stores).await;
    let _worker = start_probe(&stores, &[]).await;

    until("it to begin again", async || count(&stores, "select count(*) from probe.starts").await == 2).await;
    // A new wish is heard.
    assert_eq!(operations.cancel(id, "operadora").await.unwrap(), CommandOutcome::CancelRequested);
    assert_eq!(ended(&stores, id).await.summary.reason.as_deref(), Some("noticed the wish"));
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_wish_to_cancel_does_not_write_a_deleted_job_into_the_ledger_once_more() {
    let stores = Stores::fresh().await;
    let (id, unheard) = cancelled_while_it_ran(&stores).await;
    assert_eq!(stores.operations().delete(id, "operadora").await.unwrap(), CommandOutcome::Deleted);

    unheard.comes_back(&stores).await;
    let _worker = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert!(stores.operations().job(id).await.unwrap().is_none());
    assert_eq!(count(&stores, "select count(*) from faena.attempts").await, 0);
    no_leftovers(&stores).await;
}

/// One of them nothing but Redis has known before.
#[tokio::test]
async fn what_expired_and_was_run_again_does_not_expire_once_more() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &RUNS_NOTHING).await;
    let soon = Duration::from_secs(5);
    let direct = queue::push(&stores.store, Touch { n: 1, sleep_ms: 0 }.expires_in(soon)).await.unwrap().id;
    let promised = enqueue(&stores, Touch { n: 2, sleep_ms: 0 }.expires_in(soon)).await;
    reaches(&stores, promised, State::Available).await;
    all_are_pushed(&stores).await;
    let in_time = Past::of(&stores).await;
    reaches(&stores, promised, State::Cancelled).await;
    worker.kill_9().await;
    let worker = start_probe(&stores, &[]).await;
    assert_eq!(ended(&stores, direct).await.summary.state, State::Cancelled);
    quiet(&stores).await;
    worker.kill_9().await;
    for id in [direct, promised] {
        assert_eq!(stores.operations().retry(id, "operadora").await.unwrap(), CommandOutcome::EnqueuedAgain);
    }

    in_time.comes_back(&stores).await;
    let _worker = start_probe(&stores, &[]).await;

    for id in [direct, promised] {
        reaches(&stores, id, State::Completed).await;
    }
    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [1, 2]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn what_was_made_available_is_so_although_redis_has_forgotten_everything() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &RUNS_NOTHING).await;
    let id = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }.after(7 * 24 * HOUR)).await;
    reaches(&stores, id, State::Scheduled).await;
    assert_eq!(stores.operations().retry(id, "operadora").await.unwrap(), CommandOutcome::MadeAvailable);
    worker.kill_9().await;

    forget_everything(&stores).await;
    let _worker = start_probe(&stores, &[]).await;

    reaches(&stores, id, State::Completed).await;
    quiet(&stores).await;
    no_leftovers(&stores).await;
}
