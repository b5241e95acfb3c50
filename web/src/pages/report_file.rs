//! `GET /informes/{id}/archivo`: leads whoever asked for a report to its file, by a link that is good for five minutes; or says that there is no file any more,
//! and offers to have it made again. `POST /informes/{id}/otra-vez`: asks for the same anew.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::Utc;
use jobs::{
    accounts::user::User,
    reports::{
        kind::State as Standing,
        report::{Report, ReportError, note},
        wish::{Params, Wish},
    },
};

use super::reports::wanted;
use crate::{
    app::App,
    downloads,
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A browser follows at once; a slow line has begun by then.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// What whoever follows an old link reads.
#[derive(Template)]
#[template(path = "report_gone.html")]
struct ReportGone {
    page: Page,
    report: Report,
    period: Option<Params>,
    client: Option<String>,
    /// The key of what has become of the file.
    why: &'static str,
    refused: Option<String>,
}

impl ReportGone {
    async fn load(app: &App, page: Page, report: Report, why: &'static str) -> Result<Self, Problem> {
        let period = report.params().ok();
        let client = report.client_name(&app.db).await.doing("looking up a client")?;
        Ok(Self { page, report, period, client, why, refused: None })
    }

    fn title(&self) -> &'static str {
        self.report.kind.layout().title(self.page.locale)
    }

    fn format(&self) -> String {
        self.report.format.as_str().to_uppercase()
    }
}

/// Leads to the file, and notes who has fetched it; or says why there is none.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let report = own(&app, person, &id).await?;
    let now = Utc::now();
    let why = match report.state {
        // It is still to come: the list says how far it is.
        Standing::Queued | Standing::Running => return Ok(see_other(page.at(paths::REPORTS))),
        Standing::Ready | Standing::Expired => key("report-gone-expired"),
        Standing::Failed => key("report-gone-failed"),
        Standing::Cancelled => key("report-gone-cancelled"),
    };
    let Some(file) = report.file_at(now) else {
        return render(StatusCode::GONE, &ReportGone::load(&app, page, report, why).await?);
    };
    let Some(bucket) = &app.settings.bucket else {
        return Err(Problem::Unavailable(anyhow::anyhow!("a report is wanted, and S3_ENDPOINT is not set")));
    };
    if app.files.has_lost(bucket, file).await {
        tracing::error!(report = %report.id, "the store has lost the file of a report");
        let why = key("report-gone-lost");
        return render(StatusCode::GONE, &ReportGone::load(&app, page, report, why).await?);
    }
    let link = downloads::link(bucket, file, GOOD_FOR)?;
    note(&app.db, person.id, "download_report", report.id).await.doing("noting a download")?;
    Ok((StatusCode::FOUND, [(header::LOCATION, link.to_string())]).into_response())
}

/// Asks for the same report once more, in its own language and by its own clock, and leads to the list.
pub(crate) async fn again(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let report = own(&app, person, &id).await?;
    let params = report.params().map_err(|_| Problem::BadRequest)?;
    let Report { kind, format, locale, ref time_zone, .. } = report;
    let why = match wanted(&app, person, &Wish { kind, format, params, locale, time_zone }).await {
        Ok(()) => return Ok(see_other(page.at(paths::REPORTS))),
        Err(ReportError::TooMany) => key("report-too-many"),
        Err(ReportError::NoSuchClient) => key("report-no-client"),
        Err(error) => return Err(error).doing("asking for a report anew"),
    };
    let refused = Some(page.text(why));
    let gone = ReportGone::load(&app, page, report, key("report-gone-expired")).await?;
    render(StatusCode::CONFLICT, &ReportGone { refused, ..gone })
}

/// The report of that id, if it is the visitor's own; nobody else learns that there is one.
pub(super) async fn find(app: &App, person: &User, id: &str) -> Result<Report, Problem> {
    let report = Report::find(&app.db, super::reports::id(id)?).await.doing("looking up a report")?;
    report.filter(|report| report.requested_by == person.id).ok_or(Problem::NotFound)
}

/// The same, if they may still have it: who has fallen since it was made learns no more of it than of one that is made now.
async fn own(app: &App, person: &User, id: &str) -> Result<Report, Problem> {
    let report = find(app, person, id).await?;
    if report.kind.may_have(person.role, report.scope) { Ok(report) } else { Err(Problem::Forbidden) }
}
