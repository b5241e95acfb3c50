//! What stands on a page: shapes and lines of text, in millimetres from the upper left corner.

use super::text::Line;

/// Points in a millimetre.
pub(super) const MM: f32 = 72.0 / 25.4;
/// How far from the ends of a quarter circle of radius 1 its control points lie.
const ROUND: f32 = 0.552_284_8;

/// A place, in millimetres from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct At {
    pub(super) x: f32,
    pub(super) y: f32,
}

/// A colour of the site's (web/assets/src/tokens.css), for paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ink(pub(super) u8, pub(super) u8, pub(super) u8);

pub(super) const INK: Ink = Ink(0x13, 0x1c, 0x2e);
pub(super) const SOFT: Ink = Ink(0x4b, 0x5a, 0x73);
pub(super) const LINE: Ink = Ink(0x7d, 0x8a, 0xa1);
pub(super) const COBALT: Ink = Ink(0x1f, 0x43, 0xb0);
pub(super) const SKY: Ink = Ink(0x9f, 0xb6, 0xee);
pub(super) const WASH: Ink = Ink(0xe4, 0xea, 0xfb);
pub(super) const SAFFRON: Ink = Ink(0xf0, 0xb3, 0x23);

/// A step of a closed outline.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    To(At),
    /// A curve: two control points and its end.
    Bend(At, At, At),
}

/// A closed outline.
#[derive(Debug, Clone)]
pub(super) struct Outline(pub(super) Vec<Step>);

/// Something on the page.
#[derive(Debug, Clone)]
pub(super) enum Mark<'f> {
    /// Outlines, filled.
    Fill(Vec<Outline>, Ink),
    /// A line from place to place, so wide in points.
    Rule(At, At, f32, Ink),
    /// A line of text: where its baseline begins, and its size in points.
    Text(Line<'f>, At, f32, Ink),
    /// What leads to an address: upper left and lower right corner.
    Link(At, At, String),
}

/// A square of the page, and how it is turned (in quarters) and mirrored: shapes are drawn in units of its side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Square {
    pub(super) at: At,
    pub(super) side: f32,
    pub(super) turns: u8,
    pub(super) is_mirrored: bool,
}

impl Square {
    fn place(self, x: f32, y: f32) -> At {
        let x = if self.is_mirrored { 1.0 - x } else { x };
        let (x, y) = match self.turns % 4 {
            0 => (x, y),
            1 => (1.0 - y, x),
            2 => (1.0 - x, 1.0 - y),
            _ => (y, 1.0 - x),
        };
        At { x: self.at.x + x * self.side, y: self.at.y + y * self.side }
    }

    /// Straight lines through these.
    pub(super) fn polygon(self, points: &[(f32, f32)]) -> Outline {
        Outline(points.iter().map(|(x, y)| Step::To(self.place(*x, *y))).collect())
    }

    pub(super) fn whole(self) -> Outline {
        self.polygon(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    }

    /// A quarter of a circle around the first corner, between two radii.
    pub(super) fn quarter(self, inner: f32, outer: f32) -> Outline {
        let mut steps = vec![Step::To(self.place(inner, 0.0)), Step::To(self.place(outer, 0.0))];
        steps.push(self.bend((outer, outer * ROUND), (outer * ROUND, outer), (0.0, outer)));
        steps.push(Step::To(self.place(0.0, inner)));
        steps.push(self.bend((inner * ROUND, inner), (inner, inner * ROUND), (inner, 0.0)));
        Outline(steps)
    }

    /// Two arcs from corner to corner.
    pub(super) fn leaf(self) -> Outline {
        Outline(vec![
            Step::To(self.place(0.0, 0.0)),
            self.bend((ROUND, 0.0), (1.0, 1.0 - ROUND), (1.0, 1.0)),
            self.bend((1.0 - ROUND, 1.0), (0.0, ROUND), (0.0, 0.0)),
        ])
    }

    /// Round above and straight below.
    pub(super) fn arch(self) -> Outline {
        Outline(vec![
            Step::To(self.place(0.0, 1.0)),
            Step::To(self.place(0.0, 0.5)),
            self.bend((0.0, 0.5 - 0.5 * ROUND), (0.5 - 0.5 * ROUND, 0.0), (0.5, 0.0)),
            self.bend((0.5 + 0.5 * ROUND, 0.0), (1.0, 0.5 - 0.5 * ROUND), (1.0, 0.5)),
            Step::To(self.place(1.0, 1.0)),
        ])
    }

    /// A circle around the middle.
    pub(super) fn disc(self, radius: f32) -> Outline {
        let (near, far) = (0.5 - radius, 0.5 + radius);
        let (low, high) = (0.5 - radius * ROUND, 0.5 + radius * ROUND);
        Outline(vec![
            Step::To(self.place(0.5, near)),
            self.bend((high, near), (far, low), (far, 0.5)),
            self.bend((far, high), (high, far), (0.5, far)),
            self.bend((low, far), (near, high), (near, 0.5)),
            self.bend((near, low), (low, near), (0.5, near)),
        ])
    }

    pub(super) fn diamond(self) -> Outline {
        self.polygon(&[(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)])
    }

    fn bend(self, first: (f32, f32), second: (f32, f32), end: (f32, f32)) -> Step {
        Step::Bend(self.place(first.0, first.1), self.place(second.0, second.1), self.place(end.0, end.1))
    }
}
