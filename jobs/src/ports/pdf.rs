//! The door to the printer of certificates.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use url::Url;
use uuid::Uuid;

use super::mailer::BoxFuture;
use crate::{accounts::locale::Locale, certificates::serial::Serial};

/// Prints.
pub trait Pdf: fmt::Debug + Send + Sync {
    /// A certificate as a PDF file. The same sheet is always the same bytes, as long as program and fonts are.
    fn print<'a>(&'a self, sheet: &'a Sheet) -> BoxFuture<'a, Result<Vec<u8>, PdfTrouble>>;
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
