//! `GET /ayuda`: what the desk has written down, for its clients and for itself.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::help_desk::{
    actor::Actor,
    articles::article::{Article, Shelf},
    number::ArticleId,
    words::ArticleState,
};
use serde::Deserialize;

use super::tickets::actor;
use crate::{
    app::App,
    forms::Wish,
    page::{Page, cut, render},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many articles stand on a page.
const LIMIT: i64 = 30;

/// What the address asks for. Words that mean nothing count as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// `all`: in both languages.
    #[serde(default)]
    language: String,
    /// Where they stand; only those who work here choose.
    #[serde(default)]
    state: String,
    /// The last article of the page before.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "help.html")]
struct Help {
    page: Page,
    articles: Vec<Article>,
    is_agent: bool,
    in_both: bool,
    state: ArticleState,
    has_more: bool,
    is_first: bool,
}

impl Help {
    /// The address of the list with these choices.
    fn address(&self, in_both: bool, state: ArticleState, after: Option<ArticleId>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if in_both {
            query.append_pair("language", "all");
        }
        if state != ArticleState::Published {
            query.append_pair("state", state.as_str());
        }
        if let Some(after) = after {
            query.append_pair("after", &after.to_string());
        }
        let (path, query) = (self.page.at(paths::HELP), query.finish());
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    fn of_language(&self, in_both: bool) -> String {
        self.address(in_both, self.state, None)
    }

    fn first(&self) -> String {
        self.of_language(self.in_both)
    }

    fn of_state(&self, state: &ArticleState) -> String {
        self.address(self.in_both, *state, None)
    }

    fn is_state(&self, state: &ArticleState) -> bool {
        self.state == *state
    }

    fn next(&self) -> Option<String> {
        let last = self.articles.last().filter(|_| self.has_more)?;
        Some(self.address(self.in_both, self.state, Some(last.id)))
    }
}

/// Shows the list.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let is_agent = matches!(actor, Actor::Agent { .. });
    let state = asked.state.parse().ok().filter(|_| is_agent).unwrap_or(ArticleState::Published);
    let (in_both, after) = (asked.language == "all", asked.after.parse().ok().map(ArticleId));
    let shelf = Shelf { locale: (!in_both).then_some(page.locale), state: Some(state), after, limit: LIMIT + 1 };
    let (articles, has_more) = cut(Article::list(&app.db, &actor, shelf).await.doing("listing articles")?, LIMIT);
    render(StatusCode::OK, &Help { page, articles, is_agent, in_both, state, has_more, is_first: after.is_none() })
}
