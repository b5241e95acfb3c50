//! `GET /api/v1/articles` and `…/{id}`: what the desk has published, as far as whoever's name the token bears may read it.

use std::{fmt, str::FromStr, sync::Arc};

use axum::{
    Json,
    extract::{Extension, Path, Query, State, rejection::QueryRejection},
};
use chrono::{DateTime, Utc};
use jobs::{
    accounts::locale::Locale,
    help_desk::{actor::Actor, articles::slug::Slug, search::query::Query as Words},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    pages::{after, asked, bad, cut, page_size, place, word},
    person::actor,
};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A page of articles.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Articles {
    /// Those that hold what was asked for, the closest first; if nothing was, the latest first.
    articles: Vec<Article>,
    /// What the next page is asked with as `after`; none: this is the last one.
    next: Option<String>,
}

/// An article.
#[derive(Debug, Serialize, JsonSchema, sqlx::FromRow)]
pub(crate) struct Article {
    /// Its number.
    id: i64,
    /// `es` or `en`.
    language: String,
    /// Its name in addresses. Where the same is told in both languages, both may have one.
    slug: String,
    /// What it is about, in a line.
    title: String,
    /// What it says, in Markdown. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// For whom it is: `clients`, or `desk`, for those who work there.
    audience: String,
    /// The one client whose people it is for; none: those of every client.
    client: Option<i64>,
    /// When it was first published.
    published_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// How close it is to what was asked for.
    #[serde(skip)]
    rank: i64,
}

/// Which articles are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArticlesQuery {
    q: Option<String>,
    language: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Which of two articles of one name is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArticleQuery {
    language: Option<String>,
}

/// Where an article stands in a list, its time apart.
#[derive(Debug, Clone, Copy)]
struct Standing {
    rank: i64,
    id: i64,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.rank, self.id)
    }
}

impl FromStr for Standing {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (rank, id) = text.split_once('_').ok_or(())?;
        Ok(Self { rank: rank.parse::<i64>().map_err(drop)?, id: id.parse::<i64>().map_err(drop)? })
    }
}

/// What is looked for.
#[derive(Debug, Default)]
struct Wanted {
    terms: Option<Value>,
    language: Option<Locale>,
    after: Option<(DateTime<Utc>, Standing)>,
    id: Option<i64>,
    slug: Option<String>,
    /// Of two of one name this one.
    rather: Option<Locale>,
}

/// Those that the person may read and that were asked for.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    query: Result<Query<ArticlesQuery>, QueryRejection>,
) -> Result<Json<Articles>, Problem> {
    let (_, actor) = actor(&app, &visit).await?;
    let query = asked(query)?;
    let limit = page_size(query.limit)?;
    let words = query.q.as_deref().map(|typed| Words::parse(typed).map_err(|problem| bad(format!("q: {problem}"))));
    let wanted = Wanted {
        terms: words.transpose()?.map(|words| words.terms_json()),
        language: word("language", query.language.as_deref())?,
        after: after(query.after.as_deref())?,
        ..Wanted::default()
    };
    let articles = find(&app, &actor, wanted, limit + 1).await?;
    let standing = |article: &Article| Standing { rank: article.rank, id: article.id };
    let (articles, next) = cut(articles, limit, |article| place(article.updated_at, standing(article)));
    Ok(Json(Articles { articles, next }))
}

/// One of them, with what it says, by its number or its name. Of one that they may not read nobody learns that there is one.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
    query: Result<Query<ArticleQuery>, QueryRejection>,
) -> Result<Json<Article>, Problem> {
    let (_, actor) = actor(&app, &visit).await?;
    let rather: Option<Locale> = word("language", asked(query)?.language.as_deref())?;
    let mut wanted = Wanted { rather: Some(rather.unwrap_or_default()), ..Wanted::default() };
    match id.parse() {
        Ok(number) => wanted.id = Some(number),
        Err(_) => wanted.slug = Some(Slug::parse(&id).map_err(|_| Problem::NotFound)?.as_str().to_owned()),
    }
    find(&app, &actor, wanted, 1).await?.pop().map(Json).ok_or(Problem::NotFound)
}

async fn find(app: &App, actor: &Actor, wanted: Wanted, limit: usize) -> Result<Vec<Article>, Problem> {
    sqlx::query_as(include_str!("articles.sql"))
        .bind(actor.client())
        .bind(wanted.terms)
        .bind(wanted.language)
        .bind(wanted.after.map(|(_, standing)| standing.rank))
        .bind(wanted.after.map(|(at, _)| at))
        .bind(wanted.after.map(|(_, standing)| standing.id))
        .bind(wanted.id)
        .bind(wanted.slug)
        .bind(wanted.rather)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&app.db)
        .await
        .doing("listing articles")
}
