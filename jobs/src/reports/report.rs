//! A report as it stands in the table: asked for, given up, found.

use chrono::{DateTime, Utc};
use queue::{Job as _, JobId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use super::{
    build_report::BuildReport,
    close_report::CloseReport,
    kind::{Format, Kind, Problem, Scope, State},
    wish::{Params, PeriodProblem, Wish},
};
use crate::accounts::{
    locale::Locale,
    user::{User, UserId},
};

/// A report's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct ReportId(pub Uuid);

impl std::fmt::Display for ReportId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A report.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Report {
    /// Its identity.
    pub id: ReportId,
    /// Who wants it.
    pub requested_by: UserId,
    /// What it tells.
    pub kind: Kind,
    /// What sort of file it is.
    pub format: Format,
    params: Json<serde_json::Value>,
    /// The language that it is written in.
    pub locale: Locale,
    /// The IANA time zone of its days and times.
    pub time_zone: String,
    /// Whose tickets are in it.
    pub scope: Scope,
    /// The morning that it was made for, if nobody asked for it.
    pub daily_at: Option<DateTime<Utc>>,
    /// The job that makes it.
    pub job_id: JobId,
    /// Where it stands.
    pub state: State,
    /// Why it has failed.
    pub problem: Option<Problem>,
    /// How many rows are written.
    pub rows: i64,
    /// Of how many, where that is known.
    pub rows_expected: Option<i64>,
    /// What it comes to in all, by the names of the columns.
    pub figures: Json<serde_json::Map<String, serde_json::Value>>,
    /// Where the file is in the store.
    pub object_key: Option<String>,
    /// How large it is.
    pub bytes: Option<i64>,
    /// SHA-256 of the file.
    pub sha256: Option<Vec<u8>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// From then on nobody is given the file.
    pub expires_at: Option<DateTime<Utc>>,
}

/// So many reports of one person may be waited for at once.
pub const MOST_LIVE: i64 = 10;

/// Why a report was not asked for. Nothing may be kept of the transaction.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The person's role does not allow it.
    #[error("the person's role does not allow such a report")]
    NotAllowed,
    /// The period is none.
    #[error(transparent)]
    Period(#[from] PeriodProblem),
    /// There is no such client.
    #[error("there is no such client")]
    NoSuchClient,
    /// So many of theirs are being made that another must wait.
    #[error("{MOST_LIVE} reports of theirs are being made")]
    TooMany,
    /// Postgres refused or could not be reached.
    #[error("the table of reports: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The job could not be promised.
    #[error("promising a report: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

impl Report {
    /// The report of that id.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: ReportId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("select * from core.reports where id = $1").bind(id).fetch_optional(db).await
    }

    /// What the client is called of whom alone it tells, if it does and there is one still.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn client_name(&self, db: impl PgExecutor<'_>) -> sqlx::Result<Option<String>> {
        let Some(client) = self.params().ok().and_then(|params| params.client) else { return Ok(None) };
        sqlx::query_scalar("select name from desk.clients where id = $1").bind(client).fetch_optional(db).await
    }

    /// Somebody's reports, the latest first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn of(db: impl PgExecutor<'_>, user: UserId, limit: i64) -> sqlx::Result<Vec<Self>> {
        Self::page_of(db, user, None, limit).await
    }

    /// A page of somebody's reports, the latest first, behind the time and id of the last one of the page before.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn page_of(
        db: impl PgExecutor<'_>,
        user: UserId,
        after: Option<(DateTime<Utc>, ReportId)>,
        limit: i64,
    ) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(
            "select * from core.reports
             where requested_by = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
             order by created_at desc, id desc limit $4",
        )
        .bind(user)
        .bind(after.map(|(at, _)| at))
        .bind(after.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(db)
        .await
    }

    /// About when and whom it tells.
    ///
    /// # Errors
    /// Somebody has written what no page sends.
    pub fn params(&self) -> Result<Params, serde_json::Error> {
        Params::deserialize(&self.params.0)
    }

    /// The key of its file, if there is one at that time.
    #[must_use]
    pub fn file_at(&self, now: DateTime<Utc>) -> Option<&str> {
        let is_there = self.state == State::Ready && self.expires_at.is_some_and(|end| now < end);
        self.object_key.as_deref().filter(|_| is_there)
    }
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is promised.
    New(ReportId),
    /// The same is being made already.
    Before(ReportId),
}

/// Asks for a report. Who asks for what is being made for them is given that.
///
/// # Errors
/// They may not, or the wish makes no sense, or Postgres refuses.
pub async fn ask(tx: &mut PgConnection, user: &User, wish: &Wish<'_>) -> Result<Asked, ReportError> {
    let scope = wish.kind.scope_of(user.role).ok_or(ReportError::NotAllowed)?;
    wish.params.check()?;
    if let Some(client) = wish.params.client {
        let is_there: bool =
            sqlx::query_scalar("select exists (select from desk.clients where id = $1)").bind(client).fetch_one(&mut *tx).await?;
        if !is_there || !wish.kind.has_clients() {
            return Err(ReportError::NoSuchClient);
        }
    }
    let written = write(tx, user.id, wish, scope, None).await?;
    if let Asked::New(id) = written {
        let live: i64 = sqlx::query_scalar(
            "select count(*) from core.reports where requested_by = $1 and state in ('queued', 'running') and daily_at is null",
        )
        .bind(user.id)
        .fetch_one(&mut *tx)
        .await?;
        if live > MOST_LIVE {
            return Err(ReportError::TooMany);
        }
        note(tx, user.id, "request_report", id).await?;
    }
    Ok(written)
}

/// Writes the row and promises the job.
pub(super) async fn write(
    tx: &mut PgConnection,
    user: UserId,
    wish: &Wish<'_>,
    scope: Scope,
    daily_at: Option<DateTime<Utc>>,
) -> Result<Asked, ReportError> {
    let mut hash = wish.hash();
    if daily_at.is_some() {
        // A morning's report is not the one that somebody asks for themselves, though they may say the same.
        hash = Sha256::digest(hash).into();
    }
    loop {
        let (id, job_id) = (ReportId(Uuid::now_v7()), JobId::new());
        let written: Option<ReportId> = sqlx::query_scalar(include_str!("sql/write_report.sql"))
            .bind(id)
            .bind(user)
            .bind(wish.kind)
            .bind(wish.format)
            .bind(Json(wish.params))
            .bind(hash.as_slice())
            .bind(wish.locale)
            .bind(wish.time_zone)
            .bind(scope)
            .bind(daily_at)
            .bind(job_id)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(report_id) = written {
            let order = BuildReport { report_id }.with_id(job_id).on_end(CloseReport { report_id });
            queue::enqueue(tx, order).await?;
            return Ok(Asked::New(report_id));
        }
        let live: Option<ReportId> = sqlx::query_scalar(
            "select id from core.reports
             where (requested_by, kind, format, params_hash) = ($1, $2, $3, $4) and state in ('queued', 'running')",
        )
        .bind(user)
        .bind(wish.kind)
        .bind(wish.format)
        .bind(hash.as_slice())
        .fetch_optional(&mut *tx)
        .await?;
        // It may have ended between the two questions: then there is room for another.
        if let Some(live) = live {
            return Ok(Asked::Before(live));
        }
    }
}

/// Somebody wants a report of theirs no more. Whoever makes it hears of it within a second. Says whether there was something to give up.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn cancel(tx: &mut PgConnection, user: UserId, id: ReportId) -> sqlx::Result<bool> {
    let given_up = sqlx::query(
        "update core.reports set state = 'cancelled', finished_at = clock_timestamp()
         where id = $1 and requested_by = $2 and state in ('queued', 'running')",
    )
    .bind(id)
    .bind(user)
    .execute(&mut *tx)
    .await?;
    if given_up.rows_affected() == 1 {
        note(tx, user, "cancel_report", id).await?;
    }
    Ok(given_up.rows_affected() == 1)
}

/// Notes what somebody did with a report: `download_report`.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn note(db: impl PgExecutor<'_>, user: UserId, action: &str, id: ReportId) -> sqlx::Result<()> {
    sqlx::query("insert into core.audit_log (actor_id, action, subject) values ($1, $2, 'report:' || $3::text)")
        .bind(user)
        .bind(action)
        .bind(id)
        .execute(db)
        .await
        .map(drop)
}
