//! What the recorder is told: one event for each delivery that ended, written in the same step as the change itself.

use serde::{Deserialize, Serialize};

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// The job is over and did what it was for.
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) outcome: Outcome,
    /// Within the job's present round, counted from 1; for a job that ended while it waited, how many it had used.
    pub(crate) attempt: u32,
    #[serde(default)]
    pub(crate) epoch: i64,
    /// 0: there was no delivery.
    #[serde(default)]
    pub(crate) fence: i64,
    #[serde(default)]
    pub(crate) worker: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_ms: Option<i64>,
    pub(crate) ended_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_error_is_cut_between_characters() {
        let kept = storable(&"ñ".repeat(MAX_ERROR_BYTES));
        assert!(kept.len() <= MAX_ERROR_BYTES + 8 && kept.ends_with("ñ […]"));
    }
}
