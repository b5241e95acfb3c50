//! `POST /hooks/mail`: a mail provider's events about letters that it had taken. They are kept, and a worker reads them.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use jobs::mail::report::{Event, KeepError, Source, keep};

use crate::{
    app::App,
    guard::bears,
    problem::{Doing as _, Problem, Told},
};

/// Keeps the event. An answer of 200 means that it is kept, so that a provider which hears nothing else brings it again.
pub(crate) async fn submit(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let Some(token) = &app.settings.mail_webhook_token else { return Err(Problem::NotFound) };
    if !bears(&headers, Some(token)) {
        return Err(Problem::NotSignedIn);
    }
    let event = Event::parse(&body).map_err(|error| Told::new(StatusCode::UNPROCESSABLE_ENTITY, format!("no event: {error}")))?;
    let outcome = match event.key() {
        None => "ignored",
        Some(key) => match keep(&app.db, Source::Webhook, &key, &body).await {
            Ok(true) => "kept",
            Ok(false) => "repeated",
            Err(KeepError::Postgres(error)) => return Err(error).doing("keeping a mail provider's event"),
            Err(error) => return Err(Problem::Internal(error.into())),
        },
    };
    metrics::counter!("faena_web_mail_events_total", "outcome" => outcome).increment(1);
    Ok(StatusCode::OK.into_response())
}
