//! What stands in a report: cells, columns, and what they come to.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    accounts::locale::Locale,
    payments::money::{Currency, Money},
};

/// What is in one place of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'r> {
    /// Nothing is known or there is none: never a zero.
    Nothing,
    /// Words: other people's, so no program may take them for more.
    Text(&'r str),
    /// A word of ours about something that people name by a number.
    WordOf(&'static str, i64),
    /// A number by which people name something. Nobody computes with it.
    Id(i64),
    /// So many.
    Count(i64),
    /// So long, in seconds.
    Seconds(i64),
    /// A part of a whole, from 0 to 1.
    Share(f64),
    /// A moment by the report's clock.
    Moment(NaiveDateTime),
    /// A day.
    Day(NaiveDate),
    /// An amount.
    Money(Money),
}

/// Translates a word of the database.
pub type Words = fn(Locale, &str) -> Option<&'static str>;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub enum Holds {
    /// [`Cell::Text`].
    Text,
    /// [`Cell::Text`], in the reader's language; [`Cell::WordOf`], where the database says `word#number`.
    Word(Words),
    /// [`Cell::Id`].
    Id,
    /// [`Cell::Count`].
    Count,
    /// [`Cell::Seconds`].
    Seconds,
    /// [`Cell::Share`].
    Share,
    /// [`Cell::Moment`].
    Moment,
    /// [`Cell::Day`].
    Day,
    /// [`Cell::Money`], of the currency that stands in that column.
    Money(usize),
}

/// What a column comes to in all.
#[derive(Debug, Clone, Copy)]
pub enum Total {
    /// Nothing that means anything: medians, words.
    None,
    /// Its sum. Amounts of several currencies have none.
    Sum,
    /// Its mean, each row weighing as much as that column says.
    Mean(usize),
    /// What this column comes to, of what both come to together.
    Share(usize, usize),
    /// What is there at the last of the days in the first column: a stock, and no sum over days.
    Last,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What it is called in figures.
    pub key: &'static str,
    /// What it is called in Spanish.
    pub es: &'static str,
    /// What it is called in English.
    pub en: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// What it comes to.
    pub total: Total,
}

impl Column {
    /// A column without a total.
    pub(super) const fn new(key: &'static str, es: &'static str, en: &'static str, holds: Holds) -> Self {
        Self { key, es, en, holds, total: Total::None }
    }

    /// The same, with what it comes to.
    pub(super) const fn total(self, total: Total) -> Self {
        Self { total, ..self }
    }

    /// What it is called.
    #[must_use]
    pub const fn title(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::Es => self.es,
            Locale::En => self.en,
        }
    }

    /// Whether it is numbers, which stand on the right.
    #[must_use]
    pub const fn is_numeric(&self) -> bool {
        matches!(self.holds, Holds::Count | Holds::Seconds | Holds::Share | Holds::Money(_))
    }

    /// Whether it may take several lines: words, and a moment, which is a day above its hour then.
    #[must_use]
    pub const fn may_be_broken(&self) -> bool {
        matches!(self.holds, Holds::Text | Holds::Word(_) | Holds::Moment)
    }

    /// What a row has in that place.
    pub(super) fn cell<'r>(&self, row: &'r PgRow, at: usize, zone: Tz, locale: Locale) -> sqlx::Result<Cell<'r>> {
        Ok(match self.holds {
            Holds::Text => row.try_get::<Option<&str>, _>(at)?.map_or(Cell::Nothing, Cell::Text),
            Holds::Word(words) => match row.try_get::<Option<&str>, _>(at)? {
                Some(told) => match told.split_once('#').and_then(|(word, of)| words(locale, word).zip(of.parse::<i64>().ok())) {
                    Some((word, of)) => Cell::WordOf(word, of),
                    None => Cell::Text(words(locale, told).unwrap_or(told)),
                },
                None => Cell::Nothing,
            },
            Holds::Id => row.try_get::<Option<i64>, _>(at)?.map_or(Cell::Nothing, Cell::Id),
            Holds::Count => row.try_get::<Option<i64>, _>(at)?.map_or(Cell::Nothing, Cell::Count),
            Holds::Seconds => row.try_get::<Option<i64>, _>(at)?.map_or(Cell::Nothing, Cell::Seconds),
            Holds::Share => row.try_get::<Option<f64>, _>(at)?.map_or(Cell::Nothing, Cell::Share),
            Holds::Moment => {
                let moment: Option<DateTime<Utc>> = row.try_get(at)?;
                moment.map_or(Cell::Nothing, |moment| Cell::Moment(moment.with_timezone(&zone).naive_local()))
            }
            Holds::Day => row.try_get::<Option<NaiveDate>, _>(at)?.map_or(Cell::Nothing, Cell::Day),
            Holds::Money(currency) => {
                let of: Option<Currency> = row.try_get::<Option<&str>, _>(currency)?.and_then(|text| text.parse().ok());
                match (row.try_get::<Option<i64>, _>(at)?, of) {
                    (Some(minor), Some(currency)) => Cell::Money(Money::new(minor, currency)),
                    _ => Cell::Nothing,
                }
            }
        })
    }
}

/// What the columns come to, as rows pass.
#[derive(Debug)]
pub(super) struct Totals {
    columns: &'static [Column],
    sums: Vec<Sum>,
    last_day: Option<NaiveDate>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    sum: i128,
    /// Of those that are there, each as heavy as it is.
    weighted: i128,
    weight: i128,
    /// The currency of all amounts; `Some(None)`: of several.
    currency: Option<Option<Currency>>,
}

impl Totals {
    pub(super) fn new(columns: &'static [Column]) -> Self {
        Self { columns, sums: vec![Sum::default(); columns.len()], last_day: None }
    }

    pub(super) fn add(&mut self, cells: &[Cell<'_>]) {
        if let Some(Cell::Day(day)) = cells.first()
            && self.last_day.is_none_or(|last| last < *day)
        {
            self.last_day = Some(*day);
            for (sum, column) in self.sums.iter_mut().zip(self.columns) {
                if matches!(column.total, Total::Last) {
                    sum.sum = 0;
                }
            }
        }
        for (at, (cell, column)) in cells.iter().zip(self.columns).enumerate() {
            let sum = &mut self.sums[at];
            let (Cell::Count(number) | Cell::Seconds(number) | Cell::Money(Money { minor: number, .. })) = *cell else {
                continue;
            };
            sum.sum += i128::from(number);
            if let Cell::Money(money) = cell {
                let same = sum.currency.is_none_or(|known| known == Some(money.currency));
                sum.currency = Some(Some(money.currency).filter(|_| same));
            }
            if let (Total::Mean(by), Cell::Seconds(_)) = (column.total, cell)
                && let Some(Cell::Count(weight)) = cells.get(by)
            {
                sum.weighted += i128::from(number) * i128::from(*weight);
                sum.weight += i128::from(*weight);
            }
        }
    }

    /// What each column comes to.
    pub(super) fn cells(&self) -> Vec<Cell<'static>> {
        let total = |(column, sum): (&Column, &Sum)| match column.total {
            Total::None => Cell::Nothing,
            Total::Sum | Total::Last => match (column.holds, sum.currency) {
                (Holds::Money(_), Some(Some(currency))) => Cell::Money(Money::new(whole(sum.sum), currency)),
                (Holds::Money(_), _) => Cell::Nothing,
                (Holds::Seconds, _) => Cell::Seconds(whole(sum.sum)),
                _ => Cell::Count(whole(sum.sum)),
            },
            Total::Mean(_) if sum.weight == 0 => Cell::Nothing,
            Total::Mean(_) => Cell::Seconds(whole((sum.weighted + sum.weight / 2) / sum.weight)),
            Total::Share(part, other) => {
                let (part, other) = (self.sums[part].sum, self.sums[other].sum);
                if part + other == 0 { Cell::Nothing } else { Cell::Share(part as f64 / (part + other) as f64) }
            }
        };
        self.columns.iter().zip(&self.sums).map(total).collect()
    }

    /// The same that are numbers, by their columns' names.
    pub(super) fn figures(&self) -> serde_json::Map<String, serde_json::Value> {
        let named = self.columns.iter().zip(self.cells());
        named
            .filter_map(|(column, cell)| {
                let value = match cell {
                    Cell::Count(number) | Cell::Seconds(number) | Cell::Money(Money { minor: number, .. }) => number.into(),
                    Cell::Share(share) => share.into(),
                    _ => return None,
                };
                Some((column.key.to_owned(), value))
            })
            .collect()
    }
}

fn whole(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("day", "Día", "Day", Holds::Day),
        Column::new("kept", "Cumplidas", "Kept", Holds::Count).total(Total::Sum),
        Column::new("broken", "Incumplidas", "Broken", Holds::Count).total(Total::Sum),
        Column::new("share", "Cumplimiento", "Kept, %", Holds::Share).total(Total::Share(1, 2)),
        Column::new("mean", "Media", "Mean", Holds::Seconds).total(Total::Mean(1)),
        Column::new("open", "Sin resolver", "Open", Holds::Count).total(Total::Last),
        Column::new("paid", "Pagado", "Paid", Holds::Money(0)).total(Total::Sum),
    ];

    fn day(text: &str) -> Cell<'static> {
        Cell::Day(text.parse().expect("a day"))
    }

    #[test]
    fn means_are_weighed_shares_are_of_the_whole_and_stocks_are_of_the_last_day() {
        let mut totals = Totals::new(COLUMNS);
        assert_eq!(
            totals.cells()[1..],
            [Cell::Count(0), Cell::Count(0), Cell::Nothing, Cell::Nothing, Cell::Count(0), Cell::Nothing]
        );
        let cop = |minor| Cell::Money(Money::new(minor, Currency::COP));
        totals.add(&[
            day("2026-01-01"),
            Cell::Count(1),
            Cell::Count(0),
            Cell::Share(1.0),
            Cell::Seconds(10),
            Cell::Count(7),
            cop(5),
        ]);
        totals.add(&[
            day("2026-01-02"),
            Cell::Count(2),
            Cell::Count(1),
            Cell::Nothing,
            Cell::Seconds(40),
            Cell::Count(4),
            cop(-2),
        ]);
        totals.add(&[day("2026-01-02"), Cell::Count(0), Cell::Count(0), Cell::Nothing, Cell::Nothing, Cell::Count(1), cop(1)]);
        assert_eq!(
            totals.cells()[1..],
            [Cell::Count(3), Cell::Count(1), Cell::Share(0.75), Cell::Seconds(30), Cell::Count(5), cop(4)]
        );
        let usd = Cell::Money(Money::new(9, Currency::USD));
        totals.add(&[day("2026-01-02"), Cell::Count(0), Cell::Count(0), Cell::Nothing, Cell::Nothing, Cell::Count(0), usd]);
        assert_eq!(totals.cells()[6], Cell::Nothing, "currencies are never summed");
    }
}
