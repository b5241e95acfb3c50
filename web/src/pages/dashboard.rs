//! `GET /tablero`: how the help desk is doing, for those who work there.

use std::{borrow::Borrow, sync::Arc};

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use chrono::Utc;
use jobs::{
    help_desk::words::{Priority, Promise, Status},
    reports::layout::how_promises,
};
use serde::Deserialize;

use super::{
    ticket::promise_key,
    tickets::{priority_key, status_key},
};
use crate::{
    app::App,
    chart::{Bar, DAY, Scale},
    desk_figures::{Asked as Wanted, Backlog, Day, Generation, Made, Promises, Times, Volumes, read},
    forms::Wish,
    page::{Page, key, render},
    problem::Problem,
    visit::Visit,
};

/// What the address asks for. What cannot be read counts as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    days: String,
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    page: Page,
    stretch: u64,
    /// Whether only the visitor's own tickets are in it.
    is_own: bool,
    /// Each group: nothing where it was not there in time.
    promises: Option<Made<Vec<Promises>>>,
    times: Option<Made<Vec<Times>>>,
    volumes: Option<Made<Volumes>>,
}

/// A row about a promise: of one priority, or of all.
struct PromiseRow {
    name: String,
    is_whole: bool,
    kept: i64,
    broken: i64,
    overdue: i64,
    near: i64,
    /// The part that was kept, in words, and in percent for a bar; nothing where none was decided.
    share: String,
    percent: Option<i64>,
}

/// A row about how long something took. Its times have the words over their columns.
struct TimesRow {
    name: String,
    is_whole: bool,
    count: i64,
    times: [(String, Option<i64>); 3],
}

/// A row about tickets that wait: of one status, or of all; each priority with its word, and all.
struct BacklogRow {
    name: String,
    is_whole: bool,
    counts: Vec<(String, i64)>,
}

/// An age, and how long its bar is beside the longest, in percent.
struct Age {
    name: String,
    tickets: i64,
    percent: i64,
}

impl Dashboard {
    /// The stretches that can be looked at, in days.
    const STRETCHES: [u64; 3] = [7, 30, 90];

    fn is_shown(&self, days: impl Borrow<u64>) -> bool {
        *days.borrow() == self.stretch
    }

    /// When a promise counts: in the reports' own words.
    fn how_promises(&self) -> &'static str {
        how_promises(self.page.locale)
    }

    fn count(&self, number: impl Borrow<i64>) -> String {
        self.page.count((*number.borrow()).max(0).unsigned_abs())
    }

    /// All of them, and each, the most urgent first.
    fn priorities() -> impl Iterator<Item = Option<Priority>> {
        std::iter::once(None).chain(Priority::ALL.iter().rev().copied().map(Some))
    }

    fn priority(&self, priority: Option<Priority>) -> String {
        match priority {
            Some(priority) => self.page.text(priority_key(&priority)),
            None => self.page.text("dashboard-every-priority"),
        }
    }

    fn name(&self, promise: Promise, priority: Option<Priority>) -> String {
        format!("{} · {}", self.page.text(promise_key(&promise)), self.priority(priority))
    }

    /// What has become of a promise, of a priority or of all; of every promise, if none is named.
    fn promised(rows: &[Promises], promise: Option<Promise>, priority: Option<Priority>) -> Promises {
        let is_meant = |row: &&Promises| {
            promise.is_none_or(|promise| row.promise == promise.as_str())
                && priority.is_none_or(|priority| row.priority == priority.as_str())
        };
        rows.iter().filter(is_meant).fold(Promises::default(), |sum, row| Promises {
            kept: sum.kept + row.kept,
            broken: sum.broken + row.broken,
            overdue: sum.overdue + row.overdue,
            near: sum.near + row.near,
            ..sum
        })
    }

    fn promise_row(&self, name: String, is_whole: bool, of: &Promises) -> PromiseRow {
        let (kept, decided) = (of.kept, of.kept + of.broken);
        PromiseRow {
            name,
            is_whole,
            kept,
            broken: of.broken,
            overdue: of.overdue,
            near: of.near,
            share: self.page.share(kept, decided),
            percent: (decided > 0).then(|| kept * 100 / decided),
        }
    }

    /// What has become of every promise.
    fn all_promises(&self, rows: &[Promises]) -> PromiseRow {
        self.promise_row(String::new(), true, &Self::promised(rows, None, None))
    }

    fn promise_rows(&self, rows: &[Promises]) -> Vec<PromiseRow> {
        let row = |(promise, priority): (Promise, Option<Priority>)| {
            let of = Self::promised(rows, Some(promise), priority);
            self.promise_row(self.name(promise, priority), priority.is_none(), &of)
        };
        Promise::ALL.iter().flat_map(|promise| Self::priorities().map(|priority| (*promise, priority))).map(row).collect()
    }

    fn times_row(&self, rows: &[Times], promise: Promise, priority: Option<Priority>) -> TimesRow {
        let of = rows.iter().find(|row| row.priority.as_deref() == priority.map(Priority::as_str)).cloned().unwrap_or_default();
        let (count, [mean, median, p90]) = match promise {
            Promise::FirstResponse => (of.answered, [of.answer_mean_s, of.answer_median_s, of.answer_p90_s]),
            Promise::Resolution => (of.resolved, [of.solution_mean_s, of.solution_median_s, of.solution_p90_s]),
        };
        let times = [(key("dashboard-mean"), mean), (key("dashboard-median"), median), (key("dashboard-p90"), p90)];
        let times = times.map(|(word, seconds)| (self.page.text(word), seconds));
        TimesRow { name: self.name(promise, priority), is_whole: priority.is_none(), count, times }
    }

    fn times_rows(&self, rows: &[Times]) -> Vec<TimesRow> {
        let of = |promise| Self::priorities().map(move |priority| self.times_row(rows, promise, priority));
        Promise::ALL.iter().copied().flat_map(of).collect()
    }

    /// The mean time to a first answer, and to a solution.
    fn means(&self, rows: &[Times]) -> [String; 2] {
        [Promise::FirstResponse, Promise::Resolution].map(|promise| {
            let [(_, mean_s), ..] = self.times_row(rows, promise, None).times;
            mean_s.map_or_else(|| "—".to_owned(), |mean_s| self.page.seconds(&mean_s))
        })
    }

    /// How many tickets of a status and a priority wait; of all where none is named.
    fn waiting(backlog: &[Backlog], status: Option<Status>, priority: Option<Priority>) -> i64 {
        let is_meant = |row: &&Backlog| {
            status.is_none_or(|status| row.status == status.as_str())
                && priority.is_none_or(|priority| row.priority == priority.as_str())
        };
        backlog.iter().filter(is_meant).map(|row| row.tickets).sum()
    }

    fn all_waiting(&self, backlog: &[Backlog]) -> String {
        self.count(Self::waiting(backlog, None, None))
    }

    fn backlog_rows(&self, backlog: &[Backlog]) -> Vec<BacklogRow> {
        let statuses = Status::ALL.iter().copied().filter(|status| status.is_live()).map(Some).chain([None]);
        let row = |status: Option<Status>| BacklogRow {
            name: self.page.text(status.as_ref().map_or(key("dashboard-all"), status_key)),
            is_whole: status.is_none(),
            counts: Self::priorities()
                .map(|priority| (self.priority(priority), Self::waiting(backlog, status, priority)))
                .collect(),
        };
        statuses.map(row).collect()
    }

    fn ages(&self, backlog: &[Backlog]) -> Vec<Age> {
        let of =
            |age: usize| backlog.iter().filter(|row| usize::try_from(row.age) == Ok(age)).map(|row| row.tickets).sum::<i64>();
        let names = [
            key("dashboard-age-day"),
            key("dashboard-age-days"),
            key("dashboard-age-week"),
            key("dashboard-age-month"),
            key("dashboard-age-older"),
        ];
        let most = (0..names.len()).map(of).max().unwrap_or(0).max(1);
        let age = |(age, name)| Age { name: self.page.text(name), tickets: of(age), percent: of(age) * 100 / most };
        names.into_iter().enumerate().map(age).collect()
    }

    /// What came over the line, what went under it; and where the line is.
    fn flow(&self, days: &[Day]) -> (Vec<Bar>, i64) {
        let scale = Scale::of(days.iter().flat_map(|day| [day.opened, -day.resolved]));
        let says =
            |day: &Day, word, number| format!("{}: {} {}", self.page.day(day.day), self.page.text(word), self.count(number));
        let bars = days.iter().enumerate().flat_map(|(place, day)| {
            let opened = scale.bar(place, day.opened, says(day, key("dashboard-opened"), day.opened));
            let resolved = scale.bar(place, -day.resolved, says(day, key("dashboard-resolved"), day.resolved));
            [opened, resolved]
        });
        (bars.filter(|bar| bar.height > 0).collect(), scale.baseline())
    }

    /// What each day left.
    fn level(&self, days: &[Day]) -> Vec<Bar> {
        let scale = Scale::of(days.iter().map(|day| day.left_open));
        let bar = |(place, day): (usize, &Day)| {
            scale.bar(place, day.left_open, format!("{}: {}", self.page.day(day.day), self.count(day.left_open)))
        };
        days.iter().enumerate().map(bar).filter(|bar| bar.height > 0).collect()
    }

    #[expect(clippy::unused_self, reason = "templates ask the page for everything")]
    fn width(&self, days: &[Day]) -> usize {
        days.len() * DAY
    }

    /// How many were opened and resolved in all.
    fn totals(&self, days: &[Day]) -> [String; 2] {
        [days.iter().map(|day| day.opened).sum::<i64>(), days.iter().map(|day| day.resolved).sum()].map(|sum| self.count(sum))
    }

    /// The most that a day brought, took and left.
    fn most(&self, days: &[Day]) -> [String; 3] {
        let of = |of: fn(&Day) -> i64| self.count(days.iter().map(of).max().unwrap_or(0));
        [of(|day| day.opened), of(|day| day.resolved), of(|day| day.left_open)]
    }
}

/// Shows the figures of so many days.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let stretch = asked.days.parse().ok().filter(|days| Dashboard::STRETCHES.contains(days)).unwrap_or(30);
    let wanted = Wanted::by(person, stretch, Utc::now())?;
    let now = Generation::of_now(&app).await?;
    let (promises, times, volumes) = tokio::join!(read(&app, &wanted, now), read(&app, &wanted, now), read(&app, &wanted, now));
    let shown =
        Dashboard { page, stretch, is_own: wanted.agent.is_some(), promises: promises?, times: times?, volumes: volumes? };
    render(StatusCode::OK, &shown)
}
