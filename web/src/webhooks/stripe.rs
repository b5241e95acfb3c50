//! `POST /webhooks/stripe`: something has happened to a payment.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chrono::Utc;
use jobs::payments::{sale::Provider, stripe::event};

use super::{keep, not_for_us, unsigned};
use crate::{app::App, problem::Problem};

/// Writes it down. An answer other than 2xx has Stripe send it again, for three days
/// (<https://docs.stripe.com/webhooks#behaviors>).
pub(crate) async fn submit(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Problem> {
    let Some(secrets) = &app.settings.stripe else { return Err(Problem::NotFound) };
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    secrets.verify(signature, &body, Utc::now().timestamp()).map_err(|why| unsigned(Provider::Stripe, why))?;
    let event = event::read(&body, app.settings.payments_live).map_err(|why| not_for_us(Provider::Stripe, why))?;
    keep(&app, &event, &body).await
}
