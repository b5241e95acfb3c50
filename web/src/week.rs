//! The hours of a week and the holidays of a calendar, as people type them: `09:00-13:00, 14:00-18:00` for a day, and a line for each holiday.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use jobs::{
    help_desk::business_time::Hours,
    text::{TextProblem, line},
};

use crate::forms;

/// The most holidays that a calendar has: ten years of them.
const MOST_HOLIDAYS: usize = 400;
/// The most characters of a holiday's name.
const LONGEST_NAME: usize = 120;

/// What is wrong with a line of holidays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HolidayProblem {
    /// The line does not begin with a day.
    NoDay(String),
    /// The day has no name, or none that can be shown.
    NoName(String, TextProblem),
    /// The day is there twice.
    Twice(NaiveDate),
    /// More lines than that.
    TooMany(usize),
}

/// Reads the hours of a day; none: it is closed. `None`: it is no time, or hours overlap.
pub(crate) fn read_day(day: i16, typed: &str) -> Option<Vec<Hours>> {
    let mut hours: Vec<Hours> = Vec::new();
    for span in typed.split(',').map(str::trim).filter(|span| !span.is_empty()) {
        let (from, to) = span.split_once(['-', '–'])?;
        let of = Hours::on(day, minute(from)?, minute(to)?)?;
        let overlaps = hours.iter().any(|other| of.opens < other.closes && other.opens < of.closes);
        if of.opens >= of.closes || overlaps {
            return None;
        }
        hours.push(of);
    }
    hours.sort_by_key(|of| of.opens);
    Some(hours)
}

/// A minute of the day; the end of the day is 24:00.
fn minute(typed: &str) -> Option<u16> {
    let (hours, minutes) = typed.trim().split_once(':')?;
    let number = |text: &str, digits: usize| {
        let fits = !text.is_empty() && text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| fits)
    };
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2).filter(|_| minutes.len() == 2)?);
    (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
}

/// The hours of a day, as they would be typed.
pub(crate) fn write_day(hours: &[Hours], day: u8) -> String {
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let spans: Vec<String> =
        hours.iter().filter(|of| of.day() == day).map(|of| format!("{}-{}", time(of.opens), time(of.closes))).collect();
    spans.join(", ")
}

/// Reads a holiday a line: the day, and what it is called.
pub(crate) fn read_holidays(typed: &str) -> Result<Vec<(NaiveDate, String)>, HolidayProblem> {
    let mut holidays = BTreeMap::new();
    for text in typed.lines().map(str::trim).filter(|text| !text.is_empty()) {
        let (day, name) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let cut = || text.chars().take(60).collect::<String>();
        let day = forms::day(day).ok_or_else(|| HolidayProblem::NoDay(cut()))?;
        let name = line(name, LONGEST_NAME).map_err(|what| HolidayProblem::NoName(cut(), what))?;
        if holidays.insert(day, name).is_some() {
            return Err(HolidayProblem::Twice(day));
        }
        if holidays.len() > MOST_HOLIDAYS {
            return Err(HolidayProblem::TooMany(MOST_HOLIDAYS));
        }
    }
    Ok(holidays.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hours_of_a_day_are_read_as_they_are_written() {
        for (typed, written) in [
            ("", ""),
            ("9:00-18:00", "09:00-18:00"),
            (" 14:00 – 18:30 ,08:00-13:00,", "08:00-13:00, 14:00-18:30"),
            ("00:00-24:00", "00:00-24:00"),
            ("08:00-12:00,12:00-13:00", "08:00-12:00, 12:00-13:00"),
        ] {
            let hours = read_day(3, typed).expect(typed);
            assert_eq!(write_day(&hours, 3), written);
            assert_eq!(write_day(&hours, 4), "");
        }
        for bad in [
            "9-18",
            "18:00-9:00",
            "09:00-09:00",
            "08:00-12:00,11:00-13:00",
            "22:00-25:00",
            "23:60-24:00",
            "+9:00-10:00",
            "9:0-10:00",
            "nueve",
        ] {
            assert_eq!(read_day(3, bad), None, "{bad}");
        }
    }

    #[test]
    fn a_holiday_is_a_day_and_a_name() {
        let read = read_holidays("2026-12-25 Navidad\r\n\n 2026-01-01\tAño Nuevo ").expect("holidays");
        let names: Vec<_> = read.iter().map(|(day, name)| format!("{day} {name}")).collect();
        assert_eq!(names, ["2026-01-01 Año Nuevo", "2026-12-25 Navidad"]);
        assert_eq!(read_holidays("25/12/2026 Navidad"), Err(HolidayProblem::NoDay("25/12/2026 Navidad".to_owned())));
        for never in ["2026-02-30 Nunca", "-9000-01-01 Nunca", "+10000-01-01 Nunca"] {
            assert_eq!(read_holidays(never), Err(HolidayProblem::NoDay(never.to_owned())));
        }
        assert_eq!(read_holidays("2026-12-25"), Err(HolidayProblem::NoName("2026-12-25".to_owned(), TextProblem::Blank)));
        let twice = "2026-12-25 Navidad\n2026-12-25 Otra vez";
        assert!(matches!(read_holidays(twice), Err(HolidayProblem::Twice(_))));
    }
}
