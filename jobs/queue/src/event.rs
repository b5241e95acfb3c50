//! What the recorder is told: one event for each delivery that ended, written in the same step as the change itself. Events travel in
//! packs, JSON arrays, because an entry of a stream costs Redis more than what is in it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How a delivery ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// The job is over and did what it was for.
    #[default]
    Completed,
    /// The attempt failed; another follows.
    Retry,
    /// The job was told to wait; no attempt was used.
    Throttled,
    /// The job failed for good.
    Dead,
    /// The job is over because nobody wants it any more.
    Cancelled,
    /// The worker stopped and handed the job back.
    Released,
    /// The lease ran out.
    Orphaned,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Retry => "retry",
            Self::Throttled => "throttled",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
            Self::Released => "released",
            Self::Orphaned => "orphaned",
        }
    }

    /// Whether the job is over.
    pub(crate) const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Dead | Self::Cancelled)
    }
}

/// The scripts write some of these themselves (`rescue.lua`, `cancel.lua`): field names are part of their contract.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) outcome: Outcome,
    /// Within the job's present round, counted from 1; for a job that ended while it waited, how many it had used.
    pub(crate) attempt: u32,
    /// The delivery ended before an attempt began: the ledger lists none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_unbegun: bool,
    /// The job that was delivered was not worth an attempt any more. One that was run again since is, and a Redis that was set back has it as it was.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_expired: bool,
    #[serde(default)]
    pub(crate) epoch: i64,
    /// 0: there was no delivery.
    #[serde(default)]
    pub(crate) fence: i64,
    /// Whose word this is; empty: the pack says it for all of its events.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) worker: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_ms: Option<i64>,
    #[serde(default)]
    pub(crate) ended_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The envelope of a job that ended and has no row in the outbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) envelope: Option<Box<RawValue>>,
    /// The same where it is no JSON: base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<String>,
}

impl Event {
    /// Whether it tells of an attempt, which the ledger lists.
    pub(crate) fn is_attempt(&self) -> bool {
        self.fence > 0 && !self.is_unbegun
    }

    /// As of when it is told that a job is over, in ms: where an operator has undone that, or deleted the job, not before then, it is told in vain. What a wish
    /// to cancel ended is as old as the delivery that it was for: a Redis that forgets its last second brings both back. `None`: of an attempt that came to
    /// its end by itself the fence says enough.
    pub(crate) fn as_of_ms(&self) -> Option<i64> {
        if self.outcome == Outcome::Cancelled {
            return Some(self.started_ms.unwrap_or(self.ended_ms));
        }
        (!self.is_attempt()).then_some(self.ended_ms)
    }

    /// Adds the event to a pack under way. `envelope` goes along as it came.
    pub(crate) fn pack(&self, pack: &mut Vec<u8>, envelope: Option<&[u8]>) {
        pack.push(if pack.is_empty() { b'[' } else { b',' });
        // Writing plain data into memory does not fail.
        let _ = serde_json::to_writer(&mut *pack, self);
        let Some(envelope) = envelope else { return };
        pack.pop();
        if is_json_object(envelope) {
            pack.extend_from_slice(b",\"envelope\":");
            pack.extend_from_slice(envelope);
        } else {
            pack.extend_from_slice(b",\"raw\":\"");
            pack.extend_from_slice(BASE64_STANDARD.encode(envelope).as_bytes());
            pack.push(b'"');
        }
        pack.push(b'}');
    }

    /// The envelope's bytes, if they came along.
    pub(crate) fn envelope_bytes(&self) -> Option<Vec<u8>> {
        match (&self.envelope, &self.raw) {
            (Some(envelope), _) => Some(envelope.get().as_bytes().to_vec()),
            (None, Some(raw)) => BASE64_STANDARD.decode(raw).ok(),
            (None, None) => None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

fn is_json_object(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'{') && serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

/// Ends a pack; empty stays empty.
pub(crate) fn close_pack(mut pack: Vec<u8>) -> Vec<u8> {
    if !pack.is_empty() {
        pack.push(b']');
    }
    pack
}

/// Errors are kept up to this many bytes.
const MAX_ERROR_BYTES: usize = 8 * 1024;

/// `text` in a form that Postgres stores (no NUL) and that fits an event.
pub(crate) fn storable(text: &str) -> String {
    let mut text = text.replace('\0', "\u{fffd}");
    if text.len() > MAX_ERROR_BYTES {
        text.truncate(text.floor_char_boundary(MAX_ERROR_BYTES));
        text.push_str(" […]");
    }
    text
}

/// jsonb takes every JSON text but one with a NUL or a lone surrogate in it, or a number of absurd magnitude. One event that
/// Postgres refuses would hold up all others: what it might refuse is kept as bytes.
pub(crate) fn is_storable_json(args: &str) -> bool {
    let (mut in_text, mut escaped) = (false, false);
    // Digits of the exponent under way, if one is.
    let mut exponent: Option<usize> = None;
    for byte in args.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => (in_text, exponent) = (!in_text, None),
            _ if in_text => {}
            b'e' | b'E' => exponent = Some(0),
            b'+' | b'-' => {}
            b'0'..=b'9' => exponent = exponent.map(|digits| digits + 1),
            _ => exponent = None,
        }
        if exponent > Some(3) {
            return false;
        }
    }
    !args.contains("\\u0000") && serde_json::from_str::<serde_json::Value>(args).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_jsonb_would_refuse_are_kept_as_bytes() {
        for refused in [r#"{"a":"\u0000"}"#, r#"{"a":"\ud800"}"#, r#"{"a":1e-99999}"#, r#"{"a\"":-1E+0001}"#, "{", ""] {
            assert!(!is_storable_json(refused), "{refused}");
        }
        for kept in [
            r#"{"name":"Begoña","n":18446744073709551615}"#,
            r#"{"e":1.5e10,"text":"e12345678","id":"5d1e1234-0000-4000-8000-0e1234567890"}"#,
            r#"[true,false,1000000]"#,
            "null",
        ] {
            assert!(is_storable_json(kept), "{kept}");
        }
    }

    #[test]
    fn a_pack_is_one_json_array_whatever_the_envelopes_are() {
        let event = |id: &str| Event { id: id.to_owned(), ..Event::default() };
        let mut pack = Vec::new();
        event("plain").pack(&mut pack, None);
        event("whole").pack(&mut pack, Some(br#"{"a":"\u00f1"}"#));
        event("hostile").pack(&mut pack, Some(b"{\"a\":\"\xff\"} ]"));

        let events: Vec<Event> = serde_json::from_slice(&close_pack(pack)).unwrap();

        let envelopes: Vec<_> = events.iter().map(Event::envelope_bytes).collect();
        assert_eq!(envelopes[0], None);
        assert_eq!(envelopes[1].as_deref(), Some(br#"{"a":"\u00f1"}"#.as_slice()));
        assert_eq!(envelopes[2].as_deref(), Some(b"{\"a\":\"\xff\"} ]".as_slice()));
    }

    #[test]
    fn a_huge_error_is_cut_between_characters() {
        let kept = storable(&"ñ".repeat(MAX_ERROR_BYTES));
        assert!(kept.len() <= MAX_ERROR_BYTES + 8 && kept.ends_with("ñ […]"));
    }
}
