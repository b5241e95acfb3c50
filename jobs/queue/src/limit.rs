//! Limits: how many jobs of a sort may run at once, and how many may start in a time, over any number of workers.

use std::{collections::BTreeMap, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{enqueue::EnqueueError, job::Job};

/// What tells one share holder's key from another's, as it is written, may have so many bytes.
const MAX_WORD_BYTES: usize = 160;
/// What a word keeps as it is. Space and line break would end it, and the scripts take a colon for its first one.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'@').remove(b'+');

/// A limit that jobs of a kind count against. Its bounds are those of the code until an operator sets others (`worker limits set`).
///
/// A limit is counted in one lane: jobs that share it share their lane as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Its name: lower-case letters, digits and underscores, a letter first.
    pub name: &'static str,
    /// The argument whose value tells apart what is counted apart: a tenant, a provider, a channel. `None`: all are counted together.
    pub by: Option<&'static str>,
    /// Its bounds.
    pub bounds: Bounds,
}

/// What a limit allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// So many at once. `None`: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// So many in a time. `None`: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

/// `count` starts per `per`, evenly: one each `per / count`. A token bucket with room for `burst` (the generic cell rate algorithm, ITU-T
/// I.371): after a quiet time so many may start together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time, in whole milliseconds.
    #[serde(rename = "per_ms", with = "as_ms")]
    pub per: Duration,
    /// How many of them may start together; 1: none.
    pub burst: u32,
}

impl Limit {
    /// At most `count` at once.
    #[must_use]
    pub const fn at_once(name: &'static str, count: u32) -> Self {
        Self { name, by: None, bounds: Bounds { at_once: Some(count), rate: None } }
    }

    /// At most `count` starts per `per`, evenly.
    #[must_use]
    pub const fn rate(name: &'static str, count: u32, per: Duration) -> Self {
        Self { name, by: None, bounds: Bounds { at_once: None, rate: Some(Rate { count, per, burst: 1 }) } }
    }

    /// The same, and at most `count` at once.
    #[must_use]
    pub const fn and_at_once(mut self, count: u32) -> Self {
        self.bounds.at_once = Some(count);
        self
    }

    /// The same, of which `burst` may start together after a quiet time.
    #[must_use]
    pub const fn with_burst(mut self, burst: u32) -> Self {
        if let Some(rate) = &mut self.bounds.rate {
            rate.burst = burst;
        }
        self
    }

    /// The same, for each value of an argument apart.
    #[must_use]
    pub const fn by(mut self, argument: &'static str) -> Self {
        self.by = Some(argument);
        self
    }
}

/// Bounds that nobody could obey or Redis could not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBounds {
    /// Neither bound is there.
    #[error("a limit needs a bound: how many at once, or how many in a time")]
    None,
    /// A bound is zero.
    #[error("a limit of nothing would hold its jobs for ever: pause them instead")]
    Nothing,
    /// A time out of range.
    #[error("the time of a rate is from one millisecond to 31 days")]
    Time,
    /// A bound out of range.
    #[error("a bound is at most 1,000,000")]
    TooMuch,
}

impl Bounds {
    const MAX: u32 = 1_000_000;

    /// Whether they can be obeyed.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), BadBounds> {
        let rate = self.rate.map_or([1, 1], |rate| [rate.count, rate.burst]);
        let counts = [self.at_once.unwrap_or(1), rate[0], rate[1]];
        match self {
            Self { at_once: None, rate: None } => Err(BadBounds::None),
            _ if counts.contains(&0) => Err(BadBounds::Nothing),
            _ if counts.iter().any(|count| *count > Self::MAX) => Err(BadBounds::TooMuch),
            Self { rate: Some(rate), .. } if !(1..=31 * 86_400_000).contains(&rate.per.as_millis()) => Err(BadBounds::Time),
            _ => Ok(()),
        }
    }

    /// As `lua/limits.lua` reads them: "at_once count per_ms burst".
    pub(crate) fn to_text(self) -> String {
        let (count, per_ms, burst) = self.rate.map_or((0, 0, 1), |rate| (rate.count, rate.per.as_millis(), rate.burst));
        format!("{} {count} {per_ms} {burst}", self.at_once.unwrap_or(0))
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut between = "";
        if let Some(at_once) = self.at_once {
            write!(f, "{at_once} at once")?;
            between = ", ";
        }
        if let Some(Rate { count, per, burst }) = self.rate {
            write!(f, "{between}{count} per {per:?}")?;
            if burst > 1 {
                write!(f, ", {burst} together")?;
            }
        }
        Ok(())
    }
}

/// What a kind of job counts against, and for whom it is done: read off its arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reckoning {
    pub(crate) limits: &'static [Limit],
    pub(crate) tenant: Option<&'static str>,
}

impl Reckoning {
    pub(crate) const fn of<J: Job>() -> Self {
        Self { limits: J::LIMITS, tenant: J::TENANT }
    }

    /// The words of the limits, and the tenant, of a job with these arguments.
    pub(crate) fn of_args(self, args: &RawValue) -> Result<(Vec<String>, Option<String>), EnqueueError> {
        if self.limits.is_empty() && self.tenant.is_none() {
            return Ok((Vec::new(), None));
        }
        let fields: BTreeMap<&str, Value> = serde_json::from_str(args.get()).unwrap_or_default();
        let value_of = |field| fields.get(field).and_then(as_text);
        let words = self.limits.iter().map(|limit| {
            let word = match limit.by.and_then(value_of) {
                Some(value) => format!("{}:{}", limit.name, to_word(&value)),
                None => limit.name.to_owned(),
            };
            let field = limit.by.unwrap_or_default();
            if word.len() <= MAX_WORD_BYTES { Ok(word) } else { Err(EnqueueError::LongKey { field, size_bytes: word.len() }) }
        });
        Ok((words.collect::<Result<_, _>>()?, self.tenant.and_then(value_of)))
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A text as one word of a job's first line.
pub(crate) fn to_word(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

/// The text that was written so.
pub(crate) fn from_word(word: &str) -> String {
    percent_decode_str(word).decode_utf8_lossy().into_owned()
}

mod as_ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reckon(limits: &'static [Limit], args: &str) -> Vec<String> {
        let args = RawValue::from_string(args.to_owned()).expect("JSON");
        Reckoning { limits, tenant: None }.of_args(&args).expect("short").0
    }

    #[test]
    fn each_value_of_the_argument_is_counted_apart_and_no_value_with_the_others() {
        const LIMITS: &[Limit] = &[Limit::at_once("gate", 3), Limit::rate("chat", 1, Duration::from_secs(1)).by("channel")];
        assert_eq!(reckon(LIMITS, r#"{"channel":"C 1\n"}"#), ["gate", "chat:C%201%0A"]);
        assert_eq!(reckon(LIMITS, r#"{"channel":17}"#), ["gate", "chat:17"]);
        assert_eq!(reckon(LIMITS, r#"{"channel":null}"#), ["gate", "chat"]);
        assert_eq!(reckon(LIMITS, "null"), ["gate", "chat"]);
    }

    #[test]
    fn a_value_too_long_to_be_a_key_is_refused_by_the_name_of_its_field() {
        const LIMITS: &[Limit] = &[Limit::at_once("gate", 3).by("channel")];
        let args = RawValue::from_string(format!(r#"{{"channel":"{}"}}"#, "x".repeat(200))).expect("JSON");
        let refused = Reckoning { limits: LIMITS, tenant: None }.of_args(&args).expect_err("too long");
        assert!(refused.to_string().contains("channel"), "{refused}");
    }

    #[test]
    fn bounds_that_nobody_could_obey_are_refused() {
        let rate = |count, per, burst| Bounds { at_once: None, rate: Some(Rate { count, per, burst }) };
        assert_eq!(Bounds::default().check(), Err(BadBounds::None));
        assert_eq!(Bounds { at_once: Some(0), rate: None }.check(), Err(BadBounds::Nothing));
        assert_eq!(rate(1, Duration::ZERO, 1).check(), Err(BadBounds::Time));
        assert_eq!(rate(1, Duration::from_secs(1), 0).check(), Err(BadBounds::Nothing));
        assert_eq!(rate(2_000_000, Duration::from_secs(1), 1).check(), Err(BadBounds::TooMuch));
        assert_eq!(rate(5, Duration::from_millis(1500), 2).check(), Ok(()));
        assert_eq!(rate(5, Duration::from_millis(1500), 2).to_text(), "0 5 1500 2");
        assert_eq!(rate(5, Duration::from_millis(1500), 2).to_string(), "5 per 1.5s, 2 together");
    }
}
