//! Writing an article, and saying whether it is read.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{article::SeenArticle, slug::Slug};
use crate::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        number::{ArticleId, ClientId},
        text::{Body, Title},
        trouble::DeskError,
        words::{ArticleState, Readers},
    },
};

/// What an article says, and to whom.
#[derive(Debug, Clone)]
pub struct Draft {
    /// In which language.
    pub locale: Locale,
    /// Its name in addresses.
    pub slug: Slug,
    /// What it is about, in a line.
    pub title: Title,
    /// What it says, in Markdown.
    pub body: Body,
    /// For whom.
    pub audience: Readers,
    /// The one client whose people it is for. What is for the desk is for no client.
    pub client: Option<ClientId>,
}

impl Draft {
    /// Writes a new article, which nobody but the desk reads yet.
    ///
    /// # Errors
    /// Nothing may be kept of the transaction: the person does not work here, the name is taken in that language, there is no such client, or Postgres
    /// refuses or cannot be reached.
    pub async fn write(&self, tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor) -> Result<ArticleId, DeskError> {
        actor.must_be_agent()?;
        let id = sqlx::query_scalar(
            "insert into desk.kb_articles (locale, slug, title, body, audience, client_id, author_id, editor_id, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $8) returning id",
        )
        .bind(self.locale)
        .bind(&self.slug)
        .bind(&self.title)
        .bind(&self.body)
        .bind(self.audience)
        .bind(self.only_for())
        .bind(actor.id())
        .bind(at.trunc_subsecs(0))
        .fetch_one(&mut *tx)
        .await
        .map_err(refusal)?;
        note(tx, actor, "write_article", id, json!({ "slug": self.slug.as_str() })).await?;
        Ok(id)
    }

    /// Writes over an article, if it is as it was seen. Returns the version that it has from now on.
    ///
    /// # Errors
    /// As [`Draft::write`]; it has changed meanwhile ([`DeskError::ArticleChanged`]), or is none.
    pub async fn write_over(
        &self,
        tx: &mut PgConnection,
        at: DateTime<Utc>,
        actor: &Actor,
        seen: SeenArticle,
    ) -> Result<i32, DeskError> {
        let held = Held::take(tx, actor, seen).await?;
        let version = sqlx::query_scalar(
            "update desk.kb_articles
             set locale = $2, slug = $3, title = $4, body = $5, audience = $6, client_id = $7, editor_id = $8, updated_at = greatest($9, updated_at),
                 lock_version = lock_version + 1
             where id = $1 returning lock_version",
        )
        .bind(held.id)
        .bind(self.locale)
        .bind(&self.slug)
        .bind(&self.title)
        .bind(&self.body)
        .bind(self.audience)
        .bind(self.only_for())
        .bind(actor.id())
        .bind(at.trunc_subsecs(0))
        .fetch_one(&mut *tx)
        .await
        .map_err(refusal)?;
        note(tx, actor, "edit_article", held.id, json!({ "slug": self.slug.as_str(), "version": version })).await?;
        Ok(version)
    }

    fn only_for(&self) -> Option<ClientId> {
        self.client.filter(|_| self.audience == Readers::Clients)
    }
}

/// Publishes it, takes it back to the desk, or archives it, if it is as it was seen. Returns the version that it has from now on.
///
/// # Errors
/// Nothing may be kept of the transaction: the person does not work here, the article has changed meanwhile, is none, or does not go there from where it
/// stands; or Postgres refuses or cannot be reached.
pub async fn move_to(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    seen: SeenArticle,
    state: ArticleState,
) -> Result<i32, DeskError> {
    let held = Held::take(tx, actor, seen).await?;
    if !leads(held.state, state) {
        return Err(DeskError::WrongArticleState { from: held.state, to: state });
    }
    let version = sqlx::query_scalar(
        "update desk.kb_articles
         set state = $2, editor_id = $3, updated_at = greatest($4, updated_at), lock_version = lock_version + 1,
             published_at = case when $2 = 'published' then coalesce(published_at, greatest($4, created_at)) else published_at end
         where id = $1 returning lock_version",
    )
    .bind(held.id)
    .bind(state)
    .bind(actor.id())
    .bind(at.trunc_subsecs(0))
    .fetch_one(&mut *tx)
    .await?;
    note(tx, actor, "move_article", held.id, json!({ "from": held.state.as_str(), "to": state.as_str() })).await?;
    Ok(version)
}

/// Whether an article goes from the one state to the other.
#[must_use]
pub fn leads(from: ArticleState, to: ArticleState) -> bool {
    use ArticleState::{Archived, Draft, Published};
    matches!((from, to), (Draft, Published | Archived) | (Published, Draft | Archived) | (Archived, Draft))
}

/// An article that somebody has taken to change it.
struct Held {
    id: ArticleId,
    state: ArticleState,
}

impl Held {
    async fn take(tx: &mut PgConnection, actor: &Actor, seen: SeenArticle) -> Result<Self, DeskError> {
        actor.must_be_agent()?;
        let found: Option<(ArticleState, i32)> =
            sqlx::query_as("select state, lock_version from desk.kb_articles where id = $1 for no key update")
                .bind(seen.article)
                .fetch_optional(tx)
                .await?;
        let (state, present) = found.ok_or(DeskError::NoSuchArticle)?;
        if present == seen.version {
            Ok(Self { id: seen.article, state })
        } else {
            Err(DeskError::ArticleChanged { seen: seen.version, present })
        }
    }
}

/// What the tables refuse, by its name.
fn refusal(error: sqlx::Error) -> DeskError {
    match error.as_database_error().and_then(|error| error.constraint()) {
        Some("kb_articles_locale_slug_key") => DeskError::SlugTaken,
        Some("kb_articles_client_id_fkey") => DeskError::NoSuchClient,
        _ => error.into(),
    }
}

async fn note(
    tx: &mut PgConnection,
    actor: &Actor,
    action: &str,
    article: ArticleId,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    sqlx::query("insert into core.audit_log (actor_id, action, subject, detail) values ($1, $2, 'article:' || $3, $4)")
        .bind(actor.id())
        .bind(action)
        .bind(article)
        .bind(detail)
        .execute(tx)
        .await
        .map(drop)
}
