//! Ended jobs go when their time is over, with all that stands beside them.

use std::time::Duration;

use faena_tests::{
    gate::Gate,
    process::{NO_SMTP, start_worker},
    stores::Stores,
    wait::{eventually, until},
};
use jobs::{
    accounts::{user::UserId, welcome_learner::WelcomeLearner},
    housekeeping::{sweep_ledger::SweepLedger, sweep_remains::SweepRemains},
};
use queue::{Job, JobId, kit::Outcome};

use super::{counts, kit, number, rows_of, run_sql, swept};

const TABLES: [&str; 6] =
    ["faena.jobs", "faena.attempts", "faena.effects", "faena.commands", "faena.outbox", "faena.ended_counts"];

/// Ids that sort by time, as real ones do.
const PAST_ID: &str = "create function past_id(n integer) returns uuid language sql immutable as
    $$ select (lpad(to_hex(1700000000000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid $$";

async fn with_a_past() -> Stores {
    let stores = Stores::fresh().await;
    run_sql(&stores, PAST_ID).await;
    run_sql(&stores, include_str!("past.sql")).await;
    stores
}

/// What is to go, by the rule: 30 days for completed and cancelled jobs, 180 for dead ones.
const OLD: &str = "create view old as select id, state from faena.jobs
    where ended_at < now() - case state when 'dead' then interval '180 days' else interval '30 days' end";

#[tokio::test]
async fn what_is_older_than_its_state_is_kept_goes_with_all_that_stands_beside_it() {
    let stores = with_a_past().await;
    run_sql(&stores, OLD).await;
    let of_state = async |state: &str| -> i64 {
        sqlx::query_scalar("select count(*) from old where state = $1").bind(state).fetch_one(&stores.db).await.unwrap()
    };
    let expected = counts([
        ("completed", of_state("completed").await),
        ("cancelled", of_state("cancelled").await),
        ("dead", of_state("dead").await),
        ("attempts", number(&stores, "select 2 * count(*) from old").await),
        ("effects", number(&stores, "select count(*) from old where state <> 'cancelled'").await),
        ("commands", number(&stores, "select count(*) from faena.commands where job_id in (select id from old)").await),
        ("batches", 0),
        ("deletions", 0),
        ("sweeps", 0),
    ]);
    assert!(
        expected.iter().all(|(what, count)| ["batches", "deletions", "sweeps"].contains(&what.as_str()) || *count > 50),
        "{expected:?}"
    );
    run_sql(&stores, "create table kept as select id from faena.jobs where id not in (select id from old)").await;
    let (kit, dry, id) = (kit(&stores), JobId::new(), JobId::new());
    let before = rows_of(&stores, &TABLES).await;

    assert_eq!(kit.attempt(SweepLedger { dry_run: true }).id(dry).await, Outcome::Completed);

    assert_eq!(rows_of(&stores, &TABLES).await, before, "a dry run changes nothing");
    let told = swept(&stores, dry).await;
    assert!(told.dry_run && told.finished_at.is_some());
    assert_eq!(told.counts.0, expected);

    assert_eq!(kit.attempt(SweepLedger::default()).id(id).await, Outcome::Completed);

    let done = swept(&stores, id).await;
    assert_eq!((done.counts.0, done.looked_at), (expected, told.looked_at));
    let strays = "select count(*) from (
        select job_id as id from faena.attempts union all select job_id from faena.effects e
        where not exists (select from core.sweeps s where s.job_id = e.job_id) union all select id from faena.jobs) t where id not in (select id from kept)";
    assert_eq!(number(&stores, strays).await, 0, "of an old job something is left");
    assert_eq!(number(&stores, "select count(*) from kept where id not in (select id from faena.jobs)").await, 0);
    assert_eq!(
        number(&stores, "select count(*) from faena.attempts").await,
        2 * number(&stores, "select count(*) from kept").await
    );
    // What pages show as counts is still what is there.
    let differing = "select count(*) from faena.ended_counts c
        where total <> (select count(*) from faena.jobs j where (j.queue, j.state) = (c.queue, c.state))";
    assert_eq!(number(&stores, differing).await, 0);
    let after = rows_of(&stores, &TABLES).await;
    let again = JobId::new();
    assert_eq!(kit.attempt(SweepLedger::default()).id(again).await, Outcome::Completed, "run twice");
    assert_eq!(rows_of(&stores, &TABLES).await, after);
    assert!(swept(&stores, again).await.counts.values().all(|count| *count == 0));
}

#[tokio::test]
async fn a_batch_looks_at_a_thousand_rows() {
    let stores = with_a_past().await;
    let (kit, id) = (kit(&stores), JobId::new());

    kit.attempt(SweepLedger { dry_run: true }).id(id).await;

    let told = swept(&stores, id).await;
    let old = "select count(*) from faena.jobs where ended_at < now() - case state when 'dead' then interval '180 days' else interval '30 days' end";
    assert_eq!(told.looked_at, number(&stores, old).await);
    // 1,515 completed ones are two batches; cancelled, dead, batches of jobs, deletions and old results are one each.
    assert_eq!(told.batches, 7);
}

#[tokio::test]
async fn what_redis_or_the_outbox_knows_stays_however_old_its_ledger_row_is() {
    let stores = with_a_past().await;
    // Redis is asked in every lane that there is.
    let id = |n: i64| -> JobId { format!("{:012x}70008000{n:012x}", 1_700_000_000_000 + n).parse().unwrap() };
    let (live, promised, plain) = (id(3000), id(3004), id(3008));
    queue::push(&stores.store, WelcomeLearner { user_id: UserId(1), resend: 0 }.with_id(live)).await.unwrap();
    let promise = "insert into faena.outbox (id, queue, name, version, args, pushed_at) values ($1, 'default', 'send_receipt', 1, '{}', now())";
    sqlx::query(promise).bind(promised).execute(&stores.db).await.unwrap();

    assert_eq!(kit(&stores).attempt(SweepLedger::default()).await, Outcome::Completed);

    for (id, left) in [(live, 1), (promised, 1), (plain, 0)] {
        for table in ["faena.jobs where id", "faena.effects where job_id"] {
            let sql = format!("select count(*) from {table} = $1");
            let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(id).fetch_one(&stores.db).await.unwrap();
            assert_eq!(found, left, "{id} in {table}");
        }
    }
}

#[tokio::test]
async fn while_redis_is_away_nothing_goes() {
    let stores = with_a_past().await;
    let before = rows_of(&stores, &TABLES).await;
    let mut away = stores.clone();
    away.store = queue::Store::new("redis://127.0.0.1:1", "nowhere").unwrap();

    let outcome = kit(&away).attempt(SweepLedger::default()).await;

    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    assert_eq!(rows_of(&stores, &TABLES).await, before);
}

#[tokio::test]
async fn a_worker_that_stops_leaves_off_between_two_batches_and_the_next_goes_on_from_there() {
    let stores = Stores::fresh().await;
    many_old_jobs(&stores, 30_000).await;
    let (kit, id) = (kit(&stores), JobId::new());

    let mut spell = Duration::ZERO;
    let half = loop {
        // Where everything is slow, a stop comes before the first batch.
        spell += Duration::from_millis(400);
        let stopped = kit.attempt(SweepLedger::default()).id(id).stopped_after(spell).await;
        assert_eq!(stopped, Outcome::Released);
        let half = swept(&stores, id).await;
        if half.counts.contains_key("completed") {
            break half;
        }
    };

    assert!(half.finished_at.is_none() && half.counts["completed"] < 30_000, "{half:?}");
    assert_eq!(
        half.counts["completed"] + number(&stores, "select count(*) from faena.jobs").await,
        30_000,
        "each batch is counted"
    );
    assert_eq!(kit.attempt(SweepLedger::default()).id(id).await, Outcome::Completed);
    let done = swept(&stores, id).await;
    assert_eq!((done.counts["completed"], done.looked_at), (30_000, 30_000));
}

async fn many_old_jobs(stores: &Stores, how_many: i32) {
    sqlx::query(
        "insert into faena.jobs (id, queue, name, version, args, durability, state, attempts, enqueued_at, ended_at)
         select gen_random_uuid(), 'low', 'touch', 1, '{}', 'outbox', 'completed', 1, now() - interval '41 days', now() - interval '40 days' + interval '1 ms' * n
         from generate_series(1, $1) n",
    )
    .bind(how_many)
    .execute(&stores.db)
    .await
    .unwrap();
    run_sql(
        stores,
        "insert into faena.attempts (job_id, epoch, fence, attempt, worker, ended_at, outcome) select id, 1, 1, 1, 'w', ended_at, 'completed' from faena.jobs;
         insert into faena.effects (job_id, epoch, fence, done_at) select id, 1, 1, ended_at from faena.jobs",
    )
    .await;
}

#[tokio::test]
async fn a_worker_killed_in_the_middle_counts_nothing_twice_and_its_heir_goes_on() {
    const JOBS: i32 = 60_000;
    let stores = Stores::fresh().await;
    many_old_jobs(&stores, JOBS).await;
    // The sweep is not faster than the kill.
    let gate = Gate::shut(&stores, "update on core.sweeps", "(new.counts ->> 'completed')::bigint > 30000").await;
    let worker = start_worker(&stores, NO_SMTP, &[("SUPERVISE", "false")]).await;
    let mut tx = stores.db.begin().await.unwrap();
    let id = queue::enqueue(&mut tx, SweepLedger::default()).await.unwrap().id;
    tx.commit().await.unwrap();
    let counted = async || -> i64 {
        let sql = "select coalesce((counts ->> 'completed')::bigint, 0) from core.sweeps where job_id = $1";
        sqlx::query_scalar(sql).bind(id).fetch_optional(&stores.db).await.unwrap().unwrap_or(0)
    };
    until("some batches", async || counted().await >= 5000).await;

    worker.kill_9().await;
    gate.open().await;
    let _heir = start_worker(&stores, NO_SMTP, &[]).await;

    let done =
        eventually("the sweep to end", async || Some(swept(&stores, id).await).filter(|swept| swept.finished_at.is_some())).await;
    assert_eq!(
        (done.counts["completed"], done.counts["attempts"], done.counts["effects"]),
        (JOBS.into(), JOBS.into(), JOBS.into())
    );
    assert_eq!(number(&stores, "select count(*) from faena.jobs where name = 'touch'").await, 0);
    let deliveries: i64 =
        sqlx::query_scalar("select count(*) from faena.attempts where job_id = $1").bind(id).fetch_one(&stores.db).await.unwrap();
    assert!(deliveries >= 1, "the heir took it over");
}

#[tokio::test]
async fn what_jobs_that_nobody_knows_have_left_goes_when_all_of_it_is_old() {
    let stores = with_a_past().await;
    // Nobody knows the jobs of every ninth any more; of those, each third still has something young.
    run_sql(
        &stores,
        "create table lost as select id from (select id, row_number() over (order by ended_at) as n from faena.jobs where ended_at < now() - interval '200 days') t where n % 9 = 0;
         create table young as select id from (select id, row_number() over () as n from lost) t where n % 3 = 0;
         delete from faena.jobs where id in (select id from lost);
         update faena.attempts set ended_at = now() where job_id in (select id from young) and fence = 2;
         -- A checkpoint of a job that is in Redis alone, and one that nobody knows: how old it is, its id tells.
         insert into faena.effects (job_id, epoch, fence, checkpoint) values ('01890a5d-ac96-774b-bcce-b302099a8057', 1, 1, '{}'),
            (past_id(4000), 1, 1, '{}'), ('9f0cd8a8-7a4c-4d5a-9d59-3e6b1f0c2d11', 1, 1, '{}')",
    )
    .await;
    let live: JobId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    queue::push(&stores.store, WelcomeLearner { user_id: UserId(1), resend: 0 }.with_id(live)).await.unwrap();
    let (expected_attempts, expected_effects) = (
        number(&stores, "select 2 * count(*) from lost where id not in (select id from young)").await,
        number(
            &stores,
            "select count(*) from faena.effects where job_id in (select id from lost where id not in (select id from young))",
        )
        .await,
    );
    assert!(expected_attempts > 20 && expected_effects > 10);
    let (kit, dry, id) = (kit(&stores), JobId::new(), JobId::new());
    let before = rows_of(&stores, &TABLES).await;

    assert_eq!(kit.attempt(SweepRemains { dry_run: true }).id(dry).await, Outcome::Completed);
    assert_eq!(rows_of(&stores, &TABLES).await, before, "a dry run changes nothing");
    assert_eq!(kit.attempt(SweepRemains::default()).id(id).await, Outcome::Completed);

    // And the checkpoint that nobody knows.
    let expected = counts([("attempts", expected_attempts), ("effects", expected_effects + 1), ("commands", 0)]);
    assert_eq!((&swept(&stores, dry).await.counts.0, &swept(&stores, id).await.counts.0), (&expected, &expected));
    let left: Vec<String> = sqlx::query_scalar("select job_id::text from faena.effects where checkpoint is not null order by 1")
        .fetch_all(&stores.db)
        .await
        .unwrap();
    assert_eq!(left, ["01890a5d-ac96-774b-bcce-b302099a8057", "9f0cd8a8-7a4c-4d5a-9d59-3e6b1f0c2d11"]);
    let known = "select count(*) from faena.jobs j where (select count(*) from faena.attempts a where a.job_id = j.id) <> 2";
    assert_eq!(number(&stores, known).await, 0, "what the ledger knows keeps everything");
}
