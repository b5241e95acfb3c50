//! Addresses that get no letters until somebody lifts it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::stream::Stream;
use crate::accounts::{email_address::EmailAddress, user::UserId};

/// Why an address is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Cause {
    /// A server said that there is no such mailbox.
    HardBounce,
    /// Letters to it came back [`super::bounce::SOFT_MAX`] times in [`super::bounce::SOFT_DAYS`] days.
    SoftBounces,
    /// Its reader called a letter of ours spam. They still get what they ask for.
    Complaint,
    /// An operator wanted it.
    Operator,
}

/// Why a letter is kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(super) enum Withheld {
    Closed,
    HardBounce,
    SoftBounces,
    Complaint,
    Operator,
    Unsubscribed,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "its reader's account is closed",
            Self::HardBounce => "its address is suppressed: a mail server has no such mailbox",
            Self::SoftBounces => "its address is suppressed: letters to it came back again and again",
            Self::Complaint => "its address is suppressed for such letters: its reader called one spam",
            Self::Operator => "its address is suppressed: an operator wanted it",
            Self::Unsubscribed => "its reader wants no letters of this stream",
        })
    }
}

/// A suppression in force.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Suppression {
    /// Its number.
    pub id: i64,
    /// Which address.
    pub address: String,
    /// Why.
    pub cause: Cause,
    /// What was seen.
    pub detail: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// How often the address was suppressed before, and that was lifted.
    pub lifted_before: i64,
}

/// Whether a letter of that stream may not go there, asked when it is about to leave.
pub(super) async fn withheld(
    db: &mut PgConnection,
    address: &EmailAddress,
    user_id: Option<UserId>,
    stream: Stream,
) -> sqlx::Result<Option<Withheld>> {
    sqlx::query_scalar(include_str!("sql/withheld.sql")).bind(address.as_str()).bind(stream).bind(user_id).fetch_one(db).await
}

/// Suppresses an address. Whether it was not, for such a cause, before.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn suppress(
    db: &mut PgConnection,
    address: &str,
    cause: Cause,
    detail: &str,
    message_id: Option<Uuid>,
) -> sqlx::Result<bool> {
    let detail: String = detail.chars().take(1000).collect();
    let inserted = sqlx::query(
        "insert into mail.suppressions (address, cause, detail, message_id) values ($1::citext, $2, $3, $4)
         on conflict (address, (cause = 'complaint')) where lifted_at is null do nothing",
    )
    .bind(address)
    .bind(cause)
    .bind(detail)
    .bind(message_id)
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Suppresses an address because an operator wants it, and notes in the audit log who did. `false`: it gets no letters already.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn suppress_by_hand(db: &mut PgConnection, address: &EmailAddress, why: &str, by: UserId) -> sqlx::Result<bool> {
    let suppressed =
        sqlx::query(include_str!("sql/suppress_by_hand.sql")).bind(address.as_str()).bind(why).bind(by).execute(db).await?;
    Ok(suppressed.rows_affected() > 0)
}

/// Lifts a suppression and notes in the audit log who did. `false`: there is none of that number in force.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn lift(db: &mut PgConnection, id: i64, by: UserId) -> sqlx::Result<bool> {
    let lifted = sqlx::query(include_str!("sql/lift.sql")).bind(id).bind(by).execute(db).await?;
    Ok(lifted.rows_affected() > 0)
}

/// Suppressions in force, the newest first: at most `limit`, older than the one numbered `before`, and only of addresses that hold
/// `part` if it is not empty.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn list(db: &mut PgConnection, part: &str, before: Option<i64>, limit: i64) -> sqlx::Result<Vec<Suppression>> {
    sqlx::query_as(include_str!("sql/list_suppressions.sql")).bind(part).bind(before).bind(limit).fetch_all(db).await
}
