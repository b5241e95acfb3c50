//! Limits and pauses: never more at once, never faster, in order, without a slot; told by an operator, and not forgotten by a wiped Redis.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use faena_tests::{
    gate::Gate,
    judge::{no_leftovers, quiet},
    probe::{Chirp, Pass, Touch, Urge},
    process::{Process, run_to_end, start_probe, try_to_end},
    servers::PrivateRedis,
    stores::Stores,
    wait::until,
};
use queue::{Job as _, JobId, operations::State};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{enqueue, enqueue_all};

const WORKERS: usize = 4;

fn pass(n: i64, gate: &str, sleep_ms: u64) -> Pass {
    Pass { n, gate: gate.to_owned(), sleep_ms }
}

async fn count(stores: &Stores, state: State) -> u64 {
    stores.operations().overview().await.map_or(0, |overview| overview.lanes.iter().map(|lane| lane.count(state)).sum())
}

async fn start_workers(stores: &Stores) -> Vec<Process> {
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(start_probe(stores, &[("SLOTS_DEFAULT", "8")]).await);
    }
    workers
}

/// For each gate, how many were in it at once at most, as the jobs themselves noted.
async fn crowds(stores: &Stores) -> BTreeMap<String, i64> {
    let passes: Vec<(String, DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as("select gate, began, ended from probe.passes").fetch_all(&stores.db).await.unwrap();
    let mut steps: Vec<(DateTime<Utc>, i64, String)> = Vec::new();
    for (gate, began, ended) in passes {
        steps.extend([(began, 1, gate.clone()), (ended, -1, gate)]);
    }
    steps.sort();
    let (mut inside, mut most) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
    for (_, step, gate) in steps {
        let now = inside.entry(gate.clone()).or_default();
        *now += step;
        let peak = most.entry(gate).or_default();
        *peak = (*now).max(*peak);
    }
    most
}

async fn order_of_passes(stores: &Stores, gate: &str) -> Vec<i64> {
    let passed: Vec<(i64,)> = sqlx::query_as("select n from probe.passes where gate = $1 order by began")
        .bind(gate)
        .fetch_all(&stores.db)
        .await
        .unwrap();
    passed.into_iter().map(|(n,)| n).collect()
}

#[tokio::test]
async fn no_more_run_at_once_than_the_limit_says_while_workers_are_killed() {
    let stores = Stores::fresh().await;
    let mut dice = StdRng::seed_from_u64(4);
    let mut workers = start_workers(&stores).await;
    let gates = ["norte", "sur", "este"];
    let jobs = (0..240_usize).map(|n| pass(n as i64, gates[n % gates.len()], dice.random_range(5..120)));
    enqueue_all(&stores, jobs).await;

    for kill in 1..=6_i64 {
        let wanted = kill * 30;
        until("some more to pass", async || {
            let (passed,): (i64,) = sqlx::query_as("select count(*) from probe.passes").fetch_one(&stores.db).await.unwrap();
            passed >= wanted
        })
        .await;
        let unlucky = workers.swap_remove(dice.random_range(0..WORKERS));
        unlucky.kill_9().await;
        workers.push(start_probe(&stores, &[("SLOTS_DEFAULT", "8")]).await);
    }

    quiet(&stores).await;
    let crowds = crowds(&stores).await;
    assert_eq!(crowds.values().copied().collect::<Vec<_>>(), [3, 3, 3], "{crowds:?}");
    let (passed,): (i64,) = sqlx::query_as("select count(distinct n) from probe.passes").fetch_one(&stores.db).await.unwrap();
    assert_eq!(passed, 240);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn no_two_start_sooner_after_each_other_than_the_rate_says() {
    let stores = Stores::fresh().await;
    let mut workers = start_workers(&stores).await;
    let jobs = (0..80).map(|n| Chirp { n, channel: if n % 2 == 0 { "mirlo".to_owned() } else { "zorzal".to_owned() } });
    enqueue_all(&stores, jobs).await;
    until("half of them to have sung", async || count(&stores, State::Completed).await >= 40).await;
    workers.remove(0).kill_9().await;

    quiet(&stores).await;
    for channel in ["mirlo", "zorzal"] {
        let claims: Vec<(DateTime<Utc>,)> = sqlx::query_as("select claimed from probe.passes where gate = $1 order by claimed")
            .bind(channel)
            .fetch_all(&stores.db)
            .await
            .unwrap();
        let soonest = claims.windows(2).map(|pair| pair[1].0 - pair[0].0).min();
        assert!(claims.len() >= 40 && soonest >= Some(TimeDelta::milliseconds(20)), "{channel}: {} {soonest:?}", claims.len());
    }
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn who_waits_for_a_limit_takes_no_slot_says_so_and_keeps_the_order() {
    let stores = Stores::fresh().await;
    let settings = stores.settings();
    let _worker = start_probe(&stores, &[("SLOTS_CRITICAL", "1"), ("SLOTS_DEFAULT", "4")]).await;
    enqueue_all(&stores, (0..3).map(|n| pass(n, "norte", 600_000))).await;
    until("the gate to be full", async || count(&stores, State::Running).await == 3).await;

    let waiting = enqueue_all(&stores, (3..9).map(|n| pass(n, "norte", 0))).await;
    enqueue_all(&stores, [pass(100, "sur", 0)]).await;
    enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;

    until("the others to overtake", async || count(&stores, State::Completed).await == 2).await;
    assert_eq!(count(&stores, State::Limited).await, 6);
    let story = stores.operations().job(waiting[0]).await.unwrap().unwrap();
    assert_eq!((story.summary.state, story.summary.reason.as_deref()), (State::Limited, Some("gate:norte")));
    let said = run_to_end("probe", &["inspect", "--state", "limited", "--limit", "4"], &settings).await;
    assert!(said.lines().count() == 5 && said.contains(&waiting[3].to_string()), "{said}");
    let next = said.lines().find_map(|line| line.strip_prefix("next: ")).expect("another page");
    let rest = run_to_end("probe", &["inspect", "--state", "limited", "--limit", "4", "--after", next], &settings).await;
    assert!(rest.lines().count() == 2 && rest.contains(&waiting[5].to_string()), "{rest}");
    stores.operations().cancel(waiting[1], "operadora").await.unwrap();
    until("the unwanted one to leave", async || count(&stores, State::Limited).await == 5).await;

    let said =
        run_to_end("probe", &["limits", "set", "gate", "--of", "norte", "--at-once", "4", "--by", "operadora"], &settings).await;

    assert_eq!(said.trim(), "4 at once");
    until("the others to pass one by one", async || count(&stores, State::Completed).await == 7).await;
    assert_eq!(order_of_passes(&stores, "norte").await[3..], [3, 5, 6, 7, 8]);
    let said = run_to_end("probe", &["limits"], &settings).await;
    assert!(said.contains("gate:norte") && said.contains("set by operadora"), "{said}");
    let said = run_to_end("probe", &["limits", "reset", "gate", "--of", "norte"], &settings).await;
    assert_eq!(said.trim(), "reset");
}

#[tokio::test]
async fn a_job_handed_back_by_a_worker_that_stops_waits_before_the_others() {
    let stores = Stores::fresh().await;
    // Those that come first stay in the gate until they are handed back.
    let shut = Gate::shut(&stores, "update on probe.passes", "new.n < 3").await;
    let mut first = start_probe(&stores, &[("DRAIN_SECONDS", "0")]).await;
    enqueue_all(&stores, (0..3).map(|n| pass(n, "norte", 6000))).await;
    until("the gate to be full", async || order_of_passes(&stores, "norte").await.len() == 3).await;
    enqueue_all(&stores, (3..30).map(|n| pass(n, "norte", 0))).await;
    until("the others to wait", async || count(&stores, State::Limited).await == 27).await;

    assert!(first.terminate().await, "{}", first.log_text());
    shut.open().await;
    let _second = start_probe(&stores, &[]).await;

    quiet(&stores).await;
    let order = order_of_passes(&stores, "norte").await;
    let mut again = order[3..6].to_vec();
    again.sort_unstable();
    assert_eq!((again, order.len()), (vec![0, 1, 2], 33), "{order:?}");
    assert_eq!(crowds(&stores).await["norte"], 3);
}

#[tokio::test]
async fn a_paused_kind_and_a_paused_tenant_wait_and_a_wiped_redis_does_not_resume_them() {
    let mut redis = PrivateRedis::start().await;
    let stores = Stores::on(&std::env::var("FAENA_TEST_DATABASE_URL").unwrap(), &redis.url()).await;
    let settings = stores.settings();
    let _worker = start_probe(&stores, &[]).await;
    for what in [["pause", "--job", "touch", "--by", "operadora"], ["pause", "--tenant", "norte", "--by", "operadora"]] {
        assert_eq!(run_to_end("probe", &what, &settings).await.trim(), "paused");
    }
    until("both to be seen", async || {
        enqueue(&stores, Touch { n: 0, sleep_ms: 0 }).await;
        enqueue(&stores, pass(0, "norte", 0)).await;
        let page = run_to_end("probe", &["inspect", "--state", "paused"], &settings).await;
        page.contains("job:touch") && page.contains("tenant:norte")
    })
    .await;
    // A mail address that a limit goes by is no tenant.
    let addressed = enqueue(&stores, pass(1, "ana@sur", 0).tenant("norte")).await;
    until("the tenant to be found behind the address", async || is(&stores, addressed, State::Paused).await).await;
    let touched = enqueue_all(&stores, (1..20).map(|n| Touch { n, sleep_ms: 0 })).await;
    enqueue(&stores, pass(100, "sur", 0)).await;
    let urgent = enqueue(&stores, Urge { n: 77 }).await;
    until("the rest to go on", async || is(&stores, urgent, State::Completed).await && passed(&stores, "sur").await).await;
    until("those to wait", async || is(&stores, touched[18], State::Paused).await).await;

    redis.kill_9();
    redis.wipe();
    redis.resume().await;

    until("what is paused to be back, and paused", async || is(&stores, touched[18], State::Paused).await).await;
    assert!(!is(&stores, touched[0], State::Completed).await);
    assert_eq!(run_to_end("probe", &["resume", "--job", "touch"], &settings).await.trim(), "resumed");
    until("the kind to go on", async || is(&stores, touched[18], State::Completed).await).await;
    assert!(count(&stores, State::Paused).await > 0, "the tenant was not resumed");
    assert_eq!(run_to_end("probe", &["resume", "--tenant", "norte"], &settings).await.trim(), "resumed");
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_wiped_redis_gives_no_share_while_holders_of_the_old_ones_may_run_and_keeps_what_an_operator_allows() {
    let mut redis = PrivateRedis::start().await;
    let stores = Stores::on(&std::env::var("FAENA_TEST_DATABASE_URL").unwrap(), &redis.url()).await;
    let _worker = start_probe(&stores, &[]).await;
    let _other = start_probe(&stores, &[]).await;
    until("the limits to be told", async || !stores.operations().limits().await.unwrap().is_empty()).await;
    // No binary knows this bound: in the code the gate has room for three.
    run_to_end("probe", &["limits", "set", "gate", "--at-once", "2"], &stores.settings()).await;
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    until("Redis to be told", async || {
        let bounds = redis::cmd("HGET").arg(format!("{}:{{default}}:settings", stores.namespace)).arg("gate").to_owned();
        bounds.query_async::<Option<String>>(&mut connection).await.unwrap().is_some_and(|bounds| bounds.starts_with("2 "))
    })
    .await;
    enqueue_all(&stores, (0..12).map(|n| pass(n, "norte", 1500))).await;
    until("the gate to have been full", async || order_of_passes(&stores, "norte").await.len() >= 2).await;

    redis.kill_9();
    redis.wipe();
    redis.resume().await;

    quiet(&stores).await;
    assert_eq!(crowds(&stores).await["norte"], 2);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn bounds_that_cannot_be_obeyed_and_limits_that_nobody_has_are_refused_by_name() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[]).await;
    until("the limits to be told", async || !stores.operations().limits().await.unwrap().is_empty()).await;
    for (asked, answer) in [
        (&["set", "puerta", "--at-once", "1"][..], "no limit is named \"puerta\"; the limits are chirps, gate, "),
        (&["set", "gate", "--at-once", "0"], "a limit of nothing would hold its jobs for ever: pause them instead"),
        (&["set", "gate", "--rate", "1/fortnight"], "\"fortnight\" is no unit of time"),
        (&["set", "gate", "--rate", "1/400d"], "the time of a rate is from one millisecond to 31 days"),
        (&["set", "gate"], "--at-once"),
        (&["set", "gate", "--at-once", "all"], "write a number of jobs, or none"),
        (&["reset", "puerta"], "no limit is named \"puerta\""),
    ] {
        let args: Vec<&str> = ["limits"].into_iter().chain(asked.iter().copied()).collect();
        let (ok, out, err) = try_to_end("probe", &args, &stores.settings()).await;
        assert!(!ok && err.contains(answer), "{asked:?}: {out}{err}");
    }
    drop(worker);
}

#[tokio::test]
async fn what_an_operator_does_not_mention_stays_and_who_has_a_share_is_listed() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    until("the limits to be told", async || !stores.operations().limits().await.unwrap().is_empty()).await;
    let asked = async |args: &[&str]| {
        let out = run_to_end("probe", &[&["limits", "--json"], args].concat(), &stores.settings()).await;
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };

    assert_eq!(asked(&["set", "gate", "--rate", "100/s"]).await["bounds"]["at_once"], 3, "the code's own bound");
    assert_eq!(asked(&["set", "gate", "--at-once", "2"]).await["bounds"]["rate"]["count"], 100);
    let of_one = asked(&["set", "gate", "--of", "año nuevo", "--rate", "none"]).await;
    assert_eq!((&of_one["bounds"]["at_once"], &of_one["bounds"]["rate"]), (&2.into(), &serde_json::Value::Null));
    let reset = asked(&["reset", "gate", "--of", "año nuevo"]).await;
    assert_eq!(reset, serde_json::json!({ "limit": "gate", "of": "año nuevo", "outcome": "reset" }));

    enqueue_all(&stores, (0..4).map(|n| pass(n, "año nuevo", 600_000))).await;
    enqueue_all(&stores, (4..5).map(|n| pass(n, "sur", 600_000))).await;
    until("the gates to be full", async || count(&stores, State::Running).await == 3).await;
    until("the shares to be listed", async || {
        let listed = asked(&[]).await;
        let gate = listed["limits"].as_array().unwrap().iter().find(|limit| limit["word"] == "gate").unwrap().clone();
        gate["values"] == 2
            && gate["shares"][0] == serde_json::json!({ "of": "año nuevo", "held": 2, "waiting": 2 })
            && gate["shares"][1] == serde_json::json!({ "of": "sur", "held": 1, "waiting": 0 })
    })
    .await;
}

async fn is(stores: &Stores, id: JobId, state: State) -> bool {
    stores.operations().job(id).await.is_ok_and(|job| job.is_some_and(|job| job.summary.state == state))
}

async fn passed(stores: &Stores, gate: &str) -> bool {
    !order_of_passes(stores, gate).await.is_empty()
}
