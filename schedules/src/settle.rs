//! What becomes of the ticks that have come due: the whole of the policy, without a clock or a store of its own.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer};

use crate::calendar::{Calendar, Run};

/// A tick is late when a worker that runs would have fired it by now.
pub const ON_TIME: Duration = Duration::from_secs(30);
/// A month: who wants more caught up wants a report, not a schedule.
pub const LONGEST_WITHIN: Duration = Duration::from_secs(31 * 86_400);
/// One step fires no more ticks of a schedule than this.
const MOST_FIRED: usize = 100;

/// What happens to ticks that came due while no worker ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// They are let go.
    Skip,
    /// The latest fires, late; the others are let go.
    Once,
    /// All fire, late, but those that are older than this.
    All {
        /// From [`ON_TIME`] to [`LONGEST_WITHIN`].
        within: Duration,
    },
}

/// Why a tick that was expected did not fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It was late, and [`CatchUp::Skip`] lets late ticks go.
    PolicySkip,
    /// A later one was due as well, and [`CatchUp::Once`] fires the latest.
    PolicyOnce,
    /// It was older than [`CatchUp::All`] catches up.
    PolicyAll,
    /// The schedule was paused.
    Paused,
    /// No worker had fired it when the schedule was paused.
    Unfired,
    /// The schedule was edited before a worker fired it.
    Edited,
    /// The schedule was deleted before a worker fired it.
    Deleted,
    /// Its job could not be enqueued.
    Refused,
}

/// What has been decided about a schedule's ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// These fall out, all for one reason, before any that fires.
    pub missed: Option<(Run, Reason)>,
    /// These fire now, in order.
    pub fired: Vec<DateTime<Utc>>,
    /// Every tick up to here is decided.
    pub settled_to: DateTime<Utc>,
    /// The first that is not; it may be due already, when many fire.
    pub next_at: Option<DateTime<Utc>>,
}

/// Decides about the ticks after `settled_to` that are due at `now`. A `now` that lies before `settled_to` (the clock went back) decides
/// nothing: what was decided stays, and is not decided twice.
#[must_use]
pub fn settle(
    calendar: &Calendar,
    catch_up: CatchUp,
    is_paused: bool,
    settled_to: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Settlement {
    // What is older than this is past catching up.
    let horizon = match catch_up {
        CatchUp::Skip => now - ON_TIME,
        CatchUp::All { within } => now - within,
        CatchUp::Once => calendar.run(settled_to, now).map_or(now, |due| due.last),
    };
    let (missed_to, reason) = match catch_up {
        _ if is_paused => (now, Reason::Paused),
        CatchUp::Skip => (just_before(horizon), Reason::PolicySkip),
        CatchUp::Once => (just_before(horizon), Reason::PolicyOnce),
        CatchUp::All { .. } => (just_before(horizon), Reason::PolicyAll),
    };
    let missed = calendar.run(settled_to, missed_to);
    let open_from = missed.map_or(settled_to, |run| run.last);
    let due = calendar.ticks(open_from).take_while(|tick| *tick <= now && !is_paused);
    let fired: Vec<_> = due.take(MOST_FIRED).collect();
    let settled_to = fired.last().copied().unwrap_or(open_from);
    Settlement { missed: missed.map(|run| (run, reason)), fired, settled_to, next_at: calendar.next(settled_to) }
}

fn just_before(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant - TimeDelta::nanoseconds(1)
}

impl Reason {
    /// As it stands in `faena.schedule_ticks`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolicySkip => "policy_skip",
            Self::PolicyOnce => "policy_once",
            Self::PolicyAll => "policy_all",
            Self::Paused => "paused",
            Self::Unfired => "unfired",
            Self::Edited => "edited",
            Self::Deleted => "deleted",
            Self::Refused => "refused",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub const fn say(self) -> &'static str {
        match self {
            Self::PolicySkip => "skipped: it was late, and the policy is skip",
            Self::PolicyOnce => "superseded by a later tick: the policy is once",
            Self::PolicyAll => "older than the bound of the policy all",
            Self::Paused => "the schedule was paused",
            Self::Unfired => "no worker had fired it when the schedule was paused",
            Self::Edited => "the schedule was edited before a worker fired it",
            Self::Deleted => "the schedule was deleted before a worker fired it",
            Self::Refused => "its job was refused",
        }
    }
}

impl FromStr for Reason {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [
            Self::PolicySkip,
            Self::PolicyOnce,
            Self::PolicyAll,
            Self::Paused,
            Self::Unfired,
            Self::Edited,
            Self::Deleted,
            Self::Refused,
        ];
        all.into_iter().find(|reason| reason.as_str() == text).ok_or(())
    }
}

/// A text that names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policies are `skip`, `once` and `all:` with a time from 30 s to 31 d, for example all:6h")]
pub struct NoCatchUp;

impl CatchUp {
    /// Its name in `faena.schedules`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
            Self::All { .. } => "all",
        }
    }

    /// How far back it catches up, where that is bounded.
    #[must_use]
    pub const fn within(self) -> Option<Duration> {
        match self {
            Self::All { within } => Some(within),
            _ => None,
        }
    }

    pub(crate) fn of(name: &str, within: Option<Duration>) -> Result<Self, NoCatchUp> {
        match (name, within) {
            ("skip", None) => Ok(Self::Skip),
            ("once", None) => Ok(Self::Once),
            ("all", Some(within)) if (ON_TIME..=LONGEST_WITHIN).contains(&within) => Ok(Self::All { within }),
            _ => Err(NoCatchUp),
        }
    }
}

/// `skip`, `once`, or `all:6h`.
impl fmt::Display for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        self.within().map_or(Ok(()), |within| write!(f, ":{}", span(within)))
    }
}

impl FromStr for CatchUp {
    type Err = NoCatchUp;

    fn from_str(text: &str) -> Result<Self, NoCatchUp> {
        match text.split_once(':') {
            Some((name, within)) => Self::of(name, Some(read_span(within).ok_or(NoCatchUp)?)),
            None => Self::of(text, None),
        }
    }
}

impl Serialize for CatchUp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A time in its largest whole unit: `90s`, `15m`, `6h`, `2d`.
#[must_use]
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (unit, size) = UNITS.into_iter().find(|(_, size)| seconds > 0 && seconds.is_multiple_of(*size)).unwrap_or(('s', 1));
    format!("{}{unit}", seconds / size)
}

/// Reads what [`span`] writes.
pub(crate) fn read_span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (unit, size) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
    number.checked_mul(size).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::expression::Expression;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn nightly() -> Calendar {
        Calendar { expression: Expression::parse("0 3 * * *").expect("an expression"), zone: Tz::America__Bogota }
    }

    fn run(first: &str, last: &str, count: u64) -> Run {
        Run { first: at(first), last: at(last), count }
    }

    #[test]
    fn a_tick_fires_from_its_very_instant() {
        let settled = |now| settle(&nightly(), CatchUp::Once, false, at("2026-11-20T08:00:00Z"), at(now));
        let early = settled("2026-11-21T07:59:59.999Z");
        assert_eq!((early.fired, early.settled_to), (vec![], at("2026-11-20T08:00:00Z")));
        let due = settled("2026-11-21T08:00:00Z");
        assert_eq!((due.fired, due.next_at), (vec![at("2026-11-21T08:00:00Z")], Some(at("2026-11-22T08:00:00Z"))));
        assert_eq!(due.missed, None);
    }

    #[test]
    fn after_a_long_sleep_each_policy_keeps_its_own() {
        let settled = |catch_up, now| settle(&nightly(), catch_up, false, at("2026-11-01T08:00:00Z"), at(now));

        let once = settled(CatchUp::Once, "2026-11-21T12:00:00Z");
        assert_eq!(once.fired, [at("2026-11-21T08:00:00Z")]);
        assert_eq!(once.missed, Some((run("2026-11-02T08:00:00Z", "2026-11-20T08:00:00Z", 19), Reason::PolicyOnce)));

        let skip = settled(CatchUp::Skip, "2026-11-21T12:00:00Z");
        assert_eq!((skip.fired, skip.settled_to), (vec![], at("2026-11-21T08:00:00Z")));
        assert_eq!(skip.missed, Some((run("2026-11-02T08:00:00Z", "2026-11-21T08:00:00Z", 20), Reason::PolicySkip)));
        assert_eq!(settled(CatchUp::Skip, "2026-11-21T08:00:30Z").fired, [at("2026-11-21T08:00:00Z")], "30 s are on time");

        let all = settled(CatchUp::All { within: Duration::from_secs(2 * 86_400) }, "2026-11-21T12:00:00Z");
        assert_eq!(all.fired, [at("2026-11-20T08:00:00Z"), at("2026-11-21T08:00:00Z")]);
        assert_eq!(all.missed, Some((run("2026-11-02T08:00:00Z", "2026-11-19T08:00:00Z", 18), Reason::PolicyAll)));
    }

    #[test]
    fn what_is_paused_misses_and_a_clock_that_went_back_decides_nothing() {
        let paused = settle(&nightly(), CatchUp::Once, true, at("2026-11-01T08:00:00Z"), at("2026-11-03T08:00:00Z"));
        assert_eq!(paused.missed, Some((run("2026-11-02T08:00:00Z", "2026-11-03T08:00:00Z", 2), Reason::Paused)));
        assert_eq!((paused.fired, paused.settled_to), (vec![], at("2026-11-03T08:00:00Z")));

        let back = settle(&nightly(), CatchUp::Once, false, at("2026-11-21T08:00:00Z"), at("2026-11-20T08:00:00Z"));
        assert_eq!((back.fired, back.missed, back.settled_to), (vec![], None, at("2026-11-21T08:00:00Z")));
    }

    #[test]
    fn a_step_is_bounded_and_a_year_of_minutes_is_one_run() {
        let minutely = Calendar { expression: Expression::parse("* * * * *").expect("an expression"), zone: Tz::UTC };
        let (from, now) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
        let all = settle(&minutely, CatchUp::All { within: LONGEST_WITHIN }, false, from, now);
        assert_eq!((all.fired.len(), all.next_at.map(|next| next <= now)), (100, Some(true)));
        let missed = settle(&minutely, CatchUp::Once, false, from, now).missed.map(|(run, _)| run.count);
        assert_eq!(missed, Some(365 * 24 * 60 - 1));
    }

    #[test]
    fn policies_are_written_as_they_are_read() {
        for text in ["skip", "once", "all:6h", "all:90s", "all:31d"] {
            assert_eq!(text.parse::<CatchUp>().map(|read| read.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "all", "skip:1h", "all:29s", "all:32d", "all:6", "all:-1h", "all:99999999999999999999d", "never"] {
            assert_eq!(text.parse::<CatchUp>(), Err(NoCatchUp), "{text}");
        }
        assert_eq!("all:360m".parse::<CatchUp>().map(|read| read.to_string()), Ok("all:6h".to_owned()));
    }
}
