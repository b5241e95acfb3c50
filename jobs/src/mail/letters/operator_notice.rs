//! Something that an operator must know.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct OperatorNotice {
    /// What it is about, in the reader's language.
    pub subject: String,
    /// What has happened and what to do, in the reader's language.
    pub text: String,
    /// Leads to the page that shows more.
    pub link: Url,
}

written_in!(
    OperatorNotice,
    "letters/operator_notice.es.txt",
    "letters/operator_notice.es.html",
    "letters/operator_notice.en.txt",
    "letters/operator_notice.en.html"
);

impl Blanks for OperatorNotice {
    const KIND: &'static str = "operator_notice";
    /// Whoever operates the site does not say no to its troubles.
    const STREAM: Stream = Stream::Transactional;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            subject: "ops: no_service".to_owned(),
            text: "Slack: channel_is_archived.".to_owned(),
            link: page(home, locale, "/ops", "/ops"),
        }
    }
}
