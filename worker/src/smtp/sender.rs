//! Whom letters come from and where those go that come back: MAIL_FROM and MAIL_RETURN_PATH.

use jobs::{
    accounts::email_address::EmailAddress,
    mail::{letter::HeaderText, return_tag::ReturnTag},
};
use lettre::Address;

use super::{dkim::Dkim, message::address_of};

/// The longest that an address may be before its @ (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// A `+` and a tag.
const TAG: usize = 53;

/// The From of every letter, the address that bounces go to, and the key that vouches for both.
#[derive(Debug, Clone)]
pub struct Sender {
    pub(super) name: Option<HeaderText>,
    pub(super) address: EmailAddress,
    /// Where letters come back to. `None`: to `address`.
    returns: Option<EmailAddress>,
    pub(super) dkim: Option<Dkim>,
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
        Ok(Self { name, address, returns: None, dkim: None })
    }

    /// The same, to which letters come back at that address.
    ///
    /// # Errors
    /// It is none, or has no room for a letter's tag.
    pub fn with_returns(self, text: &str) -> Result<Self, String> {
        let returns = EmailAddress::parse(text).map_err(|problem| problem.to_string())?;
        if returns.local_part().len() + TAG > MAX_LOCAL_PART {
            let most = MAX_LOCAL_PART - TAG;
            return Err(format!("has more than {most} characters before the @, which leaves no room for a letter's tag"));
        }
        Ok(Self { returns: Some(returns), ..self })
    }

    pub(super) fn with_dkim(self, dkim: Dkim) -> Self {
        Self { dkim: Some(dkim), ..self }
    }

    /// The envelope's sender for a letter with that tag.
    pub(super) fn return_path(&self, tag: &ReturnTag) -> Address {
        match &self.returns {
            None => address_of(&self.address),
            Some(returns) => {
                let domain = returns.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
                Address::new_dangerous(format!("{}+{tag}", returns.local_part()), domain)
            }
        }
    }

    /// What is behind the address's @.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.as_str().rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use jobs::mail::return_tag::ReturnTags;

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

    #[test]
    fn letters_come_back_to_an_address_that_has_room_for_their_tag() {
        let sender = || Sender::parse("CompilandoCode <hola@compilandocode.example>").expect("a sender");
        let tag = ReturnTags::new(&"a secret of more than 32 bytes, 0123456789".into()).make(uuid::Uuid::nil());
        assert_eq!(sender().return_path(&tag).to_string(), "hola@compilandocode.example");
        let returning = sender().with_returns("bounces@correo.compilandocode.example").expect("an address");
        assert_eq!(returning.return_path(&tag).to_string(), format!("bounces+{tag}@correo.compilandocode.example"));
        assert!(returning.return_path(&tag).user().len() <= MAX_LOCAL_PART);
        for (text, words) in [("bounces", "malformed"), ("devoluciones@x.example", "no room")] {
            let mistake = sender().with_returns(text).expect_err(text);
            assert!(mistake.contains(words), "{mistake}");
        }
    }
}
