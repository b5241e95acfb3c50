//! Reports for programs: asked for in somebody's name, once for a key, and no more of them than that person may see.

use faena_tests::{
    process::{NO_SMTP, start_worker},
    sandbox::{S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY, Sandbox},
    stores::Stores,
    wait::until,
};
use jobs::access::api_token::{ApiToken, NewApiToken, Scope};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{
    Web,
    api::{Answer, Program},
    help_desk::desk,
};

const BOTH: [Scope; 2] = [Scope::ReadReports, Scope::WriteReports];

fn wish() -> Value {
    json!({ "kind": "tickets", "format": "csv", "from": "2026-01-01", "to": "2026-12-31" })
}

impl Web {
    /// A program that asks in the name of one of the demo's people.
    pub(super) async fn admits_as(&self, who: &str, scopes: &[Scope]) -> Program<'_> {
        let new = NewApiToken {
            name: format!("program of {who} with {}", scopes.len()),
            scopes: scopes.to_vec(),
            job_names: None,
            person: Some(format!("{who}@faena.example")),
            expires_at: None,
        };
        let (_, secret) = ApiToken::create(&self.stores.db, &new, "operadora").await.unwrap();
        Program::bearing(self, secret.expose_secret())
    }
}

impl Program<'_> {
    async fn wants(&self, body: &Value, key: Option<&str>) -> Answer {
        let request = self.request(Method::POST, "/api/v1/reports").json(body);
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        Answer::of(request.send().await.unwrap()).await
    }

    pub(super) async fn sees(&self, path: &str) -> Answer {
        Answer::of(self.asks(path).send().await.unwrap()).await
    }
}

#[tokio::test]
async fn a_program_asks_for_a_report_once_and_reads_where_it_stands() {
    let web = desk().await;
    let program = web.admits_as("jefa", &BOTH).await;

    let first = program.wants(&wish(), Some("january")).await;
    let again = program.wants(&wish(), Some("january")).await;
    let unkeyed = program.wants(&wish(), None).await;

    assert_eq!((first.status, first.replayed), (StatusCode::ACCEPTED, false), "{first:?}");
    assert_eq!((again.status, again.replayed), (StatusCode::ACCEPTED, true), "{again:?}");
    let id = first.document["id"].as_str().unwrap();
    assert_eq!(first.location.as_deref(), Some(format!("/api/v1/reports/{id}").as_str()));
    assert_eq!(again.document["id"], id);
    assert_eq!(unkeyed.document["id"], id, "the same is being made already");
    assert_eq!(web.number("select count(*) from core.reports").await, 1);
    assert_eq!(web.number("select count(*) from faena.outbox where name = 'build_report'").await, 1);
    let seen = program.sees(first.location.as_deref().unwrap()).await.document;
    assert_eq!(
        (&seen["state"], &seen["kind"], &seen["to"], &seen["file"]),
        (&json!("queued"), &json!("tickets"), &json!("2026-12-31"), &Value::Null)
    );
    let early = program.sees(&format!("/api/v1/reports/{id}/file")).await;
    assert_eq!(early.problem(), (409, "", "the report is queued: there is no file"));

    let other = program
        .wants(&json!({ "kind": "sla", "format": "pdf", "from": "2026-01-01", "to": "2026-01-31" }), Some("january"))
        .await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "the key names another request");
    let by: String = sqlx::query_scalar(
        "select u.email::text from core.audit_log a join core.users u on u.id = a.actor_id where action = 'request_report'",
    )
    .fetch_one(&web.stores.db)
    .await
    .unwrap();
    assert_eq!(by, "jefa@faena.example", "in whose name it was asked for");
}

#[tokio::test]
async fn a_file_is_given_by_a_link_that_is_good_for_five_minutes() {
    let (sandbox, stores) = (Sandbox::start().await.unwrap(), Stores::fresh().await);
    let s3 = [
        ("S3_ENDPOINT", sandbox.s3_url()),
        ("S3_BUCKET", S3_BUCKET),
        ("S3_ACCESS_KEY_ID", S3_ACCESS_KEY),
        ("S3_SECRET_ACCESS_KEY", S3_SECRET_KEY),
    ];
    let web = Web::start_on(stores, &s3).await.with_demo_accounts().await;
    sqlx::raw_sql(include_str!("../../../deploy/demo-desk.sql")).execute(&web.stores.db).await.unwrap();
    let _worker = start_worker(&web.stores, NO_SMTP, &s3).await;
    let program = web.admits_as("jefa", &BOTH).await;
    let asked = program.wants(&wish(), None).await;
    let path = asked.location.unwrap();

    until("the report to be ready", async || program.sees(&path).await.document["state"] == "ready").await;

    let report = program.sees(&path).await.document;
    let asked = chrono::Utc::now();
    let given = program.sees(report["file"].as_str().unwrap()).await;
    let answered = chrono::Utc::now();
    assert_eq!(given.status, StatusCode::OK);
    let file = reqwest::get(given.document["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(file.status(), StatusCode::OK);
    let bytes = file.bytes().await.unwrap();
    assert_eq!(Some(bytes.len() as i64), report["bytes"].as_i64());
    let good = given.document["good_until"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let made = good - chrono::TimeDelta::minutes(5);
    assert!((asked - chrono::TimeDelta::seconds(1)..=answered).contains(&made), "{made}");
    assert_eq!(web.number("select count(*) from core.audit_log where action = 'download_report'").await, 1);

    sqlx::raw_sql("update core.users set role = 'agent' where email = 'jefa@faena.example'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    let fallen = program.sees(report["file"].as_str().unwrap()).await;
    assert_eq!(fallen.problem().0, 403, "who has fallen gets no more of it: {fallen:?}");
}

#[tokio::test]
async fn reports_are_listed_page_by_page_given_up_and_gone_when_their_time_is_over() {
    let web = desk().await;
    let (program, other) = (web.admits_as("jefa", &BOTH).await, web.admits_as("agente", &BOTH).await);
    let mut asked = Vec::new();
    for month in 1..=5 {
        let period =
            json!({ "kind": "sla", "format": "csv", "from": format!("2026-{month:02}-01"), "to": format!("2026-{month:02}-02") });
        asked.insert(0, program.wants(&period, None).await.document["id"].as_str().unwrap().to_owned());
    }
    let theirs = other.wants(&wish(), None).await.location.unwrap();

    // The latest first, each once, whatever is asked for meanwhile.
    let (mut found, mut path) = (Vec::new(), "/api/v1/reports?limit=2".to_owned());
    loop {
        let page = program.sees(&path).await.document;
        found.extend(page["reports"].as_array().unwrap().iter().map(|report| report["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/reports?limit=2&after={next}");
        program
            .wants(
                &json!({ "kind": "times", "format": "csv", "from": "2026-01-01", "to": format!("2026-01-{:02}", found.len()) }),
                None,
            )
            .await;
    }
    assert_eq!(found, asked);
    for (query, why) in [
        ("limit=0", "limit: a page has from 1 to 500 rows, not 0"),
        ("after=yesterday", "after: no page has ended with \"yesterday\""),
    ] {
        assert_eq!(program.sees(&format!("/api/v1/reports?{query}")).await.problem(), (400, "", why));
    }

    let cancel = async |of: &Program<'_>, path: &str| {
        Answer::of(of.request(Method::POST, &format!("{path}/cancel")).send().await.unwrap()).await
    };
    let first = format!("/api/v1/reports/{}", asked[0]);
    assert_eq!(cancel(&program, &theirs).await.status, StatusCode::NOT_FOUND, "nobody else's");
    for time in ["once", "again"] {
        let given_up = cancel(&program, &first).await;
        assert_eq!((given_up.status, &given_up.document["state"]), (StatusCode::OK, &json!("cancelled")), "{time}");
    }
    assert_eq!(web.number("select count(*) from core.audit_log where action = 'cancel_report'").await, 1);
    sqlx::raw_sql(
        "update core.reports set state = 'ready', object_key = 'reports/' || id, bytes = 1, sha256 = sha256('x'), finished_at = now(),
             expires_at = now() - interval '1 second' where id = (select min(id::text)::uuid from core.reports where state = 'queued' and kind = 'sla')",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let over = format!("/api/v1/reports/{}", asked[4]);
    let said = cancel(&program, &over).await;
    assert_eq!(said.problem(), (409, "", "the report is ready: there is nothing to leave off"));
    assert_eq!(program.sees(&format!("{over}/file")).await.problem(), (410, "", "the report is expired: there is no file"));
    let reader = web.admits_as("jefa", &BOTH[..1]).await;
    assert_eq!(cancel(&reader, &over).await.problem(), (403, "", "the token lacks the scope reports:write"));
}

#[tokio::test]
async fn what_a_person_may_not_have_their_programs_may_not_either() {
    let web = desk().await;
    let (manager, agent) = (web.admits_as("jefa", &BOTH).await, web.admits_as("agente", &BOTH).await);
    let of = |changes: Value| {
        let mut wish = wish();
        changes.as_object().unwrap().iter().for_each(|(name, value)| wish[name] = value.clone());
        wish
    };
    for (changes, problem) in [
        (json!({ "kind": "sales" }), (403, "#/kind", "the person may not have such a report")),
        (json!({ "kind": "everything" }), (422, "#/kind", "there is no report \"everything\"")),
        (json!({ "format": "doc" }), (422, "#/format", "there is no format \"doc\"")),
        (json!({ "to": "2025-12-31" }), (422, "#/to", "the period ends before it begins")),
        (json!({ "client": 999 }), (422, "#/client", "there is no such client, or the report tells of none")),
        (json!({ "time_zone": "Mars/Olympus" }), (422, "#/time_zone", "there is no time zone \"Mars/Olympus\"")),
        (json!({ "locale": "de" }), (422, "#/locale", "there is no language \"de\": es or en")),
    ] {
        let refused = manager.wants(&of(changes.clone()), None).await;
        assert_eq!(refused.problem(), problem, "{changes}");
    }
    assert_eq!(manager.wants(&of(json!({ "from": "tomorrow" })), None).await.problem().0, 400);
    let own = agent.wants(&wish(), None).await;
    assert_eq!(own.status, StatusCode::ACCEPTED);
    let scope: String = sqlx::query_scalar("select scope from core.reports").fetch_one(&web.stores.db).await.unwrap();
    assert_eq!(scope, "own", "of what is theirs");
    assert_eq!(manager.sees(own.location.as_deref().unwrap()).await.status, StatusCode::NOT_FOUND, "nobody else's");

    let reader = web.admits_as("jefa", &BOTH[..1]).await;
    assert_eq!(reader.wants(&wish(), None).await.problem(), (403, "", "the token lacks the scope reports:write"));
    sqlx::raw_sql("update core.users set disabled_at = now() where email = 'agente@faena.example'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    let closed = agent.sees(own.location.as_deref().unwrap()).await;
    assert_eq!(closed.problem(), (403, "", "the account in whose name the token asks is closed"));
    let why = async |person: Option<&str>| {
        let new = NewApiToken {
            name: "x".to_owned(),
            scopes: BOTH.to_vec(),
            job_names: None,
            person: person.map(str::to_owned),
            expires_at: None,
        };
        ApiToken::create(&web.stores.db, &new, "operadora").await.unwrap_err().to_string()
    };
    assert!(why(None).await.contains("need a person"));
    assert_eq!(why(Some("nadie@faena.example")).await, "nobody of the address \"nadie@faena.example\" has an open account");
}
