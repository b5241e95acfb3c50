//! Money: an integer of the currency's smallest unit, beside its currency. Nothing here is a fraction.

use std::{fmt, str::FromStr};

use crate::accounts::locale::Locale;

/// A currency by its three letters (ISO 4217).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// A text that names no currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three letters, as in ISO 4217")]
pub struct NoCurrency;

/// So many of a currency's smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// How many: centavos of COP, cents of USD, yen of JPY.
    pub minor: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// Why a decimal text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountProblem {
    /// Not digits with at most one point.
    #[error("it is not a decimal number")]
    NotDecimal,
    /// More decimals than the currency has.
    #[error("it has more decimals than the currency")]
    TooFine,
    /// An amount of another currency.
    #[error("it is of another currency")]
    OtherCurrency,
    /// Beyond what can be counted.
    #[error("it is too large")]
    TooLarge,
}

/// Currencies without a smaller unit, and those with three decimals (ISO 4217, list one, without its codes of funds); every other one has two.
/// Providers count some of them otherwise: see the `amount` of each.
const WHOLE: [&[u8; 3]; 16] = [
    b"BIF", b"CLP", b"DJF", b"GNF", b"ISK", b"JPY", b"KMF", b"KRW", b"PYG", b"RWF", b"UGX", b"VND", b"VUV", b"XAF", b"XOF",
    b"XPF",
];
const THREE: [&[u8; 3]; 7] = [b"BHD", b"IQD", b"JOD", b"KWD", b"LYD", b"OMR", b"TND"];

impl Currency {
    /// The Colombian peso.
    pub const COP: Self = Self(*b"COP");
    /// The dollar of the United States.
    pub const USD: Self = Self(*b"USD");

    /// How many decimals an amount has when it is written out (ISO 4217).
    #[must_use]
    pub fn decimals(self) -> u32 {
        if WHOLE.contains(&&self.0) {
            0
        } else if THREE.contains(&&self.0) {
            3
        } else {
            2
        }
    }

    /// Its three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = NoCurrency;

    /// In capitals or not: providers write it either way.
    fn from_str(text: &str) -> Result<Self, NoCurrency> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| NoCurrency)?;
        if letters.iter().all(u8::is_ascii_alphabetic) {
            Ok(Self(letters.map(|b| b.to_ascii_uppercase())))
        } else {
            Err(NoCurrency)
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = NoCurrency;

    fn try_from(text: String) -> Result<Self, NoCurrency> {
        text.parse()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Money {
    /// So much.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.minor == 0
    }

    /// The amount as people of that language write it: `149 900 COP`, `49,50 USD`; `COP 149,900`, `USD 49.50`. Decimals that are all zero
    /// are left out. Spanish sets groups apart with a space and leaves four digits whole (RAE, Ortografía 2010).
    #[must_use]
    pub fn to_text(&self, locale: Locale) -> String {
        let unit = 10_u64.pow(self.currency.decimals());
        let (whole, part) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        let (separator, least, point) = match locale {
            Locale::Es => ('\u{202F}', 5, ','),
            Locale::En => (',', 4, '.'),
        };
        let mut text = if self.minor < 0 { "−".to_owned() } else { String::new() };
        let digits = whole.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && digits.len() >= least && (digits.len() - place).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        if part > 0 {
            text.push(point);
            text.push_str(&format!("{part:0width$}", width = self.currency.decimals() as usize));
        }
        match locale {
            Locale::Es => format!("{text}\u{A0}{}", self.currency),
            Locale::En => format!("{}\u{A0}{text}", self.currency),
        }
    }

    /// Reads what a person typed as an amount of this currency: `49,50`, `49.5`, `149 900`, with the currency's letters before or after it or without. Both marks are decimal marks, so groups are set
    /// apart by spaces only, and `149.900` is refused: to some it would be a thousand times what it is to others.
    ///
    /// # Errors
    /// It is no amount, one with more decimals than the currency has, or one of another currency.
    pub fn parse(typed: &str, currency: Currency) -> Result<Self, AmountProblem> {
        let plain: String = typed.chars().filter(|c| !c.is_whitespace()).map(|c| if c == ',' { '.' } else { c }).collect();
        let (plain, letters) = without_letters(&plain);
        if let Some(letters) = letters
            && letters.parse::<Currency>().map_err(|NoCurrency| AmountProblem::NotDecimal)? != currency
        {
            return Err(AmountProblem::OtherCurrency);
        }
        let decimals = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if decimals > currency.decimals() as usize {
            return Err(AmountProblem::TooFine);
        }
        Ok(Self::new(from_decimal(plain, currency.decimals())?, currency))
    }
}

/// What stands between letters on one side of a text, and the letters.
fn without_letters(text: &str) -> (&str, Option<&str>) {
    let (behind, before) = (text.trim_start_matches(char::is_alphabetic), text.trim_end_matches(char::is_alphabetic));
    if behind.len() < text.len() {
        (behind, text.strip_suffix(behind))
    } else if before.len() < text.len() {
        (before, text.strip_prefix(before))
    } else {
        (text, None)
    }
}

/// A decimal text as an integer of the smallest unit, exactly.
///
/// # Errors
/// It is no plain decimal number, or finer or larger than can be counted.
pub fn from_decimal(text: &str, decimals: u32) -> Result<i64, AmountProblem> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) {
        return Err(AmountProblem::NotDecimal);
    }
    let fine = part.trim_end_matches('0');
    let width = decimals as usize;
    if fine.len() > width {
        return Err(AmountProblem::TooFine);
    }
    format!("{whole}{fine:0<width$}").parse().map_err(|_| AmountProblem::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, currency.parse().expect("a currency"))
    }

    #[test]
    fn amounts_are_written_as_each_language_does() {
        for (amount, es, en) in [
            (money(14_990_000, "COP"), "149\u{202F}900\u{A0}COP", "COP\u{A0}149,900"),
            (money(4_950, "USD"), "49,50\u{A0}USD", "USD\u{A0}49.50"),
            (money(123_456, "USD"), "1234,56\u{A0}USD", "USD\u{A0}1,234.56"),
            (money(500, "JPY"), "500\u{A0}JPY", "JPY\u{A0}500"),
            (money(500, "XPF"), "500\u{A0}XPF", "XPF\u{A0}500"),
            (money(1_005, "KWD"), "1,005\u{A0}KWD", "KWD\u{A0}1.005"),
            (money(-7, "usd"), "−0,07\u{A0}USD", "USD\u{A0}−0.07"),
            (
                money(i64::MIN, "JPY"),
                "−9\u{202F}223\u{202F}372\u{202F}036\u{202F}854\u{202F}775\u{202F}808\u{A0}JPY",
                "JPY\u{A0}−9,223,372,036,854,775,808",
            ),
        ] {
            assert_eq!((amount.to_text(Locale::Es).as_str(), amount.to_text(Locale::En).as_str()), (es, en));
        }
    }

    #[test]
    fn decimal_texts_are_read_exactly_or_not_at_all() {
        for (text, decimals, minor) in [
            ("49.50", 2, 4950),
            ("49.5", 2, 4950),
            ("49", 2, 4900),
            ("0.07", 2, 7),
            ("500", 0, 500),
            ("500.00", 0, 500),
            ("1.005", 3, 1005),
        ] {
            assert_eq!(from_decimal(text, decimals), Ok(minor), "{text}");
        }
        for text in ["", ".", "5.", ".5", "1e3", "+1", "-1", " 1", "1,5", "0x10", "1.2.3", "NaN", "١"] {
            assert_eq!(from_decimal(text, 2), Err(AmountProblem::NotDecimal), "{text:?}");
        }
        assert_eq!(from_decimal("0.005", 2), Err(AmountProblem::TooFine));
        assert_eq!(from_decimal("500.5", 0), Err(AmountProblem::TooFine));
        assert_eq!(from_decimal("99999999999999999999", 2), Err(AmountProblem::TooLarge));
    }

    #[test]
    fn what_people_type_has_one_meaning() {
        for (typed, minor) in [("49,50", 4950), ("49.50", 4950), (" 149 900 ", 14_990_000), ("1\u{202F}000,5", 100_050)] {
            assert_eq!(Money::parse(typed, Currency::USD).map(|money| money.minor), Ok(minor), "{typed}");
        }
        assert_eq!(Money::parse("149.900", Currency::COP), Err(AmountProblem::TooFine));
        assert!(Money::parse("1.234,50", Currency::USD).is_err());
        for typed in ["49,50 USD", "49.50\u{A0}usd", "USD 49.50", "USD49,5"] {
            assert_eq!(Money::parse(typed, Currency::USD).map(|money| money.minor), Ok(4950), "{typed}");
        }
        for typed in ["49,50 EUR", "cop 49"] {
            assert_eq!(Money::parse(typed, Currency::USD), Err(AmountProblem::OtherCurrency), "{typed}");
        }
        for typed in ["USD", "", "mucho", "USD 49 USD", "49 US", "49 €", "4USD9"] {
            assert_eq!(Money::parse(typed, Currency::USD), Err(AmountProblem::NotDecimal), "{typed}");
        }
    }

    #[test]
    fn currencies_are_three_letters() {
        assert_eq!("usd".parse(), Ok(Currency::USD));
        for text in ["", "US", "USDT", "U$D", "ÑÑ"] {
            assert_eq!(text.parse::<Currency>(), Err(NoCurrency), "{text}");
        }
    }
}
