//! How long what is over is kept.

use chrono::TimeDelta;

/// How long what is over is kept. The worker has it as settings (`RETAIN_…_DAYS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Completed jobs, with their attempts and effects.
    pub completed: TimeDelta,
    /// Cancelled jobs.
    pub cancelled: TimeDelta,
    /// Dead jobs: until then an operator may run them again.
    pub dead: TimeDelta,
    /// API tokens that have expired or been revoked.
    pub tokens: TimeDelta,
    /// The rows of letters that are over. Without its row a letter would be sent again, so these outlast the jobs that send them.
    pub letters: TimeDelta,
    /// Providers' messages about payments. What they told stands in the books, which no sweep touches.
    pub payment_messages: TimeDelta,
    /// Tickets that are closed: then they are put away, and kept.
    pub tickets: TimeDelta,
    /// What this installation notes about its own work: results of sweeps.
    pub records: TimeDelta,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            completed: TimeDelta::days(30),
            cancelled: TimeDelta::days(30),
            dead: TimeDelta::days(180),
            tokens: TimeDelta::days(90),
            letters: TimeDelta::days(365),
            payment_messages: TimeDelta::days(180),
            tickets: TimeDelta::days(1095),
            records: TimeDelta::days(400),
        }
    }
}
