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
    let written = sqlx::query(include_str!("sql/post.sql"))
        .bind(notice.channel)
        .bind(notice.key)
        .bind(message::cut(notice.text, message::LONGEST_NOTICE))
        .bind(notice.is_urgent)
        .execute(&mut *tx)
        .await?;
    if written.rows_affected() > 0 {
        enqueue(tx, NotifySlack { channel: notice.channel.to_owned(), test: false }).await?;
    }
    Ok(())
}
