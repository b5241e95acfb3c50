//! A certificate counts no more.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct CertificateRevoked {
    /// The course's title.
    pub course: String,
    /// The serial that is printed on the certificate.
    pub serial: String,
    /// What whoever checks it reads; `None`: the course's money went back.
    pub why: Option<String>,
    /// Where anybody can check it.
    pub verify: Url,
}

written_in!(
    CertificateRevoked,
    "letters/certificate_revoked.es.txt",
    "letters/certificate_revoked.es.html",
    "letters/certificate_revoked.en.txt",
    "letters/certificate_revoked.en.html"
);

impl Blanks for CertificateRevoked {
    const KIND: &'static str = "certificate_revoked";
    const STREAM: Stream = Stream::Transactional;

    fn sample(home: &Url, locale: Locale) -> Self {
        let why = match locale {
            Locale::Es => "El nombre no era el de quien terminó el curso",
            Locale::En => "The name was not that of who finished the course",
        };
        Self {
            course: "Rust desde cero: propiedad y préstamos".to_owned(),
            serial: "CC-7Q4M-2K9T-X8WB-51DN".to_owned(),
            why: Some(why.to_owned()),
            verify: page(home, locale, "/v/CC-7Q4M-2K9T-X8WB-51DN", "/v/CC-7Q4M-2K9T-X8WB-51DN"),
        }
    }
}
