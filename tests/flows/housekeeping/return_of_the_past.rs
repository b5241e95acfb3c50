//! A Redis that was set back to an old state brings back jobs whose ledger rows have gone.

use faena_tests::{
    judge::{effects, quiet},
    probe::Touch,
    process::start_probe,
    stores::Stores,
    wait::{eventually, until},
};
use queue::{JobId, Lane, Queue, operations::State};
use redis::AsyncCommands;

use super::{number, run_sql};

#[tokio::test]
async fn a_promise_whose_end_was_swept_has_no_second_effect_when_redis_brings_it_back() {
    let stores = Stores::fresh().await;
    let operations = stores.operations();
    let lane = Lane::of(Queue::Default);
    operations.pause(lane, "a test").await.unwrap();
    let _worker = start_probe(&stores, &[]).await;
    let mut tx = stores.db.begin().await.unwrap();
    let id = queue::enqueue(&mut tx, Touch { n: 0, sleep_ms: 0 }).await.unwrap().id;
    sqlx::query("update faena.outbox set enqueued_at = now() - interval '40 days' where id = $1")
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut redis = redis::Client::open(stores.redis_url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let key = |name: &str| format!("{}:{{default}}:{name}", stores.namespace);
    let kept: String = eventually("the promise to be in Redis", async || redis.hget(key("job"), id.to_string()).await.ok()).await;
    operations.resume(lane).await.unwrap();
    quiet(&stores).await;
    assert_eq!(effects(&stores, 1).await, (vec![], vec![]));

    // Forty days later the ledger has forgotten it, and Redis is set back.
    run_sql(&stores, "delete from faena.jobs; delete from faena.attempts; delete from faena.effects").await;
    until("the tombstone to go", async || !redis.hexists::<_, _, bool>(key("job"), id.to_string()).await.unwrap()).await;
    bring_back(&mut redis, &stores, id, &kept).await;

    until("its second beginning", async || number(&stores, "select count(*) from probe.starts").await == 2).await;
    quiet(&stores).await;
    assert_eq!(effects(&stores, 1).await, (vec![], vec![]), "one effect");
    assert_eq!(number(&stores, "select count(*) from faena.jobs").await, 0);
}

/// As `lua/push.lua` makes a job available.
async fn bring_back(redis: &mut redis::aio::MultiplexedConnection, stores: &Stores, id: JobId, envelope: &str) {
    let key = |name: &str| format!("{}:{{default}}:{name}", stores.namespace);
    redis::pipe()
        .atomic()
        .hset(key("job"), id.to_string(), envelope)
        .rpush(key("ready"), id.to_string())
        .incr(key("tail"), 1)
        .exec_async(redis)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_promise_that_has_waited_for_forty_days_has_its_effect() {
    let stores = Stores::fresh().await;
    let mut tx = stores.db.begin().await.unwrap();
    let id = queue::enqueue(&mut tx, Touch { n: 0, sleep_ms: 0 }).await.unwrap().id;
    sqlx::query("update faena.outbox set enqueued_at = now() - interval '40 days' where id = $1")
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let _worker = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, 1).await, (vec![], vec![]));
    assert_eq!(stores.operations().job(id).await.unwrap().unwrap().summary.state, State::Completed);
}

#[tokio::test]
async fn a_job_that_is_run_again_after_its_followers_were_forgotten_is_not_followed_twice() {
    use faena_tests::probe::Refuse;
    use queue::Job;

    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let mut tx = stores.db.begin().await.unwrap();
    let order = Refuse { reason: "as told".to_owned() }.on_death(Touch { n: 0, sleep_ms: 0 }).on_end(Touch { n: 1, sleep_ms: 0 });
    let id = queue::enqueue(&mut tx, order).await.unwrap().id;
    tx.commit().await.unwrap();
    quiet(&stores).await;
    assert_eq!(effects(&stores, 2).await, (vec![], vec![]));
    // A hundred days later: it is kept for longer than what followed it.
    run_sql(
        &stores,
        "alter table faena.jobs disable trigger written_once;
         update faena.jobs set ended_at = now() - interval '100 days';
         alter table faena.jobs enable trigger written_once;
         delete from faena.effects where job_id in (select id from faena.jobs where state = 'completed');
         delete from faena.jobs where state = 'completed'",
    )
    .await;

    stores.operations().retry(id, "operadora").await.unwrap();

    until("its second death", async || number(&stores, "select count(*) from faena.attempts where outcome = 'dead'").await == 2)
        .await;
    quiet(&stores).await;
    assert_eq!(effects(&stores, 2).await, (vec![], vec![]));
}
