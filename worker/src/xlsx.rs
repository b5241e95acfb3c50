//! Makes spreadsheets with rust_xlsxwriter: rows go to a file of the disk as they come, so that a million of them take no more memory than one.
//!
//! Words are written as words: nothing that begins like a formula is one. Ids are words too, because a spreadsheet keeps fifteen digits of a number.

use std::io::{BufWriter, Seek as _, Write as _};

use chrono::{NaiveDate, NaiveDateTime};
use jobs::{
    accounts::locale::Locale,
    payments::money::Money,
    ports::{
        mailer::BoxFuture,
        spreadsheets::{Head, Spreadsheet, SpreadsheetTrouble, Spreadsheets},
    },
    reports::table::{Cell, Column, Holds},
};
use rust_xlsxwriter::{DocProperties, Format, Workbook, Worksheet, XlsxError};

/// A sheet has so many rows, its headings included (ECMA-376 says none; Excel's and LibreOffice's own bound).
const ROWS_OF_A_SHEET: u32 = 1_048_576;
/// A cell has so many characters (same), less what one outside of the basic plane takes more.
const CHARS_OF_A_CELL: usize = 16_000;
/// A sheet's name has 31 characters; some are for its number.
const CHARS_OF_A_NAME: usize = 26;

/// Makes spreadsheets. What is being made lies in the folder for temporary files.
#[derive(Debug, Clone, Copy)]
pub struct Xlsx {
    rows_of_a_sheet: u32,
}

impl Default for Xlsx {
    fn default() -> Self {
        Self { rows_of_a_sheet: ROWS_OF_A_SHEET }
    }
}

impl Spreadsheets for Xlsx {
    fn begin(&self, head: &Head<'_>) -> Result<Box<dyn Spreadsheet>, SpreadsheetTrouble> {
        let mut workbook = Workbook::new();
        let title = head.client.map_or_else(|| head.sheet.to_owned(), |client| format!("{} · {client}", head.sheet));
        workbook.set_properties(&DocProperties::new().set_title(title));
        let name: String = head.sheet.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(CHARS_OF_A_NAME).collect();
        let looks = head.columns.iter().map(look).collect();
        let sheet = begin_sheet(&mut workbook, &name, 1, head.columns, head.locale).map_err(trouble)?;
        Ok(Box::new(Book {
            workbook,
            sheet,
            name,
            columns: head.columns,
            locale: head.locale,
            notes: notes(head),
            looks,
            row: 1,
            sheets: 1,
            rows_of_a_sheet: self.rows_of_a_sheet,
        }))
    }
}

struct Book {
    workbook: Workbook,
    sheet: Worksheet,
    name: String,
    columns: &'static [Column],
    locale: Locale,
    /// What stands on the last sheet, if there is anything to say.
    notes: Vec<String>,
    looks: Vec<Option<Format>>,
    /// Where the next row goes.
    row: u32,
    sheets: u32,
    rows_of_a_sheet: u32,
}

impl Spreadsheet for Book {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), SpreadsheetTrouble> {
        if self.row >= self.rows_of_a_sheet {
            self.sheets += 1;
            let next = begin_sheet(&mut self.workbook, &self.name, self.sheets, self.columns, self.locale).map_err(trouble)?;
            self.workbook.push_worksheet(std::mem::replace(&mut self.sheet, next));
            self.row = 1;
        }
        for (column, (cell, look)) in (0..).zip(cells.iter().zip(&self.looks)) {
            write(&mut self.sheet, self.row, column, cell, look.as_ref()).map_err(trouble)?;
        }
        self.row += 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<std::fs::File, SpreadsheetTrouble>> {
        Box::pin(async move {
            // Packing megabytes is no work for a thread that others wait for.
            let packed = tokio::task::spawn_blocking(move || self.pack());
            packed.await.unwrap_or_else(|error| Err(SpreadsheetTrouble(error.to_string())))
        })
    }
}

impl Book {
    fn pack(self) -> Result<std::fs::File, SpreadsheetTrouble> {
        let Self { mut workbook, sheet, locale, notes, .. } = self;
        workbook.push_worksheet(sheet);
        if !notes.is_empty() {
            workbook.push_worksheet(sheet_of_notes(&notes, locale).map_err(trouble)?);
        }
        let disk = |error: std::io::Error| SpreadsheetTrouble(format!("the folder for temporary files: {error}"));
        let mut file = BufWriter::with_capacity(1 << 20, tempfile::tempfile().map_err(disk)?);
        workbook.save_to_writer(&mut file).map_err(trouble)?;
        file.flush().map_err(disk)?;
        let mut file = file.into_inner().map_err(|error| disk(error.into_error()))?;
        file.rewind().map_err(disk)?;
        Ok(file)
    }
}

fn begin_sheet(
    workbook: &mut Workbook,
    name: &str,
    number: u32,
    columns: &[Column],
    locale: Locale,
) -> Result<Worksheet, XlsxError> {
    let mut sheet = workbook.new_worksheet_with_constant_memory()?;
    sheet.set_name(if number == 1 { name.to_owned() } else { format!("{name} {number}") })?;
    sheet.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold();
    for (at, column) in (0..).zip(columns) {
        sheet.set_column_width(at, width(column))?;
        sheet.write_string_with_format(0, at, column.title(locale), &bold)?;
    }
    Ok(sheet)
}

/// Of whom it tells, if not of everybody, and how it counts, where that is not plain.
fn notes(head: &Head<'_>) -> Vec<String> {
    let client = head.client.map(|client| match head.locale {
        Locale::Es => format!("Cliente: {client}"),
        Locale::En => format!("Client: {client}"),
    });
    client.into_iter().chain(head.how.map(str::to_owned)).collect()
}

fn sheet_of_notes(notes: &[String], locale: Locale) -> Result<Worksheet, XlsxError> {
    let mut sheet = Worksheet::new();
    sheet.set_name(match locale {
        Locale::Es => "Notas",
        Locale::En => "Notes",
    })?;
    sheet.set_column_width(0, 100.0)?;
    let wrapped = Format::new().set_text_wrap();
    for (row, note) in (0..).zip(notes) {
        sheet.write_string_with_format(row, 0, note, &wrapped)?;
    }
    Ok(sheet)
}

fn width(column: &Column) -> f64 {
    match column.holds {
        Holds::Text => 30.0,
        Holds::Moment => 17.0,
        Holds::Word(_) => 20.0,
        _ => 13.0,
    }
}

/// How a column's figures are shown; what they are is not touched by it.
fn look(column: &Column) -> Option<Format> {
    let shown = match column.holds {
        Holds::Moment => "yyyy-mm-dd hh:mm:ss",
        Holds::Day => "yyyy-mm-dd",
        Holds::Seconds => "[h]:mm:ss",
        Holds::Share => "0.00%",
        Holds::Money(_) => "#,##0.00",
        Holds::Count => "#,##0",
        Holds::Text | Holds::Word(_) | Holds::Id => return None,
    };
    Some(Format::new().set_num_format(shown))
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell<'_>, look: Option<&Format>) -> Result<(), XlsxError> {
    let number = match *cell {
        Cell::Nothing => return Ok(()),
        Cell::Text(text) if text.len() > CHARS_OF_A_CELL => {
            let text: String = text.chars().take(CHARS_OF_A_CELL).collect();
            return sheet.write_string(row, column, text).map(drop);
        }
        Cell::Text(text) => return sheet.write_string(row, column, text).map(drop),
        Cell::WordOf(word, id) => return sheet.write_string(row, column, format!("{word} #{id}")).map(drop),
        Cell::Id(id) => return sheet.write_string(row, column, id.to_string()).map(drop),
        Cell::Count(count) => count as f64,
        Cell::Seconds(seconds) => seconds as f64 / 86_400.0,
        Cell::Share(share) => share,
        Cell::Moment(at) => serial(at),
        Cell::Day(day) => serial(day.into()),
        Cell::Money(Money { minor, currency }) => minor as f64 / 10_f64.powi(currency.decimals().cast_signed()),
    };
    match look {
        Some(look) => sheet.write_number_with_format(row, column, number, look).map(drop),
        None => sheet.write_number(row, column, number).map(drop),
    }
}

/// Days since the thirtieth of December 1899, by which spreadsheets count (ECMA-376, part 1, 18.17.4.1, less its wrong leap year).
fn serial(at: NaiveDateTime) -> f64 {
    let origin: NaiveDateTime = NaiveDate::from_ymd_opt(1899, 12, 30).unwrap_or_default().into();
    let since = at - origin;
    since.num_seconds() as f64 / 86_400.0
}

fn trouble(error: XlsxError) -> SpreadsheetTrouble {
    SpreadsheetTrouble(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use jobs::reports::kind::Kind;

    use super::*;

    #[test]
    fn moments_are_days_since_the_end_of_1899() {
        let at = |text: &str| text.parse::<NaiveDateTime>().expect("a moment");
        assert!((serial(at("1900-03-01T00:00:00")) - 61.0).abs() < f64::EPSILON);
        assert!((serial(at("2026-11-24T12:00:00")) - 46_350.5).abs() < f64::EPSILON);
    }

    #[tokio::test]
    async fn what_a_sheet_has_no_room_for_goes_on_to_the_next() {
        let columns = Kind::Daily.layout().columns;
        let head = Head { sheet: "El día: [de] la mesa de ayuda y más", columns, locale: Locale::Es, client: None, how: None };
        let mut book = Xlsx { rows_of_a_sheet: 3 }.begin(&head).expect("a spreadsheet");
        for number in 0..5 {
            book.row(&[Cell::Text("=1+1"), Cell::Count(number)]).expect("a row");
        }
        let mut bytes = Vec::new();
        book.finish().await.expect("a file").read_to_end(&mut bytes).expect("bytes");
        assert!(bytes.starts_with(b"PK"));
        let names = bytes.windows(24).filter(|part| part.starts_with(b"xl/worksheets/sheet")).count();
        // Each stands at its file and in the index.
        assert_eq!(names, 6);
    }
}
