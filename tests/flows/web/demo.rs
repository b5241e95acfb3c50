//! The demo's tickets: what a stranger finds at the desk of a fresh installation, and can go on with.

use chrono::{DateTime, TimeDelta, Utc};
use jobs::help_desk::{advance::advance, calendar::Calendar, number::CalendarId};
use reqwest::StatusCode;

use super::{Web, help_desk::desk};

const TICKETS: &str = include_str!("../../../deploy/demo-tickets.sql");
/// All that there is, told apart by whatever is in it.
const DIGEST: &str = "select md5(jsonb_build_array(
    (select jsonb_agg(t order by id) from desk.tickets t), (select jsonb_agg(c order by id) from desk.comments c), (select jsonb_agg(c order by id) from desk.sla_clocks c),
    (select jsonb_agg(a order by id) from desk.alerts a), (select jsonb_agg(c order by id) from desk.clients c), (select count(*) from core.users),
    (select count(*) from desk.sla_pauses), (select count(*) from desk.calendar_hours))::text)";

/// A clock, its calendar, and how many seconds of that there are from one moment to another.
type Stretch = (i64, CalendarId, DateTime<Utc>, i64, DateTime<Utc>);

async fn seeded() -> Web {
    let web = desk().await;
    sqlx::raw_sql(TICKETS).execute(&web.stores.db).await.unwrap();
    web
}

#[tokio::test]
async fn the_demos_desk_has_half_a_year_of_work_and_applying_it_again_changes_nothing() {
    let web = seeded().await;
    let digest = async || sqlx::query_scalar::<_, String>(DIGEST).fetch_one(&web.stores.db).await.unwrap();
    let before = digest().await;
    sqlx::raw_sql(TICKETS).execute(&web.stores.db).await.unwrap();
    assert_eq!(digest().await, before);

    for (what, sql, least, most) in [
        ("tickets", "select count(*) from desk.tickets", 350, 420),
        ("months", "select count(distinct date_trunc('month', created_at)) from desk.tickets", 6, 8),
        ("clients", "select count(distinct client_id) from desk.tickets", 5, 5),
        ("open", "select sum(open_tickets_count)::bigint from desk.clients", 10, 60),
        ("waiting", "select count(*) from desk.tickets where status = 'waiting_client'", 3, 40),
        ("missed", "select count(*) from desk.sla_clocks where state = 'missed'", 40, 160),
        ("met", "select count(*) from desk.sla_clocks where state = 'met'", 400, 700),
        ("near", "select count(*) from desk.sla_clocks where state = 'running' and now() between warn_at and due_at", 2, 12),
        ("overdue", "select count(*) from desk.sla_clocks where state = 'running' and due_at < now()", 3, 20),
        ("notes", "select count(*) from desk.comments where is_internal", 50, 300),
        (
            "English",
            "select count(*) from desk.tickets t join desk.clients c on c.id = t.client_id where c.name like 'Northwind%'",
            30,
            90,
        ),
        ("of the future", "select count(*) from desk.tickets where updated_at > now()", 0, 0),
        (
            "said before they were asked",
            "select count(*) from desk.comments c join desk.tickets t on t.id = c.ticket_id where c.created_at < t.created_at",
            0,
            0,
        ),
        (
            "counts that drift",
            "select count(*) from desk.clients c where tickets_count <> (select count(*) from desk.tickets where client_id = c.id)",
            0,
            0,
        ),
    ] {
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&web.stores.db).await.unwrap();
        assert!((least..=most).contains(&found), "{what}: {found}");
    }
}

#[tokio::test]
async fn the_demos_deadlines_are_those_of_the_calendars() {
    let web = seeded().await;
    let mut tx = web.stores.db.begin().await.unwrap();
    let clocks: Vec<Stretch> = sqlx::query_as(
        "select c.id, c.calendar_id, c.started_at, c.target_s, c.due_at from desk.sla_clocks c
         where c.due_at is not null and not exists (select from desk.sla_pauses p where p.clock_id = c.id)",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    assert!(clocks.len() > 400, "{}", clocks.len());
    for (clock, calendar, started_at, target_s, due_at) in clocks {
        let calendar = Calendar::find(&mut tx, calendar).await.unwrap();
        assert_eq!(calendar.time.after(started_at, TimeDelta::seconds(target_s)).unwrap(), due_at, "clock {clock}");
    }
    let used: Vec<Stretch> = sqlx::query_as(
        "select c.id, c.calendar_id, c.started_at, c.consumed_s, c.counted_to from desk.sla_clocks c
         where not exists (select from desk.sla_pauses p where p.clock_id = c.id and not upper_inf(p.during))",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    for (clock, calendar, started_at, consumed_s, counted_to) in used {
        let calendar = Calendar::find(&mut tx, calendar).await.unwrap();
        assert_eq!(calendar.time.between(started_at, counted_to).num_seconds(), consumed_s, "clock {clock}");
    }

    // The monitor tells what has come about of late, and nothing that is old news.
    let now: DateTime<Utc> = sqlx::query_scalar("select now()").fetch_one(&mut *tx).await.unwrap();
    let told = advance(&mut tx, now).await.unwrap();
    assert!((1..=8).contains(&told.alerts) && told.clocks < 15, "{told:?}");
    let latest: f64 = sqlx::query_scalar("select max(extract(epoch from created_at - reached_at))::float8 from desk.alerts")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert!(latest < 1_000.0, "{latest} s late");
    assert_eq!(advance(&mut tx, now).await.unwrap().clocks, 0);
}

#[tokio::test]
async fn a_stranger_goes_on_with_what_is_there() {
    let web = seeded().await;
    let (agent, manager, client) =
        (web.signed_in("agente").await, web.signed_in("jefa").await, web.signed_in("enfermeria").await);
    let page = manager.page("/tablero").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.texts("dl.figures dd").iter().all(|figure| figure != "—" && figure != "0"), "{:?}", page.texts("dl.figures dd"));
    for (path, least) in
        [("/solicitudes", 10), ("/alertas", 1), ("/alertas?show=all", 50), ("/solicitudes?status=waiting_client", 3)]
    {
        let rows = agent.page(path).await.texts("tbody tr");
        assert!(rows.len() >= least, "{path}: {}", rows.len());
    }
    assert!(agent.page("/buscar?q=inpresora").await.texts("section[aria-labelledby=tickets] h3").len() > 3);
    // One of the hospital's waits for its people: they answer, and time goes on.
    let waiting = web.number(
        "select t.id from desk.tickets t join desk.clients c on c.id = t.client_id where t.status = 'waiting_client' and c.name like 'Hospital%' order by t.id limit 1",
    );
    let ticket = format!("/solicitudes/{}", waiting.await);
    let answered = client.does(&ticket, "comentario", &[("body", "Fue anoche, a las once.")]).await;
    assert!(answered.status == StatusCode::OK && answered.text("aside .state").contains("En curso"), "{}", answered.html);
    let solved = agent.does(&ticket, "resolver", &[("answer", "Ya quedó.")]).await;
    assert!(solved.text("aside .state").contains("Resuelta"), "{}", solved.html);
}
