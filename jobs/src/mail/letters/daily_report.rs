//! How the help desk's day before went.

use chrono::NaiveDate;
use url::Url;

use super::{Blanks, page, written_in};
use crate::{
    accounts::locale::Locale,
    mail::{reader::Said, stream::Stream},
};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct DailyReport {
    /// The day that is told of, by the reader's clock.
    pub day: NaiveDate,
    /// What is told, in order.
    pub figures: Vec<Figure>,
    /// How much later than its hour the report goes out, if that is worth a word.
    pub late_by: Option<Said>,
    /// Leads to the whole report.
    pub link: Url,
}

written_in!(
    DailyReport,
    "letters/daily_report.es.txt",
    "letters/daily_report.es.html",
    "letters/daily_report.en.txt",
    "letters/daily_report.en.html"
);

impl Blanks for DailyReport {
    const KIND: &'static str = "daily_report";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            day: NaiveDate::from_ymd_opt(2026, 9, 20).unwrap_or_default(),
            figures: vec![
                Figure::new(|locale| said(locale, "Solicitudes abiertas", "Tickets opened"), |_| "37".to_owned()),
                Figure::new(|locale| said(locale, "Resueltas", "Resolved"), |_| "41".to_owned()),
                Figure::new(
                    |locale| said(locale, "Sin resolver al final del día", "Open at the end of the day"),
                    |_| "12".to_owned(),
                ),
                Figure::new(|locale| said(locale, "Cumplimiento", "Compliance"), |locale| said(locale, "97,3\u{a0}%", "97.3%")),
                Figure::new(
                    |locale| said(locale, "Solución, media (MTTR)", "Resolution, mean (MTTR)"),
                    |_| "26 h 04 min".to_owned(),
                ),
            ],
            late_by: None,
            link: page(home, locale, "/informes/0197/archivo", "/reports/0197/file"),
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What is counted.
    pub label: Said,
    /// How much there was of it.
    pub value: Said,
}

impl Figure {
    /// A line that says these words in each language.
    pub fn new(label: impl Fn(Locale) -> String, value: impl Fn(Locale) -> String) -> Self {
        Self { label: Said::new(label), value: Said::new(value) }
    }
}

fn said(locale: Locale, es: &str, en: &str) -> String {
    match locale {
        Locale::Es => es.to_owned(),
        Locale::En => en.to_owned(),
    }
}
