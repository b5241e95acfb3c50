//! What an operator changes about somebody's account: what the person is to the house, by which clock they live, and whether they may come in.

use chrono_tz::Tz;
use serde::Serialize;
use serde_json::json;
use sqlx::{PgConnection, PgPool, types::Json};

use super::{
    email_address::EmailAddress,
    role::Role,
    user::{User, UserId},
};

/// What is to be different; what is none stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Amendment {
    /// What the person is to the house.
    pub role: Option<Role>,
    /// By which clock their days, letters and reports go.
    pub time_zone: Option<Tz>,
    /// Whether the account is closed: nobody comes in by it, and no letter goes to it.
    pub closed: Option<bool>,
}

/// Why an account stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// Nobody has that address.
    #[error("no account has the address {0}")]
    NoSuchAccount(String),
    /// Nobody could change anything any more.
    #[error("this is the last account that administrates: make another one first")]
    LastAdmin,
    /// Postgres refused or could not be reached.
    #[error("changing the account: {0}")]
    Postgres(#[from] sqlx::Error),
}

/// An account as operators list it.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Listed {
    /// Its number.
    pub id: UserId,
    /// Its address.
    pub email: String,
    /// The person's name.
    pub full_name: String,
    /// What the person is to the house.
    pub role: Role,
    /// A zone of the IANA database.
    pub time_zone: String,
    /// Since when it is closed.
    pub disabled_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// The accounts of that role, or all, by address; those after `after`.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn list(db: &PgPool, role: Option<Role>, after: &str, limit: i64) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as(
        "select id, email::text as email, full_name, role, time_zone, disabled_at from core.users
         where ($1::text is null or role = $1) and email > $2::citext order by email limit $3",
    )
    .bind(role)
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await
}

/// Changes somebody's account, and notes who did. Whoever is not let in any more is out at once: their sessions end with it.
///
/// # Errors
/// Nothing was changed.
pub async fn amend(db: &PgPool, email: &EmailAddress, amendment: Amendment, actor: &str) -> Result<User, AmendError> {
    let mut tx = db.begin().await?;
    // One at a time, so that two cannot each leave the other as the last administrator.
    sqlx::query("select from core.users where role = 'admin' order by id for update").execute(&mut *tx).await?;
    let found: Option<UserId> = sqlx::query_scalar("select id from core.users where email = $1::citext for update")
        .bind(email.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    let id = found.ok_or_else(|| AmendError::NoSuchAccount(email.to_string()))?;
    sqlx::query(
        "update core.users set role = coalesce($2, role), time_zone = coalesce($3, time_zone),
             disabled_at = case $4 when true then coalesce(disabled_at, now()) when false then null else disabled_at end
         where id = $1",
    )
    .bind(id)
    .bind(amendment.role)
    .bind(amendment.time_zone.map(|zone| zone.name()))
    .bind(amendment.closed)
    .execute(&mut *tx)
    .await?;
    let is_led: bool = sqlx::query_scalar("select exists (select from core.users where role = 'admin' and disabled_at is null)")
        .fetch_one(&mut *tx)
        .await?;
    if !is_led && (amendment.role.is_some_and(|role| role != Role::Admin) || amendment.closed == Some(true)) {
        return Err(AmendError::LastAdmin);
    }
    if amendment.closed == Some(true) {
        sqlx::query("delete from core.sessions where user_id = $1").bind(id).execute(&mut *tx).await?;
    }
    note(&mut tx, id, amendment, actor).await?;
    let user = User::find(&mut *tx, id).await?.ok_or(sqlx::Error::RowNotFound)?;
    tx.commit().await?;
    Ok(user)
}

async fn note(tx: &mut PgConnection, id: UserId, amendment: Amendment, actor: &str) -> sqlx::Result<()> {
    let detail = json!({
        "by": actor,
        "role": amendment.role,
        "time_zone": amendment.time_zone.map(|zone| zone.name()),
        "closed": amendment.closed,
    });
    sqlx::query("insert into core.audit_log (action, subject, detail) values ('amend_account', 'user:' || $1, $2)")
        .bind(id)
        .bind(Json(detail))
        .execute(tx)
        .await
        .map(drop)
}
