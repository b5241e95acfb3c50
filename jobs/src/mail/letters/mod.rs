//! What each kind of letter says.
//!
//! A letter is a struct of blanks, four templates (two languages, each as text and as HTML; the text's first line is the subject) and a
//! line in [`ALL`]. Templates are checked when they are compiled: a blank that is missing or misspelt is an error there.

mod certificate_ready;
mod certificate_revoked;
mod course_announcement;
mod daily_report;
mod invitation;
mod operator_notice;
mod password_reset;
mod receipt;
mod refund;
mod refund_failed;
mod report_ready;
mod sla_warning;
mod ticket_answer;
mod ticket_assigned;
mod ticket_closed;
mod ticket_reply;
mod ticket_solved;
mod video_ready;
mod welcome;
mod words;

use url::Url;

use super::{paper::Paper, reader::Reader, stream::Stream};
use crate::accounts::locale::Locale;

pub use certificate_ready::CertificateReady;
pub use certificate_revoked::CertificateRevoked;
pub use course_announcement::CourseAnnouncement;
pub use daily_report::{DailyReport, Figure};
pub use invitation::Invitation;
pub use operator_notice::OperatorNotice;
pub use password_reset::PasswordReset;
pub use receipt::Receipt;
pub use refund::{Leaves, Refund};
pub use refund_failed::RefundFailed;
pub use report_ready::ReportReady;
pub use sla_warning::{Deadline, SlaWarning, Span};
pub use ticket_answer::TicketAnswer;
pub use ticket_assigned::TicketAssigned;
pub use ticket_closed::{Closing, TicketClosed};
pub use ticket_reply::TicketReply;
pub use ticket_solved::TicketSolved;
pub use video_ready::VideoReady;
pub use welcome::Welcome;
pub use words::Words;

/// Every kind of letter: one line a kind.
pub const ALL: &[Kind] = &[
    Kind::of::<Welcome>(),
    Kind::of::<PasswordReset>(),
    Kind::of::<Invitation>(),
    Kind::of::<Receipt>(),
    Kind::of::<Refund>(),
    Kind::of::<RefundFailed>(),
    Kind::of::<CertificateReady>(),
    Kind::of::<CertificateRevoked>(),
    Kind::of::<VideoReady>(),
    Kind::of::<TicketAnswer>(),
    Kind::of::<TicketSolved>(),
    Kind::of::<TicketClosed>(),
    Kind::of::<TicketAssigned>(),
    Kind::of::<TicketReply>(),
    Kind::of::<SlaWarning>(),
    Kind::of::<ReportReady>(),
    Kind::of::<DailyReport>(),
    Kind::of::<CourseAnnouncement>(),
    Kind::of::<OperatorNotice>(),
];

/// A letter's blanks, filled in.
pub trait Blanks: Written + Sized {
    /// The kind of letter, in the table, in metrics and in its templates' names.
    const KIND: &'static str;
    /// Why somebody gets it.
    const STREAM: Stream;
    /// Whether somebody is locked out without it: then it goes out once more when nobody knows whether it arrived.
    const IS_SECURITY: bool = false;

    /// One with made-up blanks, for previews and tests. Its links begin at `home`, and lead to pages in that language.
    fn sample(home: &Url, locale: Locale) -> Self;
}

/// Blanks that are bound to their templates.
pub trait Written {
    /// Writes the letter in its reader's language.
    ///
    /// # Errors
    /// A template could not be rendered.
    fn write(&self, reader: &Reader<'_>) -> askama::Result<Paper>;
}

/// A kind of letter, whatever its blanks.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Why somebody gets it.
    pub stream: Stream,
    /// Writes its sample.
    pub preview: fn(&Reader<'_>) -> askama::Result<Paper>,
}

impl Kind {
    const fn of<B: Blanks>() -> Self {
        Self { name: B::KIND, stream: B::STREAM, preview: |reader| B::sample(reader.home, reader.locale).write(reader) }
    }
}

/// Binds a struct of blanks to its four templates. (Askama wants each name as a literal.)
macro_rules! written_in {
    ($blanks:ident, $es_text:tt, $es_html:tt, $en_text:tt, $en_html:tt) => {
        const _: () = {
            use ::askama::Template;

            use $crate::{
                accounts::locale::Locale,
                mail::{letters::Written, paper::Paper, reader::Reader},
            };

            #[derive(Template)]
            enum Text<'a> {
                #[template(path = $es_text)]
                Es { letter: &'a $blanks, reader: &'a Reader<'a> },
                #[template(path = $en_text)]
                En { letter: &'a $blanks, reader: &'a Reader<'a> },
            }

            #[derive(Template)]
            enum Html<'a> {
                #[template(path = $es_html)]
                Es { letter: &'a $blanks, reader: &'a Reader<'a>, subject: &'a str },
                #[template(path = $en_html)]
                En { letter: &'a $blanks, reader: &'a Reader<'a>, subject: &'a str },
            }

            impl Written for $blanks {
                fn write(&self, reader: &Reader<'_>) -> ::askama::Result<Paper> {
                    let letter = self;
                    match reader.locale {
                        Locale::Es => Paper::of(&Text::Es { letter, reader }.render()?, |subject| {
                            Html::Es { letter, reader, subject }.render()
                        }),
                        Locale::En => Paper::of(&Text::En { letter, reader }.render()?, |subject| {
                            Html::En { letter, reader, subject }.render()
                        }),
                    }
                }
            }
        };
    };
}
use written_in;

/// A page of ours in that language, for samples.
fn page(home: &Url, locale: Locale, es: &str, en: &str) -> Url {
    let path = match locale {
        Locale::Es => es,
        Locale::En => en,
    };
    home.join(path).unwrap_or_else(|_| home.clone())
}

#[cfg(test)]
mod tests;
