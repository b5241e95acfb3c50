//! `web check`: every mistake in the configuration at once, and whether the servers it names answer.

use std::time::Duration;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::timeout;

use crate::{
    assets::Assets,
    migrations,
    settings::{Given, Mistakes},
    texts::Texts,
};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything that is wrong. A server is asked whenever its own setting can be read, whatever is wrong with the others.
pub(crate) async fn mistakes(given: &Given) -> Mistakes {
    let (readable, mut mistakes) = given.read();
    let cache_url = readable.cache_redis_url.flatten();
    let (database, redis, cache) =
        tokio::join!(ask(readable.database, postgres), ask(readable.redis_url, redis), ask(cache_url, redis),);
    for (name, answer) in [("DATABASE_URL", database), ("REDIS_URL", redis), ("CACHE_REDIS_URL", cache)] {
        if let Err(what) = answer {
            mistakes.add(name, what);
        }
    }
    if let Err(error) = Texts::load() {
        mistakes.add("texts", format!("{error:#}"));
    }
    if let Err(error) = Assets::load() {
        mistakes.add("assets", format!("{error:#}"));
    }
    mistakes
}

async fn ask<T, F: Future<Output = anyhow::Result<()>>>(server: Option<T>, question: impl FnOnce(T) -> F) -> Result<(), String> {
    let Some(server) = server else { return Ok(()) };
    match timeout(PATIENCE, question(server)).await {
        Ok(answer) => answer.map_err(|error| format!("{error:#}")),
        Err(_) => Err(format!("does not answer within {} s", PATIENCE.as_secs())),
    }
}

async fn postgres(options: PgConnectOptions) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
    let db = pool.connect_with(options).await.context("cannot be reached")?;
    let missing = migrations::missing(&db).await.context("cannot be asked for its migrations")?;
    let versions: Vec<String> = missing.iter().map(|version| format!("{version:04}")).collect();
    anyhow::ensure!(versions.is_empty(), "migrations are missing: {} (run: worker migrate)", versions.join(", "));
    Ok(())
}

async fn redis(url: SecretString) -> anyhow::Result<()> {
    let client = redis::Client::open(url.expose_secret()).context("is no URL")?;
    let mut connection = client.get_multiplexed_async_connection().await.context("cannot be reached")?;
    redis::cmd("PING").query_async(&mut connection).await.context("does not answer")
}
