//! How far a running job has got, as it says itself. It travels with the renewal of its lease, so it costs nothing and is at most a second
//! old.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// A note may have this many characters.
const MAX_NOTE_CHARS: usize = 120;

/// What a job said last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Of [`Progress::total`], so much is done.
    pub done: u64,
    /// 0: nobody knows how much there is.
    pub total: u64,
    /// What it is doing.
    pub note: String,
}

impl Progress {
    /// As it stands at the end of a running job's mark: `done/total note`.
    pub(crate) fn to_text(&self) -> String {
        format!("{}/{} {}", self.done, self.total, self.note)
    }

    /// Reads what [`Progress::to_text`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (numbers, note) = text.split_once(' ').unwrap_or((text, ""));
        let (done, total) = numbers.split_once('/')?;
        Some(Self { done: done.parse().ok()?, total: total.parse().ok()?, note: note.to_owned() })
    }

    /// Parts in a hundred, if it is known how much there is.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        let percent = u128::from(self.done) * 100 / u128::from(self.total).max(1);
        (self.total > 0).then(|| u64::try_from(percent.min(100)).unwrap_or(100))
    }

    /// Whether this says less than `other`: of equal or unknown totals the counts decide, of others the parts.
    fn is_behind(&self, other: &Self) -> bool {
        if self.total == other.total || self.total == 0 || other.total == 0 {
            return self.done < other.done;
        }
        u128::from(self.done) * u128::from(other.total) < u128::from(other.done) * u128::from(self.total)
    }
}

/// Shared by an attempt, which reports, and the keeper of its lease, which tells.
#[derive(Debug, Default)]
pub(crate) struct Reported(Mutex<Latest>);

#[derive(Debug, Default)]
struct Latest {
    progress: Option<Progress>,
    is_news: bool,
}

impl Reported {
    /// Takes a report. One that would go back is not believed: counts only rise within an attempt.
    pub(crate) fn report(&self, done: u64, total: u64, note: &str) {
        let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_NOTE_CHARS).collect();
        let progress = Progress { done, total, note };
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.progress.as_ref().is_some_and(|before| progress.is_behind(before) || progress == *before) {
            return;
        }
        *latest = Latest { progress: Some(progress), is_news: true };
    }

    /// What has been reported since it was last taken.
    pub(crate) fn take_news(&self) -> Option<String> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(&mut latest.is_news) {
            return None;
        }
        latest.progress.as_ref().map(Progress::to_text)
    }

    /// What was taken did not arrive.
    pub(crate) fn tell_again(&self) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.is_news = latest.progress.is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_rise_and_only_news_is_told() {
        let reported = Reported::default();
        assert_eq!(reported.take_news(), None);
        reported.report(2, 10, "cutting\nthe film");
        reported.report(1, 10, "going back");
        assert_eq!(reported.take_news().as_deref(), Some("2/10 cutting the film"));
        reported.report(2, 10, "cutting\nthe film");
        assert_eq!(reported.take_news(), None);
        reported.report(4, 40, "half as far of four times as much");
        assert_eq!(reported.take_news(), None);
        reported.report(8, 40, "as far");
        reported.tell_again();
        assert_eq!(reported.take_news().as_deref(), Some("8/40 as far"));
    }

    #[test]
    fn a_report_reads_as_it_is_written() {
        for (done, total, note) in [(3, 10, "página 3"), (7, 0, ""), (u64::MAX, u64::MAX, "a / b 1/2")] {
            let progress = Progress { done, total, note: note.to_owned() };
            assert_eq!(Progress::parse(&progress.to_text()), Some(progress));
        }
        assert_eq!(Progress::parse("nonsense"), None);
        assert_eq!(Progress { done: 1, total: 3, ..Progress::default() }.percent(), Some(33));
        assert_eq!(Progress { done: 1, ..Progress::default() }.percent(), None);
    }
}
