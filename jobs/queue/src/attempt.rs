//! What an attempt returns, and how a foreign error becomes a decision.

use std::{borrow::Cow, error::Error, fmt::Write as _, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{backoff::Backoff, clock, context::Effect};

/// What an attempt came to: an end, or a decision about what happens next.
pub type Attempted = Result<End, Failure>;

/// The job is over and did what it was for.
#[derive(Debug)]
#[must_use]
pub enum End {
    /// Nothing more to do.
    Done,
    /// The handler's last act: a transaction that the engine commits together with the job's effect row, so that the effect
    /// happens once however often the job is delivered.
    Effect(Effect),
}

impl From<Effect> for End {
    fn from(effect: Effect) -> Self {
        Self::Effect(effect)
    }
}

/// The attempt did not end the job well. Each variant is a decision, not a description.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It may work later: try again after the job's backoff, or as said here. Uses up an attempt.
    Retry {
        /// What went wrong, with its causes.
        error: String,
        /// When.
        again: Again,
    },
    /// Somebody asked us to wait, or what we need is known to be out of service, or the time has not come yet: try again at `until`. Uses
    /// no attempt.
    Throttled {
        /// When to try again.
        until: DateTime<Utc>,
        /// Who asked, or what is out of service.
        reason: String,
    },
    /// It will never work: the job is dead until an operator says otherwise.
    Dead {
        /// What a person can act on.
        reason: String,
    },
    /// It is no longer wanted.
    Cancelled {
        /// Why not.
        reason: String,
    },
    /// Made by the engine only: an earlier delivery has already committed this job's effect.
    AlreadyDone,
    /// Made by the engine only: a newer delivery of this job exists, so this one may change nothing.
    Superseded,
}

/// When a failed attempt is followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Again {
    /// After the job's own backoff.
    AsUsual,
    /// After this backoff.
    By(Backoff),
    /// After so long.
    After(Duration),
}

impl Failure {
    /// Try again after the backoff.
    pub fn retry(error: impl Into<String>) -> Self {
        Self::Retry { error: error.into(), again: Again::AsUsual }
    }

    /// Try again after `delay`, using up an attempt.
    pub fn retry_after(error: impl Into<String>, delay: Duration) -> Self {
        Self::Retry { error: error.into(), again: Again::After(delay) }
    }

    /// The same retry by another backoff than the job's, because this error calls for it: a lock that somebody holds for a moment, a
    /// service that is down for hours. Failures that are no retries stay what they are.
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        match self {
            Self::Retry { error, .. } => Self::Retry { error, again: Again::By(backoff) },
            other => other,
        }
    }

    /// Try again at `until`, using up no attempt.
    pub fn throttled(until: DateTime<Utc>, reason: impl Into<String>) -> Self {
        Self::Throttled { until, reason: reason.into() }
    }

    /// Look again after `delay`, using up no attempt: what the job waits for has not happened yet. The ledger has it as `throttled`, with
    /// the reason.
    pub fn snooze(delay: Duration, reason: impl Into<String>) -> Self {
        let until = TimeDelta::from_std(delay).ok().and_then(|delay| clock::now().checked_add_signed(delay));
        Self::Throttled { until: until.unwrap_or(DateTime::<Utc>::MAX_UTC), reason: reason.into() }
    }

    /// It will never work.
    pub fn dead(reason: impl Into<String>) -> Self {
        Self::Dead { reason: reason.into() }
    }

    /// It is no longer wanted.
    pub fn cancelled(reason: impl Into<String>) -> Self {
        Self::Cancelled { reason: reason.into() }
    }
}

/// Turns a foreign error into a decision. There is no `From<E: Error> for Failure`: a bare `?` on a foreign error does not
/// compile, because nobody could tell later what the job was doing.
pub trait OrFailure<T> {
    /// It may work later; `doing` says what was being tried ("sending the welcome letter").
    ///
    /// # Errors
    /// [`Failure::Retry`] with `doing` and the error's chain of causes.
    fn context(self, doing: &'static str) -> Result<T, Failure>;

    /// It will never work; `reason` says why, for a person.
    ///
    /// # Errors
    /// [`Failure::Dead`] with `reason` and, where there is one, the error's chain of causes.
    fn or_dead(self, reason: impl Into<Cow<'static, str>>) -> Result<T, Failure>;
}

impl<T, E: Error> OrFailure<T> for Result<T, E> {
    fn context(self, doing: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure::retry(chain(doing, &error)))
    }

    fn or_dead(self, reason: impl Into<Cow<'static, str>>) -> Result<T, Failure> {
        self.map_err(|error| Failure::dead(chain(&reason.into(), &error)))
    }
}

impl<T> OrFailure<T> for Option<T> {
    fn context(self, doing: &'static str) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::retry(format!("{doing}: nothing there")))
    }

    fn or_dead(self, reason: impl Into<Cow<'static, str>>) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::dead(reason.into()))
    }
}

fn chain(doing: &str, error: &dyn Error) -> String {
    let mut text = format!("{doing}: {error}");
    let mut last = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !last.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        last = said;
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_error_keeps_its_causes_and_says_what_was_tried() {
        let error = std::io::Error::other(std::io::Error::other("the disk is on fire"));
        let Err(Failure::Retry { error, again: Again::AsUsual }) = Err::<(), _>(error).context("writing the report") else {
            panic!("not a retry");
        };
        assert_eq!(error, "writing the report: the disk is on fire");
    }

    #[test]
    fn an_error_may_call_for_a_backoff_of_its_own() {
        let moment = Backoff::between(Duration::from_millis(5), Duration::from_millis(50));
        let Failure::Retry { again, .. } = Failure::retry("locked").with_backoff(moment) else { panic!("not a retry") };
        assert_eq!(again, Again::By(moment));
        assert!(matches!(Failure::dead("gone").with_backoff(moment), Failure::Dead { .. }));
    }

    #[test]
    fn a_missing_subject_is_dead_with_a_reason() {
        let Err(Failure::Dead { reason }) = None::<()>.or_dead("the account is gone") else {
            panic!("not dead");
        };
        assert_eq!(reason, "the account is gone");
    }
}
