//! The page where somebody with a browser agrees to pay.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Router, routing::get};
use faena_tests::sandbox::{PaypalFunding, PaypalHappening};
use serde::Deserialize;

use super::Desk;
use super::book::PageOfOrder;
use crate::provider::Provider as _;

/// Our own form, which leads back to the shop: browsers hold a form's redirects to the same rule.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self' http: https:; frame-ancestors 'none'";

/// `GET` and `POST /paypal/checkoutnow?token=ORDER`.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/paypal/checkoutnow", get(show).post(submit))
}

#[derive(Template)]
#[template(path = "paypal_pay.html")]
struct PaypalPay {
    id: String,
    page: PageOfOrder,
}

#[derive(Debug, Deserialize)]
struct Asked {
    token: String,
}

#[derive(Debug, Deserialize)]
struct Choice {
    how: String,
}

async fn show(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Response {
    let Some(page) = desk.book.page(&asked.token) else { return StatusCode::NOT_FOUND.into_response() };
    match (PaypalPay { id: asked.token, page }).render() {
        Ok(html) => {
            ([(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-store")], Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn submit(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>, Form(choice): Form<Choice>) -> Response {
    let Some(page) = desk.book.page(&asked.token) else { return StatusCode::NOT_FOUND.into_response() };
    let by = match choice.how.as_str() {
        "pay" => PaypalFunding::Instant,
        "echeck" => PaypalFunding::Echeck,
        "declined" => PaypalFunding::Declined,
        _ => return Redirect::to(&page.cancel_url).into_response(),
    };
    match desk.happen(&PaypalHappening::Approve { order: asked.token, by, value: None, currency: None }) {
        Ok(events) => {
            desk.messages().send(events);
            Redirect::to(&page.return_url).into_response()
        }
        Err(why) => (StatusCode::CONFLICT, why).into_response(),
    }
}
