//! Processes die without a word: nothing is lost, and effects happen once.

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::Touch,
    process::start_probe,
    stores::Stores,
    wait::until,
};
use nix::sys::signal::Signal;

use super::enqueue_all;

async fn effects_so_far(stores: &Stores) -> i64 {
    let (count,): (i64,) = sqlx::query_as("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
    count
}

#[tokio::test]
async fn a_worker_killed_at_half_of_two_thousand_jobs_loses_none_and_repeats_no_effect() {
    const JOBS: i64 = 2000;
    let stores = Stores::fresh().await;
    enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 5 })).await;
    let worker = start_probe(&stores, &[]).await;
    until("half of the effects", async || effects_so_far(&stores).await >= JOBS / 2).await;

    let killed = worker.pid();
    worker.kill_9().await;
    assert!(effects_so_far(&stores).await < JOBS, "the worker was faster than the kill: nothing was in flight");
    let _heir = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, JOBS).await, (vec![], vec![]));
    // The kill hit running jobs: some began twice, under the same attempt number, because a lost worker is not their fault.
    let (orphans,): (i64,) =
        sqlx::query_as("select count(*) from faena.attempts where outcome = 'orphaned'").fetch_one(&stores.db).await.unwrap();
    let (of_the_killed,): (i64,) =
        sqlx::query_as("select count(*) from probe.starts where pid = $1").bind(killed).fetch_one(&stores.db).await.unwrap();
    assert!(orphans > 0 && of_the_killed > 0);
    let (counted,): (i64,) =
        sqlx::query_as("select count(*) from faena.jobs where attempts > 1").fetch_one(&stores.db).await.unwrap();
    assert_eq!(counted, 0);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_worker_frozen_for_longer_than_its_leases_does_no_harm_when_it_thaws() {
    const JOBS: i64 = 60;
    let stores = Stores::fresh().await;
    let frozen = start_probe(&stores, &[]).await;
    enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 300 })).await;
    until("jobs to have begun", async || {
        let (starts,): (i64,) = sqlx::query_as("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
        starts > 0
    })
    .await;

    frozen.signal(Signal::SIGSTOP);
    let _heir = start_probe(&stores, &[]).await;
    until("the heir to do everything", async || effects_so_far(&stores).await == JOBS).await;
    frozen.signal(Signal::SIGCONT);

    quiet(&stores).await;
    until("the thawed worker to notice", async || {
        frozen.log_text().contains("superseded") || frozen.log_text().contains("ready")
    })
    .await;
    assert_eq!(effects(&stores, JOBS).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}
