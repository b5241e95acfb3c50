//! A stand-in for Stripe: Checkout Sessions, payment intents, charges, refunds, disputes, idempotency keys, signed messages, and a page where
//! somebody with a browser can pay. What it does is what <https://docs.stripe.com/api> says; what was checked and what could not be stands in
//! tests/README.md.

mod api;
mod book;
mod messages;
mod pages;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::{Json, Router, extract::State, routing::get, routing::post};
use faena_tests::sandbox::{HttpRule, StripeEndpoint, StripeHappening};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::http_faults::{self, StandIn};
use crate::script::{self, Script};
use crate::settings::Settings;

use book::Book;
use messages::Messages;

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
    messages: Messages,
    key: String,
}

/// Starts it. `pages` is where people pay.
pub(crate) fn start(settings: &Settings, pages: &str, stop: &CancellationToken) -> anyhow::Result<Stripe> {
    let messages = Messages::start(settings.stripe_webhook_url.clone(), settings.stripe_webhook_secret.clone(), stop);
    let desk = Arc::new(Desk { book: Book::new(pages), messages, key: settings.stripe_key.clone() });
    let script = Script::new();
    let door = http_faults::serve(Api(Arc::clone(&desk)), Arc::clone(&script), settings.stripe, "--stripe", stop)?;
    Ok(Stripe { addr: door.addr, door, script, desk })
}

impl Stripe {
    /// Its pages, and its share of the API.
    pub(crate) fn routes(&self) -> Router {
        let own = Router::new()
            .route("/api/stripe/endpoint", get(show_endpoint).put(set_endpoint))
            .route("/api/stripe/events", get(list_events))
            .route("/api/stripe/happen", post(happen))
            .route("/api/stripe/objects", get(list_objects))
            .merge(pages::routes())
            .with_state(Arc::clone(&self.desk));
        own.merge(script::routes("stripe", Arc::clone(&self.script), vec![self.door.clone()]))
    }
}

async fn show_endpoint(State(desk): State<Arc<Desk>>) -> Json<StripeEndpoint> {
    Json(desk.messages.endpoint())
}

async fn set_endpoint(State(desk): State<Arc<Desk>>, Json(endpoint): Json<StripeEndpoint>) -> StatusCode {
    desk.messages.set_endpoint(endpoint);
    StatusCode::NO_CONTENT
}

async fn list_events(State(desk): State<Arc<Desk>>) -> Json<Vec<Value>> {
    Json(desk.messages.all())
}

/// How many of each there are: what a test counts that fears to have paid twice.
async fn list_objects(State(desk): State<Arc<Desk>>) -> Json<Value> {
    Json(desk.book.counts())
}

async fn happen(State(desk): State<Arc<Desk>>, Json(happening): Json<StripeHappening>) -> (StatusCode, Json<Value>) {
    match desk.book.happen(&happening) {
        Ok(events) => {
            desk.messages.send(events);
            (StatusCode::OK, Json(json!({})))
        }
        Err(why) => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": why }))),
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
