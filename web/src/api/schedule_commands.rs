//! `PUT` and `DELETE /api/v1/schedules/{name}`, and `POST …/run-now`, `…/pause`, `…/resume`: what a program does about schedules.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use jobs::access::api_token::ApiToken;
use schedules::{Draft, Mistakes, OperationError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    body,
    schedules::{Schedule, covered},
};
use crate::{
    app::App,
    problem::{Doing as _, Problem, Told},
    visit::Visit,
};

/// A schedule to be made, or what one is to be from now on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleRequest {
    /// Minute, hour, day of the month, month, day of the week (1 is Monday, 0 and 7 are Sunday).
    expression: String,
    /// Of the IANA database, for example `America/Bogota`.
    time_zone: String,
    /// The kind of job, as the catalogue names it.
    job: String,
    /// Its arguments, as the kind's schema describes them.
    #[serde(default = "no_args")]
    args: Value,
    /// What becomes of ticks that come due while no worker runs: `skip` (they are let go), `once` (the latest fires), or for example
    /// `all:6h` (all fire that are not older).
    #[serde(default = "once")]
    catch_up: String,
    /// Let each tick's job run up to this much later: `30s`, `5m`.
    #[serde(default)]
    jitter: String,
    /// Only if the schedule is of this version; left out: whatever it is, or if there is none.
    version: Option<i32>,
}

fn no_args() -> Value {
    json!({})
}

fn once() -> String {
    "once".to_owned()
}

/// A job that was enqueued at once.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunNow {
    /// Its id.
    job_id: Uuid,
    /// Another job that already does what it asks for: it does not run.
    duplicate_of: Option<Uuid>,
}

/// Makes the schedule, or changes it.
pub(crate) async fn put(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let asked: ScheduleRequest = body::read(&headers, &bytes)?;
    if !caller.covers(&asked.job) {
        let said = format!("the token is not for jobs named {:?}", asked.job);
        return Err(Told::new(StatusCode::FORBIDDEN, said).at("/job").into());
    }
    let version = asked.version;
    let draft = Draft {
        name: name.clone(),
        expression: asked.expression,
        time_zone: asked.time_zone,
        job: asked.job,
        args: asked.args.to_string(),
        catch_up: asked.catch_up,
        jitter: asked.jitter,
    };
    let actor = actor(caller);
    let (status, schedule) = match covered(&app, caller, &name).await {
        Ok(_) => (StatusCode::OK, app.schedules.edit(&name, version, &draft, &actor).await),
        Err(Problem::NotFound) if version.is_some() => return Err(Problem::NotFound),
        Err(Problem::NotFound) => (StatusCode::CREATED, app.schedules.create(&draft, &actor).await),
        Err(problem) => return Err(problem),
    };
    let schedule = schedule.or_else(|error| Err(refusal(error)?)).map(Schedule::from)?;
    Ok((status, Json(schedule)).into_response())
}

/// Deletes it. What it has enqueued stays.
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = known(&app, &visit, &name).await?;
    app.schedules.delete(&name, &actor(caller)).await.or_else(|error| Err(refusal(error)?))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets it tick no more; paused already: nothing changes.
pub(crate) async fn pause(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = known(&app, &visit, &name).await?;
    app.schedules.pause(&name, &actor(caller)).await.doing("pausing a schedule")?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets it tick again, from now on.
pub(crate) async fn resume(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    known(&app, &visit, &name).await?;
    app.schedules.resume(&name).await.doing("resuming a schedule")?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enqueues its job at once, paused or not.
pub(crate) async fn run_now(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let caller = known(&app, &visit, &name).await?;
    let enqueued = app.schedules.run_now(&name, &actor(caller)).await.or_else(|error| Err(refusal(error)?))?;
    let answer = RunNow { job_id: enqueued.id.0, duplicate_of: enqueued.duplicate_of.map(|holder| holder.0) };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

async fn known<'v>(app: &App, visit: &'v Visit, name: &str) -> Result<&'v ApiToken, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    covered(app, caller, name).await?;
    Ok(caller)
}

/// Who the ledger says it was.
fn actor(caller: &ApiToken) -> String {
    format!("api token {}", caller.name)
}

/// What is wrong with the request, in its own terms.
///
/// # Errors
/// It is not the request that is wrong.
fn refusal(error: OperationError) -> Result<Problem, Problem> {
    let said = error.to_string();
    match error {
        OperationError::Mistakes(Mistakes(mistakes)) => {
            let faults = mistakes.iter().map(|mistake| (format!("/{}", mistake.field().as_str()), mistake.to_string()));
            let told = Told { faults: faults.collect(), ..Told::new(StatusCode::UNPROCESSABLE_ENTITY, said) };
            Ok(told.into())
        }
        OperationError::OfCode(_) | OperationError::Changed { .. } => Ok(Told::new(StatusCode::CONFLICT, said).into()),
        OperationError::Refused(_) => Ok(Told::new(StatusCode::UNPROCESSABLE_ENTITY, said).into()),
        error => Err::<Problem, _>(error).doing("changing a schedule"),
    }
}
