//! Welcomes a new learner, and asks them to prove that the address is theirs.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the welcome letter.
#[derive(Debug, Clone)]
pub struct Welcome {
    /// Leads to the page that verifies the address.
    pub link: Url,
    /// How long the link is good for.
    pub good_for_days: i64,
}

written_in!(Welcome, "letters/welcome.es.txt", "letters/welcome.es.html", "letters/welcome.en.txt", "letters/welcome.en.html");

impl Blanks for Welcome {
    const KIND: &'static str = "welcome";
    const STREAM: Stream = Stream::Transactional;
    const IS_SECURITY: bool = true;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self { link: page(home, locale, "/verificar?token=muestra", "/verify?token=sample"), good_for_days: 7 }
    }
}
