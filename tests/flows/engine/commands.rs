//! An operator intervenes: from code, and from the command line.

use std::process::Stdio;

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::{Linger, Nap, Refuse, Stumble, Touch, Urge},
    process::{binary, run_to_end, start_probe, try_to_end},
    stores::Stores,
    wait::{eventually, until},
};
use queue::{
    Job, JobId,
    operations::{CommandError, CommandOutcome, State},
};

use super::{enqueue, reaches};

#[tokio::test]
async fn a_dead_job_is_retried_under_its_own_id_with_a_fresh_budget() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Stumble { n: 0, times: 4 }).await;
    reaches(&stores, id, State::Dead).await;

    let outcome = stores.operations().retry(id, "operadora").await.unwrap();

    assert_eq!(outcome, CommandOutcome::EnqueuedAgain);
    reaches(&stores, id, State::Dead).await;
    let job = eventually("the second round to be recorded", async || {
        stores.operations().job(id).await.unwrap().filter(|job| job.attempts.len() == 8)
    })
    .await;
    let numbers: Vec<i32> = job.attempts.iter().map(|attempt| attempt.attempt).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!((job.commands[0].verb.as_str(), job.commands[0].actor.as_str()), ("retry", "operadora"));
}

#[tokio::test]
async fn two_operators_who_retry_at_once_enqueue_the_job_once() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Refuse { reason: "no".to_owned() }).await;
    reaches(&stores, id, State::Dead).await;
    worker.kill_9().await;

    let operations = stores.operations();
    let (one, other) = tokio::join!(operations.retry(id, "one"), operations.retry(id, "other"));

    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    let (promised,): (i64,) = sqlx::query_as("select count(*) from faena.outbox").fetch_one(&stores.db).await.unwrap();
    assert_eq!(promised, 1);
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_in_every_state_it_can_wait_in() {
    let stores = Stores::fresh().await;
    let scheduled = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }.after(std::time::Duration::from_secs(3600))).await;
    let outboxed = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }).await;

    // Without a worker there is no relay: a promise ends in Postgres alone.
    assert_eq!(stores.operations().cancel(outboxed, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    // This worker relays, and runs nothing of the default queue.
    let worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;
    reaches(&stores, scheduled, State::Scheduled).await;
    assert_eq!(stores.operations().cancel(scheduled, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    let available = enqueue(&stores, Touch { n: 2, sleep_ms: 0 }).await;
    reaches(&stores, available, State::Available).await;
    assert_eq!(stores.operations().cancel(available, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    for id in [scheduled, outboxed, available] {
        reaches(&stores, id, State::Cancelled).await;
    }
    worker.kill_9().await;
    let _worker = start_probe(&stores, &[]).await;
    let last = enqueue(&stores, Touch { n: 3, sleep_ms: 0 }).await;
    reaches(&stores, last, State::Completed).await;

    let happened: Vec<(i64,)> = sqlx::query_as("select n from probe.effects").fetch_all(&stores.db).await.unwrap();
    assert_eq!(happened, [(3,)]);
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_running_job_that_listens_ends_by_itself_and_one_that_does_not_is_dropped() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let listens = enqueue(&stores, Linger { n: 0, listens: true }).await;
    let deaf = enqueue(&stores, Linger { n: 1, listens: false }).await;
    for id in [listens, deaf] {
        reaches(&stores, id, State::Running).await;
        assert_eq!(stores.operations().cancel(id, "operadora").await.unwrap(), CommandOutcome::CancelRequested);
    }

    let reason = async |id| {
        reaches(&stores, id, State::Cancelled).await;
        stores.operations().job(id).await.unwrap().unwrap().summary.reason
    };
    assert_eq!(reason(listens).await.as_deref(), Some("noticed the wish"));
    assert_eq!(reason(deaf).await.as_deref(), Some("cancelled while running"));
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_cancelled_job_that_is_retried_runs_once_although_its_old_place_is_still_in_line() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    reaches(&stores, id, State::Available).await;
    stores.operations().cancel(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Cancelled).await;
    stores.operations().retry(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Available).await;
    worker.kill_9().await;

    let _worker = start_probe(&stores, &[]).await;

    reaches(&stores, id, State::Completed).await;
    quiet(&stores).await;
    assert_eq!(effects(&stores, 1).await, (vec![], vec![]));
    let (starts,): (i64,) = sqlx::query_as("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
    assert_eq!(starts, 1);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn who_cancelled_a_job_and_died_before_saying_so_is_believed() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0"), ("RECORD", "false")]).await;
    let id = enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
    let done = enqueue(&stores, Urge { n: 1 }).await;
    reaches(&stores, id, State::Available).await;
    until("the other's end to be told", async || stores.operations().overview().await.unwrap().unrecorded == 1).await;
    worker.kill_9().await;
    assert_eq!(stores.operations().cancel(id, "operadora").await.unwrap(), CommandOutcome::Cancelled);
    // As it is while a worker carries commands out that others have written.
    sqlx::query("update faena.commands set carried_out_at = null, outcome = null, stands = false")
        .execute(&stores.db)
        .await
        .unwrap();
    sqlx::query("insert into faena.commands (job_id, verb, actor) values ($1, 'cancel', 'operadora')")
        .bind(done)
        .execute(&stores.db)
        .await
        .unwrap();

    let _worker = start_probe(&stores, &[]).await;

    let outcomes = eventually("both to be closed", async || {
        let sql = "select job_id, outcome from faena.commands where outcome is not null order by id";
        let closed: Vec<(JobId, String)> = sqlx::query_as(sql).fetch_all(&stores.db).await.unwrap();
        (closed.len() == 2).then_some(closed)
    })
    .await;
    assert_eq!(outcomes, [(id, "cancelled".to_owned()), (done, "too_late".to_owned())]);
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn what_is_over_or_unknown_cannot_be_cancelled_and_says_why() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Nap { sleep_ms: 0, note: String::new() }).await;
    reaches(&stores, id, State::Completed).await;

    let late = stores.operations().cancel(id, "operadora").await;
    let again = stores.operations().retry(id, "operadora").await;
    let nobody = JobId::new();
    let unknown = stores.operations().cancel(nobody, "operadora").await;

    assert_eq!(late.unwrap_err().to_string(), format!("the job {id} cannot be cancelled: it is completed"));
    assert_eq!(again.unwrap_err().to_string(), format!("the job {id} cannot be run again: it is completed"));
    assert!(matches!(unknown, Err(CommandError::NoSuchJob(id)) if id == nobody));
}

#[tokio::test]
async fn the_command_line_enqueues_inspects_retries_and_cancels() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let settings = stores.settings();
    let shell = async |args: &[&str]| run_to_end("probe", args, &settings).await.trim().to_owned();

    let done = shell(&["enqueue", "touch", r#"{"n":0,"sleep_ms":0}"#]).await;
    let dead = shell(&["enqueue", "refuse", r#"{"reason":"mañana"}"#]).await;
    let later = shell(&["enqueue", "nap", r#"{"sleep_ms":0,"note":""}"#, "--after-seconds", "3600"]).await;
    reaches(&stores, done.parse().unwrap(), State::Completed).await;
    reaches(&stores, dead.parse().unwrap(), State::Dead).await;
    reaches(&stores, later.parse().unwrap(), State::Scheduled).await;

    assert!(shell(&["inspect", &dead]).await.contains("mañana"));
    let listed: serde_json::Value = serde_json::from_str(&shell(&["inspect", "--state", "scheduled", "--json"]).await).unwrap();
    assert_eq!(listed["jobs"][0]["id"], later);
    assert_eq!(shell(&["retry", &later]).await, "made_available");
    reaches(&stores, later.parse().unwrap(), State::Completed).await;
    assert_eq!(shell(&["retry", &dead, "--by", "operadora"]).await, "enqueued_again");
    let (ok, _, error) = try_to_end("probe", &["cancel", &done], &settings).await;
    assert!(!ok && error.contains("cannot be cancelled: it is completed"), "{error}");
}

#[tokio::test]
async fn a_job_that_is_named_wrongly_or_given_wrong_arguments_is_refused_with_the_field() {
    let stores = Stores::fresh().await;
    let settings = stores.settings();
    let refused = async |args: &[&str]| {
        let (ok, _, error) = try_to_end("probe", args, &settings).await;
        assert!(!ok);
        error
    };

    let unknown = refused(&["enqueue", "tuch", "{}"]).await;
    assert!(unknown.contains("no job is named \"tuch\"; the jobs are ") && unknown.contains(", touch"), "{unknown}");
    assert!(
        refused(&["enqueue", "touch", r#"{"n":1}"#])
            .await
            .ends_with("the arguments of touch are not valid: missing field `sleep_ms` at line 1 column 7\n")
    );
    assert!(refused(&["enqueue", "touch", "{"]).await.contains("the arguments of touch are not valid: "));
    let (promised,): (i64,) = sqlx::query_as("select count(*) from faena.outbox").fetch_one(&stores.db).await.unwrap();
    assert_eq!(promised, 0);
}

#[tokio::test]
async fn whoever_reads_an_answer_may_stop_reading() {
    let stores = Stores::fresh().await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);

    let mut inspect = tokio::process::Command::new(binary("probe"));
    inspect.arg("inspect").envs(stores.settings()).stdout(writer).stderr(Stdio::piped()).kill_on_drop(true);
    let told = inspect.spawn().unwrap().wait_with_output().await.unwrap();

    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(String::from_utf8_lossy(&told.stderr), "");
}
