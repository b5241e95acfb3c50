//! Cells as people of a language read them.

use chrono::{Datelike as _, Timelike as _};

use super::table::Cell;
use crate::{accounts::locale::Locale, mail::grouped};

/// The words on paper and in letters; nothing where there is nothing.
pub(super) fn said(cell: &Cell<'_>, locale: Locale) -> String {
    match *cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) => text.to_owned(),
        Cell::WordOf(word, number) => format!("{word} #{number}"),
        Cell::Id(number) => number.to_string(),
        Cell::Count(number) => count(number, locale),
        Cell::Seconds(seconds) => {
            let minutes = (seconds.max(0) + 30) / 60;
            if minutes < 60 {
                format!("{minutes} min")
            } else {
                format!("{} h {:02} min", count(minutes / 60, locale), minutes % 60)
            }
        }
        Cell::Share(share) => {
            let text = format!("{:.1}", share * 100.0);
            match locale {
                Locale::Es => format!("{}\u{a0}%", text.replace('.', ",")),
                Locale::En => format!("{text}%"),
            }
        }
        Cell::Moment(at) => {
            format!("{:04}-{:02}-{:02} {:02}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute())
        }
        Cell::Day(day) => format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()),
        Cell::Money(money) => money.to_text(locale),
    }
}

fn count(number: i64, locale: Locale) -> String {
    format!("{}{}", if number < 0 { "-" } else { "" }, grouped(locale, number.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_readers() {
        let both = |cell| (said(&cell, Locale::Es), said(&cell, Locale::En));
        assert_eq!(both(Cell::Count(1234)), ("1234".to_owned(), "1,234".to_owned()));
        assert_eq!(both(Cell::Count(-1_234_567)), ("-1\u{202f}234\u{202f}567".to_owned(), "-1,234,567".to_owned()));
        assert_eq!(both(Cell::Share(0.923_46)), ("92,3\u{a0}%".to_owned(), "92.3%".to_owned()));
        assert_eq!(both(Cell::Seconds(29)).0, "0 min");
        assert_eq!(both(Cell::Seconds(26 * 3600 + 3 * 60 + 31)).0, "26 h 04 min");
        assert_eq!(both(Cell::WordOf("duplicada de", 7)).0, "duplicada de #7");
        assert_eq!(both(Cell::Nothing).0, "");
    }
}
