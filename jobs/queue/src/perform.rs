//! One attempt, from bytes to a decision: decode, run under a timeout with panics caught, commit the effect.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    alone::{Alone, SUSPECT_AFTER, attempt_in_process},
    attempt::{Attempted, End, Failure},
    clock::Clock,
    context::{Ctx, Effect},
    envelope::{Delivery, Envelope},
    faults::{Sabotage, crash_point, sabotaged},
    journal::Journal,
    registry::{Kind, Prepared, Registry},
};

/// How long a cancelled job may take to end by itself before it is dropped.
const CANCEL_GRACE: Duration = Duration::from_secs(2);
/// A job that this worker does not know goes back for another binary to take.
const UNKNOWN_WAIT: Duration = Duration::from_secs(30);
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
) -> Decision {
    let envelope = match envelope {
        Ok(envelope) => envelope,
        Err(reason) => return Decision::Dead { reason: reason.clone() },
    };
    let Some(kind) = surroundings.registry.get(&envelope.name).filter(|kind| kind.version >= envelope.version) else {
        let reason = format!("this worker knows no job {:?} of version {}", envelope.name, envelope.version);
        return Decision::Park { delay: UNKNOWN_WAIT, reason };
    };
    let prepared = match kind.prepare(envelope.args.get()) {
        Ok(prepared) => prepared,
        Err(error) => return Decision::Dead { reason: format!("the arguments of {} cannot be decoded: {error}", kind.name) },
    };
    if let Some(alone) = surroundings.alone.as_ref().filter(|_| delivery.crashes >= SUSPECT_AFTER) {
        return attempt_in_process(alone, delivery, interrupt).await;
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
        attempt: delivery.attempt,
        max_attempts: kind.max_attempts,
        cancelled: interrupt.token.clone(),
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
            let committed = commit(effect).await;
            crash_point("ack.committed");
            committed
        }
        attempted => attempted,
    };
    if interrupt.why() == Some(Why::Stop) && matches!(attempted, Err(Failure::Retry { .. } | Failure::Cancelled { .. })) {
        // The handler gave up because it was told that the worker stops: a deploy costs no attempt.
        return Decision::Release;
    }
    decide(attempted, kind, delivery.attempt, surroundings.clock.now())
}

/// Runs the handler as a task of its own, so that handlers use every core and a panic stays in one of them.
async fn run<P: Send + Sync + 'static>(prepared: Prepared<P>, ctx: Ctx<P>, timeout: Duration) -> Attempted {
    let clock = ctx.clock.clone();
    let handler = AssertUnwindSafe(tokio::time::timeout(timeout, async move { prepared(ctx).await }));
    match AbortOnDropHandle::new(tokio::spawn(clock.rule(handler.catch_unwind()))).await {
        Ok(Ok(Ok(attempted))) => attempted,
        Ok(Ok(Err(_))) => Err(Failure::retry(format!("no end within {} s", timeout.as_secs_f64()))),
        Ok(Err(panic)) => Err(Failure::retry(format!("panicked: {}", panic_message(panic.as_ref())))),
        Err(error) => Err(Failure::retry(format!("the handler's task ended: {error}"))),
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
        Why::Cancel => Decision::Cancel { reason: "cancelled while running".to_owned() },
        Why::Stop => Decision::Release,
    };
    tokio::time::sleep(CANCEL_GRACE).await;
    decision
}

fn decide<P>(attempted: Attempted, kind: &Kind<P>, attempt: u32, now: DateTime<Utc>) -> Decision {
    match attempted {
        Ok(_) | Err(Failure::AlreadyDone) => Decision::Complete,
        Err(Failure::Superseded) => Decision::Drop,
        Err(Failure::Retry { error, .. }) if attempt >= kind.max_attempts => {
            Decision::Dead { reason: format!("attempt {attempt} of {} failed: {error}", kind.max_attempts) }
        }
        Err(Failure::Retry { error, after }) => {
            Decision::Retry { error, delay: after.unwrap_or_else(|| kind.backoff.delay(attempt)) }
        }
        Err(Failure::Throttled { until, reason }) => Decision::Wait { delay: (until - now).to_std().unwrap_or_default(), reason },
        Err(Failure::Dead { reason }) => Decision::Dead { reason },
        Err(Failure::Cancelled { reason }) => Decision::Cancel { reason },
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
