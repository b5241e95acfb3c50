//! How a job travels through Redis, and what a worker is handed when it claims one.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    clock,
    faults::{Sabotage, sabotaged},
    job::JobId,
    lane::Lane,
    limit::to_word,
    terms::{Terms, UniqueTerm},
};

/// The arguments of a job, as JSON text, may have this many bytes. Larger things belong in Postgres or S3, their ids in a job.
pub const MAX_ARGS_BYTES: usize = 64 * 1024;

/// Where a job's promise is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// In Postgres, from before the caller's commit until the job's end stands in the ledger.
    Outbox,
    /// In Redis alone: as durable as Redis is configured to be.
    Redis,
}

impl Durability {
    /// Its name in Redis, Postgres and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::Redis => "redis",
        }
    }
}

/// What Redis stores for a live job. It never changes; attempts, leases and due times live beside it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// The job's id.
    pub id: JobId,
    /// The kind of job ([`Job::NAME`](crate::Job::NAME)).
    pub name: String,
    /// The version of the arguments' shape.
    pub version: u16,
    /// Where its promise is kept.
    pub durability: Durability,
    /// When it was enqueued.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub enqueued_at: DateTime<Utc>,
    /// When it may first run, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "chrono::serde::ts_milliseconds_option")]
    pub run_at: Option<DateTime<Utc>>,
    /// Attempts used before an operator enqueued it again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_before: u32,
    /// The trace it belongs to (W3C Trace Context, `traceparent`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// When an operator changed it last, which tells it from what it was before.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "chrono::serde::ts_microseconds_option")]
    pub edited_at: Option<DateTime<Utc>>,
    /// What it asks of the engine beyond lane and time.
    #[serde(default, skip_serializing_if = "Terms::is_default")]
    pub terms: Terms,
    /// The arguments, untouched.
    pub args: Box<RawValue>,
}

impl Envelope {
    /// A job that may run at once and asks nothing special.
    pub(crate) fn new(id: JobId, name: &str, version: u16, durability: Durability, args: Box<RawValue>) -> Self {
        Self {
            id,
            name: name.to_owned(),
            version,
            durability,
            enqueued_at: clock::now(),
            run_at: None,
            attempts_before: 0,
            traceparent: None,
            edited_at: None,
            terms: Terms::default(),
            args,
        }
    }

    /// Since when it could have run.
    pub(crate) fn due_at(&self) -> DateTime<Utc> {
        self.run_at.map_or(self.enqueued_at, |at| at.max(self.enqueued_at))
    }

    /// What it holds in Redis; a promise's key is a row in Postgres.
    pub(crate) fn unique_in_redis(&self) -> Option<&UniqueTerm> {
        self.terms.unique.as_ref().filter(|_| self.durability == Durability::Redis)
    }
}

/// What Redis stores: the envelope, after a first line of words where the job asks for more than a slot (`lua/limits.lua` says which).
pub(crate) fn to_bytes(envelope: &Envelope) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    let Terms { limits, tenant, .. } = &envelope.terms;
    let unique = envelope.unique_in_redis();
    if !limits.is_empty() || tenant.is_some() || unique.is_some() {
        let unique = unique.map(UniqueTerm::to_word);
        let tenant = tenant.as_ref().map(|tenant| format!("@{}", to_word(tenant)));
        let words: Vec<&str> = limits.iter().map(String::as_str).chain(unique.as_deref()).chain(tenant.as_deref()).collect();
        bytes.extend(format!("~{}\n", words.join(" ")).into_bytes());
    }
    serde_json::to_writer(&mut bytes, envelope)?;
    Ok(bytes)
}

/// What Redis stores, without the first line of words.
pub(crate) fn without_words(mut raw: Vec<u8>) -> Vec<u8> {
    if raw.first() == Some(&b'~') {
        let line = raw.iter().position(|byte| *byte == b'\n').map_or(raw.len(), |end| end + 1);
        raw.drain(..line);
    }
    raw
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What identifies one delivery of a job. Redis refuses an old lease token, Postgres an older (epoch, fence).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The life of the Redis data in which the job was claimed.
    pub epoch: i64,
    /// Rises with each claim within an epoch.
    pub fence: i64,
    /// Random, so that a fence repeated after Redis lost its last second still differs. One for all jobs of a claim.
    pub token: Arc<str>,
    /// How the lease begins in Redis's `running` hash: "fence token ".
    mark: Arc<str>,
}

impl Lease {
    pub(crate) fn new(epoch: i64, fence: i64, token: Arc<str>) -> Self {
        let mark = if sabotaged(Sabotage::NoFence) { String::new() } else { format!("{fence} {token} ") };
        Self { epoch, fence, token, mark: mark.into() }
    }

    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// Whether a wish to cancel is for this delivery: it says "fence token".
    pub(crate) fn is_named_by(&self, wish: &str) -> bool {
        wish.split_once(' ').is_some_and(|(fence, token)| fence.parse() == Ok(self.fence) && *token == *self.token)
    }
}

/// A claimed job: the envelope as it came, whoever reads it, and the lease that proves the claim.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The id under which Redis holds it; the envelope's own when that can be read.
    pub id: String,
    /// The queue it was claimed from.
    pub lane: Lane,
    /// The proof of the claim.
    pub lease: Lease,
    /// Which attempt this is in its present round, counted from 1.
    pub attempt: u32,
    /// How many processes have died while they ran it.
    pub crashes: u32,
    /// When it was claimed, by Redis's clock.
    pub claimed_at: DateTime<Utc>,
    /// The envelope's bytes.
    pub raw: Vec<u8>,
}

impl Delivery {
    /// Reads the envelope.
    ///
    /// # Errors
    /// A sentence for an operator when the bytes are not an envelope or belong to another id.
    pub fn envelope(&self) -> Result<Envelope, String> {
        let envelope: Envelope =
            serde_json::from_slice(&self.raw).map_err(|error| format!("the envelope cannot be decoded: {error}"))?;
        if envelope.id.is_spelled(&self.id) {
            Ok(envelope)
        } else {
            Err(format!("the envelope belongs to another job: {}", envelope.id))
        }
    }
}
