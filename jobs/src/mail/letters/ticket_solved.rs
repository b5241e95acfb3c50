//! A ticket is solved.

use url::Url;

use super::{Blanks, Words, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct TicketSolved {
    /// The ticket's number.
    pub ticket: i64,
    /// The ticket's title.
    pub title: String,
    /// What was done; none: they were told before.
    pub words: Option<Words>,
    /// Leads to the ticket.
    pub link: Url,
}

written_in!(
    TicketSolved,
    "letters/ticket_solved.es.txt",
    "letters/ticket_solved.es.html",
    "letters/ticket_solved.en.txt",
    "letters/ticket_solved.en.html"
);

impl Blanks for TicketSolved {
    const KIND: &'static str = "ticket_solved";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            ticket: 2187,
            title: "El servidor de correo no entrega".to_owned(),
            words: Some(Words::of("Renovamos el certificado y el correo sale otra vez.\nAvisamos a todas las oficinas.")),
            link: page(home, locale, "/solicitudes/2187", "/tickets/2187"),
        }
    }
}
