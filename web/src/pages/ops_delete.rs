//! `POST /ops/jobs/{id}/delete`: the ledger forgets it.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};
use queue::{JobId, operations::CommandOutcome};

use super::ops_retry::answer;
use crate::{
    app::App,
    page::{Page, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// Asks for it under the operator's name. Where it stood, others of its state are shown: its own page is gone.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::NotFound)?;
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    let job = app.operations.job(id).await.doing("looking at a job")?.ok_or(Problem::NotFound)?;
    match app.operations.delete(id, operator.email.as_str()).await {
        Ok(CommandOutcome::Deleted) => Ok(see_other(&format!("{}?state={}", page.at(paths::OPS_JOBS), job.summary.state))),
        outcome => answer(&page, id, outcome),
    }
}
