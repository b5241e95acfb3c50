//! Lanes: parts of a queue with slots of their own, so that work of one sort (long videos) never stands in the way of the rest.

use std::{
    collections::BTreeSet,
    fmt,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::job::{Queue, UnknownQueue};

/// Where a job waits: a queue's own lane (`low`), or a named one (`low/videos`). A lane is what lies under one hash tag in Redis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    queue: Queue,
    /// Empty: the queue's own lane.
    name: &'static str,
    text: &'static str,
}

/// Names read from outside are kept for as long as the process lives: nobody may fill its memory with them.
const MAX_NAMES: usize = 256;

impl Lane {
    /// The lanes that every installation has: the queues' own, most urgent first.
    pub const OWN: [Self; 3] = [Self::of(Queue::Critical), Self::of(Queue::Default), Self::of(Queue::Low)];

    /// A queue's own lane.
    #[must_use]
    pub const fn of(queue: Queue) -> Self {
        Self { queue, name: "", text: queue.as_str() }
    }

    /// The queue it is a part of.
    #[must_use]
    pub const fn queue(self) -> Queue {
        self.queue
    }

    /// Whether it is a queue's own lane.
    #[must_use]
    pub const fn is_own(self) -> bool {
        self.name.is_empty()
    }

    /// Its name in Redis, Postgres, metrics and pages: `low`, `low/videos`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.text
    }
}

impl From<Queue> for Lane {
    fn from(queue: Queue) -> Self {
        Self::of(queue)
    }
}

/// A text that names no lane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownLane {
    /// What stands before the slash is no queue.
    #[error(transparent)]
    Queue(#[from] UnknownQueue),
    /// What stands behind the slash cannot name a lane.
    #[error("{0:?} cannot name a lane: use at most 32 lower-case letters, digits and underscores")]
    Name(String),
    /// This process has heard of more lanes than any installation has.
    #[error("there are too many lanes already")]
    TooMany,
}

impl FromStr for Lane {
    type Err = UnknownLane;

    fn from_str(text: &str) -> Result<Self, UnknownLane> {
        static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let Some((queue, name)) = text.split_once('/') else { return Ok(Self::of(text.parse()?)) };
        let queue: Queue = queue.parse()?;
        let well_named =
            (1..=32).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
        if !well_named {
            return Err(UnknownLane::Name(name.to_owned()));
        }
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        let text = match names.get(text) {
            Some(known) => known,
            None if names.len() >= MAX_NAMES => return Err(UnknownLane::TooMany),
            None => {
                let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
                names.insert(kept);
                kept
            }
        };
        Ok(Self { queue, name: text.split_once('/').map_or("", |(_, name)| name), text })
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text)
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text)
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_reads_as_it_is_written() {
        for text in ["critical", "default", "low", "low/videos", "default/provider_2"] {
            assert_eq!(text.parse::<Lane>().unwrap().to_string(), text);
        }
        assert_eq!("low/videos".parse::<Lane>().unwrap().queue(), Queue::Low);
        assert!("low".parse::<Lane>().unwrap().is_own() && !"low/videos".parse::<Lane>().unwrap().is_own());
    }

    #[test]
    fn a_text_that_names_no_lane_says_why() {
        let why = |text: &str| text.parse::<Lane>().unwrap_err().to_string();
        assert!(why("lowest").contains("no queue is named \"lowest\""));
        assert!(why("low/").contains("\"\" cannot name a lane"));
        assert!(why("low/{x}:job").contains("cannot name a lane"));
    }

    #[test]
    fn lanes_of_an_urgent_queue_come_first() {
        let mut lanes: Vec<Lane> = ["low/a", "low", "default/z", "critical"].map(|text| text.parse().unwrap()).to_vec();
        lanes.sort();
        assert_eq!(format!("{lanes:?}"), "[critical, default/z, low, low/a]");
    }
}
