//! The other workers: whether one of them knows a job that this one does not, as while two versions of a binary are deployed.

use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};

use crate::{heartbeat::WorkerBeat, lane::Lane, store::Store};

/// A job that nobody knows waits for a binary to come; each worker that starts has it offered at once.
pub(crate) const UNTIL_SOMEBODY_COMES: Duration = Duration::from_secs(30);
/// A job that another worker knows is offered again at once, and meets that worker at the first turn or one of the next.
const UNTIL_THE_NEXT_TURN: Duration = Duration::from_millis(250);
/// What was heard holds for as long: a burst of unknown jobs asks once.
const HOLDS_FOR: Duration = Duration::from_secs(1);

/// Who else is there, asked for when it matters.
#[derive(Debug)]
pub(crate) struct Peers {
    store: Store,
    heard: Mutex<Option<(Instant, Vec<WorkerBeat>)>>,
}

impl Peers {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, heard: Mutex::default() }
    }

    /// For how long a job that this worker does not know is to be parked.
    pub(crate) async fn parked_for(&self, lane: Lane, name: &str, version: u16) -> Duration {
        let mut heard = self.heard.lock().await;
        if heard.as_ref().is_none_or(|(at, _)| at.elapsed() > HOLDS_FOR) {
            let workers = self.store.workers().await.map(|(workers, now)| {
                let there = workers.into_iter().filter(|worker| !worker.draining && !worker.is_silent(now));
                there.collect()
            });
            // Without an answer nobody is known to be there.
            *heard = Some((Instant::now(), workers.unwrap_or_default()));
        }
        let workers = heard.as_ref().map_or(&[][..], |(_, workers)| workers);
        if workers.iter().any(|worker| worker.can_take(lane, name, version)) { UNTIL_THE_NEXT_TURN } else { UNTIL_SOMEBODY_COMES }
    }
}
