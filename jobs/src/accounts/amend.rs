//! What somebody else changes about an account: what the person is to the house, by which clock they live, and whether they may come in.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::json;
use sqlx::{PgConnection, PgExecutor, PgPool, types::Json};

use super::{
    email_address::EmailAddress,
    role::Role,
    time_zone,
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

impl Amendment {
    /// Whether nothing is to be different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.role.is_none() && self.time_zone.is_none() && self.closed.is_none()
    }
}

/// Whose account it is.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// Whoever has that address.
    Address(&'a EmailAddress),
    /// That person's.
    Id(UserId),
}

/// Who changes it.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// Somebody at a terminal, by the name that they gave.
    Name(&'a str),
    /// Somebody who is signed in.
    Person(&'a User),
}

impl By<'_> {
    fn id(&self) -> Option<UserId> {
        match self {
            Self::Name(_) => None,
            Self::Person(person) => Some(person.id),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Person(person) => person.email.as_str(),
        }
    }
}

/// Why an account stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// Nobody has that address, or that number.
    #[error("no account has the address {0}")]
    NoSuchAccount(String),
    /// Postgres could not tell that zone's time.
    #[error("the database does not know the time zone {0}")]
    UnknownZone(Tz),
    /// Nobody could change anything any more.
    #[error("this is the last account that administrates: make another one first")]
    LastAdmin,
    /// Postgres refused or could not be reached.
    #[error("changing the account: {0}")]
    Postgres(#[from] sqlx::Error),
}

/// An account as it is listed.
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
    /// The client for whom the person opens tickets.
    pub client: Option<String>,
    /// Since when it is closed.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// Which accounts are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// A part of their name or their address, without regard to accents; blank: all.
    pub find: &'a str,
    /// Those of that role.
    pub role: Option<Role>,
    /// Those that are closed, or those that are not.
    pub closed: Option<bool>,
}

/// Accounts by address; those after the address `after`, `limit` of them at most.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn list(db: &PgPool, wanted: Wanted<'_>, after: &str, limit: i64) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as(include_str!("sql/list_accounts.sql"))
        .bind(wanted.role)
        .bind(wanted.closed)
        .bind(wanted.find.trim())
        .bind(after)
        .bind(limit)
        .fetch_all(db)
        .await
}

/// What was changed about an account, and by whom.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Amended {
    /// When.
    pub at: DateTime<Utc>,
    /// The name of whoever is known here, or what they called themselves.
    pub by: Option<String>,
    /// What they became to the house.
    pub role: Option<String>,
    /// Their zone from then on.
    pub time_zone: Option<String>,
    /// Whether it was closed, or opened again.
    pub closed: Option<bool>,
}

/// The latest changes of an account by others, the last one first.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn history(db: impl PgExecutor<'_>, id: UserId, limit: i64) -> sqlx::Result<Vec<Amended>> {
    sqlx::query_as(
        "select a.at, coalesce(u.full_name, a.detail ->> 'by') as by, a.detail ->> 'role' as role, a.detail ->> 'time_zone' as time_zone,
             (a.detail ->> 'closed')::boolean as closed
         from core.audit_log a left join core.users u on u.id = a.actor_id
         where a.subject = 'user:' || $1 and a.action = 'amend_account' order by a.id desc limit $2",
    )
    .bind(id)
    .bind(limit)
    .fetch_all(db)
    .await
}

/// Changes somebody's account, and notes who did. Whoever is not let in any more is out at once: their sessions end with it.
///
/// # Errors
/// Nothing was changed.
pub async fn amend(db: &PgPool, whose: Whose<'_>, amendment: Amendment, by: By<'_>) -> Result<User, AmendError> {
    if let Some(zone) = amendment.time_zone
        && !time_zone::is_known(db, zone).await?
    {
        return Err(AmendError::UnknownZone(zone));
    }
    let mut tx = db.begin().await?;
    // One at a time, so that two cannot each leave the other as the last administrator.
    sqlx::query("select from core.users where role = 'admin' order by id for update").execute(&mut *tx).await?;
    let id = take(&mut tx, whose).await?;
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
    note(&mut tx, id, amendment, by).await?;
    let user = User::find(&mut *tx, id).await?.ok_or(sqlx::Error::RowNotFound)?;
    tx.commit().await?;
    Ok(user)
}

async fn take(tx: &mut PgConnection, whose: Whose<'_>) -> Result<UserId, AmendError> {
    let (found, called) = match whose {
        Whose::Address(email) => {
            let sql = "select id from core.users where email = $1::citext for update";
            (sqlx::query_scalar(sql).bind(email.as_str()).fetch_optional(tx).await?, email.to_string())
        }
        Whose::Id(id) => {
            let sql = "select id from core.users where id = $1 for update";
            (sqlx::query_scalar(sql).bind(id).fetch_optional(tx).await?, id.to_string())
        }
    };
    found.ok_or(AmendError::NoSuchAccount(called))
}

async fn note(tx: &mut PgConnection, id: UserId, amendment: Amendment, by: By<'_>) -> sqlx::Result<()> {
    let detail = json!({
        "by": by.name(),
        "role": amendment.role,
        "time_zone": amendment.time_zone.map(|zone| zone.name()),
        "closed": amendment.closed,
    });
    sqlx::query("insert into core.audit_log (actor_id, action, subject, detail) values ($3, 'amend_account', 'user:' || $1, $2)")
        .bind(id)
        .bind(Json(detail))
        .bind(by.id())
        .execute(tx)
        .await
        .map(drop)
}
