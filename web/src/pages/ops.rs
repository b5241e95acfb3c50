//! `GET /ops`: the engine at a glance, worst news first.

use std::time::Duration;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use queue::{
    SlotUse, WorkerBeat,
    operations::{JobFilter, JobSummary, LaneOverview, OperationsError, Overview, State as JobState},
};
use tokio::time::timeout;

use crate::{
    app::App,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

/// A job that has waited this long for a slot is worth a look.
const LONG_WAIT: Duration = Duration::from_secs(60);
/// How often pages of the operators refresh themselves.
pub(super) const REFRESH_S: u64 = 5;
/// How long the stores have to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many running jobs stand on the page.
const RUNNING: usize = 20;

#[derive(Template)]
#[template(path = "ops.html")]
struct Ops {
    page: Page,
    glance: Option<Glance>,
}

impl Ops {
    /// How often the page refreshes itself.
    fn refresh_s(&self) -> u64 {
        REFRESH_S
    }
}

/// What the stores say.
struct Glance {
    overview: Overview,
    running: Vec<JobSummary>,
}

impl Glance {
    fn total(&self, state: JobState) -> u64 {
        self.overview.lanes.iter().map(|lane| lane.count(state)).sum()
    }

    fn oldest(&self) -> Option<Duration> {
        self.overview.lanes.iter().filter_map(|lane| lane.oldest_age).max()
    }

    fn waits_long(&self) -> bool {
        self.oldest().is_some_and(|age| age > LONG_WAIT)
    }

    fn relay_lags(&self) -> bool {
        self.overview.relay_lag.is_some_and(|lag| lag > LONG_WAIT)
    }

    fn alive(&self) -> usize {
        self.overview.workers.iter().filter(|worker| !self.is_silent(worker)).count()
    }

    fn is_silent(&self, worker: &WorkerBeat) -> bool {
        worker.is_silent(self.overview.taken_at)
    }

    fn slots<'a>(worker: &'a WorkerBeat, lane: &queue::Lane) -> Option<&'a SlotUse> {
        worker.lanes.get(lane)
    }
}

fn waits_long(lane: &LaneOverview) -> bool {
    lane.oldest_age.is_some_and(|age| age > LONG_WAIT)
}

/// What the time of a job in that state means.
pub(super) fn when(state: JobState) -> &'static str {
    match state {
        JobState::Running => key("ops-claimed"),
        JobState::Completed | JobState::Cancelled | JobState::Dead => key("ops-ended"),
        _ => key("ops-due"),
    }
}

/// Shows the page. While Redis is away it says so: that is the news then.
pub(crate) async fn show(State(app): State<App>, page: Page) -> Result<Response, Problem> {
    let filter = JobFilter { state: JobState::Running, lane: None };
    let looking = async { tokio::join!(app.operations.overview(), app.operations.jobs(filter, None, RUNNING)) };
    let glance = match timeout(PATIENCE, looking).await {
        Ok((Ok(overview), Ok(running))) => Some(Glance { overview, running: running.jobs }),
        Ok((Err(OperationsError::Redis(error)), _) | (_, Err(OperationsError::Redis(error)))) => {
            tracing::warn!(%error, "the queues cannot be looked at");
            None
        }
        Ok((Err(error), _) | (_, Err(error))) => return Err(error).doing("looking at the queues"),
        Err(_) => {
            tracing::warn!("the queues cannot be looked at: no answer in time");
            None
        }
    };
    let status = if glance.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    render(status, &Ops { page, glance })
}
