//! What a job asks of the engine beyond its lane and its time. Most jobs ask nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{batch::BatchId, job::JobId, lane::Lane, limit, secret};

/// A tenant's name may have this many characters.
pub const MAX_TENANT_CHARS: usize = 120;
/// So many jobs may follow one.
pub const MAX_FOLLOW_UPS: usize = 16;
/// A chain may be this long.
pub const MAX_CHAIN: usize = 8;
/// What a job asks of the engine, written as JSON, may have this many bytes: the arguments of what follows it are most of it.
pub const MAX_TERMS_BYTES: usize = 128 * 1024;

/// Travels in the envelope, and stands in the outbox and in the ledger, so that an operator's retry asks the same again (all but the
/// expiry: whoever asks for it now wants it).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// For whom the work is done: a tenant can be paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The limits that it counts against, as `name` or `name:key`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// Not worth an attempt from then on.
    #[serde(skip_serializing_if = "Option::is_none", with = "chrono::serde::ts_milliseconds_option")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Of which only one is wanted at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<UniqueTerm>,
    /// What is enqueued in the transaction that writes this job's end into the ledger.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<FollowUp>,
    /// Of which batch it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
}

/// A time that is known when the order is given, or that is counted from when the job is enqueued: of what follows another job, that is
/// at the other's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Then.
    At(#[serde(with = "chrono::serde::ts_milliseconds")] DateTime<Utc>),
    /// So many milliseconds later.
    In(u64),
}

impl Moment {
    /// `delay` after the job is enqueued.
    #[must_use]
    pub fn after(delay: Duration) -> Self {
        Self::In(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
    }

    /// When that is, for a job that is enqueued `now`; `None`: further away than any calendar reaches.
    #[must_use]
    pub fn from(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::At(at) => Some(at),
            Self::In(millis) => now.checked_add_signed(TimeDelta::try_milliseconds(i64::try_from(millis).ok()?)?),
        }
    }
}

/// What a unique job holds, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueTerm {
    /// `name:` and what tells one such job from another.
    pub key: String,
    /// When the key is free again.
    pub until: Until,
}

/// When a unique job lets go of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// When its first attempt begins: one may wait while another runs.
    Start,
    /// When it has ended.
    End,
    /// So many milliseconds after it was enqueued, whatever becomes of it.
    Passed(u64),
}

/// A job that follows another one's end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FollowUp {
    /// After which end.
    pub on: On,
    /// Its own id, made beforehand, so that it is enqueued once.
    pub id: JobId,
    /// The kind of job.
    pub name: String,
    /// The version of its arguments' shape.
    pub version: u16,
    /// Where it will wait.
    pub lane: Lane,
    /// When it may first run; at once, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Moment>,
    /// From when on it is not worth an attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Its arguments.
    pub args: Box<RawValue>,
    /// What it asks of the engine.
    #[serde(default, skip_serializing_if = "Terms::is_default")]
    pub terms: Terms,
}

/// The ends that a job may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// It completed.
    Success,
    /// It is dead.
    Death,
    /// It ended, however that was.
    End,
}

impl Terms {
    /// The same as people may see them: without what is secret in the arguments of what follows.
    #[must_use]
    pub(crate) fn redacted(self) -> Self {
        let shown = |next: FollowUp| FollowUp {
            args: RawValue::from_string(secret::redacted(next.args.get())).unwrap_or(next.args),
            terms: next.terms.redacted(),
            ..next
        };
        Self { follow_ups: self.follow_ups.into_iter().map(shown).collect(), ..self }
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_default(&self) -> bool {
        let Self { tenant, limits, expires_at, unique, follow_ups, batch } = self;
        let asks_of_itself = tenant.is_some() || !limits.is_empty() || expires_at.is_some() || unique.is_some();
        !asks_of_itself && follow_ups.is_empty() && batch.is_none()
    }
}

impl UniqueTerm {
    /// As it stands in the first line of a job in Redis: `lua/limits.lua` says what the signs mean.
    pub(crate) fn to_word(&self) -> String {
        let sign = match self.until {
            Until::End => '=',
            Until::Start => '<',
            Until::Passed(_) => '>',
        };
        // What a tenant's word begins with is no part of a key.
        format!("{sign}{}", limit::to_word(&self.key).replace('@', "%40"))
    }
}

impl On {
    /// Its name in Redis, Postgres and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Death => "death",
            Self::End => "end",
        }
    }

    /// Whether what waits for this end follows one in `state`.
    pub(crate) fn follows(self, state: &str) -> bool {
        match self {
            Self::Success => state == "completed",
            Self::Death => state == "dead",
            Self::End => true,
        }
    }
}

/// Whether a tenant can be named like this: it stands in keys, pages and command lines.
pub(crate) fn is_tenant(text: &str) -> bool {
    (1..=MAX_TENANT_CHARS).contains(&text.chars().count()) && !text.chars().any(|c| c.is_control() || is_invisible(c))
}

/// Characters that print nothing, or turn what stands beside them around.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_line_that_prints() {
        for good in ["acme", "Academia Ñandú 2", "t:7/b", &"ñ".repeat(MAX_TENANT_CHARS)] {
            assert!(is_tenant(good), "{good:?}");
        }
        for bad in ["", "a\nb", "a\0", "a\u{202e}b", &"x".repeat(MAX_TENANT_CHARS + 1)] {
            assert!(!is_tenant(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_counted_from_the_enqueue() {
        let now = DateTime::from_timestamp_millis(1_000).unwrap();
        assert_eq!(Moment::after(Duration::from_millis(500)).from(now), DateTime::from_timestamp_millis(1_500));
        assert_eq!(Moment::At(now).from(Utc::now()), Some(now));
        assert_eq!(Moment::after(Duration::MAX).from(now), None);
        for moment in [Moment::At(now), Moment::In(7)] {
            let text = serde_json::to_string(&moment).unwrap();
            assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment, "{text}");
        }
    }

    #[test]
    fn each_end_is_followed_by_what_waits_for_it() {
        let followed = |state| [On::Success, On::Death, On::End].map(|on| on.follows(state));
        assert_eq!(followed("completed"), [true, false, true]);
        assert_eq!(followed("dead"), [false, true, true]);
        assert_eq!(followed("cancelled"), [false, false, true]);
    }
}
