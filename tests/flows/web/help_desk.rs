//! The help desk as its people meet it: the client's portal, the agents' list, a ticket, and the alerts.

use reqwest::StatusCode;

use super::{Page, Visitor, Web, leads_to};

/// A web with the demo's people and its help desk; jobs are known by name, though nobody runs them.
pub(super) async fn desk() -> Web {
    furnished(Web::start().await).await
}

/// The same on a web that was started before.
pub(super) async fn furnished(web: Web) -> Web {
    let web = web.with_demo_accounts().await;
    sqlx::raw_sql(include_str!("../../../deploy/demo-desk.sql")).execute(&web.stores.db).await.unwrap();
    jobs::catalogue().publication().write(&mut web.stores.db.acquire().await.unwrap(), "test").await.unwrap();
    web
}

impl Visitor {
    /// Opens a ticket: the address of its page.
    pub(super) async fn opens(&self, title: &str, priority: &str) -> String {
        let fields = [
            ("title", title),
            ("description", "Desde las ocho."),
            ("category", "network"),
            ("priority", priority),
            ("tags", "Correo, red"),
        ];
        let answer = self.send("/solicitudes/nueva", "/solicitudes/nueva", &fields).await;
        leads_to(&answer).to_owned()
    }

    /// Presses a button of the ticket's page.
    pub(super) async fn does(&self, ticket: &str, act: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.page(ticket).await;
        let version = page.attribute("input[name=version]", "value").unwrap_or_default();
        let fields: Vec<_> = [("version", version.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.sends_stale(&page, ticket, act, &fields).await
    }

    /// The same from a page that was opened before.
    async fn sends_stale(&self, page: &Page, ticket: &str, act: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.send_with(&page.token(), &format!("{ticket}/{act}"), fields).await;
        match answer.status() {
            StatusCode::SEE_OTHER => self.page(leads_to(&answer)).await,
            _ => Page::of(answer).await,
        }
    }
}

#[tokio::test]
async fn a_ticket_goes_from_the_clients_portal_to_an_agent_and_back_until_it_is_closed() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("El correo <b>no</b> sale", "urgent").await;

    let list = agent.page("/solicitudes").await;
    let row = list.text("tbody tr");
    for said in ["El correo <b>no</b> sale", "Nueva", "Urgente", "Cafés del Quindío S. A.", "Nadie todavía"] {
        assert!(row.contains(said), "{said}: {row}");
    }
    let me = web.number("select id from core.users where email = 'agente@faena.example'").await.to_string();
    let mine = agent.does(&ticket, "asignar", &[("agent", &me)]).await;
    assert!(
        mine.text("aside dl").contains("Íñigo Zúñiga Ceballos") && mine.text("aside .state").contains("En curso"),
        "{}",
        mine.html
    );
    assert!(mine.texts(".clock").iter().all(|clock| clock.contains("Quedan")), "{:?}", mine.texts(".clock"));
    agent.does(&ticket, "comentario", &[("body", "Parece el cortafuegos."), ("internal", "yes")]).await;
    let waiting = agent.does(&ticket, "comentario", &[("body", "¿Desde qué\nred escribe?"), ("wait", "yes")]).await;
    assert_eq!(waiting.texts("article").len(), 3);
    assert!(waiting.text("aside .state").contains("Espera al cliente") && waiting.html.contains("En pausa"), "{}", waiting.html);

    // The client reads Spanish here, though their account is in English.
    let read = client.page(&ticket).await;
    assert_eq!(read.texts("article .lines"), ["Desde las ocho.", "¿Desde qué red escribe?"], "no note of the agents'");
    assert!(!read.html.contains("cortafuegos") && !read.html.contains("/asignar"), "{}", read.html);
    let answered = client.does(&ticket, "comentario", &[("body", "Desde la oficina.")]).await;
    assert!(answered.text("aside .state").contains("En curso"), "{}", answered.html);

    let solved = agent.does(&ticket, "resolver", &[("answer", "Abrimos el puerto.")]).await;
    assert!(solved.text("aside .state").contains("Resuelta"), "{}", solved.html);
    assert_eq!(solved.texts(".clock .state"), ["Cumplida", "Cumplida"]);
    let closed = agent.does(&ticket, "estado", &[("act", "close")]).await;
    assert!(closed.text("aside .state").contains("Cerrada"), "{}", closed.html);
    assert!(agent.page("/solicitudes").await.html.contains("No hay ninguna así"), "it is over");
    assert!(client.page("/solicitudes?status=all").await.text("tbody").contains("Cerrada"));
    let again = client.does(&ticket, "comentario", &[("body", "Volvió a pasar.")]).await;
    assert!(again.text("aside .state").contains("En curso"), "{}", again.html);
}

#[tokio::test]
async fn who_changes_a_ticket_that_somebody_else_has_changed_keeps_what_they_typed() {
    let web = desk().await;
    let (client, agent, manager) = (web.signed_in("cliente").await, web.signed_in("agente").await, web.signed_in("jefa").await);
    let ticket = client.opens("La impresora no imprime", "normal").await;
    let before = agent.page(&ticket).await;
    manager.does(&ticket, "prioridad", &[("priority", "high")]).await;

    let refused =
        agent.sends_stale(&before, &ticket, "resolver", &[("version", "0"), ("answer", "Le pusimos «papel» & tinta.")]).await;

    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text("[role=alert]").contains("Otra persona cambió la solicitud"), "{}", refused.html);
    assert_eq!(refused.text("#answer"), "Le pusimos «papel» & tinta.");
    assert!(refused.text("aside dl").contains("Alta"), "as it is now");
    let silent = agent.does(&ticket, "resolver", &[("answer", " ")]).await;
    assert_eq!(silent.status, StatusCode::CONFLICT);
    assert!(silent.text("[role=alert]").contains("todavía no tiene ninguna respuesta"), "{}", silent.html);
    for body in [" ", "a\u{0}b", "\u{200b}\u{2060}", "\u{3164}", "\u{ad}"] {
        assert_eq!(
            agent.does(&ticket, "comentario", &[("body", body)]).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{body:?}"
        );
    }
    assert_eq!(web.number("select count(*) from desk.comments").await, 0, "what nobody can read is no answer");
    for (act, fields) in [("estado", [("act", "delete")]), ("prioridad", [("priority", "now")]), ("asignar", [("agent", "x")])] {
        assert_eq!(agent.does(&ticket, act, &fields).await.status, StatusCode::BAD_REQUEST, "{act}");
    }
}

#[tokio::test]
async fn what_is_no_text_is_refused_with_its_field() {
    let web = desk().await;
    let client = web.signed_in("cliente").await;
    let token = client.page("/solicitudes/nueva").await.token();
    let sends = async |title: &str, description: &str| {
        let form = format!("csrf={token}&title={title}&description={description}&category=other&priority=low&tags=");
        let request = client.client.post(format!("{}/solicitudes/nueva", client.site));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        Page::of(request.send().await.unwrap()).await
    };
    for (title, description, field) in [
        ("%ff%fe", "Nada", "title"),
        ("Algo", "Pasa+%c3%28", "description"),
        ("Algo", "%EF%BF%BF", "description"),
        ("Algo", "%E2%80%8B", "description"),
        ("%E3%85%A4", "Nada", "title"),
    ] {
        let refused = sends(title, description).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{title} {description}");
        assert!(!refused.text(&format!("#{field}-problem")).is_empty(), "{}", refused.html);
        assert_eq!(refused.texts(".problem").len(), 1, "the other field is right: {}", refused.html);
    }
    assert_eq!(web.number("select count(*) from desk.tickets").await, 0);
    assert_eq!(sends("Sale+%EF%BF%BD", "Eso+se+lee.").await.status, StatusCode::SEE_OTHER, "that somebody has seen and copied");
}

#[tokio::test]
async fn nobody_sees_or_touches_what_is_another_clients() {
    let web = desk().await;
    let agent = web.signed_in("agente").await;
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, password_hash, email_verified_at)
         select 'vecina@faena.example', 'Nuria Vecina', 'client', password_hash, now() from core.users where email = 'cliente@faena.example';
         insert into core.users (email, full_name, role, password_hash, email_verified_at)
         select 'suelto@faena.example', 'Sin Empresa', 'client', password_hash, now() from core.users where email = 'cliente@faena.example';
         insert into desk.contacts (user_id, client_id) select u.id, c.id from core.users u, desk.clients c
         where u.email = 'vecina@faena.example' and c.name like 'Hospital%'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let ticket = web.signed_in("cliente").await.opens("Nóminas de la dirección", "normal").await;
    let neighbour = web.signed_in("vecina").await;

    assert_eq!(neighbour.get(&ticket).await.status(), StatusCode::NOT_FOUND);
    assert!(!neighbour.page("/solicitudes?status=all").await.html.contains("Nóminas"));
    let token = neighbour.page("/solicitudes/nueva").await.token();
    for (act, fields, status) in [
        ("comentario", vec![("body", "Hola")], StatusCode::NOT_FOUND),
        ("estado", vec![("version", "0"), ("act", "reopen")], StatusCode::NOT_FOUND),
        ("asignar", vec![("version", "0"), ("agent", "")], StatusCode::FORBIDDEN),
        ("resolver", vec![("version", "0"), ("answer", "Ya")], StatusCode::FORBIDDEN),
    ] {
        let answer = neighbour.send_with(&token, &format!("{ticket}/{act}"), &fields).await;
        assert_eq!(answer.status(), status, "{act}");
    }
    let other = web.number("select id from desk.clients where name like 'Cafés%'").await.to_string();
    let fields = [
        ("client", other.as_str()),
        ("title", "x"),
        ("description", "y"),
        ("category", "other"),
        ("priority", "low"),
        ("tags", ""),
    ];
    neighbour.send_with(&token, "/solicitudes/nueva", &fields).await;
    let owner = web.number("select count(*) from desk.tickets t join desk.clients c on c.id = t.client_id where c.name like 'Hospital%' and t.title = 'x'");
    assert_eq!(owner.await, 1, "whatever the form says, it is their own client's");
    assert_eq!(web.signed_in("suelto").await.get("/solicitudes").await.status(), StatusCode::FORBIDDEN, "of no client");
    assert_eq!(agent.get("/solicitudes/999999999").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(agent.get("/solicitudes/x").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_list_is_filtered_and_goes_on_page_by_page() {
    let web = desk().await;
    let agent = web.signed_in("agente").await;
    sqlx::raw_sql(
        "insert into desk.tickets (created_at, client_id, title, description, priority, category, tags, created_by, assigned_to, updated_at)
         select now() - n * interval '1 minute', (select min(id) from desk.clients), 'Asunto ' || n, '-', case when n % 10 = 0 then 'high' else 'low' end,
                case when n % 7 = 0 then 'billing' else 'other' end, case when n % 30 = 0 then '{red}'::text[] when n <= 51 then '{blue}' else '{}' end, u.id,
                case when n % 4 = 0 then u.id end, now()
         from generate_series(1, 120) n, core.users u where u.email = 'agente@faena.example'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let titles = async |path: String| {
        let page = agent.page(&path).await;
        (page.texts("tbody th").into_iter().map(|title| title.split_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>(), page)
    };
    let (mut seen, mut path) = (Vec::new(), "/solicitudes".to_owned());
    loop {
        let (shown, page) = titles(path).await;
        seen.extend(shown);
        let Some(next) = page.attribute("a[rel=next]", "href") else { break };
        path = next;
    }
    assert_eq!(seen, (1..=120).map(|n| format!("Asunto {n}")).collect::<Vec<_>>(), "each once, the newest first");
    for (query, count) in [
        ("priority=high", 12),
        ("category=billing", 17),
        ("tag=RED", 4),
        ("tag=blue", 50),
        ("whose=mine", 30),
        ("whose=nobodys&priority=high", 6),
        ("status=resolved", 0),
        ("status=%00&priority=x&after=y", 50),
    ] {
        assert_eq!(titles(format!("/solicitudes?{query}")).await.0.len(), count, "{query}");
    }
    let (_, whole) = titles("/solicitudes?tag=blue".to_owned()).await;
    assert_eq!(whole.attribute("a[rel=next]", "href"), None, "a page that is just full leads to no empty one");
    let next = titles("/solicitudes?whose=nobodys&priority=low".to_owned()).await.1.attribute("a[rel=next]", "href").unwrap();
    assert!(next.contains("whose=nobodys") && next.contains("priority=low") && next.contains("after="), "{next}");
}

#[tokio::test]
async fn alerts_are_the_worst_first_until_somebody_takes_note_or_the_promise_is_kept() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    assert!(agent.page("/alertas").await.html.contains("No hay alertas por mirar"));
    let near = client.opens("La red va lenta", "urgent").await;
    let passed = client.opens("No hay red", "urgent").await;
    let id = |ticket: &str| ticket.rsplit('/').next().unwrap().parse::<i64>().unwrap();
    for (ticket, due) in [(id(&near), "9 minutes"), (id(&passed), "-930 seconds")] {
        sqlx::query(
            "update desk.sla_clocks set due_at = now() + $2::interval, warn_at = now() + $2::interval - interval '10 minutes',
                 next_at = now() + $2::interval - interval '10 minutes', escalate_at = array[now() + interval '1 day', now() + interval '2 days']
             where ticket_id = $1 and promise = 'first_response'",
        )
        .bind(ticket)
        .bind(due)
        .execute(&web.stores.db)
        .await
        .unwrap();
    }
    let mut tx = web.stores.db.begin().await.unwrap();
    let now = sqlx::query_scalar("select now()").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(jobs::help_desk::advance::advance(&mut tx, now).await.unwrap().alerts, 2);
    tx.commit().await.unwrap();

    let rows = agent.page("/alertas").await.texts("tbody tr");
    // A quarter of an hour, or some minutes more where everything is slow.
    let is_late = |text: &str, by: &str| (15..25).any(|minutes| text.contains(&format!("{by} {minutes} min")));
    assert!(rows[0].contains("No hay red") && rows[0].contains("Incumplido") && is_late(&rows[0], "con"), "{rows:?}");
    assert!(rows[1].contains("La red va lenta") && rows[1].contains("Vence pronto"), "{rows:?}");
    let read = agent.page(&passed).await;
    assert!(is_late(&read.text(".clock"), "Venció hace"), "{}", read.html);
    let worst = agent.page("/alertas").await.attribute("tbody form", "action").unwrap();
    leads_to(&agent.send("/alertas", &worst, &[]).await);
    agent.does(&near, "comentario", &[("body", "Ya la miramos.")]).await;

    assert!(agent.page("/alertas").await.html.contains("No hay alertas por mirar"));
    let all = agent.page("/alerts?show=all").await.texts("tbody tr");
    assert!(all.len() == 2 && all.iter().any(|row| row.contains("No hay red") && row.contains("Íñigo Zúñiga")), "{all:?}");
    assert_eq!(client.get("/alertas").await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_deadline_that_is_no_more_waits_for_nobody() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("La VPN se corta", "urgent").await;
    agent.does(&ticket, "comentario", &[("body", "La miramos.")]).await;
    sqlx::raw_sql(
        "update desk.sla_clocks set due_at = now() + interval '5 minutes', warn_at = now() - interval '5 minutes', next_at = now() - interval '5 minutes'
         where promise = 'resolution'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let mut tx = web.stores.db.begin().await.unwrap();
    let now = sqlx::query_scalar("select now()").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(jobs::help_desk::advance::advance(&mut tx, now).await.unwrap().alerts, 1);
    tx.commit().await.unwrap();
    assert!(agent.page("/alertas").await.text("tbody tr").contains("La VPN se corta"));

    agent.does(&ticket, "comentario", &[("body", "¿Desde dónde?"), ("wait", "yes")]).await;

    assert!(agent.page("/alertas").await.html.contains("No hay alertas por mirar"), "time stands still");
    assert_eq!(agent.page("/alertas?show=all").await.texts("tbody tr").len(), 1, "what was told was told");
}

#[tokio::test]
async fn alerts_stand_page_by_page_and_taking_note_of_some_says_so_and_keeps_the_place() {
    let web = desk().await;
    sqlx::raw_sql(
        "insert into desk.tickets (created_at, client_id, title, description, created_by, status, updated_at)
         select date_trunc('second', now()), (select min(id) from desk.clients), 'Alarma ' || n, '-', u.id, 'open', now()
         from core.users u, generate_series(1, 120) n where u.email = 'agente@faena.example';
         insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, started_at,
             counted_to, warn_at, due_at, level)
         select t.id, t.created_at, 'resolution', 1, (select min(id) from desk.calendars), 1, 3600, 1800, t.created_at, t.created_at,
             now() - interval '1 day', now() - make_interval(mins => (t.id * 37 % 50)::integer), 1 + t.id % 4
         from desk.tickets t where t.title like 'Alarma%';
         insert into desk.alerts (clock_id, ticket_id, level, due_at, reached_at, created_at, after_level)
         select id, ticket_id, level, due_at, warn_at, now() - interval '1 minute' * (ticket_id % 7), level - 1 from desk.sla_clocks where level > 0",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let (agent, manager) = (web.signed_in("agente").await, web.signed_in("jefa").await);
    let titles = |page: &Page| page.texts("tbody th a bdi");
    let all = async |query: &str| {
        let (mut found, mut next) = (Vec::new(), Some(format!("/alertas?{query}")));
        while let Some(path) = next {
            let page = agent.page(&path).await;
            found.extend(titles(&page));
            next = page.attribute("a[rel=next]", "href");
        }
        found
    };
    let oracle = async |which: &str, order: &str| {
        let sql =
            format!("select t.title from desk.alerts a join desk.tickets t on t.id = a.ticket_id where {which} order by {order}");
        sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql)).fetch_all(&web.stores.db).await.unwrap()
    };
    let worst = "a.level desc, a.due_at, a.id desc";
    assert_eq!(all("").await, oracle("true", worst).await);
    assert_eq!(all("kind=escalation").await, oracle("a.level > 2", worst).await);
    assert_eq!(all("kind=warning&show=x").await, oracle("a.level = 1", worst).await);
    assert_eq!(all("show=all&kind=breach").await, oracle("a.level = 2", "a.created_at desc, a.id desc").await);

    sqlx::raw_sql("update desk.tickets set assigned_to = created_by where title like 'Alarma%' and id % 3 = 0")
        .execute(&web.stores.db)
        .await
        .unwrap();
    assert_eq!(all("whose=mine").await, oracle("t.assigned_to is not null", worst).await);
    let breaches = oracle("t.assigned_to is not null and a.level = 2", "a.created_at desc, a.id desc").await;
    assert_eq!(all("whose=mine&show=all&kind=breach").await, breaches);

    // On the second page of the warnings and what is worse, somebody takes note of one, and is where they were.
    let second = agent.page("/alertas").await.attribute("a[rel=next]", "href").unwrap();
    let page = agent.page(&second).await;
    let there = titles(&page);
    let fields: Vec<(String, String)> = page.form_fields("tbody form");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = agent.send_with(&page.token(), &page.attribute("tbody form", "action").unwrap(), &fields).await;
    let back = leads_to(&answer).to_owned();
    assert!(back.starts_with(&second) && back.ends_with("#noted"), "{back} {second}");
    let (noted, _) = back.split_once('#').unwrap();
    let after = agent.page(noted).await;
    assert_eq!(titles(&after), there, "everything where it was");
    assert_eq!(after.text("[role=status]"), "Marcaste una alerta como vista.");
    let row = after.text("tr#noted");
    assert!(row.contains(&there[0]) && row.contains("Visto Íñigo Zúñiga"), "{row}");
    assert_eq!(titles(&agent.page(&second).await).first(), there.get(1), "later it stands there no more");

    // Several at once; one of them somebody else has just noted.
    let chosen: Vec<String> = after.each("tbody input[name=alert]", |one| one.attr("value").unwrap().to_owned());
    manager.send("/alertas", &format!("/alertas/{}/vista", chosen[1]), &[]).await;
    let fields = [("alert", &*chosen[0]), ("alert", &chosen[1]), ("alert", &chosen[2]), ("kind", "warning"), ("show", "")];
    let answer = agent.send_with(&after.token(), "/alertas/vistas", &fields).await;
    let said = agent.page(leads_to(&answer).split('#').next().unwrap()).await;
    assert_eq!(said.text("[role=status]"), "Marcaste 2 alertas como vistas. Otra persona ya había marcado una como vista.");
    let mut seen = all("show=noted").await;
    seen.sort_unstable();
    let mut expected = oracle("a.acknowledged_at is not null", "1").await;
    expected.sort_unstable();
    assert_eq!((seen.len(), seen), (4, expected));
    let of = web.number(
        "select count(*) from desk.alerts a join core.users u on u.id = a.acknowledged_by where u.email = 'jefa@faena.example'",
    );
    assert_eq!(of.await, 1, "the first to look stands beside it");
    let none = agent.send_with(&said.token(), "/alertas/vistas", &[("kind", "warning"), ("whose", "mine")]).await;
    assert_eq!(leads_to(&none), "/alertas?kind=warning&whose=mine&noted=none");
    assert_eq!(agent.page(leads_to(&none)).await.text("[role=status]"), "No elegiste ninguna.");
    let forged = agent.send_with(&said.token(), "/alertas/vistas", &[("alert", "x")]).await;
    assert_eq!(forged.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn without_a_contract_a_client_that_is_not_served_is_told_so() {
    let web = desk().await;
    sqlx::raw_sql("delete from desk.contracts; update desk.clients set without_contract = 'refuse'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    let client = web.signed_in("cliente").await;
    let fields =
        [("title", "Algo"), ("description", "Pasa <i>algo</i>"), ("category", "other"), ("priority", "low"), ("tags", "")];
    let refused = Page::of(client.send("/solicitudes/nueva", "/solicitudes/nueva", &fields).await).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.text("[role=alert]").contains("No hay contrato vigente") && refused.text("textarea") == "Pasa <i>algo</i>",
        "{}",
        refused.html
    );
    // Who works here has no commercial contact.
    let id = web.number("select min(id) from desk.clients").await.to_string();
    let of_client: Vec<(&str, &str)> = fields.iter().copied().chain([("client", id.as_str())]).collect();
    let agent = web.signed_in("agente").await;
    let refused = Page::of(agent.send("/solicitudes/nueva", "/solicitudes/nueva", &of_client).await).await;
    let said = refused.text("[role=alert]");
    assert!(said.contains("Este cliente no tiene contrato vigente") && !said.contains("comercial"), "{said}");
    let fields = [("title", " "), ("description", ""), ("category", "other"), ("priority", "low"), ("tags", "a/b c, dos")];
    let wrong = Page::of(client.send("/solicitudes/nueva", "/solicitudes/nueva", &fields).await).await;
    assert_eq!(wrong.texts(".problem").len(), 2, "{}", wrong.html);
}

#[tokio::test]
async fn a_client_that_is_served_without_a_contract_is_shown_that() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    sqlx::raw_sql("update desk.clients set without_contract = 'no_promise'; delete from desk.contracts")
        .execute(&web.stores.db)
        .await
        .unwrap();
    let without = client.opens("Sin contrato", "normal").await;
    for who in [&client, &agent] {
        let page = who.page(&without).await;
        assert!(page.text("aside dl").contains("Contrato Sin contrato vigente"), "{}", page.html);
        assert!(page.texts(".clock").is_empty(), "and nothing is promised");
    }
}
