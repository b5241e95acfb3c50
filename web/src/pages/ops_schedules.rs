//! `GET /ops/schedules`: when work happens, and how it went last.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use schedules::{ScheduleView, TickRecord, words};
use serde::Deserialize;
use url::form_urlencoded;

use super::ops::REFRESH_S;
use crate::{
    app::App,
    forms::Wish,
    page::{Page, key, render},
    paths,
    problem::{Doing as _, Problem},
};

/// How many schedules stand on a page.
const LIMIT: usize = 50;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    after: String,
    #[serde(default)]
    done: String,
}

#[derive(Template)]
#[template(path = "ops_schedules.html")]
struct OpsSchedules {
    page: Page,
    schedules: Vec<ScheduleView>,
    next: Option<String>,
    is_first: bool,
    was_deleted: bool,
    now: DateTime<Utc>,
}

impl OpsSchedules {
    /// The first page is news.
    fn refresh_s(&self) -> u64 {
        if self.is_first { REFRESH_S } else { 0 }
    }

    fn words(&self, schedule: &ScheduleView) -> String {
        words::describe(&schedule.calendar.expression, self.page.locale)
    }

    /// When it ticks next, and how far off that is.
    fn soon(&self, schedule: &ScheduleView) -> Option<Soon> {
        let tick = schedule.next_at.filter(|_| schedule.paused_at.is_none())?;
        let locale = self.page.locale;
        let moment = words::moment(&schedule.calendar, tick, self.now, locale);
        Some(Soon { tick, moment, in_how_long: words::in_how_long(tick, self.now, locale) })
    }

    fn outcome(record: &TickRecord) -> Outcome {
        outcome(record)
    }

    fn next_page(&self) -> Option<String> {
        let after = self.next.as_deref()?;
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("after", after).finish();
        Some(format!("{}?{query}", self.page.at(paths::OPS_SCHEDULES)))
    }
}

/// The next tick, in words.
struct Soon {
    tick: DateTime<Utc>,
    moment: String,
    in_how_long: String,
}

/// What became of a row of the ledger: how it is coloured, its icon, and its word.
pub(super) struct Outcome {
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) key: &'static str,
}

pub(super) fn outcome(record: &TickRecord) -> Outcome {
    let (class, icon, key) = match (&record.reason, &record.asked_by) {
        _ if record.duplicate_of.is_some() => ("cancelled", "ban", key("ops-tick-in-vain")),
        (Some(_), _) => ("retryable", "triangle-alert", key("ops-tick-missed")),
        (None, Some(_)) => ("running", "user-round", key("ops-tick-by-hand")),
        (None, None) => ("completed", "check", key("ops-tick-fired")),
    };
    Outcome { class, icon, key }
}

/// Shows the list.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let after = Some(&*asked.after).filter(|after| !after.is_empty() && !after.contains('\0'));
    let list = app.schedules.list(after, LIMIT).await.doing("listing schedules")?;
    let shown = OpsSchedules {
        page,
        schedules: list.schedules,
        next: list.next,
        is_first: after.is_none(),
        was_deleted: asked.done == "deleted",
        now: Utc::now(),
    };
    render(StatusCode::OK, &shown)
}
