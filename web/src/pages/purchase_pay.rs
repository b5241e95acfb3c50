//! `GET /compras/{id}/pagar`: on to where the sale is paid.
//!
//! A page and no redirect: it follows a form of ours, and browsers let no form end at another site (our policy's `form-action`).

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::payments::sale::{Sale, SaleState};

use super::purchase::own_sale;
use crate::{
    app::App,
    page::{Page, render, see_other},
    paths,
    problem::Problem,
    visit::Visit,
};

#[derive(Template)]
#[template(path = "purchase_pay.html")]
struct PurchasePay {
    page: Page,
    sale: Sale,
}

/// Leads on as soon as the provider has made its page; until then it looks again each second.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let sale = own_sale(&app, &visit, &id).await?;
    if sale.state != SaleState::Pending || sale.is_on_its_way() {
        return Ok(see_other(&page.to(paths::PURCHASE, "id", sale.id)));
    }
    render(StatusCode::OK, &PurchasePay { page, sale })
}
