//! How long a job waits between two attempts.

use std::time::Duration;

/// Exponential backoff with full jitter: before attempt n + 1 a job waits a random time between nothing and
/// `first · 2^(n-1)`, at most `longest`. Full jitter spreads a crowd that failed together
/// (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the wait after the first failed attempt.
    pub first: Duration,
    /// No wait is longer than this.
    pub longest: Duration,
    /// No wait is shorter than this, however the dice fall.
    pub shortest: Duration,
}

impl Backoff {
    /// From ten seconds to an hour.
    pub const DEFAULT: Self = Self::between(Duration::from_secs(10), Duration::from_secs(3600));

    /// Backoff whose first wait is at most `first` and whose longest is `longest`.
    #[must_use]
    pub const fn between(first: Duration, longest: Duration) -> Self {
        Self { first, longest, shortest: Duration::ZERO }
    }

    /// The same with a lower bound for each wait.
    #[must_use]
    pub const fn at_least(self, shortest: Duration) -> Self {
        Self { shortest, ..self }
    }

    /// The wait after `attempt` (counted from 1) failed.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        let bound = self.bound(attempt).max(self.shortest);
        self.shortest + bound.saturating_sub(self.shortest).mul_f64(rand::random::<f64>())
    }

    fn bound(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_longest_wait() {
        let backoff = Backoff::between(Duration::from_secs(10), Duration::from_secs(60));
        let bounds: Vec<u64> = (1..=6).map(|attempt| backoff.bound(attempt).as_secs()).collect();
        assert_eq!(bounds, [10, 20, 40, 60, 60, 60]);
        assert_eq!(backoff.bound(u32::MAX), Duration::from_secs(60));
    }

    #[test]
    fn waits_are_spread_over_the_whole_range_and_never_leave_it() {
        let backoff = Backoff::between(Duration::from_secs(10), Duration::from_secs(60)).at_least(Duration::from_secs(2));
        let waits: Vec<f64> = (0..2000).map(|_| backoff.delay(3).as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (2.0..=40.0).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 6.0) && waits.iter().any(|wait| *wait > 36.0));
    }
}
