//! The stores go away and come back: the worker carries on by itself.

use std::time::{Duration, Instant};

use faena_tests::{
    http::http_client,
    judge::{effects, no_leftovers, quiet},
    probe::{Nap, Touch},
    process::{Process, start_probe},
    proxy::Proxy,
    servers::{PrivatePostgres, PrivateRedis, free_port},
    stores::Stores,
    wait::until,
};

use super::{enqueue, enqueue_all};

const JOBS: i64 = 1500;

/// A worker at work on [`JOBS`] effects, a third of which have happened.
struct Load {
    stores: Stores,
    worker: Process,
}

impl Load {
    async fn on(database_server: &str, redis: &PrivateRedis) -> Self {
        let stores = Stores::on(database_server, &redis.url()).await;
        enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 10 })).await;
        let worker = start_probe(&stores, &[]).await;
        let load = Self { stores, worker };
        load.effects_reach(JOBS / 3).await;
        load
    }

    async fn effects_reach(&self, count: i64) {
        until(format!("{count} effects"), async || {
            let counted: Result<(i64,), _> =
                sqlx::query_as("select count(*) from probe.effects").fetch_one(&self.stores.db).await;
            counted.is_ok_and(|(now,)| now >= count)
        })
        .await;
    }

    /// The worker carried on by itself: every effect happened, once, and nothing is left over.
    async fn survives(mut self) {
        quiet(&self.stores).await;
        assert!(!self.worker.has_ended());
        assert_eq!(effects(&self.stores, JOBS).await, (vec![], vec![]));
        no_leftovers(&self.stores).await;
        let positions_of_a_life_that_is_over: Vec<String> = sqlx::query_scalar(
            "select distinct one.queue from faena.recorder_positions one join faena.recorder_positions other using (queue) where one.epoch < other.epoch",
        )
        .fetch_all(&self.stores.db)
        .await
        .unwrap();
        assert_eq!(positions_of_a_life_that_is_over, [""; 0]);
    }
}

fn shared_postgres() -> String {
    std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run")
}

#[tokio::test]
async fn redis_is_restarted_under_load() {
    let mut redis = PrivateRedis::start().await;
    let load = Load::on(&shared_postgres(), &redis).await;

    redis.stop();
    redis.resume().await;
    load.effects_reach(2 * JOBS / 3).await;
    redis.stop();
    redis.resume().await;

    load.survives().await;
}

/// A loop that hung would be built anew after 15 s, and end the process after as many more.
#[tokio::test]
async fn redis_is_away_for_longer_than_the_watchdog_waits() {
    const AWAY: Duration = Duration::from_secs(40);
    let mut redis = PrivateRedis::start().await;
    let mut load = Load::on(&shared_postgres(), &redis).await;

    redis.stop();
    let since = Instant::now();
    until("the watchdog to have had its time", async || since.elapsed() > AWAY).await;
    assert!(!load.worker.has_ended(), "{}", load.worker.log_text());
    assert!(load.worker.logged("a loop of the engine hangs; building it anew").is_none(), "{}", load.worker.log_text());
    redis.resume().await;

    load.survives().await;
}

#[tokio::test]
async fn redis_is_killed_under_load_and_forgets_its_last_second() {
    let mut redis = PrivateRedis::start().await;
    let load = Load::on(&shared_postgres(), &redis).await;

    redis.kill_9();
    redis.resume().await;

    load.survives().await;
}

#[tokio::test]
async fn redis_is_wiped_under_load_and_every_promise_comes_back() {
    let mut redis = PrivateRedis::start().await;
    let load = Load::on(&shared_postgres(), &redis).await;

    redis.kill_9();
    redis.wipe();
    redis.resume().await;

    load.survives().await;
}

#[tokio::test]
async fn postgres_is_restarted_under_load() {
    let mut postgres = PrivatePostgres::start().await;
    let redis = PrivateRedis::start().await;
    let load = Load::on(&postgres.url(), &redis).await;

    postgres.stop();
    postgres.resume().await;
    load.effects_reach(2 * JOBS / 3).await;
    postgres.crash();
    postgres.resume().await;

    load.survives().await;
}

/// What needs no Postgres does not wait for it: it ends in Redis, and what became of it waits there.
#[tokio::test]
async fn while_postgres_is_away_what_needs_none_goes_on_and_is_recorded_afterwards() {
    const NAPS: i64 = 50;
    let mut postgres = PrivatePostgres::start().await;
    let redis = PrivateRedis::start().await;
    let stores = Stores::on(&postgres.url(), &redis.url()).await;
    let mut worker = start_probe(&stores, &[]).await;
    enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    quiet(&stores).await;
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();

    postgres.stop();
    for _ in 0..NAPS {
        queue::push(&stores.store, Nap { sleep_ms: 0, note: String::new() }).await.unwrap();
    }
    until("all of them to end", async || {
        let ended = redis::cmd("HGET").arg(format!("{}:{{default}}:stats", stores.namespace)).arg("completed").to_owned();
        ended.query_async::<i64>(&mut connection).await.unwrap() == NAPS + 1
    })
    .await;
    assert!(!worker.has_ended());
    postgres.resume().await;

    quiet(&stores).await;
    let recorded: i64 = sqlx::query_scalar("select count(*) from faena.jobs where name = 'nap' and state = 'completed'")
        .fetch_one(&stores.db)
        .await
        .unwrap();
    assert_eq!(recorded, NAPS);
    no_leftovers(&stores).await;
}

/// Behind a pooler Postgres may have no word for a worker: it looks for promises itself.
#[tokio::test]
async fn promises_are_found_while_nobody_can_listen_for_them() {
    let stores = Stores::fresh().await;
    let (proxy, direct) = Proxy::before_url(&stores.database_url).await;
    let mut worker = start_probe(&stores, &[("DATABASE_DIRECT_URL", &direct)]).await;
    enqueue_all(&stores, (0..10).map(|n| Touch { n, sleep_ms: 0 })).await;
    quiet(&stores).await;

    proxy.lead_to(([127, 0, 0, 1], free_port()).into());
    proxy.reset();
    for n in 10..15 {
        enqueue(&stores, Touch { n, sleep_ms: 0 }).await;
        quiet(&stores).await;
    }

    assert_eq!(effects(&stores, 15).await, (vec![], vec![]));
    assert!(!worker.has_ended());
}

#[tokio::test]
async fn a_worker_that_starts_while_both_stores_are_away_begins_when_they_are_back() {
    let mut postgres = PrivatePostgres::start().await;
    let mut redis = PrivateRedis::start().await;
    let stores = Stores::on(&postgres.url(), &redis.url()).await;
    enqueue_all(&stores, (0..50).map(|n| Touch { n, sleep_ms: 0 })).await;
    postgres.stop();
    redis.stop();
    let worker = start_probe(&stores, &[]).await;
    let client = http_client();
    let ready = async || client.get(format!("http://{}/ready", worker.addr)).send().await.unwrap();
    let answer = ready().await;
    assert_eq!(answer.status(), 503);
    let checks: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((&checks["checks"]["postgres"]["ok"], &checks["checks"]["redis"]["ok"]), (&false.into(), &false.into()));

    postgres.resume().await;
    redis.resume().await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, 50).await, (vec![], vec![]));
    until("the worker to say that it is ready", async || ready().await.status() == 200).await;
}

#[tokio::test]
async fn while_a_store_is_away_no_figure_repeats_the_past() {
    let mut redis = PrivateRedis::start().await;
    let stores = Stores::on(&shared_postgres(), &redis.url()).await;
    let worker = start_probe(&stores, &[]).await;
    let client = http_client();
    let figures = async || client.get(format!("http://{}/metrics", worker.addr)).send().await.unwrap().text().await.unwrap();
    let of_the_whole =
        ["faena_workers ", "faena_unrecorded_events ", "faena_relay_lag_seconds ", "faena_jobs{", "faena_oldest_age_seconds{"];
    until("the worker to count itself", async || figures().await.contains("\nfaena_workers 1\n")).await;
    let told = figures().await;
    assert!(of_the_whole.iter().all(|name| told.contains(&format!("\n{name}"))), "{told}");

    redis.stop();

    let told = figures().await;
    assert!(told.contains("\nfaena_overview_up 0\n"), "{told}");
    let stale: Vec<&str> =
        told.lines().filter(|line| of_the_whole.iter().any(|name| line.starts_with(name)) && !line.ends_with(" NaN")).collect();
    assert!(stale.is_empty(), "{stale:?}");
}

#[tokio::test]
async fn half_a_step_that_came_to_life_costs_no_job() {
    let stores = Stores::fresh().await;
    for n in 0..4 {
        queue::push(&stores.store, Touch { n, sleep_ms: 0 }).await.unwrap();
    }
    let promised = enqueue(&stores, Touch { n: 4, sleep_ms: 0 }).await;
    sqlx::query("update faena.outbox set pushed_at = now() - interval '1 minute'").execute(&stores.db).await.unwrap();
    // What a Redis brings back that was torn twice: the beginning of a claim, and the beginning of an end of which no event tells.
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let key = |name: &str| format!("{}:{{default}}:{name}", stores.namespace);
    redis::cmd("LTRIM").arg(key("ready")).arg(2).arg(-1).exec_async(&mut connection).await.unwrap();
    redis::cmd("HSET").arg(key("job")).arg(promised.to_string()).arg("!7").exec_async(&mut connection).await.unwrap();

    let worker = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, 5).await, (vec![], vec![]));
    assert!(worker.logged("Redis had come back with jobs that stood nowhere: they are available again").is_some());
    no_leftovers(&stores).await;
}
