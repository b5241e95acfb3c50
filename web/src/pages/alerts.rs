//! `GET /alertas`: the deadlines that somebody has to look at, the worst first; `POST /alertas/{id}/vista`: somebody has.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::help_desk::{
    alert::acknowledge as note,
    clock::{BREACHED, Level},
    number::{AlertId, TicketId},
    ticket::now,
    words::Promise,
};
use serde::Deserialize;

use super::tickets::actor;
use crate::{
    app::App,
    forms::Wish,
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many alerts stand on the page. Who has more than these looks at the worst.
const LIMIT: i64 = 100;
/// What is told later than after two of the monitor's looks is told late.
const ON_TIME: TimeDelta = TimeDelta::minutes(10);

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// `all`: also those that somebody has taken note of, the latest first.
    #[serde(default)]
    show: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: AlertId,
    ticket_id: TicketId,
    title: String,
    client: String,
    assignee: Option<String>,
    promise: Promise,
    level: Level,
    due_at: DateTime<Utc>,
    reached_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    acknowledged_at: Option<DateTime<Utc>>,
    acknowledged_by: Option<String>,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts {
    page: Page,
    alerts: Vec<Line>,
    shows_all: bool,
}

impl Alerts {
    /// How a level looks: the class of its colour, its icon, and the key of its name.
    fn look(level: &Level) -> (&'static str, &'static str, &'static str) {
        match *level {
            ..BREACHED => ("retryable", "clock", key("alert-warning")),
            BREACHED => ("dead", "x", key("alert-breach")),
            _ => ("dead", "triangle-alert", key("alert-escalation")),
        }
    }

    /// How much later than it should it was told, if that is worth a word.
    fn late(&self, alert: &Line) -> Option<String> {
        let late = alert.created_at - alert.reached_at;
        (late > ON_TIME).then(|| self.page.seconds(&late.num_seconds()))
    }
}

/// Shows the list.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    actor(&app, &visit).await?;
    let shows_all = asked.show == "all";
    let alerts = sqlx::query_as(include_str!("alerts.sql"))
        .bind(shows_all)
        .bind(LIMIT)
        .fetch_all(&app.db)
        .await
        .doing("listing alerts")?;
    render(StatusCode::OK, &Alerts { page, alerts, shows_all })
}

/// Notes that the visitor has looked at it.
pub(crate) async fn acknowledge(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let alert = AlertId(id.parse().map_err(|_| Problem::NotFound)?);
    let mut connection = app.db.acquire().await.doing("taking note of an alert")?;
    let at = now(&mut *connection).await.doing("asking what time it is")?;
    // Who comes second reads who was first.
    note(&mut connection, at, &actor, alert).await.doing("taking note of an alert")?;
    Ok(see_other(page.at(paths::ALERTS)))
}
