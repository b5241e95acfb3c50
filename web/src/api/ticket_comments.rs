//! `GET /api/v1/tickets/{id}/comments` and `POST …`, `GET /api/v1/archived-tickets/{id}/comments`: what is written under a ticket.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use jobs::help_desk::{
    actor::Actor,
    comment::{Audience, comment},
    number::{CommentId, TicketId},
    text::Body,
    ticket::{Ticket, now},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answers, body,
    pages::{asked, cut, page_size},
    person::actor,
    ticket_commands::{Faults, refusal, replayed},
    tickets::{Kept, read_id},
};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A page of comments.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Comments {
    /// The oldest first.
    comments: Vec<Comment>,
    /// What the next page is asked with as `after`; none: this is the last one.
    next: Option<i64>,
}

/// Something that was written under a ticket.
#[derive(Debug, Serialize, JsonSchema, sqlx::FromRow)]
pub(crate) struct Comment {
    /// Its number.
    id: i64,
    /// The account of who wrote it.
    author: i64,
    /// Their name.
    author_name: String,
    /// Whether they worked at the desk when they wrote it.
    is_by_agent: bool,
    /// What they wrote.
    body: String,
    /// Whether it is a note among agents, which the client does not see.
    internal: bool,
    /// When.
    created_at: DateTime<Utc>,
}

/// A word under a ticket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentRequest {
    /// What is said; 20,000 characters at most.
    body: String,
    /// Whether it is a note among agents, which the client does not see.
    #[serde(default)]
    internal: bool,
}

/// Where a page of comments begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentsQuery {
    after: Option<i64>,
    limit: Option<usize>,
}

/// Those that the person may read.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
    query: Result<Query<CommentsQuery>, QueryRejection>,
) -> Result<Json<Comments>, Problem> {
    page(&app, &visit, Kept::AtDesk, &id, query).await
}

/// The same of a ticket that was put away.
pub(crate) async fn list_archived(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
    query: Result<Query<CommentsQuery>, QueryRejection>,
) -> Result<Json<Comments>, Problem> {
    page(&app, &visit, Kept::Away, &id, query).await
}

async fn page(
    app: &App,
    visit: &Visit,
    kept: Kept,
    id: &str,
    query: Result<Query<CommentsQuery>, QueryRejection>,
) -> Result<Json<Comments>, Problem> {
    let (_, actor) = actor(app, visit).await?;
    let query = asked(query)?;
    let limit = page_size(query.limit)?;
    let ticket = kept.ticket(app, &actor, read_id(id)?).await?;
    let comments = read(app, &actor, kept, ticket.id, query.after, None, limit + 1).await?;
    let (comments, next) = cut(comments, limit, |comment| comment.id);
    Ok(Json(Comments { comments, next }))
}

/// Writes one, or gives the answer that was given under the same idempotency key.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    const DOING: &str = "writing under a ticket";
    let (caller, actor) = actor(&app, &visit).await?;
    let asked: CommentRequest = body::read(&headers, &bytes)?;
    let ticket = Ticket::find(&app.db, &actor, read_id(&id)?).await.doing("looking up a ticket")?.id;
    let mut faults = Faults::default();
    let text = faults.read("/body", Body::parse(&asked.body));
    let (Some(text), ()) = (text, faults.none()?) else { return Err(Problem::BadRequest) };
    let audience = if asked.internal { Audience::Agents } else { Audience::Everybody };
    let key = answers::key_of(&headers)?;
    let mut tx = app.db.begin().await.doing(DOING)?;
    if let Some(key) = key
        && let Some(id) = answers::claim_at(&mut tx, caller.id, key, &format!("comments of {ticket}"), &bytes).await?
    {
        return Ok(replayed(written(&app, &actor, ticket, CommentId(id)).await?));
    }
    let done = async {
        let at = now(&mut *tx).await?;
        let id = comment(&mut tx, at, &actor, ticket, &text, audience).await?;
        if let Some(key) = key {
            answers::note_number(&mut tx, caller.id, key, id.0).await?;
        }
        tx.commit().await?;
        Ok(id)
    };
    let id = done.await.or_else(|error| Err(refusal(error, DOING)?))?;
    written(&app, &actor, ticket, id).await
}

async fn written(app: &App, actor: &Actor, ticket: TicketId, id: CommentId) -> Result<Response, Problem> {
    let comment = read(app, actor, Kept::AtDesk, ticket, None, Some(id), 1).await?.pop().ok_or(Problem::NotFound)?;
    Ok((StatusCode::CREATED, Json(comment)).into_response())
}

async fn read(
    app: &App,
    actor: &Actor,
    kept: Kept,
    ticket: TicketId,
    after: Option<i64>,
    one: Option<CommentId>,
    limit: usize,
) -> Result<Vec<Comment>, Problem> {
    let sql = include_str!("ticket_comments.sql").replace("{schema}", kept.schema());
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(ticket)
        .bind(actor.client().is_none())
        .bind(after)
        .bind(one)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&app.db)
        .await
        .doing("reading what is written under a ticket")
}
