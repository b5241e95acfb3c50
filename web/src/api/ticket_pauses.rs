//! `GET /api/v1/tickets/{id}/pauses` and `GET /api/v1/archived-tickets/{id}/pauses`: when time stood still for a ticket, for those who work at the desk.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, Path, State},
};
use chrono::{DateTime, Utc};
use jobs::help_desk::{
    pause::{self, pauses},
    ticket::now,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    person::agent,
    tickets::{Kept, read_id},
};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// When time stood still for a ticket.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Pauses {
    /// The latest first, 200 at most.
    pauses: Vec<Pause>,
}

/// A time during which clocks of a ticket stood still.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Pause {
    /// From when on.
    began_at: DateTime<Utc>,
    /// Until when; none: they stand still.
    ended_at: Option<DateTime<Utc>>,
    /// Why: `waiting_client`, `resolved` or `void`; more may come.
    reason: String,
    /// The promises whose clocks they are: `first_response`, `resolution` or both.
    promises: Vec<String>,
    /// How many seconds were worked meanwhile, by the client's calendar as it was on each day; none: nobody knows any more by which.
    held_s: Option<i64>,
}

impl From<pause::Pause> for Pause {
    fn from(pause: pause::Pause) -> Self {
        Self {
            began_at: pause.began_at,
            ended_at: pause.ended_at,
            reason: pause.reason.as_str().to_owned(),
            promises: pause.promises.iter().map(|promise| promise.as_str().to_owned()).collect(),
            held_s: pause.held_s,
        }
    }
}

/// Of a ticket at the desk.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Pauses>, Problem> {
    told(&app, &visit, Kept::AtDesk, &id).await
}

/// Of one that was put away.
pub(crate) async fn list_archived(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Pauses>, Problem> {
    told(&app, &visit, Kept::Away, &id).await
}

async fn told(app: &App, visit: &Visit, kept: Kept, id: &str) -> Result<Json<Pauses>, Problem> {
    const DOING: &str = "telling when a ticket's clocks stood still";
    let agent = agent(app, visit).await?;
    let ticket = kept.ticket(app, &agent, read_id(id)?).await?;
    let mut connection = app.db.acquire().await.doing(DOING)?;
    let now = now(&mut *connection).await.doing("asking what time it is")?;
    let told = pauses(&mut connection, now, &agent, &ticket).await.doing(DOING)?;
    Ok(Json(Pauses { pauses: told.into_iter().map(Into::into).collect() }))
}
