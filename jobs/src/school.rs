//! What the school decides for itself: by which clock its days begin, and what becomes of certificates when money goes back.

use std::{fmt, str::FromStr};

use chrono_tz::Tz;
use serde::Serialize;
use serde_json::json;
use sqlx::{PgExecutor, PgPool, types::Json};

use crate::{
    accounts::time_zone,
    sales::{LOCK, refresh_sales_statistics::RefreshSalesStatistics},
};

/// What becomes of the certificate of a course when all its money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AfterRefund {
    /// It goes on to count: what somebody has learnt they know.
    Keep,
    /// It is revoked.
    Revoke,
}

impl AfterRefund {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Revoke => "revoke",
        }
    }
}

impl fmt::Display for AfterRefund {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AfterRefund {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Keep, Self::Revoke]
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or_else(|| "write keep or revoke".to_owned())
    }
}

/// What stands decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct School {
    /// By which clock a day of the business begins and ends: a zone of the IANA database.
    pub time_zone: String,
    /// What becomes of certificates.
    pub certificates_after_refund: AfterRefund,
}

impl School {
    /// Reads it.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn read(db: impl PgExecutor<'_>) -> sqlx::Result<Self> {
        sqlx::query_as("select time_zone, certificates_after_refund from school.settings").fetch_one(db).await
    }
}

/// What is to be different; what is none stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decision {
    /// The business's clock.
    pub time_zone: Option<Tz>,
    /// What becomes of certificates from now on. Those that ended stay so.
    pub certificates_after_refund: Option<AfterRefund>,
}

/// Why everything stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// Postgres could not tell that zone's time.
    #[error("the database does not know the time zone {0}")]
    UnknownZone(Tz),
    /// Postgres refused or could not be reached.
    #[error("changing what the school decides: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The statistics could not be promised.
    #[error("promising the statistics: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

/// Changes it in somebody's name. By another clock every movement may belong to another day, so all days are rolled up again, and none of the old ones
/// is left.
///
/// # Errors
/// Nothing was changed.
pub async fn decide(db: &PgPool, decision: Decision, by: &str) -> Result<School, DecideError> {
    if let Some(zone) = decision.time_zone
        && !time_zone::is_known(db, zone).await?
    {
        return Err(DecideError::UnknownZone(zone));
    }
    let mut tx = db.begin().await?;
    // Nobody rolls days up by the one clock while they are noted by the other.
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let before = School::read(&mut *tx).await?;
    sqlx::query("update school.settings set time_zone = coalesce($1, time_zone), certificates_after_refund = coalesce($2, certificates_after_refund)")
        .bind(decision.time_zone.map(|zone| zone.name()))
        .bind(decision.certificates_after_refund)
        .execute(&mut *tx)
        .await?;
    let after = School::read(&mut *tx).await?;
    if after == before {
        return Ok(before);
    }
    if after.time_zone != before.time_zone {
        sqlx::query(include_str!("sales/sql/note_every_day.sql")).execute(&mut *tx).await?;
        queue::enqueue(&mut tx, RefreshSalesStatistics {}).await?;
    }
    sqlx::query("insert into core.audit_log (action, subject, detail) values ('change_school', 'school', $1)")
        .bind(Json(json!({ "by": by, "before": before, "after": after })))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(after)
}
