//! Numbers and spans of time as people read them in columns.

use std::time::Duration;

use jobs::accounts::locale::Locale;

/// A number in groups of three. Spanish leaves four digits whole and separates with a thin space (RAE, Ortografía 2010).
pub(crate) fn count(locale: Locale, number: u64) -> String {
    let digits = number.to_string();
    let (separator, least) = match locale {
        Locale::Es => ('\u{202F}', 5),
        Locale::En => (',', 4),
    };
    if digits.len() < least {
        return digits;
    }
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// A part of a whole in percent, rounded down: only all is 100 %. Of nothing there is no part. (RAE, Ortografía 2010: a comma, and a space before the sign.)
pub(crate) fn share(locale: Locale, part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "—".to_owned();
    }
    let per_mille = i128::from(part) * 1000 / i128::from(whole);
    let (whole, tenths) = (per_mille / 10, per_mille % 10);
    match locale {
        Locale::Es => format!("{whole},{tenths}\u{202F}%"),
        Locale::En => format!("{whole}.{tenths}%"),
    }
}

/// A span in its two largest units. The symbols are those of the SI and are the same in both languages.
pub(crate) fn span(span: Duration) -> String {
    let (ms, s) = (span.as_millis(), span.as_secs());
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{s} s"),
        60..3_600 => format!("{} min {:02} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {:02} min", s / 3_600, s / 60 % 60),
        _ => format!("{} d {:02} h", s / 86_400, s / 3_600 % 24),
    }
}

/// How many tiles show so many slots, and how many of them are laid for the busy ones. A row has ten at most; each then stands for
/// a tenth, and one busy slot lays a tile already.
pub(crate) fn tiles(busy: &usize, slots: &usize) -> (usize, usize) {
    let tiles = (*slots).min(10);
    (tiles, (busy * tiles).div_ceil((*slots).max(1)).min(tiles))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_laid_in_proportion_and_from_the_first_busy_slot() {
        let laid = [(0, 0), (0, 4), (3, 4), (0, 500), (1, 500), (499, 500), (500, 500), (60, 50)];
        assert_eq!(
            laid.map(|(busy, slots)| tiles(&busy, &slots)),
            [(0, 0), (4, 0), (4, 3), (10, 0), (10, 1), (10, 10), (10, 10), (10, 10)]
        );
    }

    #[test]
    fn numbers_are_grouped_as_the_language_does() {
        let es = |number| count(Locale::Es, number);
        assert_eq!(
            [es(0), es(999), es(1_000), es(20_000), es(1_234_567)],
            ["0", "999", "1000", "20\u{202F}000", "1\u{202F}234\u{202F}567"]
        );
        assert_eq!([count(Locale::En, 999), count(Locale::En, 1_000), count(Locale::En, 123_456)], ["999", "1,000", "123,456"]);
    }

    #[test]
    fn a_share_is_all_only_where_nothing_is_missing() {
        let es = |part, whole| share(Locale::Es, part, whole);
        assert_eq!(
            [es(2, 3), es(9_999, 10_000), es(7, 7), es(0, 7)],
            ["66,6\u{202F}%", "99,9\u{202F}%", "100,0\u{202F}%", "0,0\u{202F}%"]
        );
        assert_eq!([share(Locale::En, 2, 3), share(Locale::En, 0, 0)], ["66.6%", "—"]);
    }

    #[test]
    fn spans_show_two_units() {
        let spans = [0, 999, 1_000, 59_999, 60_000, 3_599_000, 3_600_000, 86_399_000, 90_000_000]
            .map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(
            spans,
            ["0 ms", "999 ms", "1 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "23 h 59 min", "1 d 01 h"]
        );
    }
}
