//! Jobs that end because their time is over, and jobs that come back when they say.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use faena_tests::{
    controls::{Falter, Persevere, Recount},
    judge::{no_leftovers, quiet},
    probe::{Nap, Stumble, Touch},
    process::{start_probe, try_to_end},
    stores::Stores,
    wait::eventually,
};
use queue::{Job, JobId, Lane, Queue, operations::State};
use sqlx::AssertSqlSafe;

use super::{ended, enqueue, enqueue_all, reaches};

const HOUR: Duration = Duration::from_secs(3600);

async fn starts(stores: &Stores, id: JobId) -> Vec<DateTime<Utc>> {
    let rows: Vec<(DateTime<Utc>,)> =
        sqlx::query_as("select at from probe.starts where job_id = $1 order by at").bind(id).fetch_all(&stores.db).await.unwrap();
    rows.into_iter().map(|(at,)| at).collect()
}

#[tokio::test]
async fn a_job_that_comes_too_late_ends_without_running() {
    let stores = Stores::fresh().await;
    let expired_at = DateTime::from_timestamp_millis(Utc::now().timestamp_millis() - 1).unwrap();
    let late = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }.expires_at(expired_at)).await;
    let pushed = Touch { n: 1, sleep_ms: 0 }.after(Duration::from_millis(1)).expires_in(Duration::from_millis(2));
    let pushed = queue::push(&stores.store, pushed).await.unwrap().id;
    let in_time = enqueue(&stores, Touch { n: 2, sleep_ms: 0 }.expires_in(Duration::from_secs(600))).await;

    let _worker = start_probe(&stores, &[]).await;

    let job = ended(&stores, late).await;
    let reason = format!("expired: not worth running after {}", expired_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    assert_eq!((job.summary.state, job.summary.reason), (State::Cancelled, Some(reason)));
    assert_eq!((job.summary.attempts, job.attempts.len()), (0, 0), "nothing was attempted");
    assert_eq!(ended(&stores, pushed).await.summary.state, State::Cancelled);
    assert_eq!(ended(&stores, in_time).await.summary.state, State::Completed);
    quiet(&stores).await;
    let begun: Vec<(i64,)> = sqlx::query_as("select n from probe.starts").fetch_all(&stores.db).await.unwrap();
    assert_eq!(begun, [(2,)]);

    // Whoever runs it again wants it.
    stores.operations().retry(late, "operadora").await.unwrap();
    reaches(&stores, late, State::Completed).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_job_whose_worker_died_after_its_effect_is_completed_although_its_time_is_over() {
    let stores = Stores::fresh().await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }.expires_at(Utc::now())).await;
    // As its first worker left it: committed, and then killed.
    sqlx::query("insert into faena.effects (job_id, epoch, fence, done_at) values ($1, 1, 1, now())")
        .bind(id)
        .execute(&stores.db)
        .await
        .unwrap();

    let _worker = start_probe(&stores, &[]).await;

    let job = ended(&stores, id).await;
    assert_eq!((job.summary.state, job.summary.reason, job.summary.attempts), (State::Completed, None, 1));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_job_whose_next_attempt_would_come_too_late_ends_at_once() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;

    let falters = Falter::Errs { backoff_ms: 3_600_000 }.expires_in(Duration::from_secs(600));
    let snoozes = Falter::Snoozes { delay_ms: 3_600_000 }.expires_in(Duration::from_secs(600));
    let stumbles = Stumble { n: 0, times: 1 }.expires_in(Duration::from_secs(600));
    let (falters, snoozes, stumbles) =
        (enqueue(&stores, falters).await, enqueue(&stores, snoozes).await, enqueue(&stores, stumbles).await);

    let job = ended(&stores, falters).await;
    let reason = job.summary.reason.unwrap();
    assert_eq!(job.summary.state, State::Cancelled);
    assert!(
        reason.starts_with("expired: not worth running after ") && reason.ends_with("; attempt 1 failed: locked for a moment"),
        "{reason}"
    );
    let job = ended(&stores, snoozes).await;
    let reason = job.summary.reason.unwrap();
    assert_eq!(job.summary.state, State::Cancelled);
    assert!(reason.ends_with("; it was told to wait longer: not yet"), "{reason}");
    assert_eq!(ended(&stores, stumbles).await.summary.state, State::Completed);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_job_is_given_up_when_its_time_for_retries_is_over_counted_from_when_it_was_due() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let due = Utc::now() + TimeDelta::milliseconds(1500);
    let id = enqueue(&stores, Persevere {}.at(due)).await;

    let job = ended(&stores, id).await;

    let reason = job.summary.reason.as_deref().unwrap_or_default();
    assert_eq!(job.summary.state, State::Dead);
    assert!(reason.ends_with("and another would begin later than 1 s after the job was due: in vain"), "{reason}");
    // It was scheduled for a while before it was due: that time does not count.
    assert!(
        !job.attempts.is_empty()
            && job.attempts.iter().all(|attempt| attempt.started_at.unwrap() >= due - TimeDelta::milliseconds(1))
    );

    // Run again, it has its time again.
    stores.operations().retry(id, "operadora").await.unwrap();
    let again = ended(&stores, id).await;
    assert!(again.attempts.len() > job.attempts.len(), "{again:?}");
}

#[tokio::test]
async fn an_error_may_call_for_a_backoff_of_its_own() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;

    let id = enqueue(&stores, Falter::Errs { backoff_ms: 120 }).await;

    let job = ended(&stores, id).await;
    let outcomes: Vec<&str> = job.attempts.iter().map(|attempt| attempt.outcome.as_str()).collect();
    assert_eq!((job.summary.attempts, outcomes), (2, vec!["retry", "completed"]));
    assert!(job.attempts[1].started_at.unwrap() - job.attempts[0].ended_at >= TimeDelta::milliseconds(119));
}

#[tokio::test]
async fn a_job_that_snoozes_or_is_told_to_wait_comes_back_then_and_no_attempt_is_used() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let until = |ms| DateTime::from_timestamp_millis(Utc::now().timestamp_millis() + ms).unwrap();
    let (until, an_hour) = (until(2_000), until(3_600_000));

    let snoozes = enqueue(&stores, Falter::Snoozes { delay_ms: 400 }).await;
    let told = enqueue(&stores, Falter::IsTold { until_ms: until.timestamp_millis() }).await;
    let told_an_hour = enqueue(&stores, Falter::IsTold { until_ms: an_hour.timestamp_millis() }).await;

    // Until then it waits, and no less: later by its way to Redis.
    let waiting = reaches(&stores, told_an_hour, State::Retryable).await;
    assert!(waiting.summary.at.unwrap() >= an_hour, "due {} too soon", an_hour - waiting.summary.at.unwrap());
    for (id, reason) in [(snoozes, "not yet"), (told, "Retry-After")] {
        let job = ended(&stores, id).await;
        let story: Vec<_> =
            job.attempts.iter().map(|attempt| (attempt.attempt, attempt.outcome.as_str(), attempt.error.as_deref())).collect();
        assert_eq!(story, [(1, "throttled", Some(reason)), (1, "completed", None)]);
        assert_eq!((job.summary.state, job.summary.attempts), (State::Completed, 1));
    }
    let begun = starts(&stores, told).await;
    assert!(begun[1] >= until, "{} before it may", until - begun[1]);
    let begun = starts(&stores, snoozes).await;
    assert!(begun[1] - begun[0] >= TimeDelta::milliseconds(400));
    stores.operations().cancel(told_an_hour, "operadora").await.unwrap();
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_before_anything_is_written() {
    let stores = Stores::fresh().await;
    let mut tx = stores.db.begin().await.unwrap();
    let nap = || Nap { sleep_ms: 0, note: String::new() };

    let refused = queue::enqueue(&mut tx, nap().tenant("a\tb")).await.unwrap_err();

    assert_eq!(refused.to_string(), "the tenant of nap is not 1 to 120 printable characters");
    let pushed = queue::push(&stores.store, nap().expires_in(Duration::MAX)).await.unwrap_err();
    assert_eq!(pushed.to_string(), "the expiry of nap is further away than the year 9999");
    tx.commit().await.unwrap();
    quiet(&stores).await;
}

#[tokio::test]
async fn a_job_that_expires_while_it_waits_ends_then_and_gives_its_key_to_who_asks_next() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let operations = stores.operations();
    assert!(operations.pause(Lane::of(Queue::Default), "a test").await.unwrap());
    let recount = |user| Recount { user, n: user, sleep_ms: 0, refuses: false };
    let paused = enqueue(&stores, recount(1).expires_in(HOUR)).await;
    reaches(&stores, paused, State::Available).await;
    let scheduled = enqueue(&stores, recount(2).after(HOUR / 2).expires_in(HOUR)).await;
    reaches(&stores, scheduled, State::Scheduled).await;
    let in_time = queue::push(&stores.store, recount(4).expires_in(HOUR)).await.unwrap().id;
    let met = queue::push(&stores.store, recount(4)).await.unwrap();
    assert_eq!(met.duplicate_of, Some(in_time), "as long as it may run, another is not wanted");
    let direct = queue::push(&stores.store, recount(3).expires_in(Duration::from_millis(100))).await.unwrap().id;

    // An hour passes.
    let now = sqlx::query("update faena.outbox set terms = jsonb_set(terms, '{expires_at}', to_jsonb($1::bigint))");
    now.bind(Utc::now().timestamp_millis()).execute(&stores.db).await.unwrap();
    // Nothing is claimed here: their end comes by itself.
    for id in [paused, scheduled] {
        let job = ended(&stores, id).await;
        assert_eq!((job.summary.state, job.summary.attempts), (State::Cancelled, 0));
        assert!(job.summary.reason.unwrap().starts_with("expired: not worth running after "));
    }
    let mut tx = stores.db.begin().await.unwrap();
    for user in [1, 2] {
        let next = queue::enqueue(&mut tx, recount(user)).await.unwrap();
        assert_eq!(next.duplicate_of, None, "the key is free");
    }
    tx.commit().await.unwrap();
    let next = eventually("the pushed one to have expired", async || {
        let next = queue::push(&stores.store, recount(3)).await.unwrap();
        next.duplicate_of.is_none().then_some(next.id)
    })
    .await;
    assert!(operations.resume(Lane::of(Queue::Default)).await.unwrap());
    reaches(&stores, next, State::Completed).await;
    assert_eq!(ended(&stores, direct).await.summary.state, State::Cancelled);
    assert_eq!(ended(&stores, in_time).await.summary.state, State::Completed);
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

/// More than are looked at in one step.
#[tokio::test]
async fn hundreds_that_expire_together_end_without_a_claim() {
    const JOBS: i64 = 350;
    let stores = Stores::fresh().await;
    enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 0 }.expires_at(Utc::now()))).await;

    let _worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;

    quiet(&stores).await;
    let sql = "select count(*) from faena.jobs where state = 'cancelled' and starts_with(reason, 'expired: ') and attempts = 0";
    let expired: i64 = sqlx::query_scalar(sql).fetch_one(&stores.db).await.unwrap();
    assert_eq!(expired, JOBS);
}

#[tokio::test]
async fn an_order_that_could_never_run_is_refused_at_every_door() {
    let stores = Stores::fresh().await;
    let mut tx = stores.db.begin().await.unwrap();
    let order = Touch { n: 0, sleep_ms: 0 }.after(Duration::from_secs(60)).expires_in(Duration::from_secs(30));
    let refused = queue::enqueue(&mut tx, order).await.unwrap_err().to_string();
    assert!(refused.starts_with("touch would never run: it may begin at "), "{refused}");

    for (sql, why) in [
        ("now() - interval '1 s'", "expires_at: has passed: the job would never run"),
        (
            "now() + interval '1 h', run_at => now() + interval '2 h'",
            "expires_at: must be later than run_at: the job would never run",
        ),
    ] {
        let call = format!(r#"select faena.enqueue('touch', '{{"n": 0, "sleep_ms": 0}}', expires_at => {sql})"#);
        let refused = sqlx::query(AssertSqlSafe(call)).execute(&stores.db).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    let args = r#"{"n":0,"sleep_ms":0}"#;
    for when in
        [&["--expires-at", "2020-01-01T00:00:00Z"][..], &["--at", "2100-01-01T00:00:00Z", "--expires-at", "2099-01-01T00:00:00Z"]]
    {
        let (ok, _, error) = try_to_end("probe", &[&["enqueue", "touch", args][..], when].concat(), &stores.settings()).await;
        assert!(!ok && error.contains("touch would never run"), "{error}");
    }
}
