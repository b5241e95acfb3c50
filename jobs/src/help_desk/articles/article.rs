//! An article, and who may read it.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::slug::Slug;
use crate::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        number::{ArticleId, ClientId},
        trouble::DeskError,
        words::{ArticleState, Readers},
    },
};

/// An article.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Article {
    /// Its number.
    pub id: ArticleId,
    /// In which language it is written.
    pub locale: Locale,
    /// Its name in addresses, one of its language.
    pub slug: Slug,
    /// What it is about, in a line.
    pub title: String,
    /// What it says, in Markdown.
    pub body: String,
    /// For whom it is.
    pub audience: Readers,
    /// The one client whose people it is for; none: those of every client.
    pub client_id: Option<ClientId>,
    /// Where it stands.
    pub state: ArticleState,
    /// Who wrote it last.
    pub editor: String,
    /// Rises with each change.
    pub lock_version: i32,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// An article as somebody has looked at it who now changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenArticle {
    /// Which article.
    pub article: ArticleId,
    /// At which version.
    pub version: i32,
}

/// What is read of an article.
const COLUMNS: &str = "a.id, a.locale, a.slug, a.title, a.body, a.audience, a.client_id, a.state, e.full_name as editor, a.lock_version, a.updated_at";

/// Which articles somebody may read: everything to those who work here ($1 is null), to a client's people what is published for them.
macro_rules! readable {
    () => {
        "($1::bigint is null or (a.state = 'published' and a.audience = 'clients' and (a.client_id is null or a.client_id = $1)))"
    };
}

/// A page of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shelf {
    /// Only those of that language.
    pub locale: Option<Locale>,
    /// Only those that stand there. Clients see published ones alone, whatever they ask for.
    pub state: Option<ArticleState>,
    /// Go on after this one.
    pub after: Option<ArticleId>,
    /// At most so many.
    pub limit: i64,
}

impl Article {
    /// The article of that number.
    ///
    /// # Errors
    /// [`DeskError::NoSuchArticle`], also of one that they may not read; or Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, actor: &Actor, id: ArticleId) -> Result<Self, DeskError> {
        let sql = format!(
            "select {COLUMNS} from desk.kb_articles a join core.users e on e.id = a.editor_id where {} and a.id = $2",
            readable!()
        );
        let found = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(actor.client()).bind(id).fetch_optional(db).await?;
        found.ok_or(DeskError::NoSuchArticle)
    }

    /// The article of that name, in that language if there is one, else in the other.
    ///
    /// # Errors
    /// As [`Article::find`].
    pub async fn named(db: impl PgExecutor<'_>, actor: &Actor, slug: &Slug, locale: Locale) -> Result<Self, DeskError> {
        let sql = format!(
            "select {COLUMNS} from desk.kb_articles a join core.users e on e.id = a.editor_id
             where {} and a.slug = $2 order by (a.locale = $3) desc limit 1",
            readable!()
        );
        let found =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(actor.client()).bind(slug).bind(locale).fetch_optional(db).await?;
        found.ok_or(DeskError::NoSuchArticle)
    }

    /// Those that they may read, the latest first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn list(db: impl PgExecutor<'_>, actor: &Actor, shelf: Shelf) -> sqlx::Result<Vec<Self>> {
        let sql = format!(
            "select {COLUMNS} from desk.kb_articles a join core.users e on e.id = a.editor_id
             where {} and ($2::text is null or a.locale = $2) and ($3::text is null or a.state = $3)
               and ($4::bigint is null or (a.updated_at, a.id) < (select b.updated_at, b.id from desk.kb_articles b where b.id = $4))
             order by a.updated_at desc, a.id desc limit $5",
            readable!()
        );
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(actor.client())
            .bind(shelf.locale)
            .bind(shelf.state)
            .bind(shelf.after)
            .bind(shelf.limit)
            .fetch_all(db)
            .await
    }

    /// As it is now.
    #[must_use]
    pub fn seen(&self) -> SeenArticle {
        SeenArticle { article: self.id, version: self.lock_version }
    }

    /// Whether people of that client may read it.
    #[must_use]
    pub fn is_for(&self, client: ClientId) -> bool {
        self.state == ArticleState::Published
            && self.audience == Readers::Clients
            && self.client_id.is_none_or(|only| only == client)
    }
}
