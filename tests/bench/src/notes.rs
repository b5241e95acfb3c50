//! What a benchmark's job is given and notes: counted in memory, told to the runner through a file at most fifty times a second.
//! Every Rust program of the benchmarks compiles this file, so that all of them do the same work for each job.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

const TELL_EVERY: Duration = Duration::from_millis(20);

/// About a hundred bytes of JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Payload {
    /// Its number: 0, 1, 2 …
    pub(crate) id: u64,
    /// When it was made, on the monotonic clock.
    pub(crate) t: u64,
    /// Ballast.
    pub(crate) pad: String,
}

impl Payload {
    /// A payload made now.
    pub(crate) fn new(id: u64) -> Self {
        Self { id, t: monotonic_ns(), pad: "x".repeat(64) }
    }
}

/// The clock that all processes of a machine share.
pub(crate) fn monotonic_ns() -> u64 {
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap_or(nix::sys::time::TimeSpec::new(0, 0)));
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[derive(Debug)]
enum Scenario {
    /// Does nothing.
    Noop,
    /// Notes when it began.
    Latency(Mutex<Vec<(u64, u64, u64)>>),
    /// Sleeps, then writes its number down.
    Kill9 { sleep: Duration, ids: File },
}

/// One worker process's notes.
#[derive(Debug)]
pub(crate) struct Notes {
    scenario: Scenario,
    out: PathBuf,
    done: AtomicU64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

impl Notes {
    /// Opens the files that the runner reads, and keeps them fresh from a thread of its own.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn open() -> io::Result<Arc<Self>> {
        let out = PathBuf::from(setting("PEERS_OUT").unwrap_or_else(|| ".".to_owned()));
        let scenario = match setting("PEERS_SCENARIO").as_deref() {
            Some("latency") => Scenario::Latency(Mutex::default()),
            Some("kill9") => Scenario::Kill9 {
                sleep: Duration::from_millis(setting("PEERS_SLEEP_MS").and_then(|ms| ms.parse().ok()).unwrap_or(20)),
                ids: OpenOptions::new().create(true).append(true).open(out.join("ids"))?,
            },
            _ => Scenario::Noop,
        };
        let notes =
            Arc::new(Self { scenario, out, done: AtomicU64::new(0), first_ns: AtomicU64::new(0), last_ns: AtomicU64::new(0) });
        let told = File::create(notes.out.join(format!("done.{}", std::process::id())))?;
        let telling = notes.clone();
        std::thread::spawn(move || telling.keep_telling(&told));
        Ok(notes)
    }

    /// The job.
    ///
    /// # Errors
    /// Its number cannot be written down.
    pub(crate) async fn work(&self, id: u64, t: u64) -> io::Result<()> {
        let now = monotonic_ns();
        if self.first_ns.load(Relaxed) == 0 {
            // Whoever is first stays first.
            let _ = self.first_ns.compare_exchange(0, now, Relaxed, Relaxed);
        }
        match &self.scenario {
            Scenario::Noop => Ok(()),
            Scenario::Latency(begun) => {
                begun.lock().unwrap_or_else(PoisonError::into_inner).push((id, t, now));
                Ok(())
            }
            Scenario::Kill9 { sleep, ids } => {
                tokio::time::sleep(*sleep).await;
                // One write: whole lines, however many processes append.
                (&mut &*ids).write_all(format!("{id}\n").as_bytes())
            }
        }
    }

    /// Counts jobs that are over.
    pub(crate) fn finished(&self, jobs: u64) {
        self.done.fetch_add(jobs, Relaxed);
        self.last_ns.store(monotonic_ns(), Relaxed);
    }

    fn keep_telling(&self, told: &File) {
        let mut before = 0;
        loop {
            std::thread::sleep(TELL_EVERY);
            let done = self.done.load(Relaxed);
            // The runner misses what cannot be written, and says so.
            if done != before && self.tell(told, done).is_ok() {
                before = done;
            }
        }
    }

    fn tell(&self, told: &File, done: u64) -> io::Result<()> {
        if let Scenario::Latency(begun) = &self.scenario {
            let begun = std::mem::take(&mut *begun.lock().unwrap_or_else(PoisonError::into_inner));
            let line = |path: &str| {
                OpenOptions::new().create(true).append(true).open(self.out.join(format!("{path}.{}", std::process::id())))
            };
            let latencies: String = begun.iter().map(|(_, t, began)| format!("{}\n", began.saturating_sub(*t))).collect();
            line("latency")?.write_all(latencies.as_bytes())?;
            let starts: String = begun.iter().map(|(id, _, began)| format!("{id} {began}\n")).collect();
            line("starts")?.write_all(starts.as_bytes())?;
        }
        let line = format!("{done} {} {}", self.first_ns.load(Relaxed), self.last_ns.load(Relaxed));
        told.write_all_at(format!("{line:<63}\n").as_bytes(), 0)
    }
}

/// A setting of the runner's; empty is unset.
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
