//! `GET /compras`: everything that the person has bought or wanted to.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::payments::sale::Sale;

use crate::{
    app::App,
    page::{Page, render},
    problem::{Doing as _, Problem},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "purchases.html")]
struct Purchases {
    page: Page,
    sales: Vec<Sale>,
}

/// Shows the list.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
) -> Result<Response, Problem> {
    let buyer = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let sales = Sale::by(&app.db, buyer).await.doing("listing a person's sales")?;
    render(StatusCode::OK, &Purchases { page, sales })
}
