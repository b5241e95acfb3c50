//! An operator changes what a job is to do before it does it, and has the ledger forget one that is over.

use std::time::Duration;

use faena_tests::{
    controls::{Charge, Recount},
    judge::{no_leftovers, quiet, somebody_waits_for_a_lock},
    probe::{Linger, Nap, Pass, Refuse, Stumble, Touch},
    process::{run_to_end, start_probe, try_to_end},
    proxy::Proxy,
    servers::free_port,
    stores::Stores,
    wait::until,
};
use queue::{
    Edit, EnqueueError, Job, JobId, Paused,
    operations::{CommandError, CommandOutcome, State},
};
use serde_json::{Value, json, value::to_raw_value};

use super::{ended, enqueue, reaches};

const HOUR: Duration = Duration::from_secs(3600);

fn with_args(args: &Value) -> Edit {
    Edit { args: Some(to_raw_value(args).unwrap()), run_at: None }
}

fn now(edit: Edit) -> Edit {
    Edit { run_at: Some(chrono::Utc::now()), ..edit }
}

async fn traces(stores: &Stores) -> Vec<i64> {
    sqlx::query_scalar("select n from probe.effects order by n").fetch_all(&stores.db).await.unwrap()
}

async fn edit(stores: &Stores, id: JobId, edit: &Edit) -> Result<CommandOutcome, CommandError> {
    stores.operations().edit(id, edit, "operadora").await
}

/// What is wrong with it, and where.
async fn refused(stores: &Stores, id: JobId, asked: Value) -> (String, String) {
    match edit(stores, id, &with_args(&asked)).await {
        Err(CommandError::Refused { field, reason }) => (field, reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_waiting_job_is_changed_in_every_state_it_can_wait_in() {
    let stores = Stores::fresh().await;
    // It publishes the catalogue and relays, and runs nothing of the default queue.
    let worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;
    stores.operations().pause_jobs(&Paused::Job("stumble".to_owned()), "operadora").await.unwrap();
    let touch = |n| Touch { n, sleep_ms: 0 };
    let available = enqueue(&stores, touch(1)).await;
    reaches(&stores, available, State::Available).await;
    let scheduled = enqueue(&stores, touch(2).after(HOUR)).await;
    reaches(&stores, scheduled, State::Scheduled).await;
    let put_off = enqueue(&stores, touch(3)).await;
    reaches(&stores, put_off, State::Available).await;

    assert_eq!(edit(&stores, available, &with_args(&json!({"n": 101, "sleep_ms": 0}))).await.unwrap(), CommandOutcome::Edited);
    edit(&stores, scheduled, &now(with_args(&json!({"n": 102, "sleep_ms": 0})))).await.unwrap();
    edit(&stores, put_off, &Edit { run_at: Some(chrono::Utc::now() + HOUR), args: None }).await.unwrap();
    reaches(&stores, put_off, State::Scheduled).await;
    // One that was available, and then twice put off and made due: its old place in line serves once.
    edit(&stores, put_off, &now(with_args(&json!({"n": 103, "sleep_ms": 0})))).await.unwrap();
    worker.kill_9().await;
    let _worker = start_probe(&stores, &[]).await;
    let paused = enqueue(&stores, Stumble { n: 4, times: 0 }).await;
    reaches(&stores, paused, State::Paused).await;
    edit(&stores, paused, &with_args(&json!({"n": 104, "times": 0}))).await.unwrap();
    reaches(&stores, paused, State::Paused).await;
    stores.operations().resume_jobs(&Paused::Job("stumble".to_owned())).await.unwrap();

    for id in [available, scheduled, put_off, paused] {
        let job = ended(&stores, id).await;
        assert_eq!((job.summary.state, job.summary.attempts), (State::Completed, 1));
        assert_eq!((&*job.commands[0].verb, job.commands[0].outcome.as_deref()), ("edit", Some("edited")));
    }
    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [101, 102, 103, 104]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_dead_job_is_given_right_arguments_and_goes_on_under_its_own_id() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Stumble { n: 1, times: 9 }.then(Touch { n: 7, sleep_ms: 0 })).await;
    reaches(&stores, id, State::Dead).await;

    let outcome = edit(&stores, id, &with_args(&json!({"n": 2, "times": 0}))).await.unwrap();

    assert_eq!(outcome, CommandOutcome::EnqueuedAgain);
    let job = reaches(&stores, id, State::Completed).await;
    assert_eq!((job.summary.attempts, job.args.as_str()), (5, r#"{"n": 2, "times": 0}"#));
    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [2, 7], "what follows it still does");
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_change_that_is_not_right_is_refused_with_its_field_and_changes_nothing() {
    let stores = Stores::fresh().await;
    let worker =
        start_probe(&stores, &[("SLOTS_DEFAULT", "0"), ("SECRET_ARGS_KEYS", "k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")])
            .await;
    let id = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }).await;
    let expiring = enqueue(&stores, Touch { n: 2, sleep_ms: 0 }.expires_in(HOUR)).await;
    let pushed = queue::push(&stores.store, Touch { n: 3, sleep_ms: 0 }).await.unwrap().id;
    let running = enqueue(&stores, Linger { n: 4, listens: true }).await;
    reaches(&stores, id, State::Available).await;
    reaches(&stores, running, State::Running).await;

    assert_eq!(refused(&stores, id, json!({"n": "one", "sleep_ms": 0})).await.0, "args/n");
    assert_eq!(refused(&stores, id, json!({"n": 1})).await, ("args/sleep_ms".to_owned(), "is missing".to_owned()));
    assert_eq!(refused(&stores, id, json!([])).await.0, "args");
    let late = edit(&stores, expiring, &Edit { run_at: Some(chrono::Utc::now() + 2 * HOUR), args: None }).await;
    assert!(matches!(late, Err(CommandError::Refused { field, .. }) if field == "run_at"));
    assert!(matches!(edit(&stores, pushed, &now(Edit::default())).await, Err(CommandError::NotPromised(_))));
    assert!(matches!(edit(&stores, running, &now(Edit::default())).await, Err(CommandError::WrongState { .. })));
    assert!(matches!(edit(&stores, JobId::new(), &now(Edit::default())).await, Err(CommandError::NoSuchJob(_))));
    let told = run_to_end("probe", &["enqueue", "charge", r#"{"n":9,"card":"4111","length":4}"#, "--after-seconds", "3600"], &{
        let mut settings = stores.settings();
        settings.push(("SECRET_ARGS_KEYS".to_owned(), "k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()));
        settings
    })
    .await;
    let secret: JobId = told.trim().parse().unwrap();
    let (field, reason) = refused(&stores, secret, json!({"n": 9, "card": "4222", "length": 4})).await;
    assert!(field == "args" && reason.starts_with("holds secrets"), "{field}: {reason}");
    assert_eq!(Charge::NAME, "charge");

    stores.operations().cancel(running, "operadora").await.unwrap();
    stores.operations().cancel(secret, "operadora").await.unwrap();
    worker.kill_9().await;
    let _worker = start_probe(&stores, &[]).await;
    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [1, 2, 3]);
    let completed = edit(&stores, id, &now(Edit::default())).await;
    assert!(matches!(completed, Err(CommandError::WrongState { .. })), "{completed:?}");
}

#[tokio::test]
async fn limits_tenant_and_key_follow_the_arguments() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;
    let through = enqueue(&stores, Pass { n: 1, gate: "north".to_owned(), sleep_ms: 0 }).await;
    let recount = |user| Recount { user, n: user, sleep_ms: 0, refuses: false };
    let [seven, eight] = [enqueue(&stores, recount(7)).await, enqueue(&stores, recount(8)).await];
    let chosen = enqueue(&stores, Pass { n: 2, gate: "north".to_owned(), sleep_ms: 0 }.tenant("somebody")).await;

    edit(&stores, through, &with_args(&json!({"n": 1, "gate": "south", "sleep_ms": 0}))).await.unwrap();
    edit(&stores, chosen, &with_args(&json!({"n": 2, "gate": "south", "sleep_ms": 0}))).await.unwrap();
    let args = |user: i64| json!({"user": user, "n": user, "sleep_ms": 0, "refuses": false});
    let (field, reason) = refused(&stores, seven, args(8)).await;
    assert!(field == "args" && reason.ends_with(&eight.to_string()), "{field}: {reason}");
    edit(&stores, seven, &with_args(&args(9))).await.unwrap();

    let terms = async |id| stores.operations().job(id).await.unwrap().unwrap().terms;
    let moved = terms(through).await;
    assert_eq!((moved.tenant.as_deref(), &moved.limits[..]), (Some("south"), &["gate:south".to_owned()][..]));
    assert_eq!(terms(chosen).await.tenant.as_deref(), Some("somebody"), "whoever enqueued it said so");
    let freed = enqueue(&stores, recount(7)).await;
    let taken = enqueue(&stores, recount(9)).await;
    assert_eq!(ended(&stores, taken).await.summary.reason, Some(format!("duplicate of {seven}")));
    worker.kill_9().await;
    let _worker = start_probe(&stores, &[]).await;
    assert_eq!(ended(&stores, freed).await.summary.state, State::Completed);
    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [7, 8, 9]);
    no_leftovers(&stores).await;
}

/// Its worker has lost Redis and kept Postgres, and goes on with what nobody wants any more.
#[tokio::test]
async fn an_attempt_that_redis_has_given_up_has_no_effect_after_a_change() {
    let stores = Stores::fresh().await;
    let (proxy, redis_url) = Proxy::before_url(&stores.redis_url).await;
    let _bystander = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;
    let _cut_off = start_probe(&stores, &[("REDIS_URL", &redis_url)]).await;
    // Its handler comes as far as its first word.
    let mut gate = stores.db.begin().await.unwrap();
    sqlx::raw_sql("lock table probe.starts in share row exclusive mode").execute(&mut *gate).await.unwrap();
    let id = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }).await;
    reaches(&stores, id, State::Running).await;
    somebody_waits_for_a_lock(&stores).await;
    proxy.lead_to(([127, 0, 0, 1], free_port()).into());
    proxy.reset();
    reaches(&stores, id, State::Available).await;

    edit(&stores, id, &with_args(&json!({"n": 2, "sleep_ms": 0}))).await.unwrap();

    gate.rollback().await.unwrap();
    until("it to go on", async || {
        sqlx::query_scalar::<_, i64>("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap() == 1
    })
    .await;
    let _worker = start_probe(&stores, &[]).await;
    assert_eq!(ended(&stores, id).await.summary.state, State::Completed);
    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [2]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn who_repeats_an_enqueue_after_a_change_hears_that_the_job_is_known() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;
    let asked = || Touch { n: 1, sleep_ms: 0 };
    let id = enqueue(&stores, asked()).await;
    reaches(&stores, id, State::Available).await;
    edit(&stores, id, &with_args(&json!({"n": 2, "sleep_ms": 0}))).await.unwrap();
    let again = async || {
        let mut tx = stores.db.begin().await.unwrap();
        let in_rust = queue::enqueue(&mut tx, asked().with_id(id)).await.unwrap().id;
        let sql = r#"select faena.enqueue('touch', '{"n": 1, "sleep_ms": 0}', id => $1)"#;
        let in_sql: JobId = sqlx::query_scalar(sql).bind(id).fetch_one(&mut *tx).await.unwrap();
        let another = queue::enqueue(&mut tx, Nap { sleep_ms: 0, note: String::new() }.with_id(id)).await;
        assert!(matches!(another, Err(EnqueueError::IdTaken { .. })), "{another:?}");
        tx.commit().await.unwrap();
        [in_rust, in_sql]
    };

    assert_eq!(again().await, [id; 2], "while it waits");
    worker.kill_9().await;
    let _worker = start_probe(&stores, &[]).await;
    assert_eq!(ended(&stores, id).await.summary.state, State::Completed);
    assert_eq!(again().await, [id; 2], "and when it is over");

    quiet(&stores).await;
    assert_eq!(traces(&stores).await, [2]);
    no_leftovers(&stores).await;
}

/// It was taken out of Redis, and then Postgres did not keep the change.
#[tokio::test]
async fn a_change_that_could_not_be_kept_leaves_the_job_as_it_was() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;
    let id = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }).await;
    reaches(&stores, id, State::Available).await;
    sqlx::raw_sql(
        "create function probe.refuse() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$;
         create constraint trigger refuse after insert on faena.commands deferrable initially deferred for each row execute function probe.refuse()",
    )
    .execute(&stores.db)
    .await
    .unwrap();

    assert!(matches!(edit(&stores, id, &with_args(&json!({"n": 2, "sleep_ms": 0}))).await, Err(CommandError::Stores(_))));

    worker.kill_9().await;
    let _worker = start_probe(&stores, &[]).await;
    assert_eq!(ended(&stores, id).await.summary.state, State::Completed);
    assert_eq!(traces(&stores).await, [1]);
}

#[tokio::test]
async fn a_job_that_is_over_is_forgotten_and_who_asked_for_that_is_not() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let dead = enqueue(&stores, Refuse { reason: "of a person's data".to_owned() }).await;
    let waits = enqueue(&stores, Nap { sleep_ms: 0, note: String::new() }.after(HOUR)).await;
    let done = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }).await;
    for id in [dead, done] {
        ended(&stores, id).await;
    }
    quiet_but(&stores, waits).await;

    assert_eq!(run_to_end("probe", &["delete", &dead.to_string()], &stores.settings()).await.trim(), "deleted");
    assert_eq!(stores.operations().delete(done, "operadora").await.unwrap(), CommandOutcome::Deleted);

    for id in [dead, done] {
        assert!(stores.operations().job(id).await.unwrap().is_none());
        let left: i64 = sqlx::query_scalar("select count(*) from faena.attempts where job_id = $1")
            .bind(id)
            .fetch_one(&stores.db)
            .await
            .unwrap();
        assert_eq!(left, 0);
        assert!(matches!(stores.operations().delete(id, "operadora").await, Err(CommandError::NoSuchJob(_))));
    }
    let told: Vec<(JobId, String)> =
        sqlx::query_as("select job_id, outcome from faena.commands where verb = 'delete' order by id")
            .fetch_all(&stores.db)
            .await
            .unwrap();
    assert_eq!(told, [(dead, "deleted".to_owned()), (done, "deleted".to_owned())]);
    let (ok, _, error) = try_to_end("probe", &["delete", &waits.to_string()], &stores.settings()).await;
    assert!(!ok && error.contains("cannot be deleted: it is scheduled"), "{error}");
    // Enqueued under its own id once more, what has had its effect has no second one.
    enqueue(&stores, Touch { n: 1, sleep_ms: 0 }.with_id(done)).await;
    assert_eq!(ended(&stores, done).await.summary.state, State::Completed);
    assert_eq!(traces(&stores).await, [1]);
}

/// Nothing is left to do but that job.
async fn quiet_but(stores: &Stores, id: JobId) {
    reaches(stores, id, State::Scheduled).await;
    faena_tests::wait::until("ends to be recorded and forgotten", async || {
        let overview = stores.operations().overview().await.unwrap();
        overview.unrecorded == 0 && overview.lanes.iter().all(|lane| lane.running + lane.available == 0)
    })
    .await;
}

#[tokio::test]
async fn jobs_are_changed_from_the_command_line() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let id = enqueue(&stores, Touch { n: 1, sleep_ms: 0 }.after(HOUR)).await;
    reaches(&stores, id, State::Scheduled).await;
    let id_text = id.to_string();

    for (words, said) in [
        (&["--args", "{oops"][..], "--args is no JSON"),
        (&["--args", r#"{"n":"x","sleep_ms":0}"#], "args/n: "),
        (&["--at", "tomorrow"], "invalid value 'tomorrow'"),
        (&[], "required"),
    ] {
        let words: Vec<&str> = ["edit", &id_text].into_iter().chain(words.iter().copied()).collect();
        let (ok, _, error) = try_to_end("probe", &words, &stores.settings()).await;
        assert!(!ok && error.contains(said), "{words:?}: {error}");
    }
    let words = ["edit", &id_text, "--args", r#"{"n":5,"sleep_ms":0}"#, "--at", "2026-01-01T00:00:00Z", "--json"];
    let told: Value = serde_json::from_str(&run_to_end("probe", &words, &stores.settings()).await).unwrap();

    assert_eq!(told, json!({"id": id, "outcome": "edited"}));
    assert_eq!(ended(&stores, id).await.summary.state, State::Completed);
    assert_eq!(traces(&stores).await, [5]);
}
