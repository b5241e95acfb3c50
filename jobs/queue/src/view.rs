//! Looking at the live jobs without changing them: counts, pages, one job.

use chrono::{DateTime, Utc};

use crate::{
    envelope::{Envelope, without_words},
    lane::Lane,
    script::scripts,
    store::{MAX_BATCH, Store, StoreError, at},
};

scripts! {
    COUNTS = "lua/counts.lua";
    PAGE = "lua/page.lua";
    LINE = "lua/line.lua";
    LINES = "lua/lines.lua";
    LOOK = "lua/look.lua";
}

/// The live counts of one queue at one instant.
#[derive(Debug, Clone)]
pub(crate) struct LiveCounts {
    pub(crate) available: u64,
    pub(crate) running: u64,
    pub(crate) scheduled: u64,
    pub(crate) retryable: u64,
    pub(crate) parked: u64,
    /// Waiting for a limit.
    pub(crate) limited: u64,
    /// Waiting because their kind or their tenant is paused.
    pub(crate) paused: u64,
    /// Events that the recorder has not written yet.
    pub(crate) unrecorded: u64,
    pub(crate) unrecorded_bytes: u64,
    pub(crate) now: DateTime<Utc>,
    /// Since when the job at the head of the queue has waited for a slot.
    pub(crate) oldest_since: Option<DateTime<Utc>>,
}

/// One waiting job on a page.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) id: String,
    /// When it is due, in ms; for available jobs, its position in the order of arrival.
    pub(crate) position: i64,
    pub(crate) raw: Vec<u8>,
    pub(crate) attempts_used: u32,
}

/// Where one job is now.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) state: String,
    pub(crate) raw: Vec<u8>,
    pub(crate) attempts_used: u32,
    /// The running mark, the due time in ms, or the word in whose line it waits.
    pub(crate) detail: String,
    pub(crate) cancel_wanted: bool,
}

impl Store {
    /// How attempts went since the lane's data began: those that succeeded, and those that did not.
    pub(crate) async fn attempts(&self, lane: Lane) -> Result<(u64, u64), StoreError> {
        let mut read = redis::cmd("HMGET");
        read.arg(self.key(lane, "stats")).arg(&["completed", "dead", "retried"]);
        let (completed, dead, retried): (Option<u64>, Option<u64>, Option<u64>) = self.query(&read, "counting attempts").await?;
        Ok((completed.unwrap_or(0), dead.unwrap_or(0) + retried.unwrap_or(0)))
    }

    pub(crate) async fn counts(&self, lane: Lane) -> Result<LiveCounts, StoreError> {
        type Reply = (i64, u64, u64, u64, u64, u64, u64, i64, Option<Vec<u8>>, i64, u64, u64);
        let reply: Reply = self.run(&self.call(&COUNTS, lane), "counting jobs").await?;
        let (available, running, scheduled, retryable, parked, unrecorded, unrecorded_bytes, now, oldest, due, limited, paused) =
            reply;
        let envelope = oldest.and_then(|raw| serde_json::from_slice::<Envelope>(&without_words(raw)).ok());
        let oldest_since =
            envelope.map(|envelope| envelope.run_at.map_or(envelope.enqueued_at, |at| at.max(envelope.enqueued_at)).max(at(due)));
        Ok(LiveCounts {
            available: u64::try_from(available).unwrap_or(0),
            running,
            scheduled,
            retryable,
            parked,
            limited,
            paused,
            unrecorded,
            unrecorded_bytes,
            now: at(now),
            oldest_since,
        })
    }

    /// A page of `scheduled`, `retryable` or `parked` jobs by due time, after (due in ms, id).
    pub(crate) async fn waiting(
        &self,
        lane: Lane,
        set: &str,
        after: Option<(i64, &str)>,
        limit: usize,
    ) -> Result<Vec<Waiting>, StoreError> {
        let (score, id) = after.unwrap_or((-1, ""));
        let mut call = self.call_with(&PAGE, lane, &[set, "job", "attempts"]);
        call.arg(score).arg(id).arg(limit.clamp(1, MAX_BATCH));
        self.run::<Vec<_>>(&call, "listing waiting jobs").await.map(to_waiting)
    }

    /// A page of available jobs in the order of their claims, after a place.
    pub(crate) async fn line(&self, lane: Lane, after: Option<i64>, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let mut call = self.call(&LINE, lane);
        call.arg(after.unwrap_or(-1)).arg(limit.clamp(1, MAX_BATCH));
        self.run::<Vec<_>>(&call, "listing available jobs").await.map(to_waiting)
    }

    /// Of each limit's word: how many shares are held, and how many jobs wait for one. Bounded by what runs or waits.
    pub(crate) async fn shares(&self, lane: Lane) -> Result<Vec<(String, u64, u64)>, StoreError> {
        let all: Vec<(String, String)> =
            self.query(redis::cmd("HGETALL").arg(self.key(lane, "limits")), "reading the shares of limits").await?;
        let shares = |(word, state): (String, String)| {
            let mut numbers = state.split(' ').map_while(|number| number.parse().ok());
            Some((word, numbers.next()?, numbers.next()?)).filter(|(word, ..)| !word.starts_with('!'))
        };
        Ok(all.into_iter().filter_map(shares).collect())
    }

    /// A page of jobs that wait for a limit, or whose kind or tenant is paused, after an entry: their entries are `word place id`.
    pub(crate) async fn lines(
        &self,
        lane: Lane,
        paused: bool,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Waiting)>, StoreError> {
        let mut call = self.call(&LINES, lane);
        call.arg(after).arg(limit.clamp(1, MAX_BATCH)).arg(u8::from(paused));
        let rows: Vec<(String, String, Vec<u8>, String)> = self.run(&call, "listing jobs that wait for a limit").await?;
        let waiting = |(id, entry, raw, used): (_, _, _, String)| {
            (entry, Waiting { id, position: 0, raw: without_words(raw), attempts_used: leading_number(&used) })
        };
        Ok(rows.into_iter().map(waiting).collect())
    }

    /// Every running job: id and mark ("fence token worker claimed_ms"). Bounded by the slots of all workers.
    pub(crate) async fn running(&self, lane: Lane) -> Result<Vec<(String, String)>, StoreError> {
        self.query(redis::cmd("HGETALL").arg(self.key(lane, "running")), "listing running jobs").await
    }

    /// The envelopes of live jobs, and how many attempts they have used.
    pub(crate) async fn envelopes(&self, lane: Lane, ids: &[&str]) -> Result<Vec<(Vec<u8>, u32)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = redis::pipe();
        read.cmd("HMGET").arg(self.key(lane, "job")).arg(ids);
        read.cmd("HMGET").arg(self.key(lane, "attempts")).arg(ids);
        let (envelopes, used): (Vec<Option<Vec<u8>>>, Vec<Option<String>>) = self.together(&read, "reading jobs").await?;
        let pairs = envelopes.into_iter().zip(used);
        Ok(pairs.map(|(raw, used)| (without_words(raw.unwrap_or_default()), used.as_deref().map_or(0, leading_number))).collect())
    }

    pub(crate) async fn look(&self, lane: Lane, id: &str) -> Result<Look, StoreError> {
        let mut call = self.call(&LOOK, lane);
        call.arg(id);
        let (state, raw, used, detail, wanted): (String, Vec<u8>, String, String, u8) =
            self.run(&call, "looking for a job").await?;
        Ok(Look { state, raw: without_words(raw), attempts_used: leading_number(&used), detail, cancel_wanted: wanted == 1 })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a time in ms, or a place in a list")]
fn to_waiting(rows: Vec<(String, f64, Vec<u8>, String)>) -> Vec<Waiting> {
    let waiting = |(id, position, raw, used): (_, f64, _, String)| Waiting {
        id,
        position: position as i64,
        raw: without_words(raw),
        attempts_used: leading_number(&used),
    };
    rows.into_iter().map(waiting).collect()
}

/// `attempts` values are "used due crashes"; absent means none.
fn leading_number(text: &str) -> u32 {
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
