//! An e-mail address as it is stored and written to.

use std::fmt;

use idna::AsciiDenyList;
use serde::{Deserialize, Serialize};

/// An address that a letter can be sent to: at most 254 characters (RFC 3696, erratum 1690), an ASCII local part, a domain of at
/// least two labels in lower case, internationalized labels as punycode (RFC 5891).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(try_from = "String", into = "String")]
#[sqlx(transparent)]
pub struct EmailAddress(String);

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailAddressProblem {
    /// Nothing was typed.
    #[error("the address is blank")]
    Blank,
    /// Longer than an envelope can carry.
    #[error("the address has more than {} characters", EmailAddress::MAX_CHARS)]
    TooLong,
    /// The part before the @ is not ASCII: few servers take it (RFC 6531), so letters to it would not arrive.
    #[error("the part before the @ has letters outside a-z")]
    LocalPartNotAscii,
    /// Anything else that is no address.
    #[error("the address is malformed")]
    Malformed,
}

impl EmailAddress {
    /// The most characters an address may have.
    pub const MAX_CHARS: usize = 254;

    /// Reads what somebody typed; spaces around it are dropped.
    ///
    /// # Errors
    /// It is no address that a letter can be sent to.
    pub fn parse(typed: &str) -> Result<Self, EmailAddressProblem> {
        use EmailAddressProblem::{Blank, LocalPartNotAscii, Malformed, TooLong};

        let typed = typed.trim();
        if typed.is_empty() {
            return Err(Blank);
        }
        // A character has at most 4 bytes: what is longer is too long in any form, and not worth parsing.
        if typed.len() > 4 * Self::MAX_CHARS {
            return Err(TooLong);
        }
        let (local, domain) = typed.rsplit_once('@').ok_or(Malformed)?;
        if !local.is_ascii() {
            return Err(LocalPartNotAscii);
        }
        let domain = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::STD3).map_err(|_| Malformed)?;
        let address = format!("{local}@{domain}");
        if address.len() > Self::MAX_CHARS {
            return Err(TooLong);
        }
        let options = email_address::Options::default().with_required_tld().without_domain_literal().without_display_text();
        email_address::EmailAddress::parse_with_options(&address, options).map_err(|_| Malformed)?;
        // "ana@192.0.2.1" is four labels to a parser of names, and no domain (RFC 1123, 2.1).
        let is_number = domain.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        if is_number || address.bytes().any(|b| b.is_ascii_control()) { Err(Malformed) } else { Ok(Self(address)) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is before the last @.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or(&*self.0, |(local, _)| local)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = EmailAddressProblem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(typed: &str) -> Result<String, EmailAddressProblem> {
        EmailAddress::parse(typed).map(String::from)
    }

    #[test]
    fn addresses_are_trimmed_and_the_domain_lowered() {
        assert_eq!(parse("  Ana.Luz+cursos@Correo.EXAMPLE \n"), Ok("Ana.Luz+cursos@correo.example".to_owned()));
    }

    #[test]
    fn international_domains_become_ascii() {
        assert_eq!(parse("ana@educación.example"), Ok("ana@xn--educacin-13a.example".to_owned()));
        assert_eq!(parse("ana@EDUCACIÓN.example"), parse("ana@educacio\u{301}n.example"));
    }

    #[test]
    fn a_quoted_local_part_is_an_address() {
        assert_eq!(parse("\"ana luz\"@correo.example"), Ok("\"ana luz\"@correo.example".to_owned()));
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for typed in [
            "ana",
            "ana@",
            "@correo.example",
            "ana@localhost",
            "ana@correo..example",
            "ana luz@correo.example",
            "Ana <ana@correo.example>",
            "ana@[192.0.2.1]",
            "ana@192.0.2.1",
            "ana@correo.example.",
            "ana@-correo.example",
            "ana@correo.example\r\nBcc: x@y.example",
            "ana\0@correo.example",
            "ana@cor\0reo.example",
            "ana@correo_x.example",
            "ana@xn--a.example",
            "\"ana\t\"@correo.example",
            "ana@luz@correo.example",
        ] {
            assert_eq!(parse(typed), Err(EmailAddressProblem::Malformed), "{typed:?}");
        }
        assert_eq!(parse("   "), Err(EmailAddressProblem::Blank));
        assert_eq!(parse("niña@correo.example"), Err(EmailAddressProblem::LocalPartNotAscii));
    }

    #[test]
    fn over_long_addresses_are_refused() {
        let long = format!("ana@{}.example", "a.".repeat(121) + "aaaaaaaaaaaaa");
        assert_eq!(parse(&long), Err(EmailAddressProblem::TooLong));
        assert_eq!(parse(&"a".repeat(320)), Err(EmailAddressProblem::Malformed));
        assert_eq!(parse(&("a".repeat(2000) + "@correo.example")), Err(EmailAddressProblem::TooLong));
        assert_eq!(parse(&("a".repeat(65) + "@correo.example")), Err(EmailAddressProblem::Malformed));
    }
}
