//! `GET /certificados/{id}/pdf`: leads whom it belongs to, and administrators, to the file, by a link that is good for a minute.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};
use jobs::certificates::certificate::{Certificate, CertificateId};

use crate::{
    app::App,
    downloads,
    guard::ADMINS,
    page::see_other,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A browser follows at once.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// Leads to the file.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let certificate = find(&app, &visit, &id).await?;
    let key = certificate.pdf_key().filter(|_| certificate.issued_at.is_some()).ok_or(Problem::NotFound)?;
    let Some(bucket) = &app.settings.bucket else {
        return Err(Problem::Unavailable(anyhow::anyhow!("a certificate is wanted, and S3_ENDPOINT is not set")));
    };
    Ok(see_other(downloads::link(bucket, &key, GOOD_FOR)?.as_str()))
}

/// The certificate of that id, if it is the visitor's business; nobody else learns that there is one.
pub(super) async fn find(app: &App, visit: &Visit, id: &str) -> Result<Certificate, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let id = CertificateId(id.parse().map_err(|_| Problem::NotFound)?);
    let certificate = Certificate::find(&app.db, id).await.doing("looking up a certificate")?;
    certificate.filter(|it| it.user_id == person.id || ADMINS.contains(&person.role)).ok_or(Problem::NotFound)
}
