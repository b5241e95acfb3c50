//! `GET /admin/statistics`: what the sales come to, by day and by course.

use std::borrow::Borrow;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use jobs::{
    payments::money::{Currency, Money},
    school::School,
};
use serde::Deserialize;

use crate::{
    app::App,
    chart::{Bar, DAY, Scale},
    forms::Wish,
    page::{Page, render},
    problem::{Doing as _, Problem},
};

/// The statistics are refreshed every half an hour; older than this, somebody should look why.
const STALE: TimeDelta = TimeDelta::minutes(45);

/// What the address asks for. What cannot be read counts as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    currency: String,
    #[serde(default)]
    days: String,
}

#[derive(Debug, Clone, sqlx::FromRow)]
struct Day {
    day: NaiveDate,
    sales: i64,
    gross_minor: i64,
    returned_minor: i64,
}

impl Day {
    fn net_minor(&self) -> i64 {
        self.gross_minor - self.returned_minor
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Course {
    title: String,
    slug: String,
    sales: i64,
    gross_minor: i64,
    returned_minor: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Freshness {
    complete_to: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    failure: Option<String>,
    compared_at: Option<DateTime<Utc>>,
    differing_days: Option<i32>,
}

impl Freshness {
    fn is_stale(&self) -> bool {
        self.complete_to.is_none_or(|at| Utc::now() - at > STALE)
    }
}

#[derive(Template)]
#[template(path = "admin_statistics.html")]
struct AdminStatistics {
    page: Page,
    currency: Currency,
    currencies: Vec<Currency>,
    stretch: i32,
    days: Vec<Day>,
    courses: Vec<Course>,
    freshness: Freshness,
    /// The clock by which a day begins.
    time_zone: String,
}

impl AdminStatistics {
    /// The stretches that can be looked at, in days.
    const STRETCHES: [i32; 4] = [30, 90, 365, 730];

    fn money(&self, minor: impl Borrow<i64>) -> String {
        self.page.money(Money::new(*minor.borrow(), self.currency))
    }

    fn is_shown(&self, days: impl Borrow<i32>) -> bool {
        *days.borrow() == self.stretch
    }

    fn is_told(&self, currency: &Currency) -> bool {
        *currency == self.currency
    }

    fn total(&self, of: fn(&Day) -> i64) -> i64 {
        self.days.iter().map(of).sum()
    }

    /// Whether nothing was sold and nothing went back. Days whose money has gone back come to nothing, and are shown.
    fn is_quiet(&self) -> bool {
        self.days.iter().all(|day| day.sales == 0 && day.returned_minor == 0)
    }

    fn sales(&self) -> u64 {
        self.total(|day| day.sales).unsigned_abs()
    }

    fn gross(&self) -> String {
        self.money(self.total(|day| day.gross_minor))
    }

    fn returned(&self) -> String {
        self.money(self.total(|day| day.returned_minor))
    }

    fn net(&self) -> String {
        self.money(self.total(Day::net_minor))
    }

    fn best(&self) -> i64 {
        self.days.iter().map(Day::net_minor).max().unwrap_or(0).max(0)
    }

    fn width(&self) -> usize {
        self.days.len() * DAY
    }

    fn scale(&self) -> Scale {
        Scale::of(self.days.iter().map(Day::net_minor))
    }

    /// Where nothing is, from above.
    fn baseline(&self) -> i64 {
        self.scale().baseline()
    }

    fn bars(&self) -> Vec<Bar> {
        let scale = self.scale();
        let bar = |(place, day): (usize, &Day)| {
            let net = day.net_minor();
            scale.bar(place, net, format!("{}: {}", self.page.day(day.day), self.money(net)))
        };
        self.days.iter().enumerate().filter(|(_, day)| day.net_minor() != 0).map(bar).collect()
    }

    /// How long a course's bar is beside the longest, in percent.
    fn share(&self, course: &Course) -> i64 {
        let most = self.courses.iter().map(|course| course.gross_minor).max().unwrap_or(0);
        if most > 0 { course.gross_minor * 100 / most } else { 0 }
    }
}

/// Shows the figures of one currency: currencies are never summed.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let sold_in: Vec<(String,)> =
        sqlx::query_as(include_str!("admin_statistics_currencies.sql")).fetch_all(&app.db).await.doing("listing currencies")?;
    let currencies: Vec<Currency> = sold_in.iter().filter_map(|(currency,)| currency.parse().ok()).collect();
    let wanted = asked.currency.parse().ok().filter(|currency| currencies.contains(currency));
    let currency = wanted.or(currencies.first().copied()).unwrap_or(Currency::COP);
    let stretch = asked.days.parse().ok().filter(|days| AdminStatistics::STRETCHES.contains(days)).unwrap_or(90);
    let days = sqlx::query_as(include_str!("admin_statistics_days.sql"))
        .bind(currency.as_str())
        .bind(stretch)
        .fetch_all(&app.db)
        .await
        .doing("reading the statistics of days")?;
    let courses = sqlx::query_as(include_str!("admin_statistics_courses.sql"))
        .bind(currency.as_str())
        .bind(stretch)
        .fetch_all(&app.db)
        .await
        .doing("reading the statistics of courses")?;
    let freshness =
        sqlx::query_as("select complete_to, failed_at, failure, compared_at, differing_days from school.sales_statistics")
            .fetch_one(&app.db)
            .await
            .doing("reading how fresh the statistics are")?;
    let time_zone = School::read(&app.db).await.doing("reading what the school decides")?.time_zone;
    render(StatusCode::OK, &AdminStatistics { page, currency, currencies, stretch, days, courses, freshness, time_zone })
}
