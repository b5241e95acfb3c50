//! Writes what Redis tells about ended deliveries into the ledger, each event once.

use std::{collections::HashSet, fmt, time::Duration};

use chrono::{DateTime, Utc};
use redis::streams::StreamRangeReply;
use serde_json::value::RawValue;
use sqlx::{PgConnection, PgPool};
use tracing::error;

use crate::{
    ends::{self, Ended},
    envelope::{Envelope, without_words},
    epoch::Epoch,
    event::{Event, Outcome, is_storable_json, storable},
    faults::{Sabotage, crash_point, sabotaged},
    job::JobId,
    lane::Lane,
    live::ensure_epoch,
    loops::{Outage, bounded},
    relay::RelayError,
    store::{Recorded, Store, at},
};

/// Each holds at most a batch of acknowledgements: this many fill a transaction well. After a failure half as many are tried, down to one: those of
/// jobs with large arguments may be more than a step has time for.
const PACKS: usize = 8;
const SOON: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_millis(200);

/// Records one queue's events until halted. Any number of workers may: whoever holds the position's row records.
pub(crate) async fn record(store: Store, db: PgPool, lane: Lane, mut outage: Outage) {
    let (mut pause, mut packs) = (SOON, PACKS);
    loop {
        match bounded(record_batch(&store, &db, lane, packs)).await {
            Ok(recorded) => {
                outage.over();
                let all = recorded < packs;
                packs = (packs * 2).min(PACKS);
                pause = match recorded {
                    _ if !all => continue,
                    0 => (pause * 2).min(IDLE),
                    _ => SOON,
                };
            }
            Err(error) => {
                packs = (packs / 2).max(1);
                outage.failed(&error);
                pause = outage.delay();
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Records a few packs of events: ledger, end of the promises and position in one transaction; then tombstones and events
/// go. Whatever dies in between is repeated without harm. Answers how many packs there were.
async fn record_batch(store: &Store, db: &PgPool, lane: Lane, packs: usize) -> Result<usize, RelayError> {
    let (life, events) = (store.key(lane, "epoch"), store.key(lane, "events"));
    let mut read = redis::pipe();
    read.cmd("GET").arg(&life).cmd("XRANGE").arg(&events).arg("-").arg("+").arg("COUNT").arg(packs).cmd("GET").arg(&life);
    let (before, entries, after): (Option<String>, StreamRangeReply, Option<String>) =
        store.together(&read, "reading events").await?;
    let Some(last) = entries.ids.last().and_then(|entry| StreamPosition::parse(&entry.id)) else { return Ok(0) };
    // Another life may have begun in between: whose events they are is known where both answers are the same. (As one unit of commands a full Redis
    // would refuse to read.)
    if before != after {
        return Ok(0);
    }
    // A queue that no worker serves has no epoch of its own yet, but its waiting jobs can be cancelled.
    let Some(epoch) = after.map(|text| Epoch::parse(&text)) else {
        let mut connection = store.blocking_connection(Duration::ZERO).await?;
        ensure_epoch(store, db, lane, &mut connection).await?;
        return Ok(0);
    };
    let (told, bytes) = read_packs(&entries);
    crash_point("recorder.read");
    let recorded = Recorded { entries: entries.ids.iter().map(|entry| entry.id.clone()).collect(), bytes, events: told.len() };
    let ended: Vec<(&str, i64)> =
        told.iter().filter(|told| told.event.outcome.is_end()).map(|told| (told.event.id.as_str(), told.event.fence)).collect();
    if sabotaged(Sabotage::TrimBeforeCommit) {
        store.forget(lane, &recorded, &ended).await?;
        crash_point("recorder.trimmed");
    }

    let mut tx = db.begin().await?;
    let Some(position) = lock_position(&mut tx, epoch.number, lane).await? else { return Ok(0) };
    let new: Vec<&Told> = told.iter().filter(|told| told.position > position).collect();
    write(&mut tx, lane, &new).await?;
    store_position(&mut tx, epoch.number, lane, last.max(position)).await?;
    crash_point("recorder.written");
    tx.commit().await?;
    crash_point("recorder.committed");

    store.forget(lane, &recorded, &ended).await?;
    crash_point("recorder.forgot");
    metrics::counter!("faena_recorded_total", "queue" => lane.as_str()).increment(new.len() as u64);
    Ok(entries.ids.len())
}

/// A place in a stream. Redis's ids are two numbers; as text `1-10` would come before `1-9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct StreamPosition {
    ms: i64,
    seq: i64,
}

impl StreamPosition {
    fn parse(id: &str) -> Option<Self> {
        let (ms, seq) = id.split_once('-')?;
        Some(Self { ms: ms.parse().ok()?, seq: seq.parse().ok()? })
    }
}

impl fmt::Display for StreamPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// One event as read from the stream.
#[derive(Debug)]
struct Told {
    position: StreamPosition,
    event: Event,
    envelope: Option<Vec<u8>>,
}

/// Everything that the packs tell, and how many bytes they are. What is not ours, or cannot be read, is logged and trimmed with the
/// others: it would never become readable.
fn read_packs(entries: &StreamRangeReply) -> (Vec<Told>, usize) {
    let (mut told, mut bytes) = (Vec::new(), 0);
    for entry in &entries.ids {
        let pack: Vec<u8> = entry.get("events").unwrap_or_default();
        let worker: String = entry.get("worker").unwrap_or_default();
        bytes += pack.len();
        let events = serde_json::from_slice::<Vec<&RawValue>>(&pack);
        let (Some(position), Ok(events)) = (StreamPosition::parse(&entry.id), events) else {
            error!(id = entry.id, "an entry of the event stream is no pack of events");
            continue;
        };
        for raw in events {
            match serde_json::from_str::<Event>(raw.get()) {
                Ok(mut event) => {
                    if event.worker.is_empty() {
                        event.worker.clone_from(&worker);
                    }
                    let envelope = event.envelope_bytes().or_else(|| entry.get(&event.id).map(without_words));
                    told.push(Told { position, event, envelope });
                }
                Err(error) => error!(id = entry.id, %error, "an event cannot be recorded"),
            }
        }
    }
    (told, bytes)
}

async fn lock_position(tx: &mut PgConnection, epoch: i64, lane: Lane) -> sqlx::Result<Option<StreamPosition>> {
    let lock =
        "select position_ms, position_seq from faena.recorder_positions where (epoch, queue) = ($1, $2) for update skip locked";
    let begin = "insert into faena.recorder_positions (epoch, queue) values ($1, $2) on conflict do nothing";
    let mut locked: Option<(i64, i64)> = sqlx::query_as(lock).bind(epoch).bind(lane.as_str()).fetch_optional(&mut *tx).await?;
    // Another's, or an epoch's first: nearly always there is a row.
    if locked.is_none() && sqlx::query(begin).bind(epoch).bind(lane.as_str()).execute(&mut *tx).await?.rows_affected() > 0 {
        // No life of Redis's data comes back: what was read of those before is asked by nobody. A recorder that is late with one has its row.
        let over = "delete from faena.recorder_positions where (epoch, queue) in
            (select epoch, queue from faena.recorder_positions where epoch < $1 and queue = $2 for update skip locked)";
        sqlx::query(over).bind(epoch).bind(lane.as_str()).execute(&mut *tx).await?;
        locked = sqlx::query_as(lock).bind(epoch).bind(lane.as_str()).fetch_optional(tx).await?;
    }
    Ok(locked.map(|(ms, seq)| StreamPosition { ms, seq }))
}

async fn store_position(tx: &mut PgConnection, epoch: i64, lane: Lane, position: StreamPosition) -> sqlx::Result<()> {
    sqlx::query("update faena.recorder_positions set position_ms = $3, position_seq = $4 where (epoch, queue) = ($1, $2)")
        .bind(epoch)
        .bind(lane.as_str())
        .bind(position.ms)
        .bind(position.seq)
        .execute(tx)
        .await
        .map(drop)
}

/// Columns for `sql/record_attempts.sql`.
#[derive(Default)]
struct Attempts<'e> {
    ids: Vec<JobId>,
    epochs: Vec<i64>,
    fences: Vec<i64>,
    attempts: Vec<i32>,
    workers: Vec<&'e str>,
    started: Vec<Option<DateTime<Utc>>>,
    ended: Vec<DateTime<Utc>>,
    outcomes: Vec<&'static str>,
    errors: Vec<Option<String>>,
}

/// Columns for `sql/record_ends.sql`.
#[derive(Default)]
struct Ends {
    ids: Vec<JobId>,
    states: Vec<&'static str>,
    reasons: Vec<Option<String>>,
    attempts: Vec<i32>,
    ended: Vec<DateTime<Utc>>,
    as_of: Vec<Option<DateTime<Utc>>>,
    expired: Vec<bool>,
    /// The envelope came with the event: the job has no row in the outbox, or may have none.
    whole: Vec<bool>,
    names: Vec<String>,
    versions: Vec<i32>,
    args: Vec<Option<String>>,
    args_raw: Vec<Option<Vec<u8>>>,
    durabilities: Vec<&'static str>,
    enqueued: Vec<DateTime<Utc>>,
    run_at: Vec<Option<DateTime<Utc>>>,
    traceparents: Vec<Option<String>>,
    terms: Vec<Option<String>>,
}

/// Records what one delivery of a promised job came to.
pub(crate) async fn record_one(tx: &mut PgConnection, lane: Lane, event: Event) -> sqlx::Result<()> {
    write(tx, lane, &[&Told { position: StreamPosition { ms: 0, seq: 0 }, event, envelope: None }]).await
}

async fn write(tx: &mut PgConnection, lane: Lane, new: &[&Told]) -> sqlx::Result<()> {
    let (mut attempts, mut ends) = (Attempts::default(), Ends::default());
    let mut of_jobs = Vec::with_capacity(new.len());
    for told in new {
        // Ids under which Redis holds undecodable jobs may be anything; the ledger's are UUIDs.
        let Ok(id) = told.event.id.parse::<JobId>() else {
            error!(id = told.event.id, "an event names no job");
            continue;
        };
        of_jobs.push((id, told));
        if told.event.is_attempt() {
            attempts.add(id, &told.event);
        }
    }
    let known = record_attempts(tx, &attempts).await?;
    for (id, told) in of_jobs.into_iter().filter(|(_, told)| told.event.outcome.is_end()) {
        let delivery = (id, told.event.epoch, told.event.fence);
        // A Redis that has forgotten its last second tells once more of an end that was recorded, and perhaps of a job that an operator
        // has promised anew since: that promise stands. Where no attempt came to its end by itself, the time says so, in the statements below.
        if !(told.event.is_attempt() && known.contains(&delivery)) {
            ends.add(id, told);
        }
    }
    let written: Vec<Ended> = sqlx::query_as(include_str!("sql/record_ends.sql"))
        .bind(lane.as_str())
        .bind(&ends.ids)
        .bind(&ends.states)
        .bind(&ends.reasons)
        .bind(&ends.attempts)
        .bind(&ends.ended)
        .bind(&ends.whole)
        .bind(&ends.names)
        .bind(&ends.versions)
        .bind(&ends.args)
        .bind(&ends.args_raw)
        .bind(&ends.durabilities)
        .bind(&ends.enqueued)
        .bind(&ends.run_at)
        .bind(&ends.traceparents)
        .bind(&ends.terms)
        .bind(&ends.as_of)
        .bind(&ends.expired)
        .fetch_all(&mut *tx)
        .await?;
    sqlx::query(
        "delete from faena.outbox o using unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) as t (id, as_of, expired)
         where o.id = t.id and (t.as_of is null or o.undone_end_at is null or o.undone_end_at < t.as_of)
             and (not t.expired or o.terms ? 'expires_at')",
    )
    .bind(&ends.ids)
    .bind(&ends.as_of)
    .bind(&ends.expired)
    .execute(&mut *tx)
    .await?;
    ends::settle(tx, &written).await
}

/// Answers the deliveries that the ledger knew before.
async fn record_attempts(tx: &mut PgConnection, attempts: &Attempts<'_>) -> sqlx::Result<HashSet<(JobId, i64, i64)>> {
    let written = sqlx::query(include_str!("sql/record_attempts.sql"))
        .bind(&attempts.ids)
        .bind(&attempts.epochs)
        .bind(&attempts.fences)
        .bind(&attempts.attempts)
        .bind(&attempts.workers)
        .bind(&attempts.started)
        .bind(&attempts.ended)
        .bind(&attempts.outcomes)
        .bind(&attempts.errors)
        .execute(&mut *tx)
        .await?;
    // Nearly always all are new.
    if written.rows_affected() == attempts.ids.len() as u64 {
        return Ok(HashSet::new());
    }
    let known: Vec<(JobId, i64, i64)> = sqlx::query_as(include_str!("sql/known_attempts.sql"))
        .bind(&attempts.ids)
        .bind(&attempts.epochs)
        .bind(&attempts.fences)
        .fetch_all(tx)
        .await?;
    Ok(known.into_iter().collect())
}

impl<'e> Attempts<'e> {
    fn add(&mut self, id: JobId, event: &'e Event) {
        self.ids.push(id);
        self.epochs.push(event.epoch);
        self.fences.push(event.fence);
        self.attempts.push(small(event.attempt).max(1));
        self.workers.push(&event.worker);
        self.started.push(event.started_ms.map(at));
        self.ended.push(at(event.ended_ms));
        self.outcomes.push(event.outcome.as_str());
        self.errors.push(event.error.as_deref().map(storable));
    }
}

impl Ends {
    fn add(&mut self, id: JobId, told: &Told) {
        let Told { event, envelope: raw, .. } = told;
        let envelope = raw.as_deref().and_then(|raw| serde_json::from_slice::<Envelope>(raw).ok());
        let args = envelope.as_ref().map(|envelope| envelope.args.get()).filter(|args| is_storable_json(args));
        self.ids.push(id);
        self.states.push(event.outcome.as_str());
        let reason = event.error.as_deref().map(storable).unwrap_or_else(|| "no reason was given".to_owned());
        self.reasons.push((event.outcome != Outcome::Completed).then_some(reason));
        self.attempts.push(small(event.attempt));
        self.ended.push(at(event.ended_ms));
        self.as_of.push(event.as_of_ms().map(at));
        self.expired.push(event.is_expired);
        self.whole.push(raw.is_some());
        self.names.push(envelope.as_ref().map_or_else(|| "undecodable".to_owned(), |envelope| storable(&envelope.name)));
        self.versions.push(envelope.as_ref().map_or(0, |envelope| envelope.version.into()));
        self.args_raw.push(raw.clone().filter(|_| args.is_none()));
        self.args.push(args.map(ToOwned::to_owned));
        self.durabilities.push(envelope.as_ref().map_or("redis", |envelope| envelope.durability.as_str()));
        self.enqueued.push(envelope.as_ref().map_or(at(event.ended_ms), |envelope| envelope.enqueued_at));
        self.run_at.push(envelope.as_ref().and_then(|envelope| envelope.run_at));
        let terms = envelope.as_ref().map(|envelope| &envelope.terms).filter(|terms| !terms.is_default());
        self.terms.push(terms.and_then(|terms| serde_json::to_string(terms).ok()).filter(|terms| is_storable_json(terms)));
        self.traceparents.push(envelope.and_then(|envelope| envelope.traceparent));
    }
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_ids_compare_as_numbers() {
        assert!(StreamPosition::parse("1-10") > StreamPosition::parse("1-9"));
        assert!(StreamPosition::parse("10-0") > StreamPosition::parse("9-99"));
        assert_eq!(StreamPosition::parse("nonsense"), None);
    }
}
