//! Who reads the rules (calendars, policies, contracts) and who changes them do not meet in the middle.

use chrono::{DateTime, SubsecRound as _, Utc};
use sqlx::PgConnection;

use super::{actor::Actor, advance::advance_all, rule_change::RuleChange, trouble::DeskError};

/// Postgres's advisory lock, by a number of our own.
const LOCK: i64 = 0x0de5_c0de;

/// For whoever works out deadlines by the rules: they stay as they are until the transaction ends. Taken before any row is locked.
pub(super) async fn read(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock_shared($1)").bind(LOCK).execute(tx).await.map(drop)
}

/// For whoever changes them or what follows them: whoever reads them waits until the transaction ends. Taken before any row is locked.
pub(super) async fn hold(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(tx).await.map(drop)
}

/// For whoever changes them: no ticket is written meanwhile, so that none is written by the old rules after all others were set anew, and what clocks
/// have come to by the old ones is told. Answers the moment from which the change counts.
///
/// # Errors
/// [`DeskError::ChangeUnderWay`]: clocks are following another change still; or Postgres refuses or cannot be reached.
pub(super) async fn begin_change(tx: &mut PgConnection, at: DateTime<Utc>) -> Result<DateTime<Utc>, DeskError> {
    hold(tx).await?;
    // One whose job is over is superseded by this one.
    if let Some(RuleChange { tickets, followed, is_stopped: false, .. }) = RuleChange::under_way(tx).await? {
        return Err(DeskError::ChangeUnderWay { followed, tickets });
    }
    // A ticket that was opened while this waited knows the rules that are gone: the change comes after it.
    let newest: Option<DateTime<Utc>> =
        sqlx::query_scalar("select max(created_at) from desk.tickets where status in ('new', 'open', 'waiting_client')")
            .fetch_one(&mut *tx)
            .await?;
    let at = newest.map_or(at.trunc_subsecs(0), |newest| newest.max(at.trunc_subsecs(0)));
    advance_all(tx, at).await?;
    Ok(at)
}

/// Writes what was done to the rules into the audit log.
pub(super) async fn note(
    tx: &mut PgConnection,
    actor: &Actor,
    action: &str,
    subject: String,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    sqlx::query("insert into core.audit_log (actor_id, action, subject, detail) values ($1, $2, $3, $4)")
        .bind(actor.id())
        .bind(action)
        .bind(subject)
        .bind(detail)
        .execute(tx)
        .await
        .map(drop)
}
