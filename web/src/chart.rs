//! Charts of bars over and under a line, in units of their own: the page stretches them to its width.

/// How high a chart is.
pub(crate) const HEIGHT: i64 = 1000;
/// How wide a day is, its bar and the gap beside it.
pub(crate) const DAY: usize = 10;

/// A bar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) x: usize,
    pub(crate) y: i64,
    pub(crate) height: i64,
    /// Whether it hangs below the line.
    pub(crate) is_below: bool,
    /// What the pointer is told.
    pub(crate) says: String,
}

/// Where the line is, from above, and the bar of a value in its place; the values are between `worst` (0 or less) and `best` (0 or more).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    best: i64,
    worst: i64,
}

impl Scale {
    /// A chart that holds those values.
    pub(crate) fn of(values: impl Iterator<Item = i64>) -> Self {
        values.fold(Self { best: 0, worst: 0 }, |of, value| Self { best: of.best.max(value), worst: of.worst.min(value) })
    }

    /// Where nothing is, from above.
    pub(crate) fn baseline(self) -> i64 {
        self.scaled(self.best)
    }

    /// The bar of a value.
    pub(crate) fn bar(self, place: usize, value: i64, says: String) -> Bar {
        let height = self.scaled(value.saturating_abs());
        let y = if value < 0 { self.baseline() } else { self.baseline() - height };
        Bar { x: place * DAY, y, height, is_below: value < 0, says }
    }

    /// A part of the whole in the chart's units.
    fn scaled(self, part: i64) -> i64 {
        let whole = i128::from(self.best) - i128::from(self.worst);
        i64::try_from(i128::from(part) * i128::from(HEIGHT) / whole.max(1)).unwrap_or(HEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_share_the_height_between_what_is_over_the_line_and_under_it() {
        let scale = Scale::of([150, 0, -50].into_iter());
        assert_eq!(scale.baseline(), 750);
        let bar = |value| scale.bar(3, value, String::new());
        assert_eq!((bar(150).y, bar(150).height, bar(150).is_below), (0, 750, false));
        assert_eq!((bar(-50).y, bar(-50).height, bar(-50).is_below), (750, 250, true));
        assert_eq!((bar(50).x, bar(50).y, bar(50).height), (30, 500, 250));
        let flat = Scale::of([0, 0].into_iter());
        assert_eq!((flat.baseline(), flat.bar(0, 0, String::new()).height), (0, 0));
        let huge = Scale::of([i64::MAX, i64::MIN].into_iter());
        assert_eq!(huge.bar(0, i64::MAX, String::new()).height, 499);
    }
}
