//! What one process holds of one queue: deliveries that wait for a slot's handler, and the leases it must keep.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard},
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    envelope::{Delivery, Envelope, Lease},
    job::Queue,
    perform::Interrupts,
};

/// Shared by the fetcher, the apalis backend, the acker and the lease keeper of one queue. The lock is a std mutex: it is held for
/// a few instructions and never across an await.
#[derive(Debug)]
pub(crate) struct Inflight {
    pub(crate) queue: Queue,
    pub(crate) slots: usize,
    state: Mutex<State>,
    /// The backend's waker: a delivery arrived.
    arrived: AtomicWaker,
    /// The backend's waker at the end: the last lease is gone.
    emptied: AtomicWaker,
    /// A slot became free.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Claimed>,
    /// Every lease that has not been given up, by job id.
    held: HashMap<String, Held>,
    /// Claimed and not yet ended: what occupies slots.
    busy: usize,
    /// The fetcher has ended: nothing more arrives.
    closed: bool,
}

#[derive(Debug)]
struct Held {
    lease: Lease,
    interrupts: Interrupts,
}

/// A claimed job on its way to a handler.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) delivery: Delivery,
    pub(crate) envelope: Result<Envelope, String>,
    pub(crate) interrupts: Interrupts,
    /// When this process learnt of the claim: durations are measured from here, on one clock.
    pub(crate) received: std::time::Instant,
}

impl Inflight {
    pub(crate) fn new(queue: Queue, slots: usize) -> Self {
        Self {
            queue,
            slots,
            state: Mutex::default(),
            arrived: AtomicWaker::new(),
            emptied: AtomicWaker::new(),
            freed: Notify::new(),
        }
    }

    /// Waits until at least one more job could start, and says how many. A claim never takes more than this.
    pub(crate) async fn free_slots(&self) -> usize {
        loop {
            let freed = self.freed.notified();
            match self.slots.saturating_sub(self.busy()) {
                0 => freed.await,
                free => return free,
            }
        }
    }

    pub(crate) fn busy(&self) -> usize {
        self.lock().busy
    }

    /// Takes a claimed batch in; `stop` ends its handlers when the drain's time is up.
    pub(crate) fn accept(&self, deliveries: Vec<Delivery>, stop: &CancellationToken) {
        let received = std::time::Instant::now();
        let mut state = self.lock();
        for delivery in deliveries {
            let envelope = delivery.envelope();
            let interrupts = Interrupts { stop: stop.clone(), ..Interrupts::default() };
            let held = Held { lease: delivery.lease.clone(), interrupts: interrupts.clone() };
            state.held.insert(delivery.id.clone(), held);
            state.busy += 1;
            state.waiting.push_back(Claimed { delivery, envelope, interrupts, received });
        }
        drop(state);
        self.arrived.wake();
    }

    /// The next delivery for a handler.
    pub(crate) fn poll_claimed(&self, cx: &Context<'_>) -> Poll<Claimed> {
        self.arrived.register(cx.waker());
        self.lock().waiting.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes back what no handler has begun, for release.
    pub(crate) fn take_unstarted(&self) -> Vec<Claimed> {
        let mut state = self.lock();
        let unstarted: Vec<_> = state.waiting.drain(..).collect();
        state.busy -= unstarted.len();
        unstarted
    }

    /// A handler ended: its slot is free, its lease still to be given up.
    pub(crate) fn ended(&self) {
        self.lock().busy -= 1;
        self.freed.notify_one();
    }

    /// Redis has answered about this delivery: nothing is left to do for it.
    pub(crate) fn forget(&self, id: &str, lease: &Lease) {
        let mut state = self.lock();
        // A newer delivery of the same job may already stand under this id.
        if state.held.get(id).is_some_and(|held| held.lease == *lease) {
            state.held.remove(id);
        }
        let empty = state.held.is_empty();
        drop(state);
        if empty {
            self.emptied.wake();
        }
    }

    /// The fetcher has ended: nothing more arrives.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.emptied.wake();
    }

    /// Resolves when nothing more arrives and every lease has been given up. A claim that was begun before the drain may still
    /// bring a batch: to end before it has would leave that batch to its leases.
    pub(crate) fn poll_emptied(&self, cx: &Context<'_>) -> Poll<()> {
        // Registered before the check, so that a lease given up in between is not missed.
        self.emptied.register(cx.waker());
        self.arrived.register(cx.waker());
        let state = self.lock();
        if state.closed && state.held.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(crate) fn leases(&self) -> Vec<(String, Lease)> {
        self.lock().held.iter().map(|(id, held)| (id.clone(), held.lease.clone())).collect()
    }

    /// Somebody wants this job cancelled.
    pub(crate) fn cancel(&self, id: &str, lease: &Lease) {
        self.with_held(id, lease, |held| held.interrupts.cancel.cancel());
    }

    /// The job is somebody else's now: its handler is dropped.
    pub(crate) fn lose(&self, id: &str, lease: &Lease) {
        self.with_held(id, lease, |held| held.interrupts.lost.cancel());
    }

    fn with_held(&self, id: &str, lease: &Lease, act: impl FnOnce(&Held)) {
        if let Some(held) = self.lock().held.get(id).filter(|held| held.lease == *lease) {
            act(held);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
