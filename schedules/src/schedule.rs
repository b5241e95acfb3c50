//! One schedule: when it ticks, and what a tick enqueues.

use std::{fmt, str::FromStr};

use apalis_cron::timezone::Tz;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use queue::{EnqueueError, Enqueued, Job, JobId, Order};
use sqlx::PgConnection;
use uuid::Uuid;

/// What happens to ticks that came due while no worker ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// They are let go.
    Skip,
    /// The latest fires, late; the others are let go.
    Once,
}

/// A tick is late when a worker that runs would have fired it by now.
const ON_TIME: TimeDelta = TimeDelta::seconds(30);

/// A name, a time, and a job.
pub struct Schedule {
    /// As it stands in `faena.schedules`.
    pub name: &'static str,
    /// What happens to missed ticks.
    pub catch_up: CatchUp,
    expression: cron::Schedule,
    time_zone: Tz,
    enqueue: Enqueue,
}

type Enqueue = Box<dyn for<'c> Fn(&'c mut PgConnection, JobId) -> BoxFuture<'c, Result<Enqueued, EnqueueError>> + Send + Sync>;

impl Schedule {
    /// A schedule that enqueues `job` at each tick.
    ///
    /// # Panics
    /// The expression cannot be read.
    pub fn new<J: Job>(
        name: &'static str,
        expression: &'static str,
        time_zone: Tz,
        catch_up: CatchUp,
        job: impl Fn() -> J + Send + Sync + 'static,
    ) -> Self {
        // The parser's first field is seconds.
        let parsed = cron::Schedule::from_str(&format!("0 {expression}"));
        let expression = parsed.unwrap_or_else(|error| panic!("the schedule {name} cannot be read: {expression:?}: {error}"));
        let enqueue: Enqueue = Box::new(move |tx, id| {
            let order = Order::from(job()).with_id(id);
            Box::pin(queue::enqueue(tx, order))
        });
        Self { name, catch_up, expression, time_zone, enqueue }
    }

    /// Which tick fires now, of those after `last` and not after `now`.
    #[must_use]
    pub fn due(&self, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let latest = self.expression.after(&now.with_timezone(&self.time_zone)).next_back()?.to_utc();
        // `after(now)` read backwards leaves out a tick at this very instant.
        let at_once = self.expression.includes(now.with_timezone(&self.time_zone)).then_some(now);
        let latest = at_once.unwrap_or(latest);
        let wanted = latest > last && (self.catch_up == CatchUp::Once || now - latest <= ON_TIME);
        wanted.then_some(latest)
    }

    /// The next tick after `now`.
    #[must_use]
    pub fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.expression.after(&now.with_timezone(&self.time_zone)).next().map(|tick| tick.to_utc())
    }

    /// The id of a tick's job (UUIDv5 of schedule and instant): whoever fires it enqueues the same job.
    #[must_use]
    pub fn job_id(&self, tick: DateTime<Utc>) -> JobId {
        JobId(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("faena/{}/{}", self.name, tick.timestamp()).as_bytes()))
    }

    pub(crate) async fn enqueue(&self, tx: &mut PgConnection, tick: DateTime<Utc>) -> Result<Enqueued, EnqueueError> {
        (self.enqueue)(tx, self.job_id(tick)).await
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} in {}", self.name, self.expression, self.time_zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobs::housekeeping::sweep_sessions::SweepSessions;

    fn nightly(catch_up: CatchUp) -> Schedule {
        Schedule::new("nightly", "0 3 * * *", apalis_cron::timezone::America::Bogota, catch_up, || SweepSessions {})
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn a_tick_fires_from_its_very_instant_in_its_own_time_zone() {
        let (schedule, last) = (nightly(CatchUp::Once), at("2026-11-20T08:00:00Z"));
        assert_eq!(schedule.due(last, at("2026-11-21T07:59:59Z")), None);
        assert_eq!(schedule.due(last, at("2026-11-21T08:00:00Z")), Some(at("2026-11-21T08:00:00Z")));
        assert_eq!(schedule.due(at("2026-11-21T08:00:00Z"), at("2026-11-21T08:00:01Z")), None);
    }

    #[test]
    fn after_a_long_sleep_only_the_latest_tick_fires_and_only_where_that_is_wanted() {
        let (last, now) = (at("2026-11-01T08:00:00Z"), at("2026-11-21T12:00:00Z"));
        assert_eq!(nightly(CatchUp::Once).due(last, now), Some(at("2026-11-21T08:00:00Z")));
        assert_eq!(nightly(CatchUp::Skip).due(last, now), None);
        assert_eq!(nightly(CatchUp::Skip).due(last, at("2026-11-21T08:00:20Z")), Some(at("2026-11-21T08:00:00Z")));
    }

    #[test]
    fn every_worker_gives_a_tick_the_same_job_id() {
        let tick = at("2026-11-21T08:00:00Z");
        assert_eq!(nightly(CatchUp::Once).job_id(tick), nightly(CatchUp::Skip).job_id(tick));
        assert_ne!(nightly(CatchUp::Once).job_id(tick), nightly(CatchUp::Once).job_id(at("2026-11-22T08:00:00Z")));
    }

    #[test]
    #[should_panic(expected = "the schedule wrong cannot be read: \"61 * * * *\"")]
    fn an_expression_that_cannot_be_read_stops_the_program() {
        let _ = Schedule::new("wrong", "61 * * * *", Tz::UTC, CatchUp::Skip, || SweepSessions {});
    }
}
