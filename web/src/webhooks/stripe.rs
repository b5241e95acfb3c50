//! `POST /webhooks/stripe`: something has happened to a payment.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chrono::Utc;
use jobs::payments::{
    receive::{ReceiveError, Received, receive},
    stripe::event,
};

use crate::{
    app::App,
    problem::{Doing as _, Problem, Told},
};

/// Writes it down. An answer other than 2xx has Stripe send it again, for three days
/// (<https://docs.stripe.com/webhooks#behaviors>).
pub(crate) async fn submit(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Problem> {
    let Some(secrets) = &app.settings.stripe else { return Err(Problem::NotFound) };
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    if let Err(why) = secrets.verify(signature, &body, Utc::now().timestamp()) {
        return Err(refused("unsigned", why.to_string()));
    }
    let event = event::read(&body, app.settings.payments_live).map_err(|why| refused("not_for_us", why.to_string()))?;
    match receive(&app.db, &event, &body).await {
        Ok(received) => {
            count(match received {
                Received::New => "new",
                Received::Ignored => "ignored",
                Received::Before => "before",
            });
            Ok(StatusCode::OK)
        }
        Err(ReceiveError::Postgres(error)) => Err(error).doing("writing a message of Stripe's"),
        Err(ReceiveError::Enqueue(error)) => match error {
            queue::EnqueueError::Postgres(error) => Err(error).doing("promising to look at a payment"),
            error => Err(Problem::Internal(anyhow::Error::from(error).context("promising to look at a payment"))),
        },
    }
}

fn refused(outcome: &'static str, why: String) -> Problem {
    count(outcome);
    Told::new(StatusCode::BAD_REQUEST, why).into()
}

fn count(outcome: &'static str) {
    metrics::counter!("faena_webhooks_total", "provider" => "stripe", "outcome" => outcome).increment(1);
}
