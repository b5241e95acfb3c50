//! The harness's own record: which jobs it was promised, by whom, and when. Faena's tables are judged by it.

use std::{
    collections::BTreeSet,
    ops::RangeInclusive,
    sync::{Mutex, MutexGuard},
};

use chrono::{DateTime, TimeDelta, Utc};
use queue::{JobId, Lane};

/// Redis's own durability is a second; a push acknowledged this long before a loss may be in it.
const LOSS_WINDOW: TimeDelta = TimeDelta::seconds(1);

/// How a job was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Outbox,
    Direct,
}

/// What the harness knows of the hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Nobody has answered yet, or the answer was lost: the job may exist.
    Unknown,
    /// The commit or the push was acknowledged.
    Acknowledged(DateTime<Utc>),
    /// The transaction was rolled back: the job must not exist.
    Withdrawn,
}

/// How a job has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Completed,
    Dead,
    /// Completed, or cancelled without its effect: its time was over, or somebody did not want it any more.
    CompletedOrCancelled,
    /// It met this job, which does what it asks for.
    DuplicateOf(JobId),
}

/// What an operator wants of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// That it runs again, after its death.
    Retry,
    /// That the ledger forgets it, after its end.
    Delete,
    /// That it does its work under another number: [`CHANGED`] more.
    Edit,
}

/// How much is added to the number of a job that is changed.
pub(crate) const CHANGED: i64 = 1_000_000_000;

/// A wish that was granted; or perhaps: its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) wish: Wish,
    pub(crate) is_certain: bool,
}

/// One job that was handed over, or meant to be.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: JobId,
    pub(crate) n: i64,
    /// What the load calls it.
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) lane: Lane,
    pub(crate) way: Way,
    /// What it is unique by, if it is: of those with the same, one is wanted at a time.
    pub(crate) unique_by: Option<u8>,
    pub(crate) fate: Fate,
    /// How many effects it has in Postgres, each of which must happen once.
    pub(crate) effects: i64,
    pub(crate) word: Word,
    /// It was pushed again after its end may have been in the ledger: then it may end twice.
    pub(crate) may_end_twice: bool,
    /// It is of a batch, which this job follows.
    pub(crate) before: Option<JobId>,
    /// What an operator wanted, if that was not refused.
    pub(crate) granted: Option<Granted>,
}

impl Entry {
    /// Whether this was granted; `None`: it was not.
    fn certainty_of(&self, wish: Wish) -> Option<bool> {
        self.granted.filter(|granted| granted.wish == wish).map(|granted| granted.is_certain)
    }

    /// Under which numbers it may do its work. Of an edit that was granted the old one is not among them. (A push that a dying relay sent may come later
    /// than an edit, and bring what was before: nothing is edited sooner than two seconds after it was promised, when no push is under way any more.)
    pub(crate) fn numbers(&self) -> Vec<i64> {
        match self.certainty_of(Wish::Edit) {
            None => vec![self.n],
            Some(false) => vec![self.n, self.n + CHANGED],
            Some(true) => vec![self.n + CHANGED],
        }
    }

    /// How many lives it may have had, each of one attempt; `None`: nobody counts them.
    pub(crate) fn lives(&self) -> Option<RangeInclusive<i32>> {
        self.certainty_of(Wish::Retry).map(|is_certain| if is_certain { 2..=2 } else { 1..=2 })
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.certainty_of(Wish::Delete) == Some(true)
    }

    pub(crate) fn may_be_deleted(&self) -> bool {
        self.certainty_of(Wish::Delete).is_some()
    }
}

/// All of one world's jobs.
#[derive(Debug, Default)]
pub(crate) struct Record {
    entries: Mutex<Vec<Entry>>,
    losses: Mutex<Vec<(DateTime<Utc>, DateTime<Utc>)>>,
}

impl Record {
    /// Notes a job before it is handed over; answers its number.
    pub(crate) fn intend(&self, mut entry: Entry) -> i64 {
        let mut entries = self.entries();
        entry.n = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        entries.push(entry);
        i64::try_from(entries.len()).unwrap_or(i64::MAX) - 1
    }

    pub(crate) fn heard(&self, numbers: &[i64], word: Word) {
        let mut entries = self.entries();
        for n in numbers {
            if let Some(entry) = usize::try_from(*n).ok().and_then(|n| entries.get_mut(n)) {
                entry.word = word;
            }
        }
    }

    /// Notes what the enqueue answered: another job does what this one asks for, and it must not run.
    pub(crate) fn met(&self, n: i64, holder: Option<JobId>) {
        let mut entries = self.entries();
        if let (Some(holder), Some(entry)) = (holder, usize::try_from(n).ok().and_then(|n| entries.get_mut(n))) {
            (entry.fate, entry.effects) = (Fate::DuplicateOf(holder), 0);
        }
    }

    pub(crate) fn word(&self, n: i64) -> Option<Word> {
        usize::try_from(n).ok().and_then(|n| self.entries().get(n).map(|entry| entry.word))
    }

    pub(crate) fn may_end_twice(&self, n: i64) {
        for entry in self.entries().iter_mut().filter(|entry| entry.n == n) {
            entry.may_end_twice = true;
        }
    }

    /// Notes whether an operator's wish was granted.
    pub(crate) fn granted(&self, n: i64, granted: Option<Granted>) {
        for entry in self.entries().iter_mut().filter(|entry| entry.n == n) {
            entry.granted = granted;
        }
    }

    /// Redis lost data at some moment between these.
    pub(crate) fn lost_data(&self, from: DateTime<Utc>, to: DateTime<Utc>) {
        self.losses.lock().expect("the record's lock").push((from, to));
    }

    pub(crate) fn snapshot(&self) -> Vec<Entry> {
        self.entries().clone()
    }

    /// How many acknowledged jobs from `first` on have to have an effect that nobody has seen yet.
    pub(crate) fn outstanding(&self, first: i64, seen: &BTreeSet<i64>) -> i64 {
        let due = |entry: &&Entry| {
            entry.fate == Fate::Completed
                && entry.effects > 0
                && matches!(entry.word, Word::Acknowledged(_))
                // Its effect may have another number.
                && entry.certainty_of(Wish::Edit).is_none()
                && !seen.contains(&entry.n)
        };
        let entries = self.entries();
        let recent = entries.iter().skip(usize::try_from(first).unwrap_or(0));
        i64::try_from(recent.filter(due).count()).unwrap_or(i64::MAX)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> i64 {
        i64::try_from(self.entries().len()).unwrap_or(i64::MAX)
    }

    /// Whether what Redis knew of this job may have been lost.
    pub(crate) fn excuses(&self, entry: &Entry) -> bool {
        let losses = self.losses.lock().expect("the record's lock");
        match entry.word {
            Word::Acknowledged(at) => losses.iter().any(|(_, to)| at - LOSS_WINDOW <= *to),
            Word::Unknown | Word::Withdrawn => true,
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().expect("the record's lock")
    }
}
