//! `GET /admin/certificates`: certificates, those that cannot be issued first.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use jobs::{
    certificates::{
        certificate::{CertificateId, EndedAs},
        serial::Serial,
    },
    courses::course::CourseId,
    ports::pdf::PdfTrouble,
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::{Field, Wish},
    page::{Page, cut, key, render},
    problem::{Doing as _, Problem},
};

/// How many stand on a page.
const LIMIT: i64 = 50;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// A serial, an address, or the beginning of a name.
    #[serde(default)]
    find: String,
    /// The last of the page before.
    #[serde(default)]
    after: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: CertificateId,
    serial: Serial,
    holder: String,
    email: String,
    course: String,
    requested_at: DateTime<Utc>,
    issued_at: Option<DateTime<Utc>>,
    ended_as: Option<EndedAs>,
    problem: Option<String>,
}

impl Line {
    /// Class, icon and word of how it stands.
    fn look(&self) -> (&'static str, &'static str, &'static str) {
        look(self.ended_as, self.issued_at.is_some(), self.problem.is_some())
    }
}

/// Class, icon and word of how a certificate stands.
pub(super) fn look(ended: Option<EndedAs>, is_issued: bool, is_in_trouble: bool) -> (&'static str, &'static str, &'static str) {
    match ended {
        Some(EndedAs::Revoked) => ("dead", "ban", key("certificate-is-revoked")),
        Some(EndedAs::Superseded) => ("cancelled", "rotate-ccw", key("certificate-is-superseded")),
        None if is_issued => ("completed", "circle-check", key("certificate-is-valid")),
        None if is_in_trouble => ("retryable", "circle-alert", key("certificate-is-in-trouble")),
        None => ("running", "clock", key("certificate-is-on-its-way")),
    }
}

/// Why a certificate cannot be issued, in the reader's language.
pub(super) fn problem_told(page: &Page, problem: &str) -> String {
    PdfTrouble::told(problem, page.locale)
}

#[derive(Template)]
#[template(path = "admin_certificates.html")]
pub(super) struct AdminCertificates {
    page: Page,
    find: String,
    troubled: Vec<Line>,
    certificates: Vec<Line>,
    has_more: bool,
    is_first: bool,
    /// Of which courses a certificate can be asked for.
    courses: Vec<(CourseId, String)>,
    email: Field,
    course: Field,
    /// The certificate that is there already.
    other: Option<CertificateId>,
}

impl AdminCertificates {
    fn next(&self) -> Option<String> {
        let last = self.certificates.last().filter(|_| self.has_more)?;
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("find", &self.find)
            .append_pair("after", &last.id.to_string())
            .finish();
        Some(format!("/admin/certificates?{query}"))
    }

    fn is_chosen(&self, course: &CourseId) -> bool {
        self.course.value == course.0.to_string()
    }

    pub(super) fn offers(&self, course: CourseId) -> bool {
        self.courses.iter().any(|(offered, _)| *offered == course)
    }

    /// Fills in the form that asks for one.
    pub(super) fn fill(&mut self, email: &str, course: &str) {
        (self.email, self.course) = (Field::of(email), Field::of(course));
    }

    /// The same with the way to the certificate that is there already.
    pub(super) fn with_other(self, other: CertificateId) -> Self {
        Self { other: Some(other), ..self }
    }

    /// The page with the form that asks for one, refused for whom it names.
    pub(super) fn refused_person(mut self, problem: &'static str) -> Result<Response, Problem> {
        (self.email.problem, self.email.is_first_problem) = (Some(self.page.text(problem)), true);
        render(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }

    /// The same for how they stand in the course: what is missing.
    pub(super) fn refused_course(mut self, problem: &'static str, lessons: &[String]) -> Result<Response, Problem> {
        let problem = self.page.text1(problem, "lessons", lessons.join(" · "));
        (self.course.problem, self.course.is_first_problem) = (Some(problem), true);
        render(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }

    /// The list that was asked for.
    pub(super) async fn load(app: &App, page: Page, asked: &Asked) -> Result<Self, Problem> {
        const DOING: &str = "listing certificates";
        let find: String = asked.find.trim().chars().filter(|c| !c.is_control()).take(200).collect();
        let after: Option<uuid::Uuid> = asked.after.parse().ok();
        let certificates = sqlx::query_as(include_str!("admin_certificates.sql"))
            .bind(find.parse::<Serial>().ok())
            .bind(&find)
            .bind(after)
            .bind(LIMIT + 1)
            .bind(false)
            .fetch_all(&app.db)
            .await
            .doing(DOING)?;
        let (certificates, has_more) = cut(certificates, LIMIT);
        let is_first = after.is_none();
        let troubled: Vec<Line> = if is_first && find.is_empty() {
            sqlx::query_as(include_str!("admin_certificates.sql"))
                .bind(None::<Serial>)
                .bind("")
                .bind(None::<uuid::Uuid>)
                .bind(LIMIT)
                .bind(true)
                .fetch_all(&app.db)
                .await
                .doing(DOING)?
        } else {
            Vec::new()
        };
        let courses =
            sqlx::query_as("select id, title from school.courses order by title, id").fetch_all(&app.db).await.doing(DOING)?;
        let (email, course) = (Field::default(), Field::default());
        Ok(Self { page, find, troubled, certificates, has_more, is_first, courses, email, course, other: None })
    }
}

/// Shows the list.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    render(StatusCode::OK, &AdminCertificates::load(&app, page, &asked).await?)
}
