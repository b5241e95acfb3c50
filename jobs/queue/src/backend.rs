//! Our backend for apalis: its workers poll deliveries here, and its outermost layer tells us what each came to.
//!
//! Nothing here talks to Redis. The loops of [`crate::engine`] do, so `poll_next` cannot fail: an error from it would end the
//! apalis worker together with everything it runs.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    error::BoxDynError,
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use tower::{Layer, Service};

use crate::{
    ack::{Acker, Finished},
    faults::hangs,
    inflight::{Claimed, Inflight},
    lane::Lane,
    perform::Decision,
};

/// A layer between us and the handler failed, not the job: it is tried again soon.
const LAYER_ERROR_DELAY: Duration = Duration::from_secs(10);

/// One queue of the engine as apalis sees it. It is a view: the claimed jobs live in [`Inflight`], so a worker that apalis restarts
/// loses nothing.
#[derive(Debug)]
pub(crate) struct QueueBackend {
    inflight: Arc<Inflight>,
    acker: Acker,
}

impl QueueBackend {
    pub(crate) fn new(inflight: Arc<Inflight>, acker: Acker) -> Self {
        Self { inflight, acker }
    }
}

impl Backend for QueueBackend {
    // The arguments are shared, because apalis clones a context deeply when a layer adds data to it.
    type Task = Task<Arc<Claimed>>;
    type Error = Infallible;

    fn poll_ready(&mut self, _cx: &mut Context<'_>, _worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _worker: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        if hangs("apalis") {
            return Poll::Pending;
        }
        let claimed = ready!(self.inflight.poll_claimed(cx));
        let id = TaskId::from_string(&claimed.delivery.id);
        Poll::Ready(Some(Ok(TaskBuilder::new(claimed).task_id(id).build())))
    }

    /// Comes after the last running handler ended, while its acknowledgement may still be on its way.
    fn poll_close(&mut self, cx: &mut Context<'_>, _worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        for claimed in self.inflight.take_unstarted() {
            self.acker.release_unstarted(claimed);
        }
        self.inflight.poll_emptied(cx).map(Ok)
    }
}

impl BackendConfig for QueueBackend {
    type Args = Arc<Claimed>;
    type Id = String;
    type Kind = Ephemeral;
    type Config = Lane;
    type Layer = AckLayer;

    fn config(&self) -> &Lane {
        &self.inflight.lane
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> AckLayer {
        AckLayer { inflight: self.inflight.clone(), acker: self.acker.clone() }
    }
}

/// Stands outside every other layer, so that what it sees is final.
#[derive(Debug, Clone)]
pub(crate) struct AckLayer {
    inflight: Arc<Inflight>,
    acker: Acker,
}

impl<S> Layer<S> for AckLayer {
    type Service = AckService<S>;

    fn layer(&self, inner: S) -> AckService<S> {
        AckService { inner, inflight: self.inflight.clone(), acker: self.acker.clone() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct AckService<S> {
    inner: S,
    inflight: Arc<Inflight>,
    acker: Acker,
}

impl<S> Service<Task<Arc<Claimed>>> for AckService<S>
where
    S: Service<Task<Arc<Claimed>>, Response = Decision>,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxDynError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Arc<Claimed>>) -> Self::Future {
        let mut open = Open {
            inflight: self.inflight.clone(),
            acker: self.acker.clone(),
            started: Instant::now(),
            claimed: Some(task.args.clone()),
        };
        let attempted = self.inner.call(task);
        Box::pin(async move {
            let decision = attempted.await.unwrap_or_else(|error| {
                let error: BoxDynError = error.into();
                Decision::Retry { error: error.to_string(), delay: LAYER_ERROR_DELAY }
            });
            open.close(decision);
            Ok(())
        })
    }
}

/// A delivery whose handler has begun. However the future around it goes, its slot is freed and its lease given up.
struct Open {
    inflight: Arc<Inflight>,
    acker: Acker,
    started: Instant,
    claimed: Option<Arc<Claimed>>,
}

impl Open {
    fn close(&mut self, decision: Decision) {
        if let Some(claimed) = self.claimed.take() {
            self.inflight.ended();
            self.acker.finished(Finished { claimed, started: Some(self.started), ended: Instant::now(), decision });
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close(Decision::Release);
    }
}
