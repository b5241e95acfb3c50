//! What a report's chart shows, as rows pass.

use std::collections::HashMap;

use super::{
    kind::Kind,
    layout,
    said::said,
    table::{Cell, Column},
};
use crate::{accounts::locale::Locale, payments::money::Money, ports::pdf::DrawnChart};

/// So many clients or agents stand apart; the others stand together. Days and months all stand, one beside the other.
const MOST_BARS: usize = 12;
/// So many points a line has; of more days, only every other or third stands there.
const MOST_POINTS: usize = 180;

#[derive(Debug)]
pub(super) struct Chart {
    of: &'static layout::Chart,
    columns: &'static [Column],
    locale: Locale,
    places: HashMap<String, usize>,
    labels: Vec<String>,
    values: Vec<Vec<f64>>,
    /// Whether what is told apart is days or months, in their order.
    is_in_time: bool,
}

impl Chart {
    pub(super) fn new(kind: Kind, locale: Locale) -> Self {
        let layout = kind.layout();
        let is_in_time = matches!(layout.columns[layout.chart.label].key, "day" | "month");
        let (places, labels, values) = (HashMap::new(), Vec::new(), Vec::new());
        Self { of: &layout.chart, columns: layout.columns, locale, places, labels, values, is_in_time }
    }

    pub(super) fn add(&mut self, cells: &[Cell<'_>]) {
        let Some(label) = cells.get(self.of.label).map(|cell| said(cell, self.locale)) else { return };
        let of = self.of.series.iter().map(|at| match cells.get(*at) {
            Some(Cell::Count(number) | Cell::Seconds(number) | Cell::Money(Money { minor: number, .. })) => *number as f64,
            _ => 0.0,
        });
        let of: Vec<f64> = if self.of.series.is_empty() { vec![1.0] } else { of.collect() };
        match self.places.get(&label) {
            Some(place) => self.values[*place].iter_mut().zip(of).for_each(|(sum, more)| *sum += more),
            None => {
                self.places.insert(label.clone(), self.labels.len());
                self.labels.push(label);
                self.values.push(of);
            }
        }
    }

    /// What there is to draw; of nothing, nothing.
    pub(super) fn drawn(self) -> Option<DrawnChart> {
        let mut bars: Vec<(String, Vec<f64>)> = self.labels.into_iter().zip(self.values).collect();
        if !self.is_in_time {
            bars.sort_by(|a, b| b.1.iter().sum::<f64>().total_cmp(&a.1.iter().sum()));
            let others = bars.split_off(bars.len().min(MOST_BARS));
            if !others.is_empty() {
                let word = match self.locale {
                    Locale::Es => "Otros",
                    Locale::En => "Others",
                };
                let sum = |at: usize| others.iter().map(|(_, values)| values[at]).sum();
                bars.push((word.to_owned(), (0..others[0].1.len()).map(sum).collect()));
            }
        }
        if bars.iter().all(|(_, values)| values.iter().all(|value| *value == 0.0)) {
            return None;
        }
        let is_line = self.is_in_time && bars.len() > 2 * MOST_BARS;
        if bars.len() > MOST_POINTS {
            let step = bars.len().div_ceil(MOST_POINTS);
            bars = bars.into_iter().step_by(step).collect();
        }
        let title = |es: &'static str, en: &'static str| match self.locale {
            Locale::Es => es,
            Locale::En => en,
        };
        let names: Vec<&str> = if self.of.series.is_empty() {
            vec![title("Filas", "Rows")]
        } else {
            self.of.series.iter().map(|at| self.columns[*at].title(self.locale)).collect()
        };
        let series = names
            .iter()
            .enumerate()
            .map(|(at, name)| ((*name).to_owned(), bars.iter().map(|(_, values)| values[at]).collect()))
            .collect();
        Some(DrawnChart {
            title: title(self.of.es, self.of.en).to_owned(),
            labels: bars.into_iter().map(|(label, _)| label).collect(),
            series,
            is_stacked: self.of.is_stacked,
            is_line,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_stand_apart_and_the_others_together() {
        let mut chart = Chart::new(Kind::Daily, Locale::En);
        for client in 0..15 {
            let name = format!("c{client}");
            let row = [Cell::Text(&name), Cell::Count(client), Cell::Nothing, Cell::Count(1)];
            chart.add(&row);
            chart.add(&row);
        }
        let drawn = chart.drawn().expect("something");
        assert_eq!(drawn.labels.len(), 13);
        assert_eq!((drawn.labels[0].as_str(), drawn.labels[12].as_str()), ("c14", "Others"));
        assert_eq!(drawn.series[0].1[..2], [28.0, 26.0]);
        assert_eq!((drawn.series[0].1[12], drawn.series[1].1[12]), (6.0, 6.0));
    }

    #[test]
    fn days_stand_in_their_order_and_nothing_is_no_chart() {
        let mut chart = Chart::new(Kind::Volumes, Locale::Es);
        for day in ["2026-01-01", "2026-01-02", "2026-01-01"] {
            let day = Cell::Day(day.parse().expect("a day"));
            chart.add(&[day, Cell::Nothing, Cell::Nothing, Cell::Count(0), Cell::Count(2), Cell::Count(0)]);
        }
        let drawn = chart.drawn().expect("something");
        assert_eq!((drawn.labels, &drawn.series[1].1), (vec!["2026-01-01".to_owned(), "2026-01-02".to_owned()], &vec![4.0, 2.0]));
        let mut nothing = Chart::new(Kind::Volumes, Locale::Es);
        nothing.add(&[Cell::Day("2026-01-01".parse().expect("a day"))]);
        assert!(nothing.drawn().is_none() && Chart::new(Kind::Sla, Locale::Es).drawn().is_none());
    }
}
