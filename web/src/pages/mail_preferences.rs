//! `GET /cuenta/cartas`, `POST /cuenta/cartas`: which letters a person wants.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::mail::{
    Stream,
    unsubscribe::{set_wish, unwanted},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::{Sent, Wish},
    page::{Page, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<String>,
}

/// What the form sends: a box that is not ticked sends nothing.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    notifications: Option<String>,
    broadcast: Option<String>,
}

#[derive(Template)]
#[template(path = "mail_preferences.html")]
struct MailPreferences {
    page: Page,
    wants_notifications: bool,
    wants_broadcast: bool,
    is_saved: bool,
}

/// Shows what is wanted at present.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    const DOING: &str = "looking up which letters somebody wants";
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let mut db = app.db.acquire().await.doing(DOING)?;
    let unwanted = unwanted(&mut db, person.id).await.doing(DOING)?;
    let preferences = MailPreferences {
        page,
        wants_notifications: !unwanted.contains(&Stream::Notifications),
        wants_broadcast: !unwanted.contains(&Stream::Broadcast),
        is_saved: asked.done.is_some(),
    };
    render(StatusCode::OK, &preferences)
}

/// Notes what is wanted from now on.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    const DOING: &str = "noting which letters somebody wants";
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let mut tx = app.db.begin().await.doing(DOING)?;
    for (stream, ticked) in [(Stream::Notifications, form.notifications), (Stream::Broadcast, form.broadcast)] {
        set_wish(&mut tx, person.id, stream, ticked.is_some()).await.doing(DOING)?;
    }
    tx.commit().await.doing(DOING)?;
    Ok(see_other(&format!("{}?done=saved", page.at(paths::MAIL_PREFERENCES))))
}
