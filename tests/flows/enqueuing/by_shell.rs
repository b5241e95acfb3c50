//! The same operations from the shell, for people and (`--json`) for programs.

use std::collections::BTreeSet;

use faena_tests::{
    process::{run_to_end, start_probe, try_to_end},
    stores::Stores,
};
use queue::operations::State;
use serde_json::{Value, json};

use super::{promised, reaches};

async fn shell(stores: &Stores, args: &[&str]) -> Value {
    let told = run_to_end("probe", args, &stores.settings()).await;
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{args:?}: {error}: {told}"))
}

/// Programs rely on these fields: more may come, none may go.
fn has(document: &Value, fields: &[&str]) {
    let missing: Vec<&&str> = fields.iter().filter(|field| document.get(**field).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?} are missing in {document}");
}

#[tokio::test]
async fn every_operation_answers_programs_with_one_document() {
    let stores = Stores::fresh().await;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let enqueue = ["enqueue", "touch", r#"{"n":0,"sleep_ms":0}"#, "--id", id, "--at", "2100-01-01T00:00:00Z", "--json"];
    assert_eq!(shell(&stores, &enqueue).await, json!({ "id": id, "duplicate_of": null }));
    assert_eq!(shell(&stores, &enqueue).await, json!({ "id": id, "duplicate_of": null }));
    assert_eq!(promised(&stores).await, 1, "the same id is the same job");

    assert_eq!(shell(&stores, &["pause", "low", "--json"]).await, json!({ "lane": "low", "outcome": "paused" }));
    assert_eq!(shell(&stores, &["pause", "low", "--json"]).await, json!({ "lane": "low", "outcome": "was_paused_already" }));
    assert_eq!(shell(&stores, &["resume", "low", "--json"]).await, json!({ "lane": "low", "outcome": "resumed" }));
    let job = shell(&stores, &["inspect", id, "--json"]).await;
    assert_eq!(job["summary"]["state"], "outboxed");
    has(&job, &["summary", "durability", "version", "args", "run_at", "pushed_at", "cancel_wanted", "attempts", "commands"]);
    has(&job["summary"], &["id", "lane", "name", "state", "attempts", "enqueued_at", "at", "worker", "reason"]);
    let page = shell(&stores, &["inspect", "--state", "outboxed", "--json"]).await;
    assert_eq!((&page["jobs"][0], &page["next"]), (&job["summary"], &Value::Null));
    let overview = shell(&stores, &["inspect", "--json"]).await;
    has(&overview, &["taken_at", "lanes", "workers", "pauses", "notices", "relay_lag", "unrecorded", "unrecorded_bytes"]);
    has(
        &overview["lanes"][0],
        &["lane", "outboxed", "scheduled", "available", "running", "retryable", "parked", "completed", "dead", "cancelled"],
    );
    let limits = shell(&stores, &["limits", "--json"]).await;
    has(&limits, &["limits", "pauses"]);
    assert_eq!(shell(&stores, &["pause", "--tenant", "acme", "--json"]).await, json!({ "tenant": "acme", "outcome": "paused" }));
    let pauses = &shell(&stores, &["limits", "--json"]).await["pauses"];
    assert_eq!((&pauses[0]["tenant"], pauses.as_array().map(Vec::len)), (&json!("acme"), Some(1)), "{pauses}");
    assert_eq!(
        shell(&stores, &["resume", "--tenant", "acme", "--json"]).await,
        json!({ "tenant": "acme", "outcome": "resumed" })
    );
    assert_eq!(shell(&stores, &["migrate", "--json"]).await, json!({ "published": 0, "producers": true }));

    let _worker = start_probe(&stores, &[]).await;
    reaches(&stores, id.parse().unwrap(), State::Scheduled).await;
    assert_eq!(shell(&stores, &["retry", id, "--json"]).await, json!({ "id": id, "outcome": "made_available" }));
    reaches(&stores, id.parse().unwrap(), State::Completed).await;
    let later = shell(&stores, &["enqueue", "nap", r#"{"sleep_ms":0,"note":""}"#, "--after-seconds", "3600", "--json"]).await;
    let later = later["id"].as_str().unwrap();
    reaches(&stores, later.parse().unwrap(), State::Scheduled).await;
    assert_eq!(shell(&stores, &["cancel", later, "--json"]).await, json!({ "id": later, "outcome": "cancelled" }));
    assert_eq!(shell(&stores, &["check", "--json"]).await, json!({ "mistakes": [] }));
    let (ok, told, _) = try_to_end("probe", &["check", "--json", "--slots-low", "some"], &stores.settings()).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(!ok && told["mistakes"][0].as_str().unwrap().starts_with("SLOTS_LOW: "), "{told}");
}

#[tokio::test]
async fn wrong_arguments_are_told_with_their_field() {
    let stores = Stores::fresh().await;
    for (args, why) in [
        (
            r#"{"n":"one","sleep_ms":0}"#,
            "the arguments of touch are not valid: n: invalid type: string \"one\", expected i64 at line 1 column 10\n",
        ),
        (
            r#"{"n":1,"sleep_ms":-1}"#,
            "the arguments of touch are not valid: sleep_ms: invalid value: integer `-1`, expected u64 at line 1 column 20\n",
        ),
        (r#"{"n":1,"sleep_ms":0,"slep_ms":5}"#, "the arguments of touch have a field that it does not know: slep_ms\n"),
        ("[1,0]", "the arguments of touch: args: want object, but got array\n"),
        (r#"{"n":1,"sleep_ms":0} x"#, "the arguments of touch are not valid: trailing characters at line 1 column 22\n"),
    ] {
        let (ok, _, error) = try_to_end("probe", &["enqueue", "touch", args], &stores.settings()).await;
        assert!(!ok && error == why, "{error}");
    }
}

#[tokio::test]
async fn what_is_asked_beside_a_job_is_asked_from_the_shell_too() {
    let stores = Stores::fresh().await;
    let args = r#"{"n":0,"sleep_ms":0}"#;
    let beside = ["--tenant", "acme", "--expires-at", "2100-01-01T00:00:00Z", "--unique-key", "order 7", "--json"];
    let enqueue = [&["enqueue", "touch", args][..], &beside].concat();

    let holder = shell(&stores, &enqueue).await["id"].clone();

    let second = [&enqueue[..], &["--id", "01890a5d-ac96-774b-bcce-b302099a8057"]].concat();
    assert_eq!(shell(&stores, &second).await["duplicate_of"], holder);
    assert_eq!(shell(&stores, &second).await["duplicate_of"], holder, "asked again, the same is answered");
    let terms = &shell(&stores, &["inspect", holder.as_str().unwrap(), "--json"]).await["terms"];
    assert_eq!((&terms["tenant"], &terms["expires_at"]), (&json!("acme"), &json!(4_102_444_800_000_i64)));
    let by_sql = r#"select faena.enqueue('touch', '{"n": 0, "sleep_ms": 0}', unique_key => 'order 7')::text"#;
    let (met,): (String,) = sqlx::query_as(by_sql).fetch_one(&stores.db).await.unwrap();
    assert_eq!(holder, met, "every door means the same key");
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_name_and_once() {
    let stores = Stores::fresh().await;
    for (args, why) in [
        (&["pause", "--job", "nope"][..], "no job is named \"nope\"; the jobs are "),
        (&["pause", "low/nope"], "there is no lane low/nope; the lanes are critical, default, low"),
        (&["pause", "--tenant", ""], "write 1 to 200 characters that print"),
        (&["pause", "low", "--by", "a\nb"], "write 1 to 200 characters that print"),
        (&["inspect", "--state", "dead", "--after", "zzz"], "\"zzz\" is no place where this list goes on"),
        (&["schedules", "ticks", "nope"], "there is no schedule nope"),
        (
            &["enqueue", "touch", r#"{"n":0,"sleep_ms":0}"#, "--tenant", "a\u{202e}b"],
            "the tenant of touch is not 1 to 120 printable",
        ),
    ] {
        let (ok, _, error) = try_to_end("probe", args, &stores.settings()).await;
        assert!(!ok && error.contains(why), "{args:?}: {error}");
    }
    let away = [("DATABASE_URL".to_owned(), "postgres://nobody@127.0.0.1:1/none".to_owned())];
    let settings: Vec<_> = stores.settings().into_iter().filter(|(name, _)| name != "DATABASE_URL").chain(away).collect();
    let (ok, _, error) = try_to_end("probe", &["pause", "low"], &settings).await;
    let said: Vec<&str> = error.trim().split(": ").collect();
    assert!(!ok && said.len() == said.iter().collect::<BTreeSet<_>>().len(), "said once: {error}");
}

#[tokio::test]
async fn tokens_are_made_listed_and_ended_and_told_once() {
    let stores = Stores::fresh().await;
    let create =
        ["tokens", "create", "billing", "--scope", "jobs:enqueue", "--scope", "jobs:read", "--job", "touch", "--by", "operadora"];
    let printed = run_to_end("probe", &create, &stores.settings()).await;
    let token = printed.trim();
    assert!(token.starts_with("faena_") && token.len() == 49, "{token}");

    let list = run_to_end("probe", &["tokens", "list"], &stores.settings()).await;
    assert!(list.contains("billing") && list.contains("stands, never used") && !list.contains(token), "{list}");
    let made =
        shell(&stores, &["tokens", "create", "sales", "--scope", "jobs:read", "--expires-at", "2100-01-01T00:00:00Z", "--json"])
            .await;
    assert_eq!((&made["details"]["name"], &made["details"]["job_names"]), (&json!("sales"), &Value::Null));
    assert!(made["token"].as_str().unwrap().starts_with("faena_"));
    assert_eq!(
        shell(&stores, &["tokens", "revoke", "billing", "--json"]).await,
        json!({ "name": "billing", "outcome": "revoked" })
    );
    assert_eq!(shell(&stores, &["tokens", "revoke", "billing", "--json"]).await["outcome"], "was_revoked_already");
    let listed = shell(&stores, &["tokens", "list", "--json"]).await;
    let tokens = listed["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 2);
    assert!(tokens[0]["revoked_at"].is_string() && tokens[1]["revoked_at"].is_null());
    assert!(!listed.to_string().contains("hash"));

    for (args, why) in [
        (
            &["tokens", "create", "x", "--scope", "jobs:delete"][..],
            "no scope is named \"jobs:delete\"; the scopes are jobs:enqueue, jobs:read, schedules:read, schedules:write, reports:read, reports:write, tickets:read, tickets:write, clients:read, articles:read, alerts:read, alerts:write",
        ),
        (&["tokens", "create", "x", "--scope", "jobs:read", "--job", "tuch"], "no job is named \"tuch\""),
        (&["tokens", "revoke", "nobody"], "no token is named \"nobody\""),
    ] {
        let (ok, _, error) = try_to_end("probe", args, &stores.settings()).await;
        assert!(!ok && error.contains(why), "{error}");
    }
}
