//! A stand-in for PayPal: tokens, Orders, captures, refunds, disputes, Transaction Search, messages signed with a certificate of an authority of
//! its own, and a page where somebody with a browser agrees to pay. What it does is what <https://developer.paypal.com/api/rest/> says; what was
//! checked and what could not be stands in tests/README.md.

mod api;
mod book;
mod certificates;
mod happen;
mod pages;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use chrono::{SecondsFormat, Utc};
use faena_tests::sandbox::{HttpRule, PaypalEndpoint, PaypalHappening, paypal_headers};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::door::Door;
use crate::http_faults::{self, StandIn};
use crate::messages::{Endpoint, Messages};
use crate::provider::{self, Answers, Provider};
use crate::script::{self, Script};
use crate::settings::Settings;

use api::{Answer, Tokens};
use book::Book;
use certificates::Certificates;

/// The running stand-in.
pub(crate) struct Paypal {
    /// Where its API listens.
    pub addr: SocketAddr,
    /// The authority that vouches for its certificates, PEM.
    pub roots_file: PathBuf,
    door: Door,
    script: Arc<Script<HttpRule>>,
    desk: Arc<Desk>,
}

/// What its parts share.
struct Desk {
    book: Book,
    answers: Answers<Answer>,
    tokens: Tokens,
    certificates: Certificates,
    messages: Messages<Signer>,
}

/// Where messages go, and where their certificate is.
#[derive(Clone)]
struct Signer {
    told: PaypalEndpoint,
    /// Known once the API listens.
    base: Arc<OnceLock<String>>,
}

/// Starts it. `pages` is where people agree to pay.
pub(crate) fn start(settings: &Settings, pages: &str, stop: &CancellationToken) -> anyhow::Result<Paypal> {
    let certificates = Certificates::open(&settings.data)?;
    let roots_file = certificates.roots_file.clone();
    let told = PaypalEndpoint {
        url: settings.paypal_webhook_url.clone(),
        webhook_id: settings.paypal_webhook_id.clone(),
        copies: 1,
        certificate: "CERT-good".to_owned(),
    };
    let base = Arc::new(OnceLock::new());
    let desk = Arc::new(Desk {
        book: Book::new(pages, &settings.paypal_merchant_id),
        answers: Answers::default(),
        tokens: Tokens::new(&settings.paypal_client_id, &settings.paypal_client_secret),
        certificates,
        messages: Messages::start(Signer { told, base: Arc::clone(&base) }, stop),
    });
    let script = Script::new();
    let door = http_faults::serve(Api(Arc::clone(&desk)), Arc::clone(&script), settings.paypal, "--paypal", stop)?;
    let _ = base.set(format!("http://{}", door.addr));
    Ok(Paypal { addr: door.addr, roots_file, door, script, desk })
}

impl Paypal {
    /// Its pages, and its share of the API.
    pub(crate) fn routes(&self) -> Router {
        let own = provider::routes::<Desk>("paypal").merge(pages::routes()).with_state(Arc::clone(&self.desk));
        own.merge(script::routes("paypal", Arc::clone(&self.script), vec![self.door.clone()]))
    }
}

impl Endpoint for Signer {
    fn url(&self) -> Option<&str> {
        self.told.url.as_deref()
    }

    fn copies(&self) -> u32 {
        self.told.copies
    }

    fn headers(&self, body: &[u8]) -> Vec<(&'static str, String)> {
        let base = self.base.get().map_or("", String::as_str);
        let certificate = format!("{base}/v1/notifications/certs/{}", self.told.certificate);
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        paypal_headers(&self.told.webhook_id, &certificate, &Uuid::now_v7().to_string(), &time, body)
    }
}

impl Provider for Desk {
    type Happening = PaypalHappening;
    type Told = PaypalEndpoint;
    type Endpoint = Signer;

    fn messages(&self) -> &Messages<Signer> {
        &self.messages
    }

    fn told(&self) -> PaypalEndpoint {
        self.messages.endpoint().told
    }

    fn tell(&self, told: PaypalEndpoint) {
        self.messages.set_endpoint(Signer { told, ..self.messages.endpoint() });
    }

    fn happen(&self, happening: &PaypalHappening) -> Result<Vec<Value>, String> {
        if matches!(happening, PaypalHappening::RevokeTokens {}) {
            self.tokens.forget();
        }
        self.book.happen(happening)
    }

    fn counts(&self) -> Value {
        let mut counts = self.book.counts();
        counts["tokens"] = json!(self.tokens.count());
        counts
    }
}

struct Api(Arc<Desk>);

impl StandIn for Api {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        api::answer(&self.0, request).await
    }

    fn error(&self, status: StatusCode, _path: &str) -> (&'static str, String) {
        let name = match status.as_u16() {
            429 => "RATE_LIMIT_REACHED",
            401 => "AUTHENTICATION_FAILURE",
            400..500 => "UNPROCESSABLE_ENTITY",
            _ => "INTERNAL_SERVER_ERROR",
        };
        let body = json!({ "name": name, "message": "The sandbox was told to answer so.", "debug_id": "sandbox", "details": [] });
        ("application/json", body.to_string())
    }
}
