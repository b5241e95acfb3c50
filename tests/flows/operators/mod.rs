//! What operators are told of though they are not looking: once, until it clears.

use faena_tests::{
    judge::quiet,
    process::{NO_SMTP, Process, start_worker},
    sandbox::Sandbox,
    slack::Slack,
    stores::Stores,
    wait::until,
};
use jobs::{housekeeping::sweep_tokens::SweepTokens, operators::watch_platform::WatchPlatform, ports::fakes::Fakes};
use queue::{
    kit::{Kit, Outcome},
    operations::State,
};
use redis::AsyncCommands as _;

const DEAD_JOBS: &str = "insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, ended_at)
     select gen_random_uuid(), 'default', 'send_receipt', 1, '{}', 'outbox', 'dead', 'no such sale', 3, now(), now() from generate_series(1, 12)";

/// Everything that stands has stood for longer.
const TIME_PASSES: &str = "update faena.notices set since = since - interval '2 minutes'";

async fn start(stores: &Stores, smtp_url: &str, slack: &Slack, extra: &[(&str, &str)]) -> Process {
    let settings = slack.settings("T0/B0/x").map(|(name, value)| (name, value.replace("ops=", "operators=")));
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).chain(extra.iter().copied()).collect();
    start_worker(stores, smtp_url, &settings).await
}

async fn run_sql(stores: &Stores, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&stores.db).await.unwrap();
}

async fn standing(stores: &Stores) -> Vec<String> {
    sqlx::query_scalar("select key from faena.notices order by key").fetch_all(&stores.db).await.unwrap()
}

/// Somebody looks, and whoever is to be told is told.
async fn look_and_tell(stores: &Stores) {
    look(stores).await;
    quiet(stores).await;
}

async fn look(stores: &Stores) {
    let mut connection = stores.db.acquire().await.unwrap();
    let id = queue::enqueue(&mut connection, WatchPlatform {}).await.unwrap().id;
    until("the look to be over", async || {
        let job = stores.operations().job(id).await.unwrap();
        job.is_some_and(|job| matches!(job.summary.state, State::Completed | State::Cancelled))
    })
    .await;
}

#[tokio::test]
async fn a_pile_of_dead_jobs_is_told_once_by_letter_and_in_the_chat_until_it_clears() {
    let (stores, sandbox, slack) = (Stores::fresh().await, Sandbox::start().await.unwrap(), Slack::start().await);
    run_sql(
        &stores,
        "insert into core.users (email, full_name, role, locale, password_hash, email_verified_at, disabled_at) values
            ('lucia@faena.example', 'Lucía', 'operator', 'es', '', now(), null), ('ann@faena.example', 'Ann', 'admin', 'en', '', now(), null),
            ('gone@faena.example', 'Gone', 'operator', 'es', '', now(), now()), ('forged@faena.example', 'Forged', 'operator', 'es', '', null, null),
            ('learner@faena.example', 'Learner', 'learner', 'es', '', now(), null)",
    )
    .await;
    run_sql(&stores, DEAD_JOBS).await;
    let _worker = start(&stores, &sandbox.smtp_url(), &slack, &[]).await;

    look_and_tell(&stores).await;
    assert_eq!(standing(&stores).await, ["dead_jobs"]);
    assert_eq!(sandbox.mails_now(None).await.unwrap().len(), 0, "what may pass wakes nobody");

    run_sql(&stores, TIME_PASSES).await;
    for _ in 0..3 {
        look_and_tell(&stores).await;
    }
    let (es, en) = (sandbox.mail_to("lucia@faena.example").await.unwrap(), sandbox.mail_to("ann@faena.example").await.unwrap());
    assert!(es.subject.contains("murieron 12 trabajos"), "{}", es.subject);
    assert!(en.subject.contains("12 jobs died"), "{}", en.subject);
    let text = es.text.unwrap();
    assert!(text.contains("12 send_receipt") && !text.contains("jobs died"), "{text}");
    assert!(en.link_with("/ops").is_some());
    assert_eq!(sandbox.mails_now(None).await.unwrap().len(), 2, "nobody else, and each once");
    until("the channel to hear of it", async || slack.heard().len() == 1).await;
    assert!(slack.heard()[0].text.contains("12 send_receipt"), "{:?}", slack.heard());

    // A look that died itself is made up for by the next.
    run_sql(
        &stores,
        "delete from faena.jobs where state = 'dead';
         insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, ended_at)
         values (gen_random_uuid(), 'critical', 'watch_platform', 1, '{}', 'outbox', 'dead', 'Redis was away', 9, now(), now())",
    )
    .await;
    look_and_tell(&stores).await;
    assert!(standing(&stores).await.is_empty());
    until("the channel to hear of its end", async || slack.heard().len() == 2).await;

    run_sql(&stores, DEAD_JOBS).await;
    look_and_tell(&stores).await;
    run_sql(&stores, TIME_PASSES).await;
    look_and_tell(&stores).await;
    assert_eq!(sandbox.mails_now(None).await.unwrap().len(), 2, "what comes and goes is not told at once again");
    run_sql(&stores, "delete from faena.jobs where state = 'dead'").await;
    look_and_tell(&stores).await;
    run_sql(&stores, "update core.told_notices set told_at = told_at - interval '31 minutes'").await;
    run_sql(&stores, DEAD_JOBS).await;
    look_and_tell(&stores).await;
    run_sql(&stores, TIME_PASSES).await;
    look_and_tell(&stores).await;
    assert_eq!(sandbox.mails_now(None).await.unwrap().len(), 4, "half an hour later it is");

    let said = slack.heard().len();
    run_sql(
        &stores,
        "insert into faena.notices (key, message, since) values ('smtp', 'No sale el correo. / Mail does not leave.', now() - interval '2 minutes')",
    )
    .await;
    look_and_tell(&stores).await;
    until("the channel to hear that no letter leaves", async || slack.heard().len() > said).await;
    assert_eq!(sandbox.mails_now(None).await.unwrap().len(), 4, "a letter about letters that do not leave would come too late");
}

#[tokio::test]
async fn a_job_that_waits_for_too_long_and_attempts_that_fail_more_than_yesterday_are_told_and_taken_back() {
    let (stores, slack) = (Stores::fresh().await, Slack::start().await);
    let _worker = start(&stores, NO_SMTP, &slack, &[("ONLY", "critical,default")]).await;
    let id = queue::push(&stores.store, SweepTokens { dry_run: true }).await.unwrap().id.to_string();
    let mut redis = redis::Client::open(&*stores.redis_url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let key = |lane: &str, name: &str| format!("{}:{{{lane}}}:{name}", stores.namespace);
    let envelope: String = redis.hget(key("low", "job"), &id).await.unwrap();
    // It was enqueued two hours ago.
    let (words, envelope) = envelope.split_once('\n').unwrap();
    let mut envelope: serde_json::Value = serde_json::from_str(envelope).unwrap();
    envelope["enqueued_at"] = (envelope["enqueued_at"].as_i64().unwrap() - 7_200_000).into();
    let old = format!("{words}\n{envelope}");
    let _: () = redis.hset(key("low", "job"), &id, old).await.unwrap();
    run_sql(
        &stores,
        "insert into core.attempt_samples (lane, at, succeeded, failed) values
            ('default', now() - interval '20 hours', 0, 0), ('default', now() - interval '20 minutes', 1000, 1),
            ('low', now() - interval '20 hours', 0, 0), ('low', now() - interval '20 minutes', 5000, 0)",
    )
    .await;
    let _: () = redis.hset_multiple(key("default", "stats"), &[("completed", 1100), ("retried", 41)]).await.unwrap();
    // A lane that was wiped: what it counts now says nothing beside what it counted then.
    let _: () = redis.hset_multiple(key("low", "stats"), &[("completed", 10), ("retried", 90)]).await.unwrap();

    look(&stores).await;

    assert_eq!(standing(&stores).await, ["failures:default", "waiting:low"]);
    let message: String = sqlx::query_scalar("select message from faena.notices where key = 'failures:default'")
        .fetch_one(&stores.db)
        .await
        .unwrap();
    assert!(message.contains("40 en el último cuarto de hora, el 29 %, y antes el 0.1 %"), "{message}");

    let _other = start(&stores, NO_SMTP, &slack, &[("ONLY", "low")]).await;
    let _: () = redis.hset(key("default", "stats"), "completed", 9_000).await.unwrap();
    until("the job to be done", async || {
        stores.operations().job(id.parse().unwrap()).await.unwrap().is_some_and(|job| job.summary.state == State::Completed)
    })
    .await;
    look(&stores).await;

    assert!(standing(&stores).await.is_empty());
}

/// Nobody writes the ledger, and what is to be written is more than Redis should hold.
#[tokio::test]
async fn a_recorder_that_is_too_far_behind_to_record_every_success_is_told_and_taken_back() {
    let stores = Stores::fresh().await;
    let fakes = Fakes { live: Some(stores.store.clone()), ..Fakes::default() };
    let kit = Kit::new(jobs::catalogue(), fakes.ports()).with_database(stores.db.clone());
    let mut redis = redis::Client::open(&*stores.redis_url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let stats = format!("{}:{{low}}:stats", stores.namespace);
    let _: () = redis.hset(&stats, "event_bytes", 300 << 20).await.unwrap();

    assert_eq!(kit.attempt(WatchPlatform {}).await, Outcome::Completed);
    assert_eq!(standing(&stores).await, ["recorder"]);
    let notices = stores.operations().overview().await.unwrap().notices;
    assert_eq!(notices.len(), 1, "said once, as it is now: {notices:?}");
    assert!(notices[0].message.contains("300 MiB"), "{}", notices[0].message);

    let _: () = redis.hset(&stats, "event_bytes", 0).await.unwrap();
    assert!(stores.operations().overview().await.unwrap().notices.is_empty());
    assert_eq!(kit.attempt(WatchPlatform {}).await, Outcome::Completed);
    assert!(standing(&stores).await.is_empty());
}

#[tokio::test]
async fn months_that_run_out_and_schedules_whose_jobs_die_in_a_row_are_told_and_taken_back() {
    let (stores, sandbox, slack) = (Stores::fresh().await, Sandbox::start().await.unwrap(), Slack::start().await);
    run_sql(
        &stores,
        "insert into core.users (email, full_name, role, locale, password_hash, email_verified_at)
         values ('lucia@faena.example', 'Lucía', 'operator', 'es', '', now())",
    )
    .await;
    // Nobody has made a month for long: the present one is the last.
    run_sql(
        &stores,
        "do $$ declare part regclass; begin
            for part in select inhrelid::regclass from pg_inherits i join pg_class c on c.oid = i.inhrelid
                where i.inhparent = 'desk.tickets'::regclass and c.relname > to_char(now() at time zone 'UTC', '\"tickets_\"YYYY_MM') loop
                execute format('alter table desk.tickets detach partition %s', part);
                execute format('drop table %s', part);
            end loop;
        end $$",
    )
    .await;
    // How the last jobs of schedules ended, the latest last: + completed, - dead, 0 cancelled, d a duplicate, ? still to run, . forgotten by the ledger.
    run_sql(
        &stores,
        "insert into faena.schedules (name) select name from unnest(array['twice', 'thrice', 'better', 'once', 'long_ago', 'between', 'deleted']) name;
         update faena.schedules set deleted_at = now(), deleted_by = 'a test' where name = 'deleted';
         create temp table tick as
         select s.name, n, substr(s.went, n, 1) as went, gen_random_uuid() as id
         from (values ('twice', '+-0-d?'), ('thrice', '---'), ('better', '--+'), ('once', '+-'), ('long_ago', '-.-'), ('between', '-+-'), ('deleted', '---'))
             s (name, went), generate_series(1, length(s.went)) n;
         insert into faena.schedule_ticks (schedule, tick, fired_at, job_id, duplicate_of)
         select name, now() - interval '1 day' + n * interval '1 minute', now(), id, case went when 'd' then gen_random_uuid() end from tick;
         insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, ended_at)
         select id, 'low', 'sweep_tokens', 1, '{}', 'outbox', case went when '+' then 'completed' when '-' then 'dead' else 'cancelled' end,
             case when went <> '+' then 'for a reason' end, 1, now() - interval '2 days', now() - interval '2 days'
         from tick where went in ('+', '-', '0', 'd');
         insert into faena.outbox (id, queue, name, version, args, run_at) select id, 'low', 'sweep_tokens', 1, '{}', now() + interval '1 day' from tick where went = '?'",
    )
    .await;
    let fakes = Fakes { live: Some(stores.store.clone()), ..Fakes::default() };
    let kit = Kit::new(jobs::catalogue(), fakes.ports()).with_database(stores.db.clone());
    assert_eq!(kit.attempt(WatchPlatform {}).await, Outcome::Completed);
    assert_eq!(standing(&stores).await, ["dying:thrice", "dying:twice", "months"], "whatever the last one comes to");
    run_sql(
        &stores,
        "with gone as (delete from faena.outbox where name = 'sweep_tokens' returning id) delete from faena.schedule_ticks using gone where job_id = gone.id",
    )
    .await;
    let _worker = start(&stores, &sandbox.smtp_url(), &slack, &[("ONLY", "critical,default")]).await;

    look_and_tell(&stores).await;
    assert_eq!(standing(&stores).await, ["dying:thrice", "dying:twice", "months"]);
    run_sql(&stores, TIME_PASSES).await;
    for _ in 0..2 {
        look_and_tell(&stores).await;
    }

    let letters = sandbox.mails_now(None).await.unwrap();
    let mut subjects: Vec<&str> = letters.iter().map(|letter| letter.subject.as_str()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects.len(), 3, "each once: {subjects:?}");
    assert!(subjects.iter().any(|subject| subject.contains("El horario thrice se dispara en vano")), "{subjects:?}");
    assert!(subjects.iter().any(|subject| subject.contains("Las particiones de solicitudes llegan solo hasta")), "{subjects:?}");
    until("the channel to hear of them", async || {
        slack.heard().iter().any(|heard| heard.shown.contains("sus 3 últimos trabajos"))
    })
    .await;

    // Somebody makes months, and the jobs of a schedule are run again and do what they are for.
    run_sql(
        &stores,
        "select desk.make_partitions(3);
         delete from faena.jobs j using faena.schedule_ticks t where t.job_id = j.id and t.schedule = 'thrice';
         insert into faena.jobs (id, queue, name, version, args, durability, state, attempts, enqueued_at, ended_at)
         select job_id, 'low', 'sweep_tokens', 1, '{}', 'outbox', 'completed', 2, now(), now() from faena.schedule_ticks where schedule = 'thrice'",
    )
    .await;
    look_and_tell(&stores).await;
    assert_eq!(standing(&stores).await, ["dying:twice"]);
}

/// Somebody looks, and what is to be told is promised.
async fn looks(stores: &Stores) {
    let fakes = Fakes { live: Some(stores.store.clone()), ..Fakes::default() };
    let kit = Kit::new(jobs::catalogue(), fakes.ports()).with_database(stores.db.clone());
    assert_eq!(kit.attempt(WatchPlatform {}).await, Outcome::Completed);
}

/// What operators were told by letter, in Spanish, in the order in which they were.
async fn told(stores: &Stores) -> Vec<String> {
    sqlx::query_scalar("select subject_es from core.operator_notices order by id").fetch_all(&stores.db).await.unwrap()
}

#[tokio::test]
async fn a_notice_that_comes_back_soon_and_stays_is_told_when_half_an_hour_is_over() {
    let stores = Stores::fresh().await;
    let appears = "insert into faena.notices (key, message, since) values ('disk', 'No hay sitio. / There is no room.', now() - interval '2 minutes')";
    let clears = "delete from faena.notices";
    run_sql(&stores, appears).await;
    looks(&stores).await;
    assert_eq!(told(&stores).await, ["No hay sitio"]);
    run_sql(&stores, clears).await;
    looks(&stores).await;

    run_sql(&stores, appears).await;
    for _ in 0..3 {
        looks(&stores).await;
    }
    assert_eq!(told(&stores).await.len(), 1, "what comes and goes is not told at once again");
    run_sql(&stores, "update core.told_notices set told_at = told_at - interval '31 minutes'").await;
    for _ in 0..3 {
        looks(&stores).await;
    }

    assert_eq!(told(&stores).await.len(), 2, "it has stayed, and is told once");
    run_sql(&stores, clears).await;
    looks(&stores).await;
    let over: i64 = sqlx::query_scalar("select count(*) from core.told_notices where over_at is not null")
        .fetch_one(&stores.db)
        .await
        .unwrap();
    assert_eq!(over, 1, "and its end is noted");
}

#[tokio::test]
async fn ticks_that_nobody_fired_in_time_are_told_and_the_notice_ends_by_itself() {
    let stores = Stores::fresh().await;
    // What became of each schedule's ticks, and how many minutes ago that was noted.
    run_sql(
        &stores,
        "insert into faena.schedules (name) values ('let_go'), ('skipped'), ('too_old'), ('refused_once'), ('refused_still'), ('halted'), ('rewritten'),
             ('long_known'), ('fired'), ('deleted');
         insert into faena.schedules (name, expression, time_zone, job, args, catch_up, settled_to)
         values ('watch_platform', '* * * * *', 'UTC', 'watch_platform', '{}', 'skip', now());
         update faena.schedules set deleted_at = now(), deleted_by = 'a test' where name = 'deleted';
         insert into faena.schedule_ticks (schedule, tick, last_tick, ticks, reason, fired_at, noted_at)
         values ('let_go', '2026-03-02 01:00+00', '2026-03-02 08:00+00', 8, 'policy_once', null, now()),
             ('skipped', now(), null, 1, 'policy_skip', null, now() - interval '9 minutes'), ('too_old', now(), null, 1, 'policy_all', null, now()),
             ('refused_once', now(), null, 1, 'refused', null, now()), ('refused_still', now(), null, 1, 'refused', null, now()),
             ('halted', now(), null, 1, 'paused', null, now()), ('rewritten', now(), null, 1, 'edited', null, now()),
             ('long_known', now(), null, 1, 'policy_skip', null, now() - interval '11 minutes'), ('deleted', now(), null, 1, 'policy_skip', null, now()),
             ('watch_platform', now(), null, 1, 'policy_skip', null, now());
         insert into faena.schedule_ticks (schedule, tick, job_id) values ('fired', now(), gen_random_uuid());
         insert into faena.notices (key, message) values ('schedule_refused:refused_still', 'No puede. / It cannot.')",
    )
    .await;

    looks(&stores).await;

    let missed = ["missed:let_go", "missed:refused_once", "missed:skipped", "missed:too_old", "schedule_refused:refused_still"];
    assert_eq!(standing(&stores).await, missed);
    assert!(told(&stores).await.is_empty(), "what may pass wakes nobody");
    let message: String =
        sqlx::query_scalar("select message from faena.notices where key = 'missed:let_go'").fetch_one(&stores.db).await.unwrap();
    assert!(message.contains(": 8, del 2026-03-02 01:00 al 2026-03-02 08:00 UTC"), "{message}");
    run_sql(&stores, TIME_PASSES).await;
    for _ in 0..2 {
        looks(&stores).await;
    }
    let subjects = told(&stores).await;
    assert_eq!(subjects.len(), 5, "each once: {subjects:?}");
    assert!(subjects.iter().any(|subject| subject == "Ticks del horario let_go que no se dispararon"), "{subjects:?}");

    run_sql(&stores, "update faena.schedule_ticks set noted_at = noted_at - interval '10 minutes'").await;
    looks(&stores).await;
    assert_eq!(standing(&stores).await, ["schedule_refused:refused_still"]);
}
