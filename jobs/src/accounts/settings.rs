//! What people set about their own account: the language of their letters, and the clock of their days.

use chrono_tz::Tz;
use serde_json::json;
use sqlx::{PgPool, types::Json};

use super::{locale::Locale, time_zone, user::UserId};

/// Why they stay as they were.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Postgres could not tell that zone's time.
    #[error("the database does not know the time zone {0}")]
    UnknownZone(Tz),
    /// Postgres refused or could not be reached.
    #[error("changing somebody's settings: {0}")]
    Postgres(#[from] sqlx::Error),
}

/// Sets both, and notes it where something is different.
///
/// # Errors
/// Nothing was changed.
pub async fn set(db: &PgPool, id: UserId, locale: Locale, time_zone: Tz) -> Result<(), SettingsError> {
    if !time_zone::is_known(db, time_zone).await? {
        return Err(SettingsError::UnknownZone(time_zone));
    }
    sqlx::query(
        "with changed as (
             update core.users set locale = $2, time_zone = $3 where id = $1 and (locale, time_zone) <> ($2, $3) returning id
         )
         insert into core.audit_log (actor_id, action, subject, detail) select id, 'set_preferences', 'user:' || id, $4 from changed",
    )
    .bind(id)
    .bind(locale)
    .bind(time_zone.name())
    .bind(Json(json!({ "locale": locale, "time_zone": time_zone.name() })))
    .execute(db)
    .await?;
    Ok(())
}
