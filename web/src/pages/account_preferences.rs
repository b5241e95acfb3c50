//! `POST /cuenta/preferencias`: the language of a person's letters, and the clock by which they live.

use std::sync::Arc;

use axum::{
    extract::{Extension, State},
    response::Response,
};
use jobs::accounts::{
    locale::Locale,
    settings::{SettingsError, set},
    time_zone,
};
use serde::Deserialize;

use super::account::Account;
use crate::{
    app::App,
    forms::Sent,
    page::{Page, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    language: Locale,
    time_zone: String,
}

/// Sets both, and leads to the account in the language that was chosen; or shows the form again.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    if let Some(zone) = time_zone::parse(&form.time_zone) {
        match set(&app.db, person.id, form.language, zone).await {
            Ok(()) => return Ok(see_other(&format!("{}?done=preferences", paths::ACCOUNT.at(form.language)))),
            Err(SettingsError::UnknownZone(_)) => {}
            Err(SettingsError::Postgres(error)) => return Err(error).doing("setting a person's preferences"),
        }
    }
    Account::load(&app, &visit, page).await?.without_zone(form.language, &form.time_zone)
}
