//! Time as calendars count it: vectors that Python has worked out, and a second opinion that looks at the clock every minute.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, TimeZone as _, Timelike as _, Utc, Weekday};
use jobs::help_desk::business_time::{BusinessTime, Hours, HoursProblem, NeverOpen};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use schedules::Tz;

use super::{day, minutes, office};

/// Weekday from Monday, and from which minute of the day to which.
pub(super) type Week = Vec<(u8, u16, u16)>;

pub(super) fn hours(week: &Week) -> Vec<Hours> {
    week.iter()
        .map(|(day, opens, closes)| Hours { weekday: Weekday::try_from(*day).unwrap(), opens: *opens, closes: *closes })
        .collect()
}

/// `1:540-1080;6:540-780`, as in the file.
fn read_week(text: &str) -> Week {
    let number = |text: &str| text.trim().parse().unwrap();
    let days = text.split(';').map(|day| day.split_once(':').unwrap());
    days.flat_map(|(day, spans)| {
        let day = u8::try_from(number(day) - 1).unwrap();
        spans.split(',').map(move |span| span.split_once('-').unwrap()).map(move |(from, to)| (day, number(from), number(to)))
    })
    .collect()
}

#[test]
fn deadlines_are_those_that_python_has_worked_out() {
    let moment = |text: &str| text.replace('Z', ":00Z").parse::<DateTime<Utc>>().unwrap();
    let mut judged = 0;
    for line in include_str!("vectors.txt").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [zone, week, holidays, start, count, due] = fields.as_slice() else { panic!("{line}") };
        let holidays = holidays.split(',').filter(|day| !day.is_empty()).map(day);
        let time = BusinessTime::of(zone.parse().unwrap(), hours(&read_week(week)), holidays).unwrap();
        let worked = minutes(count.parse().unwrap());
        assert_eq!(time.after(moment(start), worked), Ok(moment(due)), "{line}");
        assert_eq!(time.between(moment(start), moment(due)), worked, "{line}");
        judged += 1;
    }
    assert!(judged > 60, "{judged}");
}

/// Some days of a zone, minute by minute: which are open, as the clock on the wall shows them.
pub(super) struct Days {
    begin: DateTime<Utc>,
    open: Vec<bool>,
}

impl Days {
    pub(super) fn walked(zone: Tz, begin: DateTime<Utc>, days: usize, week: &Week, holidays: &[NaiveDate]) -> Self {
        let is_open = |minute: usize| {
            let shown = zone.from_utc_datetime(&(begin + minutes(minute as i64)).naive_utc());
            let of_day = u16::try_from(shown.hour() * 60 + shown.minute()).unwrap();
            !holidays.contains(&shown.date_naive())
                && week.iter().any(|(day, opens, closes)| {
                    u32::from(*day) == shown.weekday().num_days_from_monday() && (*opens..*closes).contains(&of_day)
                })
        };
        Self { begin, open: (0..days * 24 * 60).map(is_open).collect() }
    }

    /// The end of the `count`-th open minute from there.
    pub(super) fn after(&self, start: usize, count: usize) -> Option<usize> {
        let mut left = count;
        for (minute, is_open) in self.open.iter().enumerate().skip(start) {
            left -= usize::from(*is_open);
            if left == 0 {
                return Some(minute + 1);
            }
        }
        None
    }

    /// How many minutes are open from the one to the other.
    pub(super) fn between(&self, from: usize, to: usize) -> usize {
        self.open[from..to].iter().filter(|is_open| **is_open).count()
    }

    pub(super) fn at(&self, minute: usize) -> DateTime<Utc> {
        self.begin + minutes(minute as i64)
    }
}

/// Hours of a week as somebody may think of them: short days, nights, gaps, days off, minutes that are not whole hours.
fn some_week(dice: &mut StdRng) -> Week {
    let mut week = Week::new();
    for day in 0..7 {
        let mut from = dice.random_range(0..1200_u16);
        for _ in 0..dice.random_range(0..4) {
            let to = from + dice.random_range(1..=480);
            if to > 1440 {
                break;
            }
            week.push((day, from, to));
            from = to + dice.random_range(0..200);
        }
    }
    // Somebody is there for an hour at least.
    if week.is_empty() { vec![(2, 600, 660)] } else { week }
}

#[test]
fn a_hundred_thousand_deadlines_are_those_of_who_looks_at_the_clock_every_minute() {
    const CALENDARS: usize = 100;
    const CASES: usize = 1_000;
    const WALKED_DAYS: usize = 28;
    // A day before which, or after which, the clock is changed.
    const ZONES: [(Tz, &str); 10] = [
        (Tz::Europe__Madrid, "2027-03-28"),
        (Tz::Europe__Madrid, "2027-10-31"),
        (Tz::America__New_York, "2027-11-07"),
        (Tz::Australia__Lord_Howe, "2027-04-04"),
        (Tz::Australia__Lord_Howe, "2027-10-03"),
        (Tz::Africa__Cairo, "2027-04-30"),
        (Tz::America__Havana, "2027-11-07"),
        (Tz::America__Santiago, "2027-09-05"),
        (Tz::America__St_Johns, "2010-11-07"),
        (Tz::Pacific__Apia, "2011-12-30"),
    ];
    let mut dice = StdRng::seed_from_u64(19);
    for calendar in 0..CALENDARS {
        let (zone, turn) = ZONES[calendar % ZONES.len()];
        let begin = day(turn).and_hms_opt(0, 0, 0).unwrap().and_utc() - TimeDelta::days(4);
        let week = some_week(&mut dice);
        let holidays: Vec<NaiveDate> = (0..2).map(|_| day(turn) + TimeDelta::days(dice.random_range(-3..20))).collect();
        let walked = Days::walked(zone, begin, WALKED_DAYS, &week, &holidays);
        let time = BusinessTime::of(zone, hours(&week), holidays.iter().copied()).unwrap();
        let mut last = None;
        let mut cases = 0;
        while cases < CASES {
            // They begin within the days around the change. A deadline that is further away than what was walked is none of the cases.
            let (start, count) = (dice.random_range(0..7 * 24 * 60), dice.random_range(1..=600));
            let seconds = TimeDelta::seconds(dice.random_range(0..60));
            let Some(due) = walked.after(start, count) else { continue };
            let case = format!("{zone}, {week:?} but {holidays:?}: {count} min from {}", walked.at(start));
            assert_eq!(time.after(walked.at(start), minutes(count as i64)), Ok(walked.at(due)), "{case}");
            assert_eq!(time.between(walked.at(start), walked.at(due)), minutes(count as i64), "{case}");
            // Seconds count, too: so many fewer are left of the first minute, if it is open.
            let begun = walked.at(start) + seconds;
            let worked = time.between(begun, walked.at(due));
            let first = if walked.open[start] { seconds } else { TimeDelta::zero() };
            assert_eq!(worked, minutes(count as i64) - first, "{case}, {seconds}");
            assert_eq!(time.after(begun, worked), Ok(walked.at(due)), "{case}, {seconds}");
            if let Some((before, due_before)) = last.replace((walked.at(start), time.after(walked.at(start), minutes(90)))) {
                let due = time.after(walked.at(start), minutes(90));
                let (earlier, later) = if before <= walked.at(start) { (due_before, due) } else { (due, due_before) };
                assert!(earlier.unwrap() <= later.unwrap(), "who begins later is due later: {case}");
            }
            cases += 1;
        }
    }
}

#[test]
fn a_calendar_that_never_opens_is_an_error_and_no_endless_search() {
    let start = "2026-11-24T17:00:00Z".parse().unwrap();
    let never = BusinessTime::of(Tz::UTC, [], []).unwrap();
    assert_eq!(never.after(start, minutes(1)), Err(NeverOpen));
    assert_eq!(never.between(start, start + TimeDelta::days(3000)), TimeDelta::zero());
    let year_off = (0..500).map(|days| day("2026-11-01") + TimeDelta::days(days));
    assert_eq!(BusinessTime::of(Tz::UTC, office(), year_off).unwrap().after(start, minutes(1)), Err(NeverOpen));
    let long_holidays = (0..300).map(|days| day("2026-11-25") + TimeDelta::days(days));
    assert_eq!(
        BusinessTime::of(Tz::UTC, office(), long_holidays).unwrap().after(start, minutes(61)),
        Ok("2027-09-21T09:01:00Z".parse().unwrap()),
        "ten months are long, and over one day"
    );
    assert_eq!(BusinessTime::always(Tz::UTC).after(start, TimeDelta::MAX), Err(NeverOpen), "further than any calendar reaches");
    assert_eq!(BusinessTime::always(Tz::Europe__Madrid).after(start, minutes(61)), Ok(start + minutes(61)));
}

#[test]
fn hours_that_are_none_are_refused() {
    let of = |spans: &[(u16, u16)]| {
        let hours = spans.iter().map(|(opens, closes)| Hours { weekday: Weekday::Sat, opens: *opens, closes: *closes });
        BusinessTime::of(Tz::UTC, hours, []).map(drop)
    };
    assert_eq!(of(&[(600, 600)]), Err(HoursProblem::NotOfADay(Weekday::Sat)));
    assert_eq!(of(&[(600, 1441)]), Err(HoursProblem::NotOfADay(Weekday::Sat)));
    assert_eq!(of(&[(600, 700), (300, 601)]), Err(HoursProblem::Overlap(Weekday::Sat)));
    assert_eq!(of(&[(600, 700), (700, 1440), (0, 600)]), Ok(()));
}
