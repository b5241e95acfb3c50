//! The help desk has answered a ticket.

use url::Url;

use super::{Blanks, Words, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct TicketAnswer {
    /// The ticket's number.
    pub ticket: i64,
    /// The ticket's title.
    pub title: String,
    /// Who has answered.
    pub author: String,
    /// What.
    pub words: Words,
    /// Leads to the ticket.
    pub link: Url,
}

written_in!(
    TicketAnswer,
    "letters/ticket_answer.es.txt",
    "letters/ticket_answer.es.html",
    "letters/ticket_answer.en.txt",
    "letters/ticket_answer.en.html"
);

impl Blanks for TicketAnswer {
    const KIND: &'static str = "ticket_answer";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            ticket: 2187,
            title: "El servidor de correo no entrega".to_owned(),
            author: "Íñigo Zúñiga Ceballos".to_owned(),
            words: Words::of(
                "Ya vimos el problema: el certificado del servidor caducó anoche.\n\n¿Nos confirmas desde qué oficina escribes?\nAsí lo probamos allí primero.",
            ),
            link: page(home, locale, "/solicitudes/2187", "/tickets/2187"),
        }
    }
}
