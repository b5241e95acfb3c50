//! The process: its configuration, its probes, its figures, its end.

use faena_tests::{
    process::try_to_end,
    stores::Stores,
    wait::{eventually, until},
};
use nix::sys::signal::Signal;
use reqwest::{StatusCode, header};

use super::{SCRAPER_TOKEN, Web, settings};

#[tokio::test]
async fn check_tells_every_mistake_at_once() {
    let stores = Stores::fresh().await;
    let (ok, out, err) = try_to_end("web", &["check"], &settings(&stores, &[])).await;
    assert!(ok, "{out}{err}");

    let wrong = [
        ("PUBLIC_URL", "http://compilandocode.example"),
        ("SECRET_KEY", "corta"),
        ("REDIS_URL", "redis://127.0.0.1:9"),
        ("MAX_REQUESTS", "muchas"),
    ];
    let (ok, out, err) = try_to_end("web", &["check"], &settings(&stores, &wrong)).await;
    assert!(!ok);
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!((lines.len(), out.as_str()), (4, ""), "{err}");
    for (name, _) in wrong {
        assert!(lines.iter().any(|line| line.starts_with(&format!("{name}: "))), "{name} is missing in {err}");
    }

    sqlx::raw_sql("delete from _sqlx_migrations where version = 2").execute(&stores.db).await.unwrap();
    let (ok, _, err) = try_to_end("web", &["check"], &settings(&stores, &[])).await;
    assert!(!ok && err.contains("migrations are missing: 0002"), "{err}");
}

#[tokio::test]
async fn serve_refuses_what_check_refuses() {
    let stores = Stores::fresh().await;
    let (ok, _, err) = try_to_end("web", &["serve"], &settings(&stores, &[("SECRET_KEY", ""), ("PUBLIC_URL", "")])).await;
    assert!(!ok);
    assert_eq!(err, "PUBLIC_URL: is missing\nSECRET_KEY: is missing\n");
}

#[tokio::test]
async fn the_figures_are_for_the_scraper_and_for_operators() {
    let web = Web::start().await.with_demo_accounts().await;
    assert_eq!(web.visitor().get("/metrics").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(web.signed_in("aprendiz").await.get("/metrics").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(web.signed_in("operadora").await.get("/metrics").await.status(), StatusCode::OK);

    let figures = async || {
        let scraper = web.visitor().asks("/metrics").header(header::AUTHORIZATION, format!("Bearer {SCRAPER_TOKEN}"));
        scraper.send().await.unwrap().text().await.unwrap()
    };
    let shown = figures().await;

    assert!(shown.contains(r#"faena_web_logins_total{outcome="welcome"} 2"#), "{shown}");
    assert!(shown.contains(r#"faena_web_requests_total{method="GET",route="/metrics",status="403"} 1"#), "{shown}");
    // The cache is not waited for: it may have missed the first visits.
    let visitor = web.signed_in("jefa").await;
    until("a session to be found in the cache", async || {
        visitor.get("/cuenta").await;
        figures().await.contains(r#"faena_web_session_cache_total{result="hit"}"#)
    })
    .await;
}

#[tokio::test]
async fn the_log_names_requests_and_keeps_secrets() {
    let web = Web::start().await.with_demo_accounts().await;
    let visitor = web.signed_in("aprendiz").await;
    let page = visitor.get("/verificar?token=secretisimo").await;
    let id = page.headers()["x-request-id"].to_str().unwrap().to_owned();
    until("the request to be logged", async || web.process.log_text().contains(&id)).await;

    let log = web.process.log_text();
    for secret in ["secretisimo", "aprendiz@", super::PASSWORD, super::SECRET, SCRAPER_TOKEN] {
        assert!(!log.contains(secret), "{secret} stands in the log:\n{log}");
    }
}

#[tokio::test]
async fn a_request_that_has_begun_is_finished_before_the_end() {
    let stores = Stores::fresh().await;
    let mut web = Web::start_on(stores, &[("DRAIN_NOTICE_SECONDS", "300")]).await.with_demo_accounts().await;
    let visitor = web.signed_in("aprendiz").await;
    web.process.signal(Signal::SIGTERM);
    let probe = web.visitor();
    let answer = eventually("/ready to say no", async || {
        let answer = probe.get("/ready").await;
        (answer.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
    })
    .await;
    assert!(answer.text().await.unwrap().contains(r#""draining":true"#));
    // The account waits for this lock.
    let mut lock = web.stores.db.begin().await.unwrap();
    sqlx::raw_sql("lock table core.users in access exclusive mode").execute(&mut *lock).await.unwrap();
    let asked = tokio::spawn(visitor.asks("/cuenta").send());
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    until("the request to have begun", async || web.number(waiting).await == 1).await;

    // A second signal ends the notice.
    web.process.signal(Signal::SIGTERM);
    until("nothing new to be taken", async || probe.asks("/health").send().await.is_err()).await;
    lock.commit().await.unwrap();

    assert_eq!(asked.await.unwrap().unwrap().status(), StatusCode::OK);
    assert!(web.process.end().await, "{}", web.process.log_text());
}
