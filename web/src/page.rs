//! What every template needs of its surroundings.

use std::{borrow::Borrow, sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, NaiveDate, Utc};
use fluent_bundle::FluentValue;
use jobs::{
    accounts::{locale::Locale, role::Role, user::User},
    payments::money::Money,
};
pub(crate) use queue::operations::State as JobState;

use crate::{
    app::App,
    figures,
    guard::{self, Who},
    paths::{self, Twin},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A page on its way: its language, its texts, its visitor. Templates hold one and ask it.
pub(crate) struct Page {
    app: App,
    visit: Arc<Visit>,
    pub(crate) locale: Locale,
}

impl Page {
    pub(crate) fn new(app: &App, visit: &Arc<Visit>) -> Self {
        Self { app: app.clone(), visit: Arc::clone(visit), locale: visit.locale() }
    }

    /// The sentence of that key.
    pub(crate) fn text(&self, key: &str) -> String {
        self.app.texts.say(self.locale, key, &[])
    }

    /// A sentence that takes one value.
    pub(crate) fn text1<'a>(&self, key: &str, name: &str, value: impl Into<FluentValue<'a>>) -> String {
        self.app.texts.say(self.locale, key, &[(name, value.into())])
    }

    /// When that was, in the visitor's time zone.
    pub(crate) fn moment(&self, at: &DateTime<Utc>) -> String {
        let zone = self.person().map_or("America/Bogota", |person| &*person.time_zone);
        self.app.texts.moment(self.locale, zone, *at)
    }

    /// A day of the calendar, in words.
    pub(crate) fn date(&self, day: &NaiveDate) -> String {
        self.app.texts.day(self.locale, *day)
    }

    /// As [`Page::moment`], to the second and in columns.
    pub(crate) fn stamp(&self, at: &DateTime<Utc>) -> String {
        at.with_timezone(&self.stamp_zone()).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn stamp_zone(&self) -> chrono_tz::Tz {
        self.person().map(|person| person.time_zone.parse().unwrap_or_default()).unwrap_or_default()
    }

    /// The zone that [`Page::stamp`] speaks of.
    pub(crate) fn zone(&self) -> String {
        self.stamp_zone().name().to_owned()
    }

    /// A day.
    #[expect(clippy::unused_self, reason = "templates ask the page for everything")]
    pub(crate) fn day(&self, day: impl Borrow<NaiveDate>) -> String {
        day.borrow().format("%Y-%m-%d").to_string()
    }

    /// How long, in the two largest units.
    pub(crate) fn span(&self, span: &Duration) -> String {
        figures::span(*span)
    }

    /// So many seconds, in the two largest units.
    pub(crate) fn seconds(&self, seconds: &i64) -> String {
        self.milliseconds(&seconds.saturating_mul(1000))
    }

    /// So many milliseconds, in the two largest units.
    #[expect(clippy::unused_self, reason = "templates ask the page for everything")]
    pub(crate) fn milliseconds(&self, ms: &i64) -> String {
        figures::span(Duration::from_millis((*ms).max(0).unsigned_abs()))
    }

    /// How long from then to now.
    pub(crate) fn since(&self, then: &DateTime<Utc>) -> String {
        figures::span((Utc::now() - then).to_std().unwrap_or_default())
    }

    /// A number, grouped as the language does.
    pub(crate) fn count(&self, number: impl Borrow<u64>) -> String {
        figures::count(self.locale, *number.borrow())
    }

    /// A part of a whole, in percent.
    pub(crate) fn share(&self, part: i64, whole: i64) -> String {
        figures::share(self.locale, part, whole)
    }

    /// A state's word, as the glossary has it.
    pub(crate) fn state(&self, state: &JobState) -> String {
        self.text(match state {
            JobState::Outboxed => key("state-outboxed"),
            JobState::Scheduled => key("state-scheduled"),
            JobState::Available => key("state-available"),
            JobState::Running => key("state-running"),
            JobState::Retryable => key("state-retryable"),
            JobState::Limited => key("state-limited"),
            JobState::Paused => key("state-paused"),
            JobState::Parked => key("state-parked"),
            JobState::Completed => key("state-completed"),
            JobState::Cancelled => key("state-cancelled"),
            JobState::Dead => key("state-dead"),
        })
    }

    /// The address of a file under assets/.
    pub(crate) fn asset(&self, name: &str) -> &str {
        self.app.assets.address(name)
    }

    /// The address of another page, in this page's language.
    pub(crate) fn at(&self, page: Twin) -> &'static str {
        page.at(self.locale)
    }

    /// The address of another page with a value in its place, in this page's language.
    pub(crate) fn to(&self, page: Twin, name: &str, value: impl std::fmt::Display) -> String {
        page.with(self.locale, &[(name, &value.to_string())])
    }

    /// Lets this response show frames of that origin.
    pub(crate) fn allow_frames_of(&self, origin: &'static str) {
        self.visit.allow_frames_of(origin);
    }

    /// An amount of money.
    pub(crate) fn money(&self, money: impl Borrow<Money>) -> String {
        money.borrow().to_text(self.locale)
    }

    /// Whether this is that page.
    pub(crate) fn is(&self, page: Twin) -> bool {
        self.visit.row().is_some_and(|row| row.twin == page)
    }

    /// Whether this is that page or one below it.
    pub(crate) fn is_below(&self, page: Twin) -> bool {
        self.visit.row().is_some_and(|row| row.path.starts_with(page.at(self.locale)))
    }

    /// Whether the visitor may open the pages about sales.
    pub(crate) fn is_admin(&self) -> bool {
        self.person().is_some_and(|person| guard::ADMINS.contains(&person.role))
    }

    /// Whether the visitor may open the pages of the help desk.
    pub(crate) fn is_of_desk(&self) -> bool {
        self.person().is_some_and(|person| guard::DESK.contains(&person.role))
    }

    /// Whether the visitor works at the help desk.
    pub(crate) fn is_agent(&self) -> bool {
        self.person().is_some_and(|person| guard::AGENTS.contains(&person.role))
    }

    /// Whether the visitor says what the help desk promises.
    pub(crate) fn leads_desk(&self) -> bool {
        self.person().is_some_and(|person| guard::LEADS.contains(&person.role))
    }

    /// Whether this is one of the operators' pages.
    pub(crate) fn is_of_operators(&self) -> bool {
        self.visit.row().is_some_and(|row| row.who == Who::Roles(guard::OPERATORS))
    }

    /// The address of this page in the other language, if it has one.
    pub(crate) fn in_other_language(&self) -> Option<String> {
        let row = self.visit.row().filter(|row| row.locale.is_some() && row.can_be_read)?;
        let path = row.twin.translated(self.locale.other(), row.path, &self.visit.path);
        Some(match self.visit.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        })
    }

    /// Who is signed in.
    pub(crate) fn person(&self) -> Option<&User> {
        self.visit.person().map(|person| &**person)
    }

    /// Whether the visitor may open the operators' pages.
    pub(crate) fn is_operator(&self) -> bool {
        self.person().is_some_and(|person| guard::OPERATORS.contains(&person.role))
    }

    /// A new token for a form of this visit.
    pub(crate) fn csrf(&self) -> String {
        self.app.csrf.token(self.visit.use_form_binding())
    }

    /// What lets this response's script run.
    pub(crate) fn nonce(&self) -> &str {
        &self.visit.nonce
    }

    /// The request's name, for the person who asks us about it.
    pub(crate) fn request_id(&self) -> String {
        self.visit.id.to_string()
    }

    /// A role's name.
    pub(crate) fn role(&self, role: &Role) -> String {
        self.text(match role {
            Role::Learner => key("role-learner"),
            Role::Instructor => key("role-instructor"),
            Role::Agent => key("role-agent"),
            Role::Manager => key("role-manager"),
            Role::Client => key("role-client"),
            Role::Operator => key("role-operator"),
            Role::Admin => key("role-admin"),
        })
    }
}

/// Marks a key that is said elsewhere, so that the test of the texts finds it.
pub(crate) const fn key(key: &'static str) -> &'static str {
    key
}

impl FromRequestParts<App> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let visit =
            parts.extensions.get::<Arc<Visit>>().ok_or_else(|| Problem::Internal(anyhow::anyhow!("a page without a visit")))?;
        Ok(Self::new(app, visit))
    }
}

/// Writes the page.
///
/// # Errors
/// The template fails, which only a fault of ours can cause.
pub(crate) fn render(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let body = template.render().doing("writing a page")?;
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

/// "See other": what follows a form that was accepted, so that a reload sends nothing again.
pub(crate) fn see_other(path: &str) -> Response {
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static(paths::LANDING.at(Locale::Es)));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// The rows that a page shows, of which one more was asked for than it shows, and whether there are others.
pub(crate) fn cut<T>(mut rows: Vec<T>, limit: i64) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or_default();
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    (rows, has_more)
}
