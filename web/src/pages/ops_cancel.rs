//! `POST /ops/jobs/{id}/cancel`: nobody wants it any more.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};
use queue::JobId;

use super::ops_retry::answer;
use crate::{app::App, page::Page, problem::Problem, visit::Visit};

/// Asks for it under the operator's name, and shows the job with what came of it.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::NotFound)?;
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    answer(&page, id, app.operations.cancel(id, operator.email.as_str()).await)
}
