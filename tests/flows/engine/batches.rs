//! Batches: what follows the common end of jobs, once, whoever dies in between.

use std::{collections::BTreeMap, time::Duration};

use faena_tests::{
    controls::Recount,
    judge::{no_leftovers, quiet},
    probe::{Nap, Refuse, Stumble, Touch},
    process::{run_to_end, start_probe, try_to_end},
    servers::PrivateRedis,
    stores::Stores,
    wait::until,
};
use queue::{Batch, BatchId, BatchOverview, EnqueueError, Job, JobId, operations::State};
use serde_json::Value;

use super::{ended, hold_starts, reaches};

fn touch(n: i64) -> Touch {
    Touch { n, sleep_ms: 0 }
}

async fn traces(stores: &Stores) -> Vec<i64> {
    sqlx::query_scalar("select n from probe.effects order by n").fetch_all(&stores.db).await.unwrap()
}

async fn look(stores: &Stores, batch: BatchId) -> BatchOverview {
    stores.operations().batch(batch).await.unwrap().unwrap()
}

async fn is_over(stores: &Stores, batch: BatchId) {
    until("the batch to be over", async || look(stores, batch).await.ended_at.is_some()).await;
}

/// Of five hundred jobs, ten to a queue's slot, through two deaths of the worker and the loss of all that Redis knew.
#[tokio::test]
async fn what_follows_a_batch_follows_once_through_kills_and_a_wiped_redis() {
    const JOBS: i64 = 500;
    let mut redis = PrivateRedis::start().await;
    let database = std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run");
    let stores = Stores::on(&database, &redis.url()).await;
    let mut tx = stores.db.begin().await.unwrap();
    let batch = Batch::about("five hundred").then(touch(-1)).on_end(touch(-2)).on_death(touch(-3)).begin(&mut tx).await.unwrap();
    for n in 0..JOBS - 1 {
        queue::enqueue(&mut tx, Touch { n, sleep_ms: 5 }.in_batch(batch)).await.unwrap();
    }
    tx.commit().await.unwrap();
    // As long as somebody is about to add to it, it is not over, however much is done between a look and a kill.
    let mut last = stores.db.begin().await.unwrap();
    queue::enqueue(&mut last, Touch { n: JOBS - 1, sleep_ms: 5 }.in_batch(batch)).await.unwrap();
    let reach = async |count: i64| {
        until(format!("{count} effects"), async || {
            sqlx::query_scalar::<_, i64>("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap() >= count
        })
        .await;
    };

    for of_three in 1..=2 {
        let worker = start_probe(&stores, &[]).await;
        reach(JOBS * of_three / 3).await;
        worker.kill_9().await;
        redis.kill_9();
        redis.wipe();
        redis.resume().await;
        assert_eq!(look(&stores, batch).await.ended_at, None);
    }
    let _others = (start_probe(&stores, &[]).await, start_probe(&stores, &[]).await);
    last.commit().await.unwrap();

    is_over(&stores, batch).await;
    quiet(&stores).await;
    let expected: Vec<i64> = [-2, -1].into_iter().chain(0..JOBS).collect();
    assert_eq!(traces(&stores).await, expected);
    let BatchOverview { open, completed, dead, cancelled, .. } = look(&stores, batch).await;
    assert_eq!((open, completed, dead, cancelled), (0, JOBS, 0, 0));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_death_is_followed_at_once_and_success_when_an_operator_has_mended_it() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let mut tx = stores.db.begin().await.unwrap();
    let batch =
        Batch::about("one goes wrong").then(touch(-1)).on_end(touch(-2)).on_death(touch(-3)).begin(&mut tx).await.unwrap();
    let slow = queue::enqueue(&mut tx, Nap { sleep_ms: 0, note: String::new() }.after(Duration::from_secs(3600)).in_batch(batch))
        .await
        .unwrap()
        .id;
    let dead = queue::enqueue(&mut tx, Stumble { n: 1, times: 4 }.in_batch(batch)).await.unwrap().id;
    let unwanted = queue::enqueue(&mut tx, touch(2).after(Duration::from_secs(3600)).in_batch(batch)).await.unwrap().id;
    tx.commit().await.unwrap();
    let followed = async |trace: i64| until("what follows", async || traces(&stores).await.contains(&trace)).await;

    reaches(&stores, dead, State::Dead).await;
    followed(-3).await;
    assert_eq!(traces(&stores).await, [-3], "two have not ended");
    reaches(&stores, slow, State::Scheduled).await;
    stores.operations().retry(slow, "operadora").await.unwrap();
    stores.operations().cancel(unwanted, "operadora").await.unwrap();
    followed(-2).await;
    is_over(&stores, batch).await;
    let BatchOverview { open, completed, dead: deaths, cancelled, .. } = look(&stores, batch).await;
    assert_eq!((open, completed, deaths, cancelled), (0, 1, 1, 1));

    let gate = hold_starts(&stores).await;
    for id in [dead, unwanted] {
        stores.operations().retry(id, "operadora").await.unwrap();
    }
    assert_eq!(look(&stores, batch).await.ended_at, None, "it goes on");
    gate.rollback().await.unwrap();
    // Its fresh budget is used up as the first was, and then it is changed.
    until("it to die once more", async || {
        stores
            .operations()
            .job(dead)
            .await
            .unwrap()
            .is_some_and(|job| job.summary.state == State::Dead && job.summary.attempts == 8)
    })
    .await;
    let right = queue::Edit { args: Some(serde_json::value::to_raw_value(&Stumble { n: 1, times: 0 }).unwrap()), run_at: None };
    stores.operations().edit(dead, &right, "operadora").await.unwrap();

    followed(-1).await;
    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [-3, -2, -1, 1, 2], "each once");
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_batch_grows_by_what_its_jobs_enqueue_and_takes_nobody_when_it_is_over() {
    let stores = Stores::fresh().await;
    let mut tx = stores.db.begin().await.unwrap();
    let batch = Batch::about("a chain").on_end(touch(-1)).begin(&mut tx).await.unwrap();
    let recount = Recount { user: 7, n: 7, sleep_ms: 0, refuses: false };
    queue::enqueue(&mut tx, touch(1).in_batch(batch).then(touch(2).in_batch(batch).then(touch(3).in_batch(batch))))
        .await
        .unwrap();
    queue::enqueue(&mut tx, recount.in_batch(batch)).await.unwrap();
    let duplicate =
        queue::enqueue(&mut tx, Recount { user: 7, n: 8, sleep_ms: 0, refuses: false }.in_batch(batch)).await.unwrap();
    assert!(duplicate.duplicate_of.is_some());
    tx.commit().await.unwrap();
    assert_eq!(look(&stores, batch).await.open, 2, "a duplicate is no job of its own");
    // Somebody adds to it, and takes their time with that.
    let mut slow = stores.db.begin().await.unwrap();
    queue::enqueue(&mut slow, touch(4).in_batch(batch)).await.unwrap();
    let _worker = start_probe(&stores, &[]).await;
    until("the others to be done", async || look(&stores, batch).await.completed == 4).await;
    assert_eq!(look(&stores, batch).await.ended_at, None);
    slow.commit().await.unwrap();

    is_over(&stores, batch).await;
    quiet(&stores).await;

    assert_eq!(traces(&stores).await, [-1, 1, 2, 3, 4, 7]);
    let mut tx = stores.db.begin().await.unwrap();
    let late = queue::enqueue(&mut tx, touch(5).in_batch(batch)).await;
    assert!(matches!(late, Err(EnqueueError::NoBatch { .. })), "{late:?}");
    drop(tx);
    let pushed = queue::push(&stores.store, touch(6).in_batch(batch)).await;
    assert!(matches!(pushed, Err(EnqueueError::PushedInBatch { .. })), "{pushed:?}");
    let mut tx = stores.db.begin().await.unwrap();
    for about in ["", "a\nb", &"x".repeat(201)] {
        assert!(matches!(Batch::about(about).begin(&mut tx).await, Err(EnqueueError::About { .. })));
    }
}

#[tokio::test]
async fn batches_are_shown_on_the_command_line() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[]).await;
    let begin = async |about: &str| {
        let mut tx = stores.db.begin().await.unwrap();
        let batch = Batch::about(about).begin(&mut tx).await.unwrap();
        let id = queue::enqueue(&mut tx, Refuse { reason: "as told".to_owned() }.in_batch(batch)).await.unwrap().id;
        tx.commit().await.unwrap();
        (batch, id)
    };
    let (first, job) = begin("letters of the week").await;
    ended(&stores, job).await;
    is_over(&stores, first).await;
    worker.kill_9().await;
    let (second, _) = begin("letters of the next week").await;
    let settings = stores.settings();

    let told = run_to_end("probe", &["batches"], &settings).await;
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with(&format!("{second}  letters of the next week: 1 open, 0 completed")), "{told}");
    assert!(lines[1].contains("over since ") && lines[1].contains(", 1 dead,"), "{told}");
    let page: Value =
        serde_json::from_str(&run_to_end("probe", &["batches", "--limit", "1", "--json"], &settings).await).unwrap();
    assert_eq!(page["next"], second.to_string());
    let rest = run_to_end("probe", &["batches", "--after", &second.to_string()], &settings).await;
    assert_eq!(rest.lines().count(), 1, "{rest}");
    let one: BTreeMap<String, Value> =
        serde_json::from_str(&run_to_end("probe", &["batches", &first.to_string(), "--json"], &settings).await).unwrap();
    assert_eq!((&one["dead"], &one["about"]), (&1.into(), &"letters of the week".into()));
    let (ok, _, error) = try_to_end("probe", &["batches", &JobId::new().to_string()], &settings).await;
    assert!(!ok && error.contains("there is no batch"), "{error}");
}
