//! `GET /dev/mail`: every kind of letter, to look at. Where DEV_PAGES does not allow it, there is no such page.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use jobs::{
    accounts::{full_name::FullName, locale::Locale},
    mail::{
        Paper, Reader, Stream,
        letters::{self, Kind},
    },
};

use crate::{
    app::App,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

#[derive(Template)]
#[template(path = "dev_mail.html")]
struct DevMail {
    page: Page,
    letters: Vec<Shown>,
}

/// A letter on the list.
struct Shown {
    kind: &'static Kind,
    /// In the page's language.
    subject: String,
}

impl Shown {
    fn stream(&self) -> &'static str {
        match self.kind.stream {
            Stream::Transactional => key("stream-transactional"),
            Stream::Notifications => key("stream-notifications"),
            Stream::Broadcast => key("stream-broadcast"),
        }
    }
}

/// Shows the list.
pub(crate) async fn show(State(app): State<App>, page: Page) -> Result<Response, Problem> {
    let letters = letters::ALL.iter().map(|kind| {
        let paper = preview(&app, kind, page.locale)?;
        Ok(Shown { kind, subject: paper.subject.as_str().to_owned() })
    });
    let letters = letters.collect::<Result<_, Problem>>()?;
    render(StatusCode::OK, &DevMail { page, letters })
}

/// Writes a letter's sample.
pub(super) fn preview(app: &App, kind: &Kind, locale: Locale) -> Result<Paper, Problem> {
    if !app.settings.dev_pages {
        return Err(Problem::NotFound);
    }
    let name = FullName::parse("Begoña Núñez de la Peña").map_err(|error| Problem::Internal(error.into()))?;
    let home = &app.settings.public_url;
    let unsubscribe = kind.stream.is_optional().then(|| home.clone());
    let reader = Reader { name: &name, locale, time_zone: "America/Bogota", home, unsubscribe };
    (kind.preview)(&reader).doing("writing a letter's sample")
}
