//! `GET /ops/schedules/{name}`: one schedule, the ticks to come and the ledger of those that were, and what can be done about it.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use queue::JobId;
use schedules::{CatchUp, ScheduleView, TickList, TickRecord, span, words};
use serde::Deserialize;
use url::form_urlencoded;

use super::{
    ops::REFRESH_S,
    ops_schedules::{Outcome, outcome},
};
use crate::{
    app::App,
    forms::Wish,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

/// How many ticks to come stand on the page, and how many rows of the ledger.
const NEXT: usize = 10;
const LEDGER: usize = 25;

/// What the address asks for: an older stretch of the ledger, or what came of a command.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    before: String,
    #[serde(default)]
    done: String,
    #[serde(default)]
    job: String,
}

#[derive(Template)]
#[template(path = "ops_schedule.html")]
struct OpsSchedule {
    page: Page,
    schedule: ScheduleView,
    args: String,
    next: Vec<DateTime<Utc>>,
    ledger: TickList,
    is_first: bool,
    done: Option<&'static str>,
    /// Whether nothing was done.
    in_vain: bool,
    /// The job that was run now, or that runs already.
    ran: Option<JobId>,
    now: DateTime<Utc>,
}

impl OpsSchedule {
    /// The newest stretch of the ledger is news.
    fn refresh_s(&self) -> u64 {
        if self.is_first { REFRESH_S } else { 0 }
    }

    fn words(&self) -> String {
        words::describe(&self.schedule.calendar.expression, self.page.locale)
    }

    fn moment(&self, tick: &DateTime<Utc>) -> String {
        words::moment(&self.schedule.calendar, *tick, self.now, self.page.locale)
    }

    fn in_how_long(&self, tick: &DateTime<Utc>) -> String {
        words::in_how_long(*tick, self.now, self.page.locale)
    }

    fn zone_mark(&self, tick: &DateTime<Utc>) -> String {
        words::zone_mark(self.schedule.calendar.zone, *tick)
    }

    fn catch_up(&self) -> String {
        match self.schedule.catch_up.parse() {
            Ok(CatchUp::Skip) => self.page.text("ops-catch-up-skip"),
            Ok(CatchUp::Once) => self.page.text("ops-catch-up-once"),
            Ok(CatchUp::All { within }) => self.page.text1("ops-catch-up-all-within", "span", span(within)),
            Err(_) => self.schedule.catch_up.clone(),
        }
    }

    fn outcome(record: &TickRecord) -> Outcome {
        outcome(record)
    }

    /// Why a tick was missed, in a sentence.
    fn reason_key(record: &TickRecord) -> Option<&'static str> {
        use schedules::Reason;
        Some(match record.missed()? {
            Reason::PolicySkip => key("ops-missed-policy-skip"),
            Reason::PolicyOnce => key("ops-missed-policy-once"),
            Reason::PolicyAll => key("ops-missed-policy-all"),
            Reason::Paused => key("ops-missed-paused"),
            Reason::Unfired => key("ops-missed-unfired"),
            Reason::Edited => key("ops-missed-edited"),
            Reason::Deleted => key("ops-missed-deleted"),
            Reason::Refused => key("ops-missed-refused"),
        })
    }

    fn older(&self) -> Option<String> {
        let before = self.ledger.next?.to_rfc3339();
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("before", &before).finish();
        Some(format!("/ops/schedules/{}?{query}", self.schedule.name))
    }
}

/// Shows the schedule.
pub(crate) async fn show(
    State(app): State<App>,
    page: Page,
    Path(name): Path<String>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let schedule = get(&app, &name).await?;
    let before = asked.before.parse().ok();
    let ledger = app.schedules.ticks(&name, before, LEDGER).await.doing("reading the ledger of a schedule")?;
    let now = Utc::now();
    let shown = OpsSchedule {
        page,
        args: serde_json::to_string_pretty(&schedule.args).unwrap_or_default(),
        next: schedule.next(now, NEXT),
        schedule,
        ledger,
        is_first: before.is_none(),
        done: done(&asked.done),
        in_vain: matches!(&*asked.done, "duplicate" | "refused"),
        ran: asked.job.parse().ok(),
        now,
    };
    render(StatusCode::OK, &shown)
}

/// The schedule of that name, or no such page.
pub(super) async fn get(app: &App, name: &str) -> Result<ScheduleView, Problem> {
    if name.contains('\0') {
        return Err(Problem::NotFound);
    }
    app.schedules.get(name).await.doing("looking at a schedule")
}

fn done(what: &str) -> Option<&'static str> {
    Some(match what {
        "created" => key("ops-schedule-created"),
        "edited" => key("ops-schedule-edited"),
        "paused" => key("ops-schedule-now-paused"),
        "resumed" => key("ops-schedule-resumed"),
        "run_now" => key("ops-schedule-ran"),
        "duplicate" => key("ops-schedule-duplicate"),
        "refused" => key("ops-schedule-refused"),
        _ => return None,
    })
}
