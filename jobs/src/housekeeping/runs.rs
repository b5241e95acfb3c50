//! What keeping house has come to, run by run, and the promise of a run that only counts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use queue::{EnqueueError, Enqueued, Job, JobId, enqueue};
use sqlx::{PgConnection, PgExecutor, types::Json};

use super::{
    archive_tickets::ArchiveTickets, check_counters::CheckCounters, close_tickets::CloseTickets, make_partitions::MakePartitions,
    sweep_files::SweepFiles, sweep_ledger::SweepLedger, sweep_letters::SweepLetters,
    sweep_payment_messages::SweepPaymentMessages, sweep_remains::SweepRemains, sweep_reports::SweepReports,
    sweep_sessions::SweepSessions, sweep_tokens::SweepTokens,
};
use crate::accounts::user::UserId;

/// The jobs that keep house, by name. Each can also count what it would do, and do nothing.
pub const KEEPERS: [&str; 12] = [
    ArchiveTickets::NAME,
    CheckCounters::NAME,
    CloseTickets::NAME,
    MakePartitions::NAME,
    SweepFiles::NAME,
    SweepLedger::NAME,
    SweepLetters::NAME,
    SweepPaymentMessages::NAME,
    SweepRemains::NAME,
    SweepReports::NAME,
    SweepSessions::NAME,
    SweepTokens::NAME,
];

/// A run: a row of core.sweeps.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Run {
    /// Which job it was.
    pub job_id: JobId,
    /// What kind of job.
    pub job: String,
    /// Whether it only counted.
    pub dry_run: bool,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// When it was over. Nothing: it is under way, or its job ended otherwise.
    pub finished_at: Option<DateTime<Utc>>,
    /// How its job ended: `completed`, `dead` or `cancelled`. Nothing: it has not, or nobody knows any more.
    pub ended: Option<String>,
    /// How many rows it looked at.
    pub looked_at: i64,
    /// What of each sort it removed, made or found; would have, where it only counted.
    pub counts: Json<BTreeMap<String, i64>>,
}

/// Runs, the latest first: of one kind of job or of all, those before the run `before`, `limit` of them at most.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn list(db: impl PgExecutor<'_>, job: Option<&str>, before: Option<JobId>, limit: i64) -> sqlx::Result<Vec<Run>> {
    sqlx::query_as(include_str!("sql/list_runs.sql")).bind(job).bind(before).bind(limit).fetch_all(db).await
}

/// The latest run of each kind that is over, and the latest that only counted.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn latest(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Run>> {
    sqlx::query_as(include_str!("sql/latest_runs.sql")).bind(KEEPERS.as_slice()).fetch_all(db).await
}

/// Promises a run that only counts, and notes who wanted it. Nothing: there is no such job.
///
/// # Errors
/// It could not be promised.
pub async fn count_only(tx: &mut PgConnection, job: &str, by: UserId) -> Result<Option<Enqueued>, EnqueueError> {
    let dry_run = true;
    let promised = match job {
        ArchiveTickets::NAME => enqueue(&mut *tx, ArchiveTickets { dry_run }).await,
        CheckCounters::NAME => enqueue(&mut *tx, CheckCounters { repair: false }).await,
        CloseTickets::NAME => enqueue(&mut *tx, CloseTickets { dry_run }).await,
        MakePartitions::NAME => enqueue(&mut *tx, MakePartitions { dry_run }).await,
        SweepFiles::NAME => enqueue(&mut *tx, SweepFiles { dry_run }).await,
        SweepLedger::NAME => enqueue(&mut *tx, SweepLedger { dry_run }).await,
        SweepLetters::NAME => enqueue(&mut *tx, SweepLetters { dry_run }).await,
        SweepPaymentMessages::NAME => enqueue(&mut *tx, SweepPaymentMessages { dry_run }).await,
        SweepRemains::NAME => enqueue(&mut *tx, SweepRemains { dry_run }).await,
        SweepReports::NAME => enqueue(&mut *tx, SweepReports { dry_run }).await,
        SweepSessions::NAME => enqueue(&mut *tx, SweepSessions { dry_run }).await,
        SweepTokens::NAME => enqueue(&mut *tx, SweepTokens { dry_run }).await,
        _ => return Ok(None),
    }?;
    sqlx::query("insert into core.audit_log (actor_id, action, subject) values ($1, 'ask_dry_run', 'job:' || $2)")
        .bind(by)
        .bind(promised.id.to_string())
        .execute(tx)
        .await?;
    Ok(Some(promised))
}
