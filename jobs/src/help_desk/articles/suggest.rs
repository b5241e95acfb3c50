//! Articles that may help with a ticket.

use sqlx::PgExecutor;

use super::slug::Slug;
use crate::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        number::{ArticleId, ClientId},
        search::query::Query,
        trouble::DeskError,
    },
};

/// At most so many are suggested.
pub const MOST: i64 = 5;

/// An article that shares words with a ticket's title.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Suggestion {
    /// Its number.
    pub id: ArticleId,
    /// In which language it is written.
    pub locale: Locale,
    /// Its name in addresses.
    pub slug: Slug,
    /// What it is about.
    pub title: String,
    /// Whether the ticket's client may read it.
    pub is_for_client: bool,
}

/// The published articles that share the most with a ticket's title, the closest first; for those who work here.
///
/// # Errors
/// The person does not work here, or Postgres refuses or cannot be reached.
pub async fn suggest(
    db: impl PgExecutor<'_>,
    actor: &Actor,
    title: &str,
    client: ClientId,
) -> Result<Vec<Suggestion>, DeskError> {
    actor.must_be_agent()?;
    let query = Query::of_text(title);
    let suggested =
        sqlx::query_as(include_str!("suggest.sql")).bind(query.terms_json()).bind(client).bind(MOST).fetch_all(db).await?;
    Ok(suggested)
}
