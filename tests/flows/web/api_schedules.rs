//! The API: programs make, change, watch and end schedules.

use faena_tests::{
    process::{NO_SMTP, start_worker},
    wait::{eventually, until},
};
use jobs::access::api_token::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Web,
    api::{Answer, OF_JOBS, Program},
};

impl Program<'_> {
    async fn puts(&self, name: &str, schedule: &Value) -> Answer {
        let path = format!("/api/v1/schedules/{name}");
        Answer::of(self.request(Method::PUT, &path).json(schedule).send().await.unwrap()).await
    }

    async fn reads(&self, path: &str) -> Answer {
        Answer::of(self.asks(path).send().await.unwrap()).await
    }

    /// What has no answer but its status.
    async fn does(&self, method: Method, path: &str) -> StatusCode {
        self.request(method, path).send().await.unwrap().status()
    }
}

fn mornings() -> Value {
    json!({ "expression": "0 9 * * 1-5", "time_zone": "America/Bogota", "job": "sweep_sessions", "catch_up": "all:6h", "jitter": "30s" })
}

#[tokio::test]
async fn a_program_makes_a_schedule_watches_it_and_ends_it() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;
    let mine = "/api/v1/schedules/mornings";

    let made = program.puts("mornings", &mornings()).await;

    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.document["in_words"], json!({ "es": "A las 09:00, de lunes a viernes", "en": "At 09:00, Monday to Friday" }));
    assert_eq!(
        (&made.document["version"], &made.document["jitter_s"], &made.document["source"]),
        (&json!(1), &json!(30), &json!("made"))
    );
    assert_eq!(made.document["next_ticks"].as_array().unwrap().len(), 10);
    let listed = program.reads("/api/v1/schedules?limit=500").await.document;
    assert!(listed["schedules"].as_array().unwrap().iter().any(|schedule| schedule == &made.document), "{listed}");

    // What is shown can be given back, field by field.
    assert_eq!(made.document["jitter"], "30s");

    // The same again changes nothing but the version; one who saw an older version is told.
    let often = json!({ "expression": "*/20 * * * *", "time_zone": "UTC", "job": "sweep_sessions", "version": 1 });
    let changed = program.puts("mornings", &often).await;
    assert_eq!((changed.status, &changed.document["in_words"]["en"]), (StatusCode::OK, &json!("Every 20 minutes")));
    let late = program.puts("mornings", &often).await;
    assert_eq!(late.problem(), (409, "", "somebody edited the schedule meanwhile: it is at version 2 now; look at it again"));

    assert_eq!(program.does(Method::POST, &format!("{mine}/pause")).await, StatusCode::NO_CONTENT);
    assert_eq!(program.reads(mine).await.document["paused_by"], "api token billing");
    assert_eq!(program.does(Method::POST, &format!("{mine}/resume")).await, StatusCode::NO_CONTENT);
    assert_eq!(program.reads(mine).await.document["paused_at"], Value::Null);

    let ran = Answer::of(program.request(Method::POST, &format!("{mine}/run-now")).send().await.unwrap()).await;
    let job = format!("/api/v1/jobs/{}", ran.document["job_id"].as_str().unwrap());
    let ticks = program.reads(&format!("{mine}/ticks?limit=1")).await.document;
    assert_eq!(
        (&ticks["ticks"][0]["job_id"], &ticks["ticks"][0]["asked_by"]),
        (&ran.document["job_id"], &json!("api token billing"))
    );
    let _worker = start_worker(&web.stores, NO_SMTP, &[]).await;
    until("the job to be over", async || program.reads(&job).await.document["state"] == "completed").await;

    assert_eq!(program.does(Method::DELETE, mine).await, StatusCode::NO_CONTENT);
    assert_eq!(program.reads(mine).await.status, StatusCode::NOT_FOUND);
    assert_eq!(program.does(Method::DELETE, mine).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_describes_no_schedule_is_told_with_every_mistake() {
    let web = Web::start().await;
    let program = web.admits("billing", &OF_JOBS, None).await;

    let wrong = json!({ "expression": "0 0 30 2 *", "time_zone": "America/Bogotá", "job": "sweep", "args": [1], "catch_up": "never", "jitter": "2h" });
    let told = program.puts("mornings", &wrong).await;

    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    let places: Vec<&str> =
        told.document["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(places, ["#/expression", "#/time_zone", "#/job", "#/catch_up", "#/jitter"]);
    for (name, schedule, expected) in [
        (
            "Mornings",
            mornings(),
            (422, "#/name", "name: use 1 to 63 lower-case letters, digits and underscores, the first a letter"),
        ),
        (
            "mornings",
            json!({ "expression": "0 9 * * *" }),
            (400, "#", "the body cannot be read: missing field `time_zone` at line 1 column 26"),
        ),
    ] {
        assert_eq!(program.puts(name, &schedule).await.problem(), expected);
    }
    let mut versioned = mornings();
    versioned["version"] = json!(1);
    assert_eq!(program.puts("mornings", &versioned).await.status, StatusCode::NOT_FOUND, "there is nothing to change");
    // What Postgres cannot hold is nobody's name, and no argument.
    for path in ["/api/v1/schedules/%00", "/api/v1/schedules/a%00b/ticks"] {
        assert_eq!(program.reads(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for (method, action) in [(Method::POST, "/pause"), (Method::POST, "/run-now"), (Method::DELETE, "")] {
        assert_eq!(program.does(method, &format!("/api/v1/schedules/a%00b{action}")).await, StatusCode::NOT_FOUND, "{action}");
    }
    assert_eq!(program.reads("/api/v1/schedules?after=%00").await.status, StatusCode::OK);
    for (args, why) in [
        (json!({ "channel": "a\u{0}b" }), "the arguments of notify_slack hold what Postgres cannot store: a NUL"),
        (json!({ "channel": "BAD CHANNEL!" }), "the arguments of notify_slack: /channel: "),
        (json!(["desk"]), "the arguments of notify_slack: args: want object, but got array"),
    ] {
        let mut wrong = mornings();
        (wrong["job"], wrong["args"]) = (json!("notify_slack"), args);
        let told = program.puts("mornings", &wrong).await;
        let (status, place, said) = told.problem();
        assert!((status, place) == (422, "#/args") && said.contains(why), "{told:?}");
    }
    let queried = program.reads("/api/v1/schedules?limit=many").await;
    assert!(queried.status == StatusCode::BAD_REQUEST && queried.problem().2.contains("limit"), "{queried:?}");
    let none: i64 = web.number("select count(*) from faena.schedules where source = 'made'").await;
    assert_eq!(none, 0);
}

#[tokio::test]
async fn a_token_sees_and_changes_only_what_it_is_for() {
    let web = Web::start().await;
    let all = web.admits("all", &OF_JOBS, None).await;
    let reader = web.admits("reader", &[Scope::ReadSchedules], None).await;
    let other = web.admits("other", &OF_JOBS, Some(&["touch"])).await;
    all.puts("mornings", &mornings()).await;
    // As a worker publishes those of the program itself.
    let _worker = start_worker(&web.stores, NO_SMTP, &[]).await;
    let own: String = eventually("the program's own schedules", async || {
        let first = "select name from faena.schedules where source = 'code' order by name limit 1";
        sqlx::query_scalar(first).fetch_optional(&web.stores.db).await.unwrap()
    })
    .await;

    assert_eq!(reader.puts("mornings", &mornings()).await.problem(), (403, "", "the token lacks the scope schedules:write"));
    assert_eq!(reader.reads("/api/v1/schedules/mornings").await.status, StatusCode::OK);
    assert_eq!(
        other.puts("mine", &mornings()).await.problem(),
        (403, "#/job", "the token is not for jobs named \"sweep_sessions\"")
    );
    for (method, path) in [
        (Method::GET, ""),
        (Method::GET, "/ticks"),
        (Method::DELETE, ""),
        (Method::POST, "/pause"),
        (Method::POST, "/resume"),
        (Method::POST, "/run-now"),
    ] {
        let status = other.does(method.clone(), &format!("/api/v1/schedules/mornings{path}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: as unknown as one that never was");
    }
    assert_eq!(other.reads("/api/v1/schedules").await.document["schedules"], json!([]));

    let path = format!("/api/v1/schedules/{own}");
    let refused = Answer::of(all.request(Method::DELETE, &path).send().await.unwrap()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    assert_eq!(all.puts(&own, &mornings()).await.status, StatusCode::CONFLICT);
    assert_eq!(all.does(Method::POST, &format!("{path}/pause")).await, StatusCode::NO_CONTENT);
}
