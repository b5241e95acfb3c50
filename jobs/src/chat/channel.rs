//! Channels as administrators see and set them.

use chrono::{DateTime, Utc};
use queue::{EnqueueError, JobId, Secret, enqueue, open_for, seal_for};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

use super::{notify_slack::NotifySlack, webhook::Webhook};
use crate::accounts::user::UserId;

/// The name of a channel: 1 to 40 of a-z, 0-9, _ and -, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct ChannelName(String);

/// A channel, and how it fares.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Channel {
    /// What notices call it.
    pub name: String,
    /// Where the webhook leads that was set on the site; none: there is none, and the setting's counts.
    pub webhook_origin: Option<String>,
    /// When that was set.
    pub webhook_set_at: Option<DateTime<Utc>>,
    /// By whom.
    pub webhook_set_by: Option<String>,
    /// Since when nobody is reached there.
    pub disabled_at: Option<DateTime<Utc>>,
    /// What the chat said then.
    pub disabled_for: Option<String>,
    /// Until when the chat has asked for quiet.
    pub quiet_until: Option<DateTime<Utc>>,
    /// How many notices are to be said.
    pub waiting: i64,
    /// How many were said in the last seven days.
    pub said: i64,
    /// In how many messages.
    pub messages: i64,
    /// How many of those were digests of several.
    pub digests: i64,
    /// How many of the last seven days' will never be said.
    pub refused: i64,
    /// Of how many of them nobody knows.
    pub unknown: i64,
    /// When the last was said.
    pub said_at: Option<DateTime<Utc>>,
}

/// Why a channel is not changed. Nothing may be kept of the transaction.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// There is no such channel.
    #[error("there is no such channel")]
    NoSuchChannel,
    /// Nothing can be sealed here.
    #[error("a webhook can only be kept sealed, and there are no keys for that: set SECRET_ARGS_KEYS")]
    NoKeys,
    /// The trial could not be promised.
    #[error("promising a trial: {0}")]
    Enqueue(#[from] EnqueueError),
    /// Postgres refused or could not be reached.
    #[error("the channels of the chat: {0}")]
    Postgres(#[from] sqlx::Error),
}

impl ChannelName {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() <= 40
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For what its webhook is sealed: the seal of one channel opens none of another.
    fn place(&self) -> String {
        format!("chat {}", self.0)
    }
}

impl Channel {
    /// Every channel that was set, or in which something was said, by name.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn all(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(include_str!("sql/channels.sql")).fetch_all(db).await
    }
}

/// Sets the webhook of a channel, in place of the one that it had here; another one ends its being disabled.
///
/// # Errors
/// [`ChannelError::NoKeys`]; or Postgres refuses or cannot be reached.
pub async fn set_webhook(tx: &mut PgConnection, by: UserId, name: &ChannelName, webhook: &Webhook) -> Result<(), ChannelError> {
    let seal = seal_for(&name.place(), webhook.expose()).ok_or(ChannelError::NoKeys)?;
    sqlx::query(include_str!("sql/set_webhook.sql"))
        .bind(name)
        .bind(seal)
        .bind(webhook.origin())
        .bind(by)
        .bind(webhook.fingerprint().as_slice())
        .execute(&mut *tx)
        .await?;
    note(tx, by, "set_chat_webhook", name, json!({ "origin": webhook.origin() })).await?;
    Ok(())
}

/// Forgets the webhook that was set here: the setting's counts again, if it has one.
///
/// # Errors
/// There is no such channel, or Postgres refuses or cannot be reached.
pub async fn forget_webhook(tx: &mut PgConnection, by: UserId, name: &ChannelName) -> Result<(), ChannelError> {
    let forgotten = sqlx::query(
        "update core.chat_channels set webhook_seal = null, webhook_origin = null, webhook_set_at = null, webhook_set_by = null
         where name = $1 and webhook_seal is not null",
    )
    .bind(name)
    .execute(&mut *tx)
    .await?;
    if forgotten.rows_affected() == 0 {
        return Err(ChannelError::NoSuchChannel);
    }
    note(tx, by, "forget_chat_webhook", name, json!({})).await?;
    Ok(())
}

/// A channel that the chat has turned away is used again.
///
/// # Errors
/// There is no such channel, or Postgres refuses or cannot be reached.
pub async fn enable(tx: &mut PgConnection, by: UserId, name: &ChannelName) -> Result<(), ChannelError> {
    let enabled = sqlx::query(
        "update core.chat_channels set disabled_at = null, disabled_for = null, disabled_webhook = null where name = $1",
    )
    .bind(name)
    .execute(&mut *tx)
    .await?;
    if enabled.rows_affected() == 0 {
        return Err(ChannelError::NoSuchChannel);
    }
    note(tx, by, "enable_chat_channel", name, json!({})).await?;
    Ok(())
}

/// Promises that a trial is said in the channel, which tries one that is disabled again. Answers the job.
///
/// # Errors
/// There is no such channel: none was set, and nothing was said in it; or Postgres refuses or cannot be reached.
pub async fn try_out(tx: &mut PgConnection, by: UserId, name: &ChannelName) -> Result<JobId, ChannelError> {
    let exists: bool = sqlx::query_scalar("select exists (select from core.chat_channels where name = $1)")
        .bind(name)
        .fetch_one(&mut *tx)
        .await?;
    if !exists {
        return Err(ChannelError::NoSuchChannel);
    }
    let job = enqueue(&mut *tx, NotifySlack { channel: name.0.clone(), test: true }).await?;
    note(tx, by, "try_chat_channel", name, json!({ "job": job.id })).await?;
    Ok(job.id)
}

/// The webhook that was set here for a channel; the inner error says why it cannot be opened.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(super) async fn own_webhook(
    db: impl PgExecutor<'_>,
    name: &ChannelName,
) -> sqlx::Result<Option<Result<Secret<String>, String>>> {
    let seal: Option<Option<String>> =
        sqlx::query_scalar("select webhook_seal from core.chat_channels where name = $1").bind(name).fetch_optional(db).await?;
    Ok(seal.flatten().map(|seal| open_for(&name.place(), &seal)))
}

async fn note(
    tx: &mut PgConnection,
    by: UserId,
    action: &str,
    name: &ChannelName,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    sqlx::query("insert into core.audit_log (actor_id, action, subject, detail) values ($1, $2, 'chat_channel:' || $3, $4)")
        .bind(by)
        .bind(action)
        .bind(name)
        .bind(detail)
        .execute(tx)
        .await
        .map(drop)
}
