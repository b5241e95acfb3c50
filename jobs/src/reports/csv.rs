//! CSV by RFC 4180: commas, CR LF, quotes where they are needed, and a byte order mark, without which spreadsheets take UTF-8 for something older.

use std::io::Write as _;

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use super::table::Cell;
use crate::payments::money::Money;

/// What a spreadsheet takes for the beginning of a formula where it reads words (OWASP, "CSV Injection"). Words that begin so are given an apostrophe,
/// which it shows as one or not at all; numbers are never words. Signs of full width are read as their narrow ones in some languages.
const DANGEROUS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
/// Where Spanish is spoken, spreadsheets begin a cell behind it, also within our quotes.
const OTHER_SEPARATOR: char = ';';

/// A file as it grows. Whoever sends it takes away what is there.
#[derive(Debug)]
pub(super) struct Csv {
    pub(super) bytes: Vec<u8>,
}

impl Csv {
    /// With its headings.
    pub(super) fn new<'a>(titles: impl Iterator<Item = &'a str>) -> Self {
        let mut csv = Self { bytes: "\u{FEFF}".into() };
        for (place, title) in titles.enumerate() {
            csv.separate(place);
            csv.text(title);
        }
        csv.end_line();
        csv
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) {
        for (place, cell) in cells.iter().enumerate() {
            self.separate(place);
            self.cell(cell);
        }
        self.end_line();
    }

    fn separate(&mut self, place: usize) {
        if place > 0 {
            self.bytes.push(b',');
        }
    }

    fn end_line(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn cell(&mut self, cell: &Cell<'_>) {
        // Writing into memory does not fail.
        let _ = match *cell {
            Cell::Nothing => Ok(()),
            Cell::Text(text) => {
                self.text(text);
                Ok(())
            }
            Cell::WordOf(word, number) => {
                self.text(&format!("{word} #{number}"));
                Ok(())
            }
            Cell::Id(number) | Cell::Count(number) => write!(self.bytes, "{number}"),
            Cell::Seconds(seconds) => {
                let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs());
                write!(self.bytes, "{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
            }
            Cell::Share(share) => write!(self.bytes, "{:.2}", share * 100.0),
            Cell::Moment(moment) => {
                self.moment(moment);
                Ok(())
            }
            Cell::Day(day) => write!(self.bytes, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day()),
            Cell::Money(money) => self.bytes.write_all(decimal(money).as_bytes()),
        };
    }

    /// As spreadsheets read it: 2026-11-24 17:50:03. By hand, because chrono's way takes as long as all the rest of a row.
    fn moment(&mut self, at: NaiveDateTime) {
        let digits = |number: u32| b'0' + u8::try_from(number % 10).unwrap_or(0);
        let year = at.year().unsigned_abs();
        let (month, day, hour, minute, second) = (at.month(), at.day(), at.hour(), at.minute(), at.second());
        self.bytes.extend_from_slice(&[
            digits(year / 1000),
            digits(year / 100),
            digits(year / 10),
            digits(year),
            b'-',
            digits(month / 10),
            digits(month),
            b'-',
            digits(day / 10),
            digits(day),
            b' ',
            digits(hour / 10),
            digits(hour),
            b':',
            digits(minute / 10),
            digits(minute),
            b':',
            digits(second / 10),
            digits(second),
        ]);
    }

    fn text(&mut self, text: &str) {
        let is_dangerous = text.starts_with(DANGEROUS) || text.contains(OTHER_SEPARATOR);
        let harmless = if is_dangerous { harmless(text) } else { String::new() };
        let text = if is_dangerous { &harmless } else { text };
        let is_quoted = text.bytes().any(|b| matches!(b, b'"' | b',' | b'\r' | b'\n'));
        if is_quoted {
            self.bytes.push(b'"');
        }
        if is_quoted && text.contains('"') {
            self.bytes.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        } else {
            self.bytes.extend_from_slice(text.as_bytes());
        }
        if is_quoted {
            self.bytes.push(b'"');
        }
    }
}

/// With an apostrophe before whatever would begin a formula, in this cell or in one that a spreadsheet makes of its rest.
fn harmless(text: &str) -> String {
    let mut parts = text.split(OTHER_SEPARATOR).map(|part| {
        let begins = part.trim_start();
        let blank = &part[..part.len() - begins.len()];
        if part.starts_with(DANGEROUS) {
            format!("'{part}")
        } else if begins.starts_with(DANGEROUS) {
            format!("{blank}'{begins}")
        } else {
            part.to_owned()
        }
    });
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |text, part| format!("{text}{OTHER_SEPARATOR}{part}"))
}

/// An amount as programs read it: `-1234.50`.
fn decimal(Money { minor, currency }: Money) -> String {
    let decimals = currency.decimals();
    let (sign, minor, unit) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs(), 10_u64.pow(decimals));
    match decimals {
        0 => format!("{sign}{minor}"),
        _ => format!("{sign}{}.{:0width$}", minor / unit, minor % unit, width = decimals as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::money::Currency;

    fn written(cells: &[Cell<'_>]) -> String {
        let mut csv = Csv { bytes: Vec::new() };
        csv.row(cells);
        String::from_utf8(csv.bytes).expect("UTF-8")
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let cells = ["plain", "a,b", "say \"hi\"", "two\nlines", "", " spaces "].map(Cell::Text);
        assert_eq!(written(&cells), "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",, spaces \r\n");
        assert_eq!(Csv::new(["Número", "Día"].into_iter()).bytes, "\u{FEFF}Número,Día\r\n".as_bytes());
    }

    #[test]
    fn no_words_are_a_formula_and_numbers_stay_numbers() {
        let cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "=\"a\",b"].map(Cell::Text);
        assert_eq!(written(&cells), "'=1+1,'+1,'-1,'@SUM(A1),'\tx,\"'\rx\",\"'=\"\"a\"\",b\"\r\n");
        assert_eq!(written(&[Cell::Count(-5), Cell::Id(7), Cell::Nothing]), "-5,7,\r\n");
    }

    #[test]
    fn figures_are_written_as_programs_read_them() {
        let moment = "2026-03-01T04:05:06".parse().expect("a moment");
        let cells =
            [Cell::Moment(moment), Cell::Day("2026-03-01".parse().expect("a day")), Cell::Seconds(93_784), Cell::Share(0.923_07)];
        assert_eq!(written(&cells), "2026-03-01 04:05:06,2026-03-01,26:03:04,92.31\r\n");
        let money = |minor, currency: &str| Cell::Money(Money::new(minor, currency.parse().expect("a currency")));
        assert_eq!(
            written(&[money(-123_450, "COP"), money(5, "USD"), money(900, "JPY"), money(1, "KWD")]),
            "-1234.50,0.05,900,0.001\r\n"
        );
        assert_eq!(decimal(Money::new(i64::MIN, Currency::COP)), "-92233720368547758.08");
    }
}
