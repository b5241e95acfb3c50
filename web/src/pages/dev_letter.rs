//! `GET /dev/mail/{kind}/{form}`: one letter as its reader's mail program has it.

use axum::{
    extract::{Path, State},
    http::{HeaderName, header},
    response::{IntoResponse as _, Response},
};
use jobs::{accounts::locale::Locale, mail::letters};
use serde::Deserialize;

use super::dev_mail::preview;
use crate::{app::App, forms::Wish, page::Page, problem::Problem};

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// The letter's language; the reader's own if none is named.
    #[serde(rename = "in")]
    locale: Option<Locale>,
}

/// How the letter is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    Html,
    Text,
}

/// A letter brings its styles along and may fetch nothing, as in a mail program that is careful.
const POLICY: (HeaderName, &str) =
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'");

/// Shows the letter.
pub(crate) async fn show(
    State(app): State<App>,
    page: Page,
    Path((kind, form)): Path<(String, Form)>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let kind = letters::ALL.iter().find(|known| known.name == kind).ok_or(Problem::NotFound)?;
    let paper = preview(&app, kind, asked.locale.unwrap_or(page.locale))?;
    Ok(match form {
        Form::Html => ([POLICY, (header::CONTENT_TYPE, "text/html; charset=utf-8")], paper.html).into_response(),
        Form::Text => {
            let text = format!("{}\n\n{}", paper.subject.as_str(), paper.text);
            ([POLICY, (header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
        }
    })
}
