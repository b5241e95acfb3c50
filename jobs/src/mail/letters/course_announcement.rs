//! What an instructor tells everybody in a course.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{accounts::locale::Locale, mail::stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct CourseAnnouncement {
    /// The course's title.
    pub course: String,
    /// Who tells it.
    pub instructor: String,
    /// What it is about.
    pub title: String,
    /// What is told.
    pub paragraphs: Vec<String>,
    /// Leads to the course.
    pub link: Url,
}

written_in!(
    CourseAnnouncement,
    "letters/course_announcement.es.txt",
    "letters/course_announcement.es.html",
    "letters/course_announcement.en.txt",
    "letters/course_announcement.en.html"
);

impl Blanks for CourseAnnouncement {
    const KIND: &'static str = "course_announcement";
    const STREAM: Stream = Stream::Broadcast;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            course: "Rust desde cero: propiedad y préstamos".to_owned(),
            instructor: "Lucía Paredes".to_owned(),
            title: "Nueva lección: tiempos de vida".to_owned(),
            paragraphs: vec![
                "Ya está la lección sobre tiempos de vida, con tres ejercicios nuevos.".to_owned(),
                "El jueves a las 18:00 resolvemos dudas en directo.".to_owned(),
            ],
            link: page(home, locale, "/cursos/rust-desde-cero", "/courses/rust-desde-cero"),
        }
    }
}
