//! `POST /admin/certificates`: asks for the certificate of somebody who has finished a course and has none.

use std::sync::Arc;

use axum::{
    extract::{Extension, State},
    response::Response,
};
use jobs::{
    certificates::ask::{AskError, ask_for},
    courses::course::CourseId,
};
use serde::Deserialize;

use super::admin_certificates::{AdminCertificates, Asked};
use crate::{
    app::App,
    forms::Sent,
    page::{Page, key, see_other},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// Whose certificate, and of which course.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    email: String,
    course: String,
}

/// Asks for it in the administrator's name; or shows the form again with what is missing.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let admin = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let mut shown = AdminCertificates::load(&app, page, &Asked::default()).await?;
    shown.fill(&form.email, &form.course);
    let Some(course) = form.course.parse().ok().map(CourseId).filter(|course| shown.offers(*course)) else {
        let problem = shown.page().text("ask-no-course");
        return shown.refused_course(problem);
    };
    let address: String = form.email.trim().chars().filter(|c| !c.is_control()).take(320).collect();
    match ask_for(&app.db, &address, course, admin).await {
        Ok(id) => Ok(see_other(&format!("/admin/certificates/{id}?done=reissued"))),
        Err(AskError::NoSuchPerson) => {
            let problem = shown.page().text("ask-no-person");
            shown.refused_person(problem)
        }
        Err(AskError::NotTaken) => {
            let problem = shown.page().text("ask-not-taken");
            shown.refused_course(problem)
        }
        Err(AskError::NotOpen) => {
            let problem = shown.page().text("ask-not-open");
            shown.refused_course(problem)
        }
        Err(AskError::Unfinished(lessons)) if lessons.is_empty() => {
            let problem = shown.page().text("ask-nothing-done");
            shown.refused_course(problem)
        }
        Err(AskError::Unfinished(lessons)) => {
            let problem = shown.page().text1(key("ask-unfinished"), "lessons", lessons.join(" · "));
            shown.refused_course(problem)
        }
        Err(AskError::HasOne(other)) => {
            let problem = shown.page().text("ask-has-one");
            shown.with_other(other).refused_course(problem)
        }
        Err(AskError::Request(error)) => Err(error).doing("asking for a certificate"),
    }
}
