//! The link by which somebody who has forgotten their password chooses another.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct PasswordReset {
    /// Leads to the page that asks for the new password.
    pub link: Url,
    /// How long the link is good for.
    pub good_for_minutes: i64,
}

written_in!(
    PasswordReset,
    "letters/password_reset.es.txt",
    "letters/password_reset.es.html",
    "letters/password_reset.en.txt",
    "letters/password_reset.en.html"
);

impl Blanks for PasswordReset {
    const KIND: &'static str = "password_reset";
    const STREAM: Stream = Stream::Transactional;
    const IS_SECURITY: bool = true;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self { link: page(home, locale, "/contrasena/nueva?token=muestra", "/password/new?token=sample"), good_for_minutes: 60 }
    }
}
