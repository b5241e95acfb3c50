//! One schedule: when it ticks, and what a tick enqueues.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use queue::{Job, JobId};
use uuid::Uuid;

use crate::{
    calendar::Calendar,
    expression::{Expression, ExpressionError},
    settle::{CatchUp, LONGEST_WITHIN, ON_TIME, span},
};

/// Jitter spreads what is due at one moment; more than this is another time.
pub const LONGEST_JITTER: Duration = Duration::from_secs(3_600);

/// A name, a time, and a job.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// As it stands in `faena.schedules`.
    pub name: String,
    /// When.
    pub calendar: Calendar,
    /// What happens to missed ticks.
    pub catch_up: CatchUp,
    /// A tick's job may run this much later, each tick by a share of its own that all workers agree on.
    pub jitter: Duration,
    /// The kind of job.
    pub job: String,
    /// Its arguments, as JSON.
    pub args: String,
}

impl Schedule {
    /// A schedule of the program's own, which enqueues `job` at each tick.
    ///
    /// # Panics
    /// It makes no sense: a mistake in the program, found when it starts.
    #[must_use]
    pub fn new<J: Job>(name: &str, expression: &str, zone: Tz, catch_up: CatchUp, job: J) -> Self {
        let read = Expression::parse(expression);
        let expression = read.unwrap_or_else(|error| panic!("the schedule {name} cannot be read: {expression:?}: {error}"));
        assert!(is_name(name), "{name:?} cannot name a schedule: use at most 63 lower-case letters, digits and underscores");
        if let Some(within) = catch_up.within() {
            let bounds = ON_TIME..=LONGEST_WITHIN;
            assert!(bounds.contains(&within), "the schedule {name} catches up {}; 30s to 31d are possible", span(within));
        }
        let args = serde_json::to_string(&job).unwrap_or_else(|error| panic!("the job of the schedule {name}: {error}"));
        Self {
            name: name.to_owned(),
            calendar: Calendar { expression, zone },
            catch_up,
            jitter: Duration::ZERO,
            job: J::NAME.to_owned(),
            args,
        }
    }

    /// The same schedule, whose jobs may run up to `jitter` later.
    ///
    /// # Panics
    /// That is more than an hour.
    #[must_use]
    pub fn with_jitter(self, jitter: Duration) -> Self {
        assert!(jitter <= LONGEST_JITTER, "the schedule {} has a jitter of {}; up to 1h are possible", self.name, span(jitter));
        Self { jitter, ..self }
    }
}

/// Whether that can name a schedule: as jobs are named.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The id of a tick's job (UUIDv5 of schedule and instant): whoever fires it enqueues the same job.
#[must_use]
pub fn job_id(schedule: &str, tick: DateTime<Utc>) -> JobId {
    JobId(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("faena/{schedule}/{}", tick.timestamp()).as_bytes()))
}

/// When a tick's job may run: the tick's own instant and a share of the jitter, which the tick's identity decides.
pub(crate) fn run_at(schedule: &str, tick: DateTime<Utc>, jitter: Duration) -> Option<DateTime<Utc>> {
    let jitter_ms = u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX);
    let (share, _) = job_id(schedule, tick).0.as_u64_pair();
    (jitter_ms > 0).then(|| tick + TimeDelta::milliseconds((share % (jitter_ms + 1)).cast_signed()))
}

/// Why a text is no schedule.
pub(crate) fn read_calendar(expression: &str, zone: &str) -> Result<Calendar, Unreadable> {
    Ok(Calendar { expression: Expression::parse(expression)?, zone: zone.parse().map_err(|_| Unreadable::Zone)? })
}

/// What of a calendar cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the expression: {0}")]
    Expression(#[from] ExpressionError),
    #[error("there is no such time zone")]
    Zone,
}

#[cfg(test)]
mod tests {
    use jobs::housekeeping::sweep_sessions::SweepSessions;

    use super::*;

    #[test]
    fn every_worker_gives_a_tick_the_same_job_and_the_same_share_of_the_jitter() {
        let ticks = (0..200).map(|n| DateTime::UNIX_EPOCH + TimeDelta::minutes(n));
        let jitter = Duration::from_secs(60);
        let shares: Vec<TimeDelta> = ticks.clone().filter_map(|tick| Some(run_at("a", tick, jitter)? - tick)).collect();
        assert!(shares.iter().all(|share| (TimeDelta::zero()..=TimeDelta::seconds(60)).contains(share)));
        assert!(
            shares.iter().any(|share| *share < TimeDelta::seconds(10))
                && shares.iter().any(|share| *share > TimeDelta::seconds(50))
        );
        assert_eq!(shares, ticks.clone().filter_map(|tick| Some(run_at("a", tick, jitter)? - tick)).collect::<Vec<_>>());
        let ids: std::collections::BTreeSet<JobId> = ticks.flat_map(|tick| [job_id("a", tick), job_id("b", tick)]).collect();
        assert_eq!(ids.len(), 400);
        assert_eq!(run_at("a", DateTime::UNIX_EPOCH, Duration::ZERO), None);
    }

    #[test]
    #[should_panic(expected = "the schedule wrong cannot be read: \"61 * * * *\": the minute \"61\" cannot be read")]
    fn an_expression_that_cannot_be_read_stops_the_program() {
        let _ = Schedule::new("wrong", "61 * * * *", Tz::UTC, CatchUp::Skip, SweepSessions::default());
    }

    #[test]
    #[should_panic(expected = "the schedule long catches up 40d; 30s to 31d are possible")]
    fn a_bound_that_is_none_stops_the_program() {
        let within = Duration::from_secs(40 * 86_400);
        let _ = Schedule::new("long", "0 3 * * *", Tz::UTC, CatchUp::All { within }, SweepSessions::default());
    }
}
