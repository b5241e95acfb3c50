//! `GET` and `POST /ops/jobs/{id}/edit`: what a job that does not run is to do, and when.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use queue::{
    Edit, JobId,
    operations::{CommandError, JobDetail, State as JobState},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ops_job::pretty, ops_retry::answer};
use crate::{
    app::App,
    forms::{Field, Sent, mark_first_problem},
    page::{Page, render},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    args: String,
    /// As browsers write a moment of no zone: `2026-12-24T20:00`; empty: as it is.
    #[serde(default)]
    run_at: String,
}

#[derive(Template)]
#[template(path = "ops_job_edit.html")]
struct OpsJobEdit {
    page: Page,
    job: JobDetail,
    args: Field,
    run_at: Field,
}

impl OpsJobEdit {
    /// This page does not change under the hand that types.
    #[expect(clippy::unused_self, reason = "the layout asks every page of the operators")]
    fn refresh_s(&self) -> u64 {
        0
    }

    /// Whether it is over: then it is promised anew.
    fn is_over(&self) -> bool {
        self.job.summary.state.is_ended()
    }
}

/// Whether a job can be changed as it stands.
pub(super) fn can_edit(job: &JobDetail) -> bool {
    let is_still = !matches!(job.summary.state, JobState::Running | JobState::Completed);
    is_still && (job.summary.state.is_ended() || job.durability == "outbox") && job.summary.name != "undecodable"
}

async fn find(app: &App, id: &str) -> Result<(JobId, JobDetail), Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::NotFound)?;
    Ok((id, app.operations.job(id).await.doing("looking at a job")?.ok_or(Problem::NotFound)?))
}

/// Shows the form with what the job is to do now.
pub(crate) async fn show(State(app): State<App>, page: Page, Path(id): Path<String>) -> Result<Response, Problem> {
    let (id, job) = find(&app, &id).await?;
    if !can_edit(&job) {
        let state = job.summary.state.to_string();
        return answer(&page, id, Err(CommandError::WrongState { id, verb: "edited", state }));
    }
    let args = Field { value: pretty(&job.args), ..Field::default() };
    render(StatusCode::OK, &OpsJobEdit { page, args, run_at: Field::default(), job })
}

/// Changes it under the operator's name; or shows the form again with what is wrong.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let (id, job) = find(&app, &id).await?;
    let operator = visit.person().ok_or(Problem::NotSignedIn)?;
    // As long as a job's arguments may be.
    let mut args = Field { value: form.args.chars().filter(|c| *c != '\0').collect(), ..Field::default() };
    let mut run_at = Field::of(&form.run_at);
    let given = match RawValue::from_string(args.value.clone()) {
        // What nobody changed is not judged by a schema that may be newer.
        Ok(given) if pretty(given.get()) == pretty(&job.args) => None,
        Ok(given) => Some(given),
        Err(error) => {
            args.problem = Some(page.text1("ops-edit-no-json", "error", error.to_string()));
            None
        }
    };
    let at = match moment(&form.run_at, &operator.time_zone) {
        Ok(at) => at,
        Err(()) => {
            run_at.problem = Some(page.text("ops-edit-no-time"));
            None
        }
    };
    let is_the_same = given.is_none() && at.is_none() && !job.summary.state.is_ended();
    if args.problem.is_none() && run_at.problem.is_none() && is_the_same {
        args.problem = Some(page.text("ops-edit-nothing"));
    }
    if args.problem.is_none() && run_at.problem.is_none() {
        let edit = Edit { args: given, run_at: at };
        match app.operations.edit(id, &edit, operator.email.as_str()).await {
            Err(CommandError::Refused { field, reason }) if field == "run_at" => run_at.problem = Some(reason),
            Err(CommandError::Refused { field, reason }) => args.problem = Some(format!("{field}: {reason}")),
            outcome => return answer(&page, id, outcome),
        }
    }
    mark_first_problem(&mut [&mut args, &mut run_at]);
    render(StatusCode::UNPROCESSABLE_ENTITY, &OpsJobEdit { page, job, args, run_at })
}

/// A moment as somebody in that zone writes it; `None`: none was given. One that the clocks there skip is none.
fn moment(text: &str, time_zone: &str) -> Result<Option<DateTime<Utc>>, ()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let read = |form| NaiveDateTime::parse_from_str(text, form);
    let local = read("%Y-%m-%dT%H:%M").or_else(|_| read("%Y-%m-%dT%H:%M:%S")).map_err(|_| ())?;
    let zone: Tz = time_zone.parse().map_err(|_| ())?;
    zone.from_local_datetime(&local).earliest().map(|at| Some(at.to_utc())).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_a_clock_on_the_wall_shows_it() {
        assert_eq!(moment(" ", "Europe/Madrid"), Ok(None));
        assert_eq!(moment("2026-12-24T20:00", "America/Bogota").unwrap().unwrap().to_rfc3339(), "2026-12-25T01:00:00+00:00");
        assert_eq!(moment("2026-03-29T02:30", "Europe/Madrid"), Err(()), "no clock there showed it");
        assert_eq!(moment("2026-10-25T02:30", "Europe/Madrid").unwrap().unwrap().to_rfc3339(), "2026-10-25T00:30:00+00:00");
        assert_eq!(moment("tomorrow", "Europe/Madrid"), Err(()));
    }
}
