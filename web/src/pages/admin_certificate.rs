//! `GET /admin/certificates/{id}`: a certificate, and the forms that have it issued again or revoke it.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    accounts::user::User,
    certificates::certificate::{Certificate, CertificateId, EndedAs, Standing},
};
use serde::Deserialize;

use super::admin_certificates::look;
use crate::{
    app::App,
    forms::{Field, Wish},
    page::{Page, render},
    problem::{Doing as _, Problem},
};

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<Done>,
}

/// What has just been done.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Reissued,
    Revoked,
}

#[derive(Template)]
#[template(path = "admin_certificate.html")]
pub(super) struct AdminCertificate {
    page: Page,
    certificate: Certificate,
    course: String,
    holder: User,
    /// All of the same person and course, this one included.
    revisions: Vec<Certificate>,
    done: Option<Done>,
    new_name: Field,
    note: Field,
    why: Field,
}

impl AdminCertificate {
    fn look(&self, certificate: &Certificate) -> (&'static str, &'static str, &'static str) {
        look(certificate.ended_as, certificate.issued_at.is_some(), certificate.problem.is_some())
    }

    fn is_here(&self, certificate: &Certificate) -> bool {
        certificate.id == self.certificate.id
    }

    fn can_reissue(&self) -> bool {
        match self.certificate.standing() {
            Standing::Ended(EndedAs::Superseded) => false,
            Standing::Valid | Standing::Ended(EndedAs::Revoked) => self.certificate.to_replace(&self.revisions).is_some(),
            Standing::OnItsWay | Standing::InTrouble => true,
        }
    }

    /// Whether the form has a new one issued after one that was revoked.
    fn is_revoked(&self) -> bool {
        self.certificate.standing() == Standing::Ended(EndedAs::Revoked)
    }

    fn can_revoke(&self) -> bool {
        !matches!(self.certificate.standing(), Standing::Ended(_))
    }

    pub(super) async fn load(app: &App, page: Page, id: &str) -> Result<Self, Problem> {
        const DOING: &str = "looking up a certificate";
        let id = CertificateId(id.parse().map_err(|_| Problem::NotFound)?);
        let certificate = Certificate::find(&app.db, id).await.doing(DOING)?.ok_or(Problem::NotFound)?;
        let holder = User::find(&app.db, certificate.user_id).await.doing(DOING)?.ok_or(Problem::NotFound)?;
        let title: String = sqlx::query_scalar("select title from school.courses where id = $1")
            .bind(certificate.course_id)
            .fetch_one(&app.db)
            .await
            .doing(DOING)?;
        let revisions = certificate.revisions(&app.db).await.doing(DOING)?;
        let name = certificate.holder_name.as_ref().unwrap_or(&holder.full_name);
        Ok(Self {
            new_name: Field::of(name.as_str()),
            course: certificate.course_title.clone().unwrap_or(title),
            page,
            certificate,
            holder,
            revisions,
            done: None,
            note: Field::default(),
            why: Field::default(),
        })
    }

    pub(super) fn id(&self) -> CertificateId {
        self.certificate.id
    }

    pub(super) fn page(&self) -> &Page {
        &self.page
    }

    /// The page with the form of another name, refused.
    pub(super) fn refused_name(mut self, name: &str, note: &str, problem: String) -> Result<Response, Problem> {
        self.new_name = Field { problem: Some(problem), is_first_problem: true, ..Field::of(name) };
        self.note = Field::of(note);
        render(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }

    /// The page with the form that revokes, refused.
    pub(super) fn refused_revocation(mut self, why: &str, problem: String) -> Result<Response, Problem> {
        self.why = Field { problem: Some(problem), is_first_problem: true, ..Field::of(why) };
        render(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }
}

/// Shows the certificate.
pub(crate) async fn show(
    State(app): State<App>,
    page: Page,
    Path(id): Path<String>,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let shown = AdminCertificate { done: asked.done, ..AdminCertificate::load(&app, page, &id).await? };
    render(StatusCode::OK, &shown)
}
