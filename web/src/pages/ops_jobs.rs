//! `GET /ops/jobs`: the jobs in one state, page by page.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use queue::{
    JobId, Lane,
    operations::{JobFilter, JobSummary, OperationsError, Page as JobPage, State as JobState},
};
use serde::Deserialize;
use url::form_urlencoded;

use super::ops::{REFRESH_S, when};
use crate::{
    app::App,
    forms::Wish,
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
};

/// How many jobs stand on a page.
const LIMIT: usize = 50;

/// What the address asks for. Words that mean nothing count as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    lane: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    id: String,
}

#[derive(Template)]
#[template(path = "ops_jobs.html")]
struct OpsJobs {
    page: Page,
    state: JobState,
    lane: Option<Lane>,
    lanes: Vec<Lane>,
    is_first: bool,
    jobs: JobPage,
    unknown_id: Option<String>,
}

impl OpsJobs {
    /// The first page is news; later ones are read in peace.
    fn refresh_s(&self) -> u64 {
        if self.is_first { REFRESH_S } else { 0 }
    }

    /// Whether jobs in this state have a time that says more than when they were enqueued.
    fn has_time(&self) -> bool {
        !matches!(self.state, JobState::Available | JobState::Outboxed | JobState::Limited | JobState::Paused)
    }

    /// What the column says.
    fn reason_key(&self) -> &'static str {
        if self.state.is_ended() { key("ops-reason") } else { key("ops-waits-for") }
    }

    /// What that time means.
    fn time_key(&self) -> &'static str {
        when(self.state)
    }

    fn has_reason(&self) -> bool {
        matches!(self.state, JobState::Cancelled | JobState::Dead | JobState::Limited | JobState::Paused)
    }

    fn lane_word(&self) -> &'static str {
        self.lane.map_or("", Lane::as_str)
    }

    fn next(&self) -> Option<String> {
        let after = self.jobs.next.as_deref()?;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("state", self.state.as_str())
            .append_pair("lane", self.lane_word())
            .append_pair("after", after)
            .finish();
        Some(format!("{}?{query}", self.page.at(paths::OPS_JOBS)))
    }

    /// Only a job whose id could be read has a page of its own.
    fn has_page(job: &JobSummary) -> bool {
        job.id.parse::<JobId>().is_ok()
    }
}

/// Shows the list; with an id, leads to that job.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let wanted = asked.id.trim();
    if let Ok(id) = wanted.parse::<JobId>() {
        return Ok(see_other(&format!("{}/{id}", page.at(paths::OPS_JOBS))));
    }
    let state = asked.state.parse().unwrap_or(JobState::Dead);
    let lane = asked.lane.parse().ok();
    let after = Some(&*asked.after).filter(|after| !after.is_empty());
    let filter = JobFilter { state, lane };
    let jobs = match app.operations.jobs(filter, after, LIMIT).await {
        // An address that somebody has changed: the list begins anew.
        Err(OperationsError::BadCursor(_)) => app.operations.jobs(filter, None, LIMIT).await,
        jobs => jobs,
    }
    .doing("listing jobs")?;
    let lanes = app.operations.lanes().await.doing("listing lanes")?;
    let unknown_id = Some(wanted.chars().take(64).collect()).filter(|id: &String| !id.is_empty());
    render(StatusCode::OK, &OpsJobs { page, state, lane, lanes, is_first: after.is_none(), jobs, unknown_id })
}
