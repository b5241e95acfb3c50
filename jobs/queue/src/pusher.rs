//! Direct pushes that are under way at the same time travel together: one step in Redis for all of them costs little more than for one.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    envelope::Envelope,
    lane::Lane,
    store::{MAX_BATCH, Pressure, Store, StoreError},
};

/// A job, and whom to tell what became of its push.
type Asked = (Envelope, oneshot::Sender<Result<(), StoreError>>);

/// The pushes of one lane that wait for their turn.
#[derive(Debug, Default)]
struct Turn {
    waiting: Mutex<Vec<Asked>>,
    /// Held by whoever is pushing, for himself and for everybody who waited then.
    at_work: tokio::sync::Mutex<()>,
}

/// The turns of every lane.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pusher(Arc<Mutex<HashMap<Lane, Arc<Turn>>>>);

impl Pusher {
    /// Pushes one job, together with whatever else waits.
    pub(crate) async fn push(&self, store: &Store, lane: Lane, envelope: &Envelope) -> Result<(), StoreError> {
        let turn = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(lane).or_default().clone();
        loop {
            let (sender, mut answer) = oneshot::channel();
            turn.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((envelope.clone(), sender));
            tokio::select! {
                biased;
                answer = &mut answer => if let Ok(answer) = answer { return answer },
                _mine = turn.at_work.lock() => {
                    turn.push_waiting(store, lane).await;
                    if let Ok(answer) = answer.try_recv() {
                        return answer;
                    }
                }
            }
            // Whoever pushed for us was dropped half-way: the job is there or not, and pushing it again is safe.
        }
    }
}

impl Turn {
    async fn push_waiting(&self, store: &Store, lane: Lane) {
        let waiting = mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let (envelopes, askers): (Vec<Envelope>, Vec<_>) = waiting.into_iter().unzip();
        let mut askers = askers.into_iter();
        for batch in envelopes.chunks(MAX_BATCH) {
            let pushed = store.push(lane, batch, Pressure::Refuses).await.map(drop);
            for asker in askers.by_ref().take(batch.len()) {
                // Whoever asked may have been dropped meanwhile.
                let _ = asker.send(pushed.clone());
            }
        }
    }
}
