//! What a template makes of a letter: subject, text and HTML.

use super::{letter::HeaderText, wrap::wrap};

/// The written part of a letter.
#[derive(Debug, Clone)]
pub struct Paper {
    /// What it is about.
    pub subject: HeaderText,
    /// For those who read text.
    pub text: String,
    /// For those who read HTML.
    pub html: String,
}

impl Paper {
    /// Takes a rendered text whose first line is the subject, and asks for the HTML to that subject. The text is wrapped.
    ///
    /// # Errors
    /// A template could not be rendered.
    pub fn of(text: &str, html: impl FnOnce(&str) -> askama::Result<String>) -> askama::Result<Self> {
        let (subject, text) = text.split_once('\n').unwrap_or((text, ""));
        let subject = HeaderText::new(subject);
        Ok(Self { text: wrap(text), html: html(subject.as_str())?, subject })
    }
}
