//! What follows a job is enqueued with its end, once, whatever dies in between.

use std::time::Duration;

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::{Refuse, Stumble, Touch},
    process::start_probe,
    stores::Stores,
    wait::until,
};
use queue::{
    Job,
    operations::{CommandOutcome, State},
};

use super::{ended, enqueue, enqueue_all, reaches};

const HOUR: Duration = Duration::from_secs(3600);

fn touch(n: i64) -> Touch {
    Touch { n, sleep_ms: 0 }
}

/// Which effects there are, each as often as it happened.
async fn touched(stores: &Stores) -> Vec<i64> {
    let rows: Vec<(i64,)> = sqlx::query_as("select n from probe.effects order by n").fetch_all(&stores.db).await.unwrap();
    rows.into_iter().map(|(n,)| n).collect()
}

#[tokio::test]
async fn each_end_is_followed_by_what_waits_for_it() {
    let stores = Stores::fresh().await;
    let refused = Refuse { reason: "no".to_owned() };
    enqueue(&stores, touch(0).then(touch(1)).on_death(touch(2)).on_end(touch(3))).await;
    enqueue(&stores, refused.then(touch(11)).on_death(touch(12)).on_end(touch(13))).await;
    let outboxed = enqueue(&stores, touch(20).then(touch(21)).on_death(touch(22)).on_end(touch(23))).await;
    let scheduled = enqueue(&stores, touch(30).after(HOUR).then(touch(31)).on_death(touch(32)).on_end(touch(33))).await;
    let unheld = touch(40).after(HOUR).then(touch(41)).on_death(touch(42)).on_end(touch(43));
    let unheld = queue::push(&stores.store, unheld).await.unwrap().id;

    // It ends in Postgres alone; the others in Redis.
    assert_eq!(stores.operations().cancel(outboxed, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    let _worker = start_probe(&stores, &[]).await;
    for id in [scheduled, unheld] {
        reaches(&stores, id, State::Scheduled).await;
        assert_eq!(stores.operations().cancel(id, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    }

    quiet(&stores).await;
    assert_eq!(touched(&stores).await, [0, 1, 3, 12, 13, 23, 33, 43]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_chain_goes_on_with_the_options_of_each_link() {
    let stores = Stores::fresh().await;
    let last = touch(2).after(HOUR).tenant("academia");
    let last_id = queue::JobId::new();
    let middle = queue::JobId::new();
    let chain = touch(0).then(touch(1).with_id(middle).then(last.with_id(last_id)).expires_in(HOUR));
    let _worker = start_probe(&stores, &[]).await;

    enqueue(&stores, chain).await;

    let before = ended(&stores, middle).await;
    let waiting = reaches(&stores, last_id, State::Scheduled).await;
    let since_the_end = waiting.run_at.unwrap() - before.summary.at.unwrap();
    assert_eq!(since_the_end.num_milliseconds(), 3_600_000, "it waits from the end of the job before");
    assert_eq!(waiting.terms.tenant.as_deref(), Some("academia"));
    assert!(before.terms.expires_at.is_some());
    assert_eq!(touched(&stores).await, [0, 1]);
}

#[tokio::test]
async fn a_job_that_an_operator_runs_again_is_not_followed_twice() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Stumble { n: 0, times: 4 }.then(touch(1)).on_death(touch(2)).on_end(touch(3))).await;
    assert_eq!(ended(&stores, id).await.summary.state, State::Dead);
    quiet(&stores).await;
    assert_eq!(touched(&stores).await, [2, 3]);

    stores.operations().retry(id, "operadora").await.unwrap();

    until("its second death", async || {
        stores.operations().job(id).await.unwrap().is_some_and(|job| job.summary.state == State::Dead && job.attempts.len() == 8)
    })
    .await;
    quiet(&stores).await;
    assert_eq!(touched(&stores).await, [2, 3]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn what_was_deleted_after_it_had_followed_does_not_follow_again() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let next = queue::JobId::new();
    let id = enqueue(&stores, Refuse { reason: "as told".to_owned() }.on_death(touch(1).with_id(next))).await;
    assert_eq!(ended(&stores, id).await.summary.state, State::Dead);
    assert_eq!(ended(&stores, next).await.summary.state, State::Completed);
    quiet(&stores).await;
    assert_eq!(stores.operations().delete(next, "operadora").await.unwrap(), CommandOutcome::Deleted);

    stores.operations().retry(id, "operadora").await.unwrap();

    until("its second death", async || {
        stores.operations().job(id).await.unwrap().is_some_and(|job| job.summary.state == State::Dead && job.attempts.len() == 2)
    })
    .await;
    quiet(&stores).await;
    assert!(stores.operations().job(next).await.unwrap().is_none());
    let begun: Vec<i64> = sqlx::query_scalar("select n from probe.starts").fetch_all(&stores.db).await.unwrap();
    assert_eq!(begun, [1]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn chains_of_promises_and_of_direct_pushes_go_on_through_kills() {
    const CHAINS: i64 = 400;
    let stores = Stores::fresh().await;
    let chain = |n: i64| {
        let n = n * 3;
        Touch { n, sleep_ms: 5 }.then(Touch { n: n + 1, sleep_ms: 5 }.then(touch(n + 2)))
    };
    enqueue_all(&stores, (0..CHAINS / 2).map(chain)).await;
    queue::push_all(&stores.store, (CHAINS / 2..CHAINS).map(chain)).await.unwrap();

    // Each life is ended in the middle of the work, wherever it is just then.
    for round in 1..=4 {
        let workers =
            [start_probe(&stores, &[("SLOTS_DEFAULT", "4")]).await, start_probe(&stores, &[("SLOTS_DEFAULT", "4")]).await];
        until("some more effects", async || touched(&stores).await.len() > round * 150).await;
        for worker in workers {
            worker.kill_9().await;
        }
    }
    let _last = [start_probe(&stores, &[]).await, start_probe(&stores, &[]).await];

    until("the end of every chain", async || touched(&stores).await.len() >= usize::try_from(CHAINS * 3).unwrap()).await;
    quiet(&stores).await;
    assert_eq!(effects(&stores, CHAINS * 3).await, (vec![], vec![]));
    let (completed,): (i64,) =
        sqlx::query_as("select count(*) from faena.jobs where state = 'completed'").fetch_one(&stores.db).await.unwrap();
    assert_eq!(completed, CHAINS * 3);
    no_leftovers(&stores).await;
}
