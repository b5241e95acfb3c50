//! What the sandbox's mail server tells about the mail it kept and the sessions it held.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The line that the sandbox prints on stdout once everything listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ready {
    /// Mailbox pages and API, `http://host:port`.
    pub http: String,
    /// SMTP with STARTTLS, `host:port`.
    pub smtp: String,
    /// SMTP over TLS from the first byte, `host:port`.
    pub smtps: String,
    /// S3, `http://host:port`; buckets are in the path.
    pub s3: String,
    /// The stand-in for Stripe's API, `http://host:port`.
    pub stripe: String,
    /// The stand-in for PayPal's API, `http://host:port`.
    pub paypal: String,
    /// The authority behind the certificates that it signs messages with, PEM.
    pub paypal_roots_file: PathBuf,
    /// The authority that signed the SMTP server's certificate, PEM.
    pub ca_file: PathBuf,
}

/// A message that the mail server kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mail {
    /// A UUIDv7: ids sort by time of arrival.
    pub id: String,
    /// The envelope's sender; empty for a bounce.
    pub from: String,
    /// The envelope's recipients, in their order.
    pub to: Vec<String>,
    /// Decoded; empty when there is none.
    pub subject: String,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// The first text/plain part, decoded.
    pub text: Option<String>,
    /// The first text/html part, decoded.
    pub html: Option<String>,
    /// All headers in their order, unfolded, encoded words decoded.
    pub headers: Vec<(String, String)>,
    /// Whether the session was encrypted.
    pub tls: bool,
    /// The user that the session had authenticated as.
    pub auth_user: Option<String>,
    /// The name that the client gave in EHLO or HELO.
    pub helo: String,
    /// When the final dot came.
    pub received_at: DateTime<Utc>,
}

impl Mail {
    /// The first header of this name (any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first link that contains this, in the text, else in the HTML: how a test follows a letter.
    pub fn link_with(&self, part: &str) -> Option<String> {
        let in_text = self.text.as_deref().and_then(|text| first_link(text, part));
        in_text.or_else(|| Some(first_link(self.html.as_deref()?, part)?.replace("&amp;", "&")))
    }
}

fn first_link(body: &str, part: &str) -> Option<String> {
    body.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')'))
        .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
        // A sentence's end is not the address's.
        .map(|link| link.trim_end_matches(['.', ',', ';', ':', '!', '?']))
        .find(|link| link.contains(part))
        .map(str::to_owned)
}

/// One session of the mail server, as far as it went: what `GET /api/log/smtp` lists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SmtpSession {
    /// Counts up from 1 since the sandbox started.
    pub id: u64,
    /// When the client connected.
    pub started_at: DateTime<Utc>,
    /// The client's address.
    pub peer: String,
    /// `smtp` or `smtps`.
    pub port: String,
    /// `C: ` what the client said, `S: ` what the server said, `* ` what happened. Credentials are `***`, a message its size.
    pub lines: Vec<String>,
    /// How it ended; none while it lasts.
    pub ended: Option<String>,
}
