//! A ticket is closed, and nobody of the client's has asked for it.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, help_desk::words::VoidReason, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct TicketClosed {
    /// The ticket's number.
    pub ticket: i64,
    /// The ticket's title.
    pub title: String,
    /// Why it is closed.
    pub why: Closing,
    /// Leads to the ticket, or to the one in which it goes on.
    pub link: Url,
}

/// Why a ticket is closed.
#[derive(Debug, Clone)]
pub enum Closing {
    /// It was solved for so long, and nobody has opened it again.
    Solved {
        /// How long.
        days: i64,
    },
    /// It should not have been.
    Void(VoidReason),
    /// It goes on in another ticket of theirs.
    Merged {
        /// The other one's number.
        ticket: i64,
        /// What the other one is about.
        title: String,
    },
}

written_in!(
    TicketClosed,
    "letters/ticket_closed.es.txt",
    "letters/ticket_closed.es.html",
    "letters/ticket_closed.en.txt",
    "letters/ticket_closed.en.html"
);

impl Blanks for TicketClosed {
    const KIND: &'static str = "ticket_closed";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            ticket: 2187,
            title: "El servidor de correo no entrega".to_owned(),
            why: Closing::Merged { ticket: 2174, title: "Sin correo en la sede de Armenia".to_owned() },
            link: page(home, locale, "/solicitudes/2174", "/tickets/2174"),
        }
    }
}
