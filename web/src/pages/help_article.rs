//! `GET /ayuda/{slug}`: an article.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        articles::{article::Article, slug::Slug, write::leads},
        words::ArticleState,
    },
};

use super::tickets::actor;
use crate::{
    app::App,
    markdown::{Elements, elements},
    page::{Page, key, render},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "help_article.html")]
struct ArticlePage {
    page: Page,
    article: Article,
    body: Elements,
    /// The name of the one client that it is for.
    client: Option<String>,
    is_agent: bool,
}

impl ArticlePage {
    /// Where it can go from where it stands: the state, and the key of what the button says.
    fn moves(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let words = |state: ArticleState| match state {
            ArticleState::Draft => key("article-take-back"),
            ArticleState::Published => key("article-publish"),
            ArticleState::Archived => key("article-archive"),
        };
        let from = self.article.state;
        let goes = ArticleState::ALL.iter().copied().filter(move |to| leads(from, *to));
        goes.map(move |to| (to.as_str(), words(to)))
    }
}

/// Where an article is read: in its own language, because another one of the other language may have the same name.
pub(super) fn address(locale: &Locale, slug: &Slug) -> String {
    paths::HELP_ARTICLE.with(*locale, &[("slug", slug.as_str())])
}

/// Shows the article.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let slug = Slug::parse(&slug).map_err(|_| Problem::NotFound)?;
    let article = Article::named(&app.db, &actor, &slug, page.locale).await.doing("looking up an article")?;
    let client = sqlx::query_scalar("select name from desk.clients where id = $1")
        .bind(article.client_id)
        .fetch_optional(&app.db)
        .await
        .doing("looking up an article's client")?;
    let (body, is_agent) = (elements(&article.body), matches!(actor, Actor::Agent { .. }));
    render(StatusCode::OK, &ArticlePage { page, article, body, client, is_agent })
}
