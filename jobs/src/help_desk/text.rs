//! What people write into tickets, judged before it is kept.

use unicode_normalization::UnicodeNormalization as _;

pub use crate::text::TextProblem;
use crate::text::{line, lines};

/// A ticket's title: one line.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Title(String);

/// What a ticket is about, or an answer: lines of text.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Body(String);

/// A word by which tickets are found again: lowercase, without blanks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct Tag(String);

impl Title {
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 300;

    /// Reads what somebody typed.
    ///
    /// # Errors
    /// It is blank, too long, or not a line that can be shown.
    pub fn parse(typed: &str) -> Result<Self, TextProblem> {
        line(typed, Self::MAX_CHARS).map(Self)
    }

    /// The title.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Body {
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 20_000;

    /// Reads what somebody typed.
    ///
    /// # Errors
    /// It is blank, too long, or cannot be shown.
    pub fn parse(typed: &str) -> Result<Self, TextProblem> {
        lines(typed, Self::MAX_CHARS).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 40;

    /// Reads what somebody typed.
    ///
    /// # Errors
    /// It is blank, too long, or not one word.
    pub fn parse(typed: &str) -> Result<Self, TextProblem> {
        let word: String = typed.trim().to_lowercase().nfc().collect();
        if word.contains(char::is_whitespace) {
            return Err(TextProblem::Forbidden);
        }
        line(&word, Self::MAX_CHARS).map(Self)
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_kept_and_what_would_hide_or_forge_is_not() {
        assert_eq!(Title::parse("  Se cayó el correo ").map(|title| title.0), Ok("Se cayó el correo".to_owned()));
        assert_eq!(Body::parse("uno\r\ndos\r\tx").map(|body| body.0), Ok("uno\ndos\n\tx".to_owned()));
        assert_eq!(Tag::parse(" Facturación ").map(|tag| tag.0), Ok("facturación".to_owned()));
        for hidden in ["a\0b", "a\nb", "a\u{202e}b", "a\u{2028}b", "a\u{1b}[2Jb"] {
            assert_eq!(Title::parse(hidden), Err(TextProblem::Forbidden), "{hidden:?}");
        }
        assert_eq!(Body::parse(" \r\n\t "), Err(TextProblem::Blank));
        assert_eq!(Title::parse(&"ñ".repeat(301)), Err(TextProblem::TooLong(300)));
        assert_eq!(Title::parse(&"n\u{303}".repeat(300)).map(|title| title.0.chars().count()), Ok(300), "counted as it is kept");
        assert_eq!(Tag::parse("dos palabras"), Err(TextProblem::Forbidden));
    }
}
