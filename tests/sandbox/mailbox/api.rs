//! The mailbox for programs.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use faena_tests::sandbox::Mail;
use serde::Deserialize;

use super::letter::Letter;
use super::{Kept, Mailbox};

/// `GET /api/messages?to=ADDRESS`, oldest first, and `DELETE /api/messages`.
pub(super) fn routes() -> Router<Arc<Mailbox>> {
    Router::new().route("/api/messages", get(list).delete(clear))
}

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

async fn list(State(mailbox): State<Arc<Mailbox>>, Query(filter): Query<Filter>) -> Json<Vec<Mail>> {
    let mut mails = Vec::new();
    for kept in mailbox.list(filter.to.as_deref()) {
        // A message may be dropped between the list and this.
        if let Ok(source) = mailbox.source(kept.id).await {
            mails.push(mail(&kept, &source));
        }
    }
    Json(mails)
}

async fn clear(State(mailbox): State<Arc<Mailbox>>) -> StatusCode {
    mailbox.clear();
    StatusCode::NO_CONTENT
}

fn mail(kept: &Kept, source: &[u8]) -> Mail {
    let letter = Letter::read(source);
    Mail {
        id: kept.id.to_string(),
        from: kept.from.clone(),
        to: kept.to.clone(),
        subject: letter.subject,
        message_id: letter.message_id,
        text: letter.text,
        html: letter.html,
        headers: letter.headers,
        tls: kept.tls,
        auth_user: kept.auth_user.clone(),
        helo: kept.helo.clone(),
        received_at: kept.received_at,
    }
}
