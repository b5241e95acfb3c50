//! Somebody has given a ticket to an agent.

use chrono::{DateTime, Utc};
use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, help_desk::words::Priority, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct TicketAssigned {
    /// The ticket's number.
    pub ticket: i64,
    /// The ticket's title.
    pub title: String,
    /// Whose ticket it is.
    pub client: String,
    /// How much depends on it.
    pub priority: Priority,
    /// The deadline that comes next, if something is promised.
    pub due_at: Option<DateTime<Utc>>,
    /// Who has given it to them; none: their account is gone.
    pub by: Option<String>,
    /// Leads to the ticket.
    pub link: Url,
}

written_in!(
    TicketAssigned,
    "letters/ticket_assigned.es.txt",
    "letters/ticket_assigned.es.html",
    "letters/ticket_assigned.en.txt",
    "letters/ticket_assigned.en.html"
);

impl TicketAssigned {
    /// The ticket as people name it.
    fn named(&self) -> String {
        format!("#{} {}", self.ticket, self.title)
    }
}

impl Blanks for TicketAssigned {
    const KIND: &'static str = "ticket_assigned";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            ticket: 2187,
            title: "El servidor de correo no entrega".to_owned(),
            client: "Cafés del Quindío S. A.".to_owned(),
            priority: Priority::Urgent,
            due_at: DateTime::from_timestamp(1_790_003_600, 0),
            by: Some("Consuelo Güell Ávila".to_owned()),
            link: page(home, locale, "/solicitudes/2187", "/tickets/2187"),
        }
    }
}
