//! What a certificate states, in the form that is signed: anybody who has these bytes, the signature and the public key can check it without
//! us, today or in twenty years.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{serial::Serial, signing::KeyId};

/// What is stated.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    /// Its serial.
    pub serial: &'a Serial,
    /// Who has completed the course.
    pub holder: &'a str,
    /// Which course.
    pub course: &'a str,
    /// Who taught it.
    pub instructor: &'a str,
    /// How many hours it took.
    pub hours: i32,
    /// On which day.
    pub completed_on: NaiveDate,
    /// When the certificate was asked for.
    pub issued_at: DateTime<Utc>,
    /// SHA-256 of the very file.
    pub pdf_sha256: [u8; 32],
    /// Which key signs.
    pub key: &'a KeyId,
    /// Where anybody checks it.
    pub url: &'a str,
}

impl Statement<'_> {
    /// The bytes that are signed: JSON in its canonical form (RFC 8785), so that whoever has the values can make the bytes again.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let statement = json!({
            "type": "certificate",
            "version": 1,
            "serial": self.serial.as_str(),
            "holder": self.holder,
            "course": self.course,
            "instructor": self.instructor,
            "hours": self.hours,
            "completed_on": self.completed_on.to_string(),
            "issued_at": self.issued_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "pdf_sha256": hex::encode(self.pdf_sha256),
            "key": self.key.as_str(),
            "url": self.url,
        });
        canonical(&statement)
    }
}

/// A JSON value in its canonical form.
fn canonical(value: &Value) -> Vec<u8> {
    // Only a map with keys that are no strings, or a number that is none, could fail.
    serde_json_canonicalizer::to_vec(value).unwrap_or_else(|error| unreachable!("a JSON value has a canonical form: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8785, 3.2.3: its sorting example.
    #[test]
    fn the_canonical_form_is_that_of_the_standard() {
        let given = "{\"\\u20ac\": \"Euro Sign\", \"\\r\": \"Carriage Return\", \"\\ufb33\": \"Hebrew Letter Dalet With Dagesh\", \"1\": \"One\",
            \"\\ud83d\\ude00\": \"Emoji: Grinning Face\", \"\\u0080\": \"Control\", \"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}";
        let value: Value = serde_json::from_str(given).expect("JSON");
        let wanted = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
        assert_eq!(String::from_utf8(canonical(&value)).expect("UTF-8"), wanted);
    }

    #[test]
    fn a_statement_is_these_bytes_and_no_others() {
        let (serial, key) = ("CC-7Q4M-2K9T-X8WB-51DN".parse().expect("a serial"), "k1".parse().expect("a name"));
        let statement = Statement {
            serial: &serial,
            holder: "Ana \"Ñ\" Ñáñez",
            course: "Git\tsin sustos",
            instructor: "Tomás Arrieta",
            hours: 10,
            completed_on: NaiveDate::from_ymd_opt(2026, 11, 28).expect("a day"),
            issued_at: DateTime::from_timestamp(1_795_860_000, 123_456_789).expect("a time"),
            pdf_sha256: [0xab; 32],
            key: &key,
            url: "https://compilandocode.example/v/CC-7Q4M-2K9T-X8WB-51DN",
        };
        let pdf = "ab".repeat(32);
        assert_eq!(
            String::from_utf8(statement.bytes()).expect("UTF-8"),
            format!(
                r#"{{"completed_on":"2026-11-28","course":"Git\tsin sustos","holder":"Ana \"Ñ\" Ñáñez","hours":10,"instructor":"Tomás Arrieta","issued_at":"2026-11-28T10:00:00Z","key":"k1","pdf_sha256":"{pdf}","serial":"CC-7Q4M-2K9T-X8WB-51DN","type":"certificate","url":"https://compilandocode.example/v/CC-7Q4M-2K9T-X8WB-51DN","version":1}}"#
            )
        );
    }
}
