//! Ways in which other storages lose or stall jobs, tried on ours. The number is the case's in the engine's README, which also says where
//! the cases are tried that are not here.

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::{Linger, Nap, Stumble, Touch},
    process::start_probe,
    servers::PrivateRedis,
    stores::Stores,
    wait::{eventually, until},
};
use queue::Order;

use super::{enqueue, enqueue_all};

async fn starts(stores: &Stores) -> i64 {
    sqlx::query_scalar("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap()
}

// Case 3.
#[tokio::test]
async fn redis_that_answers_late_does_not_end_the_worker() {
    let redis = PrivateRedis::start().await;
    let stores =
        Stores::on(&std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run"), &redis.url()).await;
    let mut worker = start_probe(&stores, &[]).await;
    enqueue_all(&stores, (0..300).map(|n| Touch { n, sleep_ms: 5 })).await;
    until("some effects", async || effects(&stores, 300).await.0.len() < 250).await;

    let mut connection = redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let _: redis::Value = redis::cmd("CLIENT").arg(&["PAUSE", "2500", "ALL"]).query_async(&mut connection).await.unwrap();

    quiet(&stores).await;
    assert!(!worker.has_ended());
    assert_eq!(effects(&stores, 300).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

// Case 8, where it is Redis that stands still.
#[tokio::test]
async fn while_redis_stands_still_nobodys_jobs_are_given_to_another() {
    let redis = PrivateRedis::start().await;
    let stores =
        Stores::on(&std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run"), &redis.url()).await;
    let _workers = [start_probe(&stores, &[("SLOTS_LOW", "4")]).await, start_probe(&stores, &[("SLOTS_LOW", "4")]).await];
    let ids = enqueue_all(&stores, (0..6).map(|n| Linger { n, listens: true })).await;
    until("all to run", async || starts(&stores).await == 6).await;
    let mut connection = redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    for stall_ms in [3800, 4700, 4200] {
        let _: redis::Value =
            redis::cmd("CLIENT").arg(&["PAUSE", &stall_ms.to_string(), "ALL"]).query_async(&mut connection).await.unwrap();
        until("every lease to be renewed", async || {
            let held = redis::cmd("HVALS").arg(format!("{}:{{low}}:running", stores.namespace)).to_owned();
            let mut asked = redis::pipe();
            asked.cmd("TIME").add_command(held);
            let answer = asked.query_async(&mut connection).await;
            let Ok(((seconds, micros), leases)): redis::RedisResult<((i64, i64), Vec<String>)> = answer else { return false };
            // fence, token, worker, when it was claimed, when it runs out
            let ends = leases.iter().filter_map(|lease| lease.split(' ').nth(4)?.parse::<i64>().ok());
            ends.filter(|end| *end > seconds * 1000 + micros / 1000 + 2500).count() == 6
        })
        .await;
    }

    for id in ids {
        stores.operations().cancel(id, "a test").await.unwrap();
    }
    quiet(&stores).await;
    assert_eq!(starts(&stores).await, 6, "somebody's job was begun by another");
    no_leftovers(&stores).await;
}

// Case 5.
#[tokio::test]
async fn a_job_that_waits_for_another_attempt_is_not_swept_away_with_those_that_ended() {
    let stores = Stores::fresh().await;
    let mut worker = start_probe(&stores, &[]).await;
    for round in 0..4 {
        enqueue_all(&stores, (0..10).map(|n| Stumble { n: round * 10 + n, times: 3 })).await;
        enqueue_all(&stores, (0..200).map(|_| Nap { sleep_ms: 0, note: String::new() })).await;
    }

    quiet(&stores).await;
    assert!(!worker.has_ended());
    assert_eq!(effects(&stores, 40).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

// Case 6.
#[tokio::test]
async fn an_idle_worker_that_is_told_to_stop_as_jobs_arrive_strands_none() {
    let stores = Stores::fresh().await;
    for round in 0..5 {
        let mut worker = start_probe(&stores, &[]).await;
        enqueue_all(&stores, (0..200).map(|n| Touch { n: round * 200 + n, sleep_ms: 0 })).await;

        assert!(worker.terminate().await, "the drain was not clean:\n{}", worker.log_text());

        let overview = stores.operations().overview().await.unwrap();
        assert_eq!(overview.lanes.iter().map(|queue| queue.running).sum::<u64>(), 0, "round {round}");
    }
    let _last = start_probe(&stores, &[]).await;
    quiet(&stores).await;
    assert_eq!((effects(&stores, 1000).await, starts(&stores).await), ((vec![], vec![]), 1000));
}

// Case 7.
#[tokio::test]
async fn a_worker_that_died_does_not_keep_its_successor_from_starting_and_an_end_takes_the_right_one_off_the_list() {
    let stores = Stores::fresh().await;
    let names = async || -> Vec<String> {
        stores.operations().overview().await.unwrap().workers.into_iter().map(|worker| worker.name).collect()
    };
    let died = start_probe(&stores, &[]).await;
    until("its heartbeat", async || names().await.len() == 1).await;
    let its_name = names().await;
    died.kill_9().await;

    let mut successor = start_probe(&stores, &[]).await;

    enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    quiet(&stores).await;
    until("the successor's heartbeat", async || names().await.len() == 2).await;
    assert!(successor.terminate().await);
    assert_eq!(names().await, its_name);
}

// Case 8.
#[tokio::test]
async fn jobs_longer_than_a_lease_are_not_given_to_a_second_worker() {
    let stores = Stores::fresh().await;
    enqueue_all(&stores, (0..12).map(|n| Touch { n, sleep_ms: 6000 })).await;

    let _workers = [start_probe(&stores, &[("SLOTS_DEFAULT", "8")]).await, start_probe(&stores, &[("SLOTS_DEFAULT", "8")]).await];

    quiet(&stores).await;
    assert_eq!((effects(&stores, 12).await, starts(&stores).await), ((vec![], vec![]), 12));
}

// Case 11.
#[tokio::test]
async fn a_job_that_is_pushed_again_while_it_waits_runs_once() {
    let stores = Stores::fresh().await;
    for n in 0..20 {
        let id = queue::push(&stores.store, Touch { n, sleep_ms: 0 }).await.unwrap().id;
        for _ in 0..3 {
            queue::push(&stores.store, Order::from(Touch { n, sleep_ms: 0 }).with_id(id)).await.unwrap();
        }
    }

    let _worker = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert_eq!((effects(&stores, 20).await, starts(&stores).await), ((vec![], vec![]), 20));
    no_leftovers(&stores).await;
}

// Case 14.
#[tokio::test]
async fn jobs_that_are_over_leave_no_keys_behind() {
    let redis = PrivateRedis::start().await;
    let stores =
        Stores::on(&std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run"), &redis.url()).await;
    let _worker = start_probe(&stores, &[]).await;
    let keys = async || -> u64 {
        let mut connection = redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        redis::cmd("DBSIZE").query_async(&mut connection).await.unwrap()
    };
    enqueue_all(&stores, (0..10).map(|n| Touch { n, sleep_ms: 0 })).await;
    quiet(&stores).await;
    // Each lane notes once that it was looked through.
    until("each lane to be looked through", async || {
        let mut connection = redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        let count = async |name: &str, connection: &mut redis::aio::MultiplexedConnection| -> usize {
            redis::cmd("KEYS")
                .arg(format!("{}:*:{name}", stores.namespace))
                .query_async::<Vec<String>>(connection)
                .await
                .unwrap()
                .len()
        };
        count("epoch", &mut connection).await == count("mended", &mut connection).await
    })
    .await;
    let after_a_few = keys().await;

    enqueue_all(&stores, (10..3000).map(|n| Touch { n, sleep_ms: 0 })).await;
    quiet(&stores).await;

    // The wake token may or may not be there; what a worker tells the others for a moment goes by itself.
    until(format!("no more keys than {after_a_few}"), async || keys().await <= after_a_few + 1).await;
    no_leftovers(&stores).await;
}

// Case 19.
#[tokio::test]
async fn a_worker_claims_no_more_than_it_has_slots_for() {
    let stores = Stores::fresh().await;
    enqueue_all(&stores, (0..50).map(|n| Linger { n, listens: true })).await;

    let _worker = start_probe(&stores, &[("SLOTS_CRITICAL", "0"), ("SLOTS_DEFAULT", "0"), ("SLOTS_LOW", "3")]).await;

    until("three to have begun", async || starts(&stores).await == 3).await;
    let low = eventually("everything to be in Redis", async || {
        let lanes = stores.operations().overview().await.unwrap().lanes;
        lanes.into_iter().find(|lane| lane.lane.as_str() == "low" && lane.outboxed == 0)
    })
    .await;
    assert_eq!((low.running, low.available), (3, 47));
}
