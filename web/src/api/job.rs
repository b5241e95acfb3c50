//! `GET /api/v1/jobs/{id}`: where a job is in its life. Its arguments are not told: whoever enqueued it has them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, Path, State},
};
use chrono::{DateTime, Utc};
use queue::{JobId, operations::JobDetail};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A job.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Job {
    /// Its id.
    id: Uuid,
    /// The kind of job.
    name: String,
    /// Where it waits or waited.
    lane: String,
    /// `outboxed`, `scheduled`, `available`, `running`, `retryable`, `limited`, `paused`, `parked`, `completed`, `cancelled` or `dead`; more may come.
    state: String,
    /// Whether that is its end.
    ended: bool,
    /// Attempts begun so far, the running one included.
    attempts: u32,
    /// Why it is dead or cancelled, or what it waits for (limited, paused).
    reason: Option<String>,
    /// When it was enqueued.
    enqueued_at: Option<DateTime<Utc>>,
    /// Not before this time, if that was asked.
    run_at: Option<DateTime<Utc>>,
    /// When it is due (scheduled, retryable, parked), was claimed (running) or ended.
    at: Option<DateTime<Utc>>,
    /// How far it says it has got, while it runs; at most some seconds old.
    progress: Option<Progress>,
}

/// How far a running job has got.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Progress {
    /// So much is done.
    done: u64,
    /// Of so much; none: nobody knows.
    total: Option<u64>,
    /// What it is doing.
    note: String,
}

/// The job of that id, if the token covers its kind. One that it does not cover is as unknown as one that never was.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Job>, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let id: JobId = id.parse().map_err(|_| Problem::NotFound)?;
    let found = app.operations.job(id).await.doing("looking up a job")?;
    let JobDetail { summary, run_at, progress, .. } =
        found.filter(|job| caller.covers(&job.summary.name)).ok_or(Problem::NotFound)?;
    Ok(Json(Job {
        id: id.0,
        name: summary.name,
        lane: summary.lane.to_string(),
        state: summary.state.to_string(),
        ended: summary.state.is_ended(),
        attempts: summary.attempts,
        reason: summary.reason,
        enqueued_at: summary.enqueued_at,
        run_at,
        at: summary.at,
        progress: progress.map(|queue::Progress { done, total, note }| Progress {
            done,
            total: Some(total).filter(|total| *total > 0),
            note,
        }),
    }))
}
