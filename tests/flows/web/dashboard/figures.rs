//! What the dashboard says, beside what an oracle says.

use rand::random;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};

use super::{Page, StatusCode, Web, desk};

/// What a page says, in the shape of the oracle's.
fn said(page: &Page) -> Value {
    let table = |region: &str| page.cells(&format!("[aria-labelledby={region}] tbody tr"), "td");
    json!({
        "promises": table("promises"),
        "times": table("times"),
        "backlog": table("backlog"),
        "ages": table("ages"),
        "days": page.cells("#days tbody tr", "th, td"),
    })
}

/// Whether the pages of an agent and of a manager, each by their own clock, say what the oracle does.
async fn agree(web: &Web, what: &str) {
    for (who, zone) in [("jefa", "Europe/Madrid"), ("agente", "America/Bogota"), ("admin", "Pacific/Auckland")] {
        sqlx::query("update core.users set time_zone = $2 where email = $1::citext")
            .bind(format!("{who}@faena.example"))
            .bind(zone)
            .execute(&web.stores.db)
            .await
            .unwrap();
        let visitor = web.signed_in(who).await;
        let agent: Option<i64> = match who {
            "agente" => Some(web.number("select id from core.users where email = 'agente@faena.example'").await),
            _ => None,
        };
        for days in [7, 30, 90] {
            let page = visitor.page(&format!("/tablero?days={days}")).await;
            let expected: Value = sqlx::query_scalar(include_str!("oracle.sql"))
                .bind(zone)
                .bind(days)
                .bind(agent)
                .fetch_one(&web.stores.db)
                .await
                .unwrap();
            let said = said(&page);
            for part in ["promises", "times", "backlog", "ages", "days"] {
                assert_eq!(said[part], expected[part], "{part} of {days} days for {who}, {what}");
            }
        }
    }
}

#[tokio::test]
async fn a_desk_without_tickets_has_no_share_and_no_time() {
    let web = desk().await;
    agree(&web, "without tickets").await;
    let page = web.signed_in("jefa").await.dashboard().await;
    for name in ["Cumplimiento", "Primera respuesta, media", "Solución, media (MTTR)"] {
        assert_eq!(page.figure(name), "—");
    }
    assert_eq!(page.figure("Sin resolver"), "0");
    assert!(page.html.contains("Nada en estos días."));
}

#[tokio::test]
async fn a_desk_that_kept_nothing_has_a_share_of_zero() {
    let web = desk().await;
    sqlx::raw_sql(include_str!("data.sql")).execute(&web.stores.db).await.unwrap();
    sqlx::raw_sql(
        "update desk.sla_clocks set state = case when stopped_at is null then 'running' else 'missed' end, warn_at = started_at,
             due_at = least(started_at + interval '1 minute', now() - interval '1 minute'), next_at = null
         where state <> 'void'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    agree(&web, "all breached").await;
    assert_eq!(web.signed_in("jefa").await.dashboard().await.figure("Cumplimiento"), "0,0 %");
    let leads = async |who: &str| web.signed_in(who).await.dashboard().await.attribute("dl.figures div:first-child a", "href");
    let overdue = "/solicitudes?overdue=yes&order=deadline";
    assert_eq!(leads("jefa").await, Some(overdue.to_owned()), "to what is overdue, noted or not");
    assert_eq!(leads("agente").await, Some(format!("{overdue}&whose=mine")));
}

#[tokio::test]
async fn a_desk_that_resolved_nothing_has_no_mttr() {
    let web = desk().await;
    sqlx::raw_sql(include_str!("data.sql")).execute(&web.stores.db).await.unwrap();
    sqlx::raw_sql(
        "update desk.tickets set status = 'open', resolved_at = null, closed_at = null, void_reason = null;
         update desk.sla_clocks set state = 'running', stopped_at = null, warn_at = now() + interval '1 day', due_at = now() + interval '2 days'
         where promise = 'resolution'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    agree(&web, "none resolved").await;
    let page = web.signed_in("jefa").await.dashboard().await;
    assert_eq!((page.figure("Solución, media (MTTR)"), page.figure("Sin resolver")), ("—".to_owned(), "600".to_owned()));
    assert_ne!(page.figure("Primera respuesta, media"), "—");
}

#[tokio::test]
async fn figures_of_tickets_of_every_sort_are_those_of_the_oracle_and_of_the_reports() {
    let web = desk().await;
    let seed: f64 = random();
    let data = format!("select setseed({seed}); {}", include_str!("data.sql"));
    sqlx::raw_sql(AssertSqlSafe(data)).execute(&web.stores.db).await.unwrap();
    agree(&web, &format!("by the seed {seed}")).await;

    // The daily report of the same days, of all clients together.
    let sums = format!(
        "select sum(r.opened)::bigint, sum(r.answered)::bigint, sum(r.resolved)::bigint, sum(r.open)::bigint, sum(r.kept)::bigint, sum(r.broken)::bigint
         from ({}) r (client, opened, answered, resolved, open, kept, broken, share, answer_s, solution_s), (select $6::date, $7::date) days",
        include_str!("../../../../jobs/src/reports/sql/daily.sql")
    );
    let row = sqlx::query(AssertSqlSafe(sums))
        .bind(web.moment("select (current_date - 29)::timestamp at time zone 'UTC'").await)
        .bind(web.moment("select (current_date + 1)::timestamp at time zone 'UTC'").await)
        .bind("UTC")
        .bind(None::<i64>)
        .bind(None::<i64>)
        .bind(None::<chrono::NaiveDate>)
        .bind(None::<chrono::NaiveDate>)
        .fetch_one(&web.stores.db)
        .await
        .unwrap();
    let reported: Vec<i64> = (0..6).map(|at| row.get::<i64, _>(at)).collect();
    sqlx::raw_sql("update core.users set time_zone = 'UTC' where role = 'manager'").execute(&web.stores.db).await.unwrap();
    let page = web.signed_in("jefa").await.dashboard().await;
    let cell = |region: &str, row: usize, column: usize| -> i64 {
        page.cells(&format!("[aria-labelledby={region}] tbody tr"), "td")[row][column].parse().unwrap()
    };
    let whole = |region: &str, column| cell(region, 0, column) + cell(region, 5, column);
    let shown = [
        page.figure("Abiertas").parse().unwrap(),
        cell("times", 0, 0),
        cell("times", 5, 0),
        page.figure("Sin resolver").parse().unwrap(),
        whole("promises", 0),
        whole("promises", 1),
    ];
    assert_eq!(shown.to_vec(), reported, "by the seed {seed}");
}

/// What the report of deadlines says of the last days, in the shape of the page's table: of each promise all priorities, and each, the most urgent first.
async fn reported(web: &Web, zone: &str, days: i32, agent: Option<i64>) -> Value {
    let of_report = format!(
        "with told as (
             select r.* from ({}) r (month, client, priority, promise, kept, broken, open, share), (select $6::date, $7::date) days
         ), lines as (
             select promise, priority, row_number() over () as line
             from unnest(array['first_response', 'resolution']) promise, unnest(array[null, 'urgent', 'high', 'normal', 'low']) priority
         ), sums as (
             select l.line, coalesce(sum(t.kept), 0) as kept, coalesce(sum(t.broken), 0) as broken
             from lines l left join told t on t.promise = l.promise and t.priority = coalesce(l.priority, t.priority)
             group by l.line
         )
         select jsonb_agg(jsonb_build_array(kept::text, broken::text) order by line) from sums",
        include_str!("../../../../jobs/src/reports/sql/sla.sql")
    );
    let period = "select ((now() at time zone $1)::date - $2::int + 1)::timestamp at time zone $1,
                         ((now() at time zone $1)::date + 1)::timestamp at time zone $1";
    let (from, until): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as(period).bind(zone).bind(days).fetch_one(&web.stores.db).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(of_report))
        .bind(from)
        .bind(until)
        .bind(zone)
        .bind(None::<i64>)
        .bind(agent)
        .bind(None::<chrono::NaiveDate>)
        .bind(None::<chrono::NaiveDate>)
        .fetch_one(&web.stores.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_dashboard_and_the_report_of_deadlines_count_by_one_rule_and_say_it() {
    let web = desk().await;
    let seed: f64 = random();
    let data = format!("select setseed({seed}); {}", include_str!("data.sql"));
    sqlx::raw_sql(AssertSqlSafe(data)).execute(&web.stores.db).await.unwrap();

    // The page is what the oracle says.
    agree(&web, &format!("by the seed {seed}")).await;
    // And so is the report, of everybody's tickets and of an agent's own.
    let own = web.number("select id from core.users where email = 'agente@faena.example'").await;
    for (zone, agent) in [("Europe/Madrid", None), ("America/Bogota", Some(own)), ("Pacific/Auckland", None)] {
        for days in [7, 30, 90] {
            let oracle: Value = sqlx::query_scalar(include_str!("oracle.sql"))
                .bind(zone)
                .bind(days)
                .bind(agent)
                .fetch_one(&web.stores.db)
                .await
                .unwrap();
            let expected: Vec<Value> =
                oracle["promises"].as_array().unwrap().iter().map(|line| json!([line[0], line[1]])).collect();
            assert!(days < 30 || expected[0] != json!(["0", "0"]), "there is something to count");
            let said = reported(&web, zone, days, agent).await;
            assert_eq!(said, json!(expected), "{days} days in {zone} for {agent:?}, by the seed {seed}");
        }
    }

    let manager = web.signed_in("jefa").await;
    for (path, rule) in [
        ("/tablero", "el incumplido, el día en que venció, se haya atendido después o no"),
        ("/informes", "el incumplido, el día en que venció, se haya atendido después o no"),
        ("/dashboard", "one that was missed, on the day on which it passed"),
        ("/reports", "Undecided is one that passes in the period"),
    ] {
        assert!(manager.page(path).await.html.contains(rule), "{path}");
    }
}

#[tokio::test]
async fn an_agent_is_shown_what_is_theirs_and_a_client_nothing() {
    let web = desk().await;
    let (client, agent, manager) = (web.signed_in("cliente").await, web.signed_in("agente").await, web.signed_in("jefa").await);
    for title in ["La impresora no imprime", "El correo no sale"] {
        client.opens(title, "high").await;
    }
    let mine = client.opens("La VPN se cae", "urgent").await;
    let me = web.number("select id from core.users where email = 'agente@faena.example'").await.to_string();
    agent.does(&mine, "asignar", &[("agent", &me)]).await;

    assert_eq!(manager.dashboard().await.figure("Sin resolver"), "3");
    let own = agent.dashboard().await;
    assert_eq!(own.figure("Sin resolver"), "1");
    assert!(own.html.contains("Solo con las solicitudes que atiendes."));
    let english = agent.page("/dashboard?days=x").await;
    assert!(english.html.contains("Only the tickets that you see to.") && english.html.contains("Resolution, mean (MTTR)"));
    for path in ["/tablero", "/tablero?days=7"] {
        let refused = client.page(path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(!refused.html.contains("MTTR"), "{}", refused.html);
    }
    assert!(!client.page("/solicitudes").await.html.contains("/tablero"));
}
