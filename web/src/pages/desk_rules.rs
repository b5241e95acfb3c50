//! What the pages about clients, policies and calendars have in common.

use axum::response::Response;
use chrono::{DateTime, Utc};
use jobs::help_desk::{
    rule_change::{Followed, RuleChange},
    ticket::now,
    trouble::DeskError,
};
use serde::Deserialize;
use sqlx::PgConnection;

use crate::{
    app::App,
    forms::Field,
    page::{Page, key, see_other},
    problem::{Doing as _, Problem},
};

/// The most minutes that anything may take: a year.
const MOST_MINUTES: i32 = 525_600;

/// What the address says of what was done before.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    done: String,
    /// How many open tickets have other deadlines.
    tickets: Option<i64>,
}

/// What stands above such a page: that something was kept, and what clocks follow.
pub(super) struct Said {
    pub(super) saved: Option<String>,
    pub(super) under_way: Option<UnderWay>,
}

/// A change that clocks are following.
pub(super) struct UnderWay {
    pub(super) followed: i64,
    pub(super) tickets: i64,
    /// Nobody has them follow any more: in words.
    pub(super) stopped: Option<String>,
}

impl Said {
    pub(super) async fn of(app: &App, page: &Page, done: &Done) -> Result<Self, Problem> {
        const DOING: &str = "asking what clocks follow";
        let mut db = app.db.acquire().await.doing(DOING)?;
        let under_way = RuleChange::under_way(&mut db).await.doing(DOING)?;
        let saved = match (done.done.as_str(), done.tickets) {
            ("saved", None | Some(0)) => Some(page.text(key("rules-saved"))),
            ("saved", Some(tickets)) => Some(page.text1(key("rules-saved-tickets"), "tickets", tickets.max(0))),
            _ => None,
        };
        let under_way = under_way.map(|RuleChange { followed, tickets, is_stopped, .. }| {
            let left = (tickets - followed).max(0);
            UnderWay { followed, tickets, stopped: is_stopped.then(|| page.text1(key("rules-stopped"), "left", left)) }
        });
        Ok(Self { saved, under_way })
    }
}

/// Leads to a page, which says what was done.
pub(super) fn saved(path: &str, followed: Followed) -> Response {
    see_other(&format!("{path}?done=saved&tickets={}", followed.tickets))
}

/// Does it in one transaction, at Postgres's time.
pub(super) async fn in_one<T>(
    app: &App,
    does: impl AsyncFnOnce(&mut PgConnection, DateTime<Utc>) -> Result<T, DeskError>,
) -> Result<T, DeskError> {
    let mut tx = app.db.begin().await?;
    let at = now(&mut *tx).await?;
    let done = does(&mut tx, at).await?;
    tx.commit().await?;
    Ok(done)
}

/// The sentence about something that was not done and concerns no field; the error again, if it is none of those.
pub(super) fn refusal(page: &Page, error: DeskError) -> Result<String, DeskError> {
    Ok(match error {
        DeskError::RulesChanged => page.text(key("rules-changed")),
        DeskError::ChangeUnderWay { followed, tickets } => {
            page.text1(key("rules-under-way-wait"), "left", (tickets - followed).max(0))
        }
        DeskError::NoSuchContract | DeskError::NoSuchPerson => page.text(key("rules-changed")),
        other => return Err(other),
    })
}

/// Reads minutes; nothing typed is none.
pub(super) fn minutes(page: &Page, typed: &str, least: i32) -> (Field, Option<i32>) {
    let typed = typed.trim();
    if typed.is_empty() {
        return (Field::default(), None);
    }
    match typed.parse::<i32>() {
        Ok(minutes) if (least..=MOST_MINUTES).contains(&minutes) => (Field::of(typed), Some(minutes)),
        _ => (Field { problem: Some(page.text1(key("minutes-bad"), "least", i64::from(least))), ..Field::of(typed) }, None),
    }
}

/// So many minutes of work, in hours and minutes: a day of work has fewer hours than a day.
pub(super) fn span(minutes: i32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
