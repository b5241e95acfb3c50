//! Pauses, expiry, waits and cancellations under four workers, of which one after the other is killed.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use faena_tests::{
    controls::Falter,
    judge::{effects, no_leftovers, quiet},
    probe::{Linger, Touch},
    process::{Process, start_probe},
    stores::Stores,
    wait::until,
};
use queue::{Job, JobId, Paused, operations::State};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use redis::{AsyncCommands, aio::MultiplexedConnection};

use super::enqueue_all;

const WORKERS: usize = 4;

/// Four workers on the same stores, which lend no slots.
struct Crew {
    stores: Stores,
    workers: Vec<Process>,
    dice: StdRng,
}

impl Crew {
    async fn at(stores: &Stores, seed: u64) -> Self {
        let mut crew = Self { stores: stores.clone(), workers: Vec::new(), dice: StdRng::seed_from_u64(seed) };
        while crew.workers.len() < WORKERS {
            crew.hires().await;
        }
        crew
    }

    async fn hires(&mut self) {
        self.workers
            .push(start_probe(&self.stores, &[("SLOTS_CRITICAL", "1"), ("SLOTS_DEFAULT", "8"), ("SLOTS_LOW", "8")]).await);
    }

    /// One of them dies, whatever it was doing, and another takes its place.
    async fn loses_one(&mut self) {
        let unlucky = self.dice.random_range(0..WORKERS);
        self.workers.swap_remove(unlucky).kill_9().await;
        self.hires().await;
    }

    /// Loses one each time that `count` has grown by `step`, from nothing on.
    async fn loses_some(&mut self, kills: i64, step: i64, count: &'static str) {
        for kill in 1..=kills {
            until("some more to be done", async || self.number(count).await >= kill * step).await;
            self.loses_one().await;
        }
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.stores.db).await.unwrap()
    }

    /// The fence of the last claim from the default queue: each later claim has a higher one.
    async fn last_fence(&self) -> i64 {
        let fence: Option<i64> = self.redis().await.get(self.key("fence")).await.unwrap();
        fence.unwrap_or_default()
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{{default}}:{name}", self.stores.namespace)
    }

    async fn redis(&self) -> MultiplexedConnection {
        redis::Client::open(self.stores.redis_url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

#[tokio::test]
async fn what_is_paused_does_not_begin_whoever_dies_and_everything_else_does() {
    const JOBS: i64 = 400;
    let stores = Stores::fresh().await;
    let mut crew = Crew::at(&stores, 1).await;
    // The even ones are those of a tenant that will be paused.
    let jobs = |from, to| {
        (from..to).map(|n| {
            let job = Touch { n, sleep_ms: 20 };
            if n % 2 == 0 { job.tenant("acme") } else { job.tenant("globex") }
        })
    };
    enqueue_all(&stores, jobs(0, JOBS / 2)).await;
    until("some to be done", async || crew.number("select count(*) from probe.effects").await > 0).await;
    crew.loses_one().await;

    assert!(stores.operations().pause_jobs(&Paused::Tenant("acme".to_owned()), "a test").await.unwrap());
    until("the lane to be told", async || {
        let is_told: bool = crew.redis().await.hexists(crew.key("paused"), "tenant:acme").await.unwrap();
        is_told
    })
    .await;
    let paused_at = crew.last_fence().await;
    enqueue_all(&stores, jobs(JOBS / 2, JOBS)).await;
    crew.loses_one().await;
    until("the others to be done", async || crew.number("select count(*) from probe.effects where n % 2 = 1").await == JOBS / 2)
        .await;
    crew.loses_one().await;
    let resumed_at = crew.last_fence().await;
    assert!(stores.operations().resume_jobs(&Paused::Tenant("acme".to_owned())).await.unwrap());

    quiet(&stores).await;
    let of_the_tenant = async |from: i64, to: i64| -> i64 {
        let sql = "select count(*) from faena.attempts a join faena.jobs j on j.id = a.job_id
                   where j.terms ->> 'tenant' = 'acme' and a.fence > $1 and a.fence <= $2";
        sqlx::query_scalar(sql).bind(from).bind(to).fetch_one(&stores.db).await.unwrap()
    };
    assert_eq!(of_the_tenant(paused_at, resumed_at).await, 0, "claimed although paused");
    assert!(of_the_tenant(resumed_at, i64::MAX).await >= JOBS / 4, "what was enqueued meanwhile waited");
    assert_eq!(effects(&stores, JOBS).await, (vec![], vec![]));
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_job_runs_in_time_or_not_at_all_whoever_dies() {
    const JOBS: i64 = 600;
    let stores = Stores::fresh().await;
    let mut crew = Crew::at(&stores, 2).await;
    // The slots do 64 a second: those at the end of the line come too late. The first ones have time, however slow everything is.
    let expires_at = Utc::now() + TimeDelta::seconds(6);
    let expiry = |n: i64| if n < 20 { expires_at + TimeDelta::hours(1) } else { expires_at };
    let ids = enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 500 }.expires_at(expiry(n)))).await;
    until("some to be done", async || crew.number("select count(*) from probe.effects").await > 0).await;
    // However long it takes to hire another one: by then the rest may be too late.
    for _ in 0..3 {
        crew.loses_one().await;
    }
    until("their time to be over", async || Utc::now() > expires_at).await;
    let last_fence = crew.last_fence().await;
    quiet(&stores).await;

    let (mut done, mut late) = (0, 0);
    for (n, id) in (0_i64..).zip(ids) {
        let job = stores.operations().job(id).await.unwrap().unwrap();
        let (effects,): (i64,) =
            sqlx::query_as("select count(*) from probe.effects where n = $1").bind(n).fetch_one(&stores.db).await.unwrap();
        match job.summary.state {
            State::Completed => {
                assert_eq!(effects, 1, "{job:?}");
                done += 1;
            }
            State::Cancelled => {
                assert_eq!(effects, 0, "{job:?}");
                assert!(
                    job.summary.reason.as_deref().is_some_and(|reason| reason.starts_with("expired: not worth running")),
                    "{job:?}"
                );
                late += 1;
            }
            _ => panic!("neither in time nor too late: {job:?}"),
        }
    }
    assert!(done > 0 && late > 0, "{done} in time and {late} too late");
    // The claim comes before the deadline. (Of orphans only the claim is known, which may be of a late job.)
    let late: i64 = sqlx::query_scalar(
        "select count(*) from faena.attempts a join faena.jobs j on j.id = a.job_id
         where a.fence > $1 and a.outcome not in ('cancelled', 'orphaned') and (j.args ->> 'n')::bigint >= 20",
    )
    .bind(last_fence)
    .fetch_one(&stores.db)
    .await
    .unwrap();
    assert_eq!(late, 0, "claimed after their time and begun all the same");
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn who_was_told_to_wait_comes_back_no_sooner_whoever_dies() {
    let stores = Stores::fresh().await;
    let mut crew = Crew::at(&stores, 3).await;
    let until_ms = Utc::now().timestamp_millis() + 7_000;
    let told = enqueue_all(&stores, (0..100).map(|_| Falter::IsTold { until_ms })).await;
    let snoozes = enqueue_all(&stores, (0..100).map(|_| Falter::Snoozes { delay_ms: 3_000 })).await;
    crew.loses_some(4, 40, "select count(*) from probe.starts").await;
    quiet(&stores).await;

    let mut judged = 0;
    for (id, is_told) in told.iter().map(|id| (*id, true)).chain(snoozes.iter().map(|id| (*id, false))) {
        let job = stores.operations().job(id).await.unwrap().unwrap();
        assert_eq!((job.summary.state, job.summary.attempts), (State::Completed, 1), "waiting uses no attempt: {job:?}");
        // One whose worker died had begun, so that it thinks it has waited already.
        if job.attempts.iter().any(|attempt| attempt.outcome == "orphaned") {
            continue;
        }
        let starts = starts(&stores, id).await;
        let soonest =
            if is_told { DateTime::from_timestamp_millis(until_ms).unwrap() } else { starts[0] + TimeDelta::seconds(3) };
        // Two clocks: the handler's and the table's.
        assert!(starts.len() == 2 && starts[1] >= soonest - TimeDelta::milliseconds(50), "{starts:?} {soonest}");
        judged += 1;
    }
    assert!(judged > 100, "{judged}");
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_cancelled_job_ends_cancelled_or_was_done_before_whoever_dies() {
    const JOBS: i64 = 400;
    let stores = Stores::fresh().await;
    let mut crew = Crew::at(&stores, 4).await;
    let ids = enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 4000 })).await;
    let endless = enqueue_all(&stores, (0..20).map(|n| Linger { n: JOBS + n, listens: true })).await;
    let mut asked: BTreeSet<JobId> = BTreeSet::new();
    until("some to be done", async || crew.number("select count(*) from probe.effects").await > 0).await;
    for round in 0..4_usize {
        for n in (round..ids.len()).step_by(8) {
            // Whatever state it is in by now; it may also be over.
            let _ = stores.operations().cancel(ids[n], "a test").await;
            asked.insert(ids[n]);
        }
        for id in endless.iter().skip(round).step_by(4) {
            stores.operations().cancel(*id, "a test").await.unwrap();
        }
        crew.loses_one().await;
    }
    quiet(&stores).await;

    let mut cancelled = 0;
    for (n, id) in (0_i64..).zip(&ids) {
        let job = stores.operations().job(*id).await.unwrap().unwrap();
        let (effects,): (i64,) =
            sqlx::query_as("select count(*) from probe.effects where n = $1").bind(n).fetch_one(&stores.db).await.unwrap();
        let is_done = job.summary.state == State::Completed;
        assert!(is_done || (job.summary.state == State::Cancelled && asked.contains(id)), "{job:?}");
        assert_eq!(effects, i64::from(is_done), "{job:?}");
        cancelled += usize::from(!is_done);
    }
    assert!(cancelled > 10, "{cancelled} of {}", asked.len());
    for id in endless {
        assert_eq!(stores.operations().job(id).await.unwrap().unwrap().summary.state, State::Cancelled);
    }
    no_leftovers(&stores).await;
}

async fn starts(stores: &Stores, id: JobId) -> Vec<DateTime<Utc>> {
    sqlx::query_scalar("select at from probe.starts where job_id = $1 order by at").bind(id).fetch_all(&stores.db).await.unwrap()
}
