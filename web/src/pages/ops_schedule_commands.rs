//! `POST /ops/schedules/{name}/…`: run now, pause, resume, delete.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};

use queue::Enqueued;
use schedules::OperationError;

use super::ops_schedule::get;
use crate::{
    app::App,
    page::{Page, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// Enqueues its job at once.
pub(crate) async fn run_now(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    get(&app, &name).await?;
    let (done, id) = match app.schedules.run_now(&name, operator.email.as_str()).await {
        Ok(Enqueued { id, duplicate_of: None }) => ("run_now", id.to_string()),
        Ok(Enqueued { duplicate_of: Some(holder), .. }) => ("duplicate", holder.to_string()),
        // A job of a binary that is newer than this one, or arguments of one that is older.
        Err(OperationError::Refused(_)) => ("refused", String::new()),
        Err(error) => return Err(error).doing("running a schedule now"),
    };
    Ok(see_other(&format!("/ops/schedules/{name}?done={done}&job={id}")))
}

/// Lets it tick no more.
pub(crate) async fn pause(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    get(&app, &name).await?;
    app.schedules.pause(&name, operator.email.as_str()).await.doing("pausing a schedule")?;
    Ok(see_other(&format!("/ops/schedules/{name}?done=paused")))
}

/// Lets it tick again.
pub(crate) async fn resume(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    get(&app, &name).await?;
    app.schedules.resume(&name).await.doing("resuming a schedule")?;
    Ok(see_other(&format!("/ops/schedules/{name}?done=resumed")))
}

/// Deletes it, and leads to the others.
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    get(&app, &name).await?;
    app.schedules.delete(&name, operator.email.as_str()).await.doing("deleting a schedule")?;
    Ok(see_other(&format!("{}?done=deleted", page.at(paths::OPS_SCHEDULES))))
}
