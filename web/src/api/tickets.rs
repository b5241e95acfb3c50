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
    pages::{after, asked, assignee, bad, cut, moment, page_size, place, word},
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
    /// The newest first, or as it was asked for.
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

/// What stands before the number of a ticket without a deadline where a page has ended in the order of these.
const UNDUE: &str = "none_";

/// A deadline, or none, and the number of the ticket that has it.
type PlaceByDeadline = (Option<DateTime<Utc>>, i64);

/// Behind what a page in the order of deadlines begins.
///
/// # Errors
/// No page has ended with that.
fn after_deadline(given: Option<&str>) -> Result<Option<PlaceByDeadline>, Problem> {
    match given.and_then(|text| text.strip_prefix(UNDUE)?.parse().ok()) {
        Some(id) => Ok(Some((None, id))),
        None => Ok(after(given)?.map(|(due, id)| (Some(due), id))),
    }
}

impl Ticket {
    /// The deadline that comes next, or has passed.
    fn due_at(&self) -> Option<DateTime<Utc>> {
        let waits = |deadline: &&Deadline| matches!(deadline.state.as_str(), "running" | "paused");
        self.deadlines.iter().filter(waits).filter_map(|deadline| deadline.due_at).min()
    }

    /// Where it stands in the order of deadlines.
    fn place_by_deadline(&self) -> String {
        self.due_at().map_or_else(|| format!("{UNDUE}{}", self.id), |due| place(due, self.id))
    }
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
    overdue: Option<bool>,
    opened_from: Option<DateTime<Utc>>,
    opened_before: Option<DateTime<Utc>>,
    order: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

impl TicketsQuery {
    /// Whether the next deadline comes first, and not the newest ticket.
    fn is_by_deadline(&self) -> Result<bool, Problem> {
        match self.order.as_deref() {
            None | Some("newest") => Ok(false),
            Some("deadline") => Ok(true),
            Some(order) => Err(bad(format!("order: there is no {order:?}"))),
        }
    }
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
    let is_by_deadline = query.is_by_deadline()?;
    let tickets = find(&app, &actor, &query, None, limit + 1).await?;
    let end = |ticket: &Ticket| if is_by_deadline { ticket.place_by_deadline() } else { place(ticket.created_at, ticket.id) };
    let (tickets, next) = cut(tickets, limit, end);
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
    let assignee = assignee(query.assignee.as_deref(), actor.id())?;
    let tag = query.tag.as_deref().map(|tag| tag.trim().to_lowercase());
    if tag.as_ref().is_some_and(|tag| tag.contains('\0')) {
        return Err(bad("tag: must not have a NUL in it"));
    }
    let (place, behind, order) = if query.is_by_deadline()? {
        (
            after_deadline(query.after.as_deref())?,
            "(coalesce(k.due_at, 'infinity'), t.id) > (coalesce($11::timestamptz, 'infinity'), $12)",
            "coalesce(k.due_at, 'infinity'), t.id",
        )
    } else {
        let place = after(query.after.as_deref())?;
        (place.map(|(at, id)| (Some(at), id)), "(t.created_at, t.id) < ($11::timestamptz, $12)", "t.created_at desc, t.id desc")
    };
    let sql = include_str!("tickets.sql").replace("{behind}", behind).replace("{order}", order);
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(actor.client())
        .bind(statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>())
        .bind(word::<Priority>("priority", query.priority.as_deref())?)
        .bind(word::<Category>("category", query.category.as_deref())?)
        .bind(tag)
        .bind(query.client)
        .bind(assignee.id)
        .bind(assignee.is_nobody)
        .bind(moment("opened_from", query.opened_from)?)
        .bind(moment("opened_before", query.opened_before)?)
        .bind(place.and_then(|(at, _)| at))
        .bind(place.map(|(_, id)| id))
        .bind(id)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(query.overdue)
        .fetch_all(&app.db)
        .await
        .doing("listing tickets")
}
