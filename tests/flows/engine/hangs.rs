//! No part of a worker is silently dead: a loop that hangs is built anew, and one that hangs for good ends the process. In a build with the
//! hooks of the fault tests: nothing of ours is known to hang.

use std::time::Duration;

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::Touch,
    process::{Process, start_hanging_probe, start_probe},
    stores::Stores,
    wait::eventually,
};
use futures_util::future::join_all;
use queue::Job;

use super::enqueue_all;

const BUILT_ANEW: &str = "a loop of the engine hangs; building it anew";

/// Waits for the end of a worker, which must say that this loop was past help.
async fn ends_for(mut worker: Process, name: &str) {
    assert!(!worker.end().await, "{name} hung, and it ended as if all were well");
    let log = worker.log_text();
    assert!(log.contains(&format!("the loop {name:?} hung, was built anew, and hung again")), "{log}");
    assert!(worker.logged(BUILT_ANEW).is_some_and(|line| line["name"] == name), "{log}");
}

#[tokio::test]
async fn a_loop_that_hangs_for_good_ends_the_process_and_is_named() {
    let stores = Stores::fresh().await;
    let every_loop = [
        "acknowledge",
        "batches",
        "begin",
        "commands",
        "expiry",
        "fetch",
        "heartbeat",
        "mend",
        "promote",
        "publish",
        "reconcile",
        "record",
        "relay",
        "renew",
        "rescue",
        "settings",
        "tick",
        "troubles",
        "upkeep",
        "watch_ticks",
    ];

    // Side by side: each takes half a minute to be given up.
    let stores = &stores;
    let ends = every_loop.map(|name| async move {
        let worker = start_hanging_probe(stores, name, &[]).await;
        ends_for(worker, name).await;
    });
    join_all(ends).await;
}

/// What apalis has does not begin: its leases would be renewed for ever.
#[tokio::test]
async fn a_worker_that_claims_and_begins_nothing_ends_and_another_does_its_jobs() {
    let stores = Stores::fresh().await;
    enqueue_all(&stores, (0..20).map(|n| Touch { n, sleep_ms: 0 })).await;
    let worker = start_hanging_probe(&stores, "apalis", &[]).await;

    ends_for(worker, "begin").await;

    let _another = start_probe(&stores, &[]).await;
    quiet(&stores).await;
    assert_eq!(effects(&stores, 20).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

/// A worker one of whose loops never begins, until it is built anew: what waited for it is done then, and what comes later as well.
async fn goes_on_after_a_hang_of(name: &str) {
    let stores = Stores::fresh().await;
    // A few slots: there are many such workers at once.
    let mut worker = start_hanging_probe(&stores, &format!("{name}:once"), &[("SLOTS_DEFAULT", "4")]).await;
    enqueue_all(&stores, (0..20).map(|n| Touch { n, sleep_ms: 0 })).await;
    enqueue_all(&stores, (20..25).map(|n| Touch { n, sleep_ms: 0 }.after(Duration::from_secs(1)))).await;

    let line = eventually(format!("{name} to be built anew"), async || worker.logged(BUILT_ANEW)).await;
    assert_eq!(line["name"], name);
    enqueue_all(&stores, (25..50).map(|n| Touch { n, sleep_ms: 0 })).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, 50).await, (vec![], vec![]), "{name}");
    let recorded: i64 = sqlx::query_scalar("select count(*) from faena.jobs where state = 'completed' and name = 'touch'")
        .fetch_one(&stores.db)
        .await
        .unwrap();
    assert_eq!(recorded, 50, "{name}");
    no_leftovers(&stores).await;
    assert!(!worker.has_ended(), "{name}: it ended:\n{}", worker.log_text());
    assert!(worker.terminate().await, "{name}: the drain was not clean:\n{}", worker.log_text());
}

#[tokio::test]
async fn a_loop_that_hangs_once_is_built_anew_and_the_work_goes_on() {
    let loops = ["acknowledge", "fetch", "promote", "reconcile", "record", "relay", "renew", "tick"];

    join_all(loops.map(goes_on_after_a_hang_of)).await;
}

/// Each of the fetching loops blocks a thread, until there is none left for the engine's own watchdog.
#[tokio::test]
async fn a_worker_whose_every_thread_is_blocked_ends() {
    let stores = Stores::fresh().await;
    let mut worker = start_hanging_probe(&stores, "fetch:block", &[("TOKIO_WORKER_THREADS", "2")]).await;

    assert!(!worker.end().await, "it ended as if all were well");

    assert!(worker.logged("every thread of the worker hangs; only a new process can help").is_some(), "{}", worker.log_text());
}
