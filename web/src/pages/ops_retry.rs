//! `POST /ops/jobs/{id}/retry`: run it again, or sooner.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};
use queue::{
    JobId,
    operations::{CommandError, CommandOutcome},
};

use crate::{
    app::App,
    page::{Page, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// Asks for it under the operator's name, and shows the job with what came of it.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::NotFound)?;
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    answer(&page, id, app.operations.retry(id, operator.email.as_str()).await)
}

/// Back to the job, with a word for what came of a command.
pub(super) fn answer(page: &Page, id: JobId, outcome: Result<CommandOutcome, CommandError>) -> Result<Response, Problem> {
    let done = match outcome {
        Ok(outcome) => outcome.as_str(),
        Err(CommandError::WrongState { .. }) => "wrong_state",
        Err(CommandError::Undecodable(_)) => "undecodable",
        Err(CommandError::Duplicate { .. }) => "duplicate",
        Err(CommandError::NotPromised(_)) => "not_promised",
        Err(CommandError::NoSuchJob(_)) => return Err(Problem::NotFound),
        Err(CommandError::Stores(error)) => return Err(error).doing("commanding a job"),
        Err(error) => return Err(Problem::Internal(anyhow::Error::from(error).context("commanding a job"))),
    };
    Ok(see_other(&format!("{}/{id}?done={done}", page.at(paths::OPS_JOBS))))
}
