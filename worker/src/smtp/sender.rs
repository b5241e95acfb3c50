//! Whom letters come from: MAIL_FROM.

use jobs::{accounts::email_address::EmailAddress, mail::letter::HeaderText};

/// The From of every letter, and the address that bounces go to.
#[derive(Debug, Clone)]
pub struct Sender {
    pub(super) name: Option<HeaderText>,
    pub(super) address: EmailAddress,
}

impl Sender {
    /// Reads `Name <address>`, `"Name" <address>` or `address`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, address) = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"'), address),
            None => ("", text),
        };
        let address =
            EmailAddress::parse(address).map_err(|problem| format!("{problem}: write it as Name <somebody@your.domain>"))?;
        if name.chars().any(char::is_control) {
            return Err("the name has control characters".to_owned());
        }
        let name = Some(HeaderText::new(name)).filter(|name| !name.as_str().is_empty());
        Ok(Self { name, address })
    }

    /// What is behind the address's @.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.as_str().rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_an_address_and_perhaps_a_name() {
        for (text, name) in [
            ("CompilandoCode <hola@compilandocode.example>", Some("CompilandoCode")),
            ("\"Compilando, Code\" <hola@compilandocode.example>", Some("Compilando, Code")),
            ("Educación <hola@Compilandocode.example>", Some("Educación")),
            ("<hola@compilandocode.example>", None),
            (" hola@compilandocode.example ", None),
        ] {
            let sender = Sender::parse(text).expect("a sender");
            assert_eq!(sender.name.as_ref().map(HeaderText::as_str), name);
            assert_eq!((sender.address.as_str(), sender.domain()), ("hola@compilandocode.example", "compilandocode.example"));
        }
        for text in ["", "CompilandoCode", "CompilandoCode <hola>", "a <b@c.example> <", "x\r\nBcc: y <a@b.example>"] {
            assert!(Sender::parse(text).is_err(), "{text:?}");
        }
    }
}
