//! No part of a worker is silently dead: a connection that falls silent is given up. (Of loops that hang `hangs` tells.)

use std::{net::SocketAddr, time::Duration};

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::Touch,
    process::start_probe,
    proxy::Proxy,
    stores::Stores,
    wait::until,
};

use super::enqueue_all;

const JOBS: i64 = 600;
/// Longer than any test.
const FOR_GOOD: Duration = Duration::from_secs(600);

/// The address in a URL, and the URL with another one.
fn through(url: &str, proxy: Option<SocketAddr>) -> (SocketAddr, String) {
    let mut url = url::Url::parse(url).unwrap();
    let default = if url.scheme() == "redis" { 6379 } else { 5432 };
    let addr = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(default)).parse().unwrap();
    if let Some(proxy) = proxy {
        url.set_ip_host(proxy.ip()).unwrap();
        url.set_port(Some(proxy.port())).unwrap();
    }
    (addr, url.into())
}

async fn some_effects(stores: &Stores, count: i64) {
    until(format!("{count} effects"), async || {
        let (now,): (i64,) = sqlx::query_as("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
        now >= count
    })
    .await;
}

/// A worker reaches one of its stores through a network that falls silent in the middle of a load, and is never told.
async fn falls_silent(setting: &str, url: impl FnOnce(&Stores) -> String) {
    let stores = Stores::fresh().await;
    enqueue_all(&stores, (0..JOBS).map(|n| Touch { n, sleep_ms: 10 })).await;
    let url = url(&stores);
    let proxy = Proxy::before(through(&url, None).0).await.unwrap();
    let mut worker = start_probe(&stores, &[(setting, &through(&url, Some(proxy.addr)).1)]).await;
    some_effects(&stores, JOBS / 3).await;

    proxy.silence(FOR_GOOD);

    quiet(&stores).await;
    assert!(!worker.has_ended());
    assert_eq!(effects(&stores, JOBS).await, (vec![], vec![]));
    no_leftovers(&stores).await;
    assert!(worker.terminate().await, "the drain was not clean:\n{}", worker.log_text());
}

#[tokio::test]
async fn redis_falls_silent_and_the_worker_carries_on() {
    falls_silent("REDIS_URL", |stores| stores.redis_url.clone()).await;
}

#[tokio::test]
async fn postgres_falls_silent_and_the_worker_carries_on() {
    falls_silent("DATABASE_URL", |stores| stores.database_url.clone()).await;
}
