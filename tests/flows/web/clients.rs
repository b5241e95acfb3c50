//! Clients, policies and calendars as those who lead the desk write them, and as agents read them.

use faena_tests::{process::start_worker, sandbox::Sandbox};
use reqwest::StatusCode;

use super::{Page, Visitor, Web, help_desk::desk, leads_to};

impl Visitor {
    /// Sends the form of a page as it stands there, with other values in some of its fields; `None` takes a field out.
    pub(super) async fn fills(&self, page: &Page, form: &str, changes: &[(&str, Option<&str>)]) -> (StatusCode, Page) {
        let mut fields = page.form_fields(form);
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            fields.extend(value.map(|value| ((*name).to_owned(), value.to_owned())));
        }
        let action = page.attribute(form, "action").expect("where the form is sent");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = self.send_with(&page.token(), &action, &fields).await;
        let status = answer.status();
        match status {
            StatusCode::SEE_OTHER => (status, self.page(leads_to(&answer)).await),
            _ => (status, Page::of(answer).await),
        }
    }
}

async fn client_path(web: &Web, name: &str) -> String {
    let id: i64 = sqlx::query_scalar("select id from desk.clients where name like $1 || '%'")
        .bind(name)
        .fetch_one(&web.stores.db)
        .await
        .unwrap();
    format!("/clientes/{id}")
}

pub(super) const MAIN: &str = "main form[method=post]";

#[tokio::test]
async fn a_client_is_written_down_with_its_contract_and_its_people() {
    let web = desk().await;
    let manager = web.signed_in("jefa").await;
    let form = manager.page("/clientes/nuevo").await;
    let (status, wrong) =
        manager.fills(&form, MAIN, &[("name", Some(" ")), ("calendar", Some("")), ("response_minutes", Some("0"))]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["name", "calendar", "response_minutes"] {
        assert!(!wrong.text(&format!("#{field}-problem")).is_empty(), "{field}: {}", wrong.html);
    }
    let office = form.attribute("#calendar option:nth-child(3)", "value").unwrap();
    let (status, client) = manager
        .fills(
            &form,
            MAIN,
            &[("name", Some("Óptica <b>Sol</b> & Cía.")), ("calendar", Some(&office)), ("response_minutes", Some("90"))],
        )
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(client.text("h1"), "Óptica <b>Sol</b> & Cía.");
    assert!(client.html.contains("No tiene ninguno"), "no contract");

    let contract = "details.add form";
    let (status, wrong) = manager
        .fills(
            &client,
            contract,
            &[("reference", Some("S-1")), ("starts_on", Some("2026-05-01")), ("ends_on", Some("2026-04-30"))],
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text("#ends_on-problem").contains("Termina antes de empezar"), "{}", wrong.html);
    let (_, client) = manager
        .fills(
            &client,
            contract,
            &[("reference", Some("S-1")), ("starts_on", Some("2026-01-01")), ("ends_on", Some("2035-12-31"))],
        )
        .await;
    assert!(client.text("section table").contains("Vigente"), "{}", client.html);
    for (reference, from, problem) in [
        ("S-1", "2036-01-01", "#reference-problem"),
        ("S-2", "2035-12-31", "#starts_on-problem"),
        ("S-2", "-9000-01-01", "#starts_on-problem"),
    ] {
        let fields = [("reference", Some(reference)), ("starts_on", Some(from)), ("ends_on", Some(""))];
        let (status, wrong) = manager.fills(&client, contract, &fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!wrong.text(problem).is_empty(), "{reference}: {}", wrong.html);
    }
    // It ended after all.
    let (_, client) = manager.fills(&client, "td details form", &[("ends_on", Some("2026-02-01"))]).await;
    assert!(client.text("section table").contains("Terminado"), "{}", client.html);

    let person = "aside form[action$=personas]";
    for (address, field, said) in [
        ("nadie", "email", "correo electrónico"),
        ("agente@faena.example", "email", "no es de cliente"),
        ("cliente@faena.example", "email", "otro cliente"),
        ("nadie@optica.example", "full_name", "Nadie tiene una cuenta"),
    ] {
        let (status, wrong) = manager.fills(&client, person, &[("email", Some(address))]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.text(&format!("#{field}-problem")).contains(said), "{address} {said}: {}", wrong.html);
    }
    sqlx::raw_sql("insert into core.users (email, full_name, role, password_hash) values ('Sol@optica.example', 'Sol Marín', 'client', '-')")
        .execute(&web.stores.db)
        .await
        .unwrap();
    let (_, client) = manager.fills(&client, person, &[("email", Some("sol@optica.example"))]).await;
    assert!(client.text(".people").contains("Sol Marín"), "{}", client.html);
    let (_, client) = manager.fills(&client, "aside form[action$=quitar]", &[]).await;
    assert!(client.html.contains("Nadie todavía"), "{}", client.html);
    let noted: Vec<String> = sqlx::query_scalar("select action from core.audit_log where subject like 'client:%' order by id")
        .fetch_all(&web.stores.db)
        .await
        .unwrap();
    assert_eq!(noted, ["make_client", "make_contract", "change_contract", "add_contact", "remove_contact"]);
}

#[tokio::test]
async fn who_writes_over_what_somebody_else_has_changed_is_told_and_keeps_what_they_typed() {
    let web = desk().await;
    let (manager, admin) = (web.signed_in("jefa").await, web.signed_in("admin").await);
    let path = client_path(&web, "Cafés").await;
    let before = manager.page(&format!("{path}/editar")).await;
    let (status, _) =
        admin.fills(&admin.page(&format!("{path}/editar")).await, MAIN, &[("name", Some("Cafés del Quindío"))]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (status, refused) = manager.fills(&before, MAIN, &[("name", Some("Mis «cafés»"))]).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(refused.text("[role=alert]").contains("Otra persona lo cambió"), "{}", refused.html);
    assert_eq!(refused.attribute("#name", "value").as_deref(), Some("Mis «cafés»"));

    let (policies, calendar) = (manager.page("/plazos").await, web.number("select min(id) from desk.calendars").await);
    let calendar = format!("/calendarios/{calendar}");
    let hours = manager.page(&calendar).await;
    admin.fills(&admin.page("/plazos").await, MAIN, &[("urgent_first", Some("20"))]).await;
    admin.fills(&admin.page(&calendar).await, MAIN, &[("saturday", Some("09:00-12:00"))]).await;
    let (status, _) = manager.fills(&policies, MAIN, &[("urgent_first", Some("5"))]).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = manager.fills(&hours, MAIN, &[("sunday", Some("09:00-12:00"))]).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(web.number("select count(*) from desk.calendar_hours where weekday = 7").await, 0);
}

#[tokio::test]
async fn another_policy_moves_the_deadlines_of_open_tickets_and_says_how_many() {
    let web = desk().await;
    let (client, manager) = (web.signed_in("cliente").await, web.signed_in("jefa").await);
    client.opens("No hay red", "urgent").await;
    let path = client_path(&web, "Cafés").await;
    let target = "select target_s from desk.sla_clocks where promise = 'resolution'";
    assert_eq!(web.number(target).await, 120 * 60);

    let own = manager.page(&format!("{path}/plazos")).await;
    assert!(own.text(".policy").contains("Si no:"), "{}", own.html);
    let ticked = [("urgent_set", Some("yes")), ("urgent_first", Some("30")), ("urgent_resolution", Some("45"))];
    let wrong = [("urgent_warn", Some("many")), ("urgent_escalate", Some("60, -1"))];
    let (status, refused) = manager.fills(&own, MAIN, &[ticked.as_slice(), &wrong].concat()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["urgent_warn", "urgent_escalate"] {
        assert!(refused.text(&format!("#{field}-problem")).contains("minutos"), "{field}: {}", refused.html);
    }
    let (status, saved) = manager.fills(&own, MAIN, &[ticked.as_slice(), &[("urgent_escalate", Some("60, 30"))]].concat()).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(saved.text("[role=status]").contains("una solicitud abierta"), "{}", saved.html);
    assert_eq!(saved.attribute("#urgent_escalate", "value").as_deref(), Some("30, 60"));
    assert_eq!(web.number(target).await, 45 * 60);
    let shown = manager.page(&path).await;
    assert!(shown.text(".promised").contains("45 min") && shown.text(".promised").contains("Plazo propio"), "{}", shown.html);
    let (_, saved) = manager.fills(&saved, MAIN, &[("urgent_set", None)]).await;
    assert!(saved.attribute("#urgent_set", "checked").is_none());
    assert_eq!(web.number(target).await, 120 * 60, "everybody's again");
}

#[tokio::test]
async fn a_calendar_says_what_is_wrong_with_its_hours_and_holidays() {
    let web = desk().await;
    let manager = web.signed_in("jefa").await;
    let form = manager.page("/calendarios/nuevo").await;
    let (status, wrong) = manager
        .fills(
            &form,
            MAIN,
            &[
                ("name", Some("Madrid")),
                ("time_zone", Some("Europe/Atlantis")),
                ("tuesday", Some("9-18")),
                ("holidays", Some("2026-12-25 Navidad\nReyes")),
            ],
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["time_zone", "tuesday", "holidays"] {
        assert!(!wrong.text(&format!("#{field}-problem")).is_empty(), "{field}: {}", wrong.html);
    }
    assert!(wrong.text("#holidays-problem").contains("«Reyes»"), "{}", wrong.html);
    let closed: Vec<_> = ["monday", "tuesday", "wednesday", "thursday", "friday"].map(|day| (day, Some(""))).into();
    let (status, never) = manager.fills(&form, MAIN, &[closed.as_slice(), &[("name", Some("Nunca"))]].concat()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(never.text("#monday-problem").contains("en un año"), "{}", never.html);
    let night = [
        ("name", Some("Madrid")),
        ("time_zone", Some("Europe/Madrid")),
        ("tuesday", Some("22:00-24:00")),
        ("wednesday", Some("00:00 - 6:00, 22:00–24:00")),
        ("holidays", Some("2026-12-25 Navidad\n2026-01-06 Reyes")),
    ];
    let (status, made) = manager.fills(&form, MAIN, &night).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(made.attribute("#wednesday", "value").as_deref(), Some("00:00-06:00, 22:00-24:00"));
    assert_eq!(made.text("#holidays"), "2026-01-06 Reyes 2026-12-25 Navidad");
    // Day and night its hours do not count, and are there when they count again.
    let (status, always) = manager.fills(&made, MAIN, &[("always", Some("yes")), ("friday", Some("9:00-12:00"))]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let hours = |page: &Page, day: &str| page.attribute(&format!("#{day}"), "value");
    for day in ["wednesday", "friday"] {
        assert!(
            always.attribute("#always", "checked").is_some() && hours(&always, day).is_some_and(|of| !of.is_empty()),
            "{day}"
        );
    }
    let (status, wrong) = manager.fills(&always, MAIN, &[("friday", Some("9-12"))]).await;
    assert_eq!((status, wrong.texts("#friday-problem").len()), (StatusCode::UNPROCESSABLE_ENTITY, 1), "what is kept is right");
    let (status, made) = manager.fills(&always, MAIN, &[("always", None)]).await;
    assert_eq!((status, made.attribute("#always", "checked")), (StatusCode::SEE_OTHER, None));
    assert_eq!(hours(&made, "wednesday").as_deref(), Some("00:00-06:00, 22:00-24:00"));
    assert_eq!(hours(&made, "friday").as_deref(), Some("09:00-12:00"));
    let (status, taken) = manager.fills(&form, MAIN, &night).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(taken.text("#name-problem").contains("se llama así"), "{}", taken.html);
    assert!(manager.page("/calendarios").await.text("tbody").contains("Europe/Madrid"));
}

#[tokio::test]
async fn agents_read_what_managers_write_and_clients_see_none_of_it() {
    let web = desk().await;
    let (agent, client) = (web.signed_in("agente").await, web.signed_in("cliente").await);
    let path = client_path(&web, "Cafés").await;
    let calendar = format!("/calendarios/{}", web.number("select min(id) from desk.calendars").await);
    for page in ["/clientes", &path, &format!("{path}/plazos"), "/plazos", "/calendarios", &calendar] {
        let read = agent.page(page).await;
        assert_eq!(read.status, StatusCode::OK, "{page}");
        let ways = read.texts("main form[method=post] .actions button");
        assert!(ways.is_empty() && read.texts("main a.button").iter().all(|way| !way.contains("Nuev")), "{page}: {ways:?}");
        assert_eq!(client.get(page).await.status(), StatusCode::FORBIDDEN, "{page}");
    }
    let token = agent.page("/clientes").await.token();
    for (to, fields) in [("/plazos", vec![]), (calendar.as_str(), vec![("name", "x")]), ("/clientes/nuevo", vec![("name", "x")])]
    {
        assert_eq!(agent.send_with(&token, to, &fields).await.status(), StatusCode::FORBIDDEN, "{to}");
    }
    let english = agent.page("/clients").await;
    assert!(english.text("h1").contains("Clients") && english.text("tbody").contains("Hospital San Roque"));
    assert_eq!(agent.page("/clientes?name=QUINDIO").await.texts("tbody th").len(), 1, "without accents");
    assert_eq!(agent.get("/clientes/999999").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_change_that_nobody_follows_any_more_is_said_and_goes_on_at_the_press_of_a_button() {
    let web = desk().await;
    let stopped = "insert into desk.rule_changes (at, tickets, followed, after_ticket, job_id) values (now(), 1234, 500, 500, gen_random_uuid())";
    sqlx::raw_sql(stopped).execute(&web.stores.db).await.unwrap();
    let (manager, agent) = (web.signed_in("jefa").await, web.signed_in("agente").await);
    let button = "form[action='/plazos/seguir']";
    for path in ["/plazos", "/clientes", "/calendarios"] {
        let page = manager.page(path).await;
        assert!(
            page.text("[role=alert]").contains("faltan 734 solicitudes abiertas. No impide hacer otro cambio"),
            "{}",
            page.html
        );
        assert_eq!(page.texts(button).len(), 1, "{path}");
    }
    let read = agent.page("/plazos").await;
    assert!(read.text("[role=alert]").contains("faltan 734") && read.texts(button).is_empty(), "{}", read.html);

    for _ in 0..2 {
        assert_eq!(leads_to(&manager.send("/plazos", "/plazos/seguir", &[]).await), "/plazos");
    }

    let page = manager.page("/plazos").await;
    assert!(page.texts("[role=alert]").is_empty(), "{}", page.html);
    assert_eq!(page.attribute("progress", "value").as_deref(), Some("500"));
    assert_eq!(
        web.number("select count(*) from faena.outbox where name = 'follow_rule_change'").await,
        1,
        "pressed twice, it goes on once"
    );
}

#[tokio::test]
async fn a_client_for_whom_no_list_has_room_is_reached_from_its_own_page() {
    let web = desk().await;
    sqlx::raw_sql(
        "insert into desk.clients (name, calendar_id)
         select name, (select min(id) from desk.calendars) from (select 'Cliente ' || n from generate_series(1, 1100) n union all select 'Zapatería Última') c (name);
         insert into core.users (email, full_name, role, password_hash) select 'a' || n || '@mesa.example', 'Agente ' || n, 'agent', '-' from generate_series(1, 600) n",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let agent = web.signed_in("agente").await;
    for path in ["/solicitudes", "/solicitudes/archivo", "/solicitudes/nueva", "/informes", "/ayuda/articulos/nuevo"] {
        let page = agent.page(path).await;
        let offered = page.texts("#client option");
        assert!(offered.len() == 1001 && !offered.iter().any(|name| name == "Zapatería Última"), "{path}: {}", offered.len());
        assert!(page.text("#more-clients").contains("los demás se encuentran en Clientes"), "{path}");
    }

    let path = client_path(&web, "Zapatería").await;
    let id = path.rsplit('/').next().unwrap();
    let client = agent.page(&path).await;
    let ways = client.each(&format!("main a[href*='?client={id}']"), |way| way.attr("href").unwrap().to_owned());
    assert_eq!(ways.len(), 5, "{ways:?}");
    for way in &ways {
        assert_eq!(agent.page(way).await.texts("#client option[selected]"), ["Zapatería Última"], "{way}");
    }
    let opening = agent.page(&ways[0]).await;
    let (status, ticket) =
        agent.fills(&opening, MAIN, &[("title", Some("Se despegó la suela")), ("description", Some("Otra vez."))]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(ticket.text("aside dl").contains("Zapatería Última"), "{}", ticket.html);
    assert!(agent.page(&ways[1]).await.text("tbody tr").contains("Se despegó la suela"));
    // Nor has the list of who could see to it room for everybody; whoever looks is in it.
    let offered = ticket.texts("#agent option");
    assert!(offered.len() == 502 && offered.iter().any(|name| name.starts_with("Íñigo")), "{}", offered.len());
    assert!(!ticket.text("#more-agents").is_empty());
}

#[tokio::test]
async fn somebody_without_an_account_is_invited_chooses_a_password_and_opens_a_ticket() {
    let (web, sandbox) = (desk().await, Sandbox::start().await.unwrap());
    let _worker = start_worker(&web.stores, &sandbox.smtp_url(), &[]).await;
    let (manager, path) = (web.signed_in("jefa").await, client_path(&web, "Cafés").await);
    let client = manager.page(&path).await;
    let newcomer = [("email", Some("luz@cafes.example")), ("full_name", Some("Luz Núñez")), ("language", Some("en"))];

    let (status, client) = manager.fills(&client, "aside form[action$=personas]", &newcomer).await;

    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(client.text(".people").contains("sin contraseña todavía"), "{}", client.html);
    let letter = sandbox.mail_to("luz@cafes.example").await.unwrap();
    assert_eq!(letter.subject, "You are invited to the help desk");
    for said in ["Hello, Luz", "Consuelo Güell", "Cafés"] {
        assert!(letter.text.as_deref().is_some_and(|text| text.contains(said)), "{said}: {letter:?}");
    }
    // Sent again, another letter; nobody signs in before a password is chosen.
    let (_, client) = manager.fills(&client, "aside form[action$=invitar]", &[]).await;
    let letters = sandbox.mails_to("luz@cafes.example", 2).await.unwrap();
    let link = letters[0].link_with("/password/new?token=").unwrap().replace("https://compilandocode.example", "");
    let guest = web.visitor();
    let page = guest.page(&link).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Choose your password"));
    let (_, token) = link.split_once("token=").unwrap();
    let answer = guest.send(&link, "/password/new", &[("token", token), ("password", "caldo de cifras a las 9")]).await;
    assert_eq!(leads_to(&answer), "/login?done=first-password");
    let fields = [("email", "luz@cafes.example"), ("password", "caldo de cifras a las 9"), ("next", "")];
    assert_eq!(guest.send("/login", "/login", &fields).await.status(), StatusCode::SEE_OTHER);
    assert!(guest.opens("No hay café", "normal").await.starts_with("/solicitudes/"));
    assert!(!manager.page(&path).await.text(".people").contains("sin contraseña"));
    // The other letter is good for nothing any more, nor is sending a third.
    let other = letters[1].link_with("/password/new?token=").unwrap().replace("https://compilandocode.example", "");
    assert_eq!(guest.page(&other).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(manager.fills(&client, "aside form[action$=invitar]", &[]).await.0, StatusCode::CONFLICT);
    let noted: Vec<String> = sqlx::query_scalar("select action from core.audit_log where subject like 'client:%' order by id")
        .fetch_all(&web.stores.db)
        .await
        .unwrap();
    assert_eq!(noted, ["add_contact", "invite_again"]);
    assert_eq!(
        web.number("select count(*) from core.users where email_verified_at is not null and email = 'luz@cafes.example'").await,
        1
    );
}
