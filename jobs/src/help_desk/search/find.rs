//! Finding what somebody asks for, of what they may see.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::{
    excerpt::{Marked, words},
    names::{Named, name},
    query::Query,
    spelling::{Meant, correct},
};
use crate::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        articles::{plain::plain, slug::Slug},
        number::{ArticleId, ClientId, TicketId},
        words::{ArticleState, Readers, Status},
    },
};

/// Which part of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// How many to pass over.
    pub offset: i64,
    /// At most so many of each kind.
    pub limit: i64,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Tickets, the closest first; behind those that hold what was asked for, those of the clients that are called so.
    pub tickets: Vec<FoundTicket>,
    /// How many there are, of the newest [`COMPARED`] that match.
    pub tickets_total: i64,
    /// Articles, the closest first.
    pub articles: Vec<FoundArticle>,
    /// How many there are.
    pub articles_total: i64,
    /// Words that were taken for others, because little was found by them.
    pub meant: Vec<Meant>,
}

/// A ticket that was found.
#[derive(Debug, Clone)]
pub struct FoundTicket {
    /// Its number.
    pub id: TicketId,
    /// What it is about.
    pub title: Marked,
    /// Where it tells of it.
    pub excerpt: Marked,
    /// In what.
    pub place: Place,
    /// Of its tags those that were asked for.
    pub tags: Vec<Marked>,
    /// Whose it is.
    pub client: Marked,
    /// Of that client's people those that were asked for, where that is why it was found.
    pub people: Vec<Marked>,
    /// Where it stands.
    pub status: Status,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// Where a ticket tells of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In its description.
    Description,
    /// In something that was said under it.
    Comment,
    /// In a note of agents'.
    Note,
}

/// An article that was found.
#[derive(Debug, Clone)]
pub struct FoundArticle {
    /// Its number.
    pub id: ArticleId,
    /// In which language it is written.
    pub locale: Locale,
    /// Its name in addresses.
    pub slug: Slug,
    /// What it is about.
    pub title: Marked,
    /// Where it tells of it.
    pub excerpt: Marked,
    /// For whom it is.
    pub audience: Readers,
    /// Where it stands.
    pub state: ArticleState,
    /// The one client that it is for.
    pub client: Option<String>,
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It took longer than a search may.
    #[error("the search took more than {TIMEOUT_MS} ms")]
    TooSlow,
    /// Postgres refused or could not be reached.
    #[error("the help desk's tables: {0}")]
    Postgres(sqlx::Error),
}

impl From<sqlx::Error> for SearchError {
    fn from(error: sqlx::Error) -> Self {
        // query_canceled: of a statement of ours only its time does that.
        match error.as_database_error().and_then(|error| error.code()).as_deref() {
            Some("57014") => Self::TooSlow,
            _ => Self::Postgres(error),
        }
    }
}

/// How many of the newest tickets that match are compared with each other. Which ticket of years ago is the closest nobody waits for.
pub const COMPARED: i64 = 400;
/// The longest that one of its statements may take.
pub const TIMEOUT_MS: u32 = 2_000;
/// With fewer results, words may have been misspelled.
const FEW: i64 = 3;
/// So many different words of what is shown are looked at for what to mark.
const MARKED_WORDS: usize = 1_000;

/// A statement's time, and how much alike words are to be looked at. Planned for the very words that are asked for, and by the indexes of words and of
/// spelling alone: how many texts hold a phrase or a beginning nobody can guess, and who guesses wrong reads all of them.
const SETTINGS: &str =
    "select set_config('statement_timeout', $1, true), set_config('plan_cache_mode', 'force_custom_plan', true),
    set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true),
    set_config('pg_trgm.similarity_threshold', '0.2', true)";

/// Which tickets of a month: those that hold it,
const WITH_WORDS: &str = "(t.search @@ $2::text::tsquery or ($3::bigint is null and t.noted @@ $2::text::tsquery)) and ($3::bigint is null or t.client_id = $3)";
/// and of the others those of clients that are called so, and that hold what is asked for besides. The array is hidden from the planner, which would weigh each of
/// its clients in each month.
const OF_NAMED: &str = "t.client_id = any (array(select unnest($10::bigint[])))
        and ($11::text is null or t.search @@ $11::text::tsquery or t.noted @@ $11::text::tsquery)
        and not (t.search @@ $2::text::tsquery or coalesce(t.noted @@ $2::text::tsquery, false))";

#[derive(sqlx::FromRow)]
struct TicketRow {
    id: TicketId,
    title: String,
    body: String,
    /// Of something that was said: whether the client does not see it.
    said_internally: Option<bool>,
    tags: Vec<String>,
    client_id: ClientId,
    client: String,
    status: Status,
    created_at: DateTime<Utc>,
    /// Whether it was found by whose it is, and not by its words.
    is_named: bool,
    total: i64,
}

#[derive(sqlx::FromRow)]
struct ArticleRow {
    id: ArticleId,
    locale: Locale,
    slug: Slug,
    title: String,
    body: String,
    audience: Readers,
    state: ArticleState,
    client: Option<String>,
    total: i64,
}

/// The query in the database's words.
struct Asked {
    /// As it was typed.
    exact: String,
    /// With what may have been meant.
    wide: String,
    /// Any of its words.
    any: String,
    /// Whose tickets it may be about.
    named: Option<Named>,
}

/// Finds tickets and articles that hold everything that is asked for, of what the person may see; articles of that language come before the others. What was said
/// under a ticket counts with its own words, and agents' notes for those who work here, who find a client's tickets by its name and by those of its people too.
///
/// # Errors
/// It takes too long, or Postgres refuses or cannot be reached.
pub async fn find(db: &PgPool, actor: &Actor, query: &Query, locale: Locale, part: Part) -> Result<Found, SearchError> {
    let mut tx = db.begin().await?;
    prepare(&mut tx).await?;
    let months = months(&mut tx).await?;
    let (mut asked, mut meant) = (Asked::exactly(&mut tx, actor, query).await?, Vec::new());
    let (mut tickets, mut articles) = look(&mut tx, &months, actor, query, &asked, locale, part).await?;
    let total = |tickets: &[TicketRow], articles: &[ArticleRow]| {
        (tickets.first().map_or(0, |row| row.total), articles.first().map_or(0, |row| row.total))
    };
    let (found_tickets, found_articles) = total(&tickets, &articles);
    // Past the end of what was found there is nothing either: it may be the end of what was typed, and not of what was meant.
    if found_tickets + found_articles < FEW {
        // What somebody is called is spelled as it should be.
        let rest = asked.named.as_ref().map_or(query, |named| &named.rest);
        meant = correct(&mut tx, actor, &rest.words()).await?;
        if !meant.is_empty() {
            let wide = meant.iter().fold(query.clone(), |query, meant| query.or(&meant.typed, &meant.words));
            asked = Asked { exact: asked.exact, ..Asked::exactly(&mut tx, actor, &wide).await? };
            (tickets, articles) = look(&mut tx, &months, actor, query, &asked, locale, part).await?;
        }
    }
    let (tickets_total, articles_total) = total(&tickets, &articles);
    let hits = hits(&mut tx, &tickets, &articles, &asked).await?;
    tx.rollback().await?;
    Ok(Found {
        tickets: tickets.into_iter().map(|row| row.shown(&hits, asked.named.as_ref())).collect(),
        tickets_total,
        articles: articles.into_iter().map(|row| row.shown(&hits)).collect(),
        articles_total,
        meant,
    })
}

/// Sets the limits and habits of a search for the rest of the transaction.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn prepare(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query(SETTINGS).bind(TIMEOUT_MS.to_string()).execute(tx).await.map(drop)
}

/// The tables of the months of tickets, the newest first.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn months(tx: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let mut months: Vec<String> = sqlx::query_scalar(include_str!("sql/months.sql")).fetch_all(tx).await?;
    if months.is_empty() {
        months.push("desk.tickets".to_owned());
    }
    Ok(months)
}

/// The statement that finds tickets, and where clients are named theirs too. Each month is a branch of its own: the planner would order the months only by walking
/// through time, past everything that does not match, and the executor goes from branch to branch only until there is enough.
#[must_use]
pub fn ticket_statement(months: &[String], is_named: bool) -> String {
    let branches = |which: &str| {
        let branch = |month: &String| include_str!("sql/find_in_month.sql").replace("{which}", which).replace("{month}", month);
        months.iter().map(branch).collect::<Vec<_>>().join("    union all ")
    };
    let (named, of_named) = if is_named {
        (
            include_str!("sql/named.sql").replace("{months}", &branches(OF_NAMED)),
            "select *, false, true, $11::text::tsquery from named union all",
        )
    } else {
        (String::new(), "")
    };
    include_str!("sql/find_tickets.sql")
        .replace("{months}", &branches(WITH_WORDS))
        .replace("{named}", &named)
        .replace("{of_named}", of_named)
}

impl Asked {
    async fn exactly(tx: &mut PgConnection, actor: &Actor, query: &Query) -> sqlx::Result<Self> {
        let (exact, any): (String, String) =
            sqlx::query_as("select desk.search_query($1, true)::text, desk.search_query($1, false)::text")
                .bind(query.terms_json())
                .fetch_one(&mut *tx)
                .await?;
        Ok(Self { wide: exact.clone(), exact, any, named: name(tx, actor, query).await? })
    }
}

async fn look(
    tx: &mut PgConnection,
    months: &[String],
    actor: &Actor,
    query: &Query,
    asked: &Asked,
    locale: Locale,
    part: Part,
) -> sqlx::Result<(Vec<TicketRow>, Vec<ArticleRow>)> {
    let statement = ticket_statement(months, asked.named.is_some());
    let mut tickets = sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(&asked.exact)
        .bind(&asked.wide)
        .bind(actor.client())
        .bind(query.number)
        .bind(COMPARED)
        .bind(part.offset)
        .bind(part.limit)
        .bind(&asked.any)
        .bind(query.statuses());
    if let Some(named) = &asked.named {
        tickets = tickets.bind(named.clients()).bind(&named.rest_words);
    }
    let tickets = tickets.fetch_all(&mut *tx).await?;
    let mut articles: Vec<ArticleRow> = sqlx::query_as(include_str!("sql/find_articles.sql"))
        .bind(&asked.exact)
        .bind(&asked.wide)
        .bind(actor.client())
        .bind(locale)
        .bind(part.offset)
        .bind(part.limit)
        .fetch_all(tx)
        .await?;
    articles.iter_mut().for_each(|article| article.body = plain(&article.body));
    Ok((tickets, articles))
}

/// The words of what was found that are to be marked: Postgres is asked, which knows what is a form of what.
async fn hits<'t>(
    tx: &mut PgConnection,
    tickets: &'t [TicketRow],
    articles: &[ArticleRow],
    asked: &'t Asked,
) -> sqlx::Result<HashSet<String>> {
    let of_articles = articles.iter().map(|row| (&row.title, &row.body));
    let texts: Vec<(&String, &String)> = tickets.iter().map(|row| (&row.title, &row.body)).chain(of_articles).collect();
    let mut shown = BTreeSet::new();
    let names = |row: &'t TicketRow| row.people(asked.named.as_ref()).iter().chain([&row.client]);
    tickets.iter().flat_map(|row| names(row).chain(&row.tags)).for_each(|text| words(text, MARKED_WORDS, &mut shown));
    texts.iter().for_each(|(title, _)| words(title, MARKED_WORDS, &mut shown));
    for (_, body) in &texts {
        let left = MARKED_WORDS.saturating_sub(shown.len());
        words(body, left, &mut shown);
    }
    let shown: Vec<&str> = shown.into_iter().collect();
    sqlx::query_scalar(include_str!("sql/words_that_hit.sql"))
        .bind(shown)
        .bind(&asked.any)
        .fetch_all(tx)
        .await
        .map(|words| words.into_iter().collect())
}

impl TicketRow {
    /// What those people of its client are called by whom it was found.
    fn people<'n>(&self, named: Option<&'n Named>) -> &'n [String] {
        named.filter(|_| self.is_named).map(|named| named.people(self.client_id)).unwrap_or_default()
    }

    fn shown(self, hits: &HashSet<String>, named: Option<&Named>) -> FoundTicket {
        FoundTicket {
            people: self.people(named).iter().map(|person| Marked::whole(person, hits)).collect(),
            id: self.id,
            title: Marked::whole(&self.title, hits),
            excerpt: Marked::excerpt(&self.body, hits),
            place: match self.said_internally {
                None => Place::Description,
                Some(false) => Place::Comment,
                Some(true) => Place::Note,
            },
            tags: self
                .tags
                .iter()
                .map(|tag| Marked::whole(tag, hits))
                .filter(|tag| tag.0.iter().any(|piece| piece.is_hit))
                .collect(),
            client: Marked::whole(&self.client, hits),
            status: self.status,
            created_at: self.created_at,
        }
    }
}

impl ArticleRow {
    fn shown(self, hits: &HashSet<String>) -> FoundArticle {
        FoundArticle {
            id: self.id,
            locale: self.locale,
            slug: self.slug,
            title: Marked::whole(&self.title, hits),
            excerpt: Marked::excerpt(&self.body, hits),
            audience: self.audience,
            state: self.state,
            client: self.client,
        }
    }
}
