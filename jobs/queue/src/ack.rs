//! Tells Redis what deliveries came to, in batches, until it has answered.

use std::{sync::Arc, time::Duration, time::Instant};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    envelope::Durability,
    event::{Event, Outcome, storable},
    faults::crash_point,
    inflight::{Claimed, Inflight},
    loops::Outage,
    perform::Decision,
    store::{Finish, Store, Verb},
};

/// More acknowledgements than this do not make a script faster.
const BATCH: usize = 250;
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// A delivery and what it came to.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) claimed: Arc<Claimed>,
    /// `None`: no handler had begun.
    pub(crate) started: Option<Instant>,
    pub(crate) ended: Instant,
    pub(crate) decision: Decision,
}

/// The way to the acknowledging loop. Unbounded, because what goes in is bounded by the slots.
#[derive(Debug, Clone)]
pub(crate) struct Acker(mpsc::UnboundedSender<Finished>);

impl Acker {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Finished>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(crate) fn finished(&self, finished: Finished) {
        // The loop outlives every sender but those of a process that is ending: then the lease runs out by itself.
        let _ = self.0.send(finished);
    }

    pub(crate) fn release_unstarted(&self, claimed: Claimed) {
        self.finished(Finished { claimed: Arc::new(claimed), started: None, ended: Instant::now(), decision: Decision::Release });
    }
}

/// Acknowledges until every [`Acker`] is gone, or until the halt finds Redis away.
pub(crate) async fn acknowledge(
    store: Store,
    inflight: Arc<Inflight>,
    worker: String,
    mut receiver: mpsc::UnboundedReceiver<Finished>,
    halt: CancellationToken,
) {
    let mut outage = Outage::new("acknowledging jobs");
    let mut batch = Vec::with_capacity(BATCH);
    while receiver.recv_many(&mut batch, BATCH).await > 0 {
        let (dropped, finished): (Vec<_>, Vec<_>) = batch.drain(..).partition(|finished| finished.decision == Decision::Drop);
        for Finished { claimed, .. } in dropped {
            inflight.forget(&claimed.delivery.id, &claimed.delivery.lease);
        }
        let finishes: Vec<Finish> = finished.iter().map(|finished| finished.to_finish(&worker)).collect();
        if finishes.is_empty() {
            continue;
        }
        crash_point("ack.batched");
        let answers = loop {
            match store.finish(inflight.queue, &finishes).await {
                Ok(answers) => {
                    crash_point("ack.answered");
                    break answers;
                }
                // Asked again after a lost reply, a carried-out ending is refused, because the lease is gone: no harm.
                Err(error) => outage.failed(&error),
            }
            if halt.run_until_cancelled(tokio::time::sleep(RETRY_DELAY)).await.is_none() {
                return;
            }
        };
        outage.over();
        for (finished, held) in finished.iter().zip(answers) {
            finished.report(held);
            inflight.forget(&finished.claimed.delivery.id, &finished.claimed.delivery.lease);
        }
    }
}

impl Finished {
    fn to_finish(&self, worker: &str) -> Finish {
        let delivery = &self.claimed.delivery;
        let durable = matches!(&self.claimed.envelope, Ok(envelope) if envelope.durability == Durability::Outbox);
        let end = if durable { Verb::End } else { Verb::EndWhole };
        let (verb, outcome, error) = match &self.decision {
            Decision::Complete => (end, Outcome::Completed, None),
            Decision::Dead { reason } => (end, Outcome::Dead, Some(reason)),
            Decision::Cancel { reason } => (end, Outcome::Cancelled, Some(reason)),
            Decision::Retry { error, delay } => (Verb::Retry(*delay), Outcome::Retry, Some(error)),
            Decision::Wait { delay, reason } => (Verb::Wait(*delay), Outcome::Throttled, Some(reason)),
            Decision::Release | Decision::Drop => (Verb::Release, Outcome::Released, None),
        };
        let event = Event {
            id: delivery.id.clone(),
            outcome,
            attempt: delivery.attempt,
            epoch: delivery.lease.epoch,
            fence: delivery.lease.fence,
            worker: worker.to_owned(),
            started_ms: self.started.map(|started| self.on_redis_clock(started).timestamp_millis()),
            ended_ms: self.on_redis_clock(self.ended).timestamp_millis(),
            error: error.map(|text| storable(text)),
        };
        // Nothing was attempted, so there is nothing to record.
        let event = if self.started.is_none() { String::new() } else { serde_json::to_string(&event).unwrap_or_default() };
        Finish { id: delivery.id.clone(), lease: delivery.lease.clone(), verb, event }
    }

    /// A moment of this process on the clock that dated the claim.
    fn on_redis_clock(&self, moment: Instant) -> DateTime<Utc> {
        self.claimed.delivery.claimed_at + moment.saturating_duration_since(self.claimed.received)
    }

    fn report(&self, held: bool) {
        let delivery = &self.claimed.delivery;
        let (queue, job, attempt) = (delivery.queue.as_str(), &delivery.id, delivery.attempt);
        let name = self.claimed.envelope.as_ref().map_or("undecodable", |envelope| envelope.name.as_str());
        let Some(started) = self.started else { return };
        let duration = self.ended.saturating_duration_since(started);
        let outcome = match &self.decision {
            _ if !held => "superseded",
            Decision::Complete => "completed",
            Decision::Retry { .. } => "retry",
            Decision::Wait { .. } => "throttled",
            Decision::Dead { .. } => "dead",
            Decision::Cancel { .. } => "cancelled",
            Decision::Release | Decision::Drop => "released",
        };
        let labels = [("queue", queue.to_owned()), ("name", name.to_owned()), ("outcome", outcome.to_owned())];
        metrics::counter!("faena_attempts_total", &labels).increment(1);
        metrics::histogram!("faena_attempt_duration_seconds", &labels[..2]).record(duration.as_secs_f64());
        if let (Ok(envelope), 1) = (&self.claimed.envelope, attempt) {
            let waited = delivery.claimed_at - envelope.run_at.map_or(envelope.enqueued_at, |at| at.max(envelope.enqueued_at));
            metrics::histogram!("faena_wait_seconds", &labels[..2]).record(waited.to_std().unwrap_or_default().as_secs_f64());
        }
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        match &self.decision {
            Decision::Dead { reason } if held => warn!(%job, name, queue, attempt, duration_ms, reason, "the job is dead"),
            Decision::Retry { error, .. } if held => info!(%job, name, queue, attempt, duration_ms, error, "the attempt failed"),
            Decision::Wait { reason, .. } if held => info!(%job, name, queue, attempt, reason, "the job was told to wait"),
            _ => debug!(%job, name, queue, attempt, duration_ms, outcome, "the delivery ended"),
        }
    }
}
