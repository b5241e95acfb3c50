//! Servers go away, and pages go on as far as they can.

use std::time::Instant;

use faena_tests::{
    servers::{PrivatePostgres, PrivateRedis},
    stores::Stores,
    wait::until,
};
use reqwest::StatusCode;
use serde_json::Value;

use super::{Web, leads_to};

async fn ready(web: &Web) -> (StatusCode, Value) {
    let answer = web.visitor().get("/ready").await;
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn nobody_is_logged_out_when_the_cache_vanishes() {
    let mut cache = PrivateRedis::start().await;
    let url = cache.url();
    let web = Web::start_on(Stores::fresh().await, &[("CACHE_REDIS_URL", &url)]).await.with_demo_accounts().await;
    let visitor = web.signed_in("aprendiz").await;
    assert_eq!(visitor.get("/cuenta").await.status(), StatusCode::OK);

    cache.kill_9();
    let (asked, missed) = (Instant::now(), web.missed().await);
    for _ in 0..20 {
        assert_eq!(visitor.get("/cuenta").await.status(), StatusCode::OK);
    }
    let missed = web.missed().await - missed;
    assert!(missed <= 2 + asked.elapsed().as_secs(), "after a call in vain nobody calls for two seconds: {missed}");
    let (status, checks) = ready(&web).await;
    assert_eq!((status, &checks["checks"]["cache"]["ok"]), (StatusCode::OK, &Value::Bool(false)));
    // Others come in, and somebody leaves, meanwhile.
    web.signed_in("jefa").await;
    assert_eq!(leads_to(&visitor.send("/cuenta", "/salir", &[]).await), "/");

    // What the cache still knew of that session when it comes back lets nobody in.
    cache.resume().await;
    until("the cache to be used again", async || ready(&web).await.1["checks"]["cache"]["ok"] == true).await;
    assert_eq!(leads_to(&visitor.get("/cuenta").await), "/entrar?next=%2Fcuenta");
}

#[tokio::test]
async fn a_cache_that_did_not_let_us_in_is_used_again_when_it_does() {
    let cache = PrivateRedis::start().await;
    let tell = async |word: &str, command: &[&str]| {
        let url = cache.url().replace("redis://", &format!("redis://:{word}@"));
        let mut connection = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        let _: redis::Value = redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await.unwrap();
    };
    let mut open = redis::Client::open(cache.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let _: redis::Value = redis::cmd("CONFIG").arg(&["SET", "requirepass", "hunter2"]).query_async(&mut open).await.unwrap();
    let url = cache.url().replace("redis://", "redis://:hunter2@");
    let web = Web::start_on(Stores::fresh().await, &[("CACHE_REDIS_URL", &url)]).await;
    let is_used = async || ready(&web).await.1["checks"]["cache"]["ok"] == true;
    until("the cache to be used", is_used).await;

    tell("hunter2", &["CONFIG", "SET", "requirepass", "swordfish"]).await;
    tell("swordfish", &["CLIENT", "KILL", "TYPE", "normal"]).await;
    until("it to turn us away", async || !is_used().await).await;
    tell("swordfish", &["CONFIG", "SET", "requirepass", "hunter2"]).await;

    until("the cache to be used again", is_used).await;
}

#[tokio::test]
async fn without_the_queues_people_register_and_operators_are_told() {
    let (mut queues, cache) = (PrivateRedis::start().await, PrivateRedis::start().await);
    let (queues_url, cache_url) = (queues.url(), cache.url());
    let stores = Stores::fresh().await;
    let web =
        Web::start_on(stores, &[("REDIS_URL", &queues_url), ("CACHE_REDIS_URL", &cache_url)]).await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    queue::post_notice(&web.stores.db, "blobs", "El almacén no responde. / The store does not answer.").await.unwrap();
    queues.stop();

    assert_eq!(ready(&web).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let answer = web.visitor().registers("Ana", "ana@correo.example", "sopa de letras a las 7").await;
    assert_eq!(leads_to(&answer), "/cuenta?done=registered");
    assert_eq!(web.number("select count(*) from faena.outbox").await, 1);
    let page = operator.page("/ops").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    let told = page.texts("[role=alert]");
    assert!(told[0].contains("El Redis de las colas no responde"), "{told:?}");
    assert!(told.iter().any(|told| told.contains("El almacén no responde.")), "what Postgres knows is shown: {told:?}");

    queues.resume().await;
    until("the operators' page to be whole again", async || operator.get("/ops").await.status() == StatusCode::OK).await;
}

#[tokio::test]
async fn without_postgres_pages_apologize_and_recover_by_themselves() {
    let mut postgres = PrivatePostgres::start().await;
    let redis = PrivateRedis::start().await;
    let web = Web::start_on(Stores::on(&postgres.url(), &redis.url()).await, &[]).await.with_demo_accounts().await;
    let visitor = web.signed_in("aprendiz").await;
    postgres.crash();

    let page = visitor.page("/cuenta").await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::SERVICE_UNAVAILABLE, "Vuelve en un momento"));
    assert_eq!(visitor.get("/").await.status(), StatusCode::OK);
    let (status, checks) = ready(&web).await;
    assert_eq!((status, &checks["checks"]["postgres"]["ok"]), (StatusCode::SERVICE_UNAVAILABLE, &Value::Bool(false)));

    postgres.resume().await;
    until("the account to be shown again", async || visitor.get("/cuenta").await.status() == StatusCode::OK).await;
}
