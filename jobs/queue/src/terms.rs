//! What a job asks of the engine beyond its lane and its time. Most jobs ask nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{job::JobId, lane::Lane};

/// Travels in the envelope, and stands in the outbox and in the ledger, so that an operator's retry asks the same again.
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
    /// Its arguments.
    pub args: Box<RawValue>,
    /// What it asks of the engine.
    #[serde(skip_serializing_if = "Terms::is_default")]
    pub terms: Terms,
}

/// The ends that a job may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_default(&self) -> bool {
        let Self { tenant, limits, expires_at, unique, follow_ups } = self;
        tenant.is_none() && limits.is_empty() && expires_at.is_none() && unique.is_none() && follow_ups.is_empty()
    }
}
