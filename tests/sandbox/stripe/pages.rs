//! The page where somebody with a browser pays.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Router, routing::get};
use faena_tests::sandbox::StripeHappening;
use serde::Deserialize;

use super::Desk;
use super::book::PageOfSession;

/// Our own form, which leads back to the shop: browsers hold a form's redirects to the same rule.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self' http: https:; frame-ancestors 'none'";

/// `GET` and `POST /stripe/pay/{session}`.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/stripe/pay/{session}", get(show).post(submit))
}

#[derive(Template)]
#[template(path = "stripe_pay.html")]
struct StripePay {
    id: String,
    page: PageOfSession,
}

#[derive(Debug, Deserialize)]
struct Choice {
    how: String,
}

async fn show(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Response {
    let Some(page) = desk.book.page(&id) else { return StatusCode::NOT_FOUND.into_response() };
    match (StripePay { id, page }).render() {
        Ok(html) => {
            ([(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-store")], Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn submit(State(desk): State<Arc<Desk>>, Path(session): Path<String>, Form(choice): Form<Choice>) -> Response {
    let Some(page) = desk.book.page(&session) else { return StatusCode::NOT_FOUND.into_response() };
    let happening = match choice.how.as_str() {
        "pay" => StripeHappening::Pay { session, amount: None, currency: None },
        "promise" => StripeHappening::Promise { session },
        _ => return Redirect::to(&page.cancel_url).into_response(),
    };
    match desk.book.happen(&happening) {
        Ok(events) => {
            desk.messages.send(events);
            Redirect::to(&page.success_url).into_response()
        }
        Err(why) => (StatusCode::CONFLICT, why).into_response(),
    }
}
