//! `GET /`: what this place is, and the way in.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use crate::{
    page::{Page, render},
    problem::Problem,
};

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    page: Page,
}

/// Shows the page.
pub(crate) async fn show(page: Page) -> Result<Response, Problem> {
    render(StatusCode::OK, &Landing { page })
}
