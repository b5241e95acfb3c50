//! Clocks come to something: warned about, breached, escalated. What is told about it is written in the statement that moves them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::number::TicketId;

/// How many clocks one statement advances: no transaction grows with a backlog.
pub const MOST: i64 = 5_000;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Default, sqlx::FromRow)]
pub struct Advanced {
    /// Clocks that were due.
    pub clocks: i64,
    /// Alerts that are new.
    pub alerts: i64,
    /// Letters that were promised.
    pub letters: i64,
    /// How long after its moment each new alert was told, in seconds.
    pub late_s: Vec<f64>,
}

/// Advances those that have come to something before `at`, [`MOST`] of them at most.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn advance(tx: &mut PgConnection, at: DateTime<Utc>) -> sqlx::Result<Advanced> {
    advance_some(tx, at, None).await
}

/// As [`advance`], until none is left.
pub(super) async fn advance_all(tx: &mut PgConnection, at: DateTime<Utc>) -> sqlx::Result<()> {
    while advance(tx, at).await?.clocks == MOST {}
    Ok(())
}

/// Tells what a ticket's clocks have come to by now, before somebody moves them: between two looks of the monitor nothing gets lost.
pub(super) async fn advance_ticket(tx: &mut PgConnection, at: DateTime<Utc>, ticket: TicketId) -> sqlx::Result<()> {
    advance_some(tx, at, Some(ticket)).await.map(drop)
}

async fn advance_some(tx: &mut PgConnection, at: DateTime<Utc>, ticket: Option<TicketId>) -> sqlx::Result<Advanced> {
    sqlx::query_as(include_str!("sql/advance_clocks.sql")).bind(at).bind(MOST).bind(ticket).fetch_one(tx).await
}
