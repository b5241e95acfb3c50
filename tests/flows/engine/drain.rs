//! A deploy costs nobody an attempt.

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::{Linger, Touch},
    process::start_probe,
    proxy::Proxy,
    servers::PrivateRedis,
    stores::Stores,
    wait::until,
};
use nix::sys::signal::Signal;
use queue::{Lane, Queue, operations::State};

use super::{enqueue, enqueue_all, hold_starts};

#[tokio::test]
async fn sigterm_under_load_loses_no_job_and_counts_no_attempt() {
    const ROUNDS: i64 = 3;
    const JOBS_A_ROUND: i64 = 1000;
    const JOBS: i64 = ROUNDS * JOBS_A_ROUND;
    let stores = Stores::fresh().await;
    for round in 0..ROUNDS {
        let of_this_round = round * JOBS_A_ROUND..(round + 1) * JOBS_A_ROUND;
        enqueue_all(&stores, of_this_round.map(|n| Touch { n, sleep_ms: 10 })).await;
        let (before,): (i64,) = sqlx::query_as("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
        let mut worker = start_probe(&stores, &[]).await;
        until("some more effects", async || {
            let (now,): (i64,) = sqlx::query_as("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
            now > before + 100
        })
        .await;

        assert!(worker.terminate().await, "the drain was not clean:\n{}", worker.log_text());

        // Nothing is left behind that would have to wait for a lease.
        let overview = stores.operations().overview().await.unwrap();
        assert_eq!(overview.lanes.iter().map(|queue| queue.running).sum::<u64>(), 0);
        assert!(overview.workers.is_empty());
    }
    let _last = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, JOBS).await, (vec![], vec![]));
    let (counted,): (i64,) =
        sqlx::query_as("select count(*) from faena.jobs where attempts <> 1").fetch_one(&stores.db).await.unwrap();
    assert_eq!(counted, 0);
    let (starts,): (i64,) = sqlx::query_as("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
    assert_eq!(starts, JOBS, "a drained job that could finish was begun twice");
    no_leftovers(&stores).await;
}

/// Redis has the claim of a waiting worker already and carries it out when a job comes, wherever that worker has got to.
#[tokio::test]
async fn a_job_that_is_claimed_while_an_idle_worker_ends_is_not_left_to_its_lease() {
    let stores = Stores::fresh().await;
    let (proxy, redis_url) =
        Proxy::before_url(&std::env::var("FAENA_TEST_REDIS_URL").expect("start the tests with tests/run")).await;
    let running = async || stores.operations().overview().await.unwrap().lanes.iter().map(|lane| lane.running).sum::<u64>();
    for n in 0..4 {
        proxy.set_latency(0);
        let mut worker = start_probe(&stores, &[("REDIS_URL", &redis_url)]).await;
        queue::push(&stores.store, Touch { n: 2 * n, sleep_ms: 0 }).await.unwrap();
        quiet(&stores).await;
        // What it claims from here on it hears of only later.
        proxy.set_latency(400);
        // Where it hears of it at once all the same, the job is not over before it has been seen.
        let gate = hold_starts(&stores).await;
        queue::push(&stores.store, Touch { n: 2 * n + 1, sleep_ms: 0 }).await.unwrap();
        until("the claim to be made", async || running().await > 0).await;

        worker.signal(Signal::SIGTERM);
        gate.rollback().await.unwrap();
        assert!(worker.end().await, "the drain was not clean:\n{}", worker.log_text());

        assert_eq!(running().await, 0, "the claim of round {n} was never heard");
    }
    let _last = start_probe(&stores, &[]).await;
    quiet(&stores).await;
    assert_eq!(effects(&stores, 8).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

/// Nobody would carry on with it before the resumption: in a paused lane a job whose lease ran out is not claimed again.
#[tokio::test]
async fn a_job_that_is_claimed_while_its_lane_is_paused_is_heard_of_and_done() {
    let stores = Stores::fresh().await;
    let (proxy, redis_url) =
        Proxy::before_url(&std::env::var("FAENA_TEST_REDIS_URL").expect("start the tests with tests/run")).await;
    let running = async || stores.operations().overview().await.unwrap().lanes.iter().map(|lane| lane.running).sum::<u64>();
    let _worker = start_probe(&stores, &[("REDIS_URL", &redis_url)]).await;
    for n in 0..3 {
        proxy.set_latency(0);
        queue::push(&stores.store, Touch { n: 2 * n, sleep_ms: 0 }).await.unwrap();
        quiet(&stores).await;
        // Longer than until the worker looks at what is paused: the pause comes while the answer is under way.
        proxy.set_latency(800);
        let gate = hold_starts(&stores).await;
        queue::push(&stores.store, Touch { n: 2 * n + 1, sleep_ms: 0 }).await.unwrap();
        until("the claim to be made", async || running().await > 0).await;

        assert!(stores.operations().pause(Lane::of(Queue::Default), "operadora").await.unwrap());
        gate.rollback().await.unwrap();

        quiet(&stores).await;
        assert!(stores.operations().resume(Lane::of(Queue::Default)).await.unwrap());
    }
    assert_eq!(effects(&stores, 6).await, (vec![], vec![]));
    let (again,): (i64,) =
        sqlx::query_as("select count(*) from faena.jobs where attempts <> 1").fetch_one(&stores.db).await.unwrap();
    assert_eq!(again, 0);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_job_that_outlasts_the_drain_is_handed_back_uncounted() {
    let stores = Stores::fresh().await;
    let mut worker = start_probe(&stores, &[("DRAIN_SECONDS", "1")]).await;
    let listens = enqueue(&stores, Linger { n: 0, listens: true }).await;
    let deaf = enqueue(&stores, Linger { n: 1, listens: false }).await;
    until("both to run", async || {
        let (starts,): (i64,) = sqlx::query_as("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
        starts == 2
    })
    .await;

    worker.signal(Signal::SIGINT);
    assert!(worker.end().await, "the drain was not clean:\n{}", worker.log_text());

    for id in [listens, deaf] {
        let job = stores.operations().job(id).await.unwrap().unwrap();
        assert_eq!((job.summary.state, job.summary.attempts), (State::Available, 0), "{job:?}");
    }
}

#[tokio::test]
async fn a_worker_ends_although_redis_never_hears_what_became_of_its_jobs() {
    let redis = PrivateRedis::start().await;
    let stores =
        Stores::on(&std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run"), &redis.url()).await;
    let mut worker = start_probe(&stores, &[("DRAIN_SECONDS", "1")]).await;
    enqueue(&stores, Linger { n: 0, listens: false }).await;
    until("the job to run", async || {
        let (starts,): (i64,) = sqlx::query_as("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
        starts == 1
    })
    .await;

    redis.signal(Signal::SIGSTOP);
    worker.signal(Signal::SIGTERM);

    assert!(!worker.end().await, "a lease is left, and nobody was told:\n{}", worker.log_text());
}
