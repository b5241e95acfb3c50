//! `GET /certificados/{id}/credencial`: the certificate as an Open Badges 3.0 credential, for a wallet.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};

use super::certificate_pdf::find;
use crate::{
    app::App,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// Gives it to whom it belongs to.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let certificate = find(&app, &visit, &id).await?;
    let signed = certificate.signed(&app.db).await.doing("looking up a credential")?.ok_or(Problem::NotFound)?;
    let name = format!("attachment; filename=\"{}.jwt\"", certificate.serial);
    Ok(([(header::CONTENT_TYPE, "application/vc+jwt".to_owned()), (header::CONTENT_DISPOSITION, name)], signed.credential)
        .into_response())
}
