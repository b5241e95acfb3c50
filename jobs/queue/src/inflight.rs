//! What one process holds of one queue: deliveries that wait for a slot's handler, and the leases it must keep.

use std::{
    borrow::Borrow,
    collections::{HashSet, VecDeque},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::{
    envelope::{Delivery, Envelope, Lease},
    lane::Lane,
    perform::{Interrupt, Why},
    progress::Reported,
    store::Renewal,
};

/// Deliveries that ended and whose acknowledgement Redis has not answered: more of them stop the claims.
const MAX_UNACKNOWLEDGED: usize = 2000;
/// For so long a claim waits for more slots than one to become free, when jobs are waiting.
const GATHER: Duration = Duration::from_millis(1);

/// Shared by the fetcher, the apalis backend, the acker and the lease keeper of one queue. The lock is a std mutex: it is held for
/// a few instructions and never across an await.
#[derive(Debug)]
pub(crate) struct Inflight {
    pub(crate) lane: Lane,
    pub(crate) slots: usize,
    /// Lanes of more urgent queues, whose idle slots this one may borrow; none for a lane with long jobs.
    lenders: Vec<Arc<Inflight>>,
    /// Woken when a slot becomes idle here.
    borrowers: Mutex<Vec<Weak<Inflight>>>,
    state: Mutex<State>,
    /// The backend's waker: a delivery arrived.
    arrived: AtomicWaker,
    /// The backend's waker at the end: the last lease is gone.
    emptied: AtomicWaker,
    /// A slot became free.
    freed: Notify,
    /// The claims were stopped.
    stopped: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Claimed>>,
    /// How many of them handlers have taken so far.
    taken: u64,
    /// Every lease that has not been given up.
    held: HashSet<Held>,
    /// Claimed and not yet ended: what occupies slots.
    busy: usize,
    /// Slots of ours that a less urgent lane is using.
    lent: usize,
    /// Slots that we are using of others: lenders by place, latest last.
    borrowed: Vec<usize>,
    /// The fetcher waits for as many free slots.
    wanted: usize,
    /// No claims: an operator wants it so.
    paused: bool,
    /// The fetcher has ended: nothing more arrives.
    closed: bool,
}

/// A claimed job, found by its id.
#[derive(Debug)]
struct Held(Arc<Claimed>);

/// A claimed job on its way to a handler.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) delivery: Delivery,
    pub(crate) envelope: Result<Envelope, String>,
    pub(crate) interrupt: Interrupt,
    /// How far it has got, as its handler says.
    pub(crate) reported: Arc<Reported>,
    /// When this process learnt of the claim: durations are measured from here, on one clock.
    pub(crate) received: std::time::Instant,
}

impl Borrow<str> for Held {
    fn borrow(&self) -> &str {
        &self.0.delivery.id
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrow::<str>::borrow(self).hash(state);
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.0.delivery.id == other.0.delivery.id
    }
}

impl Eq for Held {}

impl Inflight {
    /// `lenders` are lanes of more urgent queues, whose idle slots this one may borrow.
    pub(crate) fn new(lane: Lane, slots: usize, lenders: Vec<Arc<Self>>) -> Arc<Self> {
        Arc::new_cyclic(|me| {
            for lender in &lenders {
                lender.borrowers.lock().unwrap_or_else(PoisonError::into_inner).push(me.clone());
            }
            Self::alone(lane, slots, lenders)
        })
    }

    fn alone(lane: Lane, slots: usize, lenders: Vec<Arc<Self>>) -> Self {
        Self {
            lane,
            slots,
            lenders,
            borrowers: Mutex::default(),
            state: Mutex::default(),
            arrived: AtomicWaker::new(),
            emptied: AtomicWaker::new(),
            freed: Notify::new(),
            stopped: Notify::new(),
        }
    }

    /// Waits until at least one more job could start, or `wanted` of them, if that takes no longer than a moment, and says how many.
    /// A claim never takes more than this.
    pub(crate) async fn free_slots(&self, wanted: usize) -> usize {
        let gather = tokio::time::timeout(GATHER, self.wait_for_slots(wanted.clamp(1, self.slots)));
        match gather.await {
            Ok(free) => free,
            Err(_) => self.wait_for_slots(1).await,
        }
    }

    async fn wait_for_slots(&self, wanted: usize) -> usize {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.lock();
                let free = self.free(&state);
                if free >= wanted {
                    state.wanted = 0;
                    return free;
                }
                state.wanted = wanted;
            }
            freed.await;
        }
    }

    /// How many more jobs could start, in slots of our own and in idle ones of more urgent lanes. Locks go from the less urgent lane to
    /// the more urgent one, never back.
    fn free(&self, state: &State) -> usize {
        if state.paused {
            return 0;
        }
        let lendable: usize = self.lenders.iter().map(|lender| lender.own_free(&lender.lock()).saturating_sub(1)).sum();
        let unacknowledged = state.held.len().saturating_sub(state.busy);
        (self.own_free(state) + lendable).min((self.slots + MAX_UNACKNOWLEDGED).saturating_sub(unacknowledged))
    }

    fn own_free(&self, state: &State) -> usize {
        (self.slots + state.borrowed.len()).saturating_sub(state.busy + state.lent)
    }

    /// How many jobs could start in our own slots.
    pub(crate) fn free_own_slots(&self) -> usize {
        self.own_free(&self.lock())
    }

    /// Takes up to `wanted` idle slots of more urgent lanes, all but one of each, for the claim that follows; what the claim does not
    /// fill goes back with [`Self::return_unused`].
    pub(crate) fn borrow_slots(&self, wanted: usize) -> usize {
        let mut taken = Vec::new();
        for (place, lender) in self.lenders.iter().enumerate() {
            let mut theirs = lender.lock();
            let lendable = lender.own_free(&theirs).saturating_sub(1).min(wanted - taken.len());
            theirs.lent += lendable;
            taken.extend(std::iter::repeat_n(place, lendable));
        }
        let count = taken.len();
        self.lock().borrowed.extend(taken);
        count
    }

    /// Gives borrowed slots back that stand idle.
    pub(crate) fn return_unused(&self) {
        let mut state = self.lock();
        let idle = self.own_free(&state).min(state.borrowed.len());
        let keep = state.borrowed.len() - idle;
        let returned = state.borrowed.split_off(keep);
        drop(state);
        self.give_back(returned);
    }

    fn give_back(&self, places: Vec<usize>) {
        for lender in places.into_iter().filter_map(|place| self.lenders.get(place)) {
            let mut theirs = lender.lock();
            theirs.lent -= 1;
            lender.tell_fetcher(&theirs);
        }
    }

    fn tell_fetcher(&self, state: &State) {
        if state.wanted > 0 && self.free(state) >= state.wanted {
            self.freed.notify_one();
        }
    }

    /// Wakes the fetchers of lanes that could borrow from us.
    fn tell_borrowers(&self) {
        let borrowers = self.borrowers.lock().unwrap_or_else(PoisonError::into_inner);
        for borrower in borrowers.iter().filter_map(Weak::upgrade) {
            borrower.tell_fetcher(&borrower.lock());
        }
    }

    /// Stops or resumes the claims.
    pub(crate) fn pause(&self, paused: bool) {
        let mut state = self.lock();
        if paused && !state.paused {
            self.stopped.notify_one();
        }
        state.paused = paused;
        self.tell_fetcher(&state);
    }

    /// Resolves when an operator has stopped the claims since this was last waited for.
    pub(crate) async fn stopped(&self) {
        self.stopped.notified().await;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.lock().paused
    }

    pub(crate) fn busy(&self) -> usize {
        self.lock().busy
    }

    /// Takes a claimed batch in.
    pub(crate) fn accept(&self, deliveries: Vec<Delivery>) {
        let received = std::time::Instant::now();
        let claimed: Vec<Arc<Claimed>> = deliveries
            .into_iter()
            .map(|delivery| {
                let envelope = delivery.envelope();
                Arc::new(Claimed { delivery, envelope, interrupt: Interrupt::default(), reported: Arc::default(), received })
            })
            .collect();
        let mut state = self.lock();
        state.busy += claimed.len();
        for claimed in claimed {
            if let Some(Held(older)) = state.held.replace(Held(claimed.clone())) {
                older.interrupt.fire(Why::Lost);
            }
            state.waiting.push_back(claimed);
        }
        drop(state);
        self.arrived.wake();
    }

    /// The next delivery for a handler.
    pub(crate) fn poll_claimed(&self, cx: &Context<'_>) -> Poll<Arc<Claimed>> {
        self.arrived.register(cx.waker());
        let mut state = self.lock();
        let Some(claimed) = state.waiting.pop_front() else { return Poll::Pending };
        state.taken += 1;
        Poll::Ready(claimed)
    }

    /// Whether nothing waits for a handler, or some of it was taken since the last look.
    pub(crate) fn begins(&self, taken: &mut u64) -> bool {
        let state = self.lock();
        let last = std::mem::replace(taken, state.taken);
        state.waiting.is_empty() || state.taken != last
    }

    /// Takes back what no handler has begun, for release.
    pub(crate) fn take_unstarted(&self) -> Vec<Arc<Claimed>> {
        let mut state = self.lock();
        let unstarted: Vec<_> = state.waiting.drain(..).collect();
        state.busy -= unstarted.len();
        self.tell_fetcher(&state);
        unstarted
    }

    /// A handler ended: its slot is free, its lease still to be given up.
    pub(crate) fn ended(&self) {
        let mut state = self.lock();
        state.busy -= 1;
        // A borrowed slot goes home before one of ours stands idle.
        let returned = state.borrowed.pop();
        self.tell_fetcher(&state);
        drop(state);
        if let Some(place) = returned {
            self.give_back(vec![place]);
        }
        self.tell_borrowers();
    }

    /// Redis has answered about these deliveries: nothing is left to do for them.
    pub(crate) fn forget<'d>(&self, deliveries: impl IntoIterator<Item = &'d Delivery>) {
        let mut state = self.lock();
        for delivery in deliveries {
            // A newer delivery of the same job may already stand under this id.
            if let Some(newer) = state.held.take(delivery.id.as_str()).filter(|held| held.0.delivery.lease != delivery.lease) {
                state.held.insert(newer);
            }
        }
        self.tell_fetcher(&state);
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
        self.lock().held.iter().map(|Held(claimed)| (claimed.delivery.id.clone(), claimed.delivery.lease.clone())).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().held.is_empty()
    }

    /// Every lease, with what its job has said of its progress since the last time.
    pub(crate) fn renewals(&self) -> Vec<Renewal> {
        let renewal = |Held(claimed): &Held| Renewal {
            id: claimed.delivery.id.clone(),
            lease: claimed.delivery.lease.clone(),
            progress: claimed.reported.take_news(),
        };
        self.lock().held.iter().map(renewal).collect()
    }

    /// Redis did not hear what was said.
    pub(crate) fn tell_progress_again(&self) {
        self.lock().held.iter().for_each(|held| held.0.reported.tell_again());
    }

    /// Interrupts what somebody wants cancelled: of each wish the job, and which delivery it is for. One for another delivery is an old one.
    pub(crate) fn cancel(&self, wishes: &[(String, String)]) {
        let state = self.lock();
        for (id, delivery) in wishes {
            if let Some(Held(claimed)) = state.held.get(id.as_str())
                && claimed.delivery.lease.is_named_by(delivery)
            {
                claimed.interrupt.fire(Why::Cancel);
            }
        }
    }

    /// Interrupts one delivery: somebody wants it cancelled, or it is somebody else's now.
    pub(crate) fn interrupt(&self, id: &str, lease: &Lease, why: Why) {
        if let Some(Held(claimed)) = self.lock().held.get(id).filter(|held| held.0.delivery.lease == *lease) {
            claimed.interrupt.fire(why);
        }
    }

    /// Interrupts everything that runs: the drain's time is up.
    pub(crate) fn stop_all(&self) {
        self.lock().held.iter().for_each(|held| held.0.interrupt.fire(Why::Stop));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
