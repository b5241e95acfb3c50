//! What an operator is told equals what is there, counted one by one, in the middle of a load.

use std::collections::BTreeMap;

use faena_tests::{
    http::http_client,
    judge::quiet,
    probe::{Linger, Nap, Refuse, Stumble, Touch},
    process::{Process, run_to_end, start_probe},
    stores::Stores,
    wait::until,
};
use nix::sys::signal::Signal;
use queue::{
    Job, Lane, Queue,
    operations::{JobFilter, State},
};
use redis::AsyncCommands;

use super::{enqueue_all, forget_everything};

pub(crate) type Counts = BTreeMap<(Queue, State), u64>;

/// Every queue in every state, and a worker frozen in the middle of it. (What operators see of it is counted in `web::counting`.)
pub(crate) async fn frozen_load(stores: &Stores) -> Process {
    let worker = start_probe(stores, &[("SLOTS_LOW", "4"), ("SLOTS_DEFAULT", "20")]).await;
    enqueue_all(stores, (0..40).map(|n| Refuse { reason: format!("no {n}") })).await;
    enqueue_all(stores, (0..30).map(|n| Stumble { n, times: 99 })).await;
    enqueue_all(stores, (0..60).map(|_| Nap { sleep_ms: 0, note: String::new() }.after(std::time::Duration::from_secs(3600))))
        .await;
    enqueue_all(stores, (0..9).map(|n| Linger { n, listens: true })).await;
    // One of ten does not end, and by and by they fill every slot: however late it is looked at, something runs and something waits.
    enqueue_all(stores, (0..2000).map(|n| Touch { n, sleep_ms: if n % 10 == 9 { 3_600_000 } else { 30 } })).await;
    let operations = stores.operations();
    until("jobs in every state", async || {
        let Ok(overview) = operations.overview().await else { return false };
        let count = |state| overview.lanes.iter().map(|queue| queue.count(state)).sum::<u64>();
        let all_are_pushed = count(State::Outboxed) == 0;
        let some_ended = count(State::Completed) > 100 && count(State::Dead) > 10;
        all_are_pushed && some_ended && count(State::Running) > 10 && count(State::Scheduled) == 60
    })
    .await;
    let victim =
        operations.jobs(JobFilter { state: State::Available, lane: Some(Lane::of(Queue::Default)) }, None, 200).await.unwrap();
    for job in victim.jobs.iter().rev().take(7) {
        let _ = operations.cancel(job.id.parse().unwrap(), "operadora").await;
    }
    worker.signal(Signal::SIGSTOP);
    // What it had asked for is done. It may also have to wait for one of the worker's own locks.
    until("Postgres to rest", async || {
        let busy = "select exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                        and backend_type = 'client backend' and state = 'active' and wait_event_type is distinct from 'Lock')";
        !sqlx::query_scalar::<_, bool>(busy).fetch_one(&stores.db).await.unwrap()
    })
    .await;
    // These stay promises: the relay is frozen too.
    enqueue_all(stores, (0..25).map(|n| Touch { n, sleep_ms: 0 })).await;
    worker
}

/// What stands in both stores, counted one by one.
pub(crate) async fn brute_force(stores: &Stores) -> Counts {
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let mut counts = Counts::new();
    for queue in Queue::ALL {
        let key = |name: &str| format!("{}:{{{queue}}}:{name}", stores.namespace);
        let mut live: BTreeMap<String, Vec<u8>> = redis.hgetall(key("job")).await.unwrap();
        // A tombstone: the recorder is frozen too.
        live.retain(|_, envelope| envelope.first() != Some(&b'!'));
        let ready: Vec<String> = redis.lrange(key("ready"), 0, -1).await.unwrap();
        let running: BTreeMap<String, String> = redis.hgetall(key("running")).await.unwrap();
        let scheduled: Vec<String> = redis.zrange(key("scheduled"), 0, -1).await.unwrap();
        let retryable: Vec<String> = redis.zrange(key("retryable"), 0, -1).await.unwrap();
        let parked: Vec<String> = redis.zrange(key("parked"), 0, -1).await.unwrap();
        // What waits apart, by the word of its line: `!` begins those of what is paused.
        let waiting: Vec<String> = redis.zrange(key("waiting"), 0, -1).await.unwrap();
        let (paused, limited): (Vec<&String>, Vec<&String>) = waiting.iter().partition(|entry| entry.starts_with('!'));
        let available = ready.iter().filter(|id| live.contains_key(*id)).count();
        let lengths = [available, running.len(), scheduled.len(), retryable.len(), limited.len(), paused.len(), parked.len()];
        assert_eq!(lengths.iter().sum::<usize>(), live.len(), "a job is in no state, or in two");
        let states =
            [State::Available, State::Running, State::Scheduled, State::Retryable, State::Limited, State::Paused, State::Parked];
        counts.extend(states.iter().zip(lengths).map(|(state, length)| ((queue, *state), length as u64)));
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select state, count(*) from (select state from faena.jobs where queue = $1 union all
             select 'outboxed' from faena.outbox where queue = $1 and pushed_at is null) all_of_them group by state",
        )
        .bind(queue.as_str())
        .fetch_all(&stores.db)
        .await
        .unwrap();
        for state in [State::Outboxed, State::Completed, State::Dead, State::Cancelled] {
            let count = rows.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, count)| *count);
            counts.insert((queue, state), count.unsigned_abs());
        }
    }
    counts
}

#[tokio::test]
async fn inspect_equals_a_count_by_hand() {
    let stores = Stores::fresh().await;
    let _worker = frozen_load(&stores).await;

    let counted = brute_force(&stores).await;
    let told: serde_json::Value =
        serde_json::from_str(&run_to_end("probe", &["inspect", "--json"], &stores.settings()).await).unwrap();

    let told: Counts = Queue::ALL
        .into_iter()
        .flat_map(|queue| State::ALL.map(|state| (queue, state)))
        .map(|(queue, state)| {
            let line = told["lanes"].as_array().unwrap().iter().find(|line| line["lane"] == queue.as_str()).unwrap();
            ((queue, state), line[state.as_str()].as_u64().unwrap())
        })
        .collect();
    assert_eq!(told, counted);
    assert!(counted[&(Queue::Low, State::Running)] == 4 && counted[&(Queue::Default, State::Outboxed)] == 25);
}

#[tokio::test]
async fn the_pages_of_a_list_hold_each_job_once_and_no_other() {
    let stores = Stores::fresh().await;
    let _worker = frozen_load(&stores).await;
    let operations = stores.operations();

    let counted = brute_force(&stores).await;
    for state in State::ALL {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = operations.jobs(JobFilter { state, lane: None }, cursor.as_deref(), 17).await.unwrap();
            assert!(page.jobs.iter().all(|job| job.state == state));
            seen.extend(page.jobs.into_iter().map(|job| job.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let total: u64 = Queue::ALL.iter().map(|queue| counted[&(*queue, state)]).sum();
        let listed = seen.len() as u64;
        seen.sort();
        seen.dedup();
        assert_eq!((listed, seen.len() as u64), (total, total), "{state}");
    }
}

/// The samples of one metric that have all of these labels, added up.
fn sum(figures: &str, metric: &str, labels: &[&str]) -> f64 {
    let of_it =
        figures.lines().filter(|line| line.starts_with(&format!("{metric}{{")) || line.starts_with(&format!("{metric} ")));
    let with_labels = of_it.filter(|line| labels.iter().all(|label| line.contains(label)));
    with_labels.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn the_figures_of_a_worker_are_those_of_its_work() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[]).await;
    enqueue_all(&stores, (0..30).map(|n| Touch { n, sleep_ms: 0 })).await;
    enqueue_all(&stores, [Stumble { n: 30, times: 2 }]).await;
    enqueue_all(&stores, [Refuse { reason: "as told".to_owned() }]).await;
    quiet(&stores).await;

    let figures = async || figures_of(&worker).await;
    // What was done is counted a moment later.
    until("all of it to be counted", async || {
        let told = figures().await;
        ["faena_recorded_total", "faena_attempt_duration_seconds_count"].iter().all(|metric| sum(&told, metric, &[]) >= 34.0)
    })
    .await;
    let told = figures().await;

    let counted = |metric: &str, labels: &[&str]| sum(&told, metric, labels);
    for (metric, labels, expected) in [
        ("faena_attempts_total", &["name=\"touch\"", "outcome=\"completed\""][..], 30.0),
        ("faena_attempts_total", &["name=\"stumble\"", "outcome=\"retry\""], 2.0),
        ("faena_attempts_total", &["name=\"stumble\"", "outcome=\"completed\""], 1.0),
        ("faena_attempts_total", &["name=\"refuse\"", "outcome=\"dead\""], 1.0),
        ("faena_attempt_duration_seconds_count", &[], 34.0),
        // First attempts alone: how long another one waits is its backoff.
        ("faena_wait_seconds_count", &[], 32.0),
        ("faena_relayed_total", &[], 32.0),
        ("faena_recorded_total", &[], 34.0),
        ("faena_jobs", &["state=\"completed\""], 31.0),
        ("faena_jobs", &["state=\"dead\""], 1.0),
        ("faena_loop_restarts_total", &[], 0.0),
    ] {
        assert!((counted(metric, labels) - expected).abs() < 0.5, "{metric} {labels:?} is not {expected}: {told}");
    }
    for name in ["acknowledge", "fetch", "renew", "promote", "relay", "record", "reconcile"] {
        let label = format!("loop=\"{name}\"");
        until(format!("the age of {name}"), async || {
            figures().await.lines().any(|line| line.starts_with("faena_loop_age_seconds{") && line.contains(&label))
        })
        .await;
    }
}

async fn figures_of(worker: &Process) -> String {
    http_client().get(format!("http://{}/metrics", worker.addr)).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn what_a_worker_takes_over_and_what_it_loses_is_counted() {
    let stores = Stores::fresh().await;
    let frozen = start_probe(&stores, &[]).await;
    enqueue_all(&stores, [Linger { n: 1, listens: true }]).await;
    let starts = async || sqlx::query_scalar::<_, i64>("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
    until("it to begin", async || starts().await == 1).await;

    frozen.signal(Signal::SIGSTOP);
    let heir = start_probe(&stores, &[]).await;
    until("the heir to begin it", async || starts().await == 2).await;
    frozen.signal(Signal::SIGCONT);

    let lane = "queue=\"low\"";
    until("the rescue to be counted", async || sum(&figures_of(&heir).await, "faena_rescued_total", &[lane]) > 0.5).await;
    until("the loss to be counted", async || sum(&figures_of(&frozen).await, "faena_leases_lost_total", &[lane]) > 0.5).await;
    assert!(sum(&figures_of(&heir).await, "faena_rescued_total", &[]) < 1.5, "one, once");
    assert!(sum(&figures_of(&frozen).await, "faena_rescued_total", &[]) < 0.5, "the other took nothing over");

    // What Redis has lost is a promise still.
    forget_everything(&stores).await;
    until("the push to be counted", async || {
        let told = [figures_of(&heir).await, figures_of(&frozen).await];
        told.iter().map(|told| sum(told, "faena_reconciled_total", &[])).sum::<f64>() > 0.5
    })
    .await;
}
