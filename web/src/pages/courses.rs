//! `GET /cursos`: the catalogue.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use jobs::courses::course::{Course, Level};

use crate::{
    app::App,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

#[derive(Template)]
#[template(path = "courses.html")]
struct Courses {
    page: Page,
    courses: Vec<Course>,
}

/// The key of a level's name.
pub(super) fn level_key(level: &Level) -> &'static str {
    match level {
        Level::Beginner => key("level-beginner"),
        Level::Intermediate => key("level-intermediate"),
        Level::Advanced => key("level-advanced"),
    }
}

/// Shows what is sold.
pub(crate) async fn show(State(app): State<App>, page: Page) -> Result<Response, Problem> {
    let courses = Course::catalogue(&app.db).await.doing("listing courses")?;
    render(StatusCode::OK, &Courses { page, courses })
}
