//! Forms that were sent: read into a struct, and shown again with what is wrong beside its field.

use axum::{
    Form,
    extract::{FromRequest, FromRequestParts, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::{app::App, problem::Problem};

/// A form, read. One that lacks a field or has one twice was not made by a page of ours.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, app: &App) -> Result<Self, Problem> {
        let Form(form) = Form::<T>::from_request(request, app).await.map_err(|_| Problem::BadRequest)?;
        Ok(Self(form))
    }
}

/// What the query of an address asks for; one that makes no sense asks for nothing.
pub(crate) struct Wish<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequestParts<App> for Wish<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(Query::<T>::from_request_parts(parts, app).await.map(|Query(asked)| asked).unwrap_or_default()))
    }
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
        Self { value: typed.chars().filter(|c| *c != '\0').take(500).collect(), ..Self::default() }
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
