//! A video that an instructor has uploaded can be watched.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct VideoReady {
    /// The course's title.
    pub course: String,
    /// The section's title.
    pub section: String,
    /// Leads to the section.
    pub link: Url,
}

written_in!(
    VideoReady,
    "letters/video_ready.es.txt",
    "letters/video_ready.es.html",
    "letters/video_ready.en.txt",
    "letters/video_ready.en.html"
);

impl Blanks for VideoReady {
    const KIND: &'static str = "video_ready";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            course: "Rust desde cero: propiedad y préstamos".to_owned(),
            section: "Préstamos que duran lo justo".to_owned(),
            link: page(home, locale, "/cursos/rust-desde-cero/4", "/courses/rust-desde-cero/4"),
        }
    }
}
