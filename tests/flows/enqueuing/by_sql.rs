//! `select faena.enqueue(…)`: any language, in its own transaction.

use faena_tests::{
    judge::{no_leftovers, quiet},
    process::start_probe,
    stores::Stores,
};
use queue::{JobId, operations::State};
use serde_json::json;
use sqlx::{Connection as _, PgConnection, postgres::PgDatabaseError, types::Json};

use super::{Producer, promised, publish_real_catalogue, reaches};

async fn enqueue(connection: &mut PgConnection, call: &'static str) -> Result<JobId, sqlx::Error> {
    sqlx::query_scalar(call).fetch_one(connection).await
}

/// SQLSTATE, field and message of a call that is refused.
async fn refused(connection: &mut PgConnection, call: &'static str) -> (String, String, String) {
    let error = enqueue(connection, call).await.expect_err(call).into_database_error().expect("an answer of Postgres");
    let error = error.downcast_ref::<PgDatabaseError>();
    (error.code().to_owned(), error.column().unwrap_or_default().to_owned(), error.message().to_owned())
}

#[tokio::test]
async fn what_commits_runs_and_what_is_rolled_back_never_existed() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let producer = Producer::admitted(&stores).await;
    let mut connection = producer.connection().await;

    let mut tx = connection.begin().await.unwrap();
    let never = enqueue(&mut tx, r#"select faena.enqueue('touch', '{"n": 1, "sleep_ms": 0}')"#).await.unwrap();
    tx.rollback().await.unwrap();
    let before = chrono::Utc::now().timestamp();
    let mut tx = connection.begin().await.unwrap();
    let done = enqueue(&mut tx, r#"select faena.enqueue('touch', '{"n": 2, "sleep_ms": 0}', tenant => 'acme')"#).await.unwrap();
    let later = r#"select faena.enqueue(name => 'film', args => '{"n": 3, "sleep_ms": 0}', run_at => now() + interval '1 hour')"#;
    let later = enqueue(&mut tx, later).await.unwrap();
    tx.commit().await.unwrap();

    reaches(&stores, done, State::Completed).await;
    reaches(&stores, later, State::Scheduled).await;
    assert!(stores.operations().job(never).await.unwrap().is_none());
    let effects: Vec<(i64, JobId)> = sqlx::query_as("select n, job_id from probe.effects").fetch_all(&stores.db).await.unwrap();
    assert_eq!(effects, [(2, done)]);
    let (version, variant) = (done.0.get_version_num(), done.0.get_variant());
    assert_eq!((version, variant), (7, uuid::Variant::RFC4122));
    let made = done.0.get_timestamp().unwrap().to_unix().0.cast_signed();
    assert!((before..=chrono::Utc::now().timestamp()).contains(&made), "{made} {before}");
    let terms: serde_json::Value =
        sqlx::query_scalar("select terms from faena.jobs where id = $1").bind(done).fetch_one(&stores.db).await.unwrap();
    assert_eq!(terms["tenant"], "acme");
    stores.operations().cancel(later, "operadora").await.unwrap();
    quiet(&stores).await;
    no_leftovers(&stores).await;
    drop(connection);
    producer.dropped(&stores).await;
}

#[tokio::test]
async fn what_one_caller_enqueues_one_after_the_other_is_claimed_in_that_order() {
    let stores = Stores::fresh().await;
    let rows: Vec<(i32, JobId)> = sqlx::query_as(
        r#"select n, faena.enqueue('touch', jsonb_build_object('n', n, 'sleep_ms', 0)) from generate_series(1, 300) n"#,
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();

    let in_order = rows.windows(2).filter(|pair| pair[0].1 < pair[1].1).count();

    assert!(in_order >= 295, "{in_order} of 299: only what falls into one microsecond is left to chance");
    for (_, id) in rows {
        assert_eq!((id.0.get_version_num(), id.0.get_variant()), (7, uuid::Variant::RFC4122));
    }
}

#[tokio::test]
async fn the_same_id_is_the_same_job_once_even_when_it_is_over() {
    let stores = Stores::fresh().await;
    let call = r#"select faena.enqueue('touch', '{"n": 5, "sleep_ms": 0}', id => '01890a5d-ac96-774b-bcce-b302099a8057')"#;
    let other = r#"select faena.enqueue('touch', '{"n": 6, "sleep_ms": 0}', id => '01890a5d-ac96-774b-bcce-b302099a8057')"#;
    let mut connection = PgConnection::connect(&stores.database_url).await.unwrap();

    // While it waits: two at the same moment, and a third one.
    let mut at_once = PgConnection::connect(&stores.database_url).await.unwrap();
    let (one, two) = tokio::join!(enqueue(&mut connection, call), enqueue(&mut at_once, call));
    let id = one.unwrap();
    assert_eq!(two.unwrap(), id);
    assert_eq!(enqueue(&mut connection, call).await.unwrap(), id);
    assert_eq!(promised(&stores).await, 1);
    let why = ("22023".to_owned(), "id".to_owned(), format!("touch: id: {id} is another job: its name or its arguments differ"));
    assert_eq!(refused(&mut connection, other).await, why);

    // When it is over.
    let _worker = start_probe(&stores, &[]).await;
    reaches(&stores, id, State::Completed).await;
    assert_eq!(enqueue(&mut connection, call).await.unwrap(), id);
    assert_eq!(refused(&mut connection, other).await, why);
    assert_eq!(promised(&stores).await, 0);
    quiet(&stores).await;
    let effects: Vec<(i64,)> = sqlx::query_as("select n from probe.effects").fetch_all(&stores.db).await.unwrap();
    assert_eq!(effects, [(5,)]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn what_cannot_be_enqueued_is_refused_with_the_field_and_the_reason() {
    let stores = Stores::fresh().await;
    publish_real_catalogue(&stores).await;
    let mut connection = PgConnection::connect(&stores.database_url).await.unwrap();
    for (call, field, message) in [
        (
            "select faena.enqueue('welcome_learner', '{\"user_id\": \"7\"}')",
            "/user_id",
            "welcome_learner: /user_id: must be an integer",
        ),
        (
            "select faena.enqueue('welcome_learner', '{\"user_id\": 7.0}')",
            "/user_id",
            "welcome_learner: /user_id: must be an integer",
        ),
        ("select faena.enqueue('welcome_learner', '{}')", "/user_id", "welcome_learner: /user_id: is missing"),
        ("select faena.enqueue('welcome_learner', '[7]')", "", "welcome_learner: must be an object"),
        (
            "select faena.enqueue('welcome_learner', '{\"user_id\": 7, \"resend\": -1}')",
            "/resend",
            "welcome_learner: /resend: must be from 0 to 4294967295",
        ),
        (
            "select faena.enqueue('welcome_learner', '{\"user_id\": 9223372036854775808}')",
            "/user_id",
            "welcome_learner: /user_id: must be from -9223372036854775808 to 9223372036854775807",
        ),
        ("select faena.enqueue('welcome_learner', null)", "args", "welcome_learner: args: must not be null"),
        (
            "select faena.enqueue('nap', jsonb_build_object('sleep_ms', 0, 'note', repeat('x', 65536)))",
            "args",
            "nap: args: has 65563 bytes; 65536 are allowed",
        ),
        (
            "select faena.enqueue('nap', '{\"sleep_ms\": 0, \"note\": \"\"}', run_at => 'infinity')",
            "run_at",
            "nap: run_at: must be a time of the years 1 to 9999",
        ),
        (
            "select faena.enqueue('nap', '{\"sleep_ms\": 0, \"note\": \"\"}', tenant => '')",
            "tenant",
            "nap: tenant: must have from 1 to 120 characters that print",
        ),
        (
            "select faena.enqueue('nap', '{\"sleep_ms\": 0, \"note\": \"\"}', tenant => E'a\\u202eb')",
            "tenant",
            "nap: tenant: must have from 1 to 120 characters that print",
        ),
        (
            "select faena.enqueue('pass', '{\"n\": 1, \"gate\": \"\", \"sleep_ms\": 0}')",
            "/gate",
            "pass: /gate: must have from 1 to 120 characters that print: it says for whom the job is done",
        ),
        (
            "select faena.enqueue('nap', '{\"sleep_ms\": 0, \"note\": \"\"}', expires_at => '-infinity')",
            "expires_at",
            "nap: expires_at: must be a time of the years 1970 to 9999",
        ),
        (
            "select faena.enqueue('welcome_learner', '{\"user_id\": 7, \"resnd\": 1}')",
            "/resnd",
            "welcome_learner: /resnd: is not known here; the fields are resend, user_id",
        ),
        (
            "select faena.enqueue('nap', '{\"sleep_ms\": 0, \"note\": \"\"}', traceparent => '00-0-0-01')",
            "traceparent",
            "nap: traceparent: is none by W3C Trace Context, for example 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        (
            "select faena.enqueue('welcome_lerner', '{\"user_id\": 7}')",
            "name",
            "no job is named \"welcome_lerner\"; nearly so: welcome_learner, sweep_ledger",
        ),
    ] {
        let expected = ("22023".to_owned(), field.to_owned(), message.to_owned());
        assert_eq!(refused(&mut connection, call).await, expected, "{call}");
    }
    for (text, is_one) in [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
    ] {
        let (said,): (bool,) =
            sqlx::query_as("select faena.is_traceparent($1)").bind(text).fetch_one(&mut connection).await.unwrap();
        assert_eq!(said, is_one, "{text}");
    }
    let (_, _, said) = refused(&mut connection, "select faena.enqueue('xyz')").await;
    let known: Vec<&str> = said.strip_prefix("no job is named \"xyz\"; the jobs are ").expect(&said).split(", ").collect();
    assert!(known.is_sorted() && known.contains(&"announce_certificate") && known.contains(&"film"), "{said}");
    let deep = "select faena.enqueue('deep', (repeat('[', 130) || repeat(']', 130))::jsonb)";
    sqlx::raw_sql("insert into faena.job_kinds (name, version, lane, schema, description, published_by) values ('deep', 1, 'low', 'true', '', '')")
        .execute(&stores.db)
        .await
        .unwrap();
    assert_eq!(refused(&mut connection, deep).await.2, "deep: args: is nested too deeply");
    assert_eq!(promised(&stores).await, 0);
    sqlx::raw_sql("truncate faena.job_kinds").execute(&stores.db).await.unwrap();
    let none = refused(&mut connection, "select faena.enqueue('nap')").await.2;
    assert_eq!(none, "no job is named \"nap\"; none is published yet: run `worker migrate`");
}

#[tokio::test]
async fn a_schema_that_nothing_here_can_judge_is_never_taken_for_a_yes() {
    let stores = Stores::fresh().await;
    let mut connection = PgConnection::connect(&stores.database_url).await.unwrap();
    for (schema, why) in [
        (json!({"contains": {}}), "a published schema uses the keyword contains, which nothing here can judge"),
        (json!({"properties": {"n": {"format": "iri"}}}), "a published schema uses the format iri, which nothing here can judge"),
        (json!({"$ref": "#/$defs/X"}), "a published schema refers to \"#/$defs/X\", which is not in it"),
        (
            json!({"$ref": "https://elsewhere.example"}),
            "a published schema refers to \"https://elsewhere.example\", which is not in it",
        ),
    ] {
        sqlx::query("update faena.job_kinds set schema = $1 where name = 'touch'")
            .bind(schema)
            .execute(&stores.db)
            .await
            .unwrap();
        let (code, _, said) = refused(&mut connection, r#"select faena.enqueue('touch', '{"n": 1, "sleep_ms": 0}')"#).await;
        assert_eq!((code.as_str(), said.as_str()), ("0A000", why));
    }
}

#[tokio::test]
async fn a_secret_is_taken_sealed_or_not_at_all() {
    let stores = Stores::fresh().await;
    let mut connection = PgConnection::connect(&stores.database_url).await.unwrap();
    let schema = json!({"properties": {"cards": {"items": {"$ref": "#/$defs/Card"}}}, "$defs": {"Card": {"type": "string", "writeOnly": true}}});
    sqlx::query("update faena.job_kinds set schema = $1 where name = 'nap'").bind(schema).execute(&stores.db).await.unwrap();

    let (_, field, said) = refused(&mut connection, r#"select faena.enqueue('nap', '{"cards": ["4111"]}')"#).await;
    assert_eq!(
        (field.as_str(), said.as_str()),
        ("/cards/0", "nap: /cards/0: is secret and is not sealed: enqueue the job from Rust or by `worker enqueue`")
    );
    assert_eq!(promised(&stores).await, 0);
    enqueue(&mut connection, r#"select faena.enqueue('nap', '{"cards": [{"$secret": "v2.old.x.y"}]}')"#).await.unwrap();
}

#[tokio::test]
async fn a_unique_job_that_meets_another_one_answers_with_that_and_stands_on_record() {
    let stores = Stores::fresh().await;
    let mut connection = PgConnection::connect(&stores.database_url).await.unwrap();
    let call = r#"select faena.enqueue('touch', '{"n": 1, "sleep_ms": 0}', unique_key => 'order 7')"#;

    let holder = enqueue(&mut connection, call).await.unwrap();

    assert_eq!(enqueue(&mut connection, call).await.unwrap(), holder);
    let other = r#"select faena.enqueue('touch', '{"n": 2, "sleep_ms": 0}', unique_key => 'order 8')"#;
    assert_ne!(enqueue(&mut connection, other).await.unwrap(), holder);
    let ended: Vec<(String, String)> =
        sqlx::query_as("select state, reason from faena.jobs").fetch_all(&stores.db).await.unwrap();
    assert_eq!(ended, [("cancelled".to_owned(), format!("duplicate of {holder}"))]);
    let again = r#"select faena.enqueue('touch', '{"n": 1, "sleep_ms": 0}', id => '01890a5d-ac96-774b-bcce-b302099a8057', unique_key => 'order 7')"#;
    for _ in 0..2 {
        assert_eq!(enqueue(&mut connection, again).await.unwrap(), holder, "asked again, the same is answered");
    }
    // When the holder is over, its key is free.
    let _worker = start_probe(&stores, &[]).await;
    reaches(&stores, holder, State::Completed).await;
    assert_ne!(enqueue(&mut connection, call).await.unwrap(), holder);
    quiet(&stores).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_producer_may_enqueue_and_do_nothing_else() {
    let stores = Stores::fresh().await;
    let producer = Producer::admitted(&stores).await;
    let mut connection = producer.connection().await;

    let call = r#"select faena.enqueue('touch', '{"n": 1, "sleep_ms": 0}')"#;
    enqueue(&mut connection, call).await.unwrap();
    // A search path of the caller's own leads the function nowhere else.
    sqlx::raw_sql("create temporary table job_kinds (name text); set search_path = pg_temp, public")
        .execute(&mut connection)
        .await
        .unwrap();
    enqueue(&mut connection, call).await.unwrap();
    sqlx::raw_sql("drop table pg_temp.job_kinds").execute(&mut connection).await.unwrap();
    assert_eq!(promised(&stores).await, 2);

    let tables: Vec<(String,)> = sqlx::query_as(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('faena', 'core', 'mail') and c.relkind in ('r', 'p', 'v', 'S')",
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();
    assert!(tables.len() > 10);
    // By the catalogue they know what there is to enqueue.
    sqlx::raw_sql("select * from faena.job_kinds").execute(&mut connection).await.unwrap();
    for (table,) in tables.into_iter().filter(|(table,)| table != "faena.job_kinds") {
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("select * from {table}"))).execute(&mut connection).await;
        let code = error.expect_err(&table).into_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{table}");
    }
    let (granted,): (Vec<String>,) = sqlx::query_as(
        "select array_agg(distinct proname::text) from pg_proc
         where pronamespace = 'faena'::regnamespace and has_function_privilege($1, oid, 'execute')",
    )
    .bind(&producer.name)
    .fetch_one(&stores.db)
    .await
    .unwrap();
    assert_eq!(granted, ["enqueue"]);
    let unsafe_path: Vec<(String,)> = sqlx::query_as(
        "select proname::text from pg_proc where pronamespace = 'faena'::regnamespace and prosecdef
         and not coalesce(array_to_string(proconfig, ',') like 'search_path=pg_catalog%', false)",
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();
    assert_eq!(unsafe_path, []);
    drop(connection);
    producer.dropped(&stores).await;
}

#[tokio::test]
async fn every_kind_of_the_real_catalogue_can_be_enqueued_by_what_its_schema_says() {
    let stores = Stores::fresh().await;
    publish_real_catalogue(&stores).await;
    let mut connection = PgConnection::connect(&stores.database_url).await.unwrap();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (name, args) in [
        ("welcome_learner", json!({ "user_id": 7 })),
        ("send_password_reset", json!({ "user_id": 7, "number": 1 })),
        ("read_mail_report", json!({ "report_id": id })),
        ("open_checkout", json!({ "sale_id": id })),
        ("confirm_payment", json!({ "sale_id": id })),
        ("trace_payment", json!({ "provider": "stripe", "event_id": "evt_1" })),
        ("verify_message", json!({ "transmission_id": "69cd13f0-d67a-11e5-baa3-778b53f4ae55" })),
        ("refund_sale", json!({ "refund_id": id })),
        ("check_pending_payments", json!({})),
        ("reconcile_payments", json!({})),
        ("compare_payments", json!({ "provider": "paypal" })),
        ("send_receipt", json!({ "sale_id": id })),
        ("send_refund_notice", json!({ "refund_id": id })),
        ("refresh_sales_statistics", json!({})),
        ("compare_sales_statistics", json!({})),
        ("issue_certificate", json!({ "certificate_id": id })),
        ("announce_certificate", json!({ "certificate_id": id })),
        ("publish_status_list", json!({ "list": 1 })),
        ("publish_announcement", json!({ "announcement_id": 1 })),
        ("send_announcement", json!({ "announcement_id": 1, "user_id": 7 })),
        ("build_report", json!({ "report_id": id })),
        ("announce_report", json!({ "report_id": id })),
        ("close_report", json!({ "report_id": id })),
        ("send_daily_reports", json!({})),
        ("sweep_reports", json!({ "dry_run": true })),
        ("watch_platform", json!({})),
        ("monitor_sla", json!({})),
        ("notify_sla_alert", json!({ "user_id": 7, "alert_ids": [1, 2] })),
        ("follow_rule_change", json!({ "change_id": 1 })),
        ("announce_answer", json!({ "user_id": 7, "comment_id": 1 })),
        ("announce_solution", json!({ "user_id": 7, "ticket_id": 1, "version": 2, "comment_id": 1 })),
        ("announce_closure", json!({ "user_id": 7, "ticket_id": 1, "version": 2 })),
        ("announce_reply", json!({ "user_id": 7, "comment_id": 1 })),
        ("announce_assignment", json!({ "user_id": 7, "ticket_id": 1, "version": 2, "by_user_id": 8 })),
        ("send_invitation", json!({ "user_id": 7, "client_id": 1, "by_user_id": 8, "number": 0 })),
        ("close_tickets", json!({ "dry_run": true })),
        ("archive_tickets", json!({ "dry_run": true })),
        ("check_counters", json!({})),
        ("sweep_files", json!({ "dry_run": true })),
        ("tell_operator", json!({ "notice_id": 1, "user_id": 7 })),
        ("notify_slack", json!({ "channel": "ops" })),
        ("make_partitions", json!({})),
        ("sweep_sessions", json!({})),
        ("sweep_tokens", json!({})),
        ("sweep_ledger", json!({ "dry_run": true })),
        ("sweep_remains", json!({})),
        ("sweep_letters", json!({})),
        ("sweep_payment_messages", json!({})),
    ] {
        let call = sqlx::query("select faena.enqueue($1, $2)").bind(name).bind(Json(args));
        call.execute(&mut connection).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // However it is spelled, it is the same sale, and nobody wants it confirmed twice.
    let again = json!({ "sale_id": id.to_uppercase() });
    let call = sqlx::query("select faena.enqueue('confirm_payment', $1)").bind(Json(again));
    call.execute(&mut connection).await.unwrap();
    let kinds = jobs::catalogue().kinds().count();
    assert_eq!(promised(&stores).await, i64::try_from(kinds).unwrap(), "each kind has a call in this story");
}
