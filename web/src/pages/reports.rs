//! `GET /informes`: one's own reports, and the form to ask for another; `POST /informes`: asks; `POST /informes/{id}/cancelar`: wants it no more.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{Days, NaiveDate, Utc};
use jobs::{
    accounts::{locale::Locale, user::User},
    help_desk::number::ClientId,
    reports::{
        kind::{Format, Kind, Problem as Trouble, State as Standing},
        layout,
        report::{Report, ReportError, ReportId, ask, cancel as give_up},
        wish::{Params, PeriodProblem, Wish},
    },
};
use serde::Deserialize;

use super::tickets::{Choice, clients};
use crate::{
    app::App,
    forms::{self, Field, Sent, mark_first_problem},
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// So many reports stand on the page; older ones have expired long ago.
const LIMIT: i64 = 50;
/// The period that the form begins with, in days.
const USUAL_DAYS: u64 = 30;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// The number of the client of which alone the form begins to ask.
    #[serde(default)]
    client: String,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    kind: String,
    format: String,
    from: String,
    to: String,
    #[serde(default)]
    client: String,
}

/// A report as it stands on the page.
struct Line {
    report: Report,
    period: Option<Params>,
    can_be_had: bool,
}

#[derive(Template)]
#[template(path = "reports.html")]
struct Reports {
    page: Page,
    reports: Vec<Line>,
    kinds: Vec<Kind>,
    clients: Choice<ClientId>,
    /// What the clients are called that reports tell of alone.
    told_of: Vec<(ClientId, String)>,
    kind: Kind,
    format: Format,
    client: String,
    from: Field,
    to: Field,
    refused: Option<String>,
    /// Whether tickets were put away: reports do not count those.
    has_archive: bool,
}

impl Reports {
    async fn load(app: &App, page: Page, person: &User, client: &str) -> Result<Self, Problem> {
        let now = Utc::now();
        let reports = Report::of(&app.db, person.id, LIMIT).await.doing("listing reports")?;
        let line = |report: Report| {
            let can_be_had = report.file_at(now).is_some() && report.kind.may_have(person.role, report.scope);
            Line { period: report.params().ok(), can_be_had, report }
        };
        let reports: Vec<Line> = reports.into_iter().map(line).collect();
        let clients = clients(app, client.parse().ok().map(ClientId)).await?;
        let told_of = sqlx::query_as("select id, name from desk.clients where id = any($1)")
            .bind(reports.iter().filter_map(|line| line.period?.client).collect::<Vec<_>>())
            .fetch_all(&app.db)
            .await
            .doing("looking up the clients of reports")?;
        let has_archive = sqlx::query_scalar("select exists (select from archive.tickets)")
            .fetch_one(&app.db)
            .await
            .doing("asking whether tickets were put away")?;
        let zone: chrono_tz::Tz = person.time_zone.parse().unwrap_or_default();
        let today = now.with_timezone(&zone).date_naive();
        let day = |day: NaiveDate| Field::of(&day.format("%Y-%m-%d").to_string());
        Ok(Self {
            page,
            reports,
            kinds: Kind::ALL.iter().copied().filter(|kind| kind.scope_of(person.role).is_some()).collect(),
            clients,
            told_of,
            kind: Kind::Sla,
            format: Format::Xlsx,
            client: client.to_owned(),
            from: day(today - Days::new(USUAL_DAYS - 1)),
            to: day(today),
            refused: None,
            has_archive,
        })
    }

    fn is_kind(&self, kind: &Kind) -> bool {
        self.kind == *kind
    }

    fn is_format(&self, format: &Format) -> bool {
        self.format == *format
    }

    /// Of which client alone a report tells.
    fn client_of(&self, line: &Line) -> Option<String> {
        let client = line.period?.client?;
        let known = self.told_of.iter().find(|(id, _)| *id == client).map(|(_, name)| name.clone());
        Some(known.unwrap_or_else(|| format!("#{client}")))
    }

    fn is_client(&self, client: &ClientId) -> bool {
        self.client == client.to_string()
    }

    fn title(&self, kind: &Kind) -> &'static str {
        kind.layout().title(self.page.locale)
    }

    /// When a deadline counts, in every report that counts them.
    fn how_promises(locale: &Locale) -> &'static str {
        Kind::Sla.layout().how(*locale).unwrap_or_default()
    }

    /// From when times are counted.
    fn how_times(locale: &Locale) -> &'static str {
        layout::how_times(*locale)
    }

    fn is_waited_for(&self) -> bool {
        self.reports.iter().any(|line| line.report.state.is_live())
    }

    /// How a state looks: the class of its colour, its icon, and the key of its name.
    fn look(state: &Standing) -> (&'static str, &'static str, &'static str) {
        match state {
            Standing::Queued => ("scheduled", "clock", key("report-queued")),
            Standing::Running => ("running", "play", key("report-running")),
            Standing::Ready => ("completed", "circle-check", key("report-ready")),
            Standing::Failed => ("dead", "x", key("report-failed")),
            Standing::Cancelled => ("cancelled", "ban", key("report-cancelled")),
            Standing::Expired => ("cancelled", "clock", key("report-expired")),
        }
    }

    /// Why there is no file.
    fn trouble(&self, line: &Line) -> Option<String> {
        let text = match line.report.problem? {
            Trouble::NotAllowed => self.page.text("report-not-allowed"),
            Trouble::BadParams => self.page.text("report-bad-params"),
            Trouble::TooLarge => self.page.text1("report-too-large", "most", self.page.count(line.report.format.most_rows())),
            Trouble::Broken => self.page.text("report-broken"),
        };
        Some(text)
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let is_refused = mark_first_problem(&mut [&mut self.from, &mut self.to]) || self.refused.is_some();
        render(if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }
}

impl Line {
    fn rows(&self) -> u64 {
        self.report.rows.unsigned_abs()
    }

    fn expected(&self) -> Option<u64> {
        self.report.rows_expected.map(i64::unsigned_abs).filter(|expected| *expected > 0)
    }

    fn kilobytes(&self) -> Option<u64> {
        self.report.bytes.map(|bytes| bytes.unsigned_abs().div_ceil(1000))
    }
}

/// Shows the list and the form.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    forms::Wish(asked): forms::Wish<Asked>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    Reports::load(&app, page, person, &asked.client).await?.shown()
}

/// Asks for a report and leads to the list, where it stands; or shows the form again with what is wrong.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    // Choices that none of our forms offers.
    let kind: Kind = form.kind.parse().map_err(|_| Problem::BadRequest)?;
    let format: Format = form.format.parse().map_err(|_| Problem::BadRequest)?;
    let client = match form.client.as_str() {
        "" => None,
        client => Some(ClientId(client.parse().map_err(|_| Problem::BadRequest)?)),
    };
    let mut again = Reports::load(&app, page, person, &form.client).await?;
    (again.kind, again.format) = (kind, format);
    let day = |typed: &str| NaiveDate::parse_from_str(typed.trim(), "%Y-%m-%d").ok();
    let (from, to) = (day(&form.from), day(&form.to));
    let problem = |day: Option<NaiveDate>| day.is_none().then(|| again.page.text("report-no-day"));
    let (from_problem, to_problem) = (problem(from), problem(to));
    again.from = Field { problem: from_problem, ..Field::of(&form.from) };
    again.to = Field { problem: to_problem, ..Field::of(&form.to) };
    let (Some(from), Some(to)) = (from, to) else { return again.shown() };
    let params = Params { from, to, client: client.filter(|_| kind.has_clients()) };
    let wish = Wish { kind, format, params, locale: again.page.locale, time_zone: &person.time_zone };
    match wanted(&app, person, &wish).await {
        Ok(()) => return Ok(see_other(again.page.at(paths::REPORTS))),
        Err(ReportError::Period(PeriodProblem::Backwards)) => again.to.problem = Some(again.page.text("report-backwards")),
        Err(ReportError::Period(PeriodProblem::TooLong)) => again.to.problem = Some(again.page.text("report-too-long")),
        Err(ReportError::Period(PeriodProblem::NoSuchYear)) => again.from.problem = Some(again.page.text("report-no-day")),
        Err(ReportError::TooMany) => again.refused = Some(again.page.text("report-too-many")),
        Err(error) => return Err(error).doing("asking for a report"),
    }
    again.shown()
}

/// Asks for it.
pub(super) async fn wanted(app: &App, person: &User, wish: &Wish<'_>) -> Result<(), ReportError> {
    let mut tx = app.db.begin().await?;
    ask(&mut tx, person, wish).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives a report up; whoever makes it leaves off within a second.
pub(crate) async fn cancel(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    let report = super::report_file::find(&app, person, &id).await?;
    let mut tx = app.db.begin().await.doing("giving a report up")?;
    // One that was over before stays what it is, and the list says so.
    give_up(&mut tx, person.id, report.id).await.doing("giving a report up")?;
    tx.commit().await.doing("giving a report up")?;
    Ok(see_other(page.at(paths::REPORTS)))
}

/// The id in an address.
pub(super) fn id(text: &str) -> Result<ReportId, Problem> {
    text.parse().map(ReportId).map_err(|_| Problem::NotFound)
}
