//! Somebody who leads the desk has invited a person of a client's, who chooses a password by its link.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// For whom they may open tickets.
    pub client: String,
    /// Who invites them; none: their account is gone.
    pub by: Option<String>,
    /// Leads to the page that asks for the password.
    pub link: Url,
    /// How long the link is good for.
    pub good_for_days: i64,
}

written_in!(
    Invitation,
    "letters/invitation.es.txt",
    "letters/invitation.es.html",
    "letters/invitation.en.txt",
    "letters/invitation.en.html"
);

impl Blanks for Invitation {
    const KIND: &'static str = "invitation";
    const STREAM: Stream = Stream::Transactional;
    const IS_SECURITY: bool = true;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            client: "Cafés del Quindío S. A.".to_owned(),
            by: Some("Consuelo Güell Ávila".to_owned()),
            link: page(home, locale, "/contrasena/nueva?token=muestra", "/password/new?token=sample"),
            good_for_days: 14,
        }
    }
}
