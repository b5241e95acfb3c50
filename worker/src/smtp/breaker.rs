//! Keeps slots free while the mail server is away.
//!
//! A server that hangs costs each letter the whole time limit, and letters sit on slots that other jobs need. So after a failed
//! connection nobody tries for four times as long as that failure took: a fast refusal costs nothing and is tried again at once, a
//! hanging server gets at most a fifth of one slot's time. Then one letter tries, and the others hear at once what it waits for.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jobs::ports::mailer::Trouble;

const REST_FACTOR: u32 = 4;
/// However slow the failure was.
const LONGEST_REST: Duration = Duration::from_secs(120);

#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last failure, until a connection succeeds.
    down: Option<Down>,
}

#[derive(Debug)]
struct Down {
    trouble: Trouble,
    until: Instant,
    trying: bool,
}

/// The leave to try a connection. Dropped without a result, it lets another try.
#[derive(Debug)]
pub(super) struct Attempt<'b> {
    breaker: &'b Breaker,
}

impl Breaker {
    /// May a connection be tried?
    ///
    /// # Errors
    /// Not now: what the last one met.
    pub(super) fn begin(&self) -> Result<Attempt<'_>, Trouble> {
        if let Some(down) = &mut self.lock().down {
            if down.trying || Instant::now() < down.until {
                return Err(down.trouble.clone());
            }
            down.trying = true;
        }
        Ok(Attempt { breaker: self })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is a single assignment, so what a panic leaves behind is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    pub(super) fn succeeded(self) {
        self.breaker.lock().down = None;
    }

    pub(super) fn failed(self, took: Duration, trouble: &Trouble) {
        let rest = took.saturating_mul(REST_FACTOR).min(LONGEST_REST);
        self.breaker.lock().down = Some(Down { trouble: trouble.clone(), until: Instant::now() + rest, trying: false });
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(down) = &mut self.breaker.lock().down {
            down.trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use jobs::ports::mailer::Part;

    use super::*;

    fn trouble() -> Trouble {
        Trouble::new(Part::Connection, "refused")
    }

    #[test]
    fn a_fast_failure_may_be_tried_again_at_once() {
        let breaker = Breaker::default();
        breaker.begin().expect("leave").failed(Duration::ZERO, &trouble());
        breaker.begin().expect("leave").succeeded();
        assert!(breaker.begin().is_ok());
    }

    #[test]
    fn a_slow_failure_is_not_repeated_for_a_while() {
        let breaker = Breaker::default();
        breaker.begin().expect("leave").failed(Duration::from_secs(20), &trouble());
        assert_eq!(breaker.begin().expect_err("no leave"), trouble());
    }

    #[test]
    fn while_one_tries_the_others_hear_what_it_waits_for() {
        let breaker = Breaker::default();
        let (first, second) = (breaker.begin().expect("leave"), breaker.begin().expect("healthy servers take many at once"));
        first.failed(Duration::ZERO, &trouble());
        drop(second);
        let trying = breaker.begin().expect("leave");
        assert!(breaker.begin().is_err());
        drop(trying);
        assert!(breaker.begin().is_ok(), "an attempt that was dropped blocks nobody");
    }
}
