//! `GET /cursos/{slug}`: a course, what it holds, and the way in.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    courses::{
        course::Course,
        enrolment::{Access, Enrolment},
        section::Section,
    },
    payments::{purchase::takes, sale::Provider},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::Wish,
    page::{Page, render},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<Done>,
}

/// What has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Enrolled,
    Completed,
    Already,
    Unsold,
}

#[derive(Template)]
#[template(path = "course.html")]
struct CoursePage {
    page: Page,
    course: Course,
    sections: Vec<Section>,
    enrolment: Option<Enrolment>,
    /// Whether the reader speaks for the course.
    is_leader: bool,
    /// Whether they teach it.
    is_teacher: bool,
    done: Option<Done>,
    /// Who takes money for it.
    providers: Vec<Provider>,
}

impl CoursePage {
    fn access(&self) -> Option<Access> {
        self.enrolment.as_ref().map(|enrolment| enrolment.state)
    }

    fn is_open(&self) -> bool {
        self.access() == Some(Access::Active)
    }

    /// Whether the reader may read its lessons: without taking part there is no progress.
    fn can_read(&self) -> bool {
        self.is_open() || self.is_leader
    }

    /// Whether the reader may take it up now: for the first time, or again after their money went back.
    fn is_for_sale(&self) -> bool {
        self.course.is_on_sale() && !self.is_teacher && !matches!(self.access(), Some(Access::Active | Access::Suspended))
    }

    /// The lesson to go on with.
    fn next(&self) -> i32 {
        self.sections.iter().find(|section| !section.is_done).map_or(1, |section| section.position)
    }

    fn lesson(&self, position: impl std::fmt::Display) -> String {
        paths::LESSON.with(self.page.locale, &[("slug", &self.course.slug), ("lesson", &position.to_string())])
    }

    fn paragraphs(&self) -> impl Iterator<Item = &str> {
        self.course.description.split("\n\n").map(str::trim).filter(|text| !text.is_empty())
    }
}

/// Shows the course.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(slug): Path<String>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let reader = visit.person().map(|person| person.id);
    let course = Course::find(&app.db, &slug).await.doing("looking up a course")?.ok_or(Problem::NotFound)?;
    let sections = Section::list(&app.db, course.id, reader).await.doing("listing a course's sections")?;
    let enrolment = match reader {
        Some(reader) => Enrolment::find(&app.db, reader, course.id).await.doing("looking up an enrolment")?,
        None => None,
    };
    let is_leader = visit.person().is_some_and(|person| course.is_led_by(person.id, person.role));
    let is_teacher = visit.person().is_some_and(|person| course.is_taught_by(person.id, person.role));
    let providers = app.settings.providers().into_iter().filter(|provider| takes(*provider, course.price())).collect();
    render(StatusCode::OK, &CoursePage { page, course, sections, enrolment, is_leader, is_teacher, done: asked.done, providers })
}
