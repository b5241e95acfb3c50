//! `GET /ops/jobs/{id}`: one job's whole story, and what can be done about it.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use queue::{
    FollowUp, JobId, On,
    operations::{AttemptRecord, JobDetail, State as JobState},
};
use serde::Deserialize;

use super::{
    ops::{REFRESH_S, when},
    ops_job_edit,
};
use crate::{
    app::App,
    figures,
    forms::Wish,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

/// What has just been asked of the job, and what came of it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    done: String,
}

#[derive(Template)]
#[template(path = "ops_job.html")]
struct OpsJob {
    page: Page,
    job: JobDetail,
    args: String,
    done: Option<Done>,
}

/// A sentence about the last command.
struct Done {
    kind: &'static str,
    key: &'static str,
}

impl OpsJob {
    /// A job that is over does not change.
    fn refresh_s(&self) -> u64 {
        if self.job.summary.state.is_ended() { 0 } else { REFRESH_S }
    }

    fn can_retry(&self) -> bool {
        matches!(
            self.job.summary.state,
            JobState::Dead | JobState::Cancelled | JobState::Scheduled | JobState::Retryable | JobState::Parked
        )
    }

    fn can_cancel(&self) -> bool {
        !self.job.summary.state.is_ended() && !self.job.cancel_wanted
    }

    fn can_edit(&self) -> bool {
        ops_job_edit::can_edit(&self.job)
    }

    /// What the time in the list means for this state.
    fn at_key(&self) -> &'static str {
        when(self.job.summary.state)
    }

    fn took(attempt: &AttemptRecord) -> Option<String> {
        let took = (attempt.ended_at - attempt.started_at?).to_std().ok()?;
        Some(figures::span(took))
    }

    /// The word for an attempt's outcome.
    fn outcome_key(attempt: &AttemptRecord) -> &'static str {
        match &*attempt.outcome {
            "completed" => key("state-completed"),
            "dead" => key("state-dead"),
            "cancelled" => key("state-cancelled"),
            "throttled" => key("outcome-throttled"),
            "released" => key("outcome-released"),
            "orphaned" => key("outcome-orphaned"),
            _ => key("outcome-retry"),
        }
    }

    /// After which end a job follows.
    fn follows_key(next: &FollowUp) -> &'static str {
        match next.on {
            On::Success => key("ops-follows-success"),
            On::Death => key("ops-follows-death"),
            On::End => key("ops-follows-end"),
        }
    }

    /// The class of an attempt's outcome: how its word is coloured.
    fn outcome_class(attempt: &AttemptRecord) -> &'static str {
        match &*attempt.outcome {
            "completed" => "completed",
            "retry" | "orphaned" => "retryable",
            "dead" => "dead",
            _ => "cancelled",
        }
    }
}

/// Shows the job.
pub(crate) async fn show(
    State(app): State<App>,
    page: Page,
    Path(id): Path<String>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::NotFound)?;
    let job = app.operations.job(id).await.doing("looking at a job")?.ok_or(Problem::NotFound)?;
    let args = pretty(&job.args);
    render(StatusCode::OK, &OpsJob { page, args, done: done(&asked.done), job })
}

/// Arguments as people read them.
pub(super) fn pretty(args: &str) -> String {
    let read = serde_json::from_str::<serde_json::Value>(args);
    read.and_then(|args| serde_json::to_string_pretty(&args)).unwrap_or_else(|_| args.to_owned())
}

fn done(outcome: &str) -> Option<Done> {
    let (kind, key) = match outcome {
        "enqueued_again" => ("good", key("ops-done-enqueued-again")),
        "made_available" => ("good", key("ops-done-made-available")),
        "cancelled" => ("good", key("ops-done-cancelled")),
        "cancel_requested" => ("good", key("ops-done-cancel-requested")),
        "pending" => ("warn", key("ops-done-pending")),
        "edited" => ("good", key("ops-done-edited")),
        "deleted" => ("good", key("ops-done-deleted")),
        "not_promised" => ("bad", key("ops-done-not-promised")),
        "wrong_state" => ("bad", key("ops-done-wrong-state")),
        "undecodable" => ("bad", key("ops-done-undecodable")),
        "duplicate" => ("bad", key("ops-done-duplicate")),
        _ => return None,
    };
    Some(Done { kind, key })
}
