//! `GET /ready`: whether this process should be given work, with one entry for each server it needs.

use std::time::{Duration, Instant};

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use redis::RedisResult;
use serde::Serialize;
use tokio::time::timeout;

use crate::{app::App, migrations};

/// The longest that one check may take.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    draining: bool,
    checks: Checks,
}

#[derive(Debug, Serialize)]
struct Checks {
    postgres: Check,
    migrations: Check,
    redis: Check,
    cache: Check,
}

/// One server: does it answer, and after how long.
#[derive(Debug, Serialize)]
struct Check {
    ok: bool,
    ms: f64,
    /// What is wrong, in few words: this page is open to all, so it names no host and repeats no server.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

/// 200 if every server that pages cannot do without answers; 503 otherwise, and while the process drains. The cache may be away:
/// pages work without it.
pub(crate) async fn show(State(app): State<App>) -> impl IntoResponse {
    let (postgres, migrations, redis, cache) = tokio::join!(
        check(async { sqlx::query("select 1").execute(&app.db).await.map(drop).map_err(|_| "away") }),
        check(async {
            let missing = migrations::missing(&app.db).await.map_err(|_| "away")?;
            if missing.is_empty() { Ok(()) } else { Err("not all are applied") }
        }),
        check(async { ping(redis::cmd("PING").query_async(&mut app.queues.clone()).await) }),
        check(async { ping(app.cache.ping().await) }),
    );
    let draining = app.is_draining();
    let ready = postgres.ok && migrations.ok && redis.ok && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, draining, checks: Checks { postgres, migrations, redis, cache } }))
}

fn ping(answer: RedisResult<()>) -> Result<(), &'static str> {
    answer.map_err(|_| "away")
}

async fn check(asked: impl Future<Output = Result<(), &'static str>>) -> Check {
    let started = Instant::now();
    let answer = timeout(PATIENCE, asked).await.unwrap_or(Err("no answer within 1 s"));
    let ms = (started.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    Check { ok: answer.is_ok(), ms, error: answer.err() }
}
