//! Lanes, slots lent downward, and pauses.

use std::collections::BTreeSet;

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::{Film, Linger, Touch, Urge},
    process::{run_to_end, start_probe, try_to_end},
    proxy::Proxy,
    servers::PrivatePostgres,
    stores::Stores,
    wait::until,
};
use queue::{Lane, Queue, operations::State};
use redis::AsyncCommands;

use super::{enqueue, enqueue_all, reaches};

async fn count(stores: &Stores, lane: &str, state: State) -> u64 {
    let overview = stores.operations().overview().await.unwrap();
    overview.lanes.iter().find(|line| line.lane.as_str() == lane).map_or(0, |line| line.count(state))
}

#[tokio::test]
async fn a_lane_has_slots_of_its_own_and_stands_in_nobodys_way() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[("SLOTS_LOW", "1"), ("SLOTS_LANES", "low/films=3")]).await;
    enqueue(&stores, Linger { n: -1, listens: false }).await;
    until("the queue's own lane to be full", async || count(&stores, "low", State::Running).await == 1).await;

    enqueue_all(&stores, (0..9).map(|n| Film { n, sleep_ms: 100_000 })).await;
    enqueue(&stores, Touch { n: 99, sleep_ms: 0 }).await;

    until("the films to fill their lane", async || count(&stores, "low/films", State::Running).await == 3).await;
    until("others to pass", async || count(&stores, "default", State::Completed).await == 1).await;
    assert_eq!(count(&stores, "low/films", State::Available).await, 6);
}

#[tokio::test]
async fn workers_for_single_lanes_share_the_work() {
    let stores = Stores::fresh().await;
    let for_films = start_probe(&stores, &[("ONLY", "low/films")]).await;
    enqueue_all(&stores, (0..5).map(|n| Film { n, sleep_ms: 0 })).await;
    enqueue(&stores, Touch { n: 5, sleep_ms: 0 }).await;
    until("the films to end", async || count(&stores, "low/films", State::Completed).await == 5).await;
    assert_eq!(count(&stores, "default", State::Completed).await, 0);

    let for_the_rest = start_probe(&stores, &[("ONLY", "critical,default,low")]).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, 6).await, (vec![], vec![]));
    let pids: Vec<(i32, i64)> =
        sqlx::query_as("select pid, count(*) from probe.starts group by pid").fetch_all(&stores.db).await.unwrap();
    let pids: BTreeSet<(i32, i64)> = pids.into_iter().collect();
    assert_eq!(pids, BTreeSet::from([(for_films.pid(), 5), (for_the_rest.pid(), 1)]));
    no_leftovers(&stores).await;
}

/// How many of the jobs from `first` to before `end` have begun: one that is claimed and waits in its worker has not.
async fn begun(stores: &Stores, first: i64, end: i64) -> i64 {
    let count = sqlx::query_scalar("select count(*) from probe.starts where n >= $1 and n < $2").bind(first).bind(end);
    count.fetch_one(&stores.db).await.unwrap()
}

#[tokio::test]
async fn idle_slots_of_a_more_urgent_queue_are_lent_all_but_one_and_never_upward() {
    let stores = Stores::fresh().await;
    let slots = [("SLOTS_CRITICAL", "4"), ("SLOTS_DEFAULT", "1"), ("SLOTS_LOW", "8")];
    let _worker = start_probe(&stores, &slots).await;

    enqueue_all(&stores, (0..20).map(|n| Touch { n, sleep_ms: 100_000 })).await;

    until("one slot of its own and three lent ones to be at work", async || begun(&stores, 0, 20).await == 4).await;
    // The slot that is never lent takes the urgent job at once, though nothing else ends.
    enqueue_all(&stores, [Urge { n: 100 }]).await;
    until("the urgent job to end", async || count(&stores, "critical", State::Completed).await == 1).await;
    assert_eq!(count(&stores, "default", State::Running).await, 4, "a slot was lent upward, or the last one was");
}

#[tokio::test]
async fn lent_slots_go_home() {
    let stores = Stores::fresh().await;
    let slots = [("SLOTS_CRITICAL", "5"), ("SLOTS_DEFAULT", "2")];
    let _worker = start_probe(&stores, &slots).await;
    for round in 0..3_i64 {
        enqueue_all(&stores, (0..60).map(|n| Touch { n: round * 100 + n, sleep_ms: 5 })).await;
        enqueue_all(&stores, (60..100).map(|n| Urge { n: round * 100 + n })).await;
    }

    quiet(&stores).await;
    assert_eq!(effects(&stores, 300).await, (vec![], vec![]));
    enqueue_all(&stores, (300..309).map(|n| Touch { n, sleep_ms: 100_000 })).await;
    until("every lendable slot to be at work again", async || begun(&stores, 300, 309).await == 6).await;
}

#[tokio::test]
async fn a_paused_lane_waits_while_its_running_jobs_go_on() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let said = run_to_end("probe", &["pause", "default", "--by", "operadora"], &stores.settings()).await;
    assert_eq!(said.trim(), "paused");
    let overview = stores.operations().overview().await.unwrap();
    assert_eq!(overview.lanes[1].paused_by.as_deref(), Some("operadora"));
    // Where Redis does not hear of it at once, a worker tells it within half a second: until then jobs may still begin.
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    until("the lane to be told", async || {
        let is_told: bool = redis.hexists(format!("{}:{{default}}:paused", stores.namespace), "!lane").await.unwrap();
        is_told
    })
    .await;
    let waiting = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    reaches(&stores, waiting, State::Available).await;
    enqueue(&stores, Urge { n: 7 }).await;
    until("other lanes to go on", async || count(&stores, "critical", State::Completed).await == 1).await;
    assert_eq!(count(&stores, "default", State::Available).await, 1);

    let said = run_to_end("probe", &["resume", "default"], &stores.settings()).await;

    assert_eq!(said.trim(), "resumed");
    quiet(&stores).await;
    assert!(!stores.operations().resume(Lane::of(Queue::Default)).await.unwrap());
}

#[tokio::test]
async fn a_worker_that_starts_beside_a_slow_postgres_knows_what_is_paused_before_it_claims() {
    let stores = Stores::fresh().await;
    start_probe(&stores, &[]).await.terminate().await;
    let said = run_to_end("probe", &["pause", "default", "--by", "operadora"], &stores.settings()).await;
    assert_eq!(said.trim(), "paused");
    queue::push(&stores.store, Touch { n: 0, sleep_ms: 0 }).await.unwrap();
    queue::push(&stores.store, Urge { n: 1 }).await.unwrap();
    let (proxy, database_url) = Proxy::before_url(&stores.database_url).await;
    proxy.set_latency(30);

    let _worker = start_probe(&stores, &[("DATABASE_URL", &database_url)]).await;

    until("the urgent job to begin", async || begun(&stores, 1, 2).await == 1).await;
    assert_eq!((begun(&stores, 0, 1).await, count(&stores, "default", State::Available).await), (0, 1));
}

#[tokio::test]
async fn a_worker_that_starts_while_postgres_is_away_begins_nothing_of_what_is_paused() {
    let mut postgres = PrivatePostgres::start().await;
    let redis = std::env::var("FAENA_TEST_REDIS_URL").expect("start the tests with tests/run");
    let stores = Stores::on(&postgres.url(), &redis).await;
    start_probe(&stores, &[]).await.terminate().await;
    stores.operations().pause(Lane::of(Queue::Default), "operadora").await.unwrap();
    queue::push(&stores.store, Touch { n: 0, sleep_ms: 0 }).await.unwrap();
    postgres.stop();
    let worker = start_probe(&stores, &[]).await;
    queue::push(&stores.store, Urge { n: 1 }).await.unwrap();
    let client = redis::Client::open(redis.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    until("the urgent job to be claimed", async || {
        let key = |name: &str| format!("{}:{{critical}}:{name}", stores.namespace);
        let (line, at_work): (u64, u64) =
            redis::pipe().llen(key("ready")).hlen(key("running")).query_async(&mut connection).await.unwrap();
        line == 0 || at_work > 0
    })
    .await;

    let waits: u64 =
        redis::cmd("LLEN").arg(format!("{}:{{default}}:ready", stores.namespace)).query_async(&mut connection).await.unwrap();
    assert_eq!(waits, 1, "it was claimed");
    postgres.resume().await;
    stores.operations().resume(Lane::of(Queue::Default)).await.unwrap();
    quiet(&stores).await;
    drop(worker);
}

#[tokio::test]
async fn a_lane_that_nobody_waits_in_is_a_mistake_in_the_settings() {
    let stores = Stores::fresh().await;
    let mut settings = stores.settings();
    settings.push(("ONLY".to_owned(), "low/filmes".to_owned()));

    let (ok, out, err) = try_to_end("probe", &["check"], &settings).await;

    assert!(!ok && format!("{out}{err}").contains("ONLY: no job waits in the lane low/filmes"), "{out}{err}");
}

#[tokio::test]
async fn a_paused_queue_rests_with_all_its_lanes_and_says_so() {
    let stores = Stores::fresh().await;
    let pause = ["pause", "--queue", "low", "--by", "operadora", "--json"];
    let said: serde_json::Value = serde_json::from_str(&run_to_end("probe", &pause, &stores.settings()).await).unwrap();
    assert_eq!(said, serde_json::json!({ "queue": "low", "outcome": "paused" }));
    let film = enqueue(&stores, Film { n: 0, sleep_ms: 0 }).await;

    let _worker = start_probe(&stores, &[]).await;

    reaches(&stores, film, State::Available).await;
    enqueue(&stores, Urge { n: 7 }).await;
    until("other queues to go on", async || count(&stores, "critical", State::Completed).await == 1).await;
    assert_eq!(count(&stores, "low/films", State::Available).await, 1);
    let overview = stores.operations().overview().await.unwrap();
    let films = overview.lanes.iter().find(|lane| lane.lane.as_str() == "low/films").unwrap();
    assert_eq!((films.paused_by.as_deref(), overview.pauses.len()), (Some("operadora"), 1));
    run_to_end("probe", &["resume", "--queue", "low"], &stores.settings()).await;
    reaches(&stores, film, State::Completed).await;
    quiet(&stores).await;
}
