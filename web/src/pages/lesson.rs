//! `GET /cursos/{slug}/{lesson}`: a lesson. `POST …/hecha`: it is done.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::courses::{
    course::Course,
    enrolment::Enrolment,
    progress::{Marked, complete_section},
    section::{Block, Section, blocks},
};

use crate::{
    app::App,
    page::{Page, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "lesson.html")]
struct Lesson {
    page: Page,
    course: Course,
    sections: Vec<Section>,
    /// Which of them this is.
    here: usize,
    blocks: Vec<Block>,
    video: Option<String>,
    /// Whether the reader takes part; who speaks for the course only reads.
    takes_part: bool,
}

impl Lesson {
    fn section(&self) -> &Section {
        &self.sections[self.here]
    }

    fn before(&self) -> Option<&Section> {
        self.sections.get(self.here.checked_sub(1)?)
    }

    fn after(&self) -> Option<&Section> {
        self.sections.get(self.here + 1)
    }

    fn is_here(&self, section: &Section) -> bool {
        section.position == self.section().position
    }

    fn at(&self, section: &Section) -> String {
        address(&self.page, &self.course, section.position)
    }

    fn done_at(&self) -> String {
        let lesson = self.section().position.to_string();
        paths::LESSON_DONE.with(self.page.locale, &[("slug", &self.course.slug), ("lesson", &lesson)])
    }
}

fn address(page: &Page, course: &Course, position: i32) -> String {
    paths::LESSON.with(page.locale, &[("slug", &course.slug), ("lesson", &position.to_string())])
}

/// What somebody may read.
struct Open {
    course: Course,
    sections: Vec<Section>,
    here: usize,
    takes_part: bool,
}

/// The course, its sections, and which of them is meant; to whom the course is not open, the way to it.
async fn open(app: &App, visit: &Visit, page: &Page, slug: &str, lesson: &str) -> Result<Result<Open, Response>, Problem> {
    let reader = visit.person().ok_or(Problem::NotSignedIn)?;
    let position: i32 = lesson.parse().map_err(|_| Problem::NotFound)?;
    let course = Course::find(&app.db, slug).await.doing("looking up a course")?.ok_or(Problem::NotFound)?;
    let enrolment = Enrolment::find(&app.db, reader.id, course.id).await.doing("looking up an enrolment")?;
    let takes_part = enrolment.is_some_and(|enrolment| enrolment.is_active());
    if !takes_part && !course.is_led_by(reader.id, reader.role) {
        return Ok(Err(see_other(&page.to(paths::COURSE, "slug", &course.slug))));
    }
    let sections = Section::list(&app.db, course.id, Some(reader.id)).await.doing("listing a course's sections")?;
    let here = sections.iter().position(|section| section.position == position).ok_or(Problem::NotFound)?;
    Ok(Ok(Open { course, sections, here, takes_part }))
}

/// Shows the lesson to whom the course is open.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path((slug, lesson)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let Open { course, sections, here, takes_part } = match open(&app, &visit, &page, &slug, &lesson).await? {
        Ok(open) => open,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let video = sections[here].video().map(|(address, origin)| {
        page.allow_frames_of(origin);
        address
    });
    let blocks = blocks(&sections[here].body);
    render(StatusCode::OK, &Lesson { page, course, sections, here, blocks, video, takes_part })
}

/// Marks the lesson as done and leads to the next; after the last, to the course.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path((slug, lesson)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let Open { course, sections, here, .. } = match open(&app, &visit, &page, &slug, &lesson).await? {
        Ok(open) => open,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let reader = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let marked = complete_section(&app.db, reader, course.id, sections[here].id).await.doing("marking a lesson")?;
    let course_page = page.to(paths::COURSE, "slug", &course.slug);
    Ok(see_other(&match (marked, sections.get(here + 1)) {
        (Marked::Course, _) => format!("{course_page}?done=completed"),
        (Marked::Section, Some(next)) => address(&page, &course, next.position),
        (Marked::Section | Marked::NotOpen, _) => course_page,
    }))
}
