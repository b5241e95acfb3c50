//! `GET /buscar`: tickets and articles, of what the visitor may see.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::help_desk::{
    actor::Actor,
    search::{
        find::{COMPARED, Found, Part, Place, SearchError, find},
        query::{Query, QueryProblem},
    },
    words::{ArticleState, Readers, Status},
};
use serde::Deserialize;

use super::tickets::actor;
use crate::{
    app::App,
    forms::{Field, Wish},
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many of each kind stand on a page.
const LIMIT: i64 = 20;
/// What the address says for tickets that are not resolved.
const LIVE: &str = "live";

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
    /// Where tickets are to stand: a status, or `live`, those that are not resolved; anywhere if it is left out, or means nothing.
    #[serde(default)]
    status: String,
    /// From 1 on.
    #[serde(default)]
    page: String,
}

impl Asked {
    fn statuses(&self) -> Vec<Status> {
        match self.status.as_str() {
            LIVE => Status::ALL.iter().copied().filter(|status| status.is_live()).collect(),
            status => status.parse::<Status>().into_iter().collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    page: Page,
    q: Field,
    /// Where tickets are to stand, as the address says it; empty: anywhere.
    status: String,
    is_agent: bool,
    /// Why nothing was looked for, or nothing was found out.
    problem: Option<String>,
    /// None: nothing was asked for.
    found: Option<Found>,
    number: i64,
}

impl SearchPage {
    /// The address of another page of what was found.
    fn address(&self, number: i64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &self.q.value);
        if !self.status.is_empty() {
            query.append_pair("status", &self.status);
        }
        if number > 1 {
            query.append_pair("page", &number.to_string());
        }
        format!("{}?{}", self.page.at(paths::SEARCH), query.finish())
    }

    fn is_status(&self, word: &str) -> bool {
        self.status == word
    }

    fn previous(&self) -> Option<String> {
        (self.number > 1).then(|| self.address(self.number - 1))
    }

    fn next(&self) -> Option<String> {
        let found = self.found.as_ref()?;
        let most = found.tickets_total.max(found.articles_total);
        (self.number * LIMIT < most).then(|| self.address(self.number + 1))
    }

    /// How many tickets there are; of more than are compared nobody counts.
    fn tickets_total(&self, total: &i64) -> String {
        let shown = self.page.count((*total).max(0).unsigned_abs());
        if *total < COMPARED { shown } else { format!("{shown}+") }
    }

    fn articles_total(&self, total: &i64) -> String {
        self.page.count((*total).max(0).unsigned_abs())
    }
}

/// The key of the name of a state of articles.
pub(super) fn state_key(state: &ArticleState) -> &'static str {
    match state {
        ArticleState::Draft => key("article-draft"),
        ArticleState::Published => key("article-published"),
        ArticleState::Archived => key("article-archived"),
    }
}

/// The key of the words for where a ticket tells of it, if that is not its description.
pub(super) fn place_key(place: &Place) -> Option<&'static str> {
    match place {
        Place::Description => None,
        Place::Comment => Some(key("search-in-comment")),
        Place::Note => Some(key("search-in-note")),
    }
}

/// How a state looks: the class of its colour, and its icon.
pub(super) fn state_look(state: &ArticleState) -> (&'static str, &'static str) {
    match state {
        ArticleState::Draft => ("scheduled", "pencil"),
        ArticleState::Published => ("completed", "circle-check"),
        ArticleState::Archived => ("cancelled", "lock"),
    }
}

/// The key of the words for whom an article is for.
pub(super) fn audience_key(audience: &Readers) -> &'static str {
    match audience {
        Readers::Clients => key("article-for-clients"),
        Readers::Desk => key("article-for-desk"),
    }
}

/// What stands on a page.
fn part(number: i64) -> Part {
    Part { offset: (number - 1) * LIMIT, limit: LIMIT }
}

/// Shows what was found.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    // There is no page behind the last of those that are compared.
    let number = asked.page.parse().unwrap_or(1).clamp(1, COMPARED / LIMIT);
    let statuses = asked.statuses();
    let mut shown = SearchPage {
        is_agent: matches!(actor, Actor::Agent { .. }),
        problem: None,
        found: None,
        number,
        q: Field::of(&asked.q),
        status: if statuses.is_empty() { String::new() } else { asked.status },
        page,
    };
    let query = match Query::parse(&asked.q) {
        Ok(query) => query.of_statuses(statuses),
        Err(QueryProblem::Blank) if asked.q.trim().is_empty() => return render(StatusCode::OK, &shown),
        Err(what) => {
            shown.problem = Some(match what {
                QueryProblem::Blank => shown.page.text("search-blank"),
                QueryProblem::TooLong(most) => shown.page.text1("text-too-long", "most", most),
                QueryProblem::TooManyWords(most) => shown.page.text1("search-too-many-words", "most", most),
            });
            return render(StatusCode::UNPROCESSABLE_ENTITY, &shown);
        }
    };
    let locale = shown.page.locale;
    let mut found = find(&app.db, &actor, &query, locale, part(number)).await;
    if number > 1 && found.as_ref().is_ok_and(|found| found.tickets.is_empty() && found.articles.is_empty()) {
        found = find(&app.db, &actor, &query, locale, part(1)).await;
        let most = found.as_ref().map_or(0, |found| found.tickets_total.max(found.articles_total));
        if most > 0 {
            // Behind the last page there is nothing, and it is not that nothing was found.
            return Ok(see_other(&shown.address(((most - 1) / LIMIT + 1).clamp(1, number - 1))));
        }
        shown.number = 1;
    }
    match found {
        Ok(found) => shown.found = Some(found),
        Err(SearchError::TooSlow) => {
            tracing::warn!("a search took too long");
            shown.problem = Some(shown.page.text("search-too-slow"));
            return render(StatusCode::SERVICE_UNAVAILABLE, &shown);
        }
        Err(SearchError::Postgres(error)) => return Err(error).doing("searching the help desk"),
    }
    render(StatusCode::OK, &shown)
}
