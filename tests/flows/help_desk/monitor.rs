//! What is told about deadlines: each level once, whatever runs twice, dies or is away; after an outage only the worst, with how late it is.

use std::{collections::BTreeSet, ops::Range};

use chrono::{DateTime, TimeDelta, Utc};
use faena_tests::{
    judge::quiet,
    process::{NO_SMTP, start_worker},
    stores::Stores,
    wait::until,
};
use jobs::{
    catalogue,
    help_desk::{advance::advance, change, comment::Audience, monitor_sla::MonitorSla, words::Priority},
    ports::fakes::Fakes,
};
use queue::{
    JobId,
    kit::{Kit, Outcome},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sqlx::PgPool;
use tokio::time::Instant;

use super::{Desk, at, policy};

/// A desk at work day and night, with so many running clocks of as many tickets, none of them due: `settle` says when each is.
async fn crowded(count: i32) -> Stores {
    let stores = Stores::fresh().await;
    catalogue().publication().write(&mut stores.db.acquire().await.unwrap(), "test").await.unwrap();
    // Nobody looks for them by their words.
    sqlx::raw_sql("alter table desk.tickets disable trigger write_own_words").execute(&stores.db).await.unwrap();
    sqlx::query(
        "with people as (
             insert into core.users (email, full_name, role, password_hash)
             select 'p' || n || '@mesa.example', 'Persona ' || n, case when n <= 2 then 'manager' else 'agent' end, '-' from generate_series(1, 20) n
             returning id, role
         ), calendar as (
             insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true) returning id
         ), clients as (
             insert into desk.clients (name, calendar_id) select 'Cliente ' || n, calendar.id from generate_series(1, 200) n, calendar returning id
         ), agents as (
             select array_agg(id) as ids from people where role = 'agent'
         ), companies as (
             select array_agg(id) as ids from clients
         )
         insert into desk.tickets (created_at, client_id, title, description, created_by, assigned_to, status, updated_at, search)
         select date_trunc('second', now()), companies.ids[1 + n % 200], 'Ticket ' || n, '-', agents.ids[1],
                case when n % 10 > 0 then agents.ids[1 + n % 18] end, 'open', now(), ''
         from generate_series(1, $1) n, agents, companies",
    )
    .bind(count)
    .execute(&stores.db)
    .await
    .unwrap();
    sqlx::raw_sql(
        "insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, escalate_s,
             started_at, counted_to, warn_at, due_at, escalate_at, next_at)
         select t.id, t.created_at, 'resolution', 1, c.id, 1, 86400, 1800, '{3600, 7200}', t.created_at, t.created_at,
                t.created_at + interval '23 h 30 min', t.created_at + interval '1 day',
                array[t.created_at + interval '25 h', t.created_at + interval '26 h'], t.created_at + interval '23 h 30 min'
         from desk.tickets t, desk.calendars c;
         analyze",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    stores
}

/// Moves the deadlines of some clocks; with less than half an hour to come they are due for a warning.
async fn settle(db: &PgPool, some: Range<i64>, due_in: &str) {
    sqlx::query(
        "update desk.sla_clocks set due_at = due_at - left_over, warn_at = warn_at - left_over, next_at = next_at - left_over,
             escalate_at = array[escalate_at[1] - left_over, escalate_at[2] - left_over]
         from (select id as chosen, due_at - now() - $2::interval as left_over from desk.sla_clocks order by id offset $1 limit $3) c
         where id = chosen",
    )
    .bind(some.start)
    .bind(due_in)
    .bind(some.end - some.start)
    .execute(db)
    .await
    .unwrap();
}

/// Alerts; alerts that stand in letters; and how often an alert and a person meet in letters more than once.
async fn judged(db: &PgPool) -> (i64, i64, i64) {
    sqlx::query_as(
        "with letters as (
             select args from faena.outbox where name = 'notify_sla_alert' union all select args from faena.jobs where name = 'notify_sla_alert'
         ), told as (
             select args ->> 'user_id' as person, alert from letters, jsonb_array_elements_text(args -> 'alert_ids') alert
         )
         select (select count(*) from desk.alerts), (select count(distinct alert) from told),
                (select count(*) from told) - (select count(*) from (select distinct * from told) once)",
    )
    .fetch_one(db)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_deadline_is_warned_about_breached_and_escalated_each_once() {
    let desk = Desk::open().await;
    let _ticket = desk.opened("11-24 09:00").await;
    for (when, told) in [
        ("11-24 09:30", None),
        ("11-24 09:35", Some(("first_response", 1, 0))),
        ("11-24 09:40", None),
        ("11-24 10:00", None),
        ("11-24 10:05", Some(("first_response", 2, 1))),
        ("11-24 10:10", None),
        ("11-24 11:05", Some(("first_response", 3, 2))),
        ("11-24 11:10", None),
        ("11-24 16:35", Some(("resolution", 1, 0))),
        ("11-24 17:00", None),
        ("11-24 17:05", Some(("resolution", 2, 1))),
        ("11-24 18:00", None),
        ("11-24 18:05", Some(("resolution", 3, 2))),
        ("12-24 10:05", None),
    ] {
        let before = desk.told().await.len();
        assert_eq!(desk.monitored(when).await.alerts, i64::from(told.is_some()), "{when}");
        let told = told.map(|(promise, level, after)| (promise.to_owned(), level, after));
        assert_eq!(desk.told().await.get(before), told.as_ref(), "{when}");
    }
}

#[tokio::test]
async fn another_deadline_is_warned_about_for_itself_and_each_once() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.says("11-24 09:10", &desk.agent, ticket, Audience::Everybody).await;
    assert_eq!(desk.monitored("11-24 16:31").await.alerts, 1, "due at 17:00");
    let goes_on = async |when: &str| {
        let mut tx = desk.begin().await;
        change::go_on(&mut tx, at(when), &desk.agent, desk.seen(ticket).await).await.unwrap();
        tx.commit().await.unwrap();
    };
    desk.waits("11-24 16:40", ticket).await;
    goes_on("11-25 09:00").await;
    assert_eq!(desk.clock(ticket, "resolution").await.1.as_deref(), Some("11-25 09:20"));

    assert_eq!(desk.monitored("11-25 09:01").await.alerts, 1, "it is near already");
    assert_eq!(desk.monitored("11-25 09:06").await.alerts, 0);
    desk.waits("11-25 09:08", ticket).await;
    goes_on("11-25 09:08").await;
    assert_eq!(desk.monitored("11-25 09:10").await.alerts, 0, "the same deadline as before");
    let mut tx = desk.begin().await;
    policy(Priority::Normal, Some(60), Some(485)).set(&mut tx, at("11-25 09:12"), &desk.manager).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.monitored("11-25 09:13").await.alerts, 1, "due five minutes later");
    assert_eq!(desk.monitored("11-25 09:26").await.alerts, 1, "it has passed");

    let told: Vec<(i16, String, String)> = sqlx::query_as(
        "select level, to_char(due_at at time zone 'America/Bogota', 'MM-DD HH24:MI'), to_char(reached_at at time zone 'America/Bogota', 'MM-DD HH24:MI')
         from desk.alerts order by id",
    )
    .fetch_all(&desk.stores.db)
    .await
    .unwrap();
    let expected = [
        (1, "11-24 17:00", "11-24 16:30"),
        (1, "11-25 09:20", "11-25 09:00"),
        (1, "11-25 09:25", "11-25 09:12"),
        (2, "11-25 09:25", "11-25 09:25"),
    ];
    assert_eq!(told, expected.map(|(level, due, reached)| (level, due.to_owned(), reached.to_owned())), "none of them was late");
}

#[tokio::test]
async fn after_an_outage_of_twelve_minutes_only_the_worst_is_told_and_how_late() {
    let desk = Desk::open().await;
    desk.run("update desk.sla_policies set warn_minutes = 5").await;
    let ticket = desk.opened("11-24 09:00").await;
    assert_eq!(desk.monitored("11-24 09:54").await.alerts, 0);

    assert_eq!(desk.monitored("11-24 10:06").await.alerts, 1);

    let told: Vec<(i16, i16, String, DateTime<Utc>, TimeDelta)> =
        sqlx::query_as("select level, after_level, kind, due_at, created_at - reached_at from desk.alerts where ticket_id = $1")
            .bind(ticket)
            .fetch_all(&desk.stores.db)
            .await
            .map(|rows: Vec<(i16, i16, String, DateTime<Utc>, sqlx::postgres::types::PgInterval)>| {
                rows.into_iter()
                    .map(|(level, after, kind, due, late)| (level, after, kind, due, TimeDelta::microseconds(late.microseconds)))
                    .collect()
            })
            .unwrap();
    assert_eq!(told, [(2, 0, "breach".to_owned(), at("11-24 10:00"), TimeDelta::minutes(6))], "the warning was passed over");
    // A whole day without a monitor: both clocks, each at its worst.
    assert_eq!(desk.monitored("11-26 09:00").await.alerts, 2);
    assert_eq!(desk.told().await[1..], [("first_response".to_owned(), 3, 2), ("resolution".to_owned(), 3, 0)]);
}

#[tokio::test]
async fn whatever_the_looks_what_is_told_is_what_was_reached_in_between() {
    let stores = crowded(300).await;
    let begin = DateTime::parse_from_rfc3339("2027-01-04T00:00:00Z").unwrap().to_utc();
    let mut dice = StdRng::seed_from_u64(7);
    let mut clocks: Vec<(i64, [DateTime<Utc>; 4])> = Vec::new();
    for id in sqlx::query_scalar::<_, i64>("select id from desk.sla_clocks").fetch_all(&stores.db).await.unwrap() {
        let due = begin + TimeDelta::seconds(dice.random_range(3_600..36_000));
        let marks = [due - TimeDelta::minutes(30), due, due + TimeDelta::hours(1), due + TimeDelta::hours(2)];
        sqlx::query("update desk.sla_clocks set warn_at = $2, next_at = $2, due_at = $3, escalate_at = $4 where id = $1")
            .bind(id)
            .bind(marks[0])
            .bind(due)
            .bind(&marks[2..])
            .execute(&stores.db)
            .await
            .unwrap();
        clocks.push((id, marks));
    }

    // Looks every five minutes, but for outages of up to two hours.
    let (mut now, mut expected, mut before) = (begin, BTreeSet::new(), begin);
    while now < begin + TimeDelta::hours(14) {
        now += TimeDelta::minutes(if dice.random_ratio(1, 8) { dice.random_range(6..120) } else { 5 });
        let mut tx = stores.db.begin().await.unwrap();
        advance(&mut tx, now).await.unwrap();
        tx.commit().await.unwrap();
        for (id, marks) in &clocks {
            let level = |at: DateTime<Utc>| marks.iter().filter(|mark| **mark < at).count() as i16;
            if level(now) > level(before) {
                expected.insert((*id, level(now), level(before)));
            }
        }
        before = now;
    }

    let told: Vec<(i64, i16, i16)> =
        sqlx::query_as("select clock_id, level, after_level from desk.alerts").fetch_all(&stores.db).await.unwrap();
    assert_eq!(told.len(), expected.len(), "each once");
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(expected.iter().any(|(_, level, after)| level - after > 1) && expected.len() > 900, "{}", expected.len());
}

#[tokio::test]
async fn four_monitors_at_once_tell_each_alert_once() {
    let stores = crowded(3_000).await;
    settle(&stores.db, 500..1_000, "-10 minutes").await;
    settle(&stores.db, 0..500, "20 minutes").await;
    let now: DateTime<Utc> = sqlx::query_scalar("select now()").fetch_one(&stores.db).await.unwrap();
    let look = async || {
        let mut told = 0;
        for _ in 0..5 {
            let mut tx = stores.db.begin().await.unwrap();
            told += advance(&mut tx, now).await.unwrap().alerts;
            tx.commit().await.unwrap();
        }
        told
    };
    let (first, second, third, fourth) = tokio::join!(look(), look(), look(), look());
    assert_eq!(first + second + third + fourth, 1_000, "{first} {second} {third} {fourth}");
    assert_eq!(judged(&stores.db).await, (1_000, 1_000, 0));
}

#[tokio::test]
async fn a_monitor_that_dies_has_told_nothing_and_one_that_is_repeated_tells_nothing_again() {
    let stores = crowded(200).await;
    settle(&stores.db, 0..100, "-10 minutes").await;
    let mut dies = stores.db.begin().await.unwrap();
    let now: DateTime<Utc> = sqlx::query_scalar("select now()").fetch_one(&mut *dies).await.unwrap();
    assert_eq!(advance(&mut dies, now).await.unwrap().alerts, 100);
    dies.rollback().await.unwrap();
    assert_eq!(judged(&stores.db).await, (0, 0, 0));

    let kit = Kit::new(catalogue(), Fakes::default().ports()).with_database(stores.db.clone());
    let id = JobId::new();
    assert_eq!(kit.attempt(MonitorSla {}).id(id).await, Outcome::Completed);
    assert_eq!(judged(&stores.db).await, (100, 100, 0));
    settle(&stores.db, 100..150, "-10 minutes").await;
    // Another delivery of the same job, which has had its effect, and another job, which finds the fifty that are new.
    kit.attempt(MonitorSla {}).id(id).await;
    assert_eq!(judged(&stores.db).await.0, 100);
    assert_eq!(kit.attempt(MonitorSla {}).await, Outcome::Completed);
    let told = judged(&stores.db).await;
    assert_eq!(told, (150, 150, 0));

    // Clocks that stand as they did before they were told of, as from a backup: what was told is not told again.
    sqlx::raw_sql("update desk.sla_clocks set level = 0, next_at = warn_at where level > 0").execute(&stores.db).await.unwrap();
    assert_eq!(kit.attempt(MonitorSla {}).await, Outcome::Completed);
    assert_eq!(judged(&stores.db).await, told);
}

#[tokio::test]
async fn workers_that_are_killed_lose_and_double_no_alert() {
    let stores = crowded(6_000).await;
    let mut workers = vec![
        start_worker(&stores, NO_SMTP, &[("SUPERVISE", "false")]).await,
        start_worker(&stores, NO_SMTP, &[("SUPERVISE", "false")]).await,
    ];
    for (round, due) in [1_500, 3_000, 4_500, 6_000].into_iter().enumerate() {
        // One more quarter is due, while monitors are at work and a worker dies.
        sqlx::query(
            "update desk.sla_clocks set due_at = now() - interval '1 minute', warn_at = now() - interval '31 minutes', next_at = now() - interval '31 minutes',
                 escalate_at = array[now() + interval '59 minutes', now() + interval '119 minutes']
             where level = 0 and id in (select id from desk.sla_clocks order by id limit $1)",
        )
        .bind(due)
        .execute(&stores.db)
        .await
        .unwrap();
        let mut tx = stores.db.begin().await.unwrap();
        for _ in 0..6 {
            queue::enqueue(&mut tx, MonitorSla {}).await.unwrap();
        }
        tx.commit().await.unwrap();
        until("some monitor to be claimed", async || {
            let claimed =
                "select exists (select from faena.effects e join faena.outbox o on o.id = e.job_id where o.name = 'monitor_sla')
                           or (select count(*) from faena.jobs where name = 'monitor_sla' and state = 'completed') > $1";
            sqlx::query_scalar(claimed).bind(round as i64 * 6).fetch_one(&stores.db).await.unwrap()
        })
        .await;
        workers.remove(0).kill_9().await;
        workers.push(start_worker(&stores, NO_SMTP, &[("SUPERVISE", "false")]).await);
    }
    until("every monitor to end", async || {
        let waiting: i64 = sqlx::query_scalar("select count(*) from faena.outbox where name = 'monitor_sla'")
            .fetch_one(&stores.db)
            .await
            .unwrap();
        waiting == 0
    })
    .await;
    let mut tx = stores.db.begin().await.unwrap();
    queue::enqueue(&mut tx, MonitorSla {}).await.unwrap();
    tx.commit().await.unwrap();
    until("the last look", async || judged(&stores.db).await.0 == 6_000).await;
    assert_eq!(judged(&stores.db).await, (6_000, 6_000, 0));
    for worker in &mut workers {
        assert!(worker.terminate().await);
    }
}

#[tokio::test]
async fn more_than_one_statement_takes_are_told_of_by_the_jobs_that_follow() {
    let stores = crowded(5_200).await;
    settle(&stores.db, 0..5_200, "-10 minutes").await;
    let worker = start_worker(&stores, NO_SMTP, &[]).await;
    let mut tx = stores.db.begin().await.unwrap();
    queue::enqueue(&mut tx, MonitorSla {}).await.unwrap();
    tx.commit().await.unwrap();
    until("all to be told of", async || judged(&stores.db).await.0 == 5_200).await;
    sqlx::raw_sql("update core.users set disabled_at = now()").execute(&stores.db).await.unwrap();
    quiet(&stores).await;
    assert_eq!(judged(&stores.db).await, (5_200, 5_200, 0));
    drop(worker);
}

#[tokio::test]
async fn of_sixty_thousand_clocks_those_that_are_due_are_told_of_once_and_the_next_looks_find_none() {
    let stores = crowded(60_000).await;
    settle(&stores.db, 0..2_000, "20 minutes").await;
    sqlx::raw_sql("vacuum analyze").execute(&stores.db).await.unwrap();
    let looks = async || {
        let began = Instant::now();
        let mut tx = stores.db.begin().await.unwrap();
        let now = sqlx::query_scalar("select now()").fetch_one(&mut *tx).await.unwrap();
        let advanced = advance(&mut tx, now).await.unwrap();
        tx.commit().await.unwrap();
        (advanced, began.elapsed())
    };
    let (busy, took) = looks().await;
    assert_eq!((busy.clocks, busy.alerts), (2_000, 2_000));
    let mut idle = Vec::new();
    for _ in 0..20 {
        let (advanced, took) = looks().await;
        assert_eq!(advanced.clocks, 0);
        idle.push(took);
    }
    assert_eq!(judged(&stores.db).await, (2_000, 2_000, 0));
    idle.sort_unstable();
    eprintln!(
        "2,000 of 60,000 due: {took:?}, {} letters; none due: {:?} in the middle, {:?} at worst",
        busy.letters, idle[10], idle[19]
    );
}
