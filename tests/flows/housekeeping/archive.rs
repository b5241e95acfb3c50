//! Tickets that are over for years are put away whole, each once, and nothing else is.

use chrono::Utc;
use faena_tests::{stores::Stores, wait::until};
use jobs::housekeeping::{archive_tickets::ArchiveTickets, make_partitions::MakePartitions};
use queue::{JobId, kit::Outcome};

use super::{counts, kit, number, rows_of, run_sql, swept};

/// What stands at the desk, and what is put away.
const TABLES: [&str; 5] = ["desk.tickets", "desk.comments", "desk.sla_clocks", "desk.sla_pauses", "desk.alerts"];

/// Tickets closed four years ago (1,500: more than a batch), one of them opened again, one changed lately; one closed last year; one that is open since
/// then. Each has a comment, a clock, a pause and an alert.
async fn past() -> Stores {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "select desk.make_partitions(0, (now() - interval '5 years')::date);
         insert into core.users (email, full_name, role, password_hash) values ('agente@mesa.example', 'Agente', 'agent', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true);
         insert into desk.clients (name, calendar_id) select n.name, c.id from desk.calendars c, unnest(array['Cafés', 'Hospital']) n (name);
         insert into desk.tickets (created_at, client_id, title, description, created_by, status, resolved_at, closed_at, updated_at)
         select t.at, 1 + n % 2, 'Ticket ' || n, '-', u.id, case when is_closed then 'closed' else 'open' end,
                case when is_closed then t.at + interval '1 day' end, case when is_closed then t.at + interval '2 days' end,
                case when n = 1 then now() else t.at + interval '2 days' end
         from core.users u, (
             select n, date_trunc('month', now()) - interval '4 years' + n * interval '1 minute' as at, n <> 2 as is_closed from generate_series(1, 1500) n
             union all select 1501, now() - interval '1 year', true
         ) t;
         insert into desk.comments (ticket_id, ticket_created_at, author_id, body, is_internal, created_at)
         select id, created_at, created_by, 'Listo.', false, created_at from desk.tickets;
         insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, state, started_at,
             counted_to, stopped_at, due_at, warn_at)
         select t.id, t.created_at, 'resolution', 1, c.id, 1, 3600, 60, 'missed', t.created_at, t.created_at, t.created_at, t.created_at, t.created_at
         from desk.tickets t, desk.calendars c;
         insert into desk.sla_pauses (clock_id, during, reason) select id, tstzrange(started_at, started_at + interval '1 hour'), 'waiting_client' from desk.sla_clocks;
         insert into desk.alerts (clock_id, ticket_id, level, due_at, reached_at, created_at, after_level)
         select id, ticket_id, 2, due_at, due_at, due_at, 0 from desk.sla_clocks",
    )
    .await;
    stores
}

async fn archived(stores: &Stores, table: &str) -> i64 {
    let sql = format!("select count(*) from archive.{table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&stores.db).await.unwrap()
}

#[tokio::test]
async fn what_is_over_for_years_is_put_away_whole_and_the_empty_months_go() {
    let stores = past().await;
    let before = rows_of(&stores, &TABLES).await;
    let dry = JobId::new();
    assert_eq!(kit(&stores).attempt(ArchiveTickets { dry_run: true }).id(dry).await, Outcome::Completed);
    let told = swept(&stores, dry).await;
    assert_eq!(
        (told.dry_run, told.looked_at, told.counts.0),
        (true, 1499, counts([("tickets", 1498)])),
        "one has changed lately"
    );
    assert_eq!(rows_of(&stores, &TABLES).await, before, "a dry run changes nothing");

    let done = JobId::new();
    assert_eq!(kit(&stores).attempt(ArchiveTickets { dry_run: false }).id(done).await, Outcome::Completed);
    let done = swept(&stores, done).await;
    assert_eq!((done.batches, done.counts.0), (2, counts([("tickets", 1498)])));
    assert!(done.finished_at.is_some_and(|at| at <= Utc::now()));
    let left: Vec<String> = sqlx::query_scalar("select title from desk.tickets order by id").fetch_all(&stores.db).await.unwrap();
    assert_eq!(left, ["Ticket 1", "Ticket 2", "Ticket 1501"], "what is open, changed lately, or young");
    for table in ["tickets", "comments", "sla_clocks", "sla_pauses", "alerts"] {
        assert_eq!(archived(&stores, table).await, 1498, "{table}");
    }
    for table in ["comments", "sla_clocks", "sla_pauses", "alerts"] {
        let sql = format!("select count(*) from desk.{table}");
        let rest: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&stores.db).await.unwrap();
        assert_eq!(rest, 3, "{table}");
    }
    // Word for word what stood there, but for what finds it and what says when it was put away.
    let kept = rows_of(&stores, &["archive.comments", "archive.alerts", "archive.sla_clocks"]).await;
    for (table, of) in [("comments", "desk.comments"), ("alerts", "desk.alerts"), ("sla_clocks", "desk.sla_clocks")] {
        let rows = &kept[&format!("archive.{table}")];
        assert!(rows.iter().all(|row| before[of].contains(row)), "{table}");
    }
    let drift = "select count(*) from desk.clients c where (tickets_count, open_tickets_count) <> (select count(*), count(*) filter (where status = 'open')
        from desk.tickets t where t.client_id = c.id)";
    assert_eq!(number(&stores, drift).await, 0, "the counts of the clients went along");

    // The month of tickets 1 and 2 is not empty; older ones are.
    let months = "select count(*) from pg_inherits where inhparent = 'desk.tickets'::regclass";
    let there = number(&stores, months).await;
    let (dry, real) = (JobId::new(), JobId::new());
    assert_eq!(kit(&stores).attempt(MakePartitions { dry_run: true }).id(dry).await, Outcome::Completed);
    assert_eq!(number(&stores, months).await, there, "a dry run takes none away");
    assert_eq!(kit(&stores).attempt(MakePartitions::default()).id(real).await, Outcome::Completed);
    let gone = there - number(&stores, months).await;
    assert!((20..=26).contains(&gone), "two years of months, but for one: {gone}");
    for job in [dry, real] {
        assert_eq!(swept(&stores, job).await.counts.0, counts([("months_dropped", gone), ("months_made", 0)]));
    }
    assert_eq!(number(&stores, "select count(*) from desk.tickets").await, 3);
    assert_eq!(kit(&stores).attempt(MakePartitions::default()).await, Outcome::Completed, "again, and nothing is left to do");
}

#[tokio::test]
async fn who_dies_half_way_has_put_away_whole_tickets_and_the_next_goes_on() {
    let stores = past().await;
    // Somebody is at a ticket of the second batch for as long as it takes to die.
    let mut gate = stores.db.begin().await.unwrap();
    sqlx::query("lock table archive.alerts in access exclusive mode").execute(&mut *gate).await.unwrap();
    let job = JobId::new();
    let dying = tokio::spawn({
        let (kit, job) = (kit(&stores), job);
        async move { kit.attempt(ArchiveTickets { dry_run: false }).id(job).await }
    });
    until("it to stand before the gate", async || {
        number(&stores, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
            .await
            == 1
    })
    .await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    gate.rollback().await.unwrap();
    until("its transaction to be undone", async || {
        number(
            &stores,
            "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid()",
        )
        .await
            == 0
    })
    .await;

    assert_eq!(number(&stores, "select count(*) from desk.tickets").await, 1501);
    for table in ["tickets", "comments", "alerts"] {
        assert_eq!(archived(&stores, table).await, 0, "{table}: nothing, or all of a batch");
    }
    assert_eq!(kit(&stores).attempt(ArchiveTickets { dry_run: false }).id(job).await, Outcome::Completed);
    assert_eq!(swept(&stores, job).await.counts.0, counts([("tickets", 1498)]));
    let halves = "select count(*) from archive.tickets a where not exists (select from archive.comments c where c.ticket_id = a.id)
        or exists (select from desk.comments c where c.ticket_id = a.id) or exists (select from desk.tickets t where t.id = a.id)";
    assert_eq!(number(&stores, halves).await, 0);
}
