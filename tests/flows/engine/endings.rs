//! How jobs end: completed, after retries, dead, and what cannot even be decoded.

use std::time::Duration;

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::{Dawdle, Explode, Nap, Refuse, Stumble, Touch},
    process::{NO_SMTP, start_probe, start_worker, try_to_end},
    stores::Stores,
    wait::eventually,
};
use queue::{
    Job as _, JobId,
    operations::{JobDetail, JobFilter, State},
};

use super::{ended, enqueue, reaches};

#[tokio::test]
async fn a_job_whose_transaction_commits_runs_and_one_whose_transaction_rolls_back_never_existed() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;

    let mut tx = stores.db.begin().await.unwrap();
    let never = queue::enqueue(&mut tx, Touch { n: 1, sleep_ms: 0 }).await.unwrap().id;
    tx.rollback().await.unwrap();
    let done = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;

    let job = ended(&stores, done).await;
    assert_eq!((job.summary.state, job.summary.attempts), (State::Completed, 1));
    assert!(stores.operations().job(never).await.unwrap().is_none());
    quiet(&stores).await;
    assert_eq!(effects(&stores, 1).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_job_that_stumbles_is_tried_again_and_every_attempt_stands_in_the_ledger() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;

    let id = enqueue(&stores, Stumble { n: 0, times: 2 }).await;

    let job = ended(&stores, id).await;
    assert_eq!((job.summary.state, job.summary.attempts), (State::Completed, 3));
    let outcomes: Vec<(i32, &str)> = job.attempts.iter().map(|attempt| (attempt.attempt, attempt.outcome.as_str())).collect();
    assert_eq!(outcomes, [(1, "retry"), (2, "retry"), (3, "completed")]);
    assert_eq!(job.attempts[1].error.as_deref(), Some("stumbled, as told, in attempt 2"));
    assert!(job.attempts.iter().all(|attempt| attempt.started_at.is_some_and(|at| at <= attempt.ended_at)));
}

#[tokio::test]
async fn a_job_out_of_attempts_is_dead_with_its_last_error() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;

    let id = enqueue(&stores, Stumble { n: 0, times: 99 }).await;

    let job = ended(&stores, id).await;
    assert_eq!((job.summary.state, job.summary.attempts), (State::Dead, 4));
    assert_eq!(job.summary.reason.as_deref(), Some("attempt 4 of 4 failed: stumbled, as told, in attempt 4"));
}

#[tokio::test]
async fn a_panic_hurts_only_its_own_job() {
    let stores = Stores::fresh().await;
    let mut worker = start_probe(&stores, &[]).await;

    let bad = enqueue(&stores, Explode { message: "¡pum!".to_owned() }).await;
    let good = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;

    let job = ended(&stores, bad).await;
    assert_eq!((job.summary.state, job.summary.attempts), (State::Dead, 3));
    assert_eq!(job.summary.reason.as_deref(), Some("attempt 3 of 3 failed: panicked: ¡pum!"));
    assert_eq!(ended(&stores, good).await.summary.state, State::Completed);
    assert!(!worker.has_ended());
}

#[tokio::test]
async fn an_endless_job_is_dropped_at_its_timeout() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;

    let id = enqueue(&stores, Dawdle {}).await;

    let job = ended(&stores, id).await;
    assert_eq!(job.summary.state, State::Dead);
    assert_eq!(job.summary.reason.as_deref(), Some("attempt 2 of 2 failed: no end within 0.2 s"));
}

#[tokio::test]
async fn a_refused_job_is_dead_at_once_and_its_reason_survives_every_script() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let reason = "la dirección «Ñandú» no existe — 不存在 🦤";

    let id = enqueue(&stores, Refuse { reason: reason.to_owned() }).await;

    let job = ended(&stores, id).await;
    assert_eq!((job.summary.state, job.summary.attempts), (State::Dead, 1));
    assert_eq!(job.summary.reason.as_deref(), Some(reason));
}

#[tokio::test]
async fn what_cannot_be_decoded_is_dead_and_the_queue_flows_on() {
    let stores = Stores::fresh().await;
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let (garbage, stranger, foreign) = (JobId::new(), JobId::new(), JobId::new());
    let envelope = |id: JobId, args: &str| {
        format!(r#"{{"id":"{id}","name":"touch","version":1,"durability":"redis","enqueued_at":1750000000000,"args":{args}}}"#)
    };
    let hostile: [(JobId, Vec<u8>); 3] = [
        (garbage, b"\xff\xfe not an envelope \x00".to_vec()),
        (stranger, envelope(stranger, r#"{"n":"one","sleep_ms":[]}"#).into_bytes()),
        (foreign, envelope(JobId::new(), r#"{"n":1,"sleep_ms":0}"#).into_bytes()),
    ];
    for (id, bytes) in &hostile {
        let key = |name: &str| format!("{}:{{default}}:{name}", stores.namespace);
        let _: () = redis::cmd("HSET").arg(key("job")).arg(id.to_string()).arg(bytes).query_async(&mut redis).await.unwrap();
        let _: () = redis::cmd("RPUSH").arg(key("ready")).arg(id.to_string()).query_async(&mut redis).await.unwrap();
    }
    let _worker = start_probe(&stores, &[]).await;
    let good = enqueue(&stores, Nap { sleep_ms: 0, note: "after them".to_owned() }).await;

    assert_eq!(ended(&stores, good).await.summary.state, State::Completed);
    let reason = async |id| ended(&stores, id).await.summary.reason.unwrap_or_default();
    assert!(reason(garbage).await.starts_with("the envelope cannot be decoded: "));
    assert!(reason(stranger).await.starts_with("the arguments of touch cannot be decoded: invalid type: string \"one\""));
    assert!(reason(foreign).await.starts_with("the envelope belongs to another job: "));
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

/// What another binary promised.
async fn promise(stores: &Stores, name: &str, version: i16) -> JobId {
    promise_with(stores, name, version, "{}").await
}

async fn promise_with(stores: &Stores, name: &str, version: i16, args: &str) -> JobId {
    let id = JobId::new();
    sqlx::query("insert into faena.outbox (id, queue, name, version, args) values ($1, 'low', $2, $3, $4::jsonb)")
        .bind(id)
        .bind(name)
        .bind(version)
        .bind(args)
        .execute(&stores.db)
        .await
        .unwrap();
    id
}

async fn parked(stores: &Stores, id: JobId) -> JobDetail {
    eventually(format!("{id} to be parked"), async || {
        stores.operations().job(id).await.unwrap().filter(|job| job.summary.state == State::Parked)
    })
    .await
}

#[tokio::test]
async fn an_id_is_one_job_also_after_its_end_and_never_another() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = JobId::new();
    let touch = |n| Touch { n, sleep_ms: 0 }.with_id(id);
    assert_eq!(enqueue(&stores, touch(0)).await, id);
    assert_eq!(ended(&stores, id).await.summary.state, State::Completed);

    let mut tx = stores.db.begin().await.unwrap();
    let again = queue::enqueue(&mut tx, touch(0)).await.unwrap();
    let other_args = queue::enqueue(&mut tx, touch(1)).await.unwrap_err().to_string();
    let other_kind = queue::enqueue(&mut tx, Stumble { n: 0, times: 0 }.with_id(id)).await.unwrap_err().to_string();
    tx.commit().await.unwrap();

    assert_eq!((again.id, again.duplicate_of), (id, None));
    assert_eq!(other_args, format!("the id {id} is another job: its name or its arguments differ"));
    assert_eq!(other_kind, other_args);
    let by_name = ["enqueue", "nap", r#"{"sleep_ms":0,"note":""}"#, "--id", &id.to_string()];
    let (took, _, said) = try_to_end("probe", &by_name, &stores.settings()).await;
    assert!(!took && said.contains(&other_args), "{said}");
    quiet(&stores).await;
    assert_eq!(effects(&stores, 1).await, (vec![], vec![]));
    let (starts,): (i64,) = sqlx::query_as("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
    assert_eq!(starts, 1);
}

#[tokio::test]
async fn nobody_who_looks_sees_a_job_go_back_to_where_it_was_promised() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 300 }).await;
    let mut seen = vec![State::Outboxed];
    while !seen.last().is_some_and(|state| state.is_ended()) {
        let state = stores.operations().job(id).await.unwrap().unwrap().summary.state;
        if seen.last() != Some(&state) {
            seen.push(state);
        }
    }
    let expected = [State::Outboxed, State::Available, State::Running, State::Completed];
    let mut left = expected.iter();
    assert!(seen.iter().all(|state| left.any(|expected| expected == state)), "{seen:?}");

    let scheduled = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }.after(Duration::from_secs(3600))).await;
    reaches(&stores, scheduled, State::Scheduled).await;
    stores.operations().cancel(scheduled, "operadora").await.unwrap();
    assert_eq!(stores.operations().job(scheduled).await.unwrap().unwrap().summary.state, State::Cancelled);
}

#[tokio::test]
async fn a_job_that_no_worker_knows_is_parked_visibly_until_a_binary_comes_that_does() {
    let stores = Stores::fresh().await;
    let probe = start_probe(&stores, &[]).await;
    let id = promise(&stores, "sweep_sessions", 1).await;
    let job = parked(&stores, id).await;
    assert_eq!((job.summary.attempts, job.attempts.len()), (0, 0), "an attempt was counted");
    let filter = JobFilter { state: State::Parked, lane: None };
    let listed = stores.operations().jobs(filter, None, 10).await.unwrap();
    assert_eq!(listed.jobs.iter().map(|job| job.id.clone()).collect::<Vec<_>>(), [id.to_string()]);

    let _worker = start_worker(&stores, NO_SMTP, &[]).await;

    assert_eq!(ended(&stores, id).await.summary.state, State::Completed);
    no_leftovers(&stores).await;
    drop(probe);
}

#[tokio::test]
async fn while_two_versions_are_deployed_a_job_that_only_one_knows_is_soon_taken_by_it() {
    let stores = Stores::fresh().await;
    // More of those that do not know it, so that most first turns are wrong ones.
    let _old = tokio::join!(start_probe(&stores, &[]), start_probe(&stores, &[]), start_probe(&stores, &[]));
    let _new = start_worker(&stores, NO_SMTP, &[]).await;

    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(promise(&stores, "sweep_sessions", 1).await);
    }
    // Well within what one turn takes while nobody is known who knows the job.
    for id in ids {
        let job = ended(&stores, id).await;
        assert_eq!((job.summary.state, job.summary.attempts), (State::Completed, 1));
    }
}

#[tokio::test]
async fn a_job_of_a_newer_version_is_parked_and_stands_in_nobodys_way() {
    let stores = Stores::fresh().await;
    let _probe = start_probe(&stores, &[]).await;

    let newer = promise(&stores, "dawdle", 2).await;
    let known = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;

    assert_eq!(parked(&stores, newer).await.version, 2);
    assert_eq!(ended(&stores, known).await.summary.state, State::Completed);
    stores.operations().cancel(newer, "operadora").await.unwrap();
    assert_eq!(ended(&stores, newer).await.summary.state, State::Cancelled);
}

#[tokio::test]
async fn a_job_of_an_older_version_is_run_by_a_binary_that_knows_a_newer_one() {
    let stores = Stores::fresh().await;
    let _probe = start_probe(&stores, &[]).await;

    let older = promise_with(&stores, "graft", 1, r#"{"n": 0}"#).await;
    let present = promise_with(&stores, "graft", 2, r#"{"n": 0, "more": 1}"#).await;

    for (id, version) in [(older, 1), (present, 2)] {
        let job = ended(&stores, id).await;
        assert_eq!((job.summary.state, job.version), (State::Completed, version));
    }
    quiet(&stores).await;
    assert_eq!(effects(&stores, 2).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn arguments_over_the_stated_size_are_refused_with_their_size() {
    let stores = Stores::fresh().await;
    let mut tx = stores.db.begin().await.unwrap();

    let refused = queue::enqueue(&mut tx, Nap { sleep_ms: 0, note: "x".repeat(70_000) }).await;

    assert_eq!(refused.unwrap_err().to_string(), "the arguments of nap have 70024 bytes; 65536 are allowed");
}

#[tokio::test]
async fn jobs_pushed_at_the_same_time_and_in_bulk_each_run_once() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let ids: Vec<JobId> = (0..300).map(|_| JobId::new()).collect();

    let order = |n: i64| queue::Order::from(Touch { n, sleep_ms: 0 }).with_id(ids[usize::try_from(n).unwrap() % 300]);
    let pushes = (0..600).map(|n| queue::push(&stores.store, order(n % 300)));
    let pushed = futures_util::future::try_join_all(pushes).await.unwrap();
    let pushed: Vec<JobId> = pushed.into_iter().map(|pushed| pushed.id).collect();
    let bulk = queue::push_all(&stores.store, (300..1500).map(|n| Touch { n, sleep_ms: 0 })).await.unwrap();

    assert_eq!((&pushed[300..], bulk.len()), (&ids[..], 1200));
    quiet(&stores).await;
    assert_eq!(effects(&stores, 1500).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_job_pushed_directly_runs_once_however_often_its_id_is_pushed() {
    let stores = Stores::fresh().await;
    let id = JobId::new();
    for _ in 0..3 {
        queue::push(&stores.store, queue::Order::from(Touch { n: 0, sleep_ms: 0 }).with_id(id)).await.unwrap();
    }
    let _worker = start_probe(&stores, &[]).await;

    let job = ended(&stores, id).await;

    assert_eq!((job.summary.state, job.durability.as_str()), (State::Completed, "redis"));
    assert_eq!(job.args, r#"{"n": 0, "sleep_ms": 0}"#);
    quiet(&stores).await;
    assert_eq!(effects(&stores, 1).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}
