//! Who reads the rules (calendars, policies, contracts) and who changes them do not meet in the middle.

use sqlx::PgConnection;

/// Postgres's advisory lock, by a number of our own.
const LOCK: i64 = 0x0de5_c0de;

/// For whoever works out deadlines by the rules: they stay as they are until the transaction ends. Taken before any row is locked.
pub(super) async fn read(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock_shared($1)").bind(LOCK).execute(tx).await.map(drop)
}

/// For whoever changes them: no ticket is written meanwhile, so that none is written by the old rules after all others were set anew.
pub(super) async fn change(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(tx).await.map(drop)
}
