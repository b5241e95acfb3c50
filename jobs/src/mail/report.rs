//! What mail servers and providers report of letters that they had taken: delivery reports (RFC 3464), complaints (RFC 5965) and Postmark's
//! events. Anybody can send one, so nothing in it is believed that does not carry the tag of a letter of ours.

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders as _};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    bounce::{Kind, kind_of},
    read_mail_report::ReadMailReport,
};
use crate::ports::links::Links;

/// Of a longer message only the beginning is kept: what is to be read stands before the letter that is sent back.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Where a report came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Source {
    /// A mail server piped the message in.
    Message,
    /// A provider posted an event.
    Webhook,
}

/// What a report says of one letter of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The letter.
    pub message_id: Uuid,
    /// How final it is.
    pub kind: Kind,
    /// The enhanced status code, where one was given.
    pub status: Option<String>,
    /// The server's words.
    pub detail: String,
}

/// Keeps a report and promises to read it. `false`: it is here already.
///
/// # Errors
/// It cannot be kept. Whoever brought it should bring it again.
pub async fn keep(db: &PgPool, source: Source, event_id: &str, body: &[u8]) -> Result<bool, KeepError> {
    let body = body.get(..MAX_BYTES).unwrap_or(body);
    let mut tx = db.begin().await?;
    let kept: Option<Uuid> = sqlx::query_scalar(
        "insert into mail.reports (id, source, event_id, body) values ($1, $2, $3, $4)
         on conflict (source, event_id) do nothing returning id",
    )
    .bind(Uuid::now_v7())
    .bind(source)
    .bind(event_id)
    .bind(body)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(report_id) = kept {
        queue::enqueue(&mut tx, ReadMailReport { report_id }).await?;
    }
    tx.commit().await?;
    Ok(kept.is_some())
}

/// What tells a message apart from all others: the SHA-256 of its bytes.
#[must_use]
pub fn fingerprint(message: &[u8]) -> String {
    Sha256::digest(message).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a report was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Postgres refuses or cannot be reached.
    #[error("Postgres did not take the report: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The job that reads it could not be promised.
    #[error("nobody could be promised to read the report: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

/// What a report tells, if it tells of a letter of ours.
#[must_use]
pub fn read(source: Source, body: &[u8], links: &Links) -> Option<Finding> {
    match source {
        Source::Message => read_message(body, links),
        Source::Webhook => read_event(body, links),
    }
}

fn read_message(raw: &[u8], links: &Links) -> Option<Finding> {
    let message = MessageParser::default().parse(raw)?;
    let told = told_by(&message)?;
    // The tag stands in the address that the report was sent to, or in the headers that it sends back; those may be encoded.
    let message_id = links
        .returned(&String::from_utf8_lossy(raw))
        .or_else(|| message.parts.iter().find_map(|part| links.returned(&String::from_utf8_lossy(part.contents()))))?;
    Some(Finding { message_id, ..told })
}

/// What the report's machine-readable part tells, of a letter yet to be found.
fn told_by(message: &Message<'_>) -> Option<Finding> {
    // The part names itself; `multipart/report` around it is not asked for, since lists and filters wrap reports once more.
    message.parts.iter().find_map(|part| match kind_of_part(part)?.as_str() {
        "delivery-status" | "global-delivery-status" => delivery_status(part.contents()),
        "feedback-report" => feedback_report(part.contents()),
        _ => None,
    })
}

fn kind_of_part(part: &MessagePart<'_>) -> Option<String> {
    let kind = part.content_type().filter(|kind| kind.ctype().eq_ignore_ascii_case("message"))?;
    kind.subtype().map(str::to_ascii_lowercase)
}

/// RFC 3464: groups of fields, the first about the message, each other one about a recipient. Our letters have one.
fn delivery_status(part: &[u8]) -> Option<Finding> {
    groups(part).into_iter().skip(1).find_map(|recipient| {
        let action = field(&recipient, "action")?;
        // "delayed" is not the end yet, and all the others are good news.
        if !action.eq_ignore_ascii_case("failed") {
            return None;
        }
        // A comment may follow.
        let status = field(&recipient, "status").and_then(|status| status.split_whitespace().next()).map(str::to_owned);
        let kind = status.as_deref().map_or(Kind::Soft, kind_of);
        let detail = field(&recipient, "diagnostic-code").or_else(|| field(&recipient, "status")).unwrap_or("failed");
        Some(Finding { message_id: Uuid::nil(), kind, detail: one_line(detail), status })
    })
}

/// RFC 5965: one group of fields.
fn feedback_report(part: &[u8]) -> Option<Finding> {
    let groups = groups(part);
    let fields = groups.first()?;
    let kind = field(fields, "feedback-type")?.to_ascii_lowercase();
    // The other types are not of a reader's making ("virus", "auth-failure"), or say the opposite ("not-spam").
    if !["abuse", "fraud", "opt-out", "other"].contains(&kind.as_str()) {
        return None;
    }
    let by = field(fields, "user-agent").unwrap_or("an unnamed reporter");
    let detail = one_line(&format!("complaint ({kind}), reported by {by}"));
    Some(Finding { message_id: Uuid::nil(), kind: Kind::Complaint, status: None, detail })
}

type Fields = Vec<(String, String)>;

/// Header-like fields in groups, which blank lines part; folded lines are put together.
fn groups(part: &[u8]) -> Vec<Fields> {
    const MOST: usize = 200;
    let text = String::from_utf8_lossy(part);
    let mut groups: Vec<Fields> = vec![Vec::new()];
    for line in text.lines().take(MOST) {
        if line.trim().is_empty() {
            if groups.last().is_some_and(|group| !group.is_empty()) {
                groups.push(Vec::new());
            }
            continue;
        }
        let Some(group) = groups.last_mut() else { continue };
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            group.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    groups
}

fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// An event of Postmark's webhooks for bounces and spam complaints, as far as it is read
/// (<https://postmarkapp.com/developer/webhooks/bounce-webhook>).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    record_type: String,
    #[serde(rename = "ID")]
    id: u64,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    details: String,
}

impl Event {
    /// Reads one.
    ///
    /// # Errors
    /// It is not JSON, or lacks what every event has.
    pub fn parse(body: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(body)
    }

    /// What tells it apart from all others. `None`: it tells of something that is not read here.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        matches!(self.record_type.as_str(), "Bounce" | "SpamComplaint").then(|| format!("{}:{}", self.record_type, self.id))
    }

    fn kind(&self) -> Option<Kind> {
        match (self.record_type.as_str(), self.r#type.as_str()) {
            ("SpamComplaint", _) | (_, "SpamComplaint" | "SpamNotification") => Some(Kind::Complaint),
            ("Bounce", "HardBounce" | "BadEmailAddress") => Some(Kind::Hard),
            ("Bounce", "SoftBounce" | "Undeliverable" | "DnsError" | "Blocked" | "SpamPolicy" | "DMARCPolicy" | "Unknown") => {
                Some(Kind::Soft)
            }
            // Notes of absence, changes of address, confirmations that are asked for: nothing came back.
            _ => None,
        }
    }
}

fn read_event(body: &[u8], links: &Links) -> Option<Finding> {
    let event = Event::parse(body).ok()?;
    let kind = event.kind()?;
    let message_id = links.returned(&String::from_utf8_lossy(body))?;
    let words = if event.details.is_empty() { &event.description } else { &event.details };
    let detail = one_line(&format!("{}: {words}", event.r#type));
    Some(Finding { message_id, kind, status: None, detail })
}

/// For tables and pages.
fn one_line(words: &str) -> String {
    let spaced: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(1000).collect()
}

/// Where the letter of a finding went. `None`: its row is gone.
pub(super) async fn address_of(db: &mut PgConnection, message_id: Uuid) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("select to_address::text from mail.messages where id = $1").bind(message_id).fetch_optional(db).await
}

#[cfg(test)]
mod tests;
