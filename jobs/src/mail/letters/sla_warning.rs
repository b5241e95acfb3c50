//! Deadlines of tickets are near, or have passed.

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{Blanks, page, written_in};
use crate::{
    accounts::locale::Locale,
    help_desk::words::Promise,
    mail::{reader::Reader, stream::Stream},
};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct SlaWarning {
    /// The deadlines, the worst first.
    pub deadlines: Vec<Deadline>,
    /// How many more there are, which the page has.
    pub others: u64,
    /// Leads to everything that somebody has to look at.
    pub link: Url,
}

/// A deadline that somebody has to look at.
#[derive(Debug, Clone)]
pub struct Deadline {
    /// The ticket's number.
    pub ticket: i64,
    /// The ticket's title.
    pub title: String,
    /// Whose ticket it is.
    pub client: String,
    /// What was promised by then.
    pub promise: Promise,
    /// The deadline.
    pub due_at: DateTime<Utc>,
    /// How long ago it passed when this was told; none: it is ahead.
    pub overdue: Option<Span>,
    /// Whether it was told before, and is told again because nothing has happened.
    pub is_escalated: bool,
    /// How much later than it should this is told, if that is worth a word.
    pub told_late: Option<Span>,
    /// Leads to the ticket.
    pub link: Url,
}

/// A length of time as people say it: minutes, hours, days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(TimeDelta);

impl Span {
    /// So long, to the minute.
    #[must_use]
    pub fn of(length: TimeDelta) -> Self {
        Self(length)
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.0.num_minutes();
        match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
            (0, 0, minutes) => write!(f, "{minutes} min"),
            (0, hours, minutes) => write!(f, "{hours} h {minutes} min"),
            (days, hours, _) => write!(f, "{days} d {hours} h"),
        }
    }
}

written_in!(
    SlaWarning,
    "letters/sla_warning.es.txt",
    "letters/sla_warning.es.html",
    "letters/sla_warning.en.txt",
    "letters/sla_warning.en.html"
);

impl SlaWarning {
    /// The deadline, if it is one alone.
    fn only(&self) -> Option<&Deadline> {
        match self.deadlines.as_slice() {
            [only] if self.others == 0 => Some(only),
            _ => None,
        }
    }

    /// How many there are.
    fn count(&self, reader: &Reader<'_>) -> String {
        reader.count(&(self.deadlines.len() as u64 + self.others))
    }
}

impl Deadline {
    /// The ticket as people name it.
    fn named(&self) -> String {
        format!("#{} {}", self.ticket, self.title)
    }
}

impl Blanks for SlaWarning {
    const KIND: &'static str = "sla_warning";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        let due_at = DateTime::from_timestamp(1_790_003_600, 0).unwrap_or_default();
        let near = Deadline {
            ticket: 2187,
            title: "El servidor de correo no entrega".to_owned(),
            client: "Cafés del Quindío S. A.".to_owned(),
            promise: Promise::FirstResponse,
            due_at,
            overdue: None,
            is_escalated: false,
            told_late: None,
            link: page(home, locale, "/solicitudes/2187", "/tickets/2187"),
        };
        let passed = Deadline {
            ticket: 2164,
            title: "La impresora de la recepción no tiene red".to_owned(),
            promise: Promise::Resolution,
            due_at: due_at - TimeDelta::minutes(95),
            overdue: Some(Span::of(TimeDelta::minutes(77))),
            is_escalated: true,
            told_late: Some(Span::of(TimeDelta::minutes(12))),
            link: page(home, locale, "/solicitudes/2164", "/tickets/2164"),
            ..near.clone()
        };
        Self { deadlines: vec![passed, near], others: 0, link: page(home, locale, "/alertas", "/alerts") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        let said =
            [0, 59, 61, 24 * 60 - 1, 24 * 60, 50 * 60 + 59].map(|minutes| Span::of(TimeDelta::minutes(minutes)).to_string());
        assert_eq!(said, ["0 min", "59 min", "1 h 1 min", "23 h 59 min", "1 d 0 h", "2 d 2 h"]);
    }
}
