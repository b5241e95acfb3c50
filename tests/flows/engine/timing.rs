//! When jobs run: at their time, all at once if need be, the urgent without waiting for the rest.

use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
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
    enqueue_all(&stores, (0..JOBS).map(|_| Nap { sleep_ms: 0, note: String::new() }.after(Duration::from_secs(3600)))).await;
    let mut worker = start_probe(&stores, &[]).await;
    let operations = stores.operations();
    until("all of them to be scheduled", async || {
        operations.overview().await.is_ok_and(|now| now.lanes[1].scheduled == JOBS.unsigned_abs())
    })
    .await;

    let due = make_all_due(&stores).await;

    quiet(&stores).await;
    assert!(!worker.has_ended());
    let (completed, early): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where outcome = 'completed'), count(*) filter (where started_at < $1) from faena.attempts",
    )
    .bind(due - Duration::from_millis(1))
    .fetch_one(&stores.db)
    .await
    .unwrap();
    assert_eq!((completed, early), (JOBS, 0));
    no_leftovers(&stores).await;
}

/// Moves every scheduled job of the default queue to one instant, a moment from now.
async fn make_all_due(stores: &Stores) -> DateTime<Utc> {
    let due = Utc::now() + Duration::from_millis(500);
    let script = redis::Script::new(
        "for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], ARGV[1], id) end",
    );
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut call = script.prepare_invoke();
    call.key(format!("{}:{{default}}:scheduled", stores.namespace)).arg(due.timestamp_millis());
    let _: () = call.invoke_async(&mut connection).await.unwrap();
    due
}

#[tokio::test]
async fn urgent_jobs_do_not_wait_behind_a_backlog() {
    let stores = Stores::fresh().await;
    // Its last third does not end: however late the urgent job comes, there is a backlog.
    enqueue_all(&stores, (0..3000).map(|n| Touch { n, sleep_ms: if n < 2000 { 20 } else { 3_600_000 } })).await;
    let _worker = start_probe(&stores, &[("SLOTS_CRITICAL", "1"), ("SLOTS_DEFAULT", "20")]).await;
    until("the backlog to be worked on", async || !effects(&stores, 1).await.0.contains(&0)).await;

    enqueue(&stores, Urge { n: 5000 }).await;

    until("the urgent job", async || {
        let (urgent,): (bool,) =
            sqlx::query_as("select exists (select from probe.effects where n = 5000)").fetch_one(&stores.db).await.unwrap();
        urgent
    })
    .await;
    let lanes = stores.operations().overview().await.unwrap().lanes;
    let backlog = lanes[1].outboxed + lanes[1].available;
    assert!(backlog > 500, "the backlog was gone before the urgent job ran: {backlog}");
}

#[tokio::test]
async fn a_missed_tick_is_caught_up_once_by_any_number_of_workers() {
    let stores = Stores::fresh().await;
    sqlx::query("insert into faena.schedules (name, watched_from) values ('new_year', now() - interval '3 years')")
        .execute(&stores.db)
        .await
        .unwrap();

    let _workers = [start_probe(&stores, &[]).await, start_probe(&stores, &[]).await, start_probe(&stores, &[]).await];

    until("the tick's job", async || {
        let (done,): (bool,) = sqlx::query_as("select exists (select from faena.jobs where args ->> 'note' = 'feliz año')")
            .fetch_one(&stores.db)
            .await
            .unwrap();
        done
    })
    .await;
    type Noted = (DateTime<Utc>, i64, Option<String>, Option<bool>);
    let ticks: Vec<Noted> = sqlx::query_as(
        "select tick, ticks, reason, job_id = (select id from faena.jobs) from faena.schedule_ticks order by tick",
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();
    let new_year = |years_ago| {
        let year = Utc::now().year() - years_ago;
        chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc()
    };
    assert_eq!(ticks, [(new_year(2), 2, Some("policy_once".to_owned()), None), (new_year(0), 1, None, Some(true))]);
}
