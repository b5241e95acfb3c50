//! `POST` and `GET /api/v1/reports`, `GET /api/v1/reports/{id}`, `GET …/file`, `POST …/cancel`: a program asks for a report in somebody's name, sees where it
//! stands, fetches its file, or wants it no more. It gets what that person may see, and no more.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, NaiveDate, Utc};
use jobs::{
    accounts::{locale::Locale, user::User},
    help_desk::number::ClientId,
    reports::{
        kind::{Format, Kind, State as Standing},
        report::{Asked, Report as Row, ReportError, ReportId, ask, cancel as give_up, note},
        wish::{Params, Wish},
    },
};
use queue::JobId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    answers::{self, Claim},
    body,
    pages::{after, asked, cut, page_size, place},
    person::person,
};
use crate::{
    app::App,
    downloads, paths,
    problem::{Doing as _, Problem, Told},
    visit::Visit,
};

/// A program follows at once; a slow line has begun by then.
const GOOD_FOR: Duration = Duration::from_secs(300);
/// When so many of the person's reports are being made that another must wait.
const WAIT: Duration = Duration::from_secs(60);

/// A report to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportRequest {
    /// `daily`, `tickets`, `sla`, `times`, `volumes`, `agents` or `sales`, as far as the person may have it.
    kind: String,
    /// `csv`, `xlsx` or `pdf`.
    format: String,
    /// The first day.
    from: NaiveDate,
    /// The last day; included.
    to: NaiveDate,
    /// Only this client's.
    client: Option<i64>,
    /// `es` or `en`; the person's own, if left out.
    locale: Option<String>,
    /// Of the IANA database, for example `America/Bogota`; the person's own, if left out.
    time_zone: Option<String>,
}

/// A report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Report {
    /// Its id.
    id: Uuid,
    /// What it tells.
    kind: String,
    /// What sort of file it is.
    format: String,
    /// The first day.
    from: Option<NaiveDate>,
    /// The last day; included.
    to: Option<NaiveDate>,
    /// `queued`, `running`, `ready`, `failed`, `cancelled` or `expired`; more may come.
    state: String,
    /// Why it has failed: `not_allowed`, `bad_params`, `too_large` or `broken`; more may come.
    problem: Option<String>,
    /// How many rows are written.
    rows: i64,
    /// Of how many, where that is known.
    rows_expected: Option<i64>,
    /// How large the file is.
    bytes: Option<i64>,
    /// SHA-256 of the file, in hexadecimal.
    sha256: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it was over.
    finished_at: Option<DateTime<Utc>>,
    /// From then on nobody is given the file.
    expires_at: Option<DateTime<Utc>>,
    /// Where a link to the file is given, if there is one.
    file: Option<String>,
}

/// A page of reports.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Reports {
    /// The latest first.
    reports: Vec<Report>,
    /// What the next page is asked with as `after`; none: this is the last one.
    next: Option<String>,
}

/// Where a page of reports begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportsQuery {
    after: Option<String>,
    limit: Option<usize>,
}

/// A link to a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReportFile {
    /// Whoever has it can fetch the file: no token is asked for there.
    url: String,
    /// Until then.
    good_until: DateTime<Utc>,
}

impl From<Row> for Report {
    fn from(row: Row) -> Self {
        let period = row.params().ok();
        let file = row.file_at(Utc::now()).map(|_| address(paths::API_REPORT_FILE, row.id));
        Self {
            id: row.id.0,
            kind: row.kind.to_string(),
            format: row.format.to_string(),
            from: period.map(|period| period.from),
            to: period.map(|period| period.to),
            state: row.state.to_string(),
            problem: row.problem.map(|problem| problem.to_string()),
            rows: row.rows,
            rows_expected: row.rows_expected,
            bytes: row.bytes,
            sha256: row.sha256.map(hex::encode),
            created_at: row.created_at,
            finished_at: row.finished_at,
            expires_at: row.expires_at,
            file,
        }
    }
}

fn address(page: paths::Twin, id: ReportId) -> String {
    page.at(Locale::default()).replace("{id}", &id.to_string())
}

/// Asks for it, or gives the answer that was given under the same idempotency key.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    const DOING: &str = "asking for a report";
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let asked: ReportRequest = body::read(&headers, &bytes)?;
    let person = person(&app, caller).await?;
    let wish = wish(&asked, &person)?;
    let key = answers::key_of(&headers)?;
    let mut tx = app.db.begin().await.doing(DOING)?;
    let claim = match key {
        // Which report it is stands there once that is known.
        Some(key) => answers::claim(&mut tx, caller.id, key, &bytes, JobId::new()).await?,
        None => Claim::First,
    };
    let (id, replayed) = match claim {
        Claim::Answered(id, _) => (ReportId(id.0), true),
        Claim::First => {
            let (Asked::New(id) | Asked::Before(id)) =
                ask(&mut tx, &person, &wish).await.or_else(|error| Err(refusal(error)?))?;
            if let Some(key) = key {
                answers::note_answer(&mut tx, caller.id, key, id.0).await?;
            }
            tx.commit().await.doing(DOING)?;
            (id, false)
        }
    };
    let row = own(&app, &person, id).await?;
    let mut response = (StatusCode::ACCEPTED, Json(Report::from(row))).into_response();
    if let Ok(location) = HeaderValue::try_from(address(paths::API_REPORT, id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if replayed {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// What is asked for, in the words of the desk.
fn wish<'a>(asked: &'a ReportRequest, person: &'a User) -> Result<Wish<'a>, Problem> {
    let told = |what: String, at: &str| Problem::from(Told::new(StatusCode::UNPROCESSABLE_ENTITY, what).at(at));
    let kind: Kind = asked.kind.parse().map_err(|_| told(format!("there is no report {:?}", asked.kind), "/kind"))?;
    let format: Format = asked.format.parse().map_err(|_| told(format!("there is no format {:?}", asked.format), "/format"))?;
    let locale = match &asked.locale {
        None => person.locale,
        Some(locale) => locale.parse().map_err(|_| told(format!("there is no language {locale:?}: es or en"), "/locale"))?,
    };
    let time_zone = asked.time_zone.as_deref().unwrap_or(&person.time_zone);
    if time_zone.parse::<chrono_tz::Tz>().is_err() {
        return Err(told(format!("there is no time zone {time_zone:?}"), "/time_zone"));
    }
    let params = Params { from: asked.from, to: asked.to, client: asked.client.map(ClientId) };
    Ok(Wish { kind, format, params, locale, time_zone })
}

/// Why it is not asked for, in the request's own terms; the outer error: our own fault.
fn refusal(error: ReportError) -> Result<Problem, Problem> {
    let told = |status, what: String, at: &str| Ok(Told::new(status, what).at(at).into());
    match error {
        ReportError::NotAllowed => told(StatusCode::FORBIDDEN, "the person may not have such a report".to_owned(), "/kind"),
        ReportError::Period(problem) => told(StatusCode::UNPROCESSABLE_ENTITY, problem.to_string(), "/to"),
        ReportError::NoSuchClient => {
            let what = "there is no such client, or the report tells of none";
            told(StatusCode::UNPROCESSABLE_ENTITY, what.to_owned(), "/client")
        }
        ReportError::TooMany => Ok(Problem::TooMany(WAIT)),
        other => Err::<(), _>(other).doing("asking for a report").map(|()| Problem::NotFound),
    }
}

/// What was asked for in the person's name, by programs and on the pages.
pub(crate) async fn list(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    query: Result<Query<ReportsQuery>, QueryRejection>,
) -> Result<Json<Reports>, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let person = person(&app, caller).await?;
    let query = asked(query)?;
    let limit = page_size(query.limit)?;
    let place_of_last = after::<Uuid>(query.after.as_deref())?.map(|(at, id)| (at, ReportId(id)));
    let rows = Row::page_of(&app.db, person.id, place_of_last, i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
    let rows = rows.await.doing("listing reports")?;
    let (rows, next) = cut(rows, limit, |row| place(row.created_at, row.id));
    Ok(Json(Reports { reports: rows.into_iter().map(Into::into).collect(), next }))
}

/// Wants it no more: whoever makes it leaves off within a second.
pub(crate) async fn cancel(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Report>, Problem> {
    const DOING: &str = "giving a report up";
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let person = person(&app, caller).await?;
    let id = own(&app, &person, read_id(&id)?).await?.id;
    let mut tx = app.db.begin().await.doing(DOING)?;
    give_up(&mut tx, person.id, id).await.doing(DOING)?;
    tx.commit().await.doing(DOING)?;
    let report = own(&app, &person, id).await?;
    if report.state == Standing::Cancelled {
        return Ok(Json(report.into()));
    }
    Err(Told::new(StatusCode::CONFLICT, format!("the report is {}: there is nothing to leave off", report.state)).into())
}

/// Where it stands.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<Report>, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let person = person(&app, caller).await?;
    Ok(Json(own(&app, &person, read_id(&id)?).await?.into()))
}

/// A link to its file, and the note of who has fetched it.
pub(crate) async fn file(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
) -> Result<Json<ReportFile>, Problem> {
    let caller = visit.caller().ok_or(Problem::NotSignedIn)?;
    let person = person(&app, caller).await?;
    let report = own(&app, &person, read_id(&id)?).await?;
    // Who has fallen since it was made sees no more of it than of one that is made now.
    if !report.kind.may_have(person.role, report.scope) {
        return Err(Told::new(StatusCode::FORBIDDEN, "the person may not have such a report any more").into());
    }
    let now = Utc::now();
    let Some(key) = report.file_at(now) else {
        // One whose time is over is swept later.
        let (status, state) = match report.state {
            Standing::Ready | Standing::Expired => (StatusCode::GONE, Standing::Expired),
            state => (StatusCode::CONFLICT, state),
        };
        return Err(Told::new(status, format!("the report is {state}: there is no file")).into());
    };
    let Some(bucket) = &app.settings.bucket else {
        return Err(Problem::Unavailable(anyhow::anyhow!("a report is wanted, and S3_ENDPOINT is not set")));
    };
    if app.files.has_lost(bucket, key).await {
        tracing::error!(report = %report.id, "the store has lost the file of a report");
        return Err(Told::new(StatusCode::GONE, "the store has lost the file").into());
    }
    let url = downloads::link(bucket, key, GOOD_FOR)?.to_string();
    note(&app.db, person.id, "download_report", report.id).await.doing("noting a download")?;
    Ok(Json(ReportFile { url, good_until: now + GOOD_FOR }))
}

/// The report of that id, if it is the person's own; nobody else learns that there is one.
async fn own(app: &App, person: &User, id: ReportId) -> Result<Row, Problem> {
    let report = Row::find(&app.db, id).await.doing("looking up a report")?;
    report.filter(|report| report.requested_by == person.id).ok_or(Problem::NotFound)
}

fn read_id(text: &str) -> Result<ReportId, Problem> {
    text.parse().map(ReportId).map_err(|_| Problem::NotFound)
}
