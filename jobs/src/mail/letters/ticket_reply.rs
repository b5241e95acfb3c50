//! A client has written under a ticket.

use url::Url;

use super::{Blanks, Words, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct TicketReply {
    /// The ticket's number.
    pub ticket: i64,
    /// The ticket's title.
    pub title: String,
    /// Whose ticket it is.
    pub client: String,
    /// Who has written.
    pub author: String,
    /// What.
    pub words: Words,
    /// Leads to the ticket.
    pub link: Url,
}

written_in!(
    TicketReply,
    "letters/ticket_reply.es.txt",
    "letters/ticket_reply.es.html",
    "letters/ticket_reply.en.txt",
    "letters/ticket_reply.en.html"
);

impl Blanks for TicketReply {
    const KIND: &'static str = "ticket_reply";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            ticket: 2187,
            title: "El servidor de correo no entrega".to_owned(),
            client: "Cafés del Quindío S. A.".to_owned(),
            author: "Óscar Núñez Peña".to_owned(),
            words: Words::of("Escribimos desde la oficina de Armenia.\n\nDesde las nueve vuelve a entregar,\npero con retraso."),
            link: page(home, locale, "/solicitudes/2187", "/tickets/2187"),
        }
    }
}
