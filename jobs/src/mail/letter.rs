//! A letter, fully written: everything but the way it travels.

use std::fmt;

use chrono::{DateTime, Utc};
use url::Url;
use uuid::Uuid;

use super::return_tag::ReturnTag;
use crate::accounts::{email_address::EmailAddress, full_name::FullName, locale::Locale};

/// A letter to one person. No field can carry a line break into a header.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Who it is for.
    pub to: Recipient,
    /// The language it is written in.
    pub locale: Locale,
    /// What it is about.
    pub subject: HeaderText,
    /// For those who read text: lines of at most 76 characters where the words allow it.
    pub text: String,
    /// The same for those who read HTML.
    pub html: String,
    /// Its identity. A repeat has the same.
    pub message_id: MessageId,
    /// When it was written: its Date.
    pub written_at: DateTime<Utc>,
    /// Where its reader says no to such letters with one click (RFC 8058).
    pub unsubscribe: Option<Url>,
    /// What a letter that comes back is known by.
    pub return_tag: ReturnTag,
}

/// Whom a letter is addressed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Shown beside the address.
    pub name: Option<HeaderText>,
    /// Where it goes.
    pub address: EmailAddress,
}

/// Text that may stand in a header: one line, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText(String);

/// A Message-ID without its angle brackets (RFC 5322, 3.6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(String);

impl Recipient {
    /// A person, with their name where it may be shown: see [`presentable`].
    #[must_use]
    pub fn new(name: &FullName, address: EmailAddress) -> Self {
        Self { name: presentable(name).map(HeaderText::new), address }
    }
}

impl HeaderText {
    /// The text with each run of line breaks, control characters and spaces made one space: `\r\nBcc: x` stays in its header.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let spaced: String = text.chars().map(|c| if breaks_a_line(c) { ' ' } else { c }).collect();
        Self(spaced.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MessageId {
    /// The identity of the letter whose row is `id`. `domain` is the sender's.
    #[must_use]
    pub fn new(id: Uuid, domain: &str) -> Self {
        Self(format!("{id}@{domain}"))
    }

    /// An identity that was made before and stored.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')).collect())
    }

    /// The identity, without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name, if a letter may show it. Anybody may register anybody's address under any name, so a name that carries a message of
/// its own (a link, an address, a telephone number, a sentence) is not passed on: our letters would be its postman.
#[must_use]
pub fn presentable(name: &FullName) -> Option<&str> {
    const MAX_CHARS: usize = 80;
    const MAX_DIGITS: usize = 4;

    let name = name.as_str();
    let carries_a_link = name.contains(['@', '/', '\\']) || name.to_lowercase().contains("www.") || has_domain(name);
    let carries_a_number = name.chars().filter(|c| c.is_numeric()).count() > MAX_DIGITS;
    (name.chars().count() <= MAX_CHARS && !carries_a_link && !carries_a_number).then_some(name)
}

/// A dot with at least two letters on both sides, as in `premio.example`. «J.R.R. Tolkien» and «M.ª Luz» have none.
fn has_domain(name: &str) -> bool {
    let pieces: Vec<&str> = name.split(['.', '。']).collect();
    pieces.windows(2).any(|pair| {
        let before = pair[0].chars().rev().take_while(|c| c.is_alphanumeric()).count();
        let after = pair[1].chars().take_while(|c| c.is_alphanumeric()).count();
        before >= 2 && after >= 2
    })
}

fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> Option<String> {
        presentable(&FullName::parse(name).expect("a name")).map(str::to_owned)
    }

    #[test]
    fn a_line_break_cannot_leave_its_header() {
        for text in [
            "x\r\nBcc: y@z.example",
            "x\nBcc: y@z.example",
            "x\rBcc: y@z.example",
            "x\u{2028}Bcc: y@z.example",
            "x\0Bcc: y@z.example",
        ] {
            assert_eq!(HeaderText::new(text).as_str(), "x Bcc: y@z.example", "{text:?}");
        }
        assert_eq!(MessageId::stored("a@b>\r\nBcc: c").as_str(), "a@bBcc:c");
    }

    #[test]
    fn peoples_names_are_shown() {
        for name in [
            "Begoña Núñez de la Peña",
            "李雷",
            "Ana 🌻",
            "<script>alert(1)</script>".trim_end_matches("/script>"),
            "J.R.R. Tolkien",
        ] {
            assert_eq!(shown(name).as_deref(), Some(name));
        }
        assert_eq!(shown("M.ª Luz Gil").as_deref(), Some("M.ª Luz Gil"));
        assert_eq!(shown("Juan Carlos III").as_deref(), Some("Juan Carlos III"));
    }

    #[test]
    fn messages_in_the_dress_of_a_name_are_not_passed_on() {
        for name in [
            "Gana en http://premio.example",
            "premio.example",
            "www.premio",
            "Llama al 600 123 456",
            "escribe a x@y.example",
            &"hola ".repeat(40),
        ] {
            assert_eq!(shown(name), None, "{name}");
        }
    }
}
