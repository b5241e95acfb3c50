//! A certificate has been issued.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct CertificateReady {
    /// The course's title.
    pub course: String,
    /// The serial that is printed on the certificate.
    pub serial: String,
    /// Leads to the certificate.
    pub link: Url,
    /// Where anybody can check it.
    pub verify: Url,
}

written_in!(
    CertificateReady,
    "letters/certificate_ready.es.txt",
    "letters/certificate_ready.es.html",
    "letters/certificate_ready.en.txt",
    "letters/certificate_ready.en.html"
);

impl Blanks for CertificateReady {
    const KIND: &'static str = "certificate_ready";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            course: "Rust desde cero: propiedad y préstamos".to_owned(),
            serial: "CC-7Q4M-2K9T-X8WB-51DN".to_owned(),
            link: page(home, locale, "/certificados", "/certificates"),
            verify: page(home, locale, "/v/CC-7Q4M-2K9T-X8WB-51DN", "/v/CC-7Q4M-2K9T-X8WB-51DN"),
        }
    }
}
