//! Which instants an expression means in a time zone, on days when the clock is changed too.
//!
//! Two rules, because people mean two things:
//!
//! - An expression that names hours (`0 3 * * *`, `*/10 9-17 * * *`) names times *on the clock*. A time that the clock leaps over falls on
//!   the next minute there is; a time that the clock shows twice counts the first time. So a nightly job runs every night, once.
//! - An expression of every hour (`*/5 * * * *`, `0 * * * *`) means *so often*: it ticks at each real minute at which the clock shows
//!   one of its minutes, also while an hour is shown again. So `*/5` is every real five minutes, each instant once.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::expression::Expression;

/// Days that are looked through before a tick counts as never coming: an expression that was read comes more often.
const DAYS: i64 = 60 * 366;
/// Longer than any clock was ever set forward.
const LONGEST_GAP_MINUTES: i64 = 2 * 24 * 60;
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// An expression in its time zone: a strictly rising sequence of instants, each a whole minute.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// When.
    pub expression: Expression,
    /// By which clock.
    pub zone: Tz,
}

/// Ticks in a row, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub first: DateTime<Utc>,
    /// The last; the same as the first if there is one only.
    pub last: DateTime<Utc>,
    /// How many.
    pub count: u64,
}

impl Calendar {
    /// The first tick after an instant.
    #[must_use]
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.expression.is_of_every_hour() { self.next_so_often(after) } else { self.next_on_the_clock(after) }
    }

    /// Every tick after an instant, in order.
    pub fn ticks(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        std::iter::successors(self.next(after), |tick| self.next(*tick))
    }

    /// The ticks after an instant and not after another, counted. It costs a step a day, however many they are.
    #[must_use]
    pub fn run(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<Run> {
        let first = self.next(after).filter(|tick| *tick <= until)?;
        let mut run = Run { first, last: first, count: 0 };
        let mut tick = Some(first);
        while let Some(at) = tick.filter(|tick| *tick <= until) {
            let (last, count) = self.rest_of_a_plain_day(at, until).unwrap_or((at, 1));
            run = Run { last, count: run.count + count, ..run };
            tick = self.next(last);
        }
        Some(run)
    }

    /// Whether the clock leapt over the time that this tick stands for.
    #[must_use]
    pub fn is_moved(&self, tick: DateTime<Utc>) -> bool {
        let there = tick.with_timezone(&self.zone).naive_local();
        let minute = minute_of_day(there);
        !self.expression.includes_day(there.date()) || self.expression.minute_of_day_from(minute) != Some(minute)
    }

    fn next_on_the_clock(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = after.with_timezone(&self.zone).naive_local();
        // What the clock shows later comes later or at the same instant, so the first that is after `after` is the next.
        for day in from.date().iter_days().take(DAYS as usize).filter(|day| self.expression.includes_day(*day)) {
            let mut minute = if day == from.date() { minute_of_day(from) } else { 0 };
            while let Some(shown) = self.expression.minute_of_day_from(minute) {
                match self.on_the_clock(at_minute(day, shown)) {
                    Some(instant) if instant > after => return Some(instant),
                    _ => minute = shown + 1,
                }
            }
        }
        None
    }

    /// When the clock shows this for the first time; if it leaps over it, when it has leapt.
    fn on_the_clock(&self, shown: NaiveDateTime) -> Option<DateTime<Utc>> {
        let instant = |shown| self.zone.from_local_datetime(&shown).earliest();
        (0..LONGEST_GAP_MINUTES).find_map(|minutes| instant(shown + TimeDelta::minutes(minutes))).map(|found| found.to_utc())
    }

    fn next_so_often(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut at = whole_minute(after) + MINUTE;
        let end = at + TimeDelta::days(DAYS);
        while at < end {
            let there = at.with_timezone(&self.zone);
            let minutes = match self.expression.includes_day(there.date_naive()) {
                false => 24 * 60 - minute_of_day(there.naive_local()),
                true if self.expression.includes_minute(there.minute()) => return Some(at),
                true => self.expression.minutes_to_next(there.minute()),
            };
            let ahead = at + TimeDelta::minutes(minutes.into());
            // Where the clock is changed in between, it is gone through minute by minute.
            let is_plain = self.zone.offset_from_utc_datetime(&ahead.naive_utc()).fix() == there.offset().fix();
            at = if is_plain { ahead } else { at + MINUTE };
        }
        None
    }

    /// If this is the first tick of a day on which the clock is not changed, and all of that day's are due: its last, and how many.
    fn rest_of_a_plain_day(&self, first: DateTime<Utc>, until: DateTime<Utc>) -> Option<(DateTime<Utc>, u64)> {
        let there = first.with_timezone(&self.zone).naive_local();
        let midnight = |day: NaiveDate| self.zone.from_local_datetime(&day.and_time(NaiveTime::MIN)).single();
        let (begin, end) = (midnight(there.date())?, midnight(there.date().succ_opt()?)?);
        let last = begin.to_utc() + TimeDelta::minutes(self.expression.last_minute_of_day().into());
        let is_whole = end - begin == TimeDelta::days(1)
            && last <= until
            && self.expression.includes_day(there.date())
            && self.expression.minute_of_day_from(0) == Some(minute_of_day(there));
        is_whole.then(|| (last, self.expression.minutes_a_day()))
    }
}

fn minute_of_day(shown: NaiveDateTime) -> u32 {
    shown.hour() * 60 + shown.minute()
}

fn at_minute(day: NaiveDate, minute: u32) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute.into())
}

fn whole_minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::seconds(at.timestamp().rem_euclid(60)) - TimeDelta::nanoseconds(at.timestamp_subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(expression: &str, zone: Tz) -> Calendar {
        Calendar { expression: Expression::parse(expression).expect(expression), zone }
    }

    /// The ticks of a stretch, as they are in UTC.
    fn ticks(expression: &str, zone: Tz, from: &str, to: &str) -> Vec<String> {
        let [from, to] = [from, to].map(|text| text.parse::<DateTime<Utc>>().expect("a time"));
        let calendar = calendar(expression, zone);
        let found = calendar.ticks(from).take_while(|tick| *tick < to);
        found.map(|tick| tick.format("%d %H:%M").to_string()).collect()
    }

    const BERLIN: Tz = Tz::Europe__Berlin;

    #[test]
    fn a_time_that_the_clock_leaps_over_falls_on_the_next_minute_there_is() {
        // At 02:00 it is 03:00, which is 01:00 in UTC.
        let spring = |expression| ticks(expression, BERLIN, "2027-03-27T12:00:00Z", "2027-03-29T12:00:00Z");
        assert_eq!(spring("30 2 * * *"), ["28 01:00", "29 00:30"]);
        assert_eq!(spring("0 2,3 * * *"), ["28 01:00", "29 00:00", "29 01:00"], "two times, one instant, one tick");
        assert_eq!(spring("*/20 2 * * *"), ["28 01:00", "29 00:00", "29 00:20", "29 00:40"]);
        let moved = calendar("30 2 * * *", BERLIN);
        assert!(moved.is_moved("2027-03-28T01:00:00Z".parse().expect("a time")));
        assert!(!moved.is_moved("2027-03-29T00:30:00Z".parse().expect("a time")));
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_counts_once() {
        // At 03:00 it is 02:00 again: 01:00 in UTC.
        let autumn = |expression| ticks(expression, BERLIN, "2027-10-30T12:00:00Z", "2027-11-01T12:00:00Z");
        assert_eq!(autumn("30 2 * * *"), ["31 00:30", "01 01:30"]);
        assert_eq!(autumn("15 2,14 * * *"), ["30 12:15", "31 00:15", "31 13:15", "01 01:15"]);
    }

    #[test]
    fn every_five_minutes_are_real_ones() {
        for (from, to) in [("2027-03-28T00:00:00Z", "2027-03-28T03:00:00Z"), ("2027-10-30T23:00:00Z", "2027-10-31T02:00:00Z")] {
            assert_eq!(ticks("*/5 * * * *", BERLIN, from, to).len(), 35);
        }
        let hourly = ticks("0 * * * *", BERLIN, "2027-10-30T22:30:00Z", "2027-10-31T02:30:00Z");
        assert_eq!(hourly, ["30 23:00", "31 00:00", "31 01:00", "31 02:00"]);
    }

    #[test]
    fn clocks_that_are_changed_by_half_an_hour_or_at_midnight_or_skip_a_day() {
        let half = ticks("45 * * * *", Tz::Australia__Lord_Howe, "2027-04-03T14:00:00Z", "2027-04-03T17:30:00Z");
        assert_eq!(half, ["03 14:45", "03 15:15", "03 16:15", "03 17:15"], "01:45 twice, half an hour apart");
        let midnight = ticks("0 0 * * *", Tz::Africa__Cairo, "2027-04-28T12:00:00Z", "2027-05-01T12:00:00Z");
        assert_eq!(midnight, ["28 22:00", "29 22:00", "30 21:00"]);
        let skipped = ticks("0 9 * * *", Tz::Pacific__Apia, "2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z");
        assert_eq!(
            skipped,
            ["29 19:00", "30 10:00", "30 19:00"],
            "the 30th never came: its tick is at the first minute of the 31st"
        );
    }

    #[test]
    fn a_run_counts_what_it_would_list() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        for expression in ["* * * * *", "*/7 * * * *", "15 2,3,20 * * 1-5", "0 0 1 * *", "30 2 * * *", "59 23 * * *"] {
            for zone in [BERLIN, Tz::UTC, Tz::America__Bogota, Tz::Australia__Lord_Howe, Tz::Africa__Cairo, Tz::America__Nuuk] {
                let calendar = calendar(expression, zone);
                for (after, until) in [
                    (at("2027-03-01T13:14:15Z"), at("2027-05-02T03:00:00Z")),
                    (at("2027-10-20T00:00:00Z"), at("2027-11-10T23:59:59Z")),
                    (at("2027-06-01T10:00:00Z"), at("2027-06-01T10:00:30Z")),
                ] {
                    let listed: Vec<_> = calendar.ticks(after).take_while(|tick| *tick <= until).collect();
                    let counted = listed.first().zip(listed.last()).map(|(first, last)| Run {
                        first: *first,
                        last: *last,
                        count: listed.len() as u64,
                    });
                    assert_eq!(calendar.run(after, until), counted, "{expression} in {zone} from {after}");
                }
            }
        }
    }
}
