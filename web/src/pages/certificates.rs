//! `GET /certificados`: what the person was certified, and what is on its way.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    certificates::certificate::{Certificate, Standing},
    courses::course::CourseId,
};

use crate::{
    app::App,
    page::{Page, render},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A certificate with the title of its course, which those that are on their way do not have yet.
struct Shown {
    certificate: Certificate,
    course: String,
}

#[derive(Template)]
#[template(path = "certificates.html")]
struct Certificates {
    page: Page,
    certificates: Vec<Shown>,
}

impl Certificates {
    fn is_waiting(&self) -> bool {
        self.certificates.iter().any(|shown| shown.certificate.standing() == Standing::OnItsWay)
    }
}

/// Shows them.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
) -> Result<Response, Problem> {
    const DOING: &str = "listing a person's certificates";
    let reader = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let found = Certificate::of(&app.db, reader).await.doing(DOING)?;
    let titles: Vec<(CourseId, String)> = sqlx::query_as("select id, title from school.courses where id = any($1)")
        .bind(found.iter().map(|certificate| certificate.course_id.0).collect::<Vec<_>>())
        .fetch_all(&app.db)
        .await
        .doing(DOING)?;
    let certificates = found.into_iter().map(|certificate| {
        let title = titles.iter().find(|(id, _)| *id == certificate.course_id).map(|(_, title)| title.clone());
        Shown { course: certificate.course_title.clone().or(title).unwrap_or_default(), certificate }
    });
    render(StatusCode::OK, &Certificates { page, certificates: certificates.collect() })
}
