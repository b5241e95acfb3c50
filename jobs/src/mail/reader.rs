//! Who will read a letter, and what every template asks besides its letter's own blanks.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use chrono_tz::Tz;
use url::Url;

use super::letter::presentable;
use crate::accounts::{full_name::FullName, locale::Locale};

const MONTHS_ES: [&str; 12] =
    ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"];
const MONTHS_EN: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// A letter's reader.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    /// Their name.
    pub name: &'a FullName,
    /// Their language.
    pub locale: Locale,
    /// Their IANA time zone. One that nobody knows counts as UTC, and the letter says so.
    pub time_zone: &'a str,
    /// Our front page.
    pub home: &'a Url,
    /// Leads to the page on which they say no to letters of this sort, if they may.
    pub unsubscribe: Option<Url>,
}

impl Reader<'_> {
    /// How the letter addresses the person, if their name may be shown.
    #[must_use]
    pub fn greeting(&self) -> Option<&str> {
        presentable(self.name)
    }

    /// Our host as people read it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.home.host_str().unwrap_or_default()
    }

    /// The day on which that is in the reader's zone.
    #[must_use]
    pub fn day(&self, at: &DateTime<Utc>) -> String {
        self.date(&self.there(at).0.date_naive())
    }

    /// A day.
    #[must_use]
    pub fn date(&self, day: &NaiveDate) -> String {
        let month = day.month0() as usize;
        match self.locale {
            Locale::Es => format!("{} de {} de {}", day.day(), MONTHS_ES[month], day.year()),
            Locale::En => format!("{} {} {}", day.day(), MONTHS_EN[month], day.year()),
        }
    }

    /// Day and time in the reader's zone, which is named: a letter is read anywhere.
    #[must_use]
    pub fn moment(&self, at: &DateTime<Utc>) -> String {
        let (there, zone) = self.there(at);
        format!("{}, {} ({})", self.day(at), there.format("%H:%M"), zone.name())
    }

    /// A number, its thousands grouped as the language does.
    #[must_use]
    pub fn count(&self, number: &u64) -> String {
        grouped(self.locale, *number)
    }

    fn there(&self, at: &DateTime<Utc>) -> (DateTime<Tz>, Tz) {
        let zone: Tz = self.time_zone.parse().unwrap_or_default();
        (at.with_timezone(&zone), zone)
    }
}

/// A number, its thousands grouped as the language does.
#[must_use]
pub fn grouped(locale: Locale, number: u64) -> String {
    let digits = number.to_string();
    let (sign, least) = match locale {
        // A number of four digits is not grouped (RAE, Ortografía, VIII 2.3).
        Locale::Es => ('\u{202f}', 5),
        Locale::En => (',', 4),
    };
    if digits.len() < least {
        return digits;
    }
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 * sign.len_utf8());
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(sign);
        }
        grouped.push(digit);
    }
    grouped
}

/// Words that each language has its own of, such as an amount of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    es: String,
    en: String,
}

impl Said {
    /// What `say` says in each language.
    pub fn new(say: impl Fn(Locale) -> String) -> Self {
        Self { es: say(Locale::Es), en: say(Locale::En) }
    }

    /// The words for that reader.
    #[must_use]
    pub fn to(&self, reader: &Reader<'_>) -> &str {
        match reader.locale {
            Locale::Es => &self.es,
            Locale::En => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(locale: Locale, time_zone: &str, at: &str, number: u64) -> (String, String) {
        let name = FullName::parse("Ana").expect("a name");
        let home = Url::parse("https://compilandocode.example").expect("a URL");
        let reader = Reader { name: &name, locale, time_zone, home: &home, unsubscribe: None };
        (reader.moment(&at.parse().expect("a moment")), reader.count(&number))
    }

    #[test]
    fn moments_and_numbers_are_the_readers() {
        let at = "2026-03-01T03:05:00Z";
        let bogota = reads(Locale::Es, "America/Bogota", at, 9_999);
        assert_eq!(bogota, ("28 de febrero de 2026, 22:05 (America/Bogota)".to_owned(), "9999".to_owned()));
        let madrid = reads(Locale::En, "Europe/Madrid", at, 1_234_567);
        assert_eq!(madrid, ("1 March 2026, 04:05 (Europe/Madrid)".to_owned(), "1,234,567".to_owned()));
        let nowhere = reads(Locale::Es, "Nowhere/Land", at, 1_234_567);
        assert_eq!(nowhere, ("1 de marzo de 2026, 03:05 (UTC)".to_owned(), "1\u{202f}234\u{202f}567".to_owned()));
    }
}
