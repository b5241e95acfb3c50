//! `GET /mis-cursos`: what the person takes, and how far they have come; and what they teach.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::courses::{
    course::Course,
    enrolment::{Access, Taken},
};

use crate::{
    app::App,
    page::{Page, render},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "my_courses.html")]
struct MyCourses {
    page: Page,
    courses: Vec<Taken>,
    /// What the reader teaches.
    taught: Vec<Course>,
}

impl MyCourses {
    /// Where to go on, for whom the course is open.
    fn next(&self, taken: &Taken) -> Option<String> {
        let next = taken.next.unwrap_or(1).to_string();
        (taken.state == Access::Active && taken.sections > 0)
            .then(|| paths::LESSON.with(self.page.locale, &[("slug", &taken.slug), ("lesson", &next)]))
    }
}

/// Shows them.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
) -> Result<Response, Problem> {
    const DOING: &str = "listing a person's courses";
    let reader = visit.person().ok_or(Problem::NotSignedIn)?;
    let courses = Taken::by(&app.db, reader.id).await.doing(DOING)?;
    let taught = Course::taught_by(&app.db, reader.id).await.doing(DOING)?;
    let taught = taught.into_iter().filter(|course| course.is_taught_by(reader.id, reader.role)).collect();
    render(StatusCode::OK, &MyCourses { page, courses, taught })
}
