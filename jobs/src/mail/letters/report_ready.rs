//! A report that somebody asked for can be downloaded.

use chrono::{DateTime, Utc};
use url::Url;

use super::{Blanks, page, written_in};
use crate::{
    accounts::locale::Locale,
    mail::{reader::Said, stream::Stream},
};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct ReportReady {
    /// What the report is called.
    pub report: Said,
    /// Of which client alone it tells; none: of every one.
    pub client: Option<String>,
    /// Its format: CSV, XLSX or PDF.
    pub format: String,
    /// How many rows it has.
    pub rows: u64,
    /// Leads to the download.
    pub link: Url,
    /// Until when it is kept.
    pub expires_at: DateTime<Utc>,
}

written_in!(
    ReportReady,
    "letters/report_ready.es.txt",
    "letters/report_ready.es.html",
    "letters/report_ready.en.txt",
    "letters/report_ready.en.html"
);

impl Blanks for ReportReady {
    const KIND: &'static str = "report_ready";
    const STREAM: Stream = Stream::Notifications;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            report: Said::new(|locale| match locale {
                Locale::Es => "Cumplimiento de plazos".to_owned(),
                Locale::En => "Compliance with deadlines".to_owned(),
            }),
            client: Some("Cafés del Quindío S. A.".to_owned()),
            format: "XLSX".to_owned(),
            rows: 48_210,
            link: page(home, locale, "/informes/0197/archivo", "/reports/0197/file"),
            expires_at: DateTime::from_timestamp(1_790_600_000, 0).unwrap_or_default(),
        }
    }
}
