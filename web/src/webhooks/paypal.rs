//! `POST /hooks/paypal`: something has happened to an order, a payment or a dispute.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chrono::Utc;
use jobs::payments::{
    paypal::{event, signature::Transmission},
    receive::{Held, hold},
    sale::Provider,
};

use super::{count, keep, not_for_us, unsigned};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
};

/// Writes it down. An answer other than 2xx has PayPal send it again, up to 25 times in three days
/// (<https://developer.paypal.com/api/rest/webhooks/rest/>).
///
/// A message by a certificate that is not here yet is kept as it is, and judged by a worker, which fetches the certificate: the answer waits for
/// no other server's. That happens about once a year, when PayPal signs with a new one.
pub(crate) async fn submit(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Problem> {
    let Some(endpoint) = &app.settings.paypal else { return Err(Problem::NotFound) };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let unsigned = |why| unsigned(Provider::Paypal, why);
    let sent = Transmission::read(header, endpoint).map_err(unsigned)?;
    let now = Utc::now();
    let chain = app.certificates.find(&app.db, endpoint, &sent.certificate_url, now).await.doing("looking up a certificate")?;
    if let Some(chain) = &chain {
        sent.verify(endpoint, chain, &body, now).map_err(unsigned)?;
    } else {
        sent.is_timely(now).map_err(unsigned)?;
    }
    let event = event::read(&body, app.settings.payments_live).map_err(|why| not_for_us(Provider::Paypal, why))?;
    if chain.is_some() {
        return keep(&app, &event, &body).await;
    }
    match hold(&app.db, &sent, &body).await.doing("keeping a message of PayPal's")? {
        Held::Waiting => {
            count(Provider::Paypal, "held");
            Ok(StatusCode::OK)
        }
        Held::Full => {
            count(Provider::Paypal, "full");
            Err(Problem::Busy)
        }
    }
}
