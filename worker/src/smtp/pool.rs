//! Sessions that are kept for the next letter.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::session::Session;

/// As many letters as leave at once find a session again.
const KEPT: usize = 8;
/// Nobody's connection is held longer than this without a letter.
const IDLE: Duration = Duration::from_secs(15);
/// Used within this time, a session is taken without asking whether it lives: asking costs a letter a fifth of its time. A server that ends
/// one meanwhile costs nothing either: [`super::Smtp`] opens another, since nothing has left yet.
const FRESH: Duration = Duration::from_secs(1);
/// Servers end long sessions at a moment of their own choosing; ours end before.
const AGE: Duration = Duration::from_secs(300);
const LETTERS: u32 = 100;

#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    session: Session,
    since: Instant,
}

impl Pool {
    /// The session that was used last, if it still lives as far as is known. When it does not, the others are not trusted either.
    pub(super) async fn take(&self) -> Option<Session> {
        let Idle { mut session, since } = self.lock().pop()?;
        let is_fresh = session.has_ended_a_letter() && since.elapsed() < FRESH;
        if is_fresh || session.is_alive().await {
            return Some(session);
        }
        self.lock().clear();
        None
    }

    /// Keeps a session that is good for another letter; says goodbye to any other without keeping its letter waiting.
    pub(super) fn keep(self: &Arc<Self>, session: Session) {
        if !session.is_good() || session.letters() >= LETTERS || session.age() >= AGE || self.lock().len() >= KEPT {
            tokio::spawn(session.close());
            return;
        }
        self.lock().push(Idle { session, since: Instant::now() });
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            let stale = pool.upgrade().map(|pool| pool.take_stale()).unwrap_or_default();
            for Idle { session, .. } in stale {
                session.close().await;
            }
        });
    }

    fn take_stale(&self) -> Vec<Idle> {
        let mut idle = self.lock();
        let (stale, fresh) = idle.drain(..).partition(|kept| kept.since.elapsed() >= IDLE);
        *idle = fresh;
        stale
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A list of sessions is whole after each single call, whatever panicked meanwhile.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
