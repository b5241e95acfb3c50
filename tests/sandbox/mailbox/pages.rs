//! The mailbox for people: a list, a message, its HTML part behind a sandbox, its source.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use chrono::{Datelike, Local, SecondsFormat};
use serde::Deserialize;
use uuid::Uuid;

use super::letter::{Attachment, Letter};
use super::links::{Piece, pieces};
use super::{Kept, Mailbox};

/// Messages on the list; older ones are counted.
const SHOWN: usize = 200;

/// Our own pages: no script, no frame but our own, nothing from elsewhere.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A letter's HTML: no script, nothing loaded, an origin of its own; links open outside.
const LETTER_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

const MONTHS: [&str; 12] = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"];

/// `GET /`, `/messages/{id}`, `/messages/{id}/html`, `/messages/{id}/source`, `/style.css`, `/mark.svg`.
pub(super) fn routes() -> Router<Arc<Mailbox>> {
    Router::new()
        .route("/", get(list_messages))
        .route("/messages/{id}", get(show_message))
        .route("/messages/{id}/html", get(show_html))
        .route("/messages/{id}/source", get(show_source))
        .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css")], include_str!("../templates/style.css"))))
        .route("/mark.svg", get(async || ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("../templates/mark.svg"))))
}

#[derive(Template)]
#[template(path = "list_messages.html")]
struct ListMessages {
    /// Newest first.
    messages: Vec<Arc<Kept>>,
    total: usize,
    to: Option<String>,
}

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

async fn list_messages(State(mailbox): State<Arc<Mailbox>>, Query(filter): Query<Filter>) -> Response {
    let to = filter.to.filter(|to| !to.is_empty());
    let messages = mailbox.list(to.as_deref());
    let total = messages.len();
    page(&ListMessages { messages: messages.into_iter().rev().take(SHOWN).collect(), total, to })
}

#[derive(Template)]
#[template(path = "show_message.html")]
struct ShowMessage {
    kept: Arc<Kept>,
    letter: Letter,
}

async fn show_message(State(mailbox): State<Arc<Mailbox>>, Path(id): Path<String>) -> Response {
    match open(&mailbox, &id).await {
        Some((kept, source)) => page(&ShowMessage { kept, letter: Letter::read(&source) }),
        None => gone(),
    }
}

async fn show_html(State(mailbox): State<Arc<Mailbox>>, Path(id): Path<String>) -> Response {
    let html = open(&mailbox, &id).await.and_then(|(_, source)| Letter::read(&source).html);
    let Some(html) = html else { return gone() };
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, LETTER_POLICY)];
    (headers, guard(), links_open_outside(&html)).into_response()
}

async fn show_source(State(mailbox): State<Arc<Mailbox>>, Path(id): Path<String>) -> Response {
    let Some((_, source)) = open(&mailbox, &id).await else { return gone() };
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")];
    (headers, guard(), source).into_response()
}

#[derive(Template)]
#[template(path = "gone.html")]
struct Gone;

fn gone() -> Response {
    (StatusCode::NOT_FOUND, page(&Gone)).into_response()
}

async fn open(mailbox: &Mailbox, id: &str) -> Option<(Arc<Kept>, Vec<u8>)> {
    let kept = mailbox.find(Uuid::try_parse(id).ok()?)?;
    let source = mailbox.source(kept.id).await.ok()?;
    Some((kept, source))
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => ([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], guard(), Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn guard() -> [(HeaderName, &'static str); 3] {
    [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "no-referrer"), (header::CACHE_CONTROL, "no-store")]
}

/// A link that opened inside the frame would meet the site's own refusal to be framed. At the end it can change nothing else: before a
/// doctype it would change how the letter is laid out.
fn links_open_outside(html: &str) -> String {
    format!(r#"{html}<base target="_blank">"#)
}

/// What the templates ask of a message.
impl Kept {
    /// `21 nov, 22:39`, with the year when it is another; local time.
    fn when(&self) -> String {
        let local = self.received_at.with_timezone(&Local);
        let month = MONTHS[local.month0() as usize];
        let year = if local.year() == Local::now().year() { String::new() } else { format!(" {}", local.year()) };
        format!("{} {month}{year}, {}", local.day(), local.format("%H:%M"))
    }

    fn when_exactly(&self) -> String {
        self.received_at.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// The author's name without the address, if there is a name.
    fn author_name(&self) -> &str {
        self.author.split(" <").next().unwrap_or_default()
    }

    fn recipients(&self) -> String {
        self.to.join(", ")
    }

    fn size(&self) -> String {
        size(self.size_bytes)
    }
}

impl Letter {
    fn text_pieces(&self) -> Option<Vec<Piece<'_>>> {
        self.text.as_deref().map(pieces)
    }
}

impl Attachment {
    fn size(&self) -> String {
        size(self.size_bytes as u64)
    }
}

/// `1,4 kB`.
fn size(bytes: u64) -> String {
    let (unit, divisor) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => ("kB", 1e3),
        _ => ("MB", 1e6),
    };
    format!("{:.1} {unit}", bytes as f64 / divisor).replace('.', ",")
}
