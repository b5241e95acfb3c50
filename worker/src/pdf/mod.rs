//! Prints certificates and reports with printpdf: FONTS_DIR.
//!
//! Text is laid out here (bidi, then shaping by script), because a name is printed as it is written or not at all. Each font is cut down to
//! the glyphs of the one file that it goes into, and nothing in a file comes from clock or chance: the same sheet is the same bytes.

mod columns;
mod draw;
mod file;
mod fit;
mod fonts;
mod mosaic;
mod page;
mod plot;
mod report;
mod text;

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use jobs::ports::{
    mailer::BoxFuture,
    pdf::{Pdf, PdfTrouble, ReportSheet, Sheet},
};

use crate::settings::Mistakes;
use file::About;
use fonts::Fonts;

/// Where the fonts are.
#[derive(Debug, Args)]
pub struct PdfArgs {
    /// The folder with the fonts that certificates and reports are printed with, searched with all that is below it: Noto's, as Debian's
    /// packages fonts-noto-core and fonts-noto-cjk have them. A name whose script has no font there is not printed. Empty: no certificates, and no
    /// reports as PDF.
    #[arg(long, env = "FONTS_DIR", default_value = "/usr/share/fonts")]
    pub fonts_dir: PathBuf,
}

impl PdfArgs {
    /// Looks for the fonts. The outer option: nothing is wrong; the inner: this worker prints.
    pub fn checked(&self, mistakes: &mut Mistakes) -> Option<Option<Printer>> {
        if self.fonts_dir.as_os_str().is_empty() {
            return Some(None);
        }
        mistakes.note("FONTS_DIR", Printer::open(&self.fonts_dir)).map(Some)
    }
}

/// Prints certificates and reports. What is known of the fonts is shared by all its clones.
#[derive(Debug, Clone)]
pub struct Printer(Arc<Fonts>);

impl Printer {
    /// With the fonts below that folder. The large ones are read when they are first needed.
    ///
    /// # Errors
    /// Fonts are missing without which nothing can be printed.
    pub fn open(folder: &std::path::Path) -> Result<Self, String> {
        Fonts::find(folder).map(|fonts| Self(Arc::new(fonts)))
    }

    /// The file, made at once.
    ///
    /// # Errors
    /// As [`Pdf::print`].
    pub fn print_now(&self, sheet: &Sheet) -> Result<Vec<u8>, PdfTrouble> {
        let page = page::compose(&self.0, sheet)?;
        let about = About {
            id: sheet.id,
            title: format!("{} · {}", sheet.holder, sheet.course),
            subject: sheet.serial.to_string(),
            made_at: sheet.made_at,
            locale: sheet.locale.as_str(),
        };
        file::write(&[page], &about).map_err(PdfTrouble::Broken)
    }

    /// The report, made at once.
    ///
    /// # Errors
    /// As [`Pdf::print_report`].
    pub fn print_report_now(&self, sheet: &ReportSheet) -> Result<Vec<u8>, PdfTrouble> {
        let pages = report::compose(&self.0, sheet);
        let about = About {
            id: sheet.id,
            title: report::name(sheet),
            subject: sheet.id.to_string(),
            made_at: sheet.made_at,
            locale: sheet.locale.as_str(),
        };
        file::write(&pages, &about).map_err(PdfTrouble::Broken)
    }
}

impl Pdf for Printer {
    fn print<'a>(&'a self, sheet: &'a Sheet) -> BoxFuture<'a, Result<Vec<u8>, PdfTrouble>> {
        let (printer, sheet) = (self.clone(), sheet.clone());
        Box::pin(async move {
            // Milliseconds of computing, and the first time megabytes to read: not on a thread that others wait for.
            let printed = tokio::task::spawn_blocking(move || printer.print_now(&sheet)).await;
            printed.unwrap_or_else(|error| Err(PdfTrouble::Broken(error.to_string())))
        })
    }

    fn print_report(&self, sheet: ReportSheet) -> BoxFuture<'_, Result<Vec<u8>, PdfTrouble>> {
        let printer = self.clone();
        Box::pin(async move {
            let printed = tokio::task::spawn_blocking(move || printer.print_report_now(&sheet)).await;
            printed.unwrap_or_else(|error| Err(PdfTrouble::Broken(error.to_string())))
        })
    }
}

#[cfg(test)]
mod tests;
