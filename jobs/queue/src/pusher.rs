//! Making jobs live. Direct pushes that are under way at the same time travel together: one step in Redis for all of them costs little more than for one.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    envelope::{Envelope, to_bytes},
    job::JobId,
    lane::Lane,
    script::scripts,
    store::{MAX_BATCH, Store, StoreError},
};

scripts! {
    PUSH = "lua/push.lua";
}

/// From here on new direct pushes are refused.
const REFUSE_AT_BYTES: u64 = 512 << 20;
/// Whether a recorder that is far behind refuses a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// A promise is never refused: its row waits in the outbox anyway.
    Ignored,
    /// A direct push is.
    Refuses,
}

/// What came of a push.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    /// How many were new.
    pub(crate) added: u64,
    /// Those that met another job which does what they ask for, and that job.
    pub(crate) duplicates: HashMap<JobId, JobId>,
}

/// A job, and whom to tell what became of its push: whose duplicate it is, if it is one.
type Asked = (Envelope, oneshot::Sender<Result<Option<JobId>, StoreError>>);

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
    /// Pushes one job, together with whatever else waits; answers whose duplicate it is, if it is one.
    pub(crate) async fn push(&self, store: &Store, lane: Lane, envelope: &Envelope) -> Result<Option<JobId>, StoreError> {
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
            let pushed = store.push(lane, batch, Pressure::Refuses).await;
            for (asker, envelope) in askers.by_ref().take(batch.len()).zip(batch) {
                let answer = pushed.as_ref().map(|pushed| pushed.duplicates.get(&envelope.id).copied());
                // Whoever asked may have been dropped meanwhile.
                let _ = asker.send(answer.map_err(Clone::clone));
            }
        }
    }
}

impl Store {
    /// Makes jobs live; an id that is live already, or whose end awaits the recorder, is left alone. Returns how many were new.
    /// `pressure` says whether a recorder that is far behind refuses them. A unique job that meets another one ends as its duplicate.
    pub(crate) async fn push(&self, lane: Lane, envelopes: &[Envelope], pressure: Pressure) -> Result<Pushed, StoreError> {
        let mut pushed = Pushed::default();
        let (mut pairs, mut ids) = (Vec::new(), HashSet::new());
        for batch in envelopes.chunks(MAX_BATCH) {
            pairs.clear();
            ids.clear();
            for envelope in batch.iter().filter(|envelope| ids.insert(envelope.id)) {
                let raw = to_bytes(envelope).map_err(|error| StoreError::not_json(&error))?;
                pairs.push((envelope.id.to_string(), raw, envelope.run_at.map_or(0, |at| at.timestamp_millis())));
            }
            let any_unique = batch.iter().any(|envelope| envelope.unique_in_redis().is_some());
            // The last two keys are for unique jobs: without them the script takes a shorter way.
            let keys = if any_unique { &PUSH.keys[..] } else { &PUSH.keys[..7] };
            let mut call = self.call_with(&PUSH, lane, keys);
            call.arg(pairs.len()).arg(if pressure == Pressure::Refuses { REFUSE_AT_BYTES } else { 0 });
            for (id, ..) in &pairs {
                call.arg(id);
            }
            for (id, raw, _) in &pairs {
                call.arg(id).arg(raw);
            }
            if pairs.iter().any(|(.., due)| *due > 0) {
                for (.., due) in &pairs {
                    call.arg(due);
                }
            }
            let (added, duplicates): (u64, Vec<String>) = self.run(&call, "pushing jobs").await?;
            pushed.added += added;
            let job = |text: &str| text.parse::<JobId>().ok();
            let pairs = duplicates.chunks_exact(2).filter_map(|pair| Some((job(&pair[0])?, job(&pair[1])?)));
            pushed.duplicates.extend(pairs);
        }
        Ok(pushed)
    }
}
