//! Articles, alerts and tickets that were put away, for programs: as much of them as the person may see whose name they ask in.

use jobs::access::api_token::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Web,
    api::{Answer, Program, fits},
    archive::past,
    help::with_a_neighbour,
    help_desk::desk,
};

const ALERTS: [Scope; 2] = [Scope::ReadAlerts, Scope::WriteAlerts];

impl Program<'_> {
    /// The numbers of all pages of a list, so many on each.
    async fn collects(&self, path: &str, rows: &str, query: &str, limit: usize) -> Vec<i64> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.sees(&format!("/api/v1/{path}?limit={limit}&{query}{after}")).await;
            assert_eq!(page.status, StatusCode::OK, "{query}: {page:?}");
            let rows = page.document[rows].as_array().unwrap();
            found.extend(rows.iter().map(|row| row["id"].as_i64().unwrap()));
            let Some(next) = page.document["next"].as_str() else { return found };
            assert_eq!(rows.len(), limit, "only the last page is shorter");
            after = format!("&after={next}");
        }
    }

    async fn notes(&self, alert: i64) -> Answer {
        let request = self.request(Method::POST, &format!("/api/v1/alerts/{alert}/acknowledge"));
        Answer::of(request.send().await.unwrap()).await
    }
}

/// The numbers that a statement of the oracle's gives.
async fn numbers(web: &Web, sql: String) -> Vec<i64> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&web.stores.db).await.unwrap()
}

async fn described(web: &Web) -> Value {
    web.visitor().get("/api/v1/openapi.json").await.json().await.unwrap()
}

/// What the oracle finds on the shelf, the latest first.
async fn shelf(web: &Web, condition: &str) -> Vec<i64> {
    let sql = format!(
        "select a.id from desk.kb_articles a left join desk.clients c on c.id = a.client_id
         where a.state = 'published' and {condition} order by a.updated_at desc, a.id desc"
    );
    numbers(web, sql).await
}

#[tokio::test]
async fn a_program_reads_and_searches_the_articles_that_are_published_for_the_person() {
    let web = with_a_neighbour(desk().await).await;
    let scope = [Scope::ReadArticles];
    let (theirs, agent, neighbour) =
        (web.admits_as("cliente", &scope).await, web.admits_as("agente", &scope).await, web.admits_as("vecina", &scope).await);
    // One more, which has a name in common with one of the other language.
    web.runs(
        "update desk.kb_articles set updated_at = updated_at + id % 3 * interval '1 minute';
         insert into desk.kb_articles (locale, slug, title, body, audience, state, author_id, editor_id, created_at, updated_at, published_at)
         select 'en', 'phishing', 'A letter looks odd', 'Do not press anything.', 'clients', 'published', id, id, now(), now(), now()
         from core.users where email = 'agente@faena.example'",
    )
    .await;
    let description = described(&web).await;
    let coffees = "a.audience = 'clients' and (c.id is null or c.name like 'Cafés%')";
    let everybodys = "a.audience = 'clients' and c.id is null";
    for (who, condition) in [(&agent, "true"), (&theirs, coffees), (&neighbour, everybodys)] {
        let expected = shelf(&web, condition).await;
        assert!(expected.len() > 5, "{condition}");
        assert_eq!(who.collects("articles", "articles", "", 2).await, expected, "{condition}");
    }
    assert_eq!(agent.collects("articles", "articles", "language=en", 1).await, shelf(&web, "a.locale = 'en'").await);

    // What holds all that is asked for, in any form and without its accents; page by page the same as at once.
    for (q, condition) in [
        ("%22error+809%22", "a.body ilike '%error 809%'"),
        ("CONTRASENA", "a.title || a.body ilike '%contraseña%'"),
        ("Armenia", "a.title || a.body ilike '%Armenia%'"),
        ("escalar+proveedor+", "a.slug = 'escalar-red-proveedor'"),
        ("TPM", "a.title || a.body like '%TPM%'"),
        ("zzzz", "false"),
    ] {
        for (who, readable) in [(&agent, "true"), (&theirs, coffees), (&neighbour, everybodys)] {
            let query = format!("q={q}");
            let found = who.collects("articles", "articles", &query, 100).await;
            assert_eq!(who.collects("articles", "articles", &query, 1).await, found, "{q}");
            let (mut found, mut expected) = (found, shelf(&web, &format!("{condition} and {readable}")).await);
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{q}: {readable}");
        }
    }
    let found = agent.sees("/api/v1/articles?q=vpn&language=es").await.document;
    fits(&description, "Articles", &found);
    assert_eq!(found["articles"][0]["slug"], "vpn-no-conecta", "the closest first: {found}");
    assert!(found["articles"][0].get("body").is_none(), "lists leave out what they say");

    let one = theirs.sees("/api/v1/articles/vpn-no-conecta").await.document;
    fits(&description, "Article", &one);
    assert!(one["body"].as_str().unwrap().starts_with("## Antes de nada"), "{one}");
    assert_eq!((&one["language"], &one["audience"], &one["client"]), (&json!("es"), &json!("clients"), &Value::Null));
    assert_eq!(theirs.sees(&format!("/api/v1/articles/{}", one["id"])).await.document, one);
    for (query, language) in [("", "es"), ("?language=es", "es"), ("?language=en", "en")] {
        assert_eq!(theirs.sees(&format!("/api/v1/articles/phishing{query}")).await.document["language"], language, "{query}");
    }
    let only = theirs.sees("/api/v1/articles/vpn-does-not-connect").await.document;
    assert_eq!(only["language"], "en", "where there is one of that name, it is that one");

    // What is not published is unknown, and so is what is for others.
    for slug in ["migracion-windows-11", "fax-virtual", "no-hay", "NO"] {
        assert_eq!(agent.sees(&format!("/api/v1/articles/{slug}")).await.status, StatusCode::NOT_FOUND, "{slug}");
    }
    for slug in ["escalar-red-proveedor", "acceso-sap-planta"] {
        let there = agent.sees(&format!("/api/v1/articles/{slug}")).await;
        assert_eq!(there.status, StatusCode::OK, "{slug}");
        for path in [slug.to_owned(), there.document["id"].to_string()] {
            assert_eq!(neighbour.sees(&format!("/api/v1/articles/{path}")).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    for (query, why) in [
        ("q=%25", "q: it has no word"),
        ("language=fr", "language: there is no \"fr\""),
        ("limit=0", "limit: a page has from 1 to 500 rows, not 0"),
        ("after=7", "after: no page has ended with \"7\""),
        ("after=7_7", "after: no page has ended with \"7_7\""),
    ] {
        assert_eq!(agent.sees(&format!("/api/v1/articles?{query}")).await.problem(), (400, "", why));
    }
    assert_eq!(agent.sees("/api/v1/articles?state=draft").await.problem().0, 400, "there is nothing to choose");
    let learner = web.admits_as("aprendiz", &scope).await;
    assert_eq!(learner.sees("/api/v1/articles").await.problem(), (403, "", "the person has nothing to do with the help desk"));
    let other = web.admits_as("agente", &ALERTS).await;
    assert_eq!(other.sees("/api/v1/articles").await.problem(), (403, "", "the token lacks the scope articles:read"));
}

/// What the oracle says was told, the latest first.
async fn told(web: &Web, condition: &str) -> Vec<i64> {
    let sql = format!(
        "select a.id from desk.alerts a join desk.tickets t on t.id = a.ticket_id where {condition} order by a.created_at desc, a.id desc"
    );
    numbers(web, sql).await
}

#[tokio::test]
async fn a_program_of_somebody_who_works_at_the_desk_reads_alerts_and_takes_note_of_them() {
    let web = desk().await;
    let (agent, manager) = (web.admits_as("agente", &ALERTS).await, web.admits_as("jefa", &ALERTS).await);
    // Most are of tickets of the agent's, the others of the manager's and of nobody's. Of each fifth somebody has taken note; each seventh is kept by now, and each
    // eleventh has another deadline.
    web.runs(
        "insert into desk.tickets (created_at, client_id, title, description, created_by, status, assigned_to, updated_at)
         select date_trunc('second', now()), (select (array_agg(id order by id))[1 + n % 2] from desk.clients), 'Alarma ' || n, '-', u.id, 'open',
             case n % 9 when 1 then (select id from core.users where email = 'jefa@faena.example') when 3 then null when 7 then null else u.id end, now()
         from core.users u, generate_series(1, 60) n where u.email = 'agente@faena.example';
         insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, started_at,
             counted_to, warn_at, due_at, level)
         select t.id, t.created_at, 'resolution', 1, (select min(id) from desk.calendars), 1, 3600, 1800, t.created_at, t.created_at,
             now() - interval '1 day', now() - make_interval(mins => (t.id * 37 % 50)::integer), 1 + t.id % 4
         from desk.tickets t;
         insert into desk.alerts (clock_id, ticket_id, level, due_at, reached_at, created_at, after_level)
         select id, ticket_id, level, due_at, warn_at, now() - interval '1 minute' * (ticket_id % 7), level - 1 from desk.sla_clocks;
         update desk.alerts set acknowledged_at = now(), acknowledged_by = u.id from core.users u where u.email = 'jefa@faena.example' and ticket_id % 5 = 0;
         update desk.sla_clocks set state = 'met', stopped_at = now() where ticket_id % 7 = 0;
         update desk.sla_clocks set due_at = due_at + interval '1 hour' where ticket_id % 11 = 0",
    )
    .await;
    let description = described(&web).await;
    let waits = "a.acknowledged_at is null and t.id % 7 <> 0 and t.id % 11 <> 0";
    let (hospital, boss) = (web.client_named("Hospital%").await, web.account("jefa").await);
    let ticket = web.number("select max(id) from desk.tickets").await;
    assert_eq!(told(&web, "true").await.len(), 60);
    for (query, condition) in [
        (String::new(), "true".to_owned()),
        ("state=all".to_owned(), "true".to_owned()),
        ("state=open".to_owned(), waits.to_owned()),
        ("state=acknowledged".to_owned(), "t.id % 5 = 0".to_owned()),
        ("kind=warning".to_owned(), "a.level = 1".to_owned()),
        ("kind=breach".to_owned(), "a.level = 2".to_owned()),
        ("kind=escalation&state=open".to_owned(), format!("a.level > 2 and {waits}")),
        (format!("client={hospital}"), format!("t.client_id = {hospital}")),
        ("assignee=me".to_owned(), "t.assigned_to = (select id from core.users where email = 'agente@faena.example')".to_owned()),
        (format!("assignee={boss}&state=open"), format!("t.assigned_to = {boss} and {waits}")),
        ("assignee=nobody&kind=escalation".to_owned(), "t.assigned_to is null and a.level > 2".to_owned()),
        (format!("ticket={ticket}"), format!("t.id = {ticket}")),
    ] {
        let expected = told(&web, &condition).await;
        assert!(!expected.is_empty(), "{query}");
        assert_eq!(agent.collects("alerts", "alerts", &query, 7).await, expected, "{query}");
    }

    let page = agent.sees("/api/v1/alerts?state=open&assignee=me&limit=3").await.document;
    fits(&description, "Alerts", &page);
    let first = &page["alerts"][0];
    let id = first["id"].as_i64().unwrap();
    assert_eq!((&first["is_open"], &first["assignee"]), (&json!(true), &json!(web.account("agente").await)));
    let noted = agent.notes(id).await;
    assert_eq!(noted.status, StatusCode::OK, "{noted:?}");
    fits(&description, "Alert", &noted.document);
    let by = |answer: &Answer| (answer.document["is_open"].clone(), answer.document["acknowledged_by"].clone());
    let mine = (json!(false), json!(web.account("agente").await));
    assert_eq!(by(&noted), mine);
    let second = manager.notes(id).await;
    assert_eq!((second.status, by(&second)), (StatusCode::OK, mine.clone()), "who comes second reads who was first");
    assert_eq!(second.document, noted.document);
    assert_eq!(by(&manager.sees(&format!("/api/v1/alerts/{id}")).await), mine);
    assert!(!agent.collects("alerts", "alerts", "state=open", 50).await.contains(&id));
    assert!(agent.collects("alerts", "alerts", "state=acknowledged", 50).await.contains(&id));

    // They are the desk's, and a token that reads takes note of nothing.
    let theirs = web.admits_as("cliente", &ALERTS).await;
    let other = told(&web, waits).await[0];
    for said in
        [theirs.sees("/api/v1/alerts").await, theirs.sees(&format!("/api/v1/alerts/{other}")).await, theirs.notes(other).await]
    {
        assert_eq!(said.problem(), (403, "", "the person does not work at the help desk"));
    }
    let reader = web.admits_as("agente", &ALERTS[..1]).await;
    assert_eq!(reader.notes(other).await.problem(), (403, "", "the token lacks the scope alerts:write"));
    assert_eq!(agent.sees(&format!("/api/v1/alerts/{other}")).await.document["acknowledged_at"], Value::Null);
    assert_eq!(agent.notes(999_999).await.status, StatusCode::NOT_FOUND);
    for path in ["/api/v1/alerts/999999", "/api/v1/alerts/first"] {
        assert_eq!(agent.sees(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for (query, why) in [
        ("state=closed", "state: there is no \"closed\""),
        ("kind=alarm", "kind: there is no \"alarm\""),
        ("assignee=everybody", "assignee: the number of an account, `me` or `nobody`"),
        ("limit=501", "limit: a page has from 1 to 500 rows, not 501"),
        ("after=7", "after: no page has ended with \"7\""),
    ] {
        assert_eq!(agent.sees(&format!("/api/v1/alerts?{query}")).await.problem(), (400, "", why));
    }
}

#[tokio::test]
async fn what_is_written_under_a_ticket_and_when_time_stood_still_is_read_there_and_in_the_archive() {
    let web = past().await;
    let scope = [Scope::ReadTickets];
    let (theirs, agent) = (web.admits_as("cliente", &scope).await, web.admits_as("agente", &scope).await);
    let description = described(&web).await;
    let (client, desks) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("El fax no contesta", "normal").await;
    desks.does(&ticket, "comentario", &[("body", "Ojo: es la línea vieja."), ("internal", "yes")]).await;
    desks.does(&ticket, "comentario", &[("body", "¿Desde qué número?")]).await;
    client.does(&ticket, "comentario", &[("body", "Desde la recepción.")]).await;
    desks.does(&ticket, "resolver", &[("answer", "Se cambió la línea.")]).await;
    desks.does(&ticket, "estado", &[("act", "close")]).await;
    let id = ticket.rsplit('/').next().unwrap();
    let (here, there) = (format!("/api/v1/tickets/{id}"), format!("/api/v1/archived-tickets/{id}"));
    sqlx::raw_sql(
        "insert into desk.sla_pauses (clock_id, during, reason)
         select c.id, tstzrange(now() - interval '3 hours', now() - interval '2 hours'), 'waiting_client'
         from desk.sla_clocks c join desk.tickets t on t.id = c.ticket_id where t.title = 'El fax no contesta'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    // What two people read of it at an address.
    let read = async |path: &str| -> [Value; 3] {
        let (comments, pauses) = (format!("{path}/comments"), format!("{path}/pauses"));
        [agent.sees(&comments).await.document, theirs.sees(&comments).await.document, agent.sees(&pauses).await.document]
    };

    let before = read(&here).await;
    fits(&description, "Comments", &before[0]);
    let bodies = |page: &Value| -> Vec<String> {
        page["comments"].as_array().unwrap().iter().map(|comment| comment["body"].as_str().unwrap().to_owned()).collect()
    };
    let words = ["Ojo: es la línea vieja.", "¿Desde qué número?", "Desde la recepción.", "Se cambió la línea."];
    assert_eq!(bodies(&before[0]), words);
    assert_eq!(bodies(&before[1]), words[1..], "the client reads no note");
    fits(&description, "Pauses", &before[2]);
    let pauses = before[2]["pauses"].as_array().unwrap();
    assert!(pauses.len() == 1 && pauses[0]["reason"] == "waiting_client" && pauses[0]["held_s"].is_i64(), "{pauses:?}");
    assert_eq!(pauses[0]["promises"], json!(["first_response", "resolution"]));

    assert_eq!(web.puts_away().await, 1);
    assert_eq!(read(&there).await, before, "as it was");
    let first = agent.sees(&format!("{there}/comments?limit=3")).await.document;
    let rest = agent.sees(&format!("{there}/comments?limit=3&after={}", first["next"])).await.document;
    assert_eq!([bodies(&first), bodies(&rest)].concat(), words);
    for part in ["comments", "pauses"] {
        assert_eq!(agent.sees(&format!("{here}/{part}")).await.status, StatusCode::NOT_FOUND, "it is at one place alone");
    }
    let foreign = put_away(&web, "c.name like 'Hospital%'").await[0];
    assert_eq!(theirs.sees(&format!("/api/v1/archived-tickets/{foreign}/comments")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(theirs.sees(&format!("{there}/pauses")).await.problem(), (403, "", "the person does not work at the help desk"));
}

/// What the oracle lists of the archive, the newest first.
async fn put_away(web: &Web, condition: &str) -> Vec<i64> {
    let sql = format!(
        "select t.id from archive.tickets t join desk.clients c on c.id = t.client_id where {condition} order by t.created_at desc, t.id desc"
    );
    numbers(web, sql).await
}

#[tokio::test]
async fn a_program_reads_the_tickets_that_were_put_away_that_the_person_sees() {
    let web = past().await;
    let scope = [Scope::ReadTickets];
    let (theirs, agent) = (web.admits_as("cliente", &scope).await, web.admits_as("agente", &scope).await);
    let description = described(&web).await;
    let (coffee, hospital) = (web.client_named("Cafés%").await, web.client_named("Hospital%").await);
    for (query, condition) in [
        (String::new(), "true".to_owned()),
        (format!("client={hospital}"), format!("c.id = {hospital}")),
        ("title=impresion".to_owned(), "t.title like 'Impresión%'".to_owned()),
        ("title=ROTA+srv-01".to_owned(), "t.title like 'Impresión%'".to_owned()),
        ("title=fax+rota".to_owned(), "false".to_owned()),
        (
            format!("title=fax&client={coffee}&opened_from=2020-07-01T00:00:00Z&opened_before=2020-08-01T00:00:00Z"),
            format!(
                "t.title = 'El fax' and c.id = {coffee} and t.created_at >= '2020-07-01 00:00+00' and t.created_at < '2020-08-01 00:00+00'"
            ),
        ),
    ] {
        assert_eq!(agent.collects("archived-tickets", "tickets", &query, 7).await, put_away(&web, &condition).await, "{query}");
    }
    let own = put_away(&web, "c.name like 'Cafés%'").await;
    assert!(own.len() == 65 && theirs.collects("archived-tickets", "tickets", "", 50).await == own, "all of them and no other");
    assert_eq!(theirs.collects("archived-tickets", "tickets", &format!("client={hospital}"), 50).await, Vec::<i64>::new());

    let page = agent.sees("/api/v1/archived-tickets?limit=2").await.document;
    fits(&description, "Tickets", &page);
    assert!(page["tickets"][0]["archived_at"].is_string() && page["tickets"][0].get("description").is_none(), "{page}");
    let foreign = put_away(&web, "c.name like 'Hospital%'").await[0];
    assert_eq!(theirs.sees(&format!("/api/v1/archived-tickets/{foreign}")).await.status, StatusCode::NOT_FOUND);
    let one = theirs.sees(&format!("/api/v1/archived-tickets/{}", own[0])).await.document;
    fits(&description, "Ticket", &one);
    assert_eq!((&one["client"], &one["description"], &one["deadlines"]), (&json!(coffee), &json!("-"), &json!([])));

    // It is at the desk or put away, and found at one place alone.
    let (client, desks) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("El fax no contesta", "normal").await;
    desks.does(&ticket, "resolver", &[("answer", "Se cambió la línea.")]).await;
    desks.does(&ticket, "estado", &[("act", "close")]).await;
    let id = ticket.rsplit('/').next().unwrap();
    let (here, there) = (format!("/api/v1/tickets/{id}"), format!("/api/v1/archived-tickets/{id}"));
    let before = agent.sees(&here).await;
    assert!(before.status == StatusCode::OK && before.document.get("archived_at").is_none(), "{before:?}");
    assert_eq!(agent.sees(&there).await.status, StatusCode::NOT_FOUND);
    assert_eq!(web.puts_away().await, 1);
    assert_eq!(agent.sees(&here).await.status, StatusCode::NOT_FOUND);
    let mut after = theirs.sees(&there).await.document;
    assert!(after["archived_at"].is_string(), "{after}");
    after.as_object_mut().unwrap().remove("archived_at");
    assert_eq!(after, before.document, "as it was");

    for (query, why) in [
        ("title=%25", "title: it has no word"),
        ("title=a+b+c+d+e+f+g+h+i", "title: it has more than 8 words"),
        ("title=a%00b", "title: must not have a NUL in it"),
        ("limit=0", "limit: a page has from 1 to 500 rows, not 0"),
        ("after=7", "after: no page has ended with \"7\""),
    ] {
        assert_eq!(agent.sees(&format!("/api/v1/archived-tickets?{query}")).await.problem(), (400, "", why));
    }
    assert_eq!(agent.sees("/api/v1/archived-tickets?status=closed").await.problem().0, 400, "all of them are");
    let other = web.admits_as("agente", &ALERTS).await;
    assert_eq!(other.sees("/api/v1/archived-tickets").await.problem(), (403, "", "the token lacks the scope tickets:read"));
}
