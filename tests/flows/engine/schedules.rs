//! Schedules: each tick once or accounted for, whatever happens to the workers; and somebody is told when none fires.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use faena_tests::{
    http::http_client,
    judge::quiet,
    probe,
    process::{Process, run_to_end, start_probe, try_to_end},
    stores::Stores,
    wait::{eventually, until},
};
use queue::JobId;
use schedules::{Draft, OperationError, Operations};
use serde_json::Value;
use sqlx::PgExecutor;

fn operations(stores: &Stores) -> Operations {
    Operations::new(stores.db.clone(), Arc::new(probe::catalogue()))
}

fn draft(name: &str, expression: &str, catch_up: &str, job: &str, args: &str) -> Draft {
    let [name, expression, catch_up, job, args] = [name, expression, catch_up, job, args].map(str::to_owned);
    Draft { name, expression, time_zone: "America/Bogota".to_owned(), job, args, catch_up, jitter: String::new() }
}

async fn touching(stores: &Stores, name: &str, expression: &str, catch_up: &str) {
    let draft = draft(name, expression, catch_up, "touch", r#"{"n": 1, "sleep_ms": 0}"#);
    operations(stores).create(&draft, "a test").await.unwrap();
}

/// As if nobody had looked at any schedule since then.
async fn nobody_looked_since(stores: &Stores, ago: &str) -> DateTime<Utc> {
    sqlx::query_scalar(
        "update faena.schedules set settled_to = clock_timestamp() - $1::interval, next_at = clock_timestamp() - $1::interval
         where source = 'made' returning settled_to",
    )
    .bind(ago)
    .fetch_one(&stores.db)
    .await
    .unwrap()
}

#[derive(Debug, sqlx::FromRow)]
struct Noted {
    tick: DateTime<Utc>,
    last_tick: Option<DateTime<Utc>>,
    ticks: i64,
    reason: Option<String>,
    job_id: Option<JobId>,
}

async fn ledger<'c>(db: impl PgExecutor<'c>, name: &str) -> Vec<Noted> {
    sqlx::query_as("select tick, last_tick, ticks, reason, job_id from faena.schedule_ticks where schedule = $1 order by tick")
        .bind(name)
        .fetch_all(db)
        .await
        .unwrap()
}

async fn notice(stores: &Stores, key: &str) -> Option<String> {
    sqlx::query_scalar("select message from faena.notices where key = $1").bind(key).fetch_optional(&stores.db).await.unwrap()
}

#[tokio::test]
async fn four_workers_under_kills_fire_each_tick_once_or_say_why_not() {
    let stores = Stores::fresh().await;
    // Of each kind several, so that workers meet.
    for n in 0..4 {
        touching(&stores, &format!("all_{n}"), "* * * * *", "all:2h").await;
        touching(&stores, &format!("bounded_{n}"), "*/2 * * * *", "all:1h").await;
        touching(&stores, &format!("once_{n}"), "*/3 * * * *", "once").await;
        touching(&stores, &format!("skipped_{n}"), "*/7 * * * *", "skip").await;
        touching(&stores, &format!("paused_{n}"), "* * * * *", "all:2h").await;
        operations(&stores).pause(&format!("paused_{n}"), "a test").await.unwrap();
    }
    let since = nobody_looked_since(&stores, "110 minutes").await;

    let mut workers: Vec<Process> = Vec::new();
    for _ in 0..4 {
        workers.push(start_probe(&stores, &[]).await);
    }
    for kill in 0..6 {
        let fired = |stores: Stores| async move {
            let sql = "select count(*) from faena.schedule_ticks where reason is null";
            sqlx::query_scalar::<_, i64>(sql).fetch_one(&stores.db).await.unwrap()
        };
        let before = fired(stores.clone()).await;
        workers.swap_remove(kill % 3).kill_9().await;
        workers.push(start_probe(&stores, &[]).await);
        // The next is killed while there is something to do, as long as there is.
        until("more ticks to fire, or all", async || fired(stores.clone()).await > before.min(4 * 110 + 4 * 30 - 1)).await;
    }
    until("every tick to be decided", async || {
        let sql = "select not exists (select from faena.schedules where source = 'made' and next_at <= clock_timestamp())";
        sqlx::query_scalar(sql).fetch_one(&stores.db).await.unwrap()
    })
    .await;
    // All of one instant: workers go on, and lengthen what they have noted as missed.
    let mut instant = stores.db.begin_with("begin isolation level repeatable read read only").await.unwrap();
    let decided: BTreeMap<String, DateTime<Utc>> =
        sqlx::query_as::<_, (String, DateTime<Utc>)>("select name, settled_to from faena.schedules where source = 'made'")
            .fetch_all(&mut *instant)
            .await
            .unwrap()
            .into_iter()
            .collect();
    let mut jobs = BTreeMap::new();
    for (name, settled_to) in &decided {
        let step = match name.split('_').next() {
            Some("bounded") => 2,
            Some("once") => 3,
            Some("skipped") => 7,
            _ => 1,
        };
        let noted: Vec<Noted> = ledger(&mut *instant, name).await.into_iter().filter(|noted| noted.tick <= *settled_to).collect();
        let mut told = noted.iter().flat_map(|noted| minutes(noted.tick, noted.last_tick.unwrap_or(noted.tick), step));
        for expected in minutes(since + TimeDelta::minutes(1), *settled_to, step) {
            assert_eq!(told.next(), Some(expected), "{name}");
        }
        assert_eq!(told.next(), None, "{name}");
        for noted in &noted {
            assert_eq!(
                noted.ticks as usize,
                minutes(noted.tick, noted.last_tick.unwrap_or(noted.tick), step).count(),
                "{name}: {noted:?}"
            );
            if let Some(id) = noted.job_id {
                assert!(jobs.insert(id, name.clone()).is_none(), "{id} is the job of two ticks");
            }
        }
        let (missed, fired): (Vec<&Noted>, Vec<&Noted>) = noted.iter().partition(|noted| noted.reason.is_some());
        let reasons: Vec<&str> = missed.iter().filter_map(|noted| noted.reason.as_deref()).collect();
        match name.split('_').next() {
            Some("all") => assert!(reasons.is_empty() && fired.len() >= 109, "{name}: {} {missed:?}", fired.len()),
            Some("bounded") => assert!(reasons == ["policy_all"] && fired.len() >= 29, "{name}: {} {missed:?}", fired.len()),
            Some("once") => {
                assert!(reasons[0] == "policy_once" && missed[0].ticks > 30 && !fired.is_empty(), "{name}: {noted:?}");
            }
            Some("skipped") => assert!(reasons[0] == "policy_skip" && missed[0].ticks > 13, "{name}: {noted:?}"),
            _ => assert!(reasons == ["paused"] && fired.is_empty(), "{name}: {noted:?}"),
        }
    }
    instant.commit().await.unwrap();
    quiet(&stores).await;
    let effects: Vec<(JobId, i64)> =
        sqlx::query_as("select job_id, count(*) from probe.effects group by job_id").fetch_all(&stores.db).await.unwrap();
    let effects: BTreeMap<JobId, i64> = effects.into_iter().collect();
    for (id, name) in &jobs {
        assert_eq!(effects.get(id), Some(&1), "the job {id} of {name}");
    }
}

/// The whole minutes from one instant to another that are multiples of `step` within their hour.
fn minutes(from: DateTime<Utc>, to: DateTime<Utc>, step: u32) -> impl Iterator<Item = DateTime<Utc>> {
    let first = from.with_second(0).unwrap().with_nanosecond(0).unwrap();
    (0..).map(move |n| first + TimeDelta::minutes(n)).take_while(move |at| *at <= to).filter(move |at| at.minute() % step == 0)
}

#[tokio::test]
async fn a_schedule_that_nobody_fires_raises_an_alert_until_it_fires() {
    let stores = Stores::fresh().await;
    touching(&stores, "forgotten", "* * * * *", "once").await;
    // A worker whose binary does not know the job looks on, and cannot help.
    sqlx::query("update faena.schedules set job = 'unheard_of'").execute(&stores.db).await.unwrap();
    nobody_looked_since(&stores, "2 minutes").await;
    let worker = start_probe(&stores, &[]).await;

    let message = eventually("the alert", async || notice(&stores, "schedule_late:forgotten").await).await;
    assert!(message.contains(" / The schedule forgotten has not fired: its tick of 2"), "{message}");
    let view = operations(&stores).get("forgotten").await.unwrap();
    assert!(view.late_s.is_some_and(|late_s| late_s >= 119), "{view:?}");
    let metrics = http_client().get(format!("http://{}/metrics", worker.addr)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.lines().any(|line| line == "faena_schedules_late 1"), "{metrics}");
    assert!(ledger(&stores.db, "forgotten").await.is_empty());

    sqlx::query("update faena.schedules set job = 'touch'").execute(&stores.db).await.unwrap();
    until("the alert to end", async || notice(&stores, "schedule_late:forgotten").await.is_none()).await;
    let noted = ledger(&stores.db, "forgotten").await;
    assert!(noted.iter().any(|noted| noted.job_id.is_some()), "{noted:?}");
    until("nothing to be late", async || {
        let metrics = http_client().get(format!("http://{}/metrics", worker.addr)).send().await.unwrap().text().await.unwrap();
        metrics.lines().any(|line| line == "faena_schedules_late 0")
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_refused_is_a_missed_tick_and_an_alert_until_it_is_mended() {
    let stores = Stores::fresh().await;
    touching(&stores, "outdated", "* * * * *", "once").await;
    sqlx::query("update faena.schedules set args = '{}'").execute(&stores.db).await.unwrap();
    nobody_looked_since(&stores, "3 minutes").await;
    let _worker = start_probe(&stores, &[]).await;

    let message = eventually("the alert", async || notice(&stores, "schedule_refused:outdated").await).await;
    assert!(message.contains("cannot enqueue its job touch") && message.contains("missing field `n`"), "{message}");
    let noted = ledger(&stores.db, "outdated").await;
    assert_eq!(noted.last().and_then(|last| last.reason.as_deref()), Some("refused"), "{noted:?}");
    let refused = operations(&stores).run_now("outdated", "a test").await;
    assert!(matches!(refused, Err(OperationError::Refused(_))), "{refused:?}");

    let mended = draft("outdated", "* * * * *", "once", "touch", r#"{"n": 2, "sleep_ms": 0}"#);
    operations(&stores).edit("outdated", None, &mended, "a test").await.unwrap();
    until("the alert to end", async || notice(&stores, "schedule_refused:outdated").await.is_none()).await;
}

#[tokio::test]
async fn the_programs_own_schedules_stand_beside_the_others_and_are_changed_in_the_code() {
    let stores = Stores::fresh().await;
    // What an older program had, and one that it has no more.
    sqlx::query(
        "insert into faena.schedules (name, expression, time_zone, job, args, catch_up, settled_to, next_at)
         select name, '* * * * *', 'UTC', 'nap', '{}', 'once', clock_timestamp() - interval '3 minutes', clock_timestamp()
         from unnest(array['new_year', 'gone']) as name",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    let _worker = start_probe(&stores, &[]).await;
    let operations = operations(&stores);

    let view = eventually("the worker to write its own", async || {
        operations.get("new_year").await.ok().filter(|view| view.expression == "0 0 1 1 *")
    })
    .await;
    assert!(view.is_of_code() && view.version == 2, "{view:?}");
    assert_eq!(view.args["note"], "feliz año");
    let noted = ledger(&stores.db, "new_year").await;
    assert_eq!(noted.iter().map(|noted| noted.reason.as_deref()).collect::<Vec<_>>(), [Some("edited")], "{noted:?}");
    until("the other to be withdrawn", async || matches!(operations.get("gone").await, Err(OperationError::NoSuchSchedule(_))))
        .await;
    assert_eq!(ledger(&stores.db, "gone").await[0].reason.as_deref(), Some("deleted"));

    let other = draft("new_year", "* * * * *", "once", "nap", r#"{"sleep_ms": 0, "note": ""}"#);
    assert!(matches!(operations.edit("new_year", None, &other, "a test").await, Err(OperationError::OfCode(_))));
    assert!(matches!(operations.delete("new_year", "a test").await, Err(OperationError::OfCode(_))));
    assert!(matches!(operations.create(&other, "a test").await, Err(OperationError::Mistakes(_))));
    assert!(operations.pause("new_year", "a test").await.unwrap());
    assert!(!operations.pause("new_year", "somebody else").await.unwrap());
    let id = operations.run_now("new_year", "a test").await.unwrap().id;
    quiet(&stores).await;
    assert!(stores.operations().job(id).await.unwrap().is_some(), "what is paused can be run now");
    assert!(operations.resume("new_year").await.unwrap());
}

#[tokio::test]
async fn what_was_due_before_a_pause_is_not_said_to_be_missed_because_of_it() {
    let stores = Stores::fresh().await;
    touching(&stores, "stopped", "* * * * *", "all:2h").await;
    nobody_looked_since(&stores, "30 minutes").await;

    operations(&stores).pause("stopped", "a test").await.unwrap();
    operations(&stores).resume("stopped").await.unwrap();

    let noted = ledger(&stores.db, "stopped").await;
    assert_eq!(noted[0].reason.as_deref(), Some("unfired"), "{noted:?}");
    // A minute may have begun between the two.
    assert!(noted.iter().skip(1).all(|noted| noted.reason.as_deref() == Some("paused")), "{noted:?}");
}

#[tokio::test]
async fn jitter_delays_the_job_and_not_the_tick() {
    let stores = Stores::fresh().await;
    let jittery =
        Draft { jitter: "1h".to_owned(), ..draft("spread", "* * * * *", "all:2h", "touch", r#"{"n": 3, "sleep_ms": 0}"#) };
    operations(&stores).create(&jittery, "a test").await.unwrap();
    nobody_looked_since(&stores, "30 minutes").await;
    let _workers = [start_probe(&stores, &[]).await, start_probe(&stores, &[]).await];

    let shares: Vec<(DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)> = eventually("the ticks", async || {
        let sql = "select t.tick, t.run_at, coalesce(o.run_at, j.run_at) from faena.schedule_ticks t
                   left join faena.outbox o on o.id = t.job_id left join faena.jobs j on j.id = t.job_id where t.schedule = 'spread'";
        sqlx::query_as(sql).fetch_all(&stores.db).await.ok().filter(|shares: &Vec<_>| shares.len() >= 29)
    })
    .await;
    let mut delays: Vec<i64> = Vec::new();
    for (tick, run_at, promised) in shares {
        assert_eq!((tick.second(), run_at), (0, promised));
        delays.push((run_at - tick).num_milliseconds());
    }
    assert!(delays.iter().all(|delay| (0..=3_600_000).contains(delay)), "{delays:?}");
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > 25, "each tick has a share of its own: {delays:?}");
}

#[tokio::test]
async fn the_command_line_makes_changes_and_shows_schedules() {
    let stores = Stores::fresh().await;
    let asked = async |args: &[&str]| {
        let args: Vec<&str> = ["schedules"].iter().chain(args).copied().collect();
        let out = run_to_end("probe", &args, &stores.settings()).await;
        serde_json::from_str::<Value>(&out).unwrap_or(Value::String(out))
    };
    let refused = async |args: &[&str]| {
        let args: Vec<&str> = ["schedules"].iter().chain(args).copied().collect();
        let (ok, _, said) = try_to_end("probe", &args, &stores.settings()).await;
        assert!(!ok, "{args:?} was done");
        said
    };
    let args = r#"{"n": 7, "sleep_ms": 0}"#;
    let create = ["create", "mornings", "--expression", "0 9 * * 1-5", "--job", "touch", "--args", args, "--catch-up", "all:6h"];

    let made = asked(&[&create[..], &["--jitter", "5m", "--by", "ana", "--json"]].concat()).await;
    assert_eq!((&made["name"], &made["created_by"], &made["jitter_s"]), (&"mornings".into(), &"ana".into(), &300.into()));
    assert_eq!(refused(&create).await.trim(), "name: there is a schedule of that name already");
    let said = refused(&["create", "Bad", "--expression", "99 * * * *", "--job", "nothing", "--time-zone", "Mars/Base"]).await;
    assert_eq!(said.lines().count(), 4, "every mistake at once: {said}");

    let next = asked(&["next", "mornings", "--language", "es", "--count", "5", "--json"]).await;
    assert_eq!(next["ahead"]["in_words"], "A las 09:00, de lunes a viernes");
    assert_eq!(next["ahead"]["next"].as_array().map(Vec::len), Some(5));
    let next = asked(&["next", "--expression", "30 2 * * *", "--time-zone", "Europe/Berlin", "--json"]).await;
    assert_eq!((&next["ahead"]["in_words"], &next["schedule"]), (&"Every day at 02:30".into(), &Value::Null));

    // Seldom due: each tick that comes stands in the ledger too.
    let edited = asked(&["edit", "mornings", "--expression", "0 9 1 1 *", "--by", "eva", "--json"]).await;
    assert_eq!(
        (&edited["expression"], &edited["job"], &edited["edited_by"], &edited["version"]),
        (&"0 9 1 1 *".into(), &"touch".into(), &"eva".into(), &2.into())
    );
    assert_eq!(asked(&["pause", "mornings", "--by", "eva", "--json"]).await["outcome"], "paused");
    assert_eq!(asked(&["list", "--json"]).await["schedules"][0]["paused_by"], "eva");
    let listed = asked(&["list"]).await;
    assert!(listed.as_str().is_some_and(|text| text.contains("mornings") && text.contains("PAUSED by eva")), "{listed}");
    assert_eq!(asked(&["resume", "mornings", "--json"]).await["outcome"], "resumed");
    let ran = asked(&["run-now", "mornings", "--by", "eva", "--json"]).await;
    let ticks = asked(&["ticks", "mornings", "--json"]).await;
    assert_eq!((&ticks["ticks"][0]["job_id"], &ticks["ticks"][0]["asked_by"]), (&ran["job_id"], &"eva".into()));
    let shown = asked(&["ticks", "mornings"]).await;
    assert!(shown.as_str().is_some_and(|text| text.contains("run now by eva: job ")), "{shown}");
    assert_eq!(asked(&["delete", "mornings", "--by", "eva"]).await, "deleted\n");
    assert_eq!(refused(&["next", "mornings"]).await.trim(), "there is no schedule mornings");
    assert_eq!(asked(&["ticks", "mornings", "--json"]).await["ticks"].as_array().map(Vec::len), Some(1), "the ledger stays");
    asked(&[&create[..], &["--json"]].concat()).await;
}
