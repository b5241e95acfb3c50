//! When, in five fields: minute, hour, day of the month, month, day of the week (0 or 7 is Sunday, 1 is Monday).
//!
//! `croner` reads the fields; what they mean on a clock that is changed twice a year is decided in `calendar`.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use croner::{
    CronPattern, Weekday,
    parser::{CronParser, Seconds, Year},
};

/// Longer ones are a mistake, or worse.
const MAX_CHARS: usize = 200;
/// Leap days meet every weekday within so many years, also around 2100.
const YEARS: i32 = 60;

/// The fields of an expression, read.
#[derive(Clone)]
pub struct Expression {
    text: String,
    pattern: CronPattern,
    /// Bit n: minute n of an hour.
    minutes: u64,
    /// Bit n: hour n of a day.
    hours: u32,
}

/// One of the five fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31, `L` for the last, `15W` for the weekday nearest to one.
    DayOfMonth,
    /// 1 to 12, or JAN to DEC.
    Month,
    /// 0 to 7, or SUN to SAT; `5#2` for a second Friday, `5L` for a last one.
    DayOfWeek,
}

impl Field {
    /// In the order of an expression.
    pub const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek];

    fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of the month",
            Self::Month => "month",
            Self::DayOfWeek => "day of the week",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an expression says no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It has not five fields.
    #[error("it has {found} fields; five are needed: minute, hour, day of the month, month, day of the week")]
    Fields {
        /// How many it has.
        found: usize,
    },
    /// One of the fields cannot be read.
    #[error("the {field} {text:?} cannot be read")]
    Unreadable {
        /// Which.
        field: Field,
        /// What stands there.
        text: String,
    },
    /// It cannot be read as a whole.
    #[error("it is longer than {MAX_CHARS} characters")]
    TooLong,
    /// It names a day that never comes, such as the 30th of February.
    #[error("such a day never comes")]
    Never,
}

impl Expression {
    /// Reads five fields, or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    ///
    /// # Errors
    /// It cannot be read, or it never comes.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > MAX_CHARS {
            return Err(ExpressionError::TooLong);
        }
        let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
        let is_nickname = fields.len() == 1 && text.starts_with('@');
        if fields.len() != 5 && !is_nickname {
            return Err(ExpressionError::Fields { found: fields.len() });
        }
        let pattern = read(&text).ok_or_else(|| unreadable(&fields))?;
        let bits = |values: Vec<u16>| values.into_iter().fold(0u64, |bits, value| bits | 1 << value);
        let (minutes, hours) = (bits(pattern.minutes.values()), bits(pattern.hours.values()));
        let expression = Self { text, pattern, minutes, hours: hours as u32 };
        if minutes == 0 || hours == 0 || !expression.ever_comes() {
            return Err(ExpressionError::Never);
        }
        Ok(expression)
    }

    /// As it was written, with single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it speaks of every hour of its days: then it means so many minutes apart, and not a time on the clock.
    #[must_use]
    pub fn is_of_every_hour(&self) -> bool {
        self.hours == 0x00FF_FFFF
    }

    /// Whether its days include this one.
    pub(crate) fn includes_day(&self, day: NaiveDate) -> bool {
        let weekday = Weekday::from_days_from_sunday(day.weekday().num_days_from_sunday());
        self.pattern.month_match(day.month()).unwrap_or(false)
            && self.pattern.day_match(day.year(), day.month(), day.day(), weekday).unwrap_or(false)
    }

    /// Whether it includes this minute of an hour.
    pub(crate) fn includes_minute(&self, minute: u32) -> bool {
        self.minutes >> minute & 1 == 1
    }

    /// How many minutes from `minute` of an hour to the next one that it includes, in this hour or the next. At least one.
    pub(crate) fn minutes_to_next(&self, minute: u32) -> u32 {
        let later = self.minutes.checked_shr(minute + 1).unwrap_or(0);
        if later == 0 { 60 - minute + self.minutes.trailing_zeros() } else { 1 + later.trailing_zeros() }
    }

    /// The first minute of a day (0 to 1439) that it includes, of those from `from` on.
    pub(crate) fn minute_of_day_from(&self, from: u32) -> Option<u32> {
        let (hour, minute) = (from / 60, from % 60);
        let this_hour = self.minutes >> minute;
        if hour < 24 && self.hours >> hour & 1 == 1 && this_hour != 0 {
            return Some(from + this_hour.trailing_zeros());
        }
        let later = self.hours.checked_shr(hour + 1).unwrap_or(0);
        (later != 0).then(|| (hour + 1 + later.trailing_zeros()) * 60 + self.minutes.trailing_zeros())
    }

    /// The last minute of a day that it includes.
    pub(crate) fn last_minute_of_day(&self) -> u32 {
        self.hours.ilog2() * 60 + self.minutes.ilog2()
    }

    /// How many minutes of a day it includes.
    pub(crate) fn minutes_a_day(&self) -> u64 {
        u64::from(self.hours.count_ones() * self.minutes.count_ones())
    }

    pub(crate) fn pattern(&self) -> &CronPattern {
        &self.pattern
    }

    fn ever_comes(&self) -> bool {
        let days = |year| NaiveDate::from_ymd_opt(year, 1, 1).into_iter().flat_map(|first| first.iter_days().take(366));
        (2024..2024 + YEARS).flat_map(days).any(|day| self.includes_day(day))
    }
}

fn read(text: &str) -> Option<CronPattern> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).ok().map(|cron| cron.pattern)
}

/// Which field it is that cannot be read: the one that cannot between stars.
fn unreadable(fields: &[&str]) -> ExpressionError {
    let alone = |at: usize| {
        let mut stars = ["*"; 5];
        stars[at] = fields[at];
        stars.join(" ")
    };
    let wrong = (0..fields.len().min(5)).find(|at| read(&alone(*at)).is_none()).unwrap_or(0);
    ExpressionError::Unreadable { field: Field::ALL[wrong], text: fields[wrong].to_owned() }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text: &str| Expression::parse(text).expect_err(text);
        let field = |field, text: &str| ExpressionError::Unreadable { field, text: text.to_owned() };
        assert_eq!(wrong("61 * * * *"), field(Field::Minute, "61"));
        assert_eq!(wrong("0 24 * * *"), field(Field::Hour, "24"));
        assert_eq!(wrong("0 0 32 * *"), field(Field::DayOfMonth, "32"));
        assert_eq!(wrong("0 0 * SMARCH *"), field(Field::Month, "SMARCH"));
        assert_eq!(wrong("0 0 * * MON-XYZ"), field(Field::DayOfWeek, "MON-XYZ"));
        assert_eq!(wrong("0 0 * *"), ExpressionError::Fields { found: 4 });
        assert_eq!(wrong("0 0 3 * * *"), ExpressionError::Fields { found: 6 });
        assert_eq!(wrong(""), ExpressionError::Fields { found: 0 });
        assert_eq!(wrong("@never"), field(Field::Minute, "@never"));
        assert_eq!(wrong("0 0 30 2 *"), ExpressionError::Never);
        assert_eq!(wrong("0 0 31 4,6,9,11 *"), ExpressionError::Never);
        assert_eq!(wrong(&"1,".repeat(200)), ExpressionError::TooLong);
    }

    #[test]
    fn weekdays_are_those_of_cron_and_either_day_field_is_enough() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let (monday, sunday, first) = (day("2026-11-30"), day("2026-11-29"), day("2026-12-01"));
        let includes = |text: &str, day| Expression::parse(text).expect(text).includes_day(day);
        assert!(includes("0 9 * * 1", monday) && !includes("0 9 * * 1", sunday));
        assert!(includes("0 9 * * 0", sunday) && includes("0 9 * * 7", sunday) && includes("0 9 * * sun", sunday));
        assert!(includes("0 9 1 * 1", monday) && includes("0 9 1 * 1", first) && !includes("0 9 1 * 1", sunday));
        assert!(includes("0 9 29 2 *", day("2028-02-29")));
    }

    #[test]
    fn minutes_are_found_by_their_bits() {
        let expression = Expression::parse("10,40 9-10 * * *").expect("an expression");
        let found = [0, 550, 551, 581, 640, 641, 1439].map(|from| expression.minute_of_day_from(from));
        assert_eq!(found, [Some(550), Some(550), Some(580), Some(610), Some(640), None, None]);
        assert_eq!((expression.last_minute_of_day(), expression.minutes_a_day()), (640, 4));
        assert_eq!([0, 10, 39, 40, 59].map(|minute| expression.minutes_to_next(minute)), [10, 30, 1, 30, 11]);
    }
}
