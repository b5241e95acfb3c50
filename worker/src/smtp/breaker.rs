//! Keeps slots free while the mail server is away.
//!
//! A server that hangs costs each letter the whole time limit, and letters sit on slots that other jobs need. So after a failed
//! connection nobody tries for four times as long as that failure took: a fast refusal costs nothing and is tried again at once, a
//! hanging server gets at most a fifth of one slot's time. Then one letter tries, and the others hear at once what it waits for.
//!
//! A login that is refused is another matter: it is fast, no wait mends it, and servers shut out whoever tries it again and again. Then the
//! rests grow, however many letters wait.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jobs::ports::mailer::{Part, Trouble};

const REST_FACTOR: u32 = 4;
/// However slow the failure was.
const LONGEST_REST: Duration = Duration::from_secs(120);
/// After the first login that was refused; twice as long after each further one.
const LOGIN_REST: Duration = Duration::from_secs(30);
const LONGEST_LOGIN_REST: Duration = Duration::from_secs(15 * 60);

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
    /// How often in a row the login was refused.
    refusals: u32,
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
        let mut state = self.breaker.lock();
        let before = state.down.as_ref().map_or(0, |down| down.refusals);
        let (rest, refusals) = match trouble.part {
            Part::Login => (LOGIN_REST.saturating_mul(1 << before.min(8)).min(LONGEST_LOGIN_REST), before.saturating_add(1)),
            _ => (took.saturating_mul(REST_FACTOR).min(LONGEST_REST), 0),
        };
        state.down = Some(Down { trouble: trouble.clone(), until: Instant::now() + rest, trying: false, refusals });
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
    fn a_refused_login_is_tried_more_and_more_seldom_until_one_is_let_in() {
        let breaker = Breaker::default();
        let refused = Trouble::new(Part::Login, "535 5.7.8 bad credentials");
        for minutes in [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0] {
            breaker.begin().expect("leave").failed(Duration::ZERO, &refused);
            let rest = breaker.lock().down.as_ref().map(|down| down.until - Instant::now()).expect("a rest");
            assert!((minutes * 60.0 - rest.as_secs_f64()).abs() < 5.0, "{rest:?}");
            assert_eq!(breaker.begin().expect_err("no leave"), refused);
            if let Some(down) = &mut breaker.lock().down {
                down.until = Instant::now();
            }
        }
        breaker.begin().expect("leave").succeeded();
        breaker.begin().expect("leave").failed(Duration::ZERO, &refused);
        assert_eq!(breaker.lock().down.as_ref().map(|down| down.refusals), Some(1));
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
