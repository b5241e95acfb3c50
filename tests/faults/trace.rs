//! What happened in a world, and when.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

/// Kept in memory, told when something was found.
#[derive(Debug)]
pub(crate) struct Trace {
    began: Instant,
    began_at: DateTime<Utc>,
    lines: Mutex<Vec<(Duration, String)>>,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), began_at: Utc::now(), lines: Mutex::default() }
    }

    pub(crate) fn note(&self, line: impl Into<String>) {
        self.lines.lock().expect("the trace's lock").push((self.began.elapsed(), line.into()));
    }

    /// A moment as the trace counts them.
    pub(crate) fn at(&self, moment: DateTime<Utc>) -> String {
        format!("{:9.3}", (moment - self.began_at).as_seconds_f64())
    }

    pub(crate) fn text(&self) -> String {
        let lines = self.lines.lock().expect("the trace's lock");
        lines.iter().map(|(at, line)| format!("  {:9.3} s  {line}\n", at.as_secs_f64())).collect()
    }

    /// How many lines there are of workers that ended though nobody had meant them to.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.lines.lock().expect("the trace's lock").iter().filter(|(_, line)| line.contains(what)).count()
    }
}
