//! `GET /api/v1/openapi.json`: the API described for programs that write programs (OpenAPI 3.1). What goes in and out is described by the very
//! types that do.

mod desk;
mod records;

use std::sync::LazyLock;

use axum::{Json, response::IntoResponse};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    enqueue::{EnqueueRequest, Enqueued},
    job::Job,
    job_kinds::JobKinds,
    reports::{Report, ReportFile, ReportRequest, Reports},
    schedule_commands::{RunNow, ScheduleRequest},
    schedules::{Schedule, Schedules, Ticks},
};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(describe);

/// The description.
pub(crate) async fn show() -> impl IntoResponse {
    Json(&*DESCRIPTION)
}

/// What went wrong (RFC 9457).
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used; `problem` writes the document")]
struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The request's name in the log.
    instance: String,
    /// What is wrong, for whoever writes the program.
    detail: Option<String>,
    /// Where in the request's document.
    errors: Option<Vec<Fault>>,
}

/// One thing that is wrong.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used; `problem` writes the document")]
struct Fault {
    /// Its place, a JSON Pointer in a URI fragment: `#/args/user_id`.
    pointer: String,
    /// What is wrong with it.
    detail: String,
}

/// Writes what many calls have in common: answers that are problems, and lists.
struct Hand {
    problem: Schema,
    asked_limit: Value,
}

impl Hand {
    fn refused(&self, why: &str) -> Value {
        json!({ "description": why, "content": { "application/problem+json": { "schema": self.problem } } })
    }

    /// With what every call may be answered.
    fn common(&self, mut responses: Value) -> Value {
        responses["401"] = self.refused("No token, or one that opens nothing.");
        responses["403"] =
            self.refused("The token lacks the scope or is not for this kind of job, or whoever's name it bears may not do that.");
        responses["429"] = self.refused("Too many calls of this token; Retry-After says when the next one may come.");
        responses["503"] =
            self.refused("A server that is needed is away, or too much is going on; Retry-After says when to try again.");
        responses
    }

    /// A list that goes on page by page: its operation, summary and description; what may be asked for besides the length of a page; and its rows.
    fn list(&self, [operation, summary, description]: [&str; 3], parameters: &[Value], rows: &Value) -> Value {
        let parameters = [parameters, std::slice::from_ref(&self.asked_limit)].concat();
        json!({
            "operationId": operation,
            "summary": summary,
            "description": description,
            "parameters": parameters,
            "responses": self.common(json!({ "200": rows, "400": self.refused("The query cannot be read.") })),
        })
    }
}

/// What the lists that go by time are asked with to go on.
fn asked_after() -> Value {
    asked("after", "What the page before has said to go on with.", json!({ "type": "string" }))
}

fn answer(what: &str, schema: &Schema) -> Value {
    json!({ "description": what, "content": { "application/json": { "schema": schema } } })
}

/// A parameter of the query.
#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn asked(name: &str, what: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": what, "schema": schema })
}

fn describe() -> Value {
    let settings = |settings: SchemaSettings| {
        settings.with(|settings| {
            settings.meta_schema = None;
            settings.definitions_path = "/components/schemas".into();
        })
    };
    let mut given: SchemaGenerator = settings(SchemaSettings::draft2020_12().for_deserialize()).into_generator();
    let mut told: SchemaGenerator = settings(SchemaSettings::draft2020_12().for_serialize()).into_generator();
    let request = given.subschema_for::<EnqueueRequest>();
    // What a problem's document need not have, a reader need not find.
    let problem = given.subschema_for::<Problem>();
    let (enqueued, job, kinds) =
        (told.subschema_for::<Enqueued>(), told.subschema_for::<Job>(), told.subschema_for::<JobKinds>());
    let schedule_request = given.subschema_for::<ScheduleRequest>();
    let (schedules, schedule, ticks, run_now) = (
        told.subschema_for::<Schedules>(),
        told.subschema_for::<Schedule>(),
        told.subschema_for::<Ticks>(),
        told.subschema_for::<RunNow>(),
    );
    let report_request = given.subschema_for::<ReportRequest>();
    let (reports, report, report_file) =
        (told.subschema_for::<Reports>(), told.subschema_for::<Report>(), told.subschema_for::<ReportFile>());
    let desk = desk::Schemas::of(&mut given, &mut told);
    let records = records::Schemas::of(&mut told);
    let mut schemas: Map<String, Value> = given.take_definitions(true);
    schemas.append(&mut told.take_definitions(true));

    let asked_limit =
        asked("limit", "How many rows a page has.", json!({ "type": "integer", "minimum": 1, "maximum": 500, "default": 100 }));
    let hand = Hand { problem, asked_limit };
    let refused = |why: &str| hand.refused(why);
    let common = |responses: Value| hand.common(responses);
    let schedule_name = json!({ "name": "name", "in": "path", "required": true, "schema": { "type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$" } });
    let no_schedule = refused("There is no such schedule among those whose jobs the token covers.");
    let mut accepted = answer("The job is enqueued, or was under the same id or idempotency key.", &enqueued);
    accepted["headers"] = json!({
        "Location": { "description": "Where to see what becomes of it.", "schema": { "type": "string" } },
        "Idempotency-Replayed": { "description": "`true`: this is the answer to an earlier request.", "schema": { "const": "true" } },
    });

    let idempotency_key = json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Names this request: within 24 hours the same key with the same body gets the same answer and enqueues nothing more.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
    });
    let report_id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } });
    let no_report = refused("There is no such report of theirs.");
    let mut wanted =
        answer("The report is asked for, or was: under the same idempotency key, or because the same is being made.", &report);
    wanted["headers"] = accepted["headers"].clone();

    let mut description = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Faena",
            "version": "1",
            "description": "Enqueue jobs by name, schedule them, see what becomes of them, ask for reports, see to tickets, read articles and watch deadlines. An enqueued job runs at least once.",
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "security": [{ "token": [] }],
        "paths": {
            "/api/v1/jobs": { "post": {
                "operationId": "enqueueJob",
                "summary": "Enqueue a job",
                "description": "Needs the scope jobs:enqueue. A body may have 96 KiB.",
                "parameters": [idempotency_key, {
                    "name": "traceparent",
                    "in": "header",
                    "description": "The trace that the job belongs to (W3C Trace Context).",
                    "schema": { "type": "string", "maxLength": 128 },
                }],
                "requestBody": { "required": true, "content": { "application/json": { "schema": request } } },
                "responses": common(json!({
                    "202": accepted,
                    "400": refused("The body or a header cannot be read."),
                    "409": refused("The id is another job's."),
                    "413": refused("The body is too large."),
                    "415": refused("The body is not application/json."),
                    "422": refused("There is no such job, its arguments do not fit its schema, or the idempotency key was used for another body."),
                })),
            } },
            "/api/v1/jobs/{id}": { "get": {
                "operationId": "showJob",
                "summary": "See where a job is in its life",
                "description": "Needs the scope jobs:read.",
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }],
                "responses": common(json!({
                    "200": answer("The job.", &job),
                    "404": refused("There is no such job among those that the token covers."),
                })),
            } },
            "/api/v1/job-kinds": { "get": {
                "operationId": "listJobKinds",
                "summary": "Read the catalogue",
                "description": "Needs any scope. Each kind's schema describes its arguments.",
                "responses": common(json!({ "200": answer("The kinds that the token covers.", &kinds) })),
            } },
            "/api/v1/schedules": { "get": hand.list(
                ["listSchedules", "List the schedules", "Needs the scope schedules:read."],
                &[asked("after", "The name that the page before ended with.", json!({ "type": "string" }))],
                &answer("The schedules whose jobs the token covers.", &schedules),
            ) },
            "/api/v1/schedules/{name}": {
                "get": {
                    "operationId": "showSchedule",
                    "summary": "See a schedule and its next ticks",
                    "description": "Needs the scope schedules:read.",
                    "parameters": [schedule_name],
                    "responses": common(json!({ "200": answer("The schedule.", &schedule), "404": no_schedule })),
                },
                "put": {
                    "operationId": "putSchedule",
                    "summary": "Make or change a schedule",
                    "description": "Needs the scope schedules:write. Ticks from now on are expected of it.",
                    "parameters": [schedule_name],
                    "requestBody": { "required": true, "content": { "application/json": { "schema": schedule_request } } },
                    "responses": common(json!({
                        "200": answer("The schedule, changed.", &schedule),
                        "201": answer("The schedule, made.", &schedule),
                        "400": refused("The body cannot be read."),
                        "404": refused("A version was given, and there is no such schedule."),
                        "409": refused("The schedule is one of the program's own, or of another version by now."),
                        "413": refused("The body is too large."),
                        "415": refused("The body is not application/json."),
                        "422": refused("It describes no schedule; every mistake is told."),
                    })),
                },
                "delete": {
                    "operationId": "deleteSchedule",
                    "summary": "Delete a schedule",
                    "description": "Needs the scope schedules:write. What it has enqueued stays, and so does its ledger.",
                    "parameters": [schedule_name],
                    "responses": common(json!({
                        "204": { "description": "It is deleted." },
                        "404": no_schedule,
                        "409": refused("The schedule is one of the program's own."),
                    })),
                },
            },
            "/api/v1/schedules/{name}/ticks": { "get": {
                "operationId": "listTicks",
                "summary": "See what became of a schedule's ticks",
                "description": "Needs the scope schedules:read.",
                "parameters": [
                    schedule_name,
                    asked("before", "The instant that the page before ended with.", json!({ "type": "string", "format": "date-time" })),
                    hand.asked_limit,
                ],
                "responses": common(json!({
                    "200": answer("Its ledger, the latest first.", &ticks),
                    "400": refused("The query cannot be read."),
                    "404": no_schedule,
                })),
            } },
            "/api/v1/schedules/{name}/run-now": { "post": {
                "operationId": "runScheduleNow",
                "summary": "Enqueue a schedule's job at once",
                "description": "Needs the scope schedules:write. Its ticks stay as they are.",
                "parameters": [schedule_name],
                "responses": common(json!({
                    "202": answer("The job is enqueued.", &run_now),
                    "404": no_schedule,
                    "422": refused("Its job cannot be enqueued."),
                })),
            } },
            "/api/v1/schedules/{name}/pause": { "post": {
                "operationId": "pauseSchedule",
                "summary": "Let a schedule tick no more until it is resumed",
                "description": "Needs the scope schedules:write.",
                "parameters": [schedule_name],
                "responses": common(json!({ "204": { "description": "It is paused, or was." }, "404": no_schedule })),
            } },
            "/api/v1/schedules/{name}/resume": { "post": {
                "operationId": "resumeSchedule",
                "summary": "Let a paused schedule tick again, from now on",
                "description": "Needs the scope schedules:write.",
                "parameters": [schedule_name],
                "responses": common(json!({ "204": { "description": "It ticks, or did." }, "404": no_schedule })),
            } },
            "/api/v1/reports": { "get": hand.list(
                [
                    "listReports",
                    "List reports",
                    "Needs the scope reports:read. Those that were asked for in the name of whoever the token was made for, by programs and on the pages.",
                ],
                &[asked_after()],
                &answer("The latest first.", &reports),
            ), "post": {
                "operationId": "askForReport",
                "summary": "Ask for a report",
                "description": "Needs the scope reports:write. It is made in the name of whoever the token was made for, and shows what that person may see.",
                "parameters": [idempotency_key],
                "requestBody": { "required": true, "content": { "application/json": { "schema": report_request } } },
                "responses": common(json!({
                    "202": wanted,
                    "400": refused("The body or a header cannot be read."),
                    "413": refused("The body is too large."),
                    "415": refused("The body is not application/json."),
                    "422": refused("No report can be made of that, or the idempotency key was used for another body."),
                })),
            } },
            "/api/v1/reports/{id}": { "get": {
                "operationId": "showReport",
                "summary": "See where a report stands",
                "description": "Needs the scope reports:read.",
                "parameters": [report_id],
                "responses": common(json!({ "200": answer("The report.", &report), "404": no_report })),
            } },
            "/api/v1/reports/{id}/file": { "get": {
                "operationId": "linkToReport",
                "summary": "Get a link to a report's file",
                "description": "Needs the scope reports:read. The link is good for five minutes, for whoever has it.",
                "parameters": [report_id],
                "responses": common(json!({
                    "200": answer("The link.", &report_file),
                    "404": no_report,
                    "409": refused("There is no file: not yet, or there will be none."),
                    "410": refused("There is no file any more. The same may be asked for anew."),
                })),
            } },
            "/api/v1/reports/{id}/cancel": { "post": {
                "operationId": "cancelReport",
                "summary": "Want a report no more",
                "description": "Needs the scope reports:write. Whoever makes it leaves off within a second.",
                "parameters": [report_id],
                "responses": common(json!({
                    "200": answer("The report, cancelled; or it was.", &report),
                    "404": no_report,
                    "409": refused("It is over already: there is nothing to leave off."),
                })),
            } },
            "/api/v1/openapi.json": { "get": {
                "operationId": "describe",
                "summary": "This description",
                "security": [],
                "responses": { "200": { "description": "An OpenAPI document.", "content": { "application/json": { "schema": true } } } },
            } },
        },
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": "Made by `worker tokens create`." } },
            "schemas": schemas,
        },
    });
    let of_desk = desk::paths(&hand, &desk, &idempotency_key);
    for more in std::iter::once(of_desk).chain(records::paths(&hand, &records)) {
        if let (Some(paths), Value::Object(mut more)) = (description["paths"].as_object_mut(), more) {
            paths.append(&mut more);
        }
    }
    description
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{guard::Who, routes::table};

    #[test]
    fn every_route_of_the_api_is_described_and_no_other() {
        let mut described: Vec<(String, String)> = DESCRIPTION["paths"]
            .as_object()
            .expect("paths")
            .iter()
            .flat_map(|(path, verbs)| {
                verbs.as_object().expect("verbs").keys().map(move |verb| (verb.to_uppercase(), path.clone()))
            })
            .collect();
        let rows: Vec<_> = table().into_iter().map(|route| route.row).filter(|row| row.path.starts_with("/api/")).collect();
        let mut routed: Vec<(String, String)> = rows.iter().map(|row| (row.method.to_string(), row.path.to_owned())).collect();
        described.sort();
        routed.sort();
        assert_eq!(described, routed);
        for row in rows {
            let operation = &DESCRIPTION["paths"][row.path][row.method.as_str().to_lowercase()];
            assert_eq!(operation["security"] == json!([]), row.who == Who::Anyone, "{row:?}");
            if let Who::Bearer(scopes) = row.who {
                let said = operation["description"].as_str().expect("a description");
                assert!(scopes.len() > 1 || said.contains(scopes[0].as_str()), "{row:?}: {said}");
            }
            let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(in_path, row.path.matches('{').count(), "{row:?}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = DESCRIPTION.to_string();
        let references: Vec<&str> = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() >= 5, "{references:?}");
        for reference in references {
            assert!(DESCRIPTION.pointer(reference).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn the_body_is_described_as_it_is_read() {
        let body = &DESCRIPTION["components"]["schemas"]["EnqueueRequest"];
        assert_eq!(body["required"], json!(["name"]));
        assert_eq!(body["additionalProperties"], json!(false));
        let mut fields: Vec<&String> = body["properties"].as_object().expect("properties").keys().collect();
        fields.sort();
        assert_eq!(fields, ["args", "expires_at", "id", "name", "run_at", "tenant", "unique_key"]);
    }
}
