//! Which jobs this process has begun, kept where a supervisor can read it after the process's death: only a job whose start was
//! recorded, in a process that is known to have died, is counted a crash.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{envelope::Delivery, lane::Lane};

/// One record: "lane fence id", padded with spaces and ended by a line feed; blank when the place is free.
const RECORD_BYTES: usize = 128;

/// The jobs that a process is running. Written on every start and end, so it is a file's page in memory, not the disk's.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: File,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    free: Vec<u64>,
    made: u64,
}

/// A job that was running when its process died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Where it waited.
    pub lane: Lane,
    /// Which claim.
    pub fence: i64,
    /// Which job.
    pub id: String,
}

impl Journal {
    /// Begins an empty journal at `path`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
        Ok(Self(Arc::new(Inner { file, places: Mutex::default() })))
    }

    /// What a dead process was running.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(path: &Path) -> io::Result<Vec<Started>> {
        let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
        Ok(text.lines().filter_map(Started::parse).collect())
    }

    /// Notes that a job begins; the note is taken back when the entry is dropped. A note that cannot be written is not: the job runs
    /// all the same, and its crash would not be counted.
    pub(crate) fn enter(&self, delivery: &Delivery) -> Entry {
        let place = {
            let mut places = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.free.pop().unwrap_or_else(|| {
                places.made += 1;
                places.made - 1
            })
        };
        self.write(place, &format!("{} {} {}", delivery.lane, delivery.lease.fence, delivery.id));
        Entry { journal: self.clone(), place }
    }

    fn write(&self, place: u64, text: &str) {
        let mut record = [b' '; RECORD_BYTES];
        record[RECORD_BYTES - 1] = b'\n';
        if text.len() < RECORD_BYTES {
            record[..text.len()].copy_from_slice(text.as_bytes());
        }
        let _ = self.0.file.write_all_at(&record, place * RECORD_BYTES as u64);
    }
}

impl Started {
    fn parse(record: &str) -> Option<Self> {
        let mut words = record.split_ascii_whitespace();
        let (lane, fence, id) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.to_owned());
        Some(Self { lane, fence, id })
    }
}

/// A running job's note in the journal.
#[derive(Debug)]
pub(crate) struct Entry {
    journal: Journal,
    place: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.journal.write(self.place, "");
        self.journal.0.places.lock().unwrap_or_else(PoisonError::into_inner).free.push(self.place);
    }
}
