//! `GET /calendarios`: when somebody is at work.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::NaiveDate;
use jobs::help_desk::number::CalendarId;

use super::desk_rules::{Done, Said};
use crate::{
    app::App,
    forms::Wish,
    page::{Page, render},
    problem::{Doing as _, Problem},
};

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: CalendarId,
    name: String,
    time_zone: String,
    is_always_open: bool,
    clients: i64,
    holiday: Option<NaiveDate>,
    holiday_name: Option<String>,
}

#[derive(Template)]
#[template(path = "calendars.html")]
struct Calendars {
    page: Page,
    said: Said,
    calendars: Vec<Line>,
}

/// Shows the list.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(done): Wish<Done>) -> Result<Response, Problem> {
    let calendars = sqlx::query_as(include_str!("calendars.sql")).fetch_all(&app.db).await.doing("listing calendars")?;
    let said = Said::of(&app, &page, &done).await?;
    render(StatusCode::OK, &Calendars { page, said, calendars })
}
