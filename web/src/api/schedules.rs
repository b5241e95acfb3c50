//! `GET /api/v1/schedules`, `…/{name}` and `…/{name}/ticks`: what is scheduled, when it ticks next, and what became of its ticks.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Extension, Path, Query, State, rejection::QueryRejection},
};
use chrono::{DateTime, Utc};
use jobs::{access::api_token::ApiToken, accounts::locale::Locale};
use schedules::{OperationError, ScheduleView, TickRecord, span, words};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::pages::{asked, moment, page_size};
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many ticks a look ahead shows.
const AHEAD: usize = 10;

/// A page of schedules.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Schedules {
    /// In the order of their names, those that the token covers.
    schedules: Vec<Schedule>,
    /// What the next page is asked with as `after`; none: this is the last one.
    next: Option<String>,
}

/// A schedule.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Schedule {
    /// Its name.
    name: String,
    /// `code`: one of the program's own, which is edited in the code; or `made` at run time.
    source: String,
    /// Minute, hour, day of the month, month, day of the week.
    expression: String,
    /// What that says.
    in_words: InWords,
    /// Of the IANA database.
    time_zone: String,
    /// The kind of job.
    job: String,
    /// Its arguments; what is secret reads `[secret]`.
    args: Value,
    /// What becomes of ticks that come due while no worker runs: `skip`, `once`, or `all:6h`.
    catch_up: String,
    /// Up to how much later a tick's job runs, as it is given: `30s`, `5m`; `0`: not at all.
    jitter: String,
    /// The same in seconds.
    jitter_s: i64,
    /// Its next ticks. While it is paused: when it would tick.
    next_ticks: Vec<DateTime<Utc>>,
    /// How late the tick is that should have fired, if one is.
    late_s: Option<i64>,
    /// Why the last tick's job could not be enqueued.
    refused: Option<String>,
    /// Since when it is paused.
    paused_at: Option<DateTime<Utc>>,
    /// By whom.
    paused_by: Option<String>,
    /// Rises with each edit.
    version: i32,
    /// What the ledger has last.
    last: Option<Tick>,
}

/// The same in two languages.
#[derive(Debug, Serialize, JsonSchema)]
struct InWords {
    /// Spanish.
    es: String,
    /// English.
    en: String,
}

/// A row of a schedule's ledger: a tick that fired, ticks that were missed one after the other, or a job that somebody ran now.
#[derive(Debug, Serialize, JsonSchema)]
struct Tick {
    /// The instant that it was expected at; of several the first.
    tick: DateTime<Utc>,
    /// Of several missed ones the last.
    last_tick: Option<DateTime<Utc>>,
    /// How many ticks it stands for; 0: somebody ran the job now.
    ticks: i64,
    /// When it fired.
    fired_at: Option<DateTime<Utc>>,
    /// How long after its instant that was, in ms.
    late_ms: Option<i64>,
    /// The job that it enqueued.
    job_id: Option<Uuid>,
    /// With jitter: when that may run.
    run_at: Option<DateTime<Utc>>,
    /// Who ran it now.
    asked_by: Option<String>,
    /// Why it was missed.
    missed: Option<String>,
    /// More about that.
    detail: Option<String>,
    /// Another job that did what this tick's asked for: its own did not run.
    duplicate_of: Option<Uuid>,
}

/// A stretch of a ledger.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Ticks {
    /// The latest first.
    ticks: Vec<Tick>,
    /// What the next page is asked with as `before`; none: this is the last one.
    next: Option<DateTime<Utc>>,
}

/// Where a page of schedules begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    after: Option<String>,
    limit: Option<usize>,
}

/// Where a page of a ledger begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicksQuery {
    before: Option<DateTime<Utc>>,
    limit: Option<usize>,
}

impl From<ScheduleView> for Schedule {
    fn from(view: ScheduleView) -> Self {
        let next_ticks = view.next(Utc::now(), AHEAD);
        let said = |locale| words::describe(&view.calendar.expression, locale);
        Self {
            in_words: InWords { es: said(Locale::Es), en: said(Locale::En) },
            next_ticks,
            name: view.name,
            source: view.source,
            expression: view.expression,
            time_zone: view.time_zone,
            job: view.job,
            args: view.args,
            catch_up: view.catch_up,
            jitter: span(Duration::from_secs(view.jitter_s.unsigned_abs())),
            jitter_s: view.jitter_s,
            late_s: view.late_s,
            refused: view.refused,
            paused_at: view.paused_at,
            paused_by: view.paused_by,
            version: view.version,
            last: view.last.map(Into::into),
        }
    }
}

impl From<TickRecord> for Tick {
    fn from(record: TickRecord) -> Self {
        let TickRecord { tick, last_tick, ticks, fired_at, late_ms, job_id, run_at, asked_by, reason, detail, duplicate_of } =
            record;
        Self {
            tick,
            last_tick,
            ticks,
            fired_at,
            late_ms,
            job_id: job_id.map(|id| id.0),
            run_at,
            asked_by,
            missed: reason,
            detail,
            duplicate_of: duplicate_of.map(|id| id.0),
        }
    }
}

/// Those whose jobs the token covers.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Schedules>, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let asked = asked(query)?;
    let page = app.schedules.list_of(caller.job_names.as_deref(), asked.after.as_deref(), page_size(asked.limit)?);
    let page = page.await.doing("listing schedules")?;
    Ok(Json(Schedules { schedules: page.schedules.into_iter().map(Into::into).collect(), next: page.next }))
}

/// One of them.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Json<Schedule>, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    Ok(Json(covered(&app, caller, &name).await?.into()))
}

/// What became of its ticks.
pub(crate) async fn ticks(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
    query: Result<Query<TicksQuery>, QueryRejection>,
) -> Result<Json<Ticks>, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let asked = asked(query)?;
    match covered(&app, caller, &name).await {
        // A deleted one keeps its ledger; which token covered it nobody can say any more.
        Err(Problem::NotFound) if caller.job_names.is_none() => {}
        found => drop(found?),
    }
    let page = match app.schedules.ticks(&name, moment("before", asked.before)?, page_size(asked.limit)?).await {
        Err(OperationError::NoSuchSchedule(_)) => return Err(Problem::NotFound),
        page => page.doing("reading a ledger of ticks")?,
    };
    Ok(Json(Ticks { ticks: page.ticks.into_iter().map(Into::into).collect(), next: page.next }))
}

/// The schedule of that name. One whose job the token does not cover is as unknown as one that never was.
///
/// # Errors
/// There is none that the token covers, or Postgres cannot be reached.
pub(crate) async fn covered(app: &App, caller: &ApiToken, name: &str) -> Result<ScheduleView, Problem> {
    match app.schedules.get(name).await {
        Err(OperationError::NoSuchSchedule(_)) => Err(Problem::NotFound),
        found => found
            .doing("looking up a schedule")
            .and_then(|schedule| if caller.covers(&schedule.job) { Ok(schedule) } else { Err(Problem::NotFound) }),
    }
}
