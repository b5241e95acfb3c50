//! Tells Redis what deliveries came to, in batches, until it has answered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream::FuturesUnordered};
use metrics::{Counter, Histogram};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    envelope::{Delivery, Durability},
    event::{Event, Outcome, close_pack, storable},
    faults::crash_point,
    inflight::{Claimed, Inflight},
    loops::Outage,
    perform::Decision,
    store::{Finish, Store, StoreError, Verb, Yield},
};

/// More acknowledgements than this do not make a script faster.
const BATCH: usize = 250;
/// So many batches may be on their way to Redis at once: the next is packed while the last is carried out.
const IN_FLIGHT: usize = 4;
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// With nothing to do, the loop shows this often that it lives.
const IDLE: Duration = Duration::from_secs(1);

/// A delivery and what it came to.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) claimed: Arc<Claimed>,
    /// `None`: no handler had begun.
    pub(crate) started: Option<Instant>,
    pub(crate) ended: Instant,
    pub(crate) decision: Decision,
}

/// The way to the acknowledging loop. Unbounded, because what goes in is bounded: [`Inflight`] stops the claims when too much is
/// unacknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Acker(mpsc::UnboundedSender<Finished>);

impl Acker {
    pub(crate) fn new() -> (Self, Unacknowledged) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Unacknowledged { receiver, in_hand: Vec::new() })
    }

    pub(crate) fn finished(&self, finished: Finished) {
        // The loop outlives every sender but those of a process that is ending: then the lease runs out by itself.
        let _ = self.0.send(finished);
    }

    pub(crate) fn release_unstarted(&self, claimed: Arc<Claimed>) {
        self.finished(Finished { claimed, started: None, ended: Instant::now(), decision: Decision::Release });
    }
}

/// What is yet to be acknowledged. It outlives the loop: one that is built anew goes on with what its predecessor had in hand.
#[derive(Debug)]
pub(crate) struct Unacknowledged {
    receiver: mpsc::UnboundedReceiver<Finished>,
    in_hand: Vec<Arc<Vec<Finished>>>,
}

/// Acknowledges until every [`Acker`] is gone, or until the halt finds nothing more to tell, or Redis away.
pub(crate) async fn acknowledge(
    store: Store,
    inflight: Arc<Inflight>,
    worker: String,
    unacknowledged: Arc<tokio::sync::Mutex<Unacknowledged>>,
    halt: CancellationToken,
    outage: Outage,
) {
    let outage = Mutex::new(outage);
    let mut unacknowledged = unacknowledged.lock().await;
    let Unacknowledged { receiver, in_hand } = &mut *unacknowledged;
    let mut meters = Meters::new(inflight.lane.as_str());
    let (store, worker, halt, told) = (&store, &worker, &halt, &outage);
    let lane = &*inflight;
    let send = move |batch: Arc<Vec<Finished>>| async move {
        let answers = tell(store, lane, worker, &batch, halt, told).await;
        (batch, answers)
    };
    let mut on_their_way: FuturesUnordered<_> = in_hand.iter().cloned().map(send).collect();
    let mut more = true;
    while more || !on_their_way.is_empty() {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            Some((batch, answers)) = on_their_way.next() => {
                in_hand.retain(|other| !Arc::ptr_eq(other, &batch));
                settle(&inflight, (&batch, answers), &mut meters);
            }
            received = receiver.recv_many(&mut batch, BATCH), if more && on_their_way.len() < IN_FLIGHT => {
                more = received > 0;
                if more {
                    let batch = Arc::new(batch);
                    in_hand.push(batch.clone());
                    on_their_way.push(send(batch));
                }
            }
            // While batches are on their way, they tell whether there is progress.
            () = tokio::time::sleep(IDLE), if on_their_way.is_empty() => lock(&outage).waits(),
            // Whoever still holds an `Acker` now does not end in time: what he holds is left to its leases.
            () = halt.cancelled(), if on_their_way.is_empty() => break,
        }
    }
}

/// What Redis said of a delivery's acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It was carried out.
    CarriedOut,
    /// The job was somebody else's by then.
    Superseded,
    /// None: the process ends and Redis is away. The lease runs out by itself.
    None,
}

/// Tells Redis about a batch until it answers. Asked again after a lost reply, a carried-out ending is refused, because the lease is
/// gone: no harm.
async fn tell(
    store: &Store,
    inflight: &Inflight,
    worker: &str,
    batch: &[Finished],
    halt: &CancellationToken,
    outage: &Mutex<Outage>,
) -> Vec<Answer> {
    let mut answers = vec![Answer::None; batch.len()];
    let (mut ends, mut yields) = (Vec::new(), Vec::new());
    for (place, finished) in batch.iter().enumerate() {
        match finished.fate() {
            Fate::Over { .. } => ends.push(place),
            Fate::Goes(_) => yields.push(place),
            Fate::Nothing => answers[place] = Answer::CarriedOut,
        }
    }
    // Successes of direct pushes last: under pressure they may go unrecorded.
    ends.sort_by_key(|place| batch[*place].is_droppable());
    crash_point("ack.batched");
    while !(ends.is_empty() && yields.is_empty()) {
        let told = tell_once(store, inflight, worker, batch, &mut ends, &mut yields, &mut answers).await;
        note(outage, &told);
        if !(ends.is_empty() && yields.is_empty()) && halt.run_until_cancelled(tokio::time::sleep(RETRY_DELAY)).await.is_none() {
            break;
        }
    }
    crash_point("ack.answered");
    answers
}

fn note(outage: &Mutex<Outage>, told: &Result<(), StoreError>) {
    match told {
        Ok(()) => lock(outage).over(),
        Err(error) => lock(outage).failed(error),
    }
}

fn lock(outage: &Mutex<Outage>) -> MutexGuard<'_, Outage> {
    outage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is answered leaves `ends` and `yields`.
async fn tell_once(
    store: &Store,
    inflight: &Inflight,
    worker: &str,
    batch: &[Finished],
    ends: &mut Vec<usize>,
    yields: &mut Vec<usize>,
    answers: &mut [Answer],
) -> Result<(), StoreError> {
    while !ends.is_empty() {
        let refused = store.finish(inflight.lane, worker, &to_finish(ends.iter().map(|place| &batch[*place]))).await?;
        if refused.is_empty() {
            ends.drain(..).for_each(|place| answers[place] = Answer::CarriedOut);
        }
        // None was carried out: those that were not refused are told again.
        for place in refused.into_iter().rev().filter(|place| *place < ends.len()).collect::<Vec<_>>() {
            answers[ends.remove(place)] = Answer::Superseded;
        }
    }
    // Ends are told by one script, and what is tried again by another.
    crash_point("ack.ended");
    if !yields.is_empty() {
        let told: Vec<Yield> = yields.iter().filter_map(|place| batch[*place].to_yield()).collect();
        let held = store.take_back(inflight.lane, worker, &told).await?;
        for (place, held) in yields.drain(..).zip(held) {
            answers[place] = if held { Answer::CarriedOut } else { Answer::Superseded };
        }
    }
    Ok(())
}

fn settle(inflight: &Inflight, (finished, answers): (&[Finished], Vec<Answer>), meters: &mut Meters) {
    for (finished, answer) in finished.iter().zip(&answers) {
        if *answer != Answer::None {
            finished.report(*answer == Answer::CarriedOut, meters);
        }
    }
    let answered = finished.iter().zip(&answers).filter(|(_, answer)| **answer != Answer::None);
    inflight.forget(answered.map(|(finished, _)| finished.delivery()));
}

/// What a decision means for Redis.
enum Fate<'d> {
    Over { outcome: Outcome, reason: Option<&'d str> },
    Goes(Verb),
    Nothing,
}

fn to_finish<'f>(ends: impl Iterator<Item = &'f Finished>) -> Finish<'f> {
    let mut finish = Finish::default();
    let (mut events, mut droppable) = (Vec::new(), Vec::new());
    let (mut completed, mut dead, mut cancelled) = (0_u32, 0_u32, 0_u32);
    for finished in ends {
        let Fate::Over { outcome, reason } = finished.fate() else { continue };
        match outcome {
            Outcome::Dead => dead += 1,
            Outcome::Cancelled => cancelled += 1,
            _ => completed += 1,
        }
        let delivery = finished.delivery();
        finish.ids.push(&delivery.id);
        finish.leases.push(&delivery.lease);
        let pack = if finished.is_droppable() { &mut droppable } else { &mut events };
        finish.droppable += usize::from(finished.is_droppable());
        finished.event(outcome, reason).pack(pack, (!finished.is_promised()).then_some(&delivery.raw));
    }
    finish.events = close_pack(events);
    finish.droppable_events = close_pack(droppable);
    finish.statistics = [("completed", completed), ("dead", dead), ("cancelled", cancelled)]
        .iter()
        .filter(|(_, number)| *number > 0)
        .map(|(name, number)| format!("{name} {number} "))
        .collect();
    finish
}

impl Finished {
    fn delivery(&self) -> &Delivery {
        &self.claimed.delivery
    }

    fn fate(&self) -> Fate<'_> {
        match &self.decision {
            Decision::Complete => Fate::Over { outcome: Outcome::Completed, reason: None },
            Decision::Dead { reason } => Fate::Over { outcome: Outcome::Dead, reason: Some(reason) },
            Decision::Cancel { reason } | Decision::Expire { reason, .. } => {
                Fate::Over { outcome: Outcome::Cancelled, reason: Some(reason) }
            }
            Decision::Retry { delay, .. } => Fate::Goes(Verb::Retry(*delay)),
            Decision::Wait { delay, .. } => Fate::Goes(Verb::Wait(*delay)),
            Decision::Park { delay, .. } => Fate::Goes(Verb::Park(*delay)),
            Decision::Release => Fate::Goes(Verb::Release),
            Decision::Drop => Fate::Nothing,
        }
    }

    /// Its row stands in the outbox.
    fn is_promised(&self) -> bool {
        matches!(&self.claimed.envelope, Ok(envelope) if envelope.durability == Durability::Outbox)
    }

    /// What follows a job is promised with its end, so that end must be told.
    fn is_droppable(&self) -> bool {
        let nothing_follows = matches!(&self.claimed.envelope, Ok(envelope) if envelope.terms.follow_ups.is_empty());
        nothing_follows && !self.is_promised() && self.decision == Decision::Complete
    }

    fn to_yield(&self) -> Option<Yield<'_>> {
        let Fate::Goes(verb) = self.fate() else { return None };
        // Delays begin when the attempt ended, not when Redis at last hears of it: who says "in 30 s" means that.
        let verb = verb.sooner(self.ended.elapsed());
        let told = match &self.decision {
            Decision::Retry { error, .. } => Some((Outcome::Retry, Some(error.as_str()))),
            Decision::Wait { reason, .. } => Some((Outcome::Throttled, Some(reason.as_str()))),
            // It is parked again and again until a binary knows it: its state says so, the ledger need not.
            Decision::Park { .. } => None,
            _ => Some((Outcome::Released, None)),
        };
        // Nothing was attempted, so there is nothing to record.
        let told = told.filter(|_| self.started.is_some());
        let event = told.map(|(outcome, error)| serde_json::to_string(&self.event(outcome, error)).unwrap_or_default());
        let delivery = self.delivery();
        Some(Yield { id: &delivery.id, lease: &delivery.lease, verb, event: event.unwrap_or_default() })
    }

    fn event(&self, outcome: Outcome, error: Option<&str>) -> Event {
        let delivery = self.delivery();
        let is_unbegun = matches!(self.decision, Decision::Expire { is_begun: false, .. });
        Event {
            id: delivery.id.clone(),
            outcome,
            attempt: delivery.attempt - u32::from(is_unbegun),
            is_unbegun,
            is_expired: matches!(self.decision, Decision::Expire { .. }),
            epoch: delivery.lease.epoch,
            fence: delivery.lease.fence,
            started_ms: self.started.map(|started| self.on_redis_clock(started).timestamp_millis()),
            ended_ms: self.on_redis_clock(self.ended).timestamp_millis(),
            error: error.map(storable),
            ..Event::default()
        }
    }

    /// A moment of this process on the clock that dated the claim.
    fn on_redis_clock(&self, moment: Instant) -> DateTime<Utc> {
        self.delivery().claimed_at + moment.saturating_duration_since(self.claimed.received)
    }

    fn report(&self, held: bool, meters: &mut Meters) {
        let Some(started) = self.started else { return };
        let delivery = self.delivery();
        let (queue, job, attempt) = (delivery.lane.as_str(), &delivery.id, delivery.attempt);
        let name = self.claimed.envelope.as_ref().map_or("undecodable", |envelope| envelope.name.as_str());
        let duration = self.ended.saturating_duration_since(started);
        let outcome = match &self.decision {
            _ if !held => "superseded",
            Decision::Complete => "completed",
            Decision::Retry { .. } => "retry",
            Decision::Wait { .. } => "throttled",
            Decision::Park { .. } => "parked",
            Decision::Dead { .. } => "dead",
            Decision::Cancel { .. } | Decision::Expire { .. } => "cancelled",
            Decision::Release | Decision::Drop => "released",
        };
        let meter = meters.of(name);
        meter.count(outcome).increment(1);
        meter.duration.record(duration.as_secs_f64());
        if let (Ok(envelope), 1) = (&self.claimed.envelope, attempt) {
            let waited = delivery.claimed_at - envelope.due_at();
            meter.wait.record(waited.to_std().unwrap_or_default().as_secs_f64());
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

/// The metrics of each kind of job in one queue, looked up once: a look-up by labels costs as much as a short job.
struct Meters {
    queue: &'static str,
    places: HashMap<String, usize>,
    kinds: Vec<Meter>,
}

struct Meter {
    labels: [(&'static str, String); 2],
    outcomes: HashMap<&'static str, Counter>,
    duration: Histogram,
    wait: Histogram,
}

impl Meters {
    /// Names come from envelopes; more kinds than any catalogue has are counted as one.
    const MAX_KINDS: usize = 1000;

    fn new(queue: &'static str) -> Self {
        Self { queue, places: HashMap::new(), kinds: Vec::new() }
    }

    fn of(&mut self, name: &str) -> &mut Meter {
        let place = self.places.get(name).copied().unwrap_or_else(|| self.add(name));
        &mut self.kinds[place]
    }

    fn add(&mut self, name: &str) -> usize {
        let name = if self.kinds.len() < Self::MAX_KINDS { name } else { "other" };
        let labels = [("queue", self.queue.to_owned()), ("name", name.to_owned())];
        self.kinds.push(Meter {
            outcomes: HashMap::new(),
            duration: metrics::histogram!("faena_attempt_duration_seconds", &labels),
            wait: metrics::histogram!("faena_wait_seconds", &labels),
            labels,
        });
        *self.places.entry(name.to_owned()).or_insert(self.kinds.len() - 1)
    }
}

impl Meter {
    fn count(&mut self, outcome: &'static str) -> &Counter {
        let Self { labels: [queue, name], outcomes, .. } = self;
        outcomes.entry(outcome).or_insert_with(|| {
            let labels = [queue.clone(), name.clone(), ("outcome", outcome.to_owned())];
            metrics::counter!("faena_attempts_total", &labels)
        })
    }
}
