//! Processes die without a word: nothing is lost, and effects happen once.

use faena_tests::{
    controls::Trek,
    gate::Gate,
    judge::{effects, no_leftovers, quiet, somebody_waits_for_a_lock},
    probe::{Climb, Linger, Raze, Touch},
    process::start_probe,
    stores::Stores,
    wait::{eventually, until},
};
use nix::sys::signal::Signal;
use queue::{
    Attempted, Ctx, End, Failure, Job, JobId, OrFailure,
    kit::{Kit, Outcome},
    operations::State,
};
use redis::AsyncCommands;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{enqueue, enqueue_all, forget_everything, reaches};

async fn effects_so_far(stores: &Stores) -> i64 {
    let (count,): (i64,) = sqlx::query_as("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
    count
}

#[tokio::test]
async fn a_worker_killed_at_half_of_two_thousand_jobs_loses_none_and_repeats_no_effect() {
    const JOBS: i64 = 2000;
    let stores = Stores::fresh().await;
    // It is not faster than the kill. Six hundred are at work at once: before the gate is reached there are more effects than half.
    let gate = Gate::shut(&stores, "insert on probe.effects", "new.n >= 1700").await;
    enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 5 })).await;
    let worker = start_probe(&stores, &[]).await;
    until("half of the effects", async || effects_so_far(&stores).await >= JOBS / 2).await;

    let killed = worker.pid();
    worker.kill_9().await;
    gate.open().await;
    let _heir = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, JOBS).await, (vec![], vec![]));
    // The kill hit running jobs: some began twice, under the same attempt number, because a lost worker is not their fault.
    let (orphans,): (i64,) =
        sqlx::query_as("select count(*) from faena.attempts where outcome = 'orphaned'").fetch_one(&stores.db).await.unwrap();
    let (of_the_killed,): (i64,) =
        sqlx::query_as("select count(*) from probe.starts where pid = $1").bind(killed).fetch_one(&stores.db).await.unwrap();
    assert!(orphans > 0 && of_the_killed > 0);
    let (counted,): (i64,) =
        sqlx::query_as("select count(*) from faena.jobs where attempts > 1").fetch_one(&stores.db).await.unwrap();
    assert_eq!(counted, 0);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_worker_frozen_for_longer_than_its_leases_does_no_harm_when_it_thaws() {
    const JOBS: i64 = 60;
    let stores = Stores::fresh().await;
    let mut frozen = start_probe(&stores, &[]).await;
    enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 300 })).await;
    until("jobs to have begun", async || {
        let (starts,): (i64,) = sqlx::query_as("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
        starts > 0
    })
    .await;

    frozen.signal(Signal::SIGSTOP);
    let _heir = start_probe(&stores, &[]).await;
    until("the heir to do everything", async || effects_so_far(&stores).await == JOBS).await;
    frozen.signal(Signal::SIGCONT);

    quiet(&stores).await;
    // What it has of its own accord by then was somebody else's: it says so by ending cleanly.
    assert!(frozen.terminate().await, "the drain was not clean:\n{}", frozen.log_text());
    assert_eq!(effects(&stores, JOBS).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn whoever_stood_still_together_with_everybody_takes_nothing_from_anybody() {
    const JOBS: i64 = 20;
    let stores = Stores::fresh().await;
    let first = start_probe(&stores, &[("SLOTS_LOW", "10")]).await;
    let second = start_probe(&stores, &[("SLOTS_LOW", "10")]).await;
    let ids = enqueue_all(&stores, (0..JOBS).map(|n| Linger { n, listens: true })).await;
    // By then they would rescue: they have waited for a lease's time since they started.
    until("workers that have run their jobs for 6 s", async || {
        let ages = lease_ages(&stores).await;
        ages.len() == ids.len() && ages.iter().all(|(since_claim, _)| *since_claim > 6000)
    })
    .await;

    first.signal(Signal::SIGSTOP);
    second.signal(Signal::SIGSTOP);
    until("every lease to run out", async || lease_ages(&stores).await.iter().all(|(_, since_end)| *since_end > 0)).await;
    first.signal(Signal::SIGCONT);
    until("the first to renew its own", async || {
        lease_ages(&stores).await.iter().filter(|(_, since_end)| *since_end < 0).count() >= 10
    })
    .await;
    second.signal(Signal::SIGCONT);
    until("every lease to be renewed", async || {
        let ages = lease_ages(&stores).await;
        ages.len() == ids.len() && ages.iter().all(|(_, since_end)| *since_end < 0)
    })
    .await;

    for id in ids {
        stores.operations().cancel(id, "a test").await.unwrap();
    }
    quiet(&stores).await;
    let attempts: Vec<(String, i64)> =
        sqlx::query_as("select outcome, count(*) from faena.attempts group by outcome").fetch_all(&stores.db).await.unwrap();
    assert_eq!(attempts, [("cancelled".to_owned(), JOBS)]);
    no_leftovers(&stores).await;
}

/// How many ms ago each running job of `low` was claimed, and how many ms ago its lease ran out; by Redis's clock.
async fn lease_ages(stores: &Stores) -> Vec<(i64, i64)> {
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut connection).await.unwrap();
    let now = seconds * 1000 + micros / 1000;
    let running: Vec<String> = connection.hvals(format!("{}:{{low}}:running", stores.namespace)).await.unwrap();
    let times = running.iter().map(|held| {
        // fence, token, worker, when it was claimed, when it runs out
        let words: Vec<&str> = held.split(' ').collect();
        (now - words[3].parse::<i64>().unwrap(), now - words[4].parse::<i64>().unwrap())
    });
    times.collect()
}

#[tokio::test]
async fn a_job_that_kills_its_process_runs_alone_after_the_second_time_and_is_dead_after_the_third() {
    let stores = Stores::fresh().await;
    let mut supervisor = start_probe(&stores, &[("SUPERVISE", "true"), ("SLOTS_DEFAULT", "4")]).await;
    let bystander = enqueue(&stores, Linger { n: 1, listens: false }).await;
    until("the bystander to run", async || {
        let (starts,): (i64,) = sqlx::query_as("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
        starts > 0
    })
    .await;
    let bad = enqueue(&stores, Raze { n: 0 }).await;
    enqueue_all(&stores, (100..130).map(|n| Touch { n, sleep_ms: 20 })).await;

    let operations = stores.operations();
    let job = eventually("the bad job to be dead", async || {
        operations.job(bad).await.ok().flatten().filter(|job| job.summary.state == State::Dead)
    })
    .await;

    let reason = job.summary.reason.unwrap();
    assert!(reason.starts_with("3 processes died while they ran it, the last one its own: signal: 6"), "{reason}");
    let pids: Vec<(i32,)> =
        sqlx::query_as("select distinct pid from probe.starts where n = 0").fetch_all(&stores.db).await.unwrap();
    assert_eq!(pids.len(), 3);
    let errors: Vec<String> = job.attempts.iter().filter_map(|attempt| attempt.error.clone()).collect();
    assert_eq!(errors[..2], ["its process died while it ran: crash 1", "its process died while it ran: crash 2"]);
    until("everybody else to have ended", async || {
        let (touched,): (i64,) = sqlx::query_as("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
        touched == 30
    })
    .await;
    // Two processes died under the bystander as well: it goes on, alone, and nobody counts that against it.
    operations.cancel(bystander, "operadora").await.unwrap();
    quiet(&stores).await;
    let bystander = operations.job(bystander).await.unwrap().unwrap();
    assert_eq!((bystander.summary.state, bystander.summary.attempts), (State::Cancelled, 1));
    assert!(!supervisor.has_ended());
    assert!(supervisor.terminate().await, "{}", supervisor.log_text());
    no_leftovers(&stores).await;
}

/// Those that were beside a bad job twice are suspects as well: each has a process of its own then, but not all at once.
#[tokio::test]
async fn a_crowd_of_suspects_is_attempted_a_few_at_a_time() {
    let stores = Stores::fresh().await;
    let bad = queue::push(&stores.store, Raze { n: 0 }).await.unwrap();
    let others = queue::push_all(&stores.store, (1..40).map(|n| Touch { n, sleep_ms: 400 })).await.unwrap();
    for suspect in others.iter().chain([&bad]) {
        has_seen_two_processes_die(&stores, suspect.id).await;
    }
    // As many as may be at work stand at their last act until they have been counted.
    let gate = Gate::shut(&stores, "insert on probe.effects", "true").await;
    let mut supervisor = start_probe(&stores, &[("SUPERVISE", "true"), ("SLOTS_DEFAULT", "40")]).await;
    let most = std::cell::Cell::new(0);
    let count = || most.set(most.get().max(children_of_children(supervisor.pid())));

    until("four of them to be at work", async || {
        count();
        let sql = "select count(*) from probe.starts where n > 0";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&stores.db).await.unwrap() == 4
    })
    .await;
    count();
    gate.open().await;
    until("everybody else to have ended", async || {
        count();
        effects_so_far(&stores).await == 39
    })
    .await;

    assert!((1..=4).contains(&most.get()), "{} processes at once", most.get());
    quiet(&stores).await;
    let (dead,): (i64,) =
        sqlx::query_as("select count(*) from faena.jobs where state = 'dead'").fetch_one(&stores.db).await.unwrap();
    assert_eq!(dead, 1);
    assert!(supervisor.terminate().await, "{}", supervisor.log_text());
}

/// Makes a job of the default queue a suspect.
async fn has_seen_two_processes_die(stores: &Stores, id: JobId) {
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    // No attempt used, due at once, two processes dead under it.
    let () = connection.hset(format!("{}:{{default}}:attempts", stores.namespace), id.to_string(), "0 0 2").await.unwrap();
}

/// How many processes the worker of this supervisor has started.
fn children_of_children(supervisor: i32) -> usize {
    let children = |pid: i32| -> Vec<i32> {
        let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    };
    // A process's children are listed by the thread that started them.
    let of_threads = |pid: i32| -> usize {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let listed = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
        listed.map(|listed| listed.split_whitespace().count()).sum()
    };
    children(supervisor).into_iter().map(of_threads).sum()
}

#[tokio::test]
async fn a_suspect_says_how_far_it_has_got_and_can_be_cancelled() {
    let stores = Stores::fresh().await;
    let id = queue::push(&stores.store, Trek {}).await.unwrap().id;
    has_seen_two_processes_die(&stores, id).await;

    let _worker = start_probe(&stores, &[]).await;

    let progress =
        eventually("a report", async || stores.operations().job(id).await.ok().flatten().and_then(|job| job.progress)).await;
    assert_eq!((progress.done, progress.total, progress.note.as_str()), (5, 10, "a mitad de camino"));
    stores.operations().cancel(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Cancelled).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_worker_ends_with_its_supervisor() {
    let stores = Stores::fresh().await;
    let supervisor = start_probe(&stores, &[("SUPERVISE", "true")]).await;
    enqueue(&stores, Linger { n: 0, listens: false }).await;
    let pid = eventually("the job to run", async || {
        let pid: Option<(i32,)> = sqlx::query_as("select pid from probe.starts").fetch_optional(&stores.db).await.unwrap();
        pid
    })
    .await
    .0;
    assert_ne!(pid, supervisor.pid());

    supervisor.kill_9().await;

    // Where nobody reaps orphans, a dead one stays as a zombie.
    until("its worker to be gone", async || {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
    })
    .await;
}

#[tokio::test]
async fn a_job_that_saves_checkpoints_goes_on_where_it_stopped_whatever_dies_or_is_wiped() {
    const STEPS: i64 = 60;
    let stores = Stores::fresh().await;
    // Nobody gets further before Redis is wiped.
    let gate = Gate::shut(&stores, "insert on probe.effects", "new.n >= 45").await;
    let first = start_probe(&stores, &[]).await;
    enqueue(&stores, Climb { steps: STEPS, sleep_ms: 30 }).await;
    until("some steps", async || effects_so_far(&stores).await >= STEPS / 4).await;
    first.kill_9().await;
    let second = start_probe(&stores, &[]).await;
    let starts = async || sqlx::query_scalar::<_, i64>("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
    until("some more steps", async || starts().await == 2 && effects_so_far(&stores).await >= STEPS / 2).await;
    second.kill_9().await;
    forget_everything(&stores).await;
    gate.open().await;

    let _third = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, STEPS).await, (vec![], vec![]));
    assert_eq!(starts().await, 3);
}

#[tokio::test]
async fn a_step_that_is_being_committed_is_waited_for_and_not_taken_again() {
    let stores = Stores::fresh().await;
    let id = enqueue(&stores, Climb { steps: 3, sleep_ms: 0 }).await;
    // An older delivery, which stands still in the middle of its second step.
    let mut older = stores.db.begin().await.unwrap();
    sqlx::raw_sql("insert into faena.effects (job_id, epoch, fence, checkpoint) select id, 0, 1, '1' from faena.outbox")
        .execute(&stores.db)
        .await
        .unwrap();
    sqlx::query("insert into probe.effects (n, job_id) values (0, $1), (1, $1)").bind(id).execute(&mut *older).await.unwrap();
    sqlx::query("update faena.effects set checkpoint = '2'").execute(&mut *older).await.unwrap();

    let _worker = start_probe(&stores, &[]).await;
    somebody_waits_for_a_lock(&stores).await;
    older.commit().await.unwrap();

    quiet(&stores).await;
    assert_eq!(effects(&stores, 3).await, (vec![], vec![]));
}

/// Takes a step, and another one when it is told to; or dies in between.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Stride {
    n: i64,
    dies: bool,
}

impl Job for Stride {
    type Ports = Notify;
    const NAME: &'static str = "stride";

    async fn run(self, ctx: &Ctx<Notify>) -> Attempted {
        for n in [self.n, self.n + 1] {
            let mut step = ctx.step().await?;
            let trace = sqlx::query("insert into probe.effects (n, job_id) values ($1, $2)").bind(n).bind(ctx.job_id());
            trace.execute(&mut *step).await.context("leaving a trace")?;
            step.commit().await?;
            if self.dies {
                return Err(Failure::dead("as told"));
            }
            if n == self.n {
                ctx.notified().await;
            }
        }
        Ok(End::Done)
    }
}

#[tokio::test]
async fn who_was_replaced_before_a_job_died_takes_no_step_when_it_is_run_again() {
    let stores = Stores::fresh().await;
    let kit = Kit::of::<Stride>(Notify::new()).with_database(stores.db.clone());
    let id = kit.enqueue(Stride { n: 10, dies: true }).await.unwrap().id;
    let older = async { kit.attempt(Stride { n: 20, dies: false }).id(id).await };
    let meanwhile = async {
        until("its first step", async || effects_so_far(&stores).await == 1).await;
        // A newer delivery, of which the job dies.
        let ran = kit.run_due().await;
        assert_eq!(ran[0].outcome, Outcome::Dead { reason: "as told".to_owned() });
        stores.operations().retry(id, "operadora").await.unwrap();
        kit.ports().notify_one();
    };

    let (outcome, ()) = tokio::join!(older, meanwhile);

    assert_eq!(outcome, Outcome::Superseded);
    let steps: Vec<i64> = sqlx::query_scalar("select n from probe.effects order by n").fetch_all(&stores.db).await.unwrap();
    assert_eq!(steps, [10, 20]);
}
