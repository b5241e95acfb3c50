//! `GET /ops/housekeeping`, `POST /ops/housekeeping/{job}/dry-run`: what keeping house has removed and made, and what it would.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::housekeeping::{
    make_partitions::room_until,
    runs::{self, KEEPERS, Run},
};
use queue::{Enqueued, JobId};
use serde::Deserialize;
use url::form_urlencoded;

use super::ops::REFRESH_S;
use crate::{
    app::App,
    forms::Wish,
    page::{Page, cut, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many runs stand on a page.
const LIMIT: i64 = 50;

/// What the address asks for. Words that mean nothing count as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// Runs of that job alone.
    #[serde(default)]
    job: String,
    /// The last run of the page before.
    #[serde(default)]
    before: String,
    /// The job that was promised just now, or that counts already.
    #[serde(default)]
    promised: String,
}

/// A job that keeps house, with the last of what it did and counted.
struct Keeper {
    job: &'static str,
    last: Option<Run>,
    counted: Option<Run>,
}

#[derive(Template)]
#[template(path = "ops_housekeeping.html")]
struct OpsHousekeeping {
    page: Page,
    keepers: Vec<Keeper>,
    runs: Vec<Run>,
    job: Option<&'static str>,
    has_more: bool,
    is_first: bool,
    promised: Option<JobId>,
    room_until: DateTime<Utc>,
}

impl OpsHousekeeping {
    /// Where something was just asked for, or is under way, there is news.
    fn refresh_s(&self) -> u64 {
        let is_news = self.promised.is_some() || self.runs.iter().any(|run| run.finished_at.is_none() && run.ended.is_none());
        if self.is_first && is_news { REFRESH_S } else { 0 }
    }

    /// How a run stands: the class of its colour, its icon, and its word.
    fn look(run: &Run) -> (&'static str, &'static str, &'static str) {
        match (run.finished_at, run.ended.as_deref()) {
            (Some(_), _) => ("completed", "check", key("state-completed")),
            (None, Some("dead")) => ("dead", "x", key("state-dead")),
            (None, Some("cancelled")) => ("cancelled", "ban", key("state-cancelled")),
            (None, _) => ("running", "play", key("state-running")),
        }
    }

    fn took(&self, run: &Run) -> Option<String> {
        run.finished_at.map(|end| self.page.milliseconds(&(end - run.began_at).num_milliseconds()))
    }

    /// What of each sort there was, the most first; what there was none of is left out.
    fn counts(&self, run: &Run) -> Vec<(String, String)> {
        let mut counts: Vec<_> = run.counts.iter().filter(|(_, count)| **count > 0).collect();
        counts.sort_by_key(|(_, count)| -**count);
        counts.into_iter().map(|(what, count)| (what.clone(), self.page.count(count.unsigned_abs()))).collect()
    }

    fn address(&self, before: Option<JobId>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(job) = self.job {
            query.append_pair("job", job);
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        format!("{}?{}", self.page.at(paths::OPS_HOUSEKEEPING), query.finish())
    }

    fn next(&self) -> Option<String> {
        self.runs.last().filter(|_| self.has_more).map(|last| self.address(Some(last.job_id)))
    }
}

/// Shows what each job did last and counted last, and the runs, the latest first.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    const DOING: &str = "looking at the runs of housekeeping";
    let job = KEEPERS.into_iter().find(|job| *job == asked.job);
    let before: Option<JobId> = asked.before.parse().ok();
    let mut latest = runs::latest(&app.db).await.doing(DOING)?;
    let mut take = |job, dry_run| {
        let place = latest.iter().position(|run| run.job == job && run.dry_run == dry_run)?;
        Some(latest.swap_remove(place))
    };
    let keepers = KEEPERS.map(|job| Keeper { job, last: take(job, false), counted: take(job, true) }).into();
    let (runs, has_more) = cut(runs::list(&app.db, job, before, LIMIT + 1).await.doing(DOING)?, LIMIT);
    let shown = OpsHousekeeping {
        page,
        keepers,
        runs,
        job,
        has_more,
        is_first: before.is_none(),
        promised: asked.promised.parse().ok(),
        room_until: room_until(&app.db).await.doing(DOING)?,
    };
    render(StatusCode::OK, &shown)
}

/// Promises a run that only counts, and leads to the list, where it soon stands.
pub(crate) async fn count_only(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(job): Path<String>,
) -> Result<Response, Problem> {
    const DOING: &str = "promising a dry run";
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    let mut tx = app.db.begin().await.doing(DOING)?;
    let promised = runs::count_only(&mut tx, &job, operator.id).await.doing(DOING)?;
    let Enqueued { id, duplicate_of } = promised.ok_or(Problem::NotFound)?;
    tx.commit().await.doing(DOING)?;
    let here = page.at(paths::OPS_HOUSEKEEPING);
    Ok(see_other(&format!("{here}?job={job}&promised={}", duplicate_of.unwrap_or(id))))
}
