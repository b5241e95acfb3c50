//! Time as a calendar counts it: only while somebody is at work, by the clock of a zone, on days when that clock is changed too.
//!
//! An instant counts when the clock shows a time within the hours of that weekday, and the day is no holiday. So an hour that the clock leaps over
//! is worked by nobody, one that it shows twice is worked twice, and what is counted is real time: an eight-hour night on which the clock is set
//! back has nine hours.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _, Utc, Weekday};
use chrono_tz::Tz;

/// A calendar that is closed for longer than this never opens.
const LONGEST_CLOSURE_DAYS: u32 = 366;
const DAY: TimeDelta = TimeDelta::days(1);
const MINUTES_A_DAY: u16 = 24 * 60;

/// Hours of a weekday. What goes past midnight is two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// The day.
    pub weekday: Weekday,
    /// Minute of the day at which they begin, as the clock shows it: 0 to 1439.
    pub opens: u16,
    /// Minute of the day at which they are over: up to 1440.
    pub closes: u16,
}

impl Hours {
    /// Those of a weekday by its number (ISO 8601: 1 is Monday), if there is one.
    #[must_use]
    pub fn on(day: i16, opens: u16, closes: u16) -> Option<Self> {
        let weekday = Weekday::try_from(u8::try_from(day - 1).ok()?).ok()?;
        Some(Self { weekday, opens, closes })
    }

    /// The weekday's number.
    #[must_use]
    pub fn day(&self) -> u8 {
        self.weekday.num_days_from_monday() as u8 + 1
    }
}

/// When somebody is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessTime {
    zone: Tz,
    week: Week,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Week {
    /// Day and night, holidays too.
    Always,
    /// Hours by weekday (Monday first), in order.
    Hours { days: [Vec<(u16, u16)>; 7], holidays: BTreeSet<NaiveDate> },
}

/// Why hours are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HoursProblem {
    /// They end before they begin, or outside of a day.
    #[error("the hours of {0} do not begin and end within the day")]
    NotOfADay(Weekday),
    /// Two of a day have minutes in common.
    #[error("two of the hours of {0} overlap")]
    Overlap(Weekday),
}

/// Nobody is at work for a year: no deadline can be counted by such a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the calendar has no open hour within {LONGEST_CLOSURE_DAYS} days")]
pub struct NeverOpen;

impl BusinessTime {
    /// Day and night, all year.
    #[must_use]
    pub fn always(zone: Tz) -> Self {
        Self { zone, week: Week::Always }
    }

    /// These hours, but on holidays.
    ///
    /// # Errors
    /// Hours do not fit into their day, or overlap.
    pub fn of(
        zone: Tz,
        hours: impl IntoIterator<Item = Hours>,
        holidays: impl IntoIterator<Item = NaiveDate>,
    ) -> Result<Self, HoursProblem> {
        let mut days: [Vec<(u16, u16)>; 7] = Default::default();
        for Hours { weekday, opens, closes } in hours {
            if opens >= closes || closes > MINUTES_A_DAY {
                return Err(HoursProblem::NotOfADay(weekday));
            }
            let day = &mut days[weekday.num_days_from_monday() as usize];
            if day.iter().any(|(others_open, others_close)| opens < *others_close && *others_open < closes) {
                return Err(HoursProblem::Overlap(weekday));
            }
            day.push((opens, closes));
            day.sort_unstable();
        }
        Ok(Self { zone, week: Week::Hours { days, holidays: holidays.into_iter().collect() } })
    }

    /// By which clock.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The hours of the week, in order; none: day and night.
    #[must_use]
    pub fn hours(&self) -> Option<Vec<Hours>> {
        let Week::Hours { days, .. } = &self.week else { return None };
        let of_day = |(day, hours): (usize, &Vec<(u16, u16)>)| {
            let day = i16::try_from(day + 1).unwrap_or_default();
            hours.iter().filter_map(|(opens, closes)| Hours::on(day, *opens, *closes)).collect::<Vec<_>>()
        };
        Some(days.iter().enumerate().flat_map(of_day).collect())
    }

    /// The days on which nobody is there, in order.
    pub fn holidays(&self) -> impl Iterator<Item = NaiveDate> + '_ {
        let holidays = match &self.week {
            Week::Always => None,
            Week::Hours { holidays, .. } => Some(holidays),
        };
        holidays.into_iter().flatten().copied()
    }

    /// The day that the clock shows.
    #[must_use]
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// The first instant by which so much time has been worked since `start`: the end of the hours in which it is, not the beginning of the next.
    ///
    /// # Errors
    /// Nobody is at work for a year on the way there.
    pub fn after(&self, start: DateTime<Utc>, worked: TimeDelta) -> Result<DateTime<Utc>, NeverOpen> {
        if self.week == Week::Always || worked <= TimeDelta::zero() {
            return start.checked_add_signed(worked.max(TimeDelta::zero())).ok_or(NeverOpen);
        }
        let (mut left, mut from, mut closed_days) = (worked, start, 0);
        while closed_days <= LONGEST_CLOSURE_DAYS {
            let midnight = next_midnight(from).ok_or(NeverOpen)?;
            let stretches = self.stretches(from, midnight);
            closed_days = if stretches.is_empty() { closed_days + 1 } else { 0 };
            for (opens, closes) in stretches {
                if left <= closes - opens {
                    return Ok(opens + left);
                }
                left -= closes - opens;
            }
            from = midnight;
        }
        Err(NeverOpen)
    }

    /// How much is worked between two instants; nothing if they are in the other order.
    #[must_use]
    pub fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        if self.week == Week::Always {
            return (end - start).max(TimeDelta::zero());
        }
        let (mut worked, mut from) = (TimeDelta::zero(), start);
        while from < end {
            let to = next_midnight(from).map_or(end, |midnight| midnight.min(end));
            worked += self.stretches(from, to).into_iter().map(|(opens, closes)| closes - opens).sum();
            from = to;
        }
        worked
    }

    /// The open stretches of at most a day of UTC, in order.
    fn stretches(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let mut found = Vec::new();
        let change = self.change_of_clock(from, to);
        for (from, to) in [(from, change.unwrap_or(to)), (change.unwrap_or(to), to)] {
            self.stretches_of_one_offset(from, to, &mut found);
        }
        found
    }

    /// When the clock is set forward or back in between: by any amount, at any second, but no more than once in a day.
    fn change_of_clock(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (mut before, mut after) = (from, to);
        let offset = self.offset(before);
        if offset == self.offset(after) {
            return None;
        }
        while after - before > TimeDelta::nanoseconds(1) {
            let middle = before + (after - before) / 2;
            *(if self.offset(middle) == offset { &mut before } else { &mut after }) = middle;
        }
        Some(after)
    }

    /// The open stretches of a time in which the clock goes on evenly.
    fn stretches_of_one_offset(&self, from: DateTime<Utc>, to: DateTime<Utc>, found: &mut Vec<(DateTime<Utc>, DateTime<Utc>)>) {
        let Week::Hours { days, holidays } = &self.week else { return };
        let offset = self.offset(from);
        let (shown_from, shown_to) = (from.naive_utc() + offset, to.naive_utc() + offset);
        let shown_days = shown_from.date().iter_days().take_while(|day| day.and_time(NaiveTime::MIN) < shown_to);
        for day in shown_days.filter(|day| !holidays.contains(day)) {
            for (opens, closes) in &days[day.weekday().num_days_from_monday() as usize] {
                let opens = minute_of(day, *opens).max(shown_from);
                let closes = minute_of(day, *closes).min(shown_to);
                if opens < closes {
                    found.push(((opens - offset).and_utc(), (closes - offset).and_utc()));
                }
            }
        }
    }

    fn offset(&self, at: DateTime<Utc>) -> TimeDelta {
        TimeDelta::seconds(self.zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc().into())
    }
}

fn minute_of(day: NaiveDate, minute: u16) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute.into())
}

/// The next midnight of UTC: a step. What the zone's clock shows then does not matter.
fn next_midnight(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    at.date_naive().and_time(NaiveTime::MIN).and_utc().checked_add_signed(DAY)
}
