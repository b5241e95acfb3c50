//! Stand-ins for the ports: they do what a test tells them and remember what they were given.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::mailer::{Fate, Mailer, Reply, Sending};
use crate::mail::letter::Letter;

/// A mailer without a server. Letters meet the fates that were set, in their order; after those they are accepted.
#[derive(Debug, Default)]
pub struct FakeMailer {
    fates: Mutex<VecDeque<Fate>>,
    letters: Mutex<Vec<Letter>>,
}

impl FakeMailer {
    /// One whose first letters meet these fates.
    #[must_use]
    pub fn with_fates(fates: impl IntoIterator<Item = Fate>) -> Self {
        Self { fates: Mutex::new(fates.into_iter().collect()), letters: Mutex::default() }
    }

    /// The letters it was given, whatever became of them.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        lock(&self.letters).clone()
    }
}

impl Mailer for FakeMailer {
    fn domain(&self) -> &'static str {
        "compilandocode.example"
    }

    fn send<'a>(&'a self, letter: &'a Letter) -> Sending<'a> {
        Box::pin(async move {
            lock(&self.letters).push(letter.clone());
            lock(&self.fates).pop_front().unwrap_or_else(|| Fate::Accepted(Reply::new(250, "2.0.0 taken")))
        })
    }
}

/// A test that panicked elsewhere does not hide what was sent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
