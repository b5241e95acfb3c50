//! A letter as bytes: headers and two bodies, all of it ASCII, so that no server needs an extension for it.

use std::error::Error;

use jobs::{
    accounts::email_address::EmailAddress,
    mail::letter::{HeaderText, Letter, Recipient},
};
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use super::sender::Sender;

/// What a session needs to send a letter.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

/// Encodes the letter: names and subject by RFC 2047, bodies by quoted-printable or base64 as suits them.
pub(super) fn build(letter: &Letter, sender: &Sender) -> Result<Outgoing, Box<dyn Error + Send + Sync>> {
    let Letter { to: Recipient { name, address }, locale, subject, text, html, message_id, written_at, .. } = letter;
    let (from, to) = (address_of(&sender.address), address_of(address));
    let return_path = sender.return_path(&letter.return_tag);
    let mut message = Message::builder()
        .envelope(Envelope::new(Some(return_path.clone()), vec![to.clone()])?)
        .from(Mailbox::new(sender.name.as_ref().map(text_of), from))
        .to(Mailbox::new(name.as_ref().map(text_of), to.clone()))
        .subject(subject.as_str())
        .date((*written_at).into())
        .message_id(Some(format!("<{message_id}>")))
        .raw_header(header("Content-Language", locale.as_str()))
        // No out-of-office note and no other robot shall answer (RFC 3834, 5; the second is Exchange's word for it).
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        // Some who report a letter send back nothing but its headers; Postmark says these in its events (and takes them off the letter).
        .raw_header(header("X-PM-Metadata-Return-Tag", letter.return_tag.as_str()));
    if let Some(link) = &letter.unsubscribe {
        message = message
            .raw_header(header("List-Unsubscribe", &format!("<{link}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let mut message = message.multipart(MultiPart::alternative_plain_html(text.clone(), html.clone()))?;
    if let Some(key) = &sender.dkim {
        key.sign(&mut message);
    }
    Ok(Outgoing { from: return_path, to, bytes: message.formatted() })
}

/// lettre refuses a quoted local part (RFC 5321, 4.1.2), which is an address all the same and was checked when it became one.
pub(super) fn address_of(address: &EmailAddress) -> Address {
    let domain = address.as_str().strip_prefix(address.local_part()).unwrap_or_default();
    Address::new_dangerous(address.local_part(), domain.trim_start_matches('@'))
}

fn text_of(text: &HeaderText) -> String {
    text.as_str().to_owned()
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}
