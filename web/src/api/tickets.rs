//! `GET /api/v1/tickets` and `…/{id}`: tickets, as far as whoever's name the token bears sees them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, Path, Query, State, rejection::QueryRejection},
};
use chrono::{DateTime, Utc};
use jobs::help_desk::{
    actor::Actor,
    number::TicketId,
    ticket,
    words::{Category, Priority, Status},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    pages::{after, asked, bad, cut, moment, page_size, place, word},
    person::actor,
};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A page of tickets.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tickets {
    /// The newest first.
    pub(super) tickets: Vec<Ticket>,
    /// What the next page is asked with as `after`; none: this is the last one.
    pub(super) next: Option<String>,
}

/// A ticket.
#[derive(Debug, Serialize, JsonSchema, sqlx::FromRow)]
pub(crate) struct Ticket {
    /// Its number.
    pub(super) id: i64,
    /// Rises with each change of it: who changes it says which they have seen.
    version: i32,
    /// Whose it is.
    client: i64,
    /// What that client is called.
    client_name: String,
    /// What it is about, in a line.
    title: String,
    /// What it is about. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// `access`, `hardware`, `network`, `software`, `billing` or `other`; more may come.
    category: String,
    /// Words by which it is found again.
    tags: Vec<String>,
    /// `low`, `normal`, `high` or `urgent`.
    priority: String,
    /// `new`, `open`, `waiting_client`, `resolved` or `closed`.
    status: String,
    /// The account that opened it.
    created_by: i64,
    /// The account of who is at it.
    assignee: Option<i64>,
    /// Their name.
    assignee_name: Option<String>,
    /// When it was opened.
    pub(super) created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// When the client first read a word from the desk.
    first_responded_at: Option<DateTime<Utc>>,
    /// When it was solved, or made void.
    resolved_at: Option<DateTime<Utc>>,
    /// When it was over.
    closed_at: Option<DateTime<Utc>>,
    /// Why it should not have been, and was closed unsolved: `spam`, `duplicate` or `mistake`; more may come.
    void_reason: Option<String>,
    /// The ticket of the same client in which it goes on.
    merged_into: Option<i64>,
    /// When it was put away, to be read only. Left out of those that are at the desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    archived_at: Option<DateTime<Utc>>,
    /// What is promised for it.
    #[sqlx(json)]
    deadlines: Vec<Deadline>,
}

/// Until when something is promised.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Deadline {
    /// `first_response` or `resolution`.
    promise: String,
    /// `running`, `paused`, `met`, `missed` or `void`.
    state: String,
    /// By then; none: time stands still, or nothing is promised any more.
    due_at: Option<DateTime<Utc>>,
    /// Whether it has passed, and the promise is not kept.
    is_overdue: bool,
}

/// Where a ticket is kept: it is looked for there alone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept {
    /// At the desk.
    AtDesk,
    /// Put away.
    Away,
}

impl Kept {
    /// The schema of its tables.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::AtDesk => "desk",
            Self::Away => "archive",
        }
    }

    /// The ticket of that number, if it is there and the person sees it.
    ///
    /// # Errors
    /// There is none that they see, or Postgres cannot be reached.
    pub(super) async fn ticket(self, app: &App, actor: &Actor, id: TicketId) -> Result<ticket::Ticket, Problem> {
        match self {
            Self::AtDesk => ticket::Ticket::find(&app.db, actor, id).await,
            Self::Away => ticket::Ticket::find_archived(&app.db, actor, id).await,
        }
        .doing("looking up a ticket")
    }
}

/// Which tickets are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketsQuery {
    status: Option<String>,
    priority: Option<String>,
    category: Option<String>,
    tag: Option<String>,
    client: Option<i64>,
    assignee: Option<String>,
    opened_from: Option<DateTime<Utc>>,
    opened_before: Option<DateTime<Utc>>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Those that the person sees and that were asked for.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    query: Result<Query<TicketsQuery>, QueryRejection>,
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
    one(&app, &actor, read_id(&id)?).await.map(Json)
}

/// The ticket of that number, if the person sees it: of somebody else's nobody learns that there is one.
///
/// # Errors
/// There is none that they see, or Postgres cannot be reached.
pub(super) async fn one(app: &App, actor: &Actor, id: TicketId) -> Result<Ticket, Problem> {
    find(app, actor, &TicketsQuery::default(), Some(id), 1).await?.pop().ok_or(Problem::NotFound)
}

/// The number in an address.
pub(super) fn read_id(text: &str) -> Result<TicketId, Problem> {
    text.parse().map(TicketId).map_err(|_| Problem::NotFound)
}

async fn find(
    app: &App,
    actor: &Actor,
    query: &TicketsQuery,
    id: Option<TicketId>,
    limit: usize,
) -> Result<Vec<Ticket>, Problem> {
    let statuses: Vec<Status> = match query.status.as_deref() {
        None | Some("all") => Status::ALL.to_vec(),
        Some("live") => Status::ALL.iter().copied().filter(|status| status.is_live()).collect(),
        status => word("status", status)?.into_iter().collect(),
    };
    let assignee = match query.assignee.as_deref() {
        None | Some("nobody") => None,
        Some("me") => Some(actor.id().0),
        Some(id) => Some(id.parse().map_err(|_| bad("assignee: the number of an account, `me` or `nobody`"))?),
    };
    let tag = query.tag.as_deref().map(|tag| tag.trim().to_lowercase());
    if tag.as_ref().is_some_and(|tag| tag.contains('\0')) {
        return Err(bad("tag: must not have a NUL in it"));
    }
    let place = after::<i64>(query.after.as_deref())?;
    sqlx::query_as(include_str!("tickets.sql"))
        .bind(actor.client())
        .bind(statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>())
        .bind(word::<Priority>("priority", query.priority.as_deref())?)
        .bind(word::<Category>("category", query.category.as_deref())?)
        .bind(tag)
        .bind(query.client)
        .bind(assignee)
        .bind(query.assignee.as_deref() == Some("nobody"))
        .bind(moment("opened_from", query.opened_from)?)
        .bind(moment("opened_before", query.opened_before)?)
        .bind(place.map(|(at, _)| at))
        .bind(place.map(|(_, id)| id))
        .bind(id)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&app.db)
        .await
        .doing("listing tickets")
}
