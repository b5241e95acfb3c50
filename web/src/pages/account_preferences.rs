//! `POST /cuenta/preferencias`: what a person is called, the language of their letters, and the clock by which they live.

use std::sync::Arc;

use axum::{
    extract::{Extension, State},
    response::Response,
};
use jobs::accounts::{
    full_name::FullName,
    locale::Locale,
    settings::{SettingsError, set},
    time_zone,
};
use serde::Deserialize;

use super::{account::Account, register::name_problem};
use crate::{
    app::App,
    forms::{Field, Sent},
    page::{Page, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    full_name: String,
    language: Locale,
    time_zone: String,
}

/// Sets them, and leads to the account in the language that was chosen; or shows the form again.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let (name, mut zone) = (FullName::parse(&form.full_name), time_zone::parse(&form.time_zone));
    if let (Ok(name), Some(wanted)) = (&name, zone) {
        match set(&app.db, person.id, name, form.language, wanted).await {
            Ok(()) => return Ok(see_other(&format!("{}?done=preferences", paths::ACCOUNT.at(form.language)))),
            Err(SettingsError::UnknownZone(_)) => zone = None,
            Err(SettingsError::Postgres(error)) => return Err(error).doing("setting a person's preferences"),
            Err(error @ SettingsError::Certificate(_)) => {
                return Err(Problem::Internal(anyhow::Error::from(error).context("setting a person's preferences")));
            }
        }
    }
    let name_problem = name.err().map(|what| name_problem(&page, what));
    let zone_problem = zone.is_none().then(|| page.text("schedule-bad-zone"));
    let full_name = Field { problem: name_problem, ..Field::of(&form.full_name) };
    let time_zone = Field { problem: zone_problem, ..Field::of(&form.time_zone) };
    Account::load(&app, &visit, page).await?.with_form(full_name, form.language, time_zone).shown()
}
