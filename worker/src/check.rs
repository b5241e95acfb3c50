//! `worker check`: every mistake at once, from a missing value to a server that does not answer.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use crate::{
    cli::Outside,
    migrate::MIGRATIONS,
    operate::{tell_json, tell_line},
    settings::{Mistakes, RunArgs, StoreArgs, Stores},
};

const PATIENCE: Duration = Duration::from_secs(5);
const OLDEST_POSTGRES: i32 = 150_000;
const OLDEST_REDIS: u32 = 7;

pub(crate) async fn check<O: Outside>(stores: &StoreArgs, run: &RunArgs, outside: &O, as_json: bool) -> anyhow::Result<()> {
    let mut mistakes = Mistakes::default();
    let opened = stores.checked(&mut mistakes);
    run.checked(&O::catalogue().lanes(), &mut mistakes);
    let opened_outside = outside.open(opened.as_ref().map(|stores| &stores.store), &mut mistakes);
    if let Some(stores) = &opened {
        let (postgres, redis) = tokio::join!(
            within("no answer within 5 s", check_postgres(stores)),
            within("no answer within 5 s", check_redis(stores)),
        );
        postgres.into_iter().for_each(|mistake| mistakes.add("DATABASE_URL", mistake));
        redis.into_iter().for_each(|mistake| mistakes.add("REDIS_URL", mistake));
    }
    if opened_outside.is_some() {
        outside.reach(&mut mistakes).await;
    }
    if as_json {
        tell_json(&json!({ "mistakes": mistakes.as_slice() }))?;
    }
    mistakes.into_result()?;
    if !as_json {
        tell_line!("The settings are in order, and everything they name answers.");
    }
    Ok(())
}

async fn within(otherwise: &str, check: impl Future<Output = Vec<String>>) -> Vec<String> {
    tokio::time::timeout(PATIENCE, check).await.unwrap_or_else(|_| vec![otherwise.to_owned()])
}

async fn check_postgres(stores: &Stores) -> Vec<String> {
    let db = stores.pool(1);
    let version: Result<(String,), _> = sqlx::query_as("show server_version_num").fetch_one(&db).await;
    let mut mistakes = Vec::new();
    match version {
        Err(error) => return vec![format!("Postgres does not answer: {error}")],
        Ok((version,)) if version.parse().unwrap_or(0) < OLDEST_POSTGRES => mistakes.push("Postgres is older than 15".to_owned()),
        Ok(_) => {}
    }
    let applied: Result<Vec<(i64,)>, _> =
        sqlx::query_as("select version from _sqlx_migrations where success").fetch_all(&db).await;
    let applied: Vec<i64> = applied.unwrap_or_default().into_iter().map(|(version,)| version).collect();
    let missing = MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)).count();
    if missing > 0 {
        mistakes.push(format!("{missing} migrations are not applied: run `worker migrate`"));
    }
    mistakes
}

async fn check_redis(stores: &Stores) -> Vec<String> {
    let asked: Result<(String, Vec<String>), redis::RedisError> = async {
        let client = redis::Client::open(stores.redis_url().expose_secret())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let info = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
        // Hosted servers may hide CONFIG; what cannot be asked is not called a mistake.
        let policy = redis::cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut connection).await;
        Ok((info, policy.unwrap_or_default()))
    }
    .await;
    match asked {
        Err(error) => vec![format!("Redis does not answer: {error}")],
        Ok((info, policy)) => {
            let mut mistakes = Vec::new();
            let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or_default();
            if version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0) < OLDEST_REDIS {
                mistakes.push(format!("Redis {version} is older than 7"));
            }
            if policy.get(1).is_some_and(|policy| policy != "noeviction") {
                mistakes.push("its maxmemory-policy is not noeviction: under pressure Redis would throw jobs away".to_owned());
            }
            mistakes
        }
    }
}
