//! Draws faults from a seed: the same seed draws the same faults.

use std::{fmt, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::world::Staff;

/// How many worker processes a world keeps running.
pub(crate) const SLOTS: usize = 3;
/// How many faults strike in one episode.
pub(crate) const PER_EPISODE: usize = 20;

/// What an operator pauses: lanes, or else kinds of jobs.
const PAUSABLE: [&str; 4] = ["critical", "low/ferry", "carry", "queued"];

/// Where something foreign is put, beside the lane that each staff has of its own, under names under which nothing may stand just now.
const LANES: [&str; 3] = ["critical", "default", "low"];
const OFTEN_EMPTY: [&str; 7] = ["scheduled", "retryable", "parked", "cancels", "gone", "unique", "ready"];

/// Which of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Redis,
    Postgres,
}

/// One thing that goes wrong. `slot` says which worker it happens to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// SIGKILL.
    Kill { slot: usize },
    /// SIGSTOP for longer than a lease, then SIGCONT.
    Freeze { slot: usize, ms: u64 },
    /// SIGTERM.
    Terminate { slot: usize },
    /// Every worker is replaced by one of the other binary, started first.
    Deploy,
    /// The process dies when it passes this point for the nth time.
    Crash { slot: usize, point: String, nth: u32 },
    /// No more memory for a worker.
    Starve { slot: usize },
    /// Redis is killed and started again on its data.
    RedisKilled { down_ms: u64 },
    /// Redis is killed and starts without the last bytes it wrote.
    RedisTorn { down_ms: u64, bytes: u64 },
    /// FLUSHALL.
    RedisFlushed,
    /// Redis is killed and starts empty.
    RedisWiped { down_ms: u64 },
    /// Redis stands still, for up to longer than a lease: stopped by a signal, or paused by command.
    RedisPaused { ms: u64, by_signal: bool },
    /// Under one of our names Redis holds something foreign.
    Foreign { key: String, ms: u64 },
    /// Redis is at its memory limit while Postgres is down.
    RedisFull { ms: u64 },
    /// Postgres crashes and recovers.
    PostgresCrashed { down_ms: u64 },
    /// Postgres is shut down and started again.
    PostgresStopped { down_ms: u64 },
    /// The disk of the ledger is full.
    LedgerFull { ms: u64 },
    /// An operator pauses something, and resumes it.
    Pause { what: &'static str, ms: u64 },
    /// Every connection is reset.
    Reset { store: Store },
    /// Every open connection goes silent in both directions.
    HalfOpen { store: Store },
    /// Every answer takes its time.
    Slow { store: Store, latency_ms: u64, ms: u64 },
    /// Connections carry few bytes.
    Narrow { store: Store, bytes_per_second: u64, ms: u64 },
}

/// A fault, and how long after the one before it strikes.
#[derive(Debug, Clone)]
pub(crate) struct Strike {
    pub(crate) after: Duration,
    pub(crate) fault: Fault,
}

/// What befalls one load.
#[derive(Debug)]
pub(crate) struct Episode {
    /// Whether Redis may lose data in it: only then may a direct push be lost.
    pub(crate) harsh: bool,
    pub(crate) strikes: Vec<Strike>,
}

/// Passed for what came too late to somebody, where batches end, and where operators command: not by the two businesses, and seldom by the others.
const SELDOM: [&str; 3] = ["expiry.ended", "batch.ended", "commands.carried_out"];

/// Draws episode after episode.
#[derive(Debug)]
pub(crate) struct Plan {
    rng: StdRng,
    lanes: Vec<&'static str>,
    drawn: usize,
    points: Vec<String>,
    /// Crash points still to be drawn before they are shuffled anew: each is killed in turn.
    decks: [Vec<String>; 2],
}

impl Plan {
    /// `stream` tells the plans of one seed apart.
    pub(crate) fn new(seed: u64, stream: u64, staff: Staff, points: &[String]) -> Self {
        let rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(stream));
        let passed = |point: &&String| staff == Staff::Strain || !is_seldom(point);
        Self {
            rng,
            lanes: LANES.into_iter().chain([staff.own_lane()]).collect(),
            drawn: usize::try_from(stream % 2).unwrap_or(0),
            points: points.iter().filter(passed).cloned().collect(),
            decks: [Vec::new(), Vec::new()],
        }
    }

    /// The next episode; mild and harsh ones alternate. The crash points `first` are the next in turn: those at which nobody died yet when a run
    /// could end but for them.
    pub(crate) fn draw(&mut self, first: &[String]) -> Episode {
        let harsh = self.drawn % 2 == 1;
        let (points, deck) = (&self.points, &mut self.decks[usize::from(harsh)]);
        deck.extend(first.iter().filter(|point| points.contains(point) && (harsh || !needs_loss(point))).cloned());
        self.drawn += 1;
        let mut strikes = Vec::with_capacity(PER_EPISODE);
        let mut silenced = 0;
        while strikes.len() < PER_EPISODE {
            let fault = self.draw_fault(harsh);
            // Connections that lie silent take up room in Postgres.
            if matches!(fault, Fault::HalfOpen { .. }) {
                silenced += 1;
                if silenced > 2 {
                    continue;
                }
            }
            let after = Duration::from_millis(self.rng.random_range(100..1100));
            strikes.push(Strike { after, fault });
        }
        Episode { harsh, strikes }
    }

    fn draw_fault(&mut self, harsh: bool) -> Fault {
        let slot = self.rng.random_range(0..SLOTS);
        let store = if self.rng.random() { Store::Redis } else { Store::Postgres };
        let down_ms = self.rng.random_range(100..2500);
        match self.rng.random_range(0..if harsh { 100 } else { 88 }) {
            0..15 => Fault::Kill { slot },
            15..23 => Fault::Freeze { slot, ms: self.rng.random_range(4500..6500) },
            23..28 => Fault::Terminate { slot },
            28..31 => Fault::Deploy,
            31..54 => {
                let point = self.draw_point(harsh);
                Fault::Crash { slot, nth: nth(&mut self.rng, &point), point }
            }
            54..57 => Fault::Starve { slot },
            57..60 => Fault::RedisPaused { ms: self.rng.random_range(1800..5200), by_signal: self.rng.random() },
            60..61 => {
                let lane = self.lanes[self.rng.random_range(0..self.lanes.len())];
                let name = OFTEN_EMPTY[self.rng.random_range(0..OFTEN_EMPTY.len())];
                Fault::Foreign { key: format!("{{{lane}}}:{name}"), ms: self.rng.random_range(500..3000) }
            }
            61..64 => Fault::RedisFull { ms: self.rng.random_range(1500..3500) },
            64..68 => Fault::PostgresCrashed { down_ms },
            68..70 => Fault::PostgresStopped { down_ms },
            70..74 => Fault::LedgerFull { ms: self.rng.random_range(1500..4000) },
            74..76 => {
                let what = PAUSABLE[self.rng.random_range(0..PAUSABLE.len())];
                Fault::Pause { what, ms: self.rng.random_range(500..3000) }
            }
            76..79 => Fault::Reset { store },
            79..82 => Fault::HalfOpen { store },
            82..85 => Fault::Slow { store, latency_ms: self.rng.random_range(20..200), ms: self.rng.random_range(1500..4000) },
            85..88 => Fault::Narrow {
                store,
                bytes_per_second: self.rng.random_range(4_000..60_000),
                ms: self.rng.random_range(1500..4000),
            },
            88..91 => Fault::RedisKilled { down_ms },
            91..94 => Fault::RedisTorn { down_ms, bytes: self.rng.random_range(1..60_000) },
            94..97 => Fault::RedisFlushed,
            _ => Fault::RedisWiped { down_ms },
        }
    }

    /// What reconcile does after a loss can only be met where there are losses.
    fn draw_point(&mut self, harsh: bool) -> String {
        let deck = &mut self.decks[usize::from(harsh)];
        if deck.is_empty() {
            *deck = self.points.iter().filter(|point| harsh || !needs_loss(point)).cloned().collect();
            deck.shuffle(&mut self.rng);
            // What only harsh episodes can do, they do first.
            deck.sort_by_key(|point| needs_loss(point));
        }
        deck.pop().expect("a deck of crash points")
    }
}

/// Whether this point is only passed after Redis has lost something.
pub(crate) fn needs_loss(point: &str) -> bool {
    ["reconcile.", "mend.", "epoch."].iter().any(|of_a_loss| point.starts_with(of_a_loss))
}

/// Whether workers pass this point so seldom that it matters who does.
pub(crate) fn is_seldom(point: &str) -> bool {
    SELDOM.contains(&point)
}

fn nth(rng: &mut StdRng, point: &str) -> u32 {
    match point {
        // Passed four times a second by each queue, whatever happens.
        "promote.begun" => rng.random_range(2..12),
        point if needs_loss(point) || is_seldom(point) => 1,
        _ => rng.random_range(1..4),
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "Redis",
            Self::Postgres => "Postgres",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill { slot } => write!(f, "SIGKILL worker {slot}"),
            Self::Freeze { slot, ms } => write!(f, "SIGSTOP worker {slot} for {ms} ms"),
            Self::Terminate { slot } => write!(f, "SIGTERM worker {slot}"),
            Self::Deploy => write!(f, "deploy the other binary"),
            Self::Crash { slot, point, nth } => write!(f, "worker {slot} dies at {point}, time {nth}"),
            Self::Starve { slot } => write!(f, "no more memory for worker {slot}"),
            Self::RedisKilled { down_ms } => write!(f, "Redis killed, back in {down_ms} ms"),
            Self::RedisTorn { down_ms, bytes } => write!(f, "Redis killed, back in {down_ms} ms without its last {bytes} bytes"),
            Self::RedisFlushed => write!(f, "FLUSHALL"),
            Self::RedisWiped { down_ms } => write!(f, "Redis killed, back in {down_ms} ms and empty"),
            Self::RedisPaused { ms, by_signal: true } => write!(f, "Redis stopped for {ms} ms"),
            Self::RedisPaused { ms, .. } => write!(f, "CLIENT PAUSE for {ms} ms"),
            Self::Foreign { key, ms } => write!(f, "something foreign at {key} for {ms} ms"),
            Self::RedisFull { ms } => write!(f, "Redis at maxmemory and Postgres down for {ms} ms"),
            Self::PostgresCrashed { down_ms } => write!(f, "Postgres crashes, back in {down_ms} ms"),
            Self::PostgresStopped { down_ms } => write!(f, "Postgres stops, back in {down_ms} ms"),
            Self::LedgerFull { ms } => write!(f, "the ledger's disk is full for {ms} ms"),
            Self::Pause { what, ms } => write!(f, "{what} is paused for {ms} ms"),
            Self::Reset { store } => write!(f, "connections to {store} reset"),
            Self::HalfOpen { store } => write!(f, "connections to {store} go silent"),
            Self::Slow { store, latency_ms, ms } => write!(f, "{store} answers {latency_ms} ms late for {ms} ms"),
            Self::Narrow { store, bytes_per_second, ms } => write!(f, "{store} at {bytes_per_second} bytes/s for {ms} ms"),
        }
    }
}

impl Fault {
    /// What it is called in tables.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "SIGKILL",
            Self::Freeze { .. } => "SIGSTOP longer than a lease",
            Self::Terminate { .. } => "SIGTERM",
            Self::Deploy => "deploy",
            Self::Crash { .. } => "crash at a named point",
            Self::Starve { .. } => "memory limit",
            Self::RedisKilled { .. } => "Redis killed",
            Self::RedisTorn { .. } => "Redis forgets its last writes",
            Self::RedisFlushed => "Redis flushed",
            Self::RedisWiped { .. } => "Redis wiped",
            Self::RedisPaused { .. } => "Redis stands still for 2 to 5 s",
            Self::Foreign { .. } => "something foreign under one of our keys",
            Self::RedisFull { .. } => "Redis at maxmemory, Postgres down",
            Self::PostgresCrashed { .. } => "Postgres crashed",
            Self::PostgresStopped { .. } => "Postgres stopped",
            Self::LedgerFull { .. } => "the ledger's disk full",
            Self::Pause { .. } => "pause and resume",
            Self::Reset { .. } => "connections reset",
            Self::HalfOpen { .. } => "connections half-open",
            Self::Slow { .. } | Self::Narrow { .. } => "connections slow",
        }
    }

    /// Whether what Redis was told may be lost by it.
    pub(crate) fn loses_redis_data(&self) -> bool {
        matches!(self, Self::RedisKilled { .. } | Self::RedisTorn { .. } | Self::RedisFlushed | Self::RedisWiped { .. })
            || matches!(self, Self::Crash { point, .. } if needs_loss(point))
    }
}
