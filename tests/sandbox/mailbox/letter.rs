//! A message opened: what its headers and parts say. All of it is untrusted text.

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, HeaderValue, MessageParser, MessagePart, MimeHeaders, PartType};

/// The readable content of a message. Empty where there is nothing, or no mail at all.
#[derive(Debug, Default)]
pub(super) struct Letter {
    /// `Ana <ana@example.com>`.
    pub from: String,
    pub subject: String,
    pub message_id: Option<String>,
    /// The first text/plain part.
    pub text: Option<String>,
    /// The first text/html part.
    pub html: Option<String>,
    /// Every header in its order, unfolded, encoded words decoded.
    pub headers: Vec<(String, String)>,
    pub attachments: Vec<Attachment>,
}

/// A part that is neither of the two bodies.
#[derive(Debug)]
pub(super) struct Attachment {
    pub name: String,
    pub kind: String,
    pub size_bytes: usize,
}

impl Letter {
    /// Opens a source as it came.
    pub(super) fn read(source: &[u8]) -> Self {
        let Some(message) = MessageParser::default().parse(source) else { return Self::default() };
        let headers = message.parts.first().map_or(&[][..], |root| &root.headers);
        Self {
            from: message.from().map(people).unwrap_or_default(),
            subject: message.subject().unwrap_or_default().to_owned(),
            message_id: message.message_id().map(str::to_owned),
            text: message
                .text_bodies()
                .find_map(|part| if let PartType::Text(text) = &part.body { Some(text.to_string()) } else { None }),
            html: message
                .html_bodies()
                .find_map(|part| if let PartType::Html(html) = &part.body { Some(html.to_string()) } else { None }),
            headers: headers
                .iter()
                .map(|header| {
                    let value = source.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
                    (header.name.as_str().to_owned(), decoded(value))
                })
                .collect(),
            attachments: message.attachments().map(attachment).collect(),
        }
    }
}

fn decoded(value: &[u8]) -> String {
    match MessageStream::new(value).parse_unstructured() {
        HeaderValue::Text(text) => text.trim().to_owned(),
        _ => String::from_utf8_lossy(value).trim().to_owned(),
    }
}

fn people(address: &Address<'_>) -> String {
    let people: Vec<_> = address
        .iter()
        .map(|person| match (person.name(), person.address()) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            (name, address) => address.or(name).unwrap_or_default().to_owned(),
        })
        .collect();
    people.join(", ")
}

fn attachment(part: &MessagePart<'_>) -> Attachment {
    let kind = part.content_type().map_or("application/octet-stream".to_owned(), |kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        None => kind.ctype().to_owned(),
    });
    Attachment { name: part.attachment_name().unwrap_or("sin nombre").to_owned(), kind, size_bytes: part.contents().len() }
}
