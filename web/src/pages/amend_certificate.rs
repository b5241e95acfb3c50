//! `POST /admin/certificates/{id}/reissue`, `…/revoke`.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};
use jobs::{
    accounts::full_name::FullName,
    certificates::amend::{AmendError, reissue, revoke},
};
use serde::Deserialize;

use super::{admin_certificate::AdminCertificate, register::name_problem};
use crate::{
    app::App,
    forms::Sent,
    page::{Page, see_other},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// The form with another name.
#[derive(Debug, Deserialize)]
pub(crate) struct Reissue {
    name: String,
    note: String,
}

/// The form that revokes.
#[derive(Debug, Deserialize)]
pub(crate) struct Revoke {
    why: String,
}

/// Has it issued under another name, in the administrator's name; or shows the form again.
pub(crate) async fn submit_reissue(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Reissue>,
) -> Result<Response, Problem> {
    let admin = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let shown = AdminCertificate::load(&app, page, &id).await?;
    let name = match FullName::parse(&form.name) {
        Ok(name) => name,
        Err(what) => {
            let problem = name_problem(shown.page(), what);
            return shown.refused_name(&form.name, &form.note, problem);
        }
    };
    match reissue(&app.db, shown.id(), &name, &line(&form.note), admin).await {
        Ok(new) => Ok(see_other(&format!("/admin/certificates/{new}?done=reissued"))),
        Err(AmendError::NotNow) => {
            let problem = shown.page().text("certificate-not-now");
            shown.refused_name(&form.name, &form.note, problem)
        }
        Err(AmendError::NoSuchCertificate) => Err(Problem::NotFound),
        Err(AmendError::Request(error)) => Err(error).doing("reissuing a certificate"),
    }
}

/// Revokes it, in the administrator's name, for a reason; or shows the form again.
pub(crate) async fn submit_revoke(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Revoke>,
) -> Result<Response, Problem> {
    let admin = visit.person().ok_or(Problem::NotSignedIn)?.id;
    let shown = AdminCertificate::load(&app, page, &id).await?;
    let why = line(&form.why);
    if why.is_empty() {
        let problem = shown.page().text("certificate-why-blank");
        return shown.refused_revocation(&form.why, problem);
    }
    match revoke(&app.db, shown.id(), &why, admin).await {
        Ok(()) => Ok(see_other(&format!("/admin/certificates/{id}?done=revoked"))),
        Err(AmendError::NotNow) => {
            let problem = shown.page().text("certificate-not-now");
            shown.refused_revocation(&form.why, problem)
        }
        Err(AmendError::NoSuchCertificate) => Err(Problem::NotFound),
        Err(AmendError::Request(error)) => Err(error).doing("revoking a certificate"),
    }
}

/// What was typed, as a line.
fn line(typed: &str) -> String {
    typed.trim().chars().filter(|c| !c.is_control()).take(500).collect()
}
