//! Tickets for programs: opened, answered and changed in somebody's name, as that person may, and once for a key.

use jobs::access::api_token::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Web,
    api::{Answer, Program, fits},
    help_desk::desk,
    tickets::busy,
};

const ALL: [Scope; 3] = [Scope::ReadTickets, Scope::WriteTickets, Scope::ReadClients];

impl Web {
    pub(super) async fn client_named(&self, pattern: &'static str) -> i64 {
        sqlx::query_scalar("select id from desk.clients where name like $1")
            .bind(pattern)
            .fetch_one(&self.stores.db)
            .await
            .unwrap()
    }

    pub(super) async fn account(&self, who: &str) -> i64 {
        sqlx::query_scalar("select id from core.users where email = $1::citext")
            .bind(format!("{who}@faena.example"))
            .fetch_one(&self.stores.db)
            .await
            .unwrap()
    }

    pub(super) async fn runs(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.stores.db).await.unwrap();
    }
}

impl Program<'_> {
    async fn sends(&self, method: Method, path: &str, body: &Value, key: Option<&str>) -> Answer {
        let request = self.request(method, path).json(body);
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        Answer::of(request.send().await.unwrap()).await
    }

    async fn opens(&self, body: &Value, key: Option<&str>) -> Answer {
        self.sends(Method::POST, "/api/v1/tickets", body, key).await
    }

    async fn changes(&self, path: &str, body: &Value) -> Answer {
        self.sends(Method::PATCH, path, body, None).await
    }

    async fn says(&self, path: &str, body: &Value, key: Option<&str>) -> Answer {
        self.sends(Method::POST, &format!("{path}/comments"), body, key).await
    }

    /// The numbers of all pages of a list, so many on each.
    async fn walks(&self, query: &str, limit: usize) -> Vec<i64> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.sees(&format!("/api/v1/tickets?limit={limit}&{query}{after}")).await;
            assert_eq!(page.status, StatusCode::OK, "{page:?}");
            let tickets = page.document["tickets"].as_array().unwrap();
            found.extend(tickets.iter().map(|ticket| ticket["id"].as_i64().unwrap()));
            let Some(next) = page.document["next"].as_str() else { return found };
            assert_eq!(tickets.len(), limit, "only the last page is shorter");
            after = format!("&after={next}");
        }
    }
}

/// What the oracle lists: numbers, the newest first.
async fn listed(web: &Web, condition: &str) -> Vec<i64> {
    let sql = format!("select t.id from desk.tickets t where {condition} order by t.created_at desc, t.id desc");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&web.stores.db).await.unwrap()
}

#[tokio::test]
async fn an_agents_program_opens_answers_and_solves_a_ticket_as_it_was_seen_and_once_for_a_key() {
    let web = desk().await;
    // Whoever opens a ticket does not keep the promise of an answer to it.
    let (opener, program) = (web.admits_as("jefa", &ALL).await, web.admits_as("agente", &ALL).await);
    let description: Value = web.visitor().get("/api/v1/openapi.json").await.json().await.unwrap();
    let client = web.client_named("Hospital%").await;
    let wish = json!({ "client": client, "title": " La VPN no conecta ", "description": "Desde las ocho.", "category": "network", "priority": "high",
                       "tags": ["Red", "vpn", "red"] });
    fits(&description, "TicketRequest", &wish);

    let first = opener.opens(&wish, Some("vpn-1")).await;
    let again = opener.opens(&wish, Some("vpn-1")).await;

    assert_eq!((first.status, first.replayed), (StatusCode::CREATED, false), "{first:?}");
    assert_eq!((again.status, again.replayed, &again.document), (StatusCode::CREATED, true, &first.document));
    fits(&description, "Ticket", &first.document);
    let path = first.location.clone().unwrap();
    assert_eq!(path, format!("/api/v1/tickets/{}", first.document["id"]));
    assert_eq!(web.number("select count(*) from desk.tickets").await, 1);
    let ticket = program.sees(&path).await.document;
    for (field, value) in [
        ("title", json!("La VPN no conecta")),
        ("description", json!("Desde las ocho.")),
        ("tags", json!(["red", "vpn"])),
        ("status", json!("new")),
        ("version", json!(0)),
        ("assignee", Value::Null),
        ("client_name", json!("Hospital San Roque")),
        ("created_by", json!(web.account("jefa").await)),
    ] {
        assert_eq!(ticket[field], value, "{field}");
    }
    let promised: Vec<&str> = ticket["deadlines"].as_array().unwrap().iter().map(|of| of["promise"].as_str().unwrap()).collect();
    assert_eq!(promised, ["first_response", "resolution"]);
    let mut other = wish.clone();
    other["title"] = json!("Otra cosa");
    assert_eq!(
        opener.opens(&other, Some("vpn-1")).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the key names another request"
    );

    // Both changes, or none; and only of what was seen.
    let me = web.account("agente").await;
    let change = json!({ "version": 0, "priority": "urgent", "assignee": me });
    fits(&description, "TicketChange", &change);
    let changed = program.changes(&path, &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    fits(&description, "Ticket", &changed.document);
    let of = |answer: &Answer, field: &str| answer.document[field].clone();
    assert_eq!(
        (of(&changed, "priority"), of(&changed, "assignee"), of(&changed, "status")),
        (json!("urgent"), json!(me), json!("open"))
    );
    let late = program.changes(&path, &change).await;
    assert_eq!((late.problem().0, late.problem().1), (409, "#/version"), "{late:?}");
    let version = of(&changed, "version");
    let half = program.changes(&path, &json!({ "version": version, "priority": "low", "status": "resolved" })).await;
    assert_eq!(half.problem(), (409, "#/answer", "nobody has answered the client yet"));
    assert_eq!(program.sees(&path).await.document["priority"], "urgent", "nothing of it was done");

    let answer = json!({ "body": "Reiniciamos el concentrador." });
    fits(&description, "CommentRequest", &answer);
    let said = program.says(&path, &answer, Some("word")).await;
    let twice = program.says(&path, &answer, Some("word")).await;
    assert_eq!((said.status, twice.replayed, &twice.document), (StatusCode::CREATED, true, &said.document), "{twice:?}");
    fits(&description, "Comment", &said.document);
    // The same words under the same key, elsewhere, are another request.
    let second = program.opens(&other, None).await.location.unwrap();
    assert_eq!(program.says(&second, &answer, Some("word")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let note = program.says(&path, &json!({ "body": "Era el firmware.", "internal": true }), None).await;
    assert_eq!(note.document["internal"], true);

    let version = program.sees(&path).await.document["version"].clone();
    let waits = program.changes(&path, &json!({ "version": version, "status": "waiting_client" })).await;
    assert_eq!(of(&waits, "status"), "waiting_client", "{waits:?}");
    let solved = json!({ "version": of(&waits, "version"), "status": "resolved", "answer": "Ya conecta.", "assignee": null });
    let solved = program.changes(&path, &solved).await;
    assert_eq!((of(&solved, "status"), of(&solved, "assignee")), (json!("resolved"), Value::Null), "{solved:?}");
    let closed = program.changes(&path, &json!({ "version": of(&solved, "version"), "status": "closed" })).await;
    let refused = program.changes(&path, &json!({ "version": of(&closed, "version"), "priority": "low" })).await;
    assert_eq!(refused.problem(), (409, "#/status", "the ticket is closed: it cannot be given another priority"));
    let opened = program.changes(&path, &json!({ "version": of(&closed, "version"), "status": "open", "priority": "low" })).await;
    assert_eq!((of(&opened, "status"), of(&opened, "priority")), (json!("open"), json!("low")), "opened first: {opened:?}");

    let words = program.sees(&format!("{path}/comments?limit=2")).await.document;
    fits(&description, "Comments", &words);
    let rest = program.sees(&format!("{path}/comments?limit=2&after={}", words["next"])).await.document;
    let bodies: Vec<&str> = [&words, &rest]
        .iter()
        .flat_map(|page| page["comments"].as_array().unwrap())
        .map(|word| word["body"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["Reiniciamos el concentrador.", "Era el firmware.", "Ya conecta."]);
    assert_eq!(rest["next"], Value::Null);
    let by_me = format!("select count(*) from core.audit_log where subject = 'ticket:' || {} and actor_id = {me}", ticket["id"]);
    let noted: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(by_me)).fetch_one(&web.stores.db).await.unwrap();
    assert_eq!(noted, 10, "all of it is noted in the name that the token bears");
}

#[tokio::test]
async fn a_clients_program_sees_that_clients_tickets_and_what_is_public_and_does_what_they_may() {
    let web = desk().await;
    let (theirs, agent) = (web.admits_as("cliente", &ALL).await, web.admits_as("agente", &ALL).await);
    let (own, other) = (web.client_named("Cafés%").await, web.client_named("Hospital%").await);
    let wish = |client: Option<i64>| json!({ "client": client, "title": "El correo no sale", "description": "Nada sale." });

    let opened = theirs.opens(&wish(None), None).await;
    assert_eq!((opened.status, &opened.document["client"]), (StatusCode::CREATED, &json!(own)), "{opened:?}");
    let path = opened.location.unwrap();
    let elsewhere = agent.opens(&wish(Some(other)), None).await.location.unwrap();
    assert_eq!(theirs.opens(&wish(Some(other)), None).await.problem(), (422, "#/client", "there is no such client"));

    // What is another client's is as unknown as what never was.
    let never = "/api/v1/tickets/999999";
    for place in ["", "/comments"] {
        let (of_other, of_none) =
            (theirs.sees(&format!("{elsewhere}{place}")).await, theirs.sees(&format!("{never}{place}")).await);
        assert_eq!((of_other.status, of_none.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
        assert_eq!(
            (of_other.document["title"].clone(), of_other.document["detail"].clone()),
            (of_none.document["title"].clone(), Value::Null)
        );
    }
    assert_eq!(theirs.says(&elsewhere, &json!({ "body": "¿Hola?" }), None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(theirs.changes(&elsewhere, &json!({ "version": 0, "status": "open" })).await.status, StatusCode::NOT_FOUND);
    assert_eq!(theirs.walks("", 10).await, listed(&web, &format!("t.client_id = {own}")).await);
    assert_eq!(theirs.walks(&format!("client={other}"), 10).await, Vec::<i64>::new());
    assert_eq!(agent.walks("", 1).await.len(), 2);

    agent.says(&path, &json!({ "body": "Es el servidor de Roque.", "internal": true }), None).await;
    agent.says(&path, &json!({ "body": "Lo miramos." }), None).await;
    let read = theirs.sees(&format!("{path}/comments")).await.document;
    let bodies: Vec<&Value> = read["comments"].as_array().unwrap().iter().map(|word| &word["body"]).collect();
    assert_eq!(bodies, [&json!("Lo miramos.")], "notes among agents are for agents");
    assert_eq!(theirs.says(&path, &json!({ "body": "Nota", "internal": true }), None).await.problem().0, 403);

    let me = web.account("cliente").await;
    for change in [
        json!({ "priority": "urgent" }),
        json!({ "assignee": me }),
        json!({ "status": "resolved" }),
        json!({ "status": "waiting_client" }),
    ] {
        let mut change = change;
        change["version"] = theirs.sees(&path).await.document["version"].clone();
        assert_eq!(theirs.changes(&path, &change).await.problem().0, 403, "{change}");
    }
    let version = |ticket: &Value| ticket["version"].clone();
    let now = agent.sees(&path).await.document;
    let solved = agent.changes(&path, &json!({ "version": version(&now), "status": "resolved" })).await.document;
    let again = theirs.changes(&path, &json!({ "version": version(&solved), "status": "open" })).await;
    assert_eq!(again.document["status"], "open", "that it is not solved they may say: {again:?}");

    let clients = theirs.sees("/api/v1/clients").await.document;
    let names: Vec<&Value> = clients["clients"].as_array().unwrap().iter().map(|client| &client["name"]).collect();
    assert_eq!(names, [&json!("Cafés del Quindío S. A.")]);
    assert_eq!(theirs.sees(&format!("/api/v1/clients/{other}")).await.status, StatusCode::NOT_FOUND);

    // A name that has nothing to do here opens nothing, and neither does one that has no more to do with the client.
    let learner = web.admits_as("aprendiz", &ALL).await;
    for path in ["/api/v1/tickets", "/api/v1/clients", path.as_str()] {
        let said = learner.sees(path).await;
        assert_eq!(said.problem(), (403, "", "the person has nothing to do with the help desk"), "{path}");
    }
    web.runs("delete from desk.contacts").await;
    assert_eq!(theirs.sees(&path).await.problem().0, 403);
}

#[tokio::test]
async fn a_program_classifies_a_ticket_and_makes_a_duplicate_go_on_in_another() {
    let web = desk().await;
    let (theirs, agent) = (web.admits_as("cliente", &ALL).await, web.admits_as("agente", &ALL).await);
    let description: Value = web.visitor().get("/api/v1/openapi.json").await.json().await.unwrap();
    let wish = json!({ "title": "El correo no sale", "description": "Nada sale.", "tags": ["correo"] });
    let (kept, twice) = (theirs.opens(&wish, None).await, theirs.opens(&wish, None).await);
    let (into, path) = (kept.document["id"].clone(), twice.location.unwrap());
    let of = |answer: &Answer, fields: [&str; 2]| fields.map(|field| answer.document[field].clone());

    let change = json!({ "version": 0, "category": "network" });
    fits(&description, "TicketChange", &change);
    let sorted = agent.changes(&path, &change).await;
    assert_eq!(of(&sorted, ["category", "tags"]), [json!("network"), json!(["correo"])], "{sorted:?}");
    let tagged = agent.changes(&path, &json!({ "version": 1, "tags": ["SMTP", "correo"] })).await;
    assert_eq!(of(&tagged, ["category", "tags"]), [json!("network"), json!(["correo", "smtp"])], "{tagged:?}");

    for (change, at) in [
        (json!({ "void_reason": "ugly" }), "#/void_reason"),
        (json!({ "void_reason": "spam", "merged_into": into }), "#/merged_into"),
        (json!({ "merged_into": into }), "#/merged_into"),
        (json!({ "void_reason": "duplicate", "merged_into": 999_999 }), "#/merged_into"),
        (json!({ "void_reason": "duplicate", "status": "closed" }), "#/status"),
        (json!({ "tags": ["dos palabras"] }), "#/tags/0"),
    ] {
        let mut change = change;
        change["version"] = json!(2);
        let refused = agent.changes(&path, &change).await;
        assert_eq!((refused.problem().0, refused.problem().1), (422, at), "{change}");
    }
    let change = json!({ "version": 2, "void_reason": "duplicate", "merged_into": into });
    fits(&description, "TicketChange", &change);
    assert_eq!(theirs.changes(&path, &change).await.problem().0, 403, "who works at the desk says so");
    let void = agent.changes(&path, &change).await;
    assert_eq!(of(&void, ["status", "void_reason"]), [json!("closed"), json!("duplicate")], "{void:?}");
    assert_eq!(void.document["merged_into"], into);
    fits(&description, "Ticket", &void.document);

    // Its people are sent to where it goes on.
    let sent = format!("the ticket goes on in {into}");
    assert_eq!(theirs.says(&path, &json!({ "body": "¿Hola?" }), None).await.problem(), (409, "", sent.as_str()));
    let again = json!({ "version": void.document["version"], "status": "open" });
    assert_eq!(theirs.changes(&path, &again).await.problem(), (409, "", sent.as_str()));
    assert_eq!(of(&agent.changes(&path, &again).await, ["void_reason", "merged_into"]), [Value::Null, Value::Null]);
}

#[tokio::test]
async fn tickets_are_listed_page_by_page_by_what_is_asked_for() {
    let web = desk().await;
    let program = web.admits_as("jefa", &ALL).await;
    let mine = web.admits_as("agente", &ALL).await;
    // Of every sort, several of one moment.
    web.runs(
        "select desk.make_partitions(3, (now() - interval '2 days')::date);
         insert into desk.tickets (created_at, client_id, title, description, category, tags, priority, status, created_by, assigned_to, resolved_at, closed_at,
             updated_at)
         select at, (select id from desk.clients order by id limit 1 offset n % 2), 'Asunto ' || n, '-', (array['access', 'hardware', 'network'])[n % 3 + 1],
             case when n % 4 = 0 then array['vpn'] else '{}' end, (array['low', 'normal', 'high', 'urgent'])[n % 4 + 1], status,
             (select id from core.users where role = 'client' limit 1),
             case n % 3 when 0 then (select id from core.users where email = 'agente@faena.example') when 1 then (select id from core.users where role = 'manager' limit 1) end,
             case when status in ('resolved', 'closed') then at end, case when status = 'closed' then at end, at
         from generate_series(1, 60) n
         cross join lateral (select date_trunc('day', now()) - (n / 5) * interval '1 hour' as at,
             (array['new', 'open', 'waiting_client', 'resolved', 'closed'])[n % 5 + 1] as status) t",
    )
    .await;
    let everything = listed(&web, "true").await;
    assert_eq!(everything.len(), 60);
    assert_eq!(program.walks("", 7).await, everything);
    let hospital = web.client_named("Hospital%").await;
    for (query, condition) in [
        ("status=live".to_owned(), "t.resolved_at is null".to_owned()),
        ("status=waiting_client&priority=high".to_owned(), "(t.status, t.priority) = ('waiting_client', 'high')".to_owned()),
        ("category=network&tag=VPN".to_owned(), "t.category = 'network' and 'vpn' = any (t.tags)".to_owned()),
        (format!("client={hospital}"), format!("t.client_id = {hospital}")),
        ("assignee=nobody".to_owned(), "t.assigned_to is null".to_owned()),
        (
            format!("assignee={}", web.account("agente").await),
            "t.assigned_to = (select id from core.users where email = 'agente@faena.example')".to_owned(),
        ),
    ] {
        let expected = listed(&web, &condition).await;
        assert!(!expected.is_empty() && expected.len() < 60, "{query}");
        assert_eq!(program.walks(&query, 4).await, expected, "{query}");
    }
    assert_eq!(
        mine.walks("assignee=me", 50).await,
        listed(&web, "t.assigned_to = (select id from core.users where email = 'agente@faena.example')").await
    );
    let from = web.moment("select min(created_at) + interval '3 hours' from desk.tickets").await;
    let before = web.moment("select max(created_at) from desk.tickets").await;
    let stamp = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let between = format!("t.created_at >= '{}' and t.created_at < '{}'", stamp(from), stamp(before));
    let query = format!("opened_from={}&opened_before={}", stamp(from), stamp(before));
    assert_eq!(program.walks(&query, 9).await, listed(&web, &between).await);

    // A ticket that comes, and one that goes, while somebody walks: of the others each is seen once.
    let first = program.sees("/api/v1/tickets?limit=10").await.document;
    program.opens(&json!({ "client": hospital, "title": "Nueva", "description": "-" }), None).await;
    web.runs("delete from desk.tickets where id = (select id from (select id, created_at from desk.tickets order by created_at desc, id desc limit 11) t order by created_at, id limit 1)").await;
    let rest = program.walks(&format!("after={}", first["next"].as_str().unwrap()), 50).await;
    let seen: Vec<i64> =
        first["tickets"].as_array().unwrap().iter().map(|ticket| ticket["id"].as_i64().unwrap()).chain(rest).collect();
    let expected: Vec<i64> = everything[..9].iter().chain(&everything[10..]).copied().collect();
    let kept: Vec<i64> = seen.iter().copied().filter(|id| *id != everything[9]).collect();
    assert_eq!(kept, expected);
    let description: Value = web.visitor().get("/api/v1/openapi.json").await.json().await.unwrap();
    fits(&description, "Tickets", &first);
    assert!(first["tickets"][0].get("description").is_none(), "lists leave out what they are about");

    let clients = program.sees("/api/v1/clients?limit=1").await.document;
    fits(&description, "Clients", &clients);
    assert_eq!(
        (&clients["clients"][0]["name"], &clients["clients"][0]["contract"]),
        (&json!("Cafés del Quindío S. A."), &json!("CQ-1"))
    );
    let second = program.sees(&format!("/api/v1/clients?limit=1&after={}", clients["next"])).await.document;
    assert_eq!((&second["clients"][0]["id"], &second["next"]), (&json!(hospital), &Value::Null));
    assert_eq!(program.sees("/api/v1/clients?name=QUINDIO").await.document["clients"].as_array().unwrap().len(), 1);
    let one = program.sees(&format!("/api/v1/clients/{hospital}")).await.document;
    fits(&description, "Client", &one);
    let counted = web.number("select open_tickets_count from desk.clients where name like 'Hospital%'").await;
    assert_eq!(one["open_tickets_count"], counted);
}

#[tokio::test]
async fn overdue_tickets_are_asked_for_and_the_next_deadline_comes_first_page_by_page() {
    let web = busy().await;
    let (program, theirs) = (web.admits_as("agente", &ALL).await, web.admits_as("cliente", &ALL).await);
    let expected = async |condition: &str, order: &str| -> Vec<i64> {
        let sql = format!(
            "select t.id from desk.tickets t left join (select ticket_id, min(due_at) as due from desk.sla_clocks group by ticket_id) k on k.ticket_id = t.id
             join desk.clients c on c.id = t.client_id left join core.users u on u.id = t.assigned_to where {condition} order by {order}"
        );
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&web.stores.db).await.unwrap()
    };
    let (newest, deadline) = ("t.created_at desc, t.id desc", "due nulls last, t.id");
    for (query, condition, order) in [
        ("overdue=true", "due < now()", newest),
        ("overdue=false", "(due < now()) is not true", newest),
        ("order=newest", "true", newest),
        ("order=deadline", "true", deadline),
        ("order=deadline&overdue=true&assignee=me", "due < now() and u.email = 'agente@faena.example'", deadline),
        ("order=deadline&status=waiting_client", "t.status = 'waiting_client'", deadline),
    ] {
        let expected = expected(condition, order).await;
        assert!(!expected.is_empty(), "{query}");
        for limit in [7, 100] {
            assert_eq!(program.walks(query, limit).await, expected, "{query}");
        }
    }
    assert_eq!(theirs.walks("order=deadline", 7).await, expected("c.name like 'Cafés%'", deadline).await);

    // What the list calls overdue the ticket does, also while time stands still.
    let page = program.sees("/api/v1/tickets?overdue=true").await.document;
    let tickets = page["tickets"].as_array().unwrap();
    assert!(tickets.iter().all(|ticket| ticket["deadlines"][0]["is_overdue"] == true), "{page}");
    assert!(tickets.iter().any(|ticket| ticket["deadlines"][0]["state"] == "paused"), "{page}");
    let description: Value = web.visitor().get("/api/v1/openapi.json").await.json().await.unwrap();
    fits(&description, "Tickets", &page);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    let web = desk().await;
    let program = web.admits_as("agente", &ALL).await;
    let client = web.client_named("Hospital%").await;
    let wrong = program
        .opens(&json!({ "title": " ", "description": "\u{202e}x", "category": "pets", "priority": "asap", "tags": ["uno", "dos palabras"] }), None)
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let places: Vec<&str> =
        wrong.document["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(places, ["#/client", "#/title", "#/description", "#/category", "#/priority", "#/tags/1"]);
    let wish = json!({ "client": client, "title": "x", "description": "x" });
    let with = |field: &str, value: Value| {
        let mut wish = wish.clone();
        wish[field] = value;
        wish
    };
    for (body, problem) in [
        (with("client", json!(999)), (422, "#/client", "there is no such client")),
        (with("title", json!("x".repeat(301))), (422, "#/title", "it has more than 300 characters")),
        (with("tags", json!(vec!["x"; 21])), (422, "#/tags", "a ticket has 20 tags at most")),
    ] {
        assert_eq!(program.opens(&body, None).await.problem(), problem, "{body}");
    }
    let unread = program.opens(&with("colour", json!("red")), None).await;
    assert_eq!(unread.problem().0, 400, "{unread:?}");
    assert_eq!(web.number("select count(*) from desk.tickets").await, 0);

    let path = program.opens(&wish, None).await.location.unwrap();
    let learner = web.account("aprendiz").await;
    for (change, problem) in [
        (json!({}), (422, "#", "nothing is to be changed: a priority, a category, tags, an assignee, a status or a void_reason")),
        (json!({ "status": "new" }), (422, "#/status", "no ticket becomes new again")),
        (json!({ "status": "done" }), (422, "#/status", "there is no \"done\"")),
        (json!({ "priority": "asap" }), (422, "#/priority", "there is no \"asap\"")),
        (json!({ "status": "resolved", "answer": " " }), (422, "#/answer", "it is blank")),
        (json!({ "status": "open" }), (409, "#/status", "the ticket is new: it cannot be open before somebody is at it")),
        (json!({ "status": "closed" }), (409, "#/status", "the ticket is new: it cannot be closed")),
        (
            json!({ "assignee": learner }),
            (422, "#/assignee", "the ticket can only be assigned to an agent or a manager whose account is open"),
        ),
    ] {
        let mut body = change.clone();
        body["version"] = json!(0);
        assert_eq!(program.changes(&path, &body).await.problem(), problem, "{change}");
    }
    let unversioned = program.changes(&path, &json!({ "priority": "low" })).await;
    assert_eq!(unversioned.problem().0, 400, "who has seen nothing changes nothing: {unversioned:?}");
    assert_eq!(program.says(&path, &json!({ "body": "" }), None).await.problem(), (422, "#/body", "it is blank"));
    for (query, why) in [
        ("status=done", "status: there is no \"done\""),
        ("priority=asap", "priority: there is no \"asap\""),
        ("assignee=everybody", "assignee: the number of an account, `me` or `nobody`"),
        ("order=backwards", "order: there is no \"backwards\""),
        ("after=none_7", "after: no page has ended with \"none_7\""),
        ("order=deadline&after=none_x", "after: no page has ended with \"none_x\""),
        ("limit=501", "limit: a page has from 1 to 500 rows, not 501"),
        ("after=7", "after: no page has ended with \"7\""),
        ("after=-8000000000000000000_7", "after: no page has ended with \"-8000000000000000000_7\""),
    ] {
        assert_eq!(program.sees(&format!("/api/v1/tickets?{query}")).await.problem(), (400, "", why));
    }
    assert_eq!(program.sees("/api/v1/tickets?overdue=perhaps").await.problem().0, 400);
    for never in ["yesterday", "-9000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"] {
        assert_eq!(program.sees(&format!("/api/v1/tickets?opened_from={never}")).await.problem().0, 400, "{never}");
    }
    assert_eq!(program.sees("/api/v1/tickets/first").await.status, StatusCode::NOT_FOUND);

    let reader = web.admits_as("agente", &ALL[..1]).await;
    assert_eq!(reader.opens(&wish, None).await.problem(), (403, "", "the token lacks the scope tickets:write"));
    assert_eq!(reader.sees("/api/v1/clients").await.problem(), (403, "", "the token lacks the scope clients:read"));
}
