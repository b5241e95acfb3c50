//! The list of tickets with what is asked of it, what a ticket is about, its history, and tickets that are void, paused or put away.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;

use super::{Page, Visitor, Web, help_desk::desk, leads_to};

/// Tickets of both clients, of the agent, the manager and nobody, one each third day, some with deadlines, some overdue, one of these while time stands still.
pub(super) async fn busy() -> Web {
    let web = desk().await;
    sqlx::raw_sql(
        "select desk.make_partitions(0, (now() - interval '13 months')::date);
         insert into desk.tickets (created_at, client_id, title, description, status, created_by, assigned_to, first_responded_at, updated_at)
         select date_trunc('day', now() at time zone 'America/Bogota') at time zone 'America/Bogota' - n * interval '3 days' + interval '12 hours' - interval '1 day',
             (select (array_agg(id order by id))[1 + n % 2] from desk.clients), 'Asunto ' || n, '-',
             case when n = 6 then 'waiting_client' else 'open' end, u.id,
             case n % 3 when 0 then u.id when 1 then (select id from core.users where email = 'jefa@faena.example') end, now(), now()
         from generate_series(1, 60) n, core.users u where u.email = 'agente@faena.example';
         -- Deadlines of the first forty: the overdue ones end with 3 and 6, the others come in another order than the tickets.
         insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, state, started_at, counted_to,
             due_at, warn_at, next_at)
         select t.id, t.created_at, 'resolution', 1, c.calendar_id, 1, 3600, 60, case when n = 6 then 'paused' else 'running' end, t.created_at, t.created_at,
             d.due_at, d.due_at, case when n <> 6 then d.due_at end
         from desk.tickets t join desk.clients c on c.id = t.client_id, lateral (select split_part(t.title, ' ', 2)::integer as n) k,
             lateral (select now() + case when n % 10 in (3, 6) then - n * interval '1 hour' else (n * 17 % 41 + 1) * interval '1 hour' end as due_at) d
         where n <= 40;
         -- Time stands still before a deadline: there is none.
         insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, state, started_at, counted_to)
         select t.id, t.created_at, 'resolution', 1, c.calendar_id, 1, 3600, 60, 'paused', t.created_at, t.created_at
         from desk.tickets t join desk.clients c on c.id = t.client_id where t.title = 'Asunto 41'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    web
}

impl Web {
    /// Puts all tickets away that are closed, and says how many there were.
    pub(super) async fn puts_away(&self) -> i64 {
        let sql = include_str!("../../../jobs/src/housekeeping/sql/archive_tickets.sql");
        let (_, _, _, gone): (i64, Option<DateTime<Utc>>, Option<String>, i64) = sqlx::query_as(sql)
            .bind(Utc::now() + TimeDelta::minutes(1))
            .bind(None::<DateTime<Utc>>)
            .bind(None::<String>)
            .bind(10_i64)
            .bind(false)
            .fetch_one(&self.stores.db)
            .await
            .unwrap();
        gone
    }
}

impl Visitor {
    /// The titles of every page of the list.
    async fn lists(&self, query: &str) -> Vec<String> {
        let (mut seen, mut path) = (Vec::new(), format!("/solicitudes?{query}"));
        loop {
            let page = self.page(&path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            seen.extend(page.texts("tbody th").into_iter().map(|title| title.split_once(' ').unwrap().1.to_owned()));
            let Some(next) = page.attribute("a[rel=next]", "href") else { return seen };
            path = next;
        }
    }
}

/// What the tables say that a list should have, in SQL of the test's own.
async fn expected(web: &Web, condition: &str, order: &str) -> Vec<String> {
    let sql = format!(
        "select t.title from desk.tickets t left join (select ticket_id, min(due_at) as due from desk.sla_clocks group by ticket_id) k on k.ticket_id = t.id
         join desk.clients c on c.id = t.client_id left join core.users u on u.id = t.assigned_to where {condition} order by {order}"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&web.stores.db).await.unwrap()
}

#[tokio::test]
async fn the_list_is_filtered_by_client_agent_day_and_deadline_and_ordered_by_it_page_by_page() {
    let web = busy().await;
    let agent = web.signed_in("agente").await;
    let coffee = web.number("select id from desk.clients where name like 'Cafés%'").await;
    let manager = web.number("select id from core.users where email = 'jefa@faena.example'").await;
    let newest = "t.created_at desc, t.id desc";
    let deadline = "due nulls last, t.id";
    for (query, condition, order) in [
        (String::new(), "true", newest),
        ("order=deadline".to_owned(), "true", deadline),
        (format!("client={coffee}"), "c.name like 'Cafés%'", newest),
        (format!("whose={manager}&order=deadline"), "u.email = 'jefa@faena.example'", deadline),
        ("whose=nobodys&status=all".to_owned(), "u.id is null", newest),
        ("overdue=yes&order=deadline".to_owned(), "due < now()", deadline),
        (
            format!("overdue=yes&whose=mine&client={coffee}"),
            "due < now() and u.email = 'agente@faena.example' and c.name like 'Cafés%'",
            newest,
        ),
        ("order=deadline&status=all&whose=mine".to_owned(), "u.email = 'agente@faena.example'", deadline),
        ("from=-9000-01-01&to=%2B200000-01-01".to_owned(), "true", newest),
        ("order=backwards&client=x&whose=y&from=never&to=2026-02-30&after=9-9".to_owned(), "true", newest),
    ] {
        let listed = agent.lists(&query).await;
        let expected = expected(&web, condition, order).await;
        assert!(!expected.is_empty(), "{query}");
        assert_eq!(listed, expected, "{query}");
    }
    // By the agent's own days: he is in Bogotá.
    let day = async |sql: &'static str| sqlx::query_scalar::<_, String>(sql).fetch_one(&web.stores.db).await.unwrap();
    let last = day("select (max(created_at) at time zone 'America/Bogota')::date::text from desk.tickets").await;
    let first = day("select ((max(created_at) at time zone 'America/Bogota')::date - 6)::text from desk.tickets").await;
    let listed = agent.lists(&format!("from={first}&to={last}")).await;
    assert_eq!(listed, ["Asunto 1", "Asunto 2", "Asunto 3"], "both days are in it");
    let next = agent.page("/solicitudes?order=deadline&from=2020-01-01").await.attribute("a[rel=next]", "href").unwrap();
    assert!(next.contains("order=deadline") && next.contains("from=2020-01-01"), "{next}");
    let page = agent.page("/solicitudes?overdue=yes&tag=x").await;
    assert!(page.attribute("details.more", "open").is_some() && page.attribute("#overdue", "checked").is_some(), "{}", page.html);
    // A client's people see their own, whatever the address says.
    let hospital = web.number("select id from desk.clients where name like 'Hospital%'").await;
    let client = web.signed_in("cliente").await;
    assert_eq!(client.lists(&format!("client={hospital}")).await, expected(&web, "c.name like 'Cafés%'", newest).await);
    assert!(!client.page("/solicitudes").await.html.contains("Hospital San Roque"));
    // Whoever leaves leaves tickets behind.
    assert!(agent.lists("whose=gone").await.is_empty());
    sqlx::raw_sql("update core.users set disabled_at = now() where email = 'jefa@faena.example'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    assert_eq!(agent.lists("whose=gone").await, expected(&web, "u.email = 'jefa@faena.example'", newest).await);
    let left = web.number("select id from desk.tickets where title = 'Asunto 4'").await;
    let chosen = agent.page(&format!("/solicitudes/{left}")).await.attribute("#agent option[selected]", "value");
    assert_eq!(chosen, Some(manager.to_string()), "a button that is pressed by mistake takes it from nobody");
}

#[tokio::test]
async fn a_deadline_that_passed_before_time_stood_still_is_shown_as_such() {
    let web = busy().await;
    let agent = web.signed_in("agente").await;
    let row = |page: &Page, title: &str| page.texts("tbody tr").into_iter().find(|row| row.contains(title)).unwrap();
    let overdue = agent.page("/solicitudes?overdue=yes").await;
    assert!(row(&overdue, "Asunto 6 ").contains("vencido en pausa"), "{}", row(&overdue, "Asunto 6 "));
    let list = agent.page("/solicitudes?status=open").await;
    assert!(
        row(&list, "Asunto 41 ").contains("en pausa") && !row(&list, "Asunto 41 ").contains("vencido"),
        "{}",
        row(&list, "Asunto 41 ")
    );
    assert!(!row(&list, "Asunto 42 ").contains("en pausa"), "nothing is promised for it");
    let id = web.number("select id from desk.tickets where title = 'Asunto 6'").await;
    let ticket = agent.page(&format!("/solicitudes/{id}")).await;
    assert!(ticket.text(".clock .state").contains("En pausa, y ya vencido"), "{}", ticket.html);
    let of = web.number("select client_id from desk.tickets where title = 'Asunto 6'").await;
    let client = agent.page(&format!("/clientes/{of}")).await;
    assert!(
        client.texts("tbody tr").iter().any(|row| row.contains("Asunto 6 ") && row.contains("vencido en pausa")),
        "{}",
        client.html
    );
}

#[tokio::test]
async fn an_agent_says_what_a_ticket_is_about_and_reads_its_history() {
    let web = desk().await;
    let (client, agent, manager) = (web.signed_in("cliente").await, web.signed_in("agente").await, web.signed_in("jefa").await);
    let ticket = client.opens("El correo no sale", "normal").await;
    let before = agent.page(&ticket).await;
    assert_eq!(before.attribute("#tags", "value").as_deref(), Some("correo, red"));
    let changed = agent.does(&ticket, "clasificar", &[("category", "access"), ("tags", "Correo, VPN")]).await;
    assert!(
        changed.text("aside dl").contains("Accesos y contraseñas") && changed.text("aside dl").ends_with("correo , vpn"),
        "{}",
        changed.html
    );
    let token = before.token();
    let stale = agent
        .send_with(&token, &format!("{ticket}/clasificar"), &[("version", "0"), ("category", "other"), ("tags", "uno")])
        .await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let stale = Page::of(stale).await;
    assert!(
        stale.text("[role=alert]").contains("Otra persona cambió") && stale.attribute("#tags", "value").as_deref() == Some("uno")
    );
    let wrong = agent.does(&ticket, "clasificar", &[("category", "access"), ("tags", &"x".repeat(41))]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(agent.does(&ticket, "clasificar", &[("category", "magia"), ("tags", "")]).await.status, StatusCode::BAD_REQUEST);
    manager.does(&ticket, "prioridad", &[("priority", "high")]).await;
    agent.does(&ticket, "resolver", &[("answer", "Ya sale.")]).await;

    let read = agent.page(&ticket).await;

    let lines: Vec<(String, String)> = read.texts(".history .by").into_iter().zip(read.texts(".history .what")).collect();
    let expected = [
        ("Íñigo Zúñiga Ceballos", "Resuelta"),
        ("Consuelo Güell Ávila", "Prioridad: Normal → Alta"),
        ("Íñigo Zúñiga Ceballos", "Asunto: Red → Accesos y contraseñas · Etiquetas: +vpn −red"),
    ];
    for (line, (by, what)) in lines.iter().zip(expected) {
        assert_eq!((line.1.as_str(), line.0.split(' ').next()), (what, by.split(' ').next()), "{lines:?}");
    }
    assert_eq!(lines.last().map(|line| line.1.as_str()), Some("Abierta"), "{lines:?}");
    assert!(read.text("aside").contains("se cierra sola"), "{}", read.html);
    let theirs = client.page(&ticket).await;
    assert!(
        !theirs.html.contains("Historia") && !theirs.html.contains("/clasificar") && !theirs.html.contains("/anular"),
        "{}",
        theirs.html
    );
    assert!(theirs.text("aside").contains("se cierra sola"), "the client is told too");
    assert!(
        agent
            .page(&ticket.replace("/solicitudes/", "/tickets/"))
            .await
            .text(".history")
            .contains("Category: Network → Access and passwords")
    );
}

#[tokio::test]
async fn a_duplicate_is_made_void_and_leads_to_where_it_goes_on() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let (kept, twice) = (client.opens("El correo no sale", "normal").await, client.opens("Correo otra vez", "normal").await);
    let number = kept.rsplit('/').next().unwrap().to_owned();
    for into in ["999999", "abc"] {
        let refused = agent.does(&twice, "anular", &[("reason", "duplicate"), ("into", into)]).await;
        assert!(
            refused.status.is_client_error() && refused.text("[role=alert]").contains("No hay otra solicitud"),
            "{}",
            refused.html
        );
        assert_eq!(refused.attribute("#into", "value").as_deref(), Some(into));
    }
    let over = client.opens("Correo, lo de ayer", "normal").await;
    agent.does(&over, "resolver", &[("answer", "Ya sale.")]).await;
    let of_over = over.rsplit('/').next().unwrap();
    let refused = agent.does(&twice, "anular", &[("reason", "duplicate"), ("into", of_over)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text("[role=alert]").contains(&format!("La #{of_over} ya no está en curso")), "{}", refused.html);
    let void = agent.does(&twice, "anular", &[("reason", "duplicate"), ("into", &format!("#{number}"))]).await;
    assert!(
        void.text("main .notice").contains("Anulada: Duplicada")
            && void.text("main .notice").contains(&format!("Sigue en #{number}")),
        "{}",
        void.html
    );
    assert!(agent.page(&kept).await.text(".thread").contains("Correo otra vez"), "both know of each other");
    assert!(agent.page("/solicitudes?status=closed").await.text("tbody tr").contains("Anulada"));
    let theirs = client.page(&twice).await;
    assert!(theirs.texts("form.answer").is_empty() && !theirs.html.contains("Abrir de nuevo"), "{}", theirs.html);
    let token = client.page(&kept).await.token();
    let elsewhere = Page::of(client.send_with(&token, &format!("{twice}/comentario"), &[("body", "Hola")]).await).await;
    assert!(elsewhere.text("[role=alert]").contains(&format!("sigue en la #{number}")), "{}", elsewhere.html);
}

#[tokio::test]
async fn an_agent_reads_when_time_stood_still_and_why_and_the_client_does_not() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("El correo no sale", "normal").await;
    assert_eq!(agent.page(&ticket).await.texts(".pauses").len(), 0, "it never did");
    let waits = agent.does(&ticket, "comentario", &[("body", "¿Desde dónde?"), ("wait", "yes")]).await;
    assert_eq!(waits.texts(".pauses .what"), ["Se esperaba al cliente (Solución)"]);
    assert!(waits.text(".pauses .when").ends_with("– sigue"), "{}", waits.html);
    // From ten o'clock of a Monday to half past eleven of the Tuesday, in an office that is open from eight to six.
    sqlx::raw_sql("update desk.sla_pauses set during = tstzrange('2026-03-02 15:00+00', '2026-03-03 16:30+00')")
        .execute(&web.stores.db)
        .await
        .unwrap();
    client.does(&ticket, "comentario", &[("body", "Desde la oficina.")]).await;
    agent.does(&ticket, "resolver", &[("answer", "Ya sale.")]).await;
    let read = agent.page(&ticket).await;
    let told = |page: &Page| (page.texts(".pauses .when"), page.texts(".pauses .held"));
    let expected = (
        vec!["2026-03-02 10:00:00 – 2026-03-03 11:30:00".to_owned()],
        vec!["11 h 30 min de horario laboral sin contar".to_owned()],
    );
    assert_eq!(told(&read), expected, "{}", read.html);
    let english = agent.page(&ticket.replace("/solicitudes/", "/tickets/")).await;
    assert_eq!(english.texts(".pauses .what"), ["The client was waited for (Solution)"]);
    let theirs = client.page(&ticket).await;
    assert!(theirs.texts(".pauses").is_empty() && !theirs.html.contains("horario laboral"), "{}", theirs.html);

    agent.does(&ticket, "estado", &[("act", "close")]).await;
    assert_eq!(web.puts_away().await, 1);
    assert_eq!(told(&agent.page(&ticket).await), expected, "of one that was put away too");
}

#[tokio::test]
async fn a_ticket_that_was_put_away_can_be_read_by_whom_it_was_there_for() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("El fax no contesta", "normal").await;
    agent.does(&ticket, "comentario", &[("body", "Nota vieja."), ("internal", "yes")]).await;
    agent.does(&ticket, "resolver", &[("answer", "Se cambió la línea.")]).await;
    agent.does(&ticket, "estado", &[("act", "close")]).await;
    sqlx::raw_sql(
        "update desk.tickets set updated_at = now() - interval '4 years', closed_at = closed_at;
         insert into core.users (email, full_name, role, password_hash, email_verified_at)
         select 'vecina@faena.example', 'Nuria Vecina', 'client', password_hash, now() from core.users where email = 'cliente@faena.example';
         insert into desk.contacts (user_id, client_id) select u.id, c.id from core.users u, desk.clients c
         where u.email = 'vecina@faena.example' and c.name like 'Hospital%'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    assert_eq!((web.puts_away().await, web.number("select count(*) from desk.tickets").await), (1, 0));

    let read = agent.page(&ticket).await;

    assert!(read.text("main .notice").contains("en el archivo"), "{}", read.html);
    assert_eq!(read.texts("article .lines"), ["Desde las ocho.", "Nota vieja.", "Se cambió la línea."]);
    assert_eq!(read.texts("main form[method=post]").len(), 0, "there is nothing to press: {}", read.html);
    assert!(read.text(".history").contains("Resuelta"), "{}", read.html);
    assert_eq!(client.page(&ticket).await.texts("article .lines"), ["Desde las ocho.", "Se cambió la línea."]);
    assert_eq!(web.signed_in("vecina").await.get(&ticket).await.status(), StatusCode::NOT_FOUND);
    let token = client.page("/solicitudes/nueva").await.token();
    let late = client.send_with(&token, &format!("{ticket}/comentario"), &[("body", "Hola")]).await;
    assert_eq!(late.status(), StatusCode::NOT_FOUND, "nobody changes it any more");
}

#[tokio::test]
async fn two_clients_of_one_name_are_refused() {
    let web = desk().await;
    let manager = web.signed_in("jefa").await;
    let calendar = web.number("select min(id) from desk.calendars").await.to_string();
    let makes = async |name: &str| {
        let fields = [("name", name), ("calendar", calendar.as_str()), ("response_minutes", "60"), ("without_contract", "serve")];
        manager.send("/clientes/nuevo", "/clientes/nuevo", &fields).await
    };
    for name in ["Cafés del Quindío S. A.", "CAFES DEL QUINDIO, S.A.", "Cafés  del Quindío S A"] {
        let refused = makes(name).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        let refused = Page::of(refused).await;
        assert!(refused.text("#name-problem").contains("se llama así"), "{}", refused.html);
        assert_eq!(refused.attribute("#name", "value").as_deref(), Some(name));
    }
    let other = makes("Cafés del Quindío S. A. S.").await;
    let path = leads_to(&other).split('?').next().unwrap().to_owned();
    let edit = format!("{path}/editar");
    let form = manager.page(&edit).await;
    let version = form.attribute("input[name=version]", "value").unwrap();
    let fields = [
        ("version", version.as_str()),
        ("name", "hospital san roque"),
        ("calendar", calendar.as_str()),
        ("response_minutes", "60"),
        ("without_contract", "serve"),
    ];
    assert_eq!(manager.send_with(&form.token(), &edit, &fields).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(web.number("select count(*) from desk.clients").await, 3);
}

#[tokio::test]
async fn a_promise_that_was_broken_stays_so_when_nothing_is_promised_any_more() {
    let web = busy().await;
    let agent = web.signed_in("agente").await;
    // Overdue for three hours, and nothing is promised for the solution of what can wait.
    let id = web.number("select id from desk.tickets where title = 'Asunto 3'").await;
    let ticket = agent.does(&format!("/solicitudes/{id}"), "prioridad", &[("priority", "low")]).await;
    assert_eq!(ticket.texts(".clock .state"), ["Incumplida"], "{}", ticket.html);
}

#[tokio::test]
async fn what_was_said_under_a_ticket_is_read_two_hundred_at_a_time_from_the_end_on() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("Un hilo largo", "low").await;
    // Two are said in the same second.
    sqlx::raw_sql(
        "insert into desk.comments (ticket_id, ticket_created_at, author_id, body, is_internal, by_desk, created_at)
         select t.id, t.created_at, u.id, 'Palabra ' || n, n % 3 = 0, true, t.created_at + n / 2 * interval '1 second'
         from desk.tickets t, core.users u, generate_series(1, 600) n where u.email = 'agente@faena.example' order by n",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    for (who, condition, stretches) in [(&agent, "true", 3), (&client, "not is_internal", 2)] {
        let (mut said, mut pages, mut path) = (Vec::new(), 0, Some(ticket.clone()));
        while let Some(here) = path {
            let page = who.page(&here).await;
            let mut stretch = page.texts("article .lines");
            assert_eq!(
                (stretch.remove(0).as_str(), stretch.len()),
                ("Desde las ocho.", 200),
                "what it is about, and a stretch: {here}"
            );
            stretch.append(&mut said);
            said = stretch;
            pages += 1;
            let back = page.attribute(&format!("main .thread a[href='{ticket}']"), "href");
            assert_eq!(back.is_some(), pages > 1, "from what is earlier a way leads back");
            path = page.attribute("a[rel=prev]", "href");
        }
        let sql = format!("select body from desk.comments where {condition} order by created_at, id");
        let expected: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&web.stores.db).await.unwrap();
        assert_eq!((said, pages), (expected, stretches), "each once, in order");
    }
    assert_eq!(
        agent.page(&format!("{ticket}?before=x")).await.texts("article .lines").len(),
        201,
        "what means nothing is not said"
    );
}

#[tokio::test]
async fn whose_word_it_was_does_not_change_with_what_somebody_becomes() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("El correo no sale", "normal").await;
    client.does(&ticket, "comentario", &[("body", "Lo del cliente.")]).await;
    agent.does(&ticket, "comentario", &[("body", "Lo de la mesa.")]).await;
    // They change places.
    sqlx::raw_sql(
        "update core.users set role = 'agent' where email = 'cliente@faena.example';
         update core.users set role = 'learner' where email = 'agente@faena.example'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();

    let ours = web.signed_in("jefa").await.page(&ticket).await.texts("article.ours .lines");

    assert_eq!(ours, ["Lo de la mesa."]);
}
