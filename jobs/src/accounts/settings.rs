//! What people set about their own account: what they are called, the language of their letters, and the clock of their days.

use chrono_tz::Tz;
use serde_json::json;
use sqlx::{PgPool, types::Json};

use super::{full_name::FullName, locale::Locale, time_zone, user::UserId};
use crate::certificates::request::{self, RequestError};

/// Why they stay as they were.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Postgres could not tell that zone's time.
    #[error("the database does not know the time zone {0}")]
    UnknownZone(Tz),
    /// Postgres refused or could not be reached.
    #[error("changing somebody's settings: {0}")]
    Postgres(#[from] sqlx::Error),
    /// What waited for the name could not be asked for.
    #[error(transparent)]
    Certificate(#[from] RequestError),
}

/// Sets all of them, and notes it where something is different. Certificates that waited for another name are issued under this one; those that were
/// issued stay as they are.
///
/// # Errors
/// Nothing was changed.
pub async fn set(db: &PgPool, id: UserId, name: &FullName, locale: Locale, time_zone: Tz) -> Result<(), SettingsError> {
    if !time_zone::is_known(db, time_zone).await? {
        return Err(SettingsError::UnknownZone(time_zone));
    }
    let mut tx = db.begin().await?;
    let was: String =
        sqlx::query_scalar("select full_name from core.users where id = $1 for update").bind(id).fetch_one(&mut *tx).await?;
    sqlx::query(
        "with changed as (
             update core.users set locale = $2, time_zone = $3, full_name = $5 where id = $1 and (locale, time_zone, full_name) <> ($2, $3, $5) returning id
         )
         insert into core.audit_log (actor_id, action, subject, detail) select id, 'set_preferences', 'user:' || id, $4 from changed",
    )
    .bind(id)
    .bind(locale)
    .bind(time_zone.name())
    .bind(Json(json!({ "locale": locale, "time_zone": time_zone.name(), "full_name": name.as_str() })))
    .bind(name)
    .execute(&mut *tx)
    .await?;
    if was != name.as_str() {
        request::renamed(&mut tx, id).await?;
    }
    tx.commit().await?;
    Ok(())
}
