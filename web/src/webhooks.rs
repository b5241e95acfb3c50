//! What others tell us without being asked. Verified over the very bytes that came, written down, and only then answered.

pub(crate) mod certificates;
pub(crate) mod paypal;
pub(crate) mod stripe;

use axum::http::StatusCode;
use jobs::payments::{
    receive::{Event, NotForUs, Received, receive},
    sale::Provider,
};

use crate::{
    app::App,
    problem::{Doing as _, Problem, Told},
};

/// Writes a verified message down, with the promise to look into it.
async fn keep(app: &App, event: &Event, body: &[u8]) -> Result<StatusCode, Problem> {
    let received = receive(&app.db, event, body).await.doing("keeping a provider's message")?;
    count(
        event.provider,
        match received {
            Received::New => "new",
            Received::Ignored => "ignored",
            Received::Before => "before",
        },
    );
    Ok(StatusCode::OK)
}

fn unsigned(provider: Provider, why: impl ToString) -> Problem {
    refused(provider, "unsigned", why)
}

fn not_for_us(provider: Provider, why: NotForUs) -> Problem {
    refused(provider, "not_for_us", why)
}

fn refused(provider: Provider, outcome: &'static str, why: impl ToString) -> Problem {
    count(provider, outcome);
    Told::new(StatusCode::BAD_REQUEST, why.to_string()).into()
}

fn count(provider: Provider, outcome: &'static str) {
    metrics::counter!("faena_webhooks_total", "provider" => provider.as_str(), "outcome" => outcome).increment(1);
}
