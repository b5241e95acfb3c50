//! How a worker shows that it lives: a line in Redis, renewed each second.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    engine::Drain,
    inflight::Inflight,
    lane::Lane,
    loops::Outage,
    script::scripts,
    store::{Store, StoreError, at},
};

scripts! {
    BEAT = "lua/beat.lua";
}

const EVERY: Duration = Duration::from_secs(1);
/// A worker not heard of for this long is taken off the list.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);

/// What a worker says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkerBeat {
    /// Unique per start: host, process id and a random part.
    pub name: String,
    /// The version of its binary.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Whether it claims no more jobs and ends soon.
    pub draining: bool,
    /// Slots and busy slots of each lane it serves.
    pub lanes: BTreeMap<Lane, SlotUse>,
    /// The jobs it knows, and the newest version of each whose arguments it reads.
    #[serde(default)]
    pub kinds: BTreeMap<String, u16>,
    /// When Redis last heard of it.
    #[serde(skip)]
    pub seen_at: DateTime<Utc>,
}

/// A worker that has not been heard of for this long is in trouble: it beats each second.
const SILENT_AFTER: TimeDelta = TimeDelta::seconds(10);

impl WorkerBeat {
    /// Whether it should have been heard of since.
    #[must_use]
    pub fn is_silent(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at > SILENT_AFTER
    }

    /// Whether it serves this lane and knows this job.
    #[must_use]
    pub fn can_take(&self, lane: Lane, name: &str, version: u16) -> bool {
        self.lanes.contains_key(&lane) && self.kinds.get(name).is_some_and(|known| *known >= version)
    }
}

/// How many slots there are and how many are in use.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SlotUse {
    /// How many jobs may run at once.
    pub slots: usize,
    /// How many do.
    pub busy: usize,
}

/// Beats until halted.
pub(crate) async fn beat(
    store: Store,
    (worker, kinds): (String, BTreeMap<String, u16>),
    inflights: Vec<Arc<Inflight>>,
    drain: Drain,
    mut outage: Outage,
) {
    let started_at = Utc::now();
    loop {
        let lanes = inflights.iter().map(|inflight| (inflight.lane, SlotUse { slots: inflight.slots, busy: inflight.busy() }));
        let beat = WorkerBeat {
            name: worker.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at,
            draining: drain.begun.is_cancelled(),
            lanes: lanes.collect(),
            kinds: kinds.clone(),
            seen_at: DateTime::default(),
        };
        match store.beat(&beat).await {
            Ok(()) => outage.over(),
            Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(EVERY).await;
    }
}

impl Store {
    async fn beat(&self, beat: &WorkerBeat) -> Result<(), StoreError> {
        let now = self.now().await?;
        let line = serde_json::to_string(beat).unwrap_or_default();
        let mut call = BEAT.script.key(self.beats_key());
        call.key(self.workers_key()).arg(&beat.name).arg(now.timestamp_millis()).arg(line);
        self.run(&call, "sending the heartbeat").await
    }

    /// Takes a worker that ends off the list.
    pub(crate) async fn forget_workers(&self, names: &[String]) -> Result<(), StoreError> {
        let mut write = redis::pipe();
        for name in names {
            write.zrem(self.beats_key(), name).ignore();
            write.hdel(self.workers_key(), name).ignore();
        }
        self.together(&write, "forgetting workers").await
    }

    /// Every worker heard of lately, and Redis's own time. Those not heard of for long are forgotten on the way.
    pub(crate) async fn workers(&self) -> Result<(Vec<WorkerBeat>, DateTime<Utc>), StoreError> {
        let now = self.now().await?;
        let mut read = redis::pipe();
        // A line without its time, or the reverse, is skipped.
        read.zrange_withscores(self.beats_key(), 0, -1).hgetall(self.workers_key());
        let (seen, lines): (Vec<(String, f64)>, BTreeMap<String, String>) = self.together(&read, "listing workers").await?;
        let (mut workers, mut forgotten) = (Vec::new(), Vec::new());
        for (name, seen) in seen {
            #[expect(clippy::cast_possible_truncation, reason = "a time in ms")]
            let seen_at = at(seen as i64);
            if (now - seen_at).to_std().is_ok_and(|silent| silent > FORGOTTEN_AFTER) {
                forgotten.push(name);
            } else if let Some(beat) = lines.get(&name).and_then(|line| serde_json::from_str::<WorkerBeat>(line).ok()) {
                workers.push(WorkerBeat { seen_at, ..beat });
            }
        }
        if !forgotten.is_empty() {
            self.forget_workers(&forgotten).await?;
        }
        Ok((workers, now))
    }

    pub(crate) async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let (seconds, micros): (i64, i64) = self.query(&redis::cmd("TIME"), "asking the time").await?;
        Ok(at(seconds * 1000 + micros / 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Queue;

    #[test]
    fn a_worker_is_silent_after_ten_beats_that_did_not_come() {
        let beat = WorkerBeat {
            name: "worker-1".to_owned(),
            version: "0.1.0".to_owned(),
            started_at: DateTime::default(),
            draining: false,
            lanes: BTreeMap::new(),
            kinds: BTreeMap::new(),
            seen_at: DateTime::default(),
        };
        assert!(!beat.is_silent(beat.seen_at + TimeDelta::seconds(10)));
        assert!(beat.is_silent(beat.seen_at + TimeDelta::seconds(11)));
        // Clocks are those of Redis; one that was set back makes nobody silent.
        assert!(!beat.is_silent(beat.seen_at - TimeDelta::seconds(60)));
    }

    #[test]
    fn a_worker_can_take_what_it_knows_in_the_lanes_that_it_serves() {
        let line = r#"{"name":"worker-1","version":"0.1.0","started_at":"2026-01-01T00:00:00Z","draining":false,
            "lanes":{"default":{"slots":5,"busy":5}},"kinds":{"touch":2}}"#;
        let beat: WorkerBeat = serde_json::from_str(line).unwrap();
        let (default, low) = (Lane::of(Queue::Default), Lane::of(Queue::Low));
        assert!(beat.can_take(default, "touch", 1) && beat.can_take(default, "touch", 2));
        assert!(!beat.can_take(default, "touch", 3) && !beat.can_take(default, "tou", 1) && !beat.can_take(low, "touch", 1));
        // As an older binary said it.
        let silent: WorkerBeat = serde_json::from_str(&line.replace(r#","kinds":{"touch":2}"#, "")).unwrap();
        assert!(!silent.can_take(default, "touch", 1));
    }
}
