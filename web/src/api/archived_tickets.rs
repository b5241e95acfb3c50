//! `GET /api/v1/archived-tickets` and `…/{id}`: tickets that were put away, as far as whoever's name the token bears sees them. Nobody changes them any more.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, Path, Query, State, rejection::QueryRejection},
};
use chrono::{DateTime, Utc};
use jobs::help_desk::{actor::Actor, number::TicketId};
use serde::Deserialize;

use super::{
    pages::{after, asked, bad, cut, moment, page_size, place},
    person::actor,
    tickets::{Ticket, Tickets, read_id},
};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    titles,
    visit::Visit,
};

/// The number of the first parameter that is a word.
const FIRST_WORD: usize = 9;

/// Which tickets are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchivedTicketsQuery {
    title: Option<String>,
    client: Option<i64>,
    opened_from: Option<DateTime<Utc>>,
    opened_before: Option<DateTime<Utc>>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Those that the person sees and that were asked for.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    query: Result<Query<ArchivedTicketsQuery>, QueryRejection>,
) -> Result<Json<Tickets>, Problem> {
    let (_, actor) = actor(&app, &visit).await?;
    let query = asked(query)?;
    let limit = page_size(query.limit)?;
    let tickets = find(&app, &actor, &query, None, limit + 1).await?;
    let (tickets, next) = cut(tickets, limit, |ticket| place(ticket.created_at, ticket.id));
    Ok(Json(Tickets { tickets, next }))
}

/// One of them, with what it is about.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Ticket>, Problem> {
    let (_, actor) = actor(&app, &visit).await?;
    let id = read_id(&id)?;
    find(&app, &actor, &ArchivedTicketsQuery::default(), Some(id), 1).await?.pop().map(Json).ok_or(Problem::NotFound)
}

async fn find(
    app: &App,
    actor: &Actor,
    query: &ArchivedTicketsQuery,
    id: Option<TicketId>,
    limit: usize,
) -> Result<Vec<Ticket>, Problem> {
    let words: Vec<&str> = titles::words(query.title.as_deref().unwrap_or_default()).collect();
    if query.title.is_some() && words.is_empty() {
        return Err(bad("title: it has no word"));
    }
    if words.len() > titles::MOST_WORDS {
        return Err(bad(format!("title: it has more than {} words", titles::MOST_WORDS)));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(bad("title: must not have a NUL in it"));
    }
    let place = after::<i64>(query.after.as_deref())?;
    let sql = include_str!("archived_tickets.sql").replace("{words}", &titles::conditions(FIRST_WORD, &words));
    let found = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(actor.client())
        .bind(query.client)
        .bind(moment("opened_from", query.opened_from)?)
        .bind(moment("opened_before", query.opened_before)?)
        .bind(place.map(|(at, _)| at))
        .bind(place.map(|(_, id)| id))
        .bind(id)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let found = words.iter().fold(found, |found, word| found.bind((*word).to_owned()));
    found.fetch_all(&app.db).await.doing("listing tickets that were put away")
}
