//! Forms that were sent: read into a struct, and shown again with what is wrong beside its field.

use axum::{
    Form,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::request::Parts,
};
use chrono::{Datelike as _, NaiveDate};
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

use crate::{app::App, problem::Problem};

/// A form, read. One that lacks a field or has one twice was not made by a page of ours.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let sent = Bytes::from_request(Request::from_parts(parts.clone(), body), app).await.map_err(|_| Problem::BadRequest)?;
        let form = marked(&sent).map_or(sent, Bytes::from);
        let request = Request::from_parts(parts, Body::from(form));
        let Form(form) = Form::<T>::from_request(request, app).await.map_err(|_| Problem::BadRequest)?;
        Ok(Self(form))
    }
}

/// No character, which no text may have. It stands where bytes were sent that are no UTF-8, so that whatever reads the field refuses it there; what a decoder would
/// write, U+FFFD, somebody may have seen and copied.
const NO_CHARACTER: char = '\u{ffff}';
/// The same, as forms have it.
const NO_CHARACTER_SENT: &[u8] = b"%EF%BF%BF";

/// The form with fields that are no UTF-8 marked; none: all are.
fn marked(form: &[u8]) -> Option<Vec<u8>> {
    let is_utf8 = |sent: &[u8]| percent_decode(sent).decode_utf8().is_ok();
    if is_utf8(form) {
        return None;
    }
    let marked_field = |field: &[u8]| match field.iter().position(|byte| *byte == b'=') {
        Some(name_end) if !is_utf8(field) => [&field[..=name_end], NO_CHARACTER_SENT].concat(),
        _ => field.to_vec(),
    };
    let fields: Vec<Vec<u8>> = form.split(|byte| *byte == b'&').map(marked_field).collect();
    Some(fields.join(&b'&'))
}

/// What the query of an address asks for; one that makes no sense asks for nothing.
pub(crate) struct Wish<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequestParts<App> for Wish<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(Query::<T>::from_request_parts(parts, app).await.map(|Query(asked)| asked).unwrap_or_default()))
    }
}

/// Whether a page may have it.
pub(crate) fn is_shown(c: &char) -> bool {
    !matches!(*c, '\0' | NO_CHARACTER)
}

/// A day as people type it and addresses have it; none: it is no day, or in a year that nobody counts by and that Postgres may not have.
pub(crate) fn day(typed: &str) -> Option<NaiveDate> {
    typed.trim().parse().ok().filter(|day: &NaiveDate| (1..10_000).contains(&day.year()))
}

/// A field of a form on a page: what is in it, and the sentence about what is wrong with that.
#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(crate) value: String,
    pub(crate) problem: Option<String>,
    /// Whether the reader starts here: the first field that is wrong.
    pub(crate) is_first_problem: bool,
}

impl Field {
    /// A field with what was typed, as far as it can stand in a page.
    pub(crate) fn of(typed: &str) -> Self {
        Self { value: typed.chars().filter(is_shown).take(500).collect(), ..Self::default() }
    }
}

/// Lets the reader start at the first field that is wrong. Whether there is any.
pub(crate) fn mark_first_problem(fields: &mut [&mut Field]) -> bool {
    match fields.iter_mut().find(|field| field.problem.is_some()) {
        Some(first) => {
            first.is_first_problem = true;
            true
        }
        None => false,
    }
}
