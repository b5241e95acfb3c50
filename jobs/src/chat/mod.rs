//! What is said in channels of a chat.
//!
//! ```text
//! post ─tx─► a row of core.chat_notices and the promise of notify_slack ─► one message of all that waits in the channel
//!
//! waiting ─► sending ─► sent
//!   ▲           │  ├──► refused    the chat will never take it, or the channel is gone
//!   └───────────┘  └──► unknown    ─► sending     an urgent notice once, as a possible duplicate
//!     away, quiet
//! ```
//!
//! `sending` is committed before the message leaves. A row that an attempt finds so is one whose attempt died in between: unknown.

mod message;
pub mod notify_slack;

use std::collections::BTreeSet;

use queue::{EnqueueError, enqueue};
use sqlx::PgConnection;

use notify_slack::NotifySlack;

/// Something to be said.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// Where: a name of the setting SLACK_WEBHOOKS.
    pub channel: &'a str,
    /// What makes two requests the same notice, for example `sla:2187:breached`.
    pub key: &'a str,
    /// What: plain text, which means nothing to the chat but itself. Cut at 3,000 characters.
    pub text: &'a str,
    /// Whether it is worth arriving twice rather than never.
    pub is_urgent: bool,
}

/// Writes the notice down, once for its key, and promises that it is said. What else waits in the channel by then is said with it.
///
/// # Errors
/// Postgres refuses it (a name that is no channel's, an empty text) or cannot be reached.
pub async fn post(tx: &mut PgConnection, notice: Notice<'_>) -> Result<(), EnqueueError> {
    post_all(tx, &[notice]).await
}

/// The same for many.
///
/// # Errors
/// As [`post`]; then none is written down.
pub async fn post_all(tx: &mut PgConnection, notices: &[Notice<'_>]) -> Result<(), EnqueueError> {
    for channel in write_down(tx, notices).await? {
        enqueue(tx, NotifySlack { channel, test: false }).await?;
    }
    Ok(())
}

/// Answers the channels in which something is to be said now.
async fn write_down(tx: &mut PgConnection, notices: &[Notice<'_>]) -> sqlx::Result<BTreeSet<String>> {
    let texts: Vec<String> = notices.iter().map(|notice| message::cut(notice.text, message::LONGEST_NOTICE)).collect();
    let channels: Vec<String> = sqlx::query_scalar(include_str!("sql/post.sql"))
        .bind(notices.iter().map(|notice| notice.channel).collect::<Vec<_>>())
        .bind(notices.iter().map(|notice| notice.key).collect::<Vec<_>>())
        .bind(texts)
        .bind(notices.iter().map(|notice| notice.is_urgent).collect::<Vec<_>>())
        .fetch_all(tx)
        .await?;
    Ok(channels.into_iter().collect())
}
