//! What is said in channels of a chat.
//!
//! ```text
//! post ─tx─► a row of core.chat_notices and the promise of notify_slack ─► one message of all that waits in the channel
//!
//! waiting ─► sending ─► sent
//!   ▲ │         │  ├──► refused    the chat will never take it, or the channel is gone
//!   │ ▼         │  └──► unknown    ─► sending     an urgent notice once, as a possible duplicate
//!   │ withdrawn │
//!   └───────────┘
//!     away, quiet
//! ```
//!
//! What is told of deadlines is looked at when its turn comes: withdrawn, if nobody need hear it any more, and put into the words of that moment.
//!
//! `sending` is committed before the message leaves. A row that an attempt finds so is one whose attempt died in between: unknown.

pub mod channel;
pub(crate) use message::cut;

mod message;
pub mod notify_slack;
pub mod webhook;

use std::collections::BTreeSet;

use queue::{EnqueueError, enqueue};
use sqlx::PgConnection;

use crate::ports::Ports;
use notify_slack::NotifySlack;

/// Something to be said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Notice<'a> {
    /// Where: a channel that an administrator or the setting SLACK_WEBHOOKS has given a webhook.
    pub channel: &'a str,
    /// What makes two requests the same notice, for example `sla:2187:breached`.
    pub key: &'a str,
    /// What: plain text, which means nothing to the chat but itself. Cut at 3,000 characters.
    pub text: &'a str,
    /// The path of the page of ours that it is about, to which it leads.
    pub page: Option<&'a str>,
    /// The path of the page on which everything of its sort stands, to which a digest leads.
    pub list: Option<&'a str>,
    /// Whether it is worth arriving twice rather than never.
    pub is_urgent: bool,
}

/// Whether notices for that channel would be said: it has a webhook, set on the site or by SLACK_WEBHOOKS.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn has_channel(tx: &mut PgConnection, ports: &Ports, name: &str) -> sqlx::Result<bool> {
    match &ports.chat {
        None => Ok(false),
        Some(chat) if chat.fingerprint(name).is_some() => Ok(true),
        Some(_) => {
            let sql = "select exists (select from core.chat_channels where name = $1 and webhook_seal is not null)";
            sqlx::query_scalar(sql).bind(name).fetch_one(tx).await
        }
    }
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
        .bind(notices.iter().map(|notice| notice.page).collect::<Vec<_>>())
        .bind(notices.iter().map(|notice| notice.list).collect::<Vec<_>>())
        .fetch_all(tx)
        .await?;
    Ok(channels.into_iter().collect())
}
