//! What people were told about deadlines, and who has taken note of it.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{
    actor::Actor,
    clock::{BREACHED, Level},
    number::{AlertId, TicketId},
    trouble::DeskError,
    words::{ClockState, Promise},
};

/// What was told about a deadline.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Alert {
    /// Its number.
    pub id: AlertId,
    /// Of which ticket.
    pub ticket_id: TicketId,
    /// The ticket's title.
    pub title: String,
    /// Whose ticket it is.
    pub client: String,
    /// What was promised.
    pub promise: Promise,
    /// Where the promise's clock stands now.
    pub state: ClockState,
    /// What the clock had come to.
    pub level: Level,
    /// Whether the clock has come no further since, and has the same deadline still.
    pub is_latest: bool,
    /// The deadline.
    pub due_at: DateTime<Utc>,
    /// When it should have been told.
    pub reached_at: DateTime<Utc>,
    /// When it was told.
    pub created_at: DateTime<Utc>,
    /// When somebody took note of it.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

impl Alert {
    /// Those of these numbers that there are, the worst first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn all(db: impl PgExecutor<'_>, ids: &[AlertId]) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(include_str!("sql/alerts.sql")).bind(ids).fetch_all(db).await
    }

    /// Whether the promise waits to be kept by that deadline, and nothing worse was told of it since.
    #[must_use]
    pub fn is_of_interest(&self) -> bool {
        self.is_latest && matches!(self.state, ClockState::Running | ClockState::Paused)
    }

    /// Whether the deadline had passed.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.level >= BREACHED
    }

    /// Whether it was told to managers because nothing had happened.
    #[must_use]
    pub fn is_escalated(&self) -> bool {
        self.level > BREACHED
    }
}

/// Somebody takes note of an alert; the first to do so stands beside it. Says whether it was they.
///
/// # Errors
/// The person does not work here, or Postgres refuses or cannot be reached.
pub async fn acknowledge(tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, alert: AlertId) -> Result<bool, DeskError> {
    acknowledge_all(tx, at, actor, &[alert]).await.map(|noted| !noted.is_empty())
}

/// The same of several at once. Answers those of which they are the first to take note.
///
/// # Errors
/// As [`acknowledge`].
pub async fn acknowledge_all(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    actor: &Actor,
    alerts: &[AlertId],
) -> Result<Vec<AlertId>, DeskError> {
    actor.must_be_agent()?;
    let noted = sqlx::query_scalar(
        // In one order, so that two who note the same do not wait for each other.
        "with these as (select id from desk.alerts where id = any ($1) and acknowledged_at is null order by id for update)
         update desk.alerts a set acknowledged_at = greatest($2, a.created_at), acknowledged_by = $3 from these where a.id = these.id returning a.id",
    )
    .bind(alerts)
    .bind(at)
    .bind(actor.id())
    .fetch_all(tx)
    .await?;
    Ok(noted)
}
