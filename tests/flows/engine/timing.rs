//! When jobs run: at their time, all at once if need be, the urgent without waiting for the rest.

use std::time::Duration;

use chrono::Utc;
use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::{Nap, Touch, Urge},
    process::start_probe,
    stores::Stores,
    wait::until,
};
use queue::Job;

use super::{enqueue, enqueue_all};

#[tokio::test]
async fn twenty_thousand_jobs_due_at_one_instant_all_run() {
    const JOBS: i64 = 20_000;
    let stores = Stores::fresh().await;
    let due = Utc::now() + Duration::from_secs(10);
    for _ in 0..4 {
        enqueue_all(&stores, (0..JOBS / 4).map(|_| Nap { sleep_ms: 0, note: String::new() }.at(due))).await;
    }
    let mut worker = start_probe(&stores, &[]).await;
    let operations = stores.operations();
    until("all of them to be scheduled", async || {
        operations.overview().await.is_ok_and(|now| now.queues[1].scheduled == JOBS.unsigned_abs())
    })
    .await;

    quiet(&stores).await;

    assert!(!worker.has_ended());
    let (completed, early): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where outcome = 'completed'), count(*) filter (where started_at < $1) from faena.attempts",
    )
    .bind(due)
    .fetch_one(&stores.db)
    .await
    .unwrap();
    assert_eq!((completed, early), (JOBS, 0));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn urgent_jobs_do_not_wait_behind_a_backlog() {
    let stores = Stores::fresh().await;
    enqueue_all(&stores, (0..3000).map(|n| Touch { n, sleep_ms: 20 })).await;
    let _worker = start_probe(&stores, &[]).await;
    until("the backlog to be worked on", async || !effects(&stores, 1).await.0.contains(&0)).await;

    enqueue(&stores, Urge { n: 5000 }).await;

    until("the urgent job", async || {
        let (urgent,): (bool,) =
            sqlx::query_as("select exists (select from probe.effects where n = 5000)").fetch_one(&stores.db).await.unwrap();
        urgent
    })
    .await;
    let backlog = stores.operations().overview().await.unwrap().queues[1].available;
    assert!(backlog > 500, "the backlog was gone before the urgent job ran: {backlog}");
}
