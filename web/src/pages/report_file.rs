//! `GET /informes/{id}/archivo`: leads whoever asked for a report to its file, by a link that is good for five minutes.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Extension, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::Utc;
use jobs::{
    accounts::user::User,
    reports::report::{Report, note},
};

use crate::{
    app::App,
    downloads,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A browser follows at once; a slow line has begun by then.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// Leads to the file, and notes who has fetched it.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let report = find(&app, person, &id).await?;
    // Who has fallen since it was made sees no more of it than of one that is made now.
    if !report.kind.may_have(person.role, report.scope) {
        return Err(Problem::Forbidden);
    }
    let key = report.file_at(Utc::now()).ok_or(Problem::NotFound)?;
    let Some(bucket) = &app.settings.bucket else {
        return Err(Problem::Unavailable(anyhow::anyhow!("a report is wanted, and S3_ENDPOINT is not set")));
    };
    let link = downloads::link(bucket, key, GOOD_FOR)?;
    note(&app.db, person.id, "download_report", report.id).await.doing("noting a download")?;
    Ok((StatusCode::FOUND, [(header::LOCATION, link.to_string())]).into_response())
}

/// The report of that id, if it is the visitor's own; nobody else learns that there is one.
pub(super) async fn find(app: &App, person: &User, id: &str) -> Result<Report, Problem> {
    let report = Report::find(&app.db, super::reports::id(id)?).await.doing("looking up a report")?;
    report.filter(|report| report.requested_by == person.id).ok_or(Problem::NotFound)
}
