//! What somebody wants to have in a report.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::kind::{Format, Kind};
use crate::{accounts::locale::Locale, help_desk::number::ClientId};

/// A report has so many days at most: five years.
pub const MOST_DAYS: i64 = 1830;

/// What is asked for besides kind and format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The first day.
    pub from: NaiveDate,
    /// The last day; included.
    pub to: NaiveDate,
    /// Only this client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
}

/// Why a period is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodProblem {
    /// It ends before it begins.
    #[error("the period ends before it begins")]
    Backwards,
    /// Too many days.
    #[error("a report has {MOST_DAYS} days at most")]
    TooLong,
    /// A year that nobody counts by.
    #[error("the period is in no year from 2000 to 2199")]
    NoSuchYear,
}

impl Params {
    /// Whether a report can be made of that.
    ///
    /// # Errors
    /// What is wrong with the period.
    pub fn check(&self) -> Result<(), PeriodProblem> {
        let years = NaiveDate::from_ymd_opt(2000, 1, 1)..NaiveDate::from_ymd_opt(2200, 1, 1);
        match (self.to - self.from).num_days() {
            _ if !years.contains(&Some(self.from)) || !years.contains(&Some(self.to)) => Err(PeriodProblem::NoSuchYear),
            ..0 => Err(PeriodProblem::Backwards),
            MOST_DAYS.. => Err(PeriodProblem::TooLong),
            _ => Ok(()),
        }
    }
}

/// A wish, as a page or a morning has it.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What is told.
    pub kind: Kind,
    /// In what sort of file.
    pub format: Format,
    /// About when and whom.
    pub params: Params,
    /// In which language.
    pub locale: Locale,
    /// By whose clock: an IANA time zone.
    pub time_zone: &'a str,
}

impl Wish<'_> {
    /// What tells this wish from another.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let Params { from, to, client } = self.params;
        let client = client.map(|client| client.to_string()).unwrap_or_default();
        let text = format!("{}|{}|{from}|{to}|{client}|{}|{}", self.kind, self.format, self.locale, self.time_zone);
        Sha256::digest(text).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(from: &str, to: &str) -> Params {
        Params { from: from.parse().expect("a day"), to: to.parse().expect("a day"), client: None }
    }

    #[test]
    fn a_period_ends_after_it_begins_and_has_five_years_at_most() {
        assert_eq!(params("2026-02-28", "2026-02-28").check(), Ok(()));
        assert_eq!(params("2026-03-01", "2026-02-28").check(), Err(PeriodProblem::Backwards));
        assert_eq!(params("2020-01-01", "2025-01-03").check(), Ok(()));
        assert_eq!(params("2020-01-01", "2025-01-04").check(), Err(PeriodProblem::TooLong));
        assert_eq!(params("0026-01-01", "0026-01-02").check(), Err(PeriodProblem::NoSuchYear));
    }

    #[test]
    fn wishes_are_told_apart_by_all_that_the_file_depends_on() {
        let wish = Wish {
            kind: Kind::Sla,
            format: Format::Csv,
            params: params("2026-01-01", "2026-01-31"),
            locale: Locale::Es,
            time_zone: "America/Bogota",
        };
        let others = [
            Wish { kind: Kind::Times, ..wish },
            Wish { format: Format::Pdf, ..wish },
            Wish { params: params("2026-01-01", "2026-01-30"), ..wish },
            Wish { params: Params { client: Some(ClientId(1)), ..wish.params }, ..wish },
            Wish { locale: Locale::En, ..wish },
            Wish { time_zone: "Europe/Madrid", ..wish },
        ];
        assert!(others.iter().all(|other| other.hash() != wish.hash()));
        assert_eq!(wish.hash(), Wish { ..wish }.hash());
    }
}
