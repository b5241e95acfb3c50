//! `POST /api/v1/jobs`: enqueues a job by name, through the same door as `faena.enqueue` in SQL.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use queue::JobId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{PgConnection, postgres::PgDatabaseError, types::Json as AsJson};
use uuid::Uuid;

use super::{
    answers::{self, Claim},
    body,
};
use crate::{
    app::App,
    paths,
    problem::{Doing as _, Problem, Told},
    visit::Visit,
};

/// A job to be enqueued.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnqueueRequest {
    /// The kind of job, as the catalogue names it.
    #[schemars(length(min = 1, max = 63))]
    name: String,
    /// Its arguments, as the kind's schema describes them; 64 KiB at most.
    #[serde(default = "no_args")]
    args: Value,
    /// Not before this time.
    run_at: Option<DateTime<Utc>>,
    /// Chosen by the caller: the same id is the same job, once, however often it is sent.
    id: Option<Uuid>,
    /// For whom the work is done.
    #[schemars(length(min = 1, max = 120))]
    tenant: Option<String>,
    /// Not worth an attempt from then on.
    expires_at: Option<DateTime<Utc>>,
    /// Of the jobs of this kind with this key one is wanted at a time; if left out, what the kind itself says counts.
    #[schemars(length(min = 1, max = 200))]
    unique_key: Option<String>,
}

impl EnqueueRequest {
    /// Postgres has no text with a NUL in it, and would not say in which field it met one.
    fn must_be_storable(&self) -> Result<(), Problem> {
        let fields = [("/name", Some(&self.name)), ("/tenant", self.tenant.as_ref()), ("/unique_key", self.unique_key.as_ref())];
        match fields.into_iter().find(|(_, text)| text.is_some_and(|text| text.contains('\0'))) {
            Some((place, _)) => {
                Err(Told::new(StatusCode::UNPROCESSABLE_ENTITY, "must not have a NUL (\\u0000) in it").at(place).into())
            }
            None => Ok(()),
        }
    }
}

fn no_args() -> Value {
    json!({})
}

/// An enqueued job.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Enqueued {
    /// Its id.
    id: Uuid,
    /// The kind of job.
    name: String,
    /// Another job that already does what this one asks for: this one does not run.
    duplicate_of: Option<Uuid>,
}

/// Enqueues it, or gives the answer that was given under the same idempotency key.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let asked: EnqueueRequest = body::read(&headers, &bytes)?;
    if !caller.covers(&asked.name) {
        return Err(Told::new(StatusCode::FORBIDDEN, format!("the token is not for jobs named {:?}", asked.name))
            .at("/name")
            .into());
    }
    asked.must_be_storable()?;
    let key = answers::key_of(&headers)?;
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let id = asked.id.map_or_else(JobId::new, JobId);

    let mut tx = app.db.begin().await.doing("opening a transaction")?;
    let claim = match key {
        Some(key) => answers::claim(&mut tx, caller.id, key, &bytes, id).await?,
        None => Claim::First,
    };
    if let Claim::Answered(id, duplicate_of) = claim {
        return Ok(accepted(id, asked.name, duplicate_of, true));
    }
    let duplicate_of = Some(enqueue(&mut tx, &asked, id, traceparent).await?).filter(|wanted| *wanted != id);
    if let (Some(key), Some(holder)) = (key, duplicate_of) {
        answers::note_duplicate(&mut tx, caller.id, key, holder).await?;
    }
    tx.commit().await.doing("committing an enqueued job")?;
    Ok(accepted(id, asked.name, duplicate_of, false))
}

/// The job that does what is asked for: this one, or the one that it is a duplicate of. A trace that is none is nobody's fault here: the job
/// then begins one of its own, as W3C Trace Context asks.
async fn enqueue(tx: &mut PgConnection, asked: &EnqueueRequest, id: JobId, traceparent: Option<&str>) -> Result<JobId, Problem> {
    let sql = "select faena.enqueue(name => $1, args => $2, run_at => $3, id => $4, tenant => $5, expires_at => $6,
                                    unique_key => $7, traceparent => case when faena.is_traceparent($8) then $8 end)";
    let enqueued = sqlx::query_scalar(sql)
        .bind(&asked.name)
        .bind(AsJson(&asked.args))
        .bind(asked.run_at)
        .bind(id)
        .bind(&asked.tenant)
        .bind(asked.expires_at)
        .bind(&asked.unique_key)
        .bind(traceparent)
        .fetch_one(tx)
        .await;
    match enqueued {
        Err(sqlx::Error::Database(error)) => match refusal(&asked.name, error.downcast_ref::<PgDatabaseError>()) {
            Some(told) => Err(told.into()),
            None => Err(sqlx::Error::Database(error)).doing("enqueuing a job by name"),
        },
        other => other.doing("enqueuing a job by name"),
    }
}

/// What Postgres found wrong with the request, in the request's own terms.
fn refusal(name: &str, error: &PgDatabaseError) -> Option<Told> {
    let field = error.column().unwrap_or_default();
    let said = error.message();
    let said = said.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(said);
    let said = said.strip_prefix(field).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(said);
    match error.code() {
        "22023" => {
            let pointer = match field {
                "" => "/args".to_owned(),
                field if field.starts_with('/') => format!("/args{field}"),
                field => format!("/{field}"),
            };
            let status = if field == "id" { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
            Some(Told::new(status, said).at(pointer))
        }
        // JSON that Postgres cannot hold: a NUL in a text. (Numbers beyond a double were not read: one such in a few bytes can be 100 KB as a text.)
        code if code.starts_with("22") => Some(
            Told::new(StatusCode::UNPROCESSABLE_ENTITY, "hold what Postgres cannot store: a NUL or half a character").at("/args"),
        ),
        _ => None,
    }
}

fn accepted(id: JobId, name: String, duplicate_of: Option<JobId>, replayed: bool) -> Response {
    let enqueued = Enqueued { id: id.0, name, duplicate_of: duplicate_of.map(|holder| holder.0) };
    let mut response = (StatusCode::ACCEPTED, Json(enqueued)).into_response();
    let location = paths::API_JOB.at(Default::default()).replace("{id}", &id.to_string());
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if replayed {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}
