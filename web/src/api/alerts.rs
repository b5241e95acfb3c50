//! `GET /api/v1/alerts`, `…/{id}` and `POST …/{id}/acknowledge`: what was told about deadlines, for those who work at the desk.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, Path, Query, State, rejection::QueryRejection},
};
use chrono::{DateTime, Utc};
use jobs::help_desk::{actor::Actor, alert, number::AlertId, ticket::now};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    pages::{after, asked, assignee, bad, cut, page_size, place},
    person::agent,
};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A page of alerts.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Alerts {
    /// The latest first.
    alerts: Vec<Alert>,
    /// What the next page is asked with as `after`; none: this is the last one.
    next: Option<String>,
}

/// What was told about a deadline.
#[derive(Debug, Serialize, JsonSchema, sqlx::FromRow)]
pub(crate) struct Alert {
    /// Its number.
    id: i64,
    /// Of which ticket.
    ticket: i64,
    /// What that is about, in a line.
    ticket_title: String,
    /// Whose it is.
    client: i64,
    /// What that client is called.
    client_name: String,
    /// The account of who is at it.
    assignee: Option<i64>,
    /// Their name.
    assignee_name: Option<String>,
    /// What was promised: `first_response` or `resolution`.
    promise: String,
    /// `warning`: it would be due soon; `breach`: it was overdue; `escalation`: and nothing had happened.
    kind: String,
    /// 1 for a warning, 2 for a breach; each later number is one escalation more.
    level: i16,
    /// The deadline.
    due_at: DateTime<Utc>,
    /// When it should have been told.
    reached_at: DateTime<Utc>,
    /// When it was told.
    created_at: DateTime<Utc>,
    /// Whether it waits for somebody: nobody has taken note of it, the promise is to be kept still by that deadline, and nothing worse was told of it since.
    is_open: bool,
    /// When somebody took note of it.
    acknowledged_at: Option<DateTime<Utc>>,
    /// The account of who did; none of one that is gone.
    acknowledged_by: Option<i64>,
    /// Their name.
    acknowledged_by_name: Option<String>,
}

/// Which alerts are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsQuery {
    state: Option<String>,
    kind: Option<String>,
    ticket: Option<i64>,
    client: Option<i64>,
    assignee: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Those that were asked for.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    query: Result<Query<AlertsQuery>, QueryRejection>,
) -> Result<Json<Alerts>, Problem> {
    let actor = agent(&app, &visit).await?;
    let query = asked(query)?;
    let limit = page_size(query.limit)?;
    let alerts = find(&app, &actor, &query, None, limit + 1).await?;
    let (alerts, next) = cut(alerts, limit, |alert| place(alert.created_at, alert.id));
    Ok(Json(Alerts { alerts, next }))
}

/// One of them.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Alert>, Problem> {
    let actor = agent(&app, &visit).await?;
    one(&app, &actor, read_id(&id)?).await.map(Json)
}

/// Takes note of one in the person's name. Who comes second reads who was first.
pub(crate) async fn acknowledge(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Alert>, Problem> {
    const DOING: &str = "taking note of an alert";
    let actor = agent(&app, &visit).await?;
    let id = read_id(&id)?;
    let mut tx = app.db.begin().await.doing(DOING)?;
    let at = now(&mut *tx).await.doing("asking what time it is")?;
    alert::acknowledge(&mut tx, at, &actor, id).await.doing(DOING)?;
    tx.commit().await.doing(DOING)?;
    one(&app, &actor, id).await.map(Json)
}

async fn one(app: &App, actor: &Actor, id: AlertId) -> Result<Alert, Problem> {
    find(app, actor, &AlertsQuery::default(), Some(id), 1).await?.pop().ok_or(Problem::NotFound)
}

fn read_id(text: &str) -> Result<AlertId, Problem> {
    text.parse().map(AlertId).map_err(|_| Problem::NotFound)
}

/// A word of the query, if it is one of these.
fn one_of<'q>(name: &str, given: Option<&'q str>, words: &[&str]) -> Result<Option<&'q str>, Problem> {
    match given {
        Some(word) if !words.contains(&word) => Err(bad(format!("{name}: there is no {word:?}"))),
        given => Ok(given),
    }
}

async fn find(app: &App, actor: &Actor, query: &AlertsQuery, id: Option<AlertId>, limit: usize) -> Result<Vec<Alert>, Problem> {
    let state = one_of("state", query.state.as_deref(), &["all", "open", "acknowledged"])?;
    let kind = one_of("kind", query.kind.as_deref(), &["warning", "breach", "escalation"])?;
    let assignee = assignee(query.assignee.as_deref(), actor.id())?;
    let place = after::<i64>(query.after.as_deref())?;
    sqlx::query_as(include_str!("alerts.sql"))
        .bind(state.filter(|state| *state != "all"))
        .bind(kind)
        .bind(query.ticket)
        .bind(query.client)
        .bind(place.map(|(at, _)| at))
        .bind(place.map(|(_, id)| id))
        .bind(id)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(assignee.id)
        .bind(assignee.is_nobody)
        .fetch_all(&app.db)
        .await
        .doing("listing alerts")
}
