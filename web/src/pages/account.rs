//! `GET /cuenta`: the person's account, what became of their verification letter, and what they set themselves.

use std::{cmp::Ordering, sync::Arc};

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use chrono::Utc;
use jobs::accounts::{
    locale::Locale,
    time_zone,
    user::{User, UserId},
};
use serde::Deserialize;

use super::help_editor::locale_key;
use crate::{
    app::App,
    forms::{Field, Wish, mark_first_problem},
    page::{Page, key, render},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<Done>,
}

/// What has just been done.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Registered,
    Letter,
    Verified,
    Preferences,
}

#[derive(Template)]
#[template(path = "account.html")]
pub(super) struct Account {
    page: Page,
    person: Arc<User>,
    done: Option<Done>,
    letter: Letter,
    letter_say: String,
    /// What the form proposes.
    full_name: Field,
    language: Locale,
    time_zone: Field,
}

impl Account {
    pub(super) async fn load(app: &App, visit: &Visit, page: Page) -> Result<Self, Problem> {
        let person = visit.person().cloned().ok_or(Problem::NotSignedIn)?;
        let is_verified = person.email_verified_at.is_some();
        let letter = if is_verified { Letter::Sent } else { newest_letter(app, person.id).await?.unwrap_or_default() };
        Ok(Self {
            letter_say: page.text(letter.sentence()),
            letter,
            done: None,
            full_name: Field::of(person.full_name.as_str()),
            language: person.locale,
            time_zone: Field::of(&person.time_zone),
            person,
            page,
        })
    }

    fn is_language(&self, locale: &Locale) -> bool {
        self.language == *locale
    }

    fn name_of(locale: &Locale) -> &'static str {
        locale_key(locale)
    }

    fn zones() -> impl Iterator<Item = &'static str> {
        time_zone::places()
    }

    /// What their clock shows now.
    fn now(&self) -> String {
        self.page.moment(&Utc::now())
    }

    /// The page with what was typed.
    pub(super) fn with_form(self, full_name: Field, language: Locale, time_zone: Field) -> Self {
        Self { full_name, language, time_zone, ..self }
    }

    pub(super) fn shown(mut self) -> Result<Response, Problem> {
        let is_wrong = mark_first_problem(&mut [&mut self.full_name, &mut self.time_zone]);
        render(if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }
}

/// Where the newest verification letter is. One that no worker has taken up yet has no row, and is as good as queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
enum Letter {
    #[default]
    Queued,
    Sending,
    Sent,
    Unknown,
    Failed,
    Withheld,
}

impl Letter {
    /// Whether more will be known in a moment.
    fn is_under_way(&self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }

    fn icon(&self) -> &'static str {
        match self {
            Self::Queued | Self::Sending | Self::Sent => "mail",
            Self::Unknown => "mail-question-mark",
            Self::Failed | Self::Withheld => "mail-warning",
        }
    }

    /// The station that it has come to: 1, 2 or 3.
    fn reached(&self) -> u8 {
        match self {
            Self::Queued => 1,
            Self::Sending | Self::Failed | Self::Withheld => 2,
            Self::Sent | Self::Unknown => 3,
        }
    }

    /// How a station of its way looks.
    fn station(&self, station: u8) -> &'static str {
        match (station.cmp(&self.reached()), self) {
            (Ordering::Less, _) | (Ordering::Equal, Self::Sent) => "done",
            (Ordering::Equal, Self::Queued | Self::Sending) => "here",
            (Ordering::Equal, Self::Unknown | Self::Failed | Self::Withheld) => "lost",
            (Ordering::Greater, _) => "",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Queued => key("letter-queued-say"),
            Self::Sending => key("letter-sending-say"),
            Self::Sent => key("letter-sent-say"),
            Self::Unknown => key("letter-unknown-say"),
            Self::Failed => key("letter-failed-say"),
            Self::Withheld => key("letter-withheld-say"),
        }
    }
}

/// Shows the account.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    Account { done: asked.done, ..Account::load(&app, &visit, page).await? }.shown()
}

async fn newest_letter(app: &App, user_id: UserId) -> Result<Option<Letter>, Problem> {
    sqlx::query_scalar(
        "select state from mail.messages where user_id = $1 and starts_with(dedupe_key, 'welcome:')
         order by created_at desc, id desc limit 1",
    )
    .bind(user_id)
    .fetch_optional(&app.db)
    .await
    .doing("looking up a verification letter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letters_way_is_drawn_as_far_as_it_came() {
        let way = |letter: Letter| [1, 2, 3].map(|station| letter.station(station));
        assert_eq!(way(Letter::Queued), ["here", "", ""]);
        assert_eq!(way(Letter::Sending), ["done", "here", ""]);
        assert_eq!(way(Letter::Sent), ["done", "done", "done"]);
        assert_eq!(way(Letter::Unknown), ["done", "done", "lost"]);
        assert_eq!(way(Letter::Failed), ["done", "lost", ""]);
        assert_eq!(way(Letter::Withheld), ["done", "lost", ""]);
    }
}
