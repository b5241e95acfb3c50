//! `GET /api/v1/job-kinds`: the published catalogue, as far as the token covers it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, State},
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// The catalogue.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JobKinds {
    /// Every kind, by name.
    kinds: Vec<JobKind>,
}

/// A kind of job.
#[derive(Debug, Serialize, JsonSchema, sqlx::FromRow)]
struct JobKind {
    /// What it is enqueued by.
    name: String,
    /// The version of its arguments' shape.
    version: i16,
    /// Where it waits.
    lane: String,
    /// What it does.
    description: String,
    /// The JSON Schema (2020-12) of its arguments.
    schema: Value,
    /// When it was last published.
    published_at: DateTime<Utc>,
}

/// All of it.
pub(crate) async fn show(State(app): State<App>, Extension(visit): Extension<Arc<Visit>>) -> Result<Json<JobKinds>, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let sql = "select name, version, lane, description, schema, published_at from faena.job_kinds
               where $1::text[] is null or name = any($1) order by name";
    let kinds = sqlx::query_as(sql).bind(&caller.job_names).fetch_all(&app.db).await.doing("reading the catalogue")?;
    Ok(Json(JobKinds { kinds }))
}
