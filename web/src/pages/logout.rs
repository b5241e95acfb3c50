//! `POST /salir`: out.

use axum::response::Response;
use tower_sessions::Session;

use crate::{
    identity,
    page::{Page, see_other},
    paths,
    problem::Problem,
};

/// Ends the session and leads to the landing page.
pub(crate) async fn submit(page: Page, session: Session) -> Result<Response, Problem> {
    identity::sign_out(&session).await?;
    Ok(see_other(page.at(paths::LANDING)))
}
