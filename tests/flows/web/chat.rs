//! Channels of the chat as administrators set them: a webhook goes in, and comes out nowhere but at its own door.

use faena_tests::{
    process::{NO_SMTP, start_worker},
    slack::{Answer, Slack},
    wait::until,
};
use jobs::chat::{Notice, post};
use reqwest::StatusCode;

use super::{Page, Web, leads_to};

const KEYS: &str = "k1:7f3a9c0e5d1b48627a90fe34c1d5b80296ea47f1035dcb8a6e21740f9bd3c856";
const SECRET: &str = "T0000/B0000/nobody-may-read-this";

/// A web that may be told of webhooks which lead to the stand-in, and keeps them sealed.
async fn web(slack: &Slack) -> Web {
    let settings = [("SECRET_ARGS_KEYS", KEYS), ("SLACK_ORIGINS", slack.origin.as_str())];
    let web = Web::start_on(faena_tests::stores::Stores::fresh().await, &settings).await.with_demo_accounts().await;
    jobs::catalogue().publication().write(&mut web.stores.db.acquire().await.unwrap(), "test").await.unwrap();
    web
}

/// Rows of any table in which the webhook can be read.
async fn readable(web: &Web) -> i64 {
    let mut found = 0;
    let tables: Vec<String> = sqlx::query_scalar(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables where schemaname in ('core', 'faena', 'mail', 'desk')",
    )
    .fetch_all(&web.stores.db)
    .await
    .unwrap();
    for table in tables {
        let sql = format!("select count(*) from {table} t where to_jsonb(t)::text like '%nobody-may-read-this%'");
        found += sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql)).fetch_one(&web.stores.db).await.unwrap();
    }
    found
}

#[tokio::test]
async fn a_webhook_is_set_tried_found_dead_replaced_and_forgotten() {
    let slack = Slack::start().await;
    let web = web(&slack).await;
    let admin = web.signed_in("admin").await;
    let worker =
        start_worker(&web.stores, NO_SMTP, &[("SECRET_ARGS_KEYS", KEYS), ("SLACK_ORIGINS", slack.origin.as_str())]).await;
    let empty = admin.page("/admin/chat").await;
    assert!(empty.html.contains("<code>operators</code>") && empty.html.contains("<code>desk</code>"), "what could be set");

    let webhook = format!("{}/services/{SECRET}", slack.origin);
    let set = admin.send("/admin/chat", "/admin/chat", &[("name", "desk"), ("webhook", &webhook)]).await;
    assert_eq!(leads_to(&set), "/admin/chat?done=set");
    let page = admin.page("/admin/chat?done=set").await;
    assert!(page.text("tbody").contains(&slack.origin) && page.text("tbody").contains("Activo"), "{}", page.html);
    assert!(!page.html.contains("nobody-may-read-this"), "it is not shown again");
    assert_eq!(readable(&web).await, 0, "nor does it stand anywhere in clear");

    let tried = admin.send("/admin/chat", "/admin/chat/desk/test", &[]).await;
    assert!(leads_to(&tried).starts_with("/admin/chat?done=tried&job="), "{tried:?}");
    until("the trial to be said", async || slack.heard().len() == 1).await;
    let heard = slack.heard();
    assert!(heard[0].path.ends_with(SECRET) && heard[0].text.starts_with("Prueba de Faena"), "{heard:?}");
    assert!(admin.page(leads_to(&tried)).await.html.contains("Ver qué fue de ella"));

    // The chat turns it away: it is disabled, and says since when and why.
    slack.answer([Answer::Says(410, "channel_is_archived", None)]);
    let say = async |key: &str| {
        let mut tx = web.stores.db.begin().await.unwrap();
        post(&mut tx, Notice { channel: "desk", key, text: key, ..Notice::default() }).await.unwrap();
        tx.commit().await.unwrap();
    };
    say("one").await;
    until("the channel to be disabled", async || {
        web.number("select count(*) from core.chat_channels where disabled_at is not null").await == 1
    })
    .await;
    let page = admin.page("/admin/chat").await;
    let row = page.text("tbody");
    for said in ["Desactivado desde", "410 channel_is_archived", "Dichos: 1", "rechazados: 1"] {
        assert!(row.contains(said), "{said}: {row}");
    }
    let enabled = admin.send("/admin/chat", "/admin/chat/desk/enable", &[]).await;
    assert_eq!(leads_to(&enabled), "/admin/chat?done=enabled");
    say("two").await;
    until("what comes after to be said", async || slack.heard().len() == 3).await;
    assert_eq!(slack.heard()[2].text, "two");

    let forgotten = admin.send("/admin/chat", "/admin/chat/desk/forget", &[]).await;
    assert_eq!(leads_to(&forgotten), "/admin/chat?done=forgotten");
    say("three").await;
    until("nobody to be there", async || {
        web.number("select count(*) from faena.jobs where name = 'notify_slack' and reason like '%there is no such channel%'")
            .await
            == 1
    })
    .await;
    assert_eq!(slack.heard().len(), 3);
    assert_eq!(readable(&web).await, 0);
    assert!(!worker.log_text().contains("nobody-may-read-this"), "the log has it");
    let noted: Vec<(String, String)> =
        sqlx::query_as("select action, subject from core.audit_log where subject like 'chat%' order by id")
            .fetch_all(&web.stores.db)
            .await
            .unwrap();
    let noted: Vec<&str> = noted.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(noted, ["set_chat_webhook", "try_chat_channel", "enable_chat_channel", "forget_chat_webhook"]);
}

#[tokio::test]
async fn what_leads_elsewhere_is_refused_by_name_and_is_not_shown_either() {
    let slack = Slack::start().await;
    let web = web(&slack).await;
    let admin = web.signed_in("admin").await;
    for (name, webhook, problem) in [
        ("desk", "https://hooks.slack.com.evil.example/T000/secret-of-mine", "#webhook-problem"),
        ("desk", "http://169.254.169.254/secret-of-mine", "#webhook-problem"),
        ("desk", "secret-of-mine", "#webhook-problem"),
        ("Desk!", slack.origin.as_str(), "#name-problem"),
    ] {
        let answer = admin.send("/admin/chat", "/admin/chat", &[("name", name), ("webhook", webhook)]).await;
        let page = Page::of(answer).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{webhook}");
        assert!(!page.text(problem).is_empty() && !page.html.contains("secret-of-mine"), "{}", page.html);
    }
    assert_eq!(web.number("select count(*) from core.chat_channels").await, 0);
    for act in ["enable", "test", "forget"] {
        let of_none = admin.send("/admin/chat", &format!("/admin/chat/nobody/{act}"), &[]).await;
        assert_eq!(of_none.status(), StatusCode::NOT_FOUND, "{act}");
    }
    let promised = "select (select count(*) from faena.outbox where name = 'notify_slack') + (select count(*) from faena.jobs where name = 'notify_slack')";
    assert_eq!(web.number(promised).await, 0, "nothing is tried that is not there");
    for other in ["jefa", "operadora", "agente"] {
        let visitor = web.signed_in(other).await;
        assert_eq!(visitor.get("/admin/chat").await.status(), StatusCode::FORBIDDEN, "{other}");
    }
}

#[tokio::test]
async fn without_keys_nothing_is_kept_and_the_page_says_what_is_missing() {
    let web = Web::start().await.with_demo_accounts().await;
    let admin = web.signed_in("admin").await;
    let fields = [("name", "desk"), ("webhook", "https://hooks.slack.com/services/T0/B0/x")];
    let page = Page::of(admin.send("/admin/chat", "/admin/chat", &fields).await).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text("#webhook-problem").contains("SECRET_ARGS_KEYS"), "{}", page.html);
    assert_eq!(web.number("select count(*) from core.chat_channels").await, 0);
}

#[tokio::test]
async fn the_seal_of_one_channel_opens_no_other() {
    let slack = Slack::start().await;
    let web = web(&slack).await;
    let admin = web.signed_in("admin").await;
    let webhook = format!("{}/services/{SECRET}", slack.origin);
    admin.send("/admin/chat", "/admin/chat", &[("name", "desk"), ("webhook", &webhook)]).await;
    sqlx::raw_sql(
        "insert into core.chat_channels (name, webhook_seal, webhook_origin, webhook_set_at)
         select 'operators', webhook_seal, webhook_origin, webhook_set_at from core.chat_channels where name = 'desk'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let _worker =
        start_worker(&web.stores, NO_SMTP, &[("SECRET_ARGS_KEYS", KEYS), ("SLACK_ORIGINS", slack.origin.as_str())]).await;
    admin.send("/admin/chat", "/admin/chat/operators/test", &[]).await;
    until("the trial to be dead", async || {
        web.number("select count(*) from faena.jobs where name = 'notify_slack' and reason like '%cannot be opened%'").await == 1
    })
    .await;
    assert!(slack.heard().is_empty());
}
