//! The door to the printer of certificates and reports.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use url::Url;
use uuid::Uuid;

use super::mailer::BoxFuture;
use crate::{
    accounts::locale::Locale,
    certificates::serial::Serial,
    reports::{report::Report, table::Column, wish::Params},
};

/// Prints.
pub trait Pdf: fmt::Debug + Send + Sync {
    /// A certificate as a PDF file. The same sheet is always the same bytes, as long as program and fonts are.
    fn print<'a>(&'a self, sheet: &'a Sheet) -> BoxFuture<'a, Result<Vec<u8>, PdfTrouble>>;

    /// A report as a PDF file. A sign that no font has is a question mark: one strange title keeps nobody from their report.
    fn print_report(&self, sheet: ReportSheet) -> BoxFuture<'_, Result<Vec<u8>, PdfTrouble>>;
}

/// What is printed on a certificate: all that its bytes depend on.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Its identity, part of the file's own.
    pub id: Uuid,
    /// Its serial.
    pub serial: Serial,
    /// Whose it is, in any script.
    pub holder: String,
    /// Which course.
    pub course: String,
    /// Who taught it.
    pub instructor: String,
    /// How many hours it took.
    pub hours: i32,
    /// On which day it was completed.
    pub completed_on: NaiveDate,
    /// The language that it is written in.
    pub locale: Locale,
    /// Where anybody checks it.
    pub check_url: Url,
    /// What the file says of when it was made.
    pub made_at: DateTime<Utc>,
}

/// What is printed of a report: words in their places, as its readers read them.
#[derive(Debug, Clone)]
pub struct ReportSheet {
    /// Its identity, part of the file's own.
    pub id: Uuid,
    /// The language that it is written in.
    pub locale: Locale,
    /// What it is called.
    pub title: String,
    /// Of when it tells, and by which clock.
    pub period: String,
    /// Of which client alone it tells; none: of every one.
    pub client: Option<String>,
    /// By which rule it counts, where that is not plain.
    pub how: Option<&'static str>,
    /// What the file says of when it was made.
    pub made_at: DateTime<Utc>,
    /// The columns.
    pub columns: Vec<SheetColumn>,
    /// The rows, a text a column.
    pub rows: Vec<Vec<String>>,
    /// What the columns come to; blank: nothing.
    pub totals: Vec<String>,
    /// The chart.
    pub chart: Option<DrawnChart>,
}

/// A column on paper.
#[derive(Debug, Clone)]
pub struct SheetColumn {
    /// What it is called.
    pub title: String,
    /// Whether it stands on the right.
    pub is_right: bool,
    /// Whether what is in it stands on one line, and means nothing if a part is missing: figures, days, numbers.
    pub is_whole: bool,
}

/// A chart's figures.
#[derive(Debug, Clone)]
pub struct DrawnChart {
    /// What it shows.
    pub title: String,
    /// What is told apart.
    pub labels: Vec<String>,
    /// What is shown of each: names, and a figure a label.
    pub series: Vec<(String, Vec<f64>)>,
    /// Whether the series are parts of a whole.
    pub is_stacked: bool,
    /// Whether there is so much that lines say more than bars.
    pub is_line: bool,
}

impl ReportSheet {
    /// The sheet of a report, without rows.
    #[must_use]
    pub fn of(report: &Report, params: Params, client: Option<&str>) -> Self {
        let layout = report.kind.layout();
        let (from, to) = (params.from, params.to);
        let period = match report.locale {
            Locale::Es if from == to => format!("{from} ({})", report.time_zone),
            Locale::Es => format!("Del {from} al {to} ({})", report.time_zone),
            Locale::En if from == to => format!("{from} ({})", report.time_zone),
            Locale::En => format!("{from} to {to} ({})", report.time_zone),
        };
        Self {
            id: report.id.0,
            locale: report.locale,
            title: layout.title(report.locale).to_owned(),
            period,
            client: client.map(str::to_owned),
            how: layout.how(report.locale),
            made_at: report.created_at,
            columns: layout.columns.iter().map(|column| SheetColumn::of(column, report.locale)).collect(),
            rows: Vec::new(),
            totals: Vec::new(),
            chart: None,
        }
    }
}

impl SheetColumn {
    fn of(column: &Column, locale: Locale) -> Self {
        Self { title: column.title(locale).to_owned(), is_right: column.is_numeric(), is_whole: !column.may_be_broken() }
    }
}

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfTrouble {
    /// No font has a sign that is needed: a box in its place is no name.
    #[error("the fonts cannot show {}", list(.0))]
    Uncovered(Vec<Uncovered>),
    /// Something else went wrong.
    #[error("printing: {0}")]
    Broken(String),
}

impl PdfTrouble {
    /// What was written of a trouble, for a reader of that language. Jobs keep it as programs say it; words of another kind stay as they are.
    #[must_use]
    pub fn told(written: &str, locale: Locale) -> String {
        match (locale, written.strip_prefix("the fonts cannot show ")) {
            (Locale::Es, Some(signs)) => {
                let signs = signs.replace("; install ", "; instala ");
                format!("las fuentes no tienen {}", signs.replace(" and run the job again", " y vuelve a ejecutar el trabajo"))
            }
            _ => written.to_owned(),
        }
    }
}

/// A sign that no font has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered {
    /// The sign.
    pub sign: char,
    /// The script that it belongs to, by its name in Unicode.
    pub script: String,
    /// The Debian package whose font would have it, if that is not installed.
    pub package: Option<&'static str>,
}

fn list(signs: &[Uncovered]) -> String {
    let told: Vec<String> = signs
        .iter()
        .take(5)
        .map(|Uncovered { sign, script, package }| {
            let cure = package.map(|package| format!("; install {package} and run the job again")).unwrap_or_default();
            format!("“{sign}” (U+{:04X}, {script}{cure})", u32::from(*sign))
        })
        .collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_trouble_is_told_in_the_readers_language() {
        let lacking = |sign, script: &str, package| Uncovered { sign, script: script.to_owned(), package };
        let signs = vec![lacking('𒀀', "Cuneiform", None), lacking('あ', "Hiragana", Some("fonts-noto-cjk"))];
        let written = PdfTrouble::Uncovered(signs).to_string();
        assert_eq!(PdfTrouble::told(&written, Locale::En), written);
        assert_eq!(
            PdfTrouble::told(&written, Locale::Es),
            "las fuentes no tienen “𒀀” (U+12000, Cuneiform), “あ” (U+3042, Hiragana; instala fonts-noto-cjk y vuelve a ejecutar el trabajo)"
        );
        assert_eq!(PdfTrouble::told("printing: no room", Locale::Es), "printing: no room");
    }
}
