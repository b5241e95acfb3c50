//! A stand-in for Stripe: Checkout Sessions, payment intents, charges, refunds, disputes, idempotency keys, signed messages, and a page where
//! somebody with a browser can pay. What it does is what <https://docs.stripe.com/api> says; what was checked and what could not be stands in
//! tests/README.md.

mod api;
mod book;
mod pages;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use chrono::Utc;
use faena_tests::sandbox::{HttpRule, StripeEndpoint, StripeHappening, stripe_signature};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::http_faults::{self, StandIn};
use crate::messages::{Endpoint, Messages};
use crate::provider::{self, Answers, Provider};
use crate::script::{self, Script};
use crate::settings::Settings;

use book::Book;

/// The running stand-in.
pub(crate) struct Stripe {
    /// Where its API listens.
    pub addr: SocketAddr,
    door: Door,
    script: Arc<Script<HttpRule>>,
    desk: Arc<Desk>,
}

/// What its parts share.
struct Desk {
    book: Book,
    answers: Answers<Value>,
    messages: Messages<StripeEndpoint>,
    key: String,
}

/// Starts it. `pages` is where people pay.
pub(crate) fn start(settings: &Settings, pages: &str, stop: &CancellationToken) -> anyhow::Result<Stripe> {
    let (url, secret) = (settings.stripe_webhook_url.clone(), settings.stripe_webhook_secret.clone());
    let messages = Messages::start(StripeEndpoint { url, secret, copies: 1 }, stop);
    let desk = Desk { book: Book::new(pages), answers: Answers::default(), messages, key: settings.stripe_key.clone() };
    let desk = Arc::new(desk);
    let script = Script::new();
    let door = http_faults::serve(Api(Arc::clone(&desk)), Arc::clone(&script), settings.stripe, "--stripe", stop)?;
    Ok(Stripe { addr: door.addr, door, script, desk })
}

impl Stripe {
    /// Its pages, and its share of the API.
    pub(crate) fn routes(&self) -> Router {
        let own = provider::routes::<Desk>("stripe").merge(pages::routes()).with_state(Arc::clone(&self.desk));
        own.merge(script::routes("stripe", Arc::clone(&self.script), vec![self.door.clone()]))
    }
}

/// Signed as <https://docs.stripe.com/webhooks#verify-manually> says.
impl Endpoint for StripeEndpoint {
    fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    fn copies(&self) -> u32 {
        self.copies
    }

    fn headers(&self, body: &[u8]) -> Vec<(&'static str, String)> {
        vec![("stripe-signature", stripe_signature(&self.secret, Utc::now().timestamp(), body))]
    }
}

impl Provider for Desk {
    type Happening = StripeHappening;
    type Told = StripeEndpoint;
    type Endpoint = StripeEndpoint;

    fn messages(&self) -> &Messages<StripeEndpoint> {
        &self.messages
    }

    fn told(&self) -> StripeEndpoint {
        self.messages.endpoint()
    }

    fn tell(&self, told: StripeEndpoint) {
        self.messages.set_endpoint(told);
    }

    fn happen(&self, happening: &StripeHappening) -> Result<Vec<Value>, String> {
        if matches!(happening, StripeHappening::ForgetKeys {}) {
            self.answers.forget();
        }
        self.book.happen(happening)
    }

    fn counts(&self) -> Value {
        self.book.counts()
    }
}

struct Api(Arc<Desk>);

impl StandIn for Api {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        api::answer(&self.0, request).await
    }

    fn error(&self, status: StatusCode, _path: &str) -> (&'static str, String) {
        let (kind, code) = match status.as_u16() {
            429 => ("invalid_request_error", "rate_limit"),
            400..500 => ("invalid_request_error", "sandbox"),
            _ => ("api_error", "sandbox"),
        };
        let body = json!({ "error": { "type": kind, "code": code, "message": "The sandbox was told to answer so." } });
        ("application/json", body.to_string())
    }
}
