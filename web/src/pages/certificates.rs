//! `GET /certificados`: what the person was certified, what is on its way, and what counts no more.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    certificates::certificate::{Certificate, EndedAs, Standing},
    courses::course::CourseId,
};

use super::admin_certificates::look;
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
    slug: String,
}

impl Shown {
    fn is_replaced(&self) -> bool {
        self.certificate.ended_as == Some(EndedAs::Superseded)
    }

    /// Class, icon and word of how it stands.
    fn look(&self) -> (&'static str, &'static str, &'static str) {
        let Certificate { ended_as, issued_at, problem, .. } = &self.certificate;
        look(*ended_as, issued_at.is_some(), problem.is_some())
    }
}

#[derive(Template)]
#[template(path = "certificates.html")]
struct Certificates {
    page: Page,
    certificates: Vec<Shown>,
    /// Those that count no more.
    ended: Vec<Shown>,
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
    let current = Certificate::of(&app.db, reader).await.doing(DOING)?;
    let ended = Certificate::ended(&app.db, reader).await.doing(DOING)?;
    let courses: Vec<(CourseId, String, String)> =
        sqlx::query_as("select id, title, slug from school.courses where id = any($1)")
            .bind(current.iter().chain(&ended).map(|certificate| certificate.course_id.0).collect::<Vec<_>>())
            .fetch_all(&app.db)
            .await
            .doing(DOING)?;
    let shown = |certificate: Certificate| {
        let course = courses.iter().find(|(id, ..)| *id == certificate.course_id);
        let (title, slug) = course.map(|(_, title, slug)| (title.clone(), slug.clone())).unwrap_or_default();
        Shown { course: certificate.course_title.clone().unwrap_or(title), slug, certificate }
    };
    let certificates = current.into_iter().map(shown).collect();
    let ended = ended.into_iter().map(shown).collect();
    render(StatusCode::OK, &Certificates { page, certificates, ended })
}
