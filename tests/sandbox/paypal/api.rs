//! The part of PayPal's API that we use: tokens, JSON, idempotency, errors in PayPal's own form.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Method, Request, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::Desk;

/// An answer with its status, or an error.
pub(super) type Answer = Result<(u16, Value), Refusal>;

/// Why something is not done (<https://developer.paypal.com/api/rest/responses/#failed-requests>).
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: u16,
    name: &'static str,
    issue: &'static str,
    /// Where the person may go on, if anywhere.
    redirect: Option<String>,
}

pub(super) fn refuse(status: u16, issue: &'static str) -> Refusal {
    let name = match status {
        400 => "INVALID_REQUEST",
        404 => "RESOURCE_NOT_FOUND",
        _ => "UNPROCESSABLE_ENTITY",
    };
    Refusal { status, name, issue, redirect: None }
}

impl Refusal {
    pub(super) fn redirecting(self, href: &str) -> Self {
        Self { redirect: Some(href.to_owned()), ..self }
    }
}

/// How long a token is good. PayPal's are for some nine hours.
const TOKEN_LIFE: Duration = Duration::from_secs(32_400);

/// The tokens that were given.
pub(super) struct Tokens {
    login: String,
    given: Mutex<HashMap<String, Instant>>,
}

impl Tokens {
    pub(super) fn new(client_id: &str, secret: &str) -> Self {
        Self { login: format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}"))), given: Mutex::default() }
    }

    fn give(&self, authorization: Option<&str>, body: &[u8]) -> Result<Value, ()> {
        let asked: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let is_ours = authorization == Some(self.login.as_str());
        if !is_ours || asked.get("grant_type").map(String::as_str) != Some("client_credentials") {
            return Err(());
        }
        let token = format!("A21AA{}", Uuid::new_v4().simple());
        self.given.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), Instant::now() + TOKEN_LIFE);
        Ok(json!({
            "scope": "https://uri.paypal.com/services/payments/payment", "access_token": token, "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T", "expires_in": TOKEN_LIFE.as_secs(), "nonce": "sandbox",
        }))
    }

    fn is_good(&self, authorization: Option<&str>) -> bool {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let until = authorization.and_then(|text| text.strip_prefix("Bearer ")).and_then(|token| given.get(token));
        until.is_some_and(|until| Instant::now() < *until)
    }

    /// Takes all of them back before their time, as PayPal may.
    pub(super) fn forget(&self) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn count(&self) -> usize {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

pub(super) async fn answer(desk: &Desk, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(Body::new(body), 1 << 20).await else {
        return said(&Err(refuse(400, "MALFORMED_REQUEST_JSON")));
    };
    let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    match segments.as_slice() {
        // Anybody may read these.
        ["v1", "notifications", "certs", name] => return desk.certificates.answer(name),
        ["v1", "oauth2", "token"] => {
            return match desk.tokens.give(header(&parts, "authorization"), &body) {
                Ok(token) => in_json(200, &token),
                Err(()) => {
                    in_json(401, &json!({ "error": "invalid_client", "error_description": "Client Authentication failed" }))
                }
            };
        }
        _ => {}
    }
    if !desk.tokens.is_good(header(&parts, "authorization")) {
        return in_json(
            401,
            &json!({ "error": "invalid_token", "error_description": "The token passed in was not found in the system" }),
        );
    }
    let query: HashMap<String, String> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    said(&match parts.method {
        Method::GET => desk.book.read(&segments, &query).map(|found| (200, found)),
        Method::POST => write(desk, &parts, &segments, &body),
        _ => Err(refuse(400, "METHOD_NOT_SUPPORTED")),
    })
}

/// A key that comes again is answered as it was the first time, refusals included; with another request it is refused.
fn write(desk: &Desk, parts: &Parts, segments: &[&str], body: &[u8]) -> Answer {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else { return Err(refuse(400, "MALFORMED_REQUEST_JSON")) };
    let key = header(parts, "paypal-request-id");
    // An order that names its way of paying needs one.
    if asked.get("payment_source").is_some() && key.is_none() {
        return Err(refuse(400, "PAYPAL_REQUEST_ID_REQUIRED"));
    }
    if key.is_some_and(|key| key.len() > 108) {
        return Err(refuse(400, "INVALID_PAYPAL_REQUEST_ID"));
    }
    let request = [parts.uri.path().as_bytes(), b"?", body].concat();
    let work = || {
        let (answer, events) = desk.book.write(segments, &asked);
        Ok::<_, Refusal>((answer, events))
    };
    let (answer, events) = desk.answers.once(key, request, work, || refuse(422, "DUPLICATE_REQUEST_ID"))?;
    desk.messages.send(events);
    answer
}

fn header<'p>(parts: &'p Parts, name: &str) -> Option<&'p str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

fn said(answer: &Answer) -> Response<Body> {
    match answer {
        Ok((status, body)) => in_json(*status, body),
        Err(refusal) => {
            let links = refusal.redirect.iter().map(|href| json!({ "href": href, "rel": "redirect", "method": "GET" }));
            let body = json!({
                "name": refusal.name, "message": "The requested action could not be performed, semantically incorrect, or failed business validation.",
                "debug_id": "sandbox", "details": [{ "issue": refusal.issue, "description": refusal.issue }], "links": links.collect::<Vec<_>>(),
            });
            in_json(refusal.status, &body)
        }
    }
}

fn in_json(status: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
