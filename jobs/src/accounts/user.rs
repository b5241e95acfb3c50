//! A person's account.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};

use super::{email_address::EmailAddress, full_name::FullName, locale::Locale, role::Role};

/// An account's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct UserId(pub i64);

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// An account as pages and letters see it: everything but the password.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// Where letters go; also the login.
    pub email: EmailAddress,
    /// The person's name.
    pub full_name: FullName,
    /// What they may open.
    pub role: Role,
    /// The language they chose.
    pub locale: Locale,
    /// An IANA time zone name, for dates on pages and in letters.
    pub time_zone: String,
    /// When they proved that the address is theirs.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// Since when the account is closed to them.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When they registered.
    pub created_at: DateTime<Utc>,
}

/// What a proven link changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// The address is verified from now on.
    Now,
    /// It was before.
    Before,
}

impl User {
    /// The account of that number.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: UserId) -> sqlx::Result<Option<Self>> {
        let sql =
            "select id, email::text as email, full_name, role, locale, time_zone, email_verified_at, disabled_at, created_at
                   from core.users where id = $1";
        sqlx::query_as(sql).bind(id).fetch_optional(db).await
    }

    /// The account that a live session belongs to. Asking for both at once makes the end of a session final, whatever a cache
    /// still believes.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find_by_session(db: impl PgExecutor<'_>, id: UserId, session_hash: &[u8; 32]) -> sqlx::Result<Option<Self>> {
        let sql = "select u.id, u.email::text as email, u.full_name, u.role, u.locale, u.time_zone, u.email_verified_at,
                          u.disabled_at, u.created_at
                   from core.users u join core.sessions s on s.user_id = u.id
                   where u.id = $1 and s.id_hash = $2 and s.expires_at > now() and u.disabled_at is null";
        sqlx::query_as(sql).bind(id).bind(session_hash.as_slice()).fetch_optional(db).await
    }

    /// Records that the address is theirs, if it is still the account's address, and notes it in the audit log.
    /// `None`: it is not, or the account is gone.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn verify_email(tx: &mut PgConnection, id: UserId, email: &EmailAddress) -> sqlx::Result<Option<Verified>> {
        let sql = "select email_verified_at from core.users where id = $1 and email = $2::citext for update";
        let row: Option<(Option<DateTime<Utc>>,)> =
            sqlx::query_as(sql).bind(id).bind(email.as_str()).fetch_optional(&mut *tx).await?;
        match row {
            None => Ok(None),
            Some((Some(_),)) => Ok(Some(Verified::Before)),
            Some((None,)) => {
                sqlx::query("update core.users set email_verified_at = now() where id = $1").bind(id).execute(&mut *tx).await?;
                sqlx::query("insert into core.audit_log (actor_id, action, subject) values ($1, 'verify_email', 'user:' || $1)")
                    .bind(id)
                    .execute(tx)
                    .await?;
                Ok(Some(Verified::Now))
            }
        }
    }
}
