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
        return shown.refused_course(key("ask-no-course"), &[]);
    };
    let address: String = form.email.trim().chars().filter(|c| !c.is_control()).take(320).collect();
    match ask_for(&app.db, &address, course, admin).await {
        Ok(id) => Ok(see_other(&format!("/admin/certificates/{id}?done=reissued"))),
        Err(AskError::NoSuchPerson) => shown.refused_person(key("ask-no-person")),
        Err(AskError::NotTaken) => shown.refused_course(key("ask-not-taken"), &[]),
        Err(AskError::NotOpen) => shown.refused_course(key("ask-not-open"), &[]),
        Err(AskError::Unfinished(lessons)) if lessons.is_empty() => shown.refused_course(key("ask-nothing-done"), &[]),
        Err(AskError::Unfinished(lessons)) => shown.refused_course(key("ask-unfinished"), &lessons),
        Err(AskError::HasOne(other)) => shown.with_other(other).refused_course(key("ask-has-one"), &[]),
        Err(AskError::Request(error)) => Err(error).doing("asking for a certificate"),
    }
}
