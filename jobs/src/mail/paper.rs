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
    /// Renders both forms; the text is wrapped.
    ///
    /// # Errors
    /// A template could not be rendered.
    pub fn render(subject: &str, text: &impl askama::Template, html: &impl askama::Template) -> askama::Result<Self> {
        Ok(Self { subject: HeaderText::new(subject), text: wrap(&text.render()?), html: html.render()? })
    }
}
