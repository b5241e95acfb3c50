//! A certificate's serial: printed on it, and the end of the address where it is checked.

use std::{fmt, str::FromStr};

/// 80 random bits in Crockford's base 32 (<https://www.crockford.com/base32.html>): CC-7Q4M-2K9T-X8WB-51DN. Nobody guesses one, and its
/// letters are not taken for one another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Serial(String);

/// A text that is no serial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a serial is CC and sixteen letters and digits")]
pub struct NoSerial;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS: usize = 16;

impl Serial {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        let bits = rand::random::<u128>();
        Self::of((0..SYMBOLS).map(|place| ALPHABET[((bits >> (5 * place)) & 31) as usize] as char))
    }

    fn of(symbols: impl Iterator<Item = char>) -> Self {
        let mut text = String::from("CC");
        for (place, symbol) in symbols.enumerate() {
            if place % 4 == 0 {
                text.push('-');
            }
            text.push(symbol);
        }
        Self(text)
    }

    /// As it is printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Serial {
    type Err = NoSerial;

    /// Reads what a person typed off paper: case and dashes do not count, and what looks alike is the same.
    fn from_str(text: &str) -> Result<Self, NoSerial> {
        if text.len() > 64 {
            return Err(NoSerial);
        }
        let typed: String =
            text.chars().filter(|c| !c.is_whitespace() && !"-–—_".contains(*c)).map(|c| c.to_ascii_uppercase()).collect();
        let symbols: Vec<char> = typed.strip_prefix("CC").ok_or(NoSerial)?.chars().map(unlike).collect();
        let is_whole = symbols.len() == SYMBOLS && symbols.iter().all(|c| c.is_ascii() && ALPHABET.contains(&(*c as u8)));
        if is_whole { Ok(Self::of(symbols.into_iter())) } else { Err(NoSerial) }
    }
}

/// Crockford's decoding: what is not in the alphabet stands for what it looks like.
fn unlike(c: char) -> char {
    match c {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_read_back_however_it_is_typed() {
        let serial = Serial::random();
        for typed in
            [serial.to_string(), serial.as_str().to_lowercase(), serial.as_str().replace('-', ""), format!(" {serial}\n")]
        {
            assert_eq!(typed.parse(), Ok(serial.clone()), "{typed}");
        }
        let read = |typed: &str| typed.parse::<Serial>().map(|serial| serial.to_string());
        assert_eq!(read("cc–7q4m 2k9t–x8wb–5ldn"), Ok("CC-7Q4M-2K9T-X8WB-51DN".to_owned()));
        assert_eq!(read("CCO0Oo-iIlL-1111-2222"), Ok("CC-0000-1111-1111-2222".to_owned()));
    }

    #[test]
    fn what_is_no_serial_is_refused() {
        let long = format!("CC-{}", "0".repeat(200));
        for text in [
            "",
            "CC",
            "CC-7Q4M-2K9T-X8WB-51D",
            "CC-7Q4M-2K9T-X8WB-51DNX",
            "CD-7Q4M-2K9T-X8WB-51DN",
            "CC-7Q4M-2K9T-X8WB-51DU",
            "CC-ñññññññññññññññ",
            &long,
        ] {
            assert_eq!(text.parse::<Serial>(), Err(NoSerial), "{text}");
        }
    }

    #[test]
    fn serials_differ_in_every_place() {
        let serials: Vec<Vec<u8>> = (0..200).map(|_| Serial::random().as_str().bytes().collect()).collect();
        for place in (0..serials[0].len()).filter(|place| ![0, 1, 2, 7, 12, 17].contains(place)) {
            let mut seen: Vec<u8> = serials.iter().map(|serial| serial[place]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert!(seen.len() > 10, "place {place}: {seen:?}");
        }
    }
}
