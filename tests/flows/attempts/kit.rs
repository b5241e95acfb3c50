//! The kit does what a worker does.

use std::time::Duration;

use chrono::TimeDelta;
use faena_tests::{
    judge::{effects, quiet},
    probe::{Dawdle, Explode, Nap, Refuse, Stumble, Touch, catalogue},
    process::start_probe,
    stores::Stores,
};
use queue::{
    Attempted, Ctx, Job, JobId, OrFailure,
    kit::{Kit, Outcome},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Enqueues two of its kind, one at once and one for later, until it is deep enough.
#[derive(Debug, Serialize, Deserialize, JsonSchema, PartialEq)]
struct Sow {
    path: String,
}

impl Job for Sow {
    type Ports = ();
    const NAME: &'static str = "sow";

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        let mut effect = ctx.effect().await?;
        if self.path.len() < 3 {
            let child = |step: &str| Self { path: format!("{}{step}", self.path) };
            queue::enqueue(&mut effect, child("a").after(Duration::from_secs(3600))).await.context("sowing")?;
            queue::enqueue(&mut effect, child("b")).await.context("sowing")?;
        }
        Ok(effect.into())
    }
}

/// Enqueues, and then fails.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Trip;

impl Job for Trip {
    type Ports = ();
    const NAME: &'static str = "trip";

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        let mut effect = ctx.effect().await?;
        queue::enqueue(&mut effect, Sow { path: "lost".to_owned() }).await.context("sowing")?;
        None::<()>.or_dead("tripped")?;
        Ok(effect.into())
    }
}

async fn kit(stores: &Stores) -> Kit<()> {
    Kit::new(catalogue().job::<Sow>().job::<Trip>(), ()).with_database(stores.db.clone())
}

#[tokio::test]
async fn an_effect_is_committed_once_and_rolled_back_when_the_attempt_fails() {
    let stores = Stores::fresh().await;
    let kit = kit(&stores).await;
    let id = JobId::new();

    assert_eq!(kit.attempt(Touch { n: 0, sleep_ms: 0 }).id(id).await, Outcome::Completed);
    assert_eq!(kit.attempt(Touch { n: 0, sleep_ms: 0 }).id(id).number(2).await, Outcome::Completed);
    assert_eq!(kit.attempt(Trip).await, Outcome::Dead { reason: "tripped".to_owned() });

    assert_eq!(effects(&stores, 1).await, (vec![], vec![]));
    assert_eq!(kit.enqueued::<Sow>().await.len(), 0);
}

#[tokio::test]
async fn what_jobs_enqueue_is_seen_and_run_when_it_is_due_until_nothing_is_left() {
    let stores = Stores::fresh().await;
    let noon = "2031-03-01T12:00:00Z".parse().unwrap();
    let kit = kit(&stores).await.at(noon);

    assert_eq!(kit.attempt(Sow { path: String::new() }).await, Outcome::Completed);
    let waiting = kit.enqueued::<Sow>().await;
    let seen: Vec<_> = waiting.iter().map(|waiting| (waiting.job.path.as_str(), waiting.run_at)).collect();
    assert_eq!(seen, [("b", None), ("a", Some(noon + TimeDelta::hours(1)))]);

    // b, bb and bbb are due at noon; the rest is not.
    let due: Vec<JobId> = kit.run_due().await.into_iter().map(|ran| ran.id).collect();
    assert_eq!((due.len(), due[0], kit.now()), (3, waiting[0].id, noon));
    kit.advance(Duration::from_secs(3599));
    assert_eq!(kit.run_due().await, []);

    let ran = kit.drain().await;
    let hours: Vec<i64> = ran.iter().map(|ran| (ran.at - noon).num_hours()).collect();
    // Each hour is an `a` in a path: fourteen paths, without the three that ran.
    assert_eq!(hours, [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3]);
    assert!(ran.iter().all(|ran| ran.outcome == Outcome::Completed && ran.attempt == 1));
    assert_eq!((kit.now(), kit.enqueued::<Sow>().await.len()), (noon + TimeDelta::hours(3), 0));
}

#[tokio::test]
async fn a_job_that_fails_is_attempted_again_after_its_backoff() {
    let stores = Stores::fresh().await;
    let kit = kit(&stores).await;
    let id = kit.enqueue(Stumble { n: 0, times: 2 }.after(Duration::from_secs(60))).await.unwrap().id;
    let begin = kit.now();

    let ran = kit.drain().await;

    let story: Vec<_> = ran.iter().map(|ran| (ran.id, ran.attempt, matches!(ran.outcome, Outcome::Retry { .. }))).collect();
    assert_eq!(story, [(id, 1, true), (id, 2, true), (id, 3, false)]);
    assert_eq!(ran[0].at, begin + TimeDelta::minutes(1));
    assert!(ran[0].at <= ran[1].at && ran[1].at <= ran[2].at);
    let job = stores.operations().job(id).await.unwrap().unwrap();
    assert_eq!((job.summary.state.as_str(), job.attempts.len()), ("completed", 3));
}

#[tokio::test]
async fn what_follows_a_job_runs_after_its_end() {
    let stores = Stores::fresh().await;
    let kit = kit(&stores).await;
    let next = Touch { n: 0, sleep_ms: 0 }.after(Duration::from_secs(600));
    kit.enqueue(Refuse { reason: "no".to_owned() }.then(Touch { n: 1, sleep_ms: 0 }).on_death(next)).await.unwrap();
    let begin = kit.now();

    let ran = kit.drain().await;

    let story: Vec<_> = ran.iter().map(|ran| (ran.name.as_str(), (ran.at - begin).num_minutes())).collect();
    assert_eq!(story, [("refuse", 0), ("touch", 10)]);
    assert_eq!(effects(&stores, 1).await, (vec![], vec![]));
}

#[tokio::test]
async fn what_jobs_come_to_in_a_kit_they_come_to_in_a_worker() {
    let (in_kit, in_worker) = (Stores::fresh().await, Stores::fresh().await);
    for stores in [&in_kit, &in_worker] {
        let mut tx = stores.db.begin().await.unwrap();
        queue::enqueue(&mut tx, Touch { n: 0, sleep_ms: 1 }).await.unwrap();
        queue::enqueue(&mut tx, Nap { sleep_ms: 1, note: "ñ".to_owned() }).await.unwrap();
        queue::enqueue(&mut tx, Stumble { n: 1, times: 3 }).await.unwrap();
        queue::enqueue(&mut tx, Stumble { n: 2, times: 9 }).await.unwrap();
        queue::enqueue(&mut tx, Refuse { reason: "no".to_owned() }).await.unwrap();
        queue::enqueue(&mut tx, Explode { message: "boom".to_owned() }).await.unwrap();
        queue::enqueue(&mut tx, Dawdle {}).await.unwrap();
        sqlx::query(
            "insert into faena.outbox (id, queue, name, version, args) values ($1, 'default', 'touch', 1, '{\"n\": \"x\"}')",
        )
        .bind(JobId::new())
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    kit(&in_kit).await.drain().await;
    let _worker = start_probe(&in_worker, &[]).await;
    quiet(&in_worker).await;

    type End = (String, String, Option<String>, i32, String);
    let ends = async |stores: &Stores| -> Vec<End> {
        sqlx::query_as(
            "select j.name, j.state, j.reason, j.attempts, string_agg(a.attempt || a.outcome || coalesce(a.error, ''), ' ' order by a.attempt)
             from faena.jobs j join faena.attempts a on a.job_id = j.id group by j.id order by 1, 2, 3, 4",
        )
        .fetch_all(&stores.db)
        .await
        .unwrap()
    };
    assert_eq!(ends(&in_kit).await.len(), 8);
    assert_eq!(ends(&in_kit).await, ends(&in_worker).await);
}
