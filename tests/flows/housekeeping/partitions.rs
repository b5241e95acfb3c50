//! The months to come have room before they come.

use chrono::{DateTime, TimeDelta, Utc};
use faena_tests::{
    stores::Stores,
    wait::{PATIENCE, until},
};
use jobs::housekeeping::make_partitions::{MakePartitions, room_until};
use queue::{JobId, kit::Outcome};

use super::{counts, kit, number, run_sql, swept};

/// The months for which tickets have room, from the present one on.
async fn months(stores: &Stores) -> Vec<String> {
    let sql = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'desk.tickets'::regclass and c.relname >= to_char(now() at time zone 'UTC', '\"tickets_\"YYYY_MM') order by 1";
    sqlx::query_scalar(sql).fetch_all(&stores.db).await.unwrap()
}

/// As a calendar has them, worked out apart.
async fn present_and_three_more(stores: &Stores) -> Vec<String> {
    let sql = "select to_char(date_trunc('month', now() at time zone 'UTC') + n * interval '1 month', '\"tickets_\"YYYY_MM')
        from generate_series(0, 3) n order by 1";
    sqlx::query_scalar(sql).fetch_all(&stores.db).await.unwrap()
}

#[tokio::test]
async fn three_months_ahead_have_room_for_tickets_and_are_made_once() {
    let stores = Stores::fresh().await;
    // As a year goes by without housekeeping: nothing is left of what the migration made.
    run_sql(
        &stores,
        "do $$ declare part regclass; begin
            for part in select inhrelid::regclass from pg_inherits where inhparent = 'desk.tickets'::regclass loop
                execute format('alter table desk.tickets detach partition %s', part);
                execute format('drop table %s', part);
            end loop;
        end $$",
    )
    .await;
    assert!(months(&stores).await.is_empty());
    let dry = JobId::new();
    assert_eq!(kit(&stores).attempt(MakePartitions { dry_run: true }).id(dry).await, Outcome::Completed);
    let told = swept(&stores, dry).await;
    assert!(told.dry_run && told.finished_at.is_some());
    assert_eq!(told.counts.0, counts([("months_dropped", 0), ("months_made", 4)]));
    assert!(months(&stores).await.is_empty(), "a dry run makes nothing");

    for made in [4, 0] {
        let job = JobId::new();
        assert_eq!(kit(&stores).attempt(MakePartitions::default()).id(job).await, Outcome::Completed);
        assert_eq!(months(&stores).await, present_and_three_more(&stores).await);
        assert_eq!(swept(&stores, job).await.counts.0, counts([("months_dropped", 0), ("months_made", made)]));
    }
    let room = room_until(&stores.db).await.unwrap();
    let fourth: DateTime<Utc> =
        sqlx::query_scalar("select (date_trunc('month', now() at time zone 'UTC') + interval '4 months') at time zone 'UTC'")
            .fetch_one(&stores.db)
            .await
            .unwrap();
    assert_eq!(room, fourth);
    run_sql(
        &stores,
        "do $$ declare month text := to_char(now() at time zone 'UTC' + interval '1 month', 'YYYY_MM'); begin
            execute 'alter table desk.tickets detach partition desk.tickets_' || month;
        end $$",
    )
    .await;
    assert!(
        room_until(&stores.db).await.unwrap() < fourth - TimeDelta::days(80),
        "up to the first gap, though a table of that name is there"
    );
}

#[tokio::test]
async fn who_reads_tickets_for_long_holds_up_a_month_that_is_to_be_made_and_nobody_else() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "do $$ declare month text := 'desk.tickets_' || to_char(now() at time zone 'UTC' + interval '1 month', 'YYYY_MM'); begin
            execute 'alter table desk.tickets detach partition ' || month;
            execute 'drop table ' || month;
        end $$",
    )
    .await;
    let mut reader = stores.db.begin().await.unwrap();
    sqlx::query("select from desk.tickets").execute(&mut *reader).await.unwrap();
    let job = JobId::new();
    let held_up = tokio::spawn({
        let kit = kit(&stores);
        async move { kit.attempt(MakePartitions::default()).id(job).await }
    });
    until("the job to be held up", async || {
        // It gives up by itself after two seconds.
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        held_up.is_finished() || number(&stores, waiting).await > 0
    })
    .await;

    // Whoever comes now stands behind the job.
    let read = number(&stores, "select count(*) from desk.tickets");
    assert_eq!(tokio::time::timeout(PATIENCE, read).await, Ok(0), "and not for long");

    let outcome = held_up.await.unwrap();
    assert!(matches!(&outcome, Outcome::Retry { error, .. } if error.contains("lock timeout")), "{outcome:?}");
    reader.commit().await.unwrap();
    assert_eq!(kit(&stores).attempt(MakePartitions::default()).id(job).await, Outcome::Completed);
    assert_eq!(swept(&stores, job).await.counts.0, counts([("months_dropped", 0), ("months_made", 1)]));
}
