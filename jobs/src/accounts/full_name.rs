//! A person's name as they write it, in any script.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// A name in Unicode NFC: 1 to 200 characters, no control characters and none that reorders or hides the text around it. What takes no room and means
/// nothing is left out: it comes along with what is pasted, and nobody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(try_from = "String", into = "String")]
#[sqlx(transparent)]
pub struct FullName(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FullNameProblem {
    /// Nothing a reader could see as a name.
    #[error("the name is blank")]
    Blank,
    /// More than [`FullName::MAX_CHARS`].
    #[error("the name has more than {} characters", FullName::MAX_CHARS)]
    TooLong,
    /// Control characters, text direction overrides and the like.
    #[error("the name has characters that cannot be shown")]
    Forbidden,
}

impl FullName {
    /// The most characters a name may have, after normalization.
    pub const MAX_CHARS: usize = 200;

    /// Reads what somebody typed.
    ///
    /// # Errors
    /// It is blank, too long, or has characters that no name needs.
    pub fn parse(typed: &str) -> Result<Self, FullNameProblem> {
        let seen: String = typed.chars().filter(|c| !is_left_out(*c)).collect();
        let name: String = seen.trim().nfc().collect();
        if name.chars().any(is_forbidden) {
            return Err(FullNameProblem::Forbidden);
        }
        if !name.chars().any(char::is_alphanumeric) {
            return Err(FullNameProblem::Blank);
        }
        if name.chars().count() > Self::MAX_CHARS {
            return Err(FullNameProblem::TooLong);
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FullName {
    type Error = FullNameProblem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<FullName> for String {
    fn from(name: FullName) -> Self {
        name.0
    }
}

/// The soft hyphen, and what has no width and joins or parts nothing in a name.
fn is_left_out(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{180E}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

/// Joiners (U+200C, U+200D) and direction marks (U+200E, U+200F) stay allowed: Persian, Sinhala and Hebrew names need them.
/// Overrides, isolates and invisible operators can make a name read as something else and are refused (Unicode TR 36, 2.3).
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{2028}'..='\u{202E}' | '\u{2061}'..='\u{206F}' | '\u{FFF0}'..='\u{FFFF}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_many_scripts_are_kept_in_nfc() {
        for name in ["José Ñañez", "Ana", "李小龍", "علی‌رضا", "Nguyễn Văn A", "O’Connor-Søren", "Ægir 3.º"]
        {
            assert_eq!(FullName::parse(&format!("  {name}\t ")).map(String::from), Ok(name.nfc().collect()), "{name}");
        }
        assert_eq!(FullName::parse("Jose\u{301}").map(String::from), Ok("José".to_owned()));
    }

    #[test]
    fn blank_names_are_refused() {
        for name in ["", "   ", "\u{200D}", "—", "\u{3000}", "\u{200B}", " \u{FEFF} "] {
            assert_eq!(FullName::parse(name), Err(FullNameProblem::Blank), "{name:?}");
        }
    }

    #[test]
    fn control_and_override_characters_are_refused() {
        for name in ["Ana\0", "A\u{202E}na", "Ana\nLuz", "A\u{2066}na", "A\u{2061}na", "A\u{FFFD}na"] {
            assert_eq!(FullName::parse(name), Err(FullNameProblem::Forbidden), "{name:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_left_out_and_joiners_stay() {
        for name in ["A\u{200B}na Luz", "\u{FEFF}Ana Luz", "Ana\u{2060} Luz \u{200B}", "A\u{AD}na Luz"] {
            assert_eq!(FullName::parse(name).map(String::from), Ok("Ana Luz".to_owned()), "{name:?}");
        }
        assert_eq!(FullName::parse("علی\u{200C}رضا").map(String::from), Ok("علی\u{200C}رضا".to_owned()));
    }

    #[test]
    fn the_limit_counts_characters_not_bytes() {
        assert!(FullName::parse(&"ñ".repeat(200)).is_ok());
        assert_eq!(FullName::parse(&"ñ".repeat(201)), Err(FullNameProblem::TooLong));
    }
}
