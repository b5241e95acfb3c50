//! A chart as shapes: bars beside or upon each other, or lines, above an axis with round figures.

use jobs::ports::pdf::DrawnChart;

use super::{
    draw::{At, COBALT, INK, Ink, LINE, MM, Mark, Outline, SAFFRON, SKY, SOFT, Step, WASH},
    fonts::{Fonts, Style},
    report::{Side, set, shortened, write},
};

/// Colours of the series; beyond these they begin anew.
const INKS: [Ink; 3] = [COBALT, SAFFRON, SKY];
/// How many figures the axis has about, above nothing.
const TICKS: f64 = 4.0;
const SMALL: f32 = 7.5;
/// For the figures of the axis, and for what stands below it.
const LEFT: f32 = 13.0;
const BELOW: f32 = 6.0;
const ABOVE: f32 = 13.0;

/// A box of the page, in millimetres.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) at: At,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// What the plot itself takes, and by what its figures are measured.
struct Plot<'a> {
    chart: &'a DrawnChart,
    area: Area,
    low: f64,
    high: f64,
}

/// Draws it.
pub(super) fn draw<'f>(fonts: &'f Fonts, chart: &DrawnChart, area: Area, marks: &mut Vec<Mark<'f>>) {
    title(fonts, chart, area, marks);
    let inner = Area {
        at: At { x: area.at.x + LEFT, y: area.at.y + ABOVE },
        width: area.width - LEFT,
        height: area.height - ABOVE - BELOW,
    };
    let (least, most) = bounds(chart);
    let step = round_step((most - least) / TICKS);
    let plot = Plot { chart, area: inner, low: (least / step).floor() * step, high: (most / step).ceil() * step };
    let ticks = ((plot.high - plot.low) / step).round() as i32;
    for tick in 0..=ticks {
        let value = plot.low + f64::from(tick) * step;
        let y = plot.y(value);
        let (wide, ink) = if value == 0.0 { (0.8, LINE) } else { (0.4, WASH) };
        marks.push(Mark::Rule(At { x: inner.at.x, y }, At { x: inner.at.x + inner.width, y }, wide, ink));
        let figure = set(fonts, Style::Text, &figure(value));
        write(figure, Side::Right(inner.at.x - 1.5), y + 1.0, SMALL, SOFT, marks);
    }
    if chart.is_line {
        plot.lines(marks);
    } else {
        plot.bars(marks);
    }
    plot.labels(fonts, marks);
}

fn title<'f>(fonts: &'f Fonts, chart: &DrawnChart, area: Area, marks: &mut Vec<Mark<'f>>) {
    write(set(fonts, Style::TextBold, &chart.title), Side::Left(area.at.x), area.at.y + 4.0, 10.0, INK, marks);
    let mut x = area.at.x;
    for (place, (name, _)) in chart.series.iter().enumerate() {
        let line = set(fonts, Style::Text, name);
        let wide = line.width * SMALL / MM;
        marks.push(Mark::Fill(vec![rectangle(x, area.at.y + 6.6, 2.4, 2.4)], ink(place)));
        write(line, Side::Left(x + 3.6), area.at.y + 8.8, SMALL, SOFT, marks);
        x += wide + 9.0;
    }
}

impl Plot<'_> {
    fn y(&self, value: f64) -> f32 {
        let part = ((value - self.low) / (self.high - self.low)) as f32;
        self.area.at.y + self.area.height * (1.0 - part)
    }

    /// How much of the width each label has.
    fn slot(&self) -> f32 {
        self.area.width / self.chart.labels.len().max(1) as f32
    }

    fn bars(&self, marks: &mut Vec<Mark<'_>>) {
        let slot = self.slot();
        let abreast = if self.chart.is_stacked { 1 } else { self.chart.series.len() };
        let wide = (slot * 0.72 / abreast as f32).min(14.0);
        for at in 0..self.chart.labels.len() {
            let left = self.area.at.x + slot * (at as f32 + 0.5) - wide * abreast as f32 / 2.0;
            let mut upon = 0.0;
            for (place, (_, values)) in self.chart.series.iter().enumerate() {
                let value = values.get(at).copied().unwrap_or(0.0);
                let (from, to) = if self.chart.is_stacked { (upon, upon + value) } else { (0.0, value) };
                let x = if self.chart.is_stacked { left } else { left + wide * place as f32 };
                let (top, bottom) = (self.y(from.max(to)), self.y(from.min(to)));
                if bottom - top > 0.01 {
                    marks.push(Mark::Fill(vec![rectangle(x, top, wide * 0.94, bottom - top)], ink(place)));
                }
                upon = to;
            }
        }
    }

    fn lines(&self, marks: &mut Vec<Mark<'_>>) {
        let slot = self.slot();
        for (place, (_, values)) in self.chart.series.iter().enumerate() {
            let point = |at: usize, value: f64| At { x: self.area.at.x + slot * (at as f32 + 0.5), y: self.y(value) };
            let points: Vec<At> = values.iter().enumerate().map(|(at, value)| point(at, *value)).collect();
            for ends in points.windows(2) {
                marks.push(Mark::Rule(ends[0], ends[1], 1.4, ink(place)));
            }
        }
    }

    /// As many as there is room for; the last ones keep within the plot.
    fn labels<'f>(&self, fonts: &'f Fonts, marks: &mut Vec<Mark<'f>>) {
        let (slot, right) = (self.slot(), self.area.at.x + self.area.width);
        let every = (18.0 / slot).ceil().max(1.0) as usize;
        let mut taken = 0.0;
        for (at, label) in self.chart.labels.iter().enumerate().step_by(every) {
            let line = shortened(fonts, Style::Text, label, slot * every as f32 - 1.0, SMALL);
            let half = line.width * SMALL / MM / 2.0;
            let middle = (self.area.at.x + slot * (at as f32 + 0.5)).min(right - half);
            if middle - half >= taken {
                write(line, Side::Middle(middle), self.area.at.y + self.area.height + 4.0, SMALL, SOFT, marks);
                taken = middle + half + 1.0;
            }
        }
    }
}

/// From the least to the most that is drawn; nothing is always between them.
fn bounds(chart: &DrawnChart) -> (f64, f64) {
    let count = chart.labels.len();
    let sums = (0..count).map(|at| chart.series.iter().map(|(_, values)| values.get(at).copied().unwrap_or(0.0)).sum::<f64>());
    let all: Vec<f64> = if chart.is_stacked {
        sums.collect()
    } else {
        chart.series.iter().flat_map(|(_, values)| values.iter().copied()).collect()
    };
    let least = all.iter().copied().fold(0.0, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    if most > least { (least, most) } else { (0.0, 1.0) }
}

/// The smallest of 1, 2 and 5 times a power of ten that is no smaller; figures are whole.
fn round_step(step: f64) -> f64 {
    let unit = 10_f64.powf(step.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * unit).find(|rounded| *rounded >= step).unwrap_or(unit * 10.0)
}

fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 1e9 => format!("{} G", value / 1e9),
        large if large >= 1e6 => format!("{} M", value / 1e6),
        large if large >= 1e4 => format!("{} k", value / 1e3),
        _ => format!("{value}"),
    }
}

fn ink(place: usize) -> Ink {
    INKS[place % INKS.len()]
}

/// A filled rectangle.
pub(super) fn rectangle(x: f32, y: f32, width: f32, height: f32) -> Outline {
    let corner = |x, y| Step::To(At { x, y });
    Outline(vec![corner(x, y), corner(x + width, y), corner(x + width, y + height), corner(x, y + height)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_round_figures() {
        let steps = [0.2, 1.0, 1.1, 2.5, 7.0, 30.0, 101.0].map(round_step);
        assert_eq!(steps, [1.0, 1.0, 2.0, 5.0, 10.0, 50.0, 200.0]);
        assert_eq!([0.0, 500.0, 20_000.0, 2_500_000.0].map(figure), ["0", "500", "20 k", "2.5 M"]);
    }

    #[test]
    fn what_is_stacked_is_measured_by_its_sum() {
        let mut chart = DrawnChart {
            title: String::new(),
            labels: vec!["a".to_owned()],
            series: vec![("x".to_owned(), vec![3.0]), ("y".to_owned(), vec![4.0])],
            is_stacked: true,
            is_line: false,
        };
        assert_eq!(bounds(&chart), (0.0, 7.0));
        chart.is_stacked = false;
        assert_eq!(bounds(&chart), (0.0, 4.0));
        chart.series = vec![("x".to_owned(), vec![-2.0])];
        assert_eq!(bounds(&chart), (-2.0, 0.0));
    }

    #[test]
    fn whatever_the_number_of_days_their_labels_stand_apart_and_within_the_plot() {
        let fonts = Fonts::find(std::path::Path::new("/usr/share/fonts")).expect("the fonts are installed");
        let area = Area { at: At { x: 27.0, y: 60.0 }, width: 256.0, height: 51.0 };
        for days in 1..=400 {
            let chart = DrawnChart {
                title: String::new(),
                labels: vec!["2026-11-24".to_owned(); days],
                series: vec![("x".to_owned(), vec![1.0; days])],
                is_stacked: false,
                is_line: true,
            };
            let mut marks = Vec::new();

            Plot { chart: &chart, area, low: 0.0, high: 1.0 }.labels(&fonts, &mut marks);

            let mut free_from = area.at.x - LEFT;
            for mark in &marks {
                let Mark::Text(line, at, size, _) = mark else { panic!("no label: {mark:?}") };
                assert!(at.x >= free_from, "{days} days: {} is taken", at.x);
                free_from = at.x + line.width * size / MM;
            }
            assert!(!marks.is_empty() && free_from <= area.at.x + area.width + 0.01, "{days} days end at {free_from}");
        }
    }
}
