//! Stories told in a real Chromium, at a phone's and a desk's width, light and dark, with axe looking on.

use std::path::Path;

use chrono::Utc;
use faena_tests::{
    sandbox::{At, SmtpRule},
    site::Site,
    wait::eventually,
};
use queue::{JobId, OrderByName, operations::State};
use tokio::process::Command;

/// Runs `tests/browser/{story}.mjs` against the site.
async fn tell(story: &str, site: &Site, settings: &[(&str, String)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    assert!(folder.join("node_modules").exists(), "the browser's packages are not installed: start the tests with tests/run");
    let mut node = Command::new("node");
    node.arg(format!("{story}.mjs")).current_dir(&folder).kill_on_drop(true);
    node.env("SITE", &site.url).env("MAILBOX", site.sandbox.http_url());
    node.envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
    let told = node.output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(told.status.success(), "{story}:\n{}{}\nweb:\n{}", text(&told.stdout), text(&told.stderr), site.web.log_text());
}

#[tokio::test]
async fn somebody_registers_reads_the_letter_and_proves_the_address() {
    let site = Site::start().await;

    tell("story", &site, &[]).await;
}

#[tokio::test]
async fn an_operator_finds_a_dead_job_retries_it_and_cancels_another() {
    let site = Site::start().await;
    sqlx::raw_sql(include_str!("../../deploy/demo.sql")).execute(&site.stores.db).await.unwrap();
    site.sandbox.misbehave_smtp([SmtpRule::reply(At::Rcpt, 554, "5.7.1 refused by our policy")]).await.unwrap();
    let (refused, waiting) =
        (register(&site, "sin.buzon@learner.example", None).await, register(&site, "luego@learner.example", Some(3600)).await);
    let operations = site.stores.operations();
    for (id, state) in [(refused, State::Dead), (waiting, State::Scheduled)] {
        eventually(format!("{id} to be {state}"), async || {
            operations.job(id).await.ok().flatten().filter(|job| job.summary.state == state)
        })
        .await;
    }

    tell("operator", &site, &[("DEAD_JOB", refused.to_string()), ("WAITING_JOB", waiting.to_string())]).await;
}

#[tokio::test]
async fn somebody_of_a_client_helps_themselves_and_an_agent_writes_what_was_missing() {
    let site = Site::start().await;
    for demo in [include_str!("../../deploy/demo.sql"), include_str!("../../deploy/demo-desk.sql")] {
        sqlx::raw_sql(demo).execute(&site.stores.db).await.unwrap();
    }

    tell("help", &site, &[]).await;
}

/// An account, and its welcome letter: at once, or after some seconds.
async fn register(site: &Site, email: &str, after_seconds: Option<i64>) -> JobId {
    let mut tx = site.stores.db.begin().await.unwrap();
    let (user_id,): (i64,) = sqlx::query_as(
        "insert into core.users (email, full_name, role, password_hash) values ($1, 'Íñigo Ñ.', 'learner', '-') returning id",
    )
    .bind(email)
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    let run_at = after_seconds.map(|seconds| Utc::now() + chrono::TimeDelta::seconds(seconds));
    let args = format!(r#"{{"user_id":{user_id},"resend":0}}"#);
    let order = OrderByName { name: "welcome_learner", args: &args, run_at, ..OrderByName::default() };
    let id = jobs::catalogue().enqueue_by_name(&mut tx, order).await.unwrap().id;
    tx.commit().await.unwrap();
    id
}
