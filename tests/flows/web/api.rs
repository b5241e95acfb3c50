//! The API: programs with tokens enqueue by name, once, and see what became of it.

use boon::{Compiler, Draft, Schemas};
use faena_tests::{process::start_probe, stores::Stores, wait::until};
use futures_util::future::join_all;
use jobs::access::api_token::{ApiToken, NewApiToken, Scope};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::Web;

/// All that a token may allow without a person's name.
pub(super) const OF_JOBS: [Scope; 4] = [Scope::EnqueueJobs, Scope::ReadJobs, Scope::ReadSchedules, Scope::WriteSchedules];

/// A program that bears a token.
pub(super) struct Program<'w> {
    pub(super) web: &'w Web,
    token: String,
}

impl Web {
    pub(super) async fn admits(&self, name: &str, scopes: &[Scope], jobs: Option<&[&str]>) -> Program<'_> {
        let job_names = jobs.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let new = NewApiToken { name: name.to_owned(), scopes: scopes.to_vec(), job_names, person: None, expires_at: None };
        let (_, secret) = ApiToken::create(&self.stores.db, &new, "operadora").await.unwrap();
        Program::bearing(self, secret.expose_secret())
    }
}

impl<'w> Program<'w> {
    pub(super) fn bearing(web: &'w Web, token: &str) -> Self {
        Self { web, token: token.to_owned() }
    }

    pub(super) fn asks(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let visitor = self.web.visitor();
        visitor.client.request(method, format!("{}{path}", visitor.site)).bearer_auth(&self.token)
    }

    fn posts(&self, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/api/v1/jobs").json(body)
    }

    async fn enqueues(&self, body: &Value) -> Answer {
        Answer::of(self.posts(body).send().await.unwrap()).await
    }
}

/// An answer as a program reads it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    kind: String,
    pub(super) location: Option<String>,
    pub(super) replayed: bool,
    pub(super) document: Value,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let text = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (kind, location) = (text("content-type").unwrap_or_default(), text("location"));
        let replayed = text("idempotency-replayed").as_deref() == Some("true");
        Self { status: response.status(), kind, location, replayed, document: response.json().await.unwrap() }
    }

    /// Status, place and reason of a problem.
    pub(super) fn problem(&self) -> (u16, &str, &str) {
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        let pointer = self.document["errors"][0]["pointer"].as_str().unwrap_or_default();
        (self.status.as_u16(), pointer, self.document["detail"].as_str().unwrap_or_default())
    }
}

fn touch(n: i64) -> Value {
    json!({ "name": "touch", "args": { "n": n, "sleep_ms": 0 } })
}

async fn effects(web: &Web) -> Vec<i64> {
    sqlx::query_scalar("select n from probe.effects order by n").fetch_all(&web.stores.db).await.unwrap()
}

#[tokio::test]
async fn a_program_enqueues_by_name_and_sees_what_became_of_it() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;

    let answer = program.enqueues(&touch(1)).await;

    assert_eq!((answer.status, answer.replayed), (StatusCode::ACCEPTED, false), "{answer:?}");
    let location = answer.location.unwrap();
    assert_eq!(location, format!("/api/v1/jobs/{}", answer.document["id"].as_str().unwrap()));
    let waiting = Answer::of(program.asks(&location).send().await.unwrap()).await.document;
    assert_eq!((&waiting["state"], &waiting["ended"], &waiting["name"]), (&json!("outboxed"), &json!(false), &json!("touch")));
    let _worker = start_probe(&web.stores, &[]).await;
    until("the job to be over", async || {
        let job = Answer::of(program.asks(&location).send().await.unwrap()).await.document;
        (&job["state"], &job["ended"], &job["attempts"]) == (&json!("completed"), &json!(true), &json!(1))
    })
    .await;
    assert_eq!(effects(&web).await, [1]);
    let used: i64 = web.number("select count(*) from faena.api_tokens where last_used_at is not null").await;
    assert_eq!(used, 1);
}

#[tokio::test]
async fn a_program_sees_how_far_a_running_job_has_got() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;
    let _worker = start_probe(&web.stores, &[]).await;

    let location = program.enqueues(&json!({ "name": "trek", "args": {} })).await.location.unwrap();

    until("a report", async || {
        let job = Answer::of(program.asks(&location).send().await.unwrap()).await.document;
        job["progress"] == json!({ "done": 5, "total": 10, "note": "a mitad de camino" })
    })
    .await;
}

#[tokio::test]
async fn the_same_key_is_one_job_and_one_answer() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;
    let other = web.admits("sales", &[Scope::EnqueueJobs], None).await;
    let keyed = async |program: &Program<'_>, key: &str, body: &Value| {
        Answer::of(program.posts(body).header("Idempotency-Key", key).send().await.unwrap()).await
    };

    // Twenty at once: one is the first, and all say the same.
    let body = touch(1);
    let answers = join_all((0..20).map(|_| keyed(&program, "invoice 7", &body))).await;

    assert!(answers.iter().all(|answer| answer.status == StatusCode::ACCEPTED), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.document == answers[0].document && answer.location == answers[0].location));
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert_eq!(web.number("select count(*) from faena.outbox").await, 1);

    // Another body under the key is a mistake; another program's key is another key.
    let refused = keyed(&program, "invoice 7", &touch(2)).await;
    assert_eq!(refused.problem(), (422, "", "this Idempotency-Key was used for another body within the last 24 hours"));
    assert!(!keyed(&other, "invoice 7", &touch(2)).await.replayed);
    // A request that was refused has not used its key up.
    assert_eq!(keyed(&program, "invoice 8", &json!({ "name": "touch" })).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!keyed(&program, "invoice 8", &touch(3)).await.replayed);
    assert_eq!(web.number("select count(*) from faena.outbox").await, 3);
    for key in ["", "ñ", &"x".repeat(256)] {
        let request = program.posts(&touch(4)).header("Idempotency-Key", key.as_bytes());
        assert_eq!(Answer::of(request.send().await.unwrap()).await.status, StatusCode::BAD_REQUEST, "{key:?}");
    }

    // A day later the key is free, and those of others that are as old are forgotten by the way.
    sqlx::raw_sql("update faena.api_answers set answered_at = now() - interval '25 hours'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    assert!(!keyed(&program, "invoice 7", &touch(5)).await.replayed);
    assert_eq!(web.number("select count(*) from faena.api_answers").await, 1);
}

#[tokio::test]
async fn a_duplicate_is_told_with_the_job_that_it_is_a_duplicate_of() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;
    let body = json!({ "name": "touch", "args": { "n": 1, "sleep_ms": 0 }, "unique_key": "order 7" });
    let holder = program.enqueues(&body).await.document;
    assert_eq!(holder["duplicate_of"], Value::Null);

    let first = Answer::of(program.posts(&body).header("Idempotency-Key", "a").send().await.unwrap()).await;
    let again = Answer::of(program.posts(&body).header("Idempotency-Key", "a").send().await.unwrap()).await;

    assert_eq!(first.document["duplicate_of"], holder["id"]);
    assert_ne!(first.document["id"], holder["id"]);
    assert!(again.replayed && again.document == first.document, "{again:?}");
    let job = Answer::of(program.asks(&first.location.unwrap()).send().await.unwrap()).await.document;
    assert_eq!(
        (&job["state"], &job["reason"]),
        (&json!("cancelled"), &json!(format!("duplicate of {}", holder["id"].as_str().unwrap())))
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;
    let told = async |body: &Value| {
        let answer = program.enqueues(body).await;
        let (status, pointer, why) = answer.problem();
        format!("{status} {pointer} {why}")
    };
    let taken = json!({ "name": "touch", "args": { "n": 1, "sleep_ms": 0 }, "id": "01890a5d-ac96-774b-bcce-b302099a8057" });
    assert_eq!(program.enqueues(&taken).await.status, StatusCode::ACCEPTED);
    assert_eq!(program.enqueues(&taken).await.document["id"], taken["id"], "the same id is the same job");

    for (body, expected) in [
        (json!({ "name": "tuch" }), "422 #/name no job is named \"tuch\"; nearly so: touch"),
        (json!({ "name": "touch", "args": { "n": "1", "sleep_ms": 0 } }), "422 #/args/n must be an integer"),
        (json!({ "name": "touch", "args": { "n": 1 } }), "422 #/args/sleep_ms is missing"),
        (json!({ "name": "touch", "args": [] }), "422 #/args must be an object"),
        (json!({ "name": "touch", "args": null }), "422 #/args must be an object"),
        (
            json!({ "name": "touch", "args": { "n": 1, "sleep_ms": 0 }, "tenant": "" }),
            "422 #/tenant must have from 1 to 120 characters that print",
        ),
        (
            json!({ "name": "touch", "args": { "n": 2, "sleep_ms": 0 }, "id": taken["id"] }),
            "409 #/id 01890a5d-ac96-774b-bcce-b302099a8057 is another job: its name or its arguments differ",
        ),
        (
            json!({ "name": "nap", "tenant": "a\u{0}b", "args": { "sleep_ms": 0, "note": "" } }),
            "422 #/tenant must not have a NUL (\\u0000) in it",
        ),
        (
            json!({ "name": "nap", "args": { "sleep_ms": 0, "note": "\u{0}" } }),
            "422 #/args hold what Postgres cannot store: a NUL or half a character",
        ),
    ] {
        assert_eq!(told(&body).await, expected, "{body}");
    }
    for (body, start) in [
        (json!({ "nane": "touch" }), "400 #/nane the body cannot be read: unknown field `nane`"),
        (json!({}), "400 # the body cannot be read: missing field `name`"),
        (json!({ "name": "touch", "run_at": "tomorrow" }), "400 #/run_at the body cannot be read: "),
        (json!({ "name": "touch", "id": 7 }), "400 #/id the body cannot be read: "),
        (json!([]), "400 # the body cannot be read: "),
        (
            json!({ "name": "nap", "args": { "sleep_ms": 0, "note": "x".repeat(65_536) } }),
            "422 #/args has 65563 bytes; 65536 are allowed",
        ),
    ] {
        let told = told(&body).await;
        assert!(told.starts_with(start), "{told}");
    }
    // A few bytes that would be a hundred thousand once written out.
    let huge = program.posts(&Value::Null).body(r#"{"name": "touch", "args": {"n": 1e99999, "sleep_ms": 0}}"#);
    let huge = Answer::of(huge.send().await.unwrap()).await;
    assert_eq!(huge.problem(), (400, "#/args/n", "the body cannot be read: number out of range at line 1 column 39"));
    let large = program.enqueues(&json!({ "name": "nap", "args": { "note": "x".repeat(98_304) } })).await;
    assert_eq!(large.problem(), (413, "", "the body has more than 96 KiB"));
    assert_eq!(web.number("select count(*) from faena.outbox").await, 1);
}

#[tokio::test]
async fn a_token_opens_what_it_says_for_as_long_as_it_stands() {
    let web = Web::start().await;
    let narrow = web.admits("narrow", &OF_JOBS, Some(&["touch"])).await;
    let reader = web.admits("reader", &[Scope::ReadJobs], None).await;
    let wide = web.admits("wide", &OF_JOBS, None).await;

    let secrets = [narrow.token.clone(), reader.token.clone(), wide.token.clone()];

    // Only its kinds of jobs, to enqueue and to see.
    let nap = wide.enqueues(&json!({ "name": "nap", "args": { "sleep_ms": 0, "note": "" } })).await;
    let nap = nap.location.unwrap();
    let foreign = narrow.enqueues(&json!({ "name": "nap", "args": { "sleep_ms": 0, "note": "" } })).await;
    assert_eq!(foreign.problem(), (403, "#/name", "the token is not for jobs named \"nap\""));
    assert_eq!(narrow.asks(&nap).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(wide.asks(&nap).send().await.unwrap().status(), StatusCode::OK);
    let kinds = Answer::of(narrow.asks("/api/v1/job-kinds").send().await.unwrap()).await.document;
    assert_eq!(kinds["kinds"].as_array().unwrap().len(), 1);
    assert_eq!(kinds["kinds"][0]["schema"]["required"], json!(["n", "sleep_ms"]));
    // Only its scopes.
    assert_eq!(reader.enqueues(&touch(1)).await.problem(), (403, "", "the token lacks the scope jobs:enqueue"));
    assert_eq!(reader.asks(&nap).send().await.unwrap().status(), StatusCode::OK);
    // Only the token itself.
    let wrong = [
        format!("{}x", wide.token),
        wide.token.replace("faena_", "faena-"),
        String::new(),
        "faena_".to_owned() + &"A".repeat(43),
    ];
    for token in wrong {
        let answer = Answer::of(Program { web: &web, token: token.clone() }.posts(&touch(1)).send().await.unwrap()).await;
        assert_eq!((answer.status, answer.kind.as_str()), (StatusCode::UNAUTHORIZED, "application/problem+json"), "{token}");
    }
    // Not any more.
    assert!(ApiToken::revoke(&web.stores.db, "wide", "operadora").await.unwrap());
    sqlx::raw_sql("update faena.api_tokens set expires_at = now() where name = 'narrow'").execute(&web.stores.db).await.unwrap();
    for program in [wide, narrow] {
        assert_eq!(program.enqueues(&touch(1)).await.status, StatusCode::UNAUTHORIZED);
    }
    // A session opens nothing here, whoever's it is.
    let web = web.with_demo_accounts().await;
    let operator = web.signed_in("admin").await;
    assert_eq!(operator.get("/api/v1/job-kinds").await.status(), StatusCode::UNAUTHORIZED);
    assert!(secrets.iter().all(|secret| !web.process.log_text().contains(secret)), "no token stands in the log");
}

#[tokio::test]
async fn what_is_no_address_of_the_api_is_told_in_a_document() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;
    for (method, path, status) in [(Method::GET, "/api/v1/nope", 404), (Method::PATCH, "/api/v1/schedules/x", 405)] {
        let answer = Answer::of(program.request(method, path).send().await.unwrap()).await;
        assert_eq!(answer.problem().0, status, "{path}");
    }
}

#[tokio::test]
async fn a_program_that_calls_too_often_is_told_when_to_come_back() {
    let web = Web::start().await;
    let (busy, calm) = (web.admits("busy", &[Scope::ReadJobs], None).await, web.admits("calm", &[Scope::ReadJobs], None).await);
    // A hundred at once, and twenty a second after that: a slow machine needs more than one wave to be too fast.
    let mut answers: Vec<Response> = Vec::new();
    let slowed = loop {
        answers.extend(join_all((0..160).map(|_| busy.asks("/api/v1/job-kinds").send())).await.into_iter().flatten());
        if let Some(slowed) = answers.iter().find(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS) {
            break slowed;
        }
        assert!(answers.len() < 5000, "nobody minds");
    };
    assert_eq!(slowed.headers()[header::RETRY_AFTER], "1");
    assert!(answers.iter().filter(|answer| answer.status() == StatusCode::OK).count() >= 100);
    assert_eq!(calm.asks("/api/v1/job-kinds").send().await.unwrap().status(), StatusCode::OK);
}

/// A document is as the description says.
pub(super) fn fits(description: &Value, schema: &str, document: &Value) {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.add_resource("http://faena.example/openapi.json", description.clone()).unwrap();
    let mut schemas = Schemas::new();
    let place = format!("http://faena.example/openapi.json#/components/schemas/{schema}");
    let index = compiler.compile(&place, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    if let Err(error) = schemas.validate(document, index) {
        panic!("{document} is no {schema}: {error}");
    }
}

#[tokio::test]
async fn the_answers_are_as_the_description_says() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;
    let description: Value = web.visitor().get("/api/v1/openapi.json").await.json().await.unwrap();
    assert_eq!(description["openapi"], "3.1.0");
    let fits = |schema: &str, document: &Value| fits(&description, schema, document);

    let asked = json!({ "name": "touch", "args": { "n": 1, "sleep_ms": 0 }, "run_at": "2100-01-01T00:00:00Z", "tenant": "acme" });
    fits("EnqueueRequest", &asked);
    let enqueued = program.enqueues(&asked).await;
    fits("Enqueued", &enqueued.document);
    fits("Job", &Answer::of(program.asks(&enqueued.location.unwrap()).send().await.unwrap()).await.document);
    fits("JobKinds", &Answer::of(program.asks("/api/v1/job-kinds").send().await.unwrap()).await.document);
    let schedule = json!({ "expression": "0 9 * * 1-5", "time_zone": "America/Bogota", "job": "sweep_sessions" });
    fits("ScheduleRequest", &schedule);
    let put = program.request(Method::PUT, "/api/v1/schedules/mornings").json(&schedule);
    fits("Schedule", &Answer::of(put.send().await.unwrap()).await.document);
    let run = program.request(Method::POST, "/api/v1/schedules/mornings/run-now");
    fits("RunNow", &Answer::of(run.send().await.unwrap()).await.document);
    fits("Schedules", &Answer::of(program.asks("/api/v1/schedules").send().await.unwrap()).await.document);
    fits("Ticks", &Answer::of(program.asks("/api/v1/schedules/mornings/ticks").send().await.unwrap()).await.document);
    fits("Problem", &program.enqueues(&json!({ "name": "touch" })).await.document);
    fits("Problem", &Answer::of(web.visitor().get("/api/v1/job-kinds").await).await.document);
}

#[tokio::test]
async fn a_token_is_made_and_ended_on_record() {
    let stores = Stores::fresh().await;
    let new = |name: &str, job: &str| NewApiToken {
        name: name.to_owned(),
        scopes: vec![Scope::EnqueueJobs],
        job_names: Some(vec![job.to_owned()]),
        person: None,
        expires_at: None,
    };
    let (token, secret) = ApiToken::create(&stores.db, &new("billing", "touch"), "operadora").await.unwrap();
    let why = async |new: NewApiToken| ApiToken::create(&stores.db, &new, "operadora").await.unwrap_err().to_string();
    assert_eq!(why(new("billing", "touch")).await, "there is a token named \"billing\" already");
    assert_eq!(why(new("sales", "tuch")).await, "no job is named \"tuch\"");
    assert_eq!(why(new("a\nb", "touch")).await, "a token's name has from 1 to 100 characters, none of them a control character");
    assert_eq!(
        why(NewApiToken { scopes: vec![], ..new("sales", "touch") }).await,
        "a token without a scope opens nothing; the scopes are jobs:enqueue, jobs:read, schedules:read, schedules:write, reports:read, reports:write, tickets:read, tickets:write, clients:read, articles:read, alerts:read, alerts:write"
    );
    let over = NewApiToken { expires_at: Some(chrono::Utc::now()), ..new("sales", "touch") };
    assert!(why(over).await.starts_with("the token would have expired already"));
    assert!(ApiToken::find(&stores.db, secret.expose_secret()).await.unwrap().is_some());
    assert!(ApiToken::revoke(&stores.db, "billing", "admin").await.unwrap());
    assert!(!ApiToken::revoke(&stores.db, "billing", "admin").await.unwrap());
    assert!(ApiToken::find(&stores.db, secret.expose_secret()).await.unwrap().is_none());
    assert_eq!(ApiToken::revoke(&stores.db, "sales", "admin").await.unwrap_err().to_string(), "no token is named \"sales\"");

    let record: Vec<(String, String, Value)> =
        sqlx::query_as("select action, subject, detail from core.audit_log order by id").fetch_all(&stores.db).await.unwrap();
    let made = json!({ "by": "operadora", "scopes": ["jobs:enqueue"], "job_names": ["touch"], "expires_at": null });
    assert_eq!(
        record,
        [
            ("create_api_token".to_owned(), "api_token:billing".to_owned(), made),
            ("revoke_api_token".to_owned(), "api_token:billing".to_owned(), json!({ "by": "admin" })),
        ]
    );
    let kept: String =
        sqlx::query_scalar("select to_jsonb(t)::text from faena.api_tokens t").fetch_one(&stores.db).await.unwrap();
    assert!(!kept.contains(secret.expose_secret()) && token.job_names.is_some_and(|names| names == ["touch"]));
}
