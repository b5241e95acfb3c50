//! A deadline of a ticket is near, or has passed.

use chrono::{DateTime, Utc};
use url::Url;

use super::{Blanks, page, written_in};
use crate::mail::stream::Stream;

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct SlaWarning {
    /// The ticket's number.
    pub ticket: u64,
    /// The ticket's title.
    pub title: String,
    /// Whose ticket it is.
    pub client: String,
    /// What was promised by then.
    pub promise: Promise,
    /// The deadline.
    pub due_at: DateTime<Utc>,
    /// Whether it has passed.
    pub is_breached: bool,
    /// Leads to the ticket.
    pub link: Url,
}

written_in!(
    SlaWarning,
    "letters/sla_warning.es.txt",
    "letters/sla_warning.es.html",
    "letters/sla_warning.en.txt",
    "letters/sla_warning.en.html"
);

impl SlaWarning {
    /// The ticket as people name it.
    fn named(&self) -> String {
        format!("#{} {}", self.ticket, self.title)
    }
}

impl Blanks for SlaWarning {
    const KIND: &'static str = "sla_warning";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url) -> Self {
        Self {
            ticket: 2187,
            title: "El servidor de correo no entrega".to_owned(),
            client: "Cafés del Quindío S. A.".to_owned(),
            promise: Promise::FirstResponse,
            due_at: DateTime::from_timestamp(1_790_003_600, 0).unwrap_or_default(),
            is_breached: false,
            link: page(home, "/tickets/2187"),
        }
    }
}

/// What was promised by a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// That somebody answers.
    FirstResponse,
    /// That it is solved.
    Resolution,
}
