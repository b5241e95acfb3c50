//! The tiles beside the text: each certificate has its own, made of its serial, so that two of them are told apart on a wall.

use sha2::{Digest as _, Sha256};

use super::draw::{At, COBALT, INK, Ink, Mark, SAFFRON, SKY, Square, WASH};

/// How many tiles stand above each other.
pub(super) const TILES: u8 = 10;

/// A cut of the tile.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Quarter,
    Ring,
    Leaf,
    Arch,
    Disc,
    Diamond,
    TwoQuarters,
}

/// Ground, cut, and what the cut is filled with: pairs that look well beside any other.
const GLAZES: [(Option<Ink>, Cut, Ink); 14] = [
    (None, Cut::Quarter, COBALT),
    (Some(COBALT), Cut::Quarter, SAFFRON),
    (Some(WASH), Cut::Leaf, COBALT),
    (None, Cut::Ring, COBALT),
    (Some(COBALT), Cut::Disc, WASH),
    (Some(SKY), Cut::Arch, COBALT),
    (Some(SAFFRON), Cut::Leaf, COBALT),
    (None, Cut::TwoQuarters, COBALT),
    (Some(SKY), Cut::Diamond, INK),
    (Some(COBALT), Cut::Leaf, SKY),
    (Some(WASH), Cut::Ring, COBALT),
    (Some(INK), Cut::Quarter, SKY),
    (Some(WASH), Cut::Disc, SAFFRON),
    (Some(COBALT), Cut::TwoQuarters, WASH),
];

/// A column of tiles; its mirror image stands on the other side.
pub(super) fn column<'f>(serial: &str, top: At, side: f32, is_mirrored: bool) -> Vec<Mark<'f>> {
    let dice = Sha256::digest(serial);
    let mut marks = Vec::new();
    let mut before = usize::MAX;
    for place in 0..TILES {
        let (first, second) = (dice[usize::from(place)], dice[usize::from(place) + usize::from(TILES)]);
        let mut glaze = usize::from(first) % GLAZES.len();
        if glaze == before {
            glaze = (glaze + 1) % GLAZES.len();
        }
        before = glaze;
        let at = At { x: top.x, y: top.y + f32::from(place) * side };
        lay(Square { at, side, turns: second % 4, is_mirrored: false }, GLAZES[glaze], is_mirrored, &mut marks);
    }
    marks
}

fn lay(tile: Square, (ground, cut, ink): (Option<Ink>, Cut, Ink), is_mirrored: bool, marks: &mut Vec<Mark<'_>>) {
    // Mirrored after it is turned: the other way about, each tile would be mirrored and the column not.
    let tile = if is_mirrored { Square { turns: (4 - tile.turns) % 4, is_mirrored, ..tile } } else { tile };
    if let Some(ground) = ground {
        marks.push(Mark::Fill(vec![tile.whole()], ground));
    }
    let opposite = Square { turns: (tile.turns + 2) % 4, ..tile };
    let outlines = match cut {
        Cut::Quarter => vec![tile.quarter(0.0, 1.0)],
        Cut::Ring => vec![tile.quarter(0.55, 1.0)],
        Cut::Leaf => vec![tile.leaf()],
        Cut::Arch => vec![tile.arch()],
        Cut::Disc => vec![tile.disc(0.36)],
        Cut::Diamond => vec![tile.diamond()],
        Cut::TwoQuarters => vec![tile.quarter(0.0, 0.5), opposite.quarter(0.0, 0.5)],
    };
    marks.push(Mark::Fill(outlines, ink));
}

/// The school's mark: a ring of three tiles, and the fourth being laid.
pub(super) fn mark<'f>(at: At, side: f32) -> Vec<Mark<'f>> {
    let tile = side * 0.47;
    let far = side - tile;
    let square = |x: f32, y: f32, turns| Square { at: At { x: at.x + x, y: at.y + y }, side: tile, turns, is_mirrored: false };
    // Each ring around the middle of the mark: turned so that its first corner lies there.
    let ring = |square: Square| square.quarter(0.42, 1.0);
    vec![
        Mark::Fill(vec![ring(square(0.0, 0.0, 2)), ring(square(far, 0.0, 3)), ring(square(0.0, far, 1))], COBALT),
        Mark::Fill(vec![square(far, far, 0).whole()], SAFFRON),
    ]
}
