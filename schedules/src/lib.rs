//! When work happens: one line a schedule.

mod schedule;
mod ticker;

pub use schedule::{CatchUp, Schedule};
pub use ticker::tick;

use apalis_cron::timezone::America::Bogota;
/// A time zone of the IANA database.
pub use apalis_cron::timezone::Tz;
use jobs::housekeeping::sweep_sessions::SweepSessions;

/// Where the business is: its nights and mornings.
const HOME: Tz = Bogota;

/// Every schedule there is. An expression has five fields: minute, hour, day of the month, month, day of the week.
///
/// # Panics
/// An expression cannot be read: a mistake in this list, found when the program starts.
#[must_use]
pub fn schedules() -> Vec<Schedule> {
    vec![Schedule::new("sweep_sessions", "0 3 * * *", HOME, CatchUp::Once, || SweepSessions {})]
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_schedule_can_be_read_and_has_a_name_of_its_own() {
        let mut names: Vec<_> = super::schedules().iter().map(|schedule| schedule.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
