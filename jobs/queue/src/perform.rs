//! One attempt, from bytes to a decision: decode, run under a timeout with panics caught, commit the effect.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    alone::{Alone, SUSPECT_AFTER, Turns, attempt_in_process},
    attempt::{Again, Attempted, End, Failure},
    child::Children,
    clock::Clock,
    context::{Ctx, Effect},
    envelope::{Delivery, Durability, Envelope},
    expiry,
    faults::{Sabotage, crash_point, sabotaged},
    job::JobId,
    journal::Journal,
    peers::{Peers, UNTIL_SOMEBODY_COMES},
    progress::Reported,
    registry::{Kind, Prepared, Registry},
    terms::{UniqueTerm, Until},
    unique,
};

/// How long a cancelled job may take to end by itself before it is dropped.
const CANCEL_GRACE: Duration = Duration::from_secs(2);
/// How long transactions that have met a waiting unique job may keep it from its start.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);
/// A job whose key could not be given back begins a moment later.
const UNRELEASED_WAIT: Duration = Duration::from_secs(1);
/// A handler that has not noticed for so long that its time is up blocks its thread.
const BLOCKED_AFTER: Duration = Duration::from_secs(5);
/// Bounds the commit of an effect, which the handler's own timeout no longer covers.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// What an attempt needs besides its delivery.
#[derive(Debug)]
pub(crate) struct Surroundings<P> {
    pub(crate) registry: Registry<P>,
    pub(crate) ports: Arc<P>,
    pub(crate) db: PgPool,
    /// What time it is for its jobs.
    pub(crate) clock: Clock,
    /// Where starts are noted for a supervisor, if there is one.
    pub(crate) journal: Option<Journal>,
    /// How to attempt a suspect; `None`: here, like any other.
    pub(crate) alone: Option<Alone>,
    /// Whose turn it is among the suspects.
    pub(crate) turns: Turns,
    /// Who else may know a job; `None`: nobody.
    pub(crate) peers: Option<Peers>,
    /// What its jobs have started.
    pub(crate) children: Children,
}

/// How an attempt is interrupted: the handler's own token fires, and the engine knows why.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    token: CancellationToken,
    why: OnceLock<Why>,
}

/// Why an attempt is interrupted. The first reason stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Somebody wants the job cancelled.
    Cancel,
    /// The worker must stop now.
    Stop,
    /// The job is somebody else's now.
    Lost,
}

impl Interrupt {
    pub(crate) fn fire(&self, why: Why) {
        let _ = self.why.set(why);
        self.token.cancel();
    }

    /// Resolves when it has fired.
    pub(crate) async fn fired(&self) -> Why {
        self.token.cancelled().await;
        self.why().unwrap_or(Why::Stop)
    }

    fn why(&self) -> Option<Why> {
        self.why.get().copied()
    }
}

/// What the engine does next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Decision {
    Complete,
    Retry {
        error: String,
        delay: Duration,
    },
    Wait {
        delay: Duration,
        reason: String,
    },
    /// No worker at hand knows the job.
    Park {
        delay: Duration,
        reason: String,
    },
    Dead {
        reason: String,
    },
    Cancel {
        reason: String,
    },
    /// It came too late.
    Expire {
        reason: String,
        /// For another attempt; else none began.
        is_begun: bool,
    },
    /// Back to its queue, uncounted.
    Release,
    /// Nothing: the job belongs to a newer delivery.
    Drop,
}

/// Attempts the delivered job. Never fails and never panics: whatever happens is a decision.
pub(crate) async fn perform<P: Send + Sync + 'static>(
    surroundings: &Surroundings<P>,
    delivery: &Delivery,
    envelope: Result<&Envelope, &String>,
    interrupt: &Interrupt,
    reported: &Arc<Reported>,
) -> Decision {
    let envelope = match envelope {
        Ok(envelope) => envelope,
        Err(reason) => return Decision::Dead { reason: reason.clone() },
    };
    if let Some(expired_at) = envelope.terms.expires_at.filter(|at| *at <= delivery.claimed_at) {
        return Decision::Expire { reason: expiry::reason(expired_at), is_begun: false };
    }
    let Some(kind) = surroundings.registry.get(&envelope.name).filter(|kind| kind.version >= envelope.version) else {
        let reason = format!("this worker knows no job {:?} of version {}", envelope.name, envelope.version);
        let delay = match &surroundings.peers {
            Some(peers) => Box::pin(peers.parked_for(delivery.lane, &envelope.name, envelope.version)).await,
            None => UNTIL_SOMEBODY_COMES,
        };
        return Decision::Park { delay, reason };
    };
    if let Some(term) = key_until_start(delivery, envelope)
        && let Some(wait) = Box::pin(give_key_back(surroundings, term, envelope.id)).await
    {
        return wait;
    }
    // What decodes arguments may be anybody's code.
    let prepared = match std::panic::catch_unwind(AssertUnwindSafe(|| kind.prepare(envelope.args.get()))) {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return Decision::Dead { reason: format!("the arguments of {} cannot be decoded: {error}", kind.name) },
        Err(panic) => {
            let said = panic_message(panic.as_ref());
            return Decision::Dead { reason: format!("the arguments of {} cannot be decoded: panicked: {said}", kind.name) };
        }
    };
    if let Some(alone) = surroundings.alone.as_ref().filter(|_| delivery.crashes >= SUSPECT_AFTER) {
        // On the heap, as all that is rare here: every attempt's future would be as large as its largest part.
        return Box::pin(attempt_in_process((alone, &surroundings.turns), delivery, kind.timeout, interrupt, reported)).await;
    }
    // Taken back when the attempt has ended, however it does.
    let _entry = surroundings.journal.as_ref().map(|journal| journal.enter(delivery));
    let ctx = Ctx {
        db: surroundings.db.clone(),
        ports: surroundings.ports.clone(),
        clock: surroundings.clock.clone(),
        job_id: envelope.id,
        lease: delivery.lease.clone(),
        claimed_at: delivery.claimed_at,
        promised_at: (envelope.durability == Durability::Outbox).then_some(envelope.enqueued_at),
        attempt: delivery.attempt,
        max_attempts: kind.max_attempts,
        cancelled: interrupt.token.clone(),
        reported: reported.clone(),
        children: surroundings.children.clone(),
    };
    let attempted = tokio::select! {
        biased;
        attempted = run(prepared, ctx, kind.timeout) => attempted,
        interrupted = interrupted(interrupt) => return interrupted,
    };
    // No interruption from here on: a commit that has begun must be heard out, or a cancelled job would have its effect.
    let attempted = match attempted {
        Ok(End::Effect(effect)) => {
            crash_point("ack.uncommitted");
            if sabotaged(Sabotage::AckBeforeCommit) {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    commit(effect).await
                });
                return Decision::Complete;
            }
            let committed = Box::pin(commit(effect)).await;
            crash_point("ack.committed");
            committed
        }
        attempted => attempted,
    };
    match (interrupt.why(), attempted) {
        // The handler gave up because it was told that the worker stops: a deploy costs no attempt.
        (Some(Why::Stop), Err(Failure::Retry { .. } | Failure::Cancelled { .. })) => Decision::Release,
        // What it was doing failed because the job was cancelled, or failed beside that: nobody wants another attempt.
        (Some(Why::Cancel), Err(Failure::Retry { error: said, .. } | Failure::Throttled { reason: said, .. })) => {
            Decision::Cancel { reason: format!("{CANCELLED}: {said}") }
        }
        (_, attempted) => decide(attempted, kind, envelope, delivery.attempt, surroundings.clock.now()),
    }
}

pub(crate) const CANCELLED: &str = "cancelled while running";

/// What a unique job holds until its first attempt, which this is.
fn key_until_start<'e>(delivery: &Delivery, envelope: &'e Envelope) -> Option<&'e UniqueTerm> {
    let promised = envelope.durability == Durability::Outbox && delivery.attempt == 1;
    envelope.terms.unique.as_ref().filter(|term| promised && term.until == Until::Start)
}

/// Lets another job have it. The attempt cannot begin before: the next one would be refused although nobody waits any more.
async fn give_key_back<P>(surroundings: &Surroundings<P>, term: &UniqueTerm, id: JobId) -> Option<Decision> {
    let release = unique::release_at_start(&surroundings.db, term, id);
    let why = match tokio::time::timeout(RELEASE_TIMEOUT, release).await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", RELEASE_TIMEOUT.as_secs()),
    };
    Some(Decision::Wait { delay: UNRELEASED_WAIT, reason: format!("giving back what makes it unique: {why}") })
}

/// Runs the handler as a task of its own, so that handlers use every core and a panic stays in one of them. One that blocks its thread never
/// comes to where its time is up: it is given up from outside, and its slot with it.
async fn run<P: Send + Sync + 'static>(prepared: Prepared<P>, ctx: Ctx<P>, timeout: Duration) -> Attempted {
    let clock = ctx.clock.clone();
    let handler = AssertUnwindSafe(tokio::time::timeout(timeout, async move { prepared(ctx).await }));
    let task = AbortOnDropHandle::new(tokio::spawn(clock.rule(handler.catch_unwind())));
    match tokio::time::timeout(timeout.saturating_add(BLOCKED_AFTER), task).await {
        Ok(Ok(Ok(Ok(attempted)))) => attempted,
        Ok(Ok(Ok(Err(_)))) => Err(Failure::retry(format!("no end within {} s", timeout.as_secs_f64()))),
        Ok(Ok(Err(panic))) => Err(Failure::retry(format!("panicked: {}", panic_message(panic.as_ref())))),
        Ok(Err(error)) => Err(Failure::retry(format!("the handler's task ended: {error}"))),
        Err(_) => Err(Failure::retry(format!("no end within {} s, and it blocks a thread of the worker", timeout.as_secs_f64()))),
    }
}

async fn commit(effect: Effect) -> Attempted {
    match tokio::time::timeout(COMMIT_TIMEOUT, effect.commit()).await {
        Ok(Ok(())) => Ok(End::Done),
        Ok(Err(error)) => Err(Failure::retry(format!("committing the effect: {error}"))),
        Err(_) => Err(Failure::retry(format!("committing the effect took longer than {} s", COMMIT_TIMEOUT.as_secs()))),
    }
}

/// Resolves when the attempt must end although its handler has not.
async fn interrupted(interrupt: &Interrupt) -> Decision {
    let decision = match interrupt.fired().await {
        Why::Lost => return Decision::Drop,
        Why::Cancel => Decision::Cancel { reason: CANCELLED.to_owned() },
        Why::Stop => Decision::Release,
    };
    tokio::time::sleep(CANCEL_GRACE).await;
    decision
}

fn decide<P>(attempted: Attempted, kind: &Kind<P>, envelope: &Envelope, attempt: u32, now: DateTime<Utc>) -> Decision {
    let expiry = |next: DateTime<Utc>| envelope.terms.expires_at.filter(|at| *at <= next);
    match attempted {
        Ok(_) | Err(Failure::AlreadyDone) => Decision::Complete,
        Err(Failure::Superseded) => Decision::Drop,
        Err(Failure::Retry { error, .. }) if attempt >= kind.max_attempts => {
            Decision::Dead { reason: format!("attempt {attempt} of {} failed: {error}", kind.max_attempts) }
        }
        Err(Failure::Retry { error, again }) => {
            let delay = match again {
                Again::AsUsual => kind.backoff.delay(attempt),
                Again::By(backoff) => backoff.delay(attempt),
                Again::After(delay) => delay,
            };
            let next = later(now, delay);
            if let Some(at) = expiry(next) {
                let reason = format!("{}; attempt {attempt} failed: {error}", expiry::reason(at));
                return Decision::Expire { reason, is_begun: true };
            }
            match kind.retry_for.filter(|limit| next > later(envelope.due_at(), *limit)) {
                None => Decision::Retry { error, delay },
                Some(limit) => Decision::Dead {
                    reason: format!(
                        "attempt {attempt} failed, and another would begin later than {} s after the job was due: {error}",
                        limit.as_secs_f64()
                    ),
                },
            }
        }
        Err(Failure::Throttled { until, reason }) => match expiry(until) {
            Some(at) => {
                let reason = format!("{}; it was told to wait longer: {reason}", expiry::reason(at));
                Decision::Expire { reason, is_begun: true }
            }
            None => Decision::Wait { delay: (until - now).to_std().unwrap_or_default(), reason },
        },
        Err(Failure::Dead { reason }) => Decision::Dead { reason },
        Err(Failure::Cancelled { reason }) => Decision::Cancel { reason },
    }
}

fn later(time: DateTime<Utc>, delay: Duration) -> DateTime<Utc> {
    let delay = TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX);
    time.checked_add_signed(delay).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
