//! A text in a box: as large as it may be, in as few lines as look well.

use jobs::ports::pdf::Uncovered;
use unicode_script::{Script, UnicodeScript as _};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    fonts::{Fonts, Style},
    text::{Line, lay_out},
};

/// What a text may take, in points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) size: f32,
}

/// A text that fits.
#[derive(Debug)]
pub(super) struct Fitted<'f> {
    pub(super) lines: Vec<Line<'f>>,
    /// In points.
    pub(super) size: f32,
}

/// From baseline to baseline, in ems.
pub(super) const LEADING: f32 = 1.28;
/// Two hundred signs of the widest script still fit.
const MOST_LINES: usize = 5;
/// Another line is worth it if the letters grow by so much.
const WORTH: f32 = 1.3;
/// Letters that are so small, in points, take whatever they can get.
const SMALL: f32 = 10.0;
/// Longer words are cut, where nothing else helps.
const LONG_WORD: usize = 24;

/// Lays a text out within bounds.
///
/// # Errors
/// Signs that no font has.
pub(super) fn fit<'f>(fonts: &'f Fonts, style: Style, text: &str, bounds: Bounds) -> Result<Fitted<'f>, Vec<Uncovered>> {
    let whole = lay_out(fonts, style, text, 0.0)?;
    let mut best = (size(whole.width, 1, bounds), vec![text.trim().to_owned()]);
    let pieces = pieces(text);
    let widths =
        pieces.iter().map(|piece| lay_out(fonts, style, piece, 0.0).map(|line| line.width)).collect::<Result<Vec<_>, _>>()?;
    for lines in 2..=MOST_LINES.min(pieces.len()) {
        let breaks = balance(&widths, lines);
        let broken: Vec<String> = breaks.iter().map(|range| pieces[range.clone()].concat().trim().to_owned()).collect();
        let widest = breaks.iter().map(|range| widths[range.clone()].iter().sum::<f32>()).fold(0.0, f32::max);
        let size = size(widest, lines, bounds);
        if size > best.0 * if best.0 < SMALL { 1.0 } else { WORTH } {
            best = (size, broken);
        }
    }
    let lines = best.1.iter().map(|line| lay_out(fonts, style, line, 0.0)).collect::<Result<Vec<_>, _>>()?;
    // A line's end may be narrower or, by another form of a letter, wider than its pieces were.
    let widest = lines.iter().map(|line| line.width).fold(0.0, f32::max);
    Ok(Fitted { size: size(widest, lines.len(), bounds), lines })
}

fn size(widest: f32, lines: usize, bounds: Bounds) -> f32 {
    let height = bounds.height / (LEADING * (lines as f32 - 1.0) + 1.0);
    bounds.size.min(bounds.width / widest.max(0.01)).min(height)
}

/// Where a line may end: after a space, between signs of scripts that have none, and within words that nobody could fit.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = vec![String::new()];
    let mut in_word = 0;
    for sign in text.graphemes(true) {
        let is_dense = sign.chars().next().is_some_and(|sign| {
            matches!(
                sign.script(),
                Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul | Script::Thai | Script::Lao
            )
        });
        let last = pieces.last().map_or("", |piece| piece.as_str());
        let ends = last.ends_with(char::is_whitespace) && !sign.trim().is_empty();
        if !last.is_empty() && (ends || is_dense || in_word >= LONG_WORD) {
            pieces.push(String::new());
            in_word = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(sign);
        }
        in_word = if sign.trim().is_empty() { 0 } else { in_word + 1 };
    }
    pieces
}

/// The pieces in that many lines, so that the widest line is as narrow as can be.
fn balance(widths: &[f32], lines: usize) -> Vec<std::ops::Range<usize>> {
    let count = widths.len();
    let mut sums = vec![0.0];
    for width in widths {
        sums.push(sums.last().copied().unwrap_or(0.0) + width);
    }
    // best[l][n]: the widest line, and where the last one begins, of the first n pieces in l + 1 lines.
    let mut best = vec![(0..=count).map(|n| (sums[n], 0)).collect::<Vec<(f32, usize)>>()];
    for line in 1..lines {
        let before = &best[line - 1];
        let row = (0..=count)
            .map(|n| {
                let ways = (line..n.max(line)).map(|start| (before[start].0.max(sums[n] - sums[start]), start));
                ways.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f32::INFINITY, n))
            })
            .collect();
        best.push(row);
    }
    let (mut end, mut ranges) = (count, Vec::new());
    for line in (0..lines).rev() {
        let start = if line == 0 { 0 } else { best[line][end].1 };
        ranges.push(start..end);
        end = start;
    }
    ranges.reverse();
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_spaces_between_dense_signs_and_in_endless_words() {
        assert_eq!(pieces("Ana de la Cruz"), ["Ana ", "de ", "la ", "Cruz"]);
        assert_eq!(pieces("李小龍 Lee"), ["李", "小", "龍 ", "Lee"]);
        assert_eq!(pieces(&"x".repeat(50)).iter().map(String::len).collect::<Vec<_>>(), [24, 24, 2]);
        assert_eq!(pieces("e\u{301}a"), ["e\u{301}a"]);
    }

    #[test]
    fn lines_are_as_even_as_can_be() {
        assert_eq!(balance(&[5.0, 1.0, 1.0, 5.0], 2), [0..2, 2..4]);
        assert_eq!(balance(&[9.0, 1.0, 1.0, 1.0], 2), [0..1, 1..4]);
        assert_eq!(balance(&[1.0, 1.0, 1.0], 3), [0..1, 1..2, 2..3]);
    }
}
