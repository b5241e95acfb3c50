//! The part of Stripe's API that we use: keys, forms, idempotency, errors in Stripe's own form.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Desk;

/// An answer, or an error with its status, type, code and message.
pub(super) type Answer = Result<Value, Refusal>;

/// Why something is not done.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// A form or a query: names and values, as Stripe's bracketed names have them.
pub(super) type Form = BTreeMap<String, String>;

pub(super) fn refuse(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
    let kind = if status == 400 && code.starts_with("idempotency") { "idempotency_error" } else { "invalid_request_error" };
    Refusal { status, kind, code, message: message.into() }
}

pub(super) async fn answer(desk: &Desk, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if text("authorization").as_deref() != Some(&format!("Bearer {}", desk.key)) {
        return response(&Err(Refusal {
            status: 401,
            kind: "invalid_request_error",
            code: "",
            message: "Invalid API Key provided".to_owned(),
        }));
    }
    let Ok(body) = to_bytes(Body::new(body), 1 << 20).await else {
        return response(&Err(refuse(400, "", "the body could not be read")));
    };
    let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    let query = read(parts.uri.query().unwrap_or_default().as_bytes());
    let answer = match parts.method {
        Method::GET => desk.book.read(&segments, &query),
        Method::POST => {
            let key = text("idempotency-key");
            let request = [parts.uri.path().as_bytes(), b"?", &body[..]].concat();
            // A key that comes again is answered as it was the first time, whatever has happened since; with another request it is refused. What
            // fails its checks is not remembered (<https://docs.stripe.com/api/idempotent_requests>).
            desk.answers.once(key.as_deref(), request, || desk.book.write(&segments, &read(&body)), in_use).map(
                |(answer, events)| {
                    desk.messages.send(events);
                    answer
                },
            )
        }
        _ => Err(refuse(405, "", "there is no such method")),
    };
    response(&answer)
}

fn in_use() -> Refusal {
    refuse(
        400,
        "idempotency_key_in_use",
        "Keys for idempotent requests can only be used with the same parameters they were first used with.",
    )
}

fn read(form: &[u8]) -> Form {
    form_urlencoded::parse(form).into_owned().collect()
}

fn response(answer: &Answer) -> Response<Body> {
    let (status, body) = match answer {
        Ok(body) => (200, body.clone()),
        Err(refusal) => {
            let error = json!({ "type": refusal.kind, "code": refusal.code, "message": refusal.message });
            (refusal.status, json!({ "error": error }))
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
