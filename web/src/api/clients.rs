//! `GET /api/v1/clients` and `…/{id}`: whom the desk works for. Who belongs to a client sees that one.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, Path, Query, State, rejection::QueryRejection},
};
use chrono::{DateTime, NaiveDate, Utc};
use jobs::help_desk::number::ClientId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    pages::{asked, bad, cut, page_size},
    person::actor,
};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A page of clients.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Clients {
    /// By their names.
    clients: Vec<Client>,
    /// What the next page is asked with as `after`; none: this is the last one.
    next: Option<i64>,
}

/// A client.
#[derive(Debug, Serialize, JsonSchema, sqlx::FromRow)]
pub(crate) struct Client {
    /// Its number.
    id: i64,
    /// Rises with each change of it, its contracts and its people.
    version: i32,
    /// What it is called.
    name: String,
    /// The calendar by which its deadlines are counted.
    calendar: String,
    /// That calendar's time zone, of the IANA database.
    time_zone: String,
    /// Minutes until the first answer that is promised where no policy says anything.
    response_minutes: i32,
    /// What becomes of its tickets on days without a contract: `serve`, `no_promise` or `refuse`.
    without_contract: String,
    /// The contract of today.
    contract: Option<String>,
    /// The last day of that contract; none: until somebody ends it.
    contract_ends_on: Option<NaiveDate>,
    /// How many tickets it has.
    tickets_count: i64,
    /// How many of them are not resolved.
    open_tickets_count: i64,
    /// Since when it is a client.
    created_at: DateTime<Utc>,
}

/// Which clients are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientsQuery {
    name: Option<String>,
    after: Option<i64>,
    limit: Option<usize>,
}

/// Those that the person sees and that were asked for.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    query: Result<Query<ClientsQuery>, QueryRejection>,
) -> Result<Json<Clients>, Problem> {
    let (_, actor) = actor(&app, &visit).await?;
    let query = asked(query)?;
    let limit = page_size(query.limit)?;
    let clients = find(&app, actor.client(), &query, limit + 1).await?;
    let (clients, next) = cut(clients, limit, |client| client.id);
    Ok(Json(Clients { clients, next }))
}

/// One of them. Of another nobody learns that there is one.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Client>, Problem> {
    let (_, actor) = actor(&app, &visit).await?;
    let id = id.parse().map(ClientId).ok().filter(|id| actor.sees(*id)).ok_or(Problem::NotFound)?;
    find(&app, Some(id), &ClientsQuery::default(), 1).await?.pop().map(Json).ok_or(Problem::NotFound)
}

async fn find(app: &App, one: Option<ClientId>, query: &ClientsQuery, limit: usize) -> Result<Vec<Client>, Problem> {
    if query.name.as_ref().is_some_and(|name| name.contains('\0')) {
        return Err(bad("name: must not have a NUL in it"));
    }
    // A sign that means something in a pattern is one of the name here.
    let name = query.name.as_ref().map(|name| name.replace(['%', '_', '\\'], " "));
    sqlx::query_as(include_str!("clients.sql"))
        .bind(one)
        .bind(name)
        .bind(query.after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&app.db)
        .await
        .doing("listing clients")
}
