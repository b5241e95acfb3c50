//! Cancelling: in any state, heard at once, and nothing that the job has started is left.

use std::time::Duration;

use faena_tests::{
    controls::{Falter, Herd, Stampede, Trek},
    judge::{no_leftovers, quiet, somebody_waits_for_a_lock},
    probe::{Linger, Touch},
    process::{run_to_end, start_probe},
    stores::Stores,
    wait::{eventually, until},
};
use queue::{
    Job, JobId, Progress,
    operations::{CommandOutcome, State},
};

use super::{ended, enqueue, reaches};

#[tokio::test]
async fn what_was_cancelled_and_redis_forgot_so_has_no_effect() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }.after(Duration::from_secs(3600))).await;
    reaches(&stores, id, State::Scheduled).await;
    stores.operations().cancel(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Cancelled).await;
    quiet(&stores).await;

    // As Redis holds it that comes back without its last second.
    queue::push(&stores.store, Touch { n: 0, sleep_ms: 0 }.with_id(id)).await.unwrap();
    until("it to begin again", async || {
        sqlx::query_scalar("select exists (select from probe.starts)").fetch_one(&stores.db).await.unwrap()
    })
    .await;
    quiet(&stores).await;

    let effects: i64 = sqlx::query_scalar("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
    assert_eq!((effects, reaches(&stores, id, State::Cancelled).await.summary.attempts), (0, 0));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn what_its_relay_pushed_and_could_not_mark_is_cancelled_where_it_is() {
    let stores = Stores::fresh().await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    // As a relay leaves it that dies between the push and the mark.
    queue::push(&stores.store, Touch { n: 0, sleep_ms: 0 }.with_id(id)).await.unwrap();

    assert_eq!(stores.operations().cancel(id, "operadora").await.unwrap(), CommandOutcome::Cancelled);

    let _worker = start_probe(&stores, &[]).await;
    let job = reaches(&stores, id, State::Cancelled).await;
    assert_eq!((job.summary.reason.as_deref(), job.summary.attempts), (Some("cancelled by operadora"), 0));
    quiet(&stores).await;
    let begun: Vec<(i64,)> = sqlx::query_as("select n from probe.starts").fetch_all(&stores.db).await.unwrap();
    assert!(begun.is_empty(), "it ran although it was cancelled");
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn what_a_relay_pushes_after_its_cancellation_has_no_effect_until_an_operator_wants_it_again() {
    let stores = Stores::fresh().await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    stores.operations().cancel(id, "operadora").await.unwrap();
    // As a relay does that had the promise in hand and stood still meanwhile.
    queue::push(&stores.store, Touch { n: 0, sleep_ms: 0 }.with_id(id)).await.unwrap();
    let effects = async || {
        let sql = "select count(*) from probe.effects";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&stores.db).await.unwrap()
    };

    let _worker = start_probe(&stores, &[]).await;
    until("the stale delivery to end", async || {
        stores
            .operations()
            .overview()
            .await
            .is_ok_and(|now| now.lanes.iter().all(|lane| lane.count(State::Available) + lane.count(State::Running) == 0))
    })
    .await;
    quiet(&stores).await;
    assert_eq!((effects().await, reaches(&stores, id, State::Cancelled).await.summary.attempts), (0, 0));

    stores.operations().retry(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Completed).await;
    assert_eq!(effects().await, 1);
    no_leftovers(&stores).await;
}

/// An attempt of which Redis knows nothing any more, at its last act: the effect is there as soon as this is committed.
async fn last_act(stores: &Stores, id: JobId) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut tx = stores.db.begin().await.unwrap();
    sqlx::query("insert into faena.effects (job_id, epoch, fence, done_at) values ($1, 1, 1, clock_timestamp())")
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("insert into probe.effects (job_id, n) values ($1, 0)").bind(id).execute(&mut *tx).await.unwrap();
    tx
}

#[tokio::test]
async fn what_commits_its_effect_while_it_is_cancelled_is_completed() {
    let stores = Stores::fresh().await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    let effect = last_act(&stores, id).await;
    let operations = stores.operations();
    let cancelled = tokio::spawn(async move { operations.cancel(id, "operadora").await });
    somebody_waits_for_a_lock(&stores).await;
    effect.commit().await.unwrap();

    let refusal = cancelled.await.unwrap().unwrap_err().to_string();
    assert!(refusal.contains("cannot be cancelled"), "{refusal}");

    let _worker = start_probe(&stores, &[]).await;
    let job = reaches(&stores, id, State::Completed).await;
    assert_eq!((job.summary.attempts, job.summary.reason), (1, None));
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn who_cancels_a_job_waits_for_its_effect_before_its_promise_as_everybody_does() {
    let stores = Stores::fresh().await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    // As a recorder or an editor has them in turn.
    let mut other = stores.db.begin().await.unwrap();
    let effect = "insert into faena.effects (job_id, epoch, fence) values ($1, 0, 0)";
    sqlx::query(effect).bind(id).execute(&mut *other).await.unwrap();
    let operations = stores.operations();
    let cancelled = tokio::spawn(async move { operations.cancel(id, "operadora").await });
    somebody_waits_for_a_lock(&stores).await;
    sqlx::query("select from faena.outbox where id = $1 for update").bind(id).execute(&mut *other).await.unwrap();
    other.commit().await.unwrap();

    assert_eq!(cancelled.await.unwrap().unwrap(), CommandOutcome::Cancelled);
    assert_eq!(reaches(&stores, id, State::Cancelled).await.summary.attempts, 0);
}

#[tokio::test]
async fn what_commits_its_effect_while_its_cancellation_is_recorded_is_completed() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }.after(Duration::from_secs(3600))).await;
    reaches(&stores, id, State::Scheduled).await;
    let effect = last_act(&stores, id).await;

    stores.operations().cancel(id, "operadora").await.unwrap();
    somebody_waits_for_a_lock(&stores).await;
    effect.commit().await.unwrap();

    let job = ended(&stores, id).await;
    assert_eq!((job.summary.state, job.summary.attempts, job.summary.reason), (State::Completed, 1, None));
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_job_is_cancelled_in_whatever_state_it_is() {
    let stores = Stores::fresh().await;
    let outboxed = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    assert_eq!(stores.operations().cancel(outboxed, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    // It runs one job of the default queue at a time.
    let _worker = start_probe(&stores, &[("SLOTS_DEFAULT", "1"), ("ONLY", "default")]).await;
    let retryable = enqueue(&stores, Falter::Errs { backoff_ms: 3_600_000 }).await;
    reaches(&stores, retryable, State::Retryable).await;
    let waiting = enqueue(&stores, Falter::Snoozes { delay_ms: 3_600_000 }).await;
    reaches(&stores, waiting, State::Retryable).await;
    let parked = JobId::new();
    sqlx::query("insert into faena.outbox (id, queue, name, version, args) values ($1, 'default', 'nobody_knows', 1, '{}')")
        .bind(parked)
        .execute(&stores.db)
        .await
        .unwrap();
    reaches(&stores, parked, State::Parked).await;
    let scheduled = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }.after(Duration::from_secs(3600))).await;
    reaches(&stores, scheduled, State::Scheduled).await;
    let running = enqueue(&stores, Herd { minds: true }).await;
    reaches(&stores, running, State::Running).await;
    let available = enqueue(&stores, Touch { n: 2, sleep_ms: 0 }).await;
    reaches(&stores, available, State::Available).await;

    for id in [retryable, waiting, parked, scheduled, available] {
        assert_eq!(stores.operations().cancel(id, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    }
    assert_eq!(stores.operations().cancel(running, "operadora").await.unwrap(), CommandOutcome::CancelRequested);

    for id in [outboxed, retryable, waiting, parked, scheduled, available, running] {
        let job = ended(&stores, id).await;
        assert_eq!(job.summary.state, State::Cancelled, "{job:?}");
    }
    quiet(&stores).await;
    let effects: i64 = sqlx::query_scalar("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
    assert_eq!(effects, 0);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_running_job_hears_of_it_each_time() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    for n in 0..5 {
        let id = enqueue(&stores, Linger { n, listens: true }).await;
        until("the job to run", async || {
            sqlx::query_scalar("select exists (select from probe.starts where job_id = $1)")
                .bind(id)
                .fetch_one(&stores.db)
                .await
                .unwrap()
        })
        .await;
        stores.operations().cancel(id, "operadora").await.unwrap();
        let job = ended(&stores, id).await;
        assert_eq!(job.summary.reason.as_deref(), Some("noticed the wish"));
        assert_eq!((job.summary.state, job.commands[0].verb.as_str()), (State::Cancelled, "cancel"));
    }
}

#[tokio::test]
async fn how_far_a_job_is_can_be_read_while_it_runs() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Trek {}).await;

    let progress = eventually("a report", async || stores.operations().job(id).await.ok().flatten()?.progress).await;

    assert_eq!(progress, Progress { done: 5, total: 10, note: "a mitad de camino".to_owned() });
    let shown = run_to_end("probe", &["inspect", &id.to_string()], &stores.settings()).await;
    assert!(shown.contains("progress 5 of 10 (50 %) a mitad de camino"), "{shown}");
    stores.operations().cancel(id, "operadora").await.unwrap();
    assert_eq!(ended(&stores, id).await.summary.reason.as_deref(), Some("turned back"));
}

/// The processes that a job has started, once it has.
async fn children(stores: &Stores, id: JobId) -> Vec<i32> {
    eventually("the job's children", async || {
        let pids: Vec<(i32,)> =
            sqlx::query_as("select pid from probe.children where job_id = $1").bind(id).fetch_all(&stores.db).await.unwrap();
        (pids.len() == 2).then(|| pids.into_iter().map(|(pid,)| pid).collect())
    })
    .await
}

/// Whether a process is there; one that nobody has waited for yet is none any more.
fn is_there(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

async fn are_gone(pids: &[i32]) {
    until(format!("the processes {pids:?} to be gone"), async || !pids.iter().any(|pid| is_there(*pid))).await;
}

#[tokio::test]
async fn what_a_job_has_started_ends_with_it() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;

    for minds in [true, false] {
        let id = enqueue(&stores, Herd { minds }).await;
        let pids = children(&stores, id).await;
        assert!(pids.iter().all(|pid| is_there(*pid)));
        stores.operations().cancel(id, "operadora").await.unwrap();
        are_gone(&pids).await;
        let job = ended(&stores, id).await;
        assert_eq!(job.summary.state, State::Cancelled, "the child's end is no failure of the job: {job:?}");

        let id = enqueue(&stores, Stampede { minds }).await;
        let pids = children(&stores, id).await;
        let job = ended(&stores, id).await;
        assert_eq!(job.summary.reason.as_deref(), Some("attempt 1 of 1 failed: no end within 10 s"));
        are_gone(&pids).await;
    }
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_worker_that_must_stop_leaves_no_child_behind() {
    let stores = Stores::fresh().await;
    for minds in [true, false] {
        let mut worker = start_probe(&stores, &[("DRAIN_SECONDS", "1")]).await;
        let id = enqueue(&stores, Herd { minds }).await;
        let pids = children(&stores, id).await;

        assert!(worker.terminate().await, "the drain was not clean:\n{}", worker.log_text());

        // None of them ends by itself; what was killed may take a moment to go.
        are_gone(&pids).await;
        let job = stores.operations().job(id).await.unwrap().unwrap();
        assert_eq!((job.summary.state, job.summary.attempts), (State::Available, 0), "{job:?}");
        stores.operations().cancel(id, "operadora").await.unwrap();
    }
}
