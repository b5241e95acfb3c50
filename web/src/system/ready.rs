//! `GET /ready`: whether this process should be given work, with one entry for each server it needs.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use queue::{Check, Readiness};
use serde::Serialize;

use crate::{app::App, migrations};

#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    readiness: Readiness,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    draining: bool,
}

/// 200 if every server that pages cannot do without answers; 503 otherwise, and while the process drains. The cache may be away:
/// pages work without it. The page is open to all, so it names no host.
pub(crate) async fn show(State(app): State<App>) -> impl IntoResponse {
    let migrations = Check::ask(async {
        match migrations::missing(&app.db).await {
            Ok(missing) if missing.is_empty() => Ok(()),
            Ok(_) => Err("not all are applied".to_owned()),
            Err(_) => Err("no connection".to_owned()),
        }
    });
    let cache = Check::ask(async { app.cache.ping().await.map_err(|_| "no connection".to_owned()) });
    let (mut readiness, migrations, cache) = tokio::join!(Readiness::of_stores(&app.store, &app.db), migrations, cache);
    let draining = app.is_draining();
    readiness.ready &= migrations.ok && !draining;
    readiness.checks.insert("migrations", migrations);
    readiness.checks.insert("cache", cache);
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Answer { readiness, draining }))
}
