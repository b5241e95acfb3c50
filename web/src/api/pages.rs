//! Pages of lists: how many rows one has, and where the next one begins.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
};
use chrono::{DateTime, Datelike as _, Utc};
use jobs::accounts::user::UserId;

use crate::problem::{Problem, Told};

/// How many rows a page has unless the caller says otherwise.
const PAGE: usize = 100;
/// How many it may have.
const LONGEST_PAGE: usize = 500;

/// What the query says.
///
/// # Errors
/// It cannot be read.
pub(crate) fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query.map(|Query(asked)| asked).map_err(|rejection| bad(rejection.body_text()))
}

/// How many rows are asked for.
///
/// # Errors
/// More than a page may have, or none.
pub(crate) fn page_size(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=LONGEST_PAGE).contains(&limit) {
        Ok(limit)
    } else {
        Err(bad(format!("limit: a page has from 1 to {LONGEST_PAGE} rows, not {limit}")))
    }
}

/// Refuses a query.
pub(crate) fn bad(what: impl Into<String>) -> Problem {
    Told::new(StatusCode::BAD_REQUEST, what).into()
}

/// A word of the query; left out: none.
///
/// # Errors
/// There is no such word.
pub(crate) fn word<T: FromStr>(name: &str, given: Option<&str>) -> Result<Option<T>, Problem> {
    given.map(|word| word.parse().map_err(|_| bad(format!("{name}: there is no {word:?}")))).transpose()
}

/// A moment of the query; left out: none.
///
/// # Errors
/// It is in a year that nobody counts by and that Postgres may not have.
pub(crate) fn moment(name: &str, given: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, Problem> {
    match given {
        Some(at) if !is_of_our_years(&at) => Err(bad(format!("{name}: the years are 1 to 9999"))),
        given => Ok(given),
    }
}

/// Whose tickets are asked for, by who is at them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Assignee {
    /// That account's; none: everybody's.
    pub(crate) id: Option<i64>,
    /// Those alone that nobody is at.
    pub(crate) is_nobody: bool,
}

/// The assignee of the query; left out: everybody.
///
/// # Errors
/// It is nobody that there could be.
pub(crate) fn assignee(given: Option<&str>, me: UserId) -> Result<Assignee, Problem> {
    match given {
        None => Ok(Assignee::default()),
        Some("nobody") => Ok(Assignee { id: None, is_nobody: true }),
        Some("me") => Ok(Assignee { id: Some(me.0), is_nobody: false }),
        Some(id) => match id.parse() {
            Ok(id) => Ok(Assignee { id: Some(id), is_nobody: false }),
            Err(_) => Err(bad("assignee: the number of an account, `me` or `nobody`")),
        },
    }
}

fn is_of_our_years(at: &DateTime<Utc>) -> bool {
    (1..10_000).contains(&at.year())
}

/// A page of rows that were asked for with one more than it has, and what the next one is asked with.
pub(crate) fn cut<T, P>(mut rows: Vec<T>, limit: usize, place: impl Fn(&T) -> P) -> (Vec<T>, Option<P>) {
    let is_last = rows.len() <= limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| !is_last).map(place);
    (rows, next)
}

/// A place in a list by time: it stays where it is, whatever becomes of the row.
pub(crate) fn place(at: DateTime<Utc>, id: impl Display) -> String {
    format!("{}_{id}", at.timestamp_micros())
}

/// Where a page begins: behind that time and id.
///
/// # Errors
/// No page has ended with that.
pub(crate) fn after<I: FromStr>(given: Option<&str>) -> Result<Option<(DateTime<Utc>, I)>, Problem> {
    let read = |text: &str| {
        let (at, id) = text.split_once('_')?;
        Some((DateTime::from_timestamp_micros(at.parse().ok()?).filter(is_of_our_years)?, id.parse().ok()?))
    };
    given.map(|text| read(text).ok_or_else(|| bad(format!("after: no page has ended with {text:?}")))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_begins_where_this_one_ended() {
        let at = "2026-03-01T04:05:06.123456Z".parse().expect("a moment");
        let text = place(at, 42);
        assert_eq!(text, "1772337906123456_42");
        assert_eq!(after(Some(&text)).expect("a place"), Some((at, 42_i64)));
        assert!(after::<i64>(None).expect("the first page").is_none());
        for strange in ["", "42", "x_42", "1772337906123456_x", "9223372036854775807_1", "-8000000000000000000_1"] {
            assert!(after::<i64>(Some(strange)).is_err(), "{strange}");
        }
        for (text, is_one) in [("2026-03-01T04:05:06Z", true), ("0000-12-31T23:59:59Z", false)] {
            assert_eq!(moment("before", Some(text.parse().expect("a moment"))).is_ok(), is_one, "{text}");
        }
        assert_eq!(cut(vec![1, 2, 3], 2, ToString::to_string), (vec![1, 2], Some("2".to_owned())));
        assert_eq!(cut(vec![1, 2], 2, ToString::to_string), (vec![1, 2], None));
    }
}
