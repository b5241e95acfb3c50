//! Somebody falls silent, and is never gone: nothing waits for them without end.

use std::{io::ErrorKind, time::Duration};

use faena_tests::{
    proxy::Proxy,
    servers::{PrivatePostgres, PrivateRedis},
    stores::Stores,
    wait::until,
};
use reqwest::StatusCode;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{Visitor, Web, help_desk::furnished};

/// Longer than any test.
const FOR_GOOD: Duration = Duration::from_secs(600);

/// Asks for a page that reads that table; in the middle of its question every connection to Postgres falls silent.
async fn asks_in_vain(web: &Web, proxy: &Proxy, visitor: &Visitor, page: &str, lock: &'static str) -> StatusCode {
    let mut held = web.stores.db.begin().await.unwrap();
    sqlx::raw_sql(lock).execute(&mut *held).await.unwrap();
    let (answer, ()) = tokio::join!(visitor.get(page), async {
        let asks = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        until("the web to ask Postgres", async || web.number(asks).await > 0).await;
        proxy.silence(FOR_GOOD);
    });
    held.rollback().await.unwrap();
    answer.status()
}

/// A web with one connection to Postgres, which falls silent again and again.
async fn goes_on(stores: Stores, query: &str) {
    let (proxy, url) = Proxy::before_url(&stores.database_url).await;
    let url = url + query;
    let mut web = Web::start_on(stores, &[("DATABASE_URL", &url), ("DATABASE_CONNECTIONS", "1")]).await;
    let visitor = web.visitor();
    let is_shown = async || visitor.get("/cursos").await.status() == StatusCode::OK;

    let lock = "lock table school.courses in access exclusive mode";
    assert_eq!(asks_in_vain(&web, &proxy, &visitor, "/cursos", lock).await, StatusCode::SERVICE_UNAVAILABLE);
    until("the courses to be shown again", is_shown).await;
    // Nobody is using it.
    proxy.silence(FOR_GOOD);
    until("the courses to be shown again", is_shown).await;

    proxy.silence(FOR_GOOD);
    assert!(web.process.terminate().await, "{}", web.process.log_text());
}

#[tokio::test]
async fn a_connection_to_postgres_that_falls_silent_is_replaced_within_seconds() {
    goes_on(Stores::fresh().await, "").await;
}

#[tokio::test]
async fn an_encrypted_connection_to_postgres_that_falls_silent_is_replaced_within_seconds() {
    let (postgres, redis) = (PrivatePostgres::start_encrypted().await, PrivateRedis::start().await);
    goes_on(Stores::on(&postgres.url(), &redis.url()).await, "?sslmode=require").await;
}

#[tokio::test]
async fn figures_whose_question_is_never_answered_are_asked_for_again() {
    let stores = Stores::fresh().await;
    let (proxy, url) = Proxy::before_url(&stores.database_url).await;
    let web = furnished(Web::start_on(stores, &[("DATABASE_URL", &url)]).await).await;
    let manager = web.signed_in("jefa").await;

    asks_in_vain(&web, &proxy, &manager, "/tablero", "lock table desk.tickets in access exclusive mode").await;

    until("the figures to be shown", async || {
        let page = manager.page("/tablero").await;
        page.status == StatusCode::OK && page.texts(".notice").is_empty()
    })
    .await;
}

#[tokio::test]
async fn who_takes_nothing_of_what_they_asked_for_keeps_no_place() {
    let web = Web::start().await;
    let style = web.visitor().page("/").await.attribute("link[rel=stylesheet]", "href").unwrap();
    let mut reader = TcpStream::connect(&web.process.addr).await.unwrap();
    // Far more than lies between two ends of a connection.
    let asks = format!("GET {style} HTTP/1.1\r\nHost: {}\r\n\r\n", web.process.addr).repeat(500);
    reader.write_all(asks.as_bytes()).await.unwrap();

    // Whoever was given up hears of it when they say something.
    until("the web to give them up", async || {
        let said = reader.try_write(b"\r").map_err(|error| error.kind());
        reader.take_error().unwrap().is_some() || said.is_err_and(|kind| kind != ErrorKind::WouldBlock)
    })
    .await;
    assert_eq!(web.visitor().get("/").await.status(), StatusCode::OK);
}
