//! Rows as a file: whichever sort it is, it grows row by row.

use std::{io::Read as _, sync::Arc};

use queue::{Failure, OrFailure as _};

use super::{
    build_report::Stop,
    chart::Chart,
    csv::Csv,
    kind::{Format, Problem},
    report::Report,
    said::said,
    table::{Cell, Totals},
    upload::{PART, Sent, Upload},
    wish::Params,
};
use crate::{
    help_desk::articles::slug::Slug,
    ports::{
        Ctx,
        pdf::{Pdf, ReportSheet},
        spreadsheets::{Head, Spreadsheet, SpreadsheetTrouble},
    },
};

/// A file that is being made, what it comes to, and its way to the store.
pub(super) struct Encoder<'c> {
    upload: Upload<'c>,
    form: Form,
    totals: Totals,
    rows: u64,
    most_rows: u64,
}

enum Form {
    Csv(Csv),
    Xlsx(Box<dyn Spreadsheet>),
    Pdf { printer: Arc<dyn Pdf>, sheet: Box<ReportSheet>, chart: Chart },
}

/// A file that is there, and what it comes to.
pub(super) struct Made {
    pub(super) sent: Sent,
    pub(super) rows: i64,
    pub(super) figures: serde_json::Map<String, serde_json::Value>,
}

impl<'c> Encoder<'c> {
    /// Begins the file. If it tells of one client alone, it says of which.
    pub(super) async fn begin(ctx: &'c Ctx, report: &Report, params: Params, client: Option<&str>) -> Result<Self, Failure> {
        let layout = report.kind.layout();
        let titles = layout.columns.iter().map(|column| column.title(report.locale));
        let form = match report.format {
            Format::Csv => Form::Csv(Csv::new(titles)),
            Format::Xlsx => {
                let maker = ctx.spreadsheets.as_ref().or_dead("this worker makes no spreadsheets")?;
                let (sheet, how) = (layout.title(report.locale), layout.how(report.locale));
                let head = Head { sheet, columns: layout.columns, locale: report.locale, client, how };
                Form::Xlsx(maker.begin(&head).map_err(broken)?)
            }
            Format::Pdf => {
                let printer = ctx.pdf.clone().or_dead("this worker prints nothing: see FONTS_DIR")?;
                let sheet = Box::new(ReportSheet::of(report, params, client));
                Form::Pdf { printer, sheet, chart: Chart::new(report.kind, report.locale) }
            }
        };
        let whose = client
            .zip(params.client)
            .map(|(name, id)| Slug::of(name).map_or_else(|| format!("_client-{id}"), |slug| format!("_{}", slug.as_str())));
        let (about, Params { from, to, .. }) = (layout.file, params);
        let name = format!("{about}{}_{from}_{to}.{}", whose.unwrap_or_default(), report.format);
        Ok(Self {
            upload: Upload::begin(ctx, report, name).await?,
            form,
            totals: Totals::new(layout.columns),
            rows: 0,
            most_rows: report.format.most_rows(),
        })
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Stop> {
        self.rows += 1;
        if self.rows > self.most_rows {
            return Err(Stop::Problem(Problem::TooLarge, format!("it has more than {} rows", self.most_rows)));
        }
        self.totals.add(cells);
        match &mut self.form {
            Form::Csv(csv) => csv.row(cells),
            Form::Xlsx(spreadsheet) => spreadsheet.row(cells).map_err(|trouble| Stop::Failure(broken(trouble)))?,
            Form::Pdf { sheet, chart, .. } => {
                let locale = sheet.locale;
                sheet.rows.push(cells.iter().map(|cell| said(cell, locale)).collect());
                chart.add(cells);
            }
        }
        Ok(())
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Sends what is enough for a part.
    pub(super) async fn send(&mut self) -> Result<(), Failure> {
        if let Form::Csv(csv) = &mut self.form
            && csv.bytes.len() >= PART
        {
            let next = Vec::with_capacity(csv.bytes.len() + PART / 8);
            let part = std::mem::replace(&mut csv.bytes, next);
            self.upload.part(part).await?;
        }
        Ok(())
    }

    /// Ends the file and sends what is left of it.
    pub(super) async fn finish(self) -> Result<Made, Failure> {
        let Self { mut upload, form, totals, rows, .. } = self;
        let rest = match form {
            Form::Csv(csv) => csv.bytes,
            Form::Xlsx(spreadsheet) => {
                let file = spreadsheet.finish().await.map_err(broken)?;
                send_file(&mut upload, file).await?
            }
            Form::Pdf { printer, mut sheet, chart } => {
                sheet.totals = totals.cells().iter().map(|cell| said(cell, sheet.locale)).collect();
                sheet.chart = chart.drawn();
                let bytes = printer.print_report(*sheet).await.context("printing the report")?;
                in_parts(&mut upload, bytes).await?
            }
        };
        let sent = upload.finish(rest).await?;
        Ok(Made { sent, rows: i64::try_from(rows).unwrap_or(i64::MAX), figures: totals.figures() })
    }
}

/// Sends a file of the disk, but for its last part.
async fn send_file(upload: &mut Upload<'_>, file: std::fs::File) -> Result<Vec<u8>, Failure> {
    let mut file = file;
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let mut part = Vec::with_capacity(PART);
            let read = file.by_ref().take(PART as u64).read_to_end(&mut part);
            read.map(|_| (file, part))
        });
        let part;
        (file, part) = read.await.context("reading the file")?.context("reading the file")?;
        if part.len() < PART {
            return Ok(part);
        }
        upload.part(part).await?;
    }
}

async fn in_parts(upload: &mut Upload<'_>, mut bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    while bytes.len() > PART {
        let rest = bytes.split_off(PART);
        upload.part(bytes).await?;
        bytes = rest;
    }
    Ok(bytes)
}

fn broken(SpreadsheetTrouble(words): SpreadsheetTrouble) -> Failure {
    Failure::retry(format!("making the spreadsheet: {words}"))
}
