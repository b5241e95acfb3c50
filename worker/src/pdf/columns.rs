//! The columns of a report on paper: how wide they are, and how what stands in them is broken into lines.
//!
//! Figures, days and numbers are never broken nor cut, and of a moment neither the day nor the hour, though one may stand above the other: their columns are
//! as wide as the widest of them. What is left is shared among the words, which take two lines where one is not enough, and end in three dots where two are
//! not. Where there is little room the letters are smaller.

use jobs::ports::pdf::{ReportSheet, SheetColumn};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    draw::MM,
    fit::pieces,
    fonts::{Fonts, Style},
    report::{set, shortened},
    text::Line,
};

/// A cell has so many lines at most.
const MOST_LINES: usize = 2;
/// A title of a column is broken into so many lines.
const MOST_TITLE_LINES: usize = 3;
/// Sizes of the text in points. The smaller of these are for words to have room,
const SIZES: [f32; 3] = [8.0, 7.5, 7.0];
/// and these for what cannot be broken. Beyond the last one even that is cut.
const SMALL_SIZES: [f32; 3] = [7.0, 6.5, 6.0];
/// What a column of words may ask for before the letters have the size that is pleasant, in ems: of a long text two lines say what it is about then.
const PLEASANT: f32 = 20.0;
/// Between columns, in millimetres.
const GAP: f32 = 3.0;
/// What a word may ask for alone, in ems; a longer one is broken between its letters.
const LONGEST_WORD: f32 = 8.5;
/// What no column needs is shared out as far as eyes still read across, in millimetres.
const SPARE: f32 = 14.0;
/// How much wider than its room a line may be, in ems: less than anybody sees.
const TOLERANCE: f32 = 0.02;

/// A column in its place, in millimetres.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) x: f32,
    pub(super) width: f32,
    pub(super) titles: Vec<String>,
    pub(super) is_right: bool,
}

/// A piece of a text behind which a line may end; its width in ems with the blank that follows it, and without.
#[derive(Debug)]
struct Piece {
    text: String,
    width: f32,
    bare: f32,
}

/// What a cell says, measured.
#[derive(Debug)]
pub(super) struct Said(Vec<Piece>);

/// A report's cells in their columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) places: Vec<Place>,
    pub(super) rows: Vec<Vec<Said>>,
    /// Of the text, in points.
    pub(super) size: f32,
}

/// What a column asks for, in ems: what it cannot do without, what two lines take, and what one line takes.
#[derive(Debug, Clone, Copy, Default)]
struct Needs {
    least: f32,
    two_lines: f32,
    one_line: f32,
}

impl Columns {
    /// Finds room for everything, from `x` on.
    pub(super) fn of(fonts: &Fonts, sheet: &ReportSheet, x: f32, inside: f32) -> Self {
        let measured = |row: &Vec<String>| {
            row.iter().zip(&sheet.columns).map(|(text, column)| Said::of(fonts, text, column.is_whole)).collect::<Vec<_>>()
        };
        let rows: Vec<Vec<Said>> = sheet.rows.iter().map(measured).collect();
        let needs: Vec<Needs> = (0..sheet.columns.len()).map(|at| Needs::of(fonts, sheet, &rows, at)).collect();
        let room = inside - GAP * (needs.len().max(1) - 1) as f32;
        let fits = |size: &f32, part: fn(&Needs) -> f32| needs.iter().map(part).sum::<f32>() * size / MM <= room;
        let size = SIZES.into_iter().find(|size| fits(size, |needs| needs.two_lines.min(PLEASANT).max(needs.least)));
        let size = size.or_else(|| SMALL_SIZES.into_iter().find(|size| fits(size, |needs| needs.least)));
        let size = size.unwrap_or(SMALL_SIZES[SMALL_SIZES.len() - 1]);
        let mut at = x;
        let places = widths(&needs, room * MM / size)
            .into_iter()
            .zip(&sheet.columns)
            .map(|(ems, SheetColumn { title, is_right, .. })| {
                let place = Place {
                    x: at,
                    width: ems * size / MM,
                    titles: title_lines(title, |text| set(fonts, Style::TextBold, text).width <= ems + TOLERANCE),
                    is_right: *is_right,
                };
                at += place.width + GAP;
                place
            })
            .collect();
        Self { places, rows, size }
    }
}

impl Said {
    pub(super) fn of(fonts: &Fonts, text: &str, is_whole: bool) -> Self {
        let piece = |text: String| {
            let width = |text: &str| set(fonts, Style::Text, text).width;
            let (whole, bare) = (width(&text), text.trim_end());
            Piece { width: whole, bare: if bare.len() == text.len() { whole } else { width(bare) }, text }
        };
        if text.is_empty() {
            return Self(Vec::new());
        }
        if is_whole {
            return Self(vec![piece(text.to_owned())]);
        }
        // On paper a line ends where there is no room, and nowhere else.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self(pieces(&text).into_iter().map(piece).collect())
    }

    /// How wide a line of some of its pieces is.
    fn width(&self, from: usize, until: usize) -> f32 {
        let Some(last) = until.checked_sub(1).filter(|last| *last >= from) else { return 0.0 };
        self.0[from..last].iter().map(|piece| piece.width).sum::<f32>() + self.0[last].bare
    }

    fn widest_piece(&self) -> f32 {
        self.0.iter().map(|piece| piece.bare).fold(0.0, f32::max)
    }

    /// How narrow a column may be in which it takes two lines.
    fn in_two_lines(&self) -> f32 {
        let count = self.0.len();
        let ways = (0..count.max(1)).map(|second| self.width(0, second).max(self.width(second, count)));
        ways.fold(f32::INFINITY, f32::min)
    }

    /// Its lines in a column of so many millimetres; the last one ends in three dots if there was more to say.
    pub(super) fn lines<'f>(&self, fonts: &'f Fonts, width: f32, size: f32) -> Vec<Line<'f>> {
        let ems = width * MM / size + TOLERANCE;
        let mut lines = Vec::new();
        let mut rest: Vec<&str> = self.0.iter().map(|piece| piece.text.as_str()).collect();
        let mut at = 0;
        while at < self.0.len() && lines.len() + 1 < MOST_LINES {
            let fit = (at + 1..=self.0.len()).take_while(|until| self.width(at, *until) <= ems).last();
            let line = match fit {
                Some(until) => {
                    let line = rest[at..until].concat();
                    at = until;
                    line
                }
                // A word that is wider than the column.
                None => {
                    let (begins, ends) = split(rest[at], |part| set(fonts, Style::Text, part).width <= ems);
                    rest[at] = ends;
                    begins.to_owned()
                }
            };
            lines.push(set(fonts, Style::Text, line.trim_end()));
        }
        if at < self.0.len() {
            lines.push(shortened(fonts, Style::Text, rest[at..].concat().trim_end(), width, size));
        }
        lines
    }
}

impl Needs {
    fn of(fonts: &Fonts, sheet: &ReportSheet, rows: &[Vec<Said>], at: usize) -> Self {
        let column = &sheet.columns[at];
        let bold = |text: &str| set(fonts, Style::TextBold, text).width;
        let titles = column.title.split(' ').map(bold).fold(0.0, f32::max);
        let total = sheet.totals.get(at).map_or(0.0, |total| bold(total));
        let of_all = |measure: fn(&Said) -> f32| rows.iter().filter_map(|row| row.get(at)).map(measure).fold(0.0, f32::max);
        let one_line = of_all(|said| said.width(0, said.0.len())).max(titles).max(total);
        if column.is_whole {
            return Self { least: one_line, two_lines: one_line, one_line };
        }
        let least = of_all(Said::widest_piece).min(LONGEST_WORD).max(titles).max(total);
        Self { least, two_lines: of_all(Said::in_two_lines).max(least), one_line }
    }
}

/// How wide the columns are, in ems. First everybody has what they cannot do without; then what two lines take, those first who want least; then what one
/// line takes; and what is left is for all.
fn widths(needs: &[Needs], room: f32) -> Vec<f32> {
    let [least, two_lines, one_line] =
        [|needs: &Needs| needs.least, |needs: &Needs| needs.two_lines, |needs: &Needs| needs.one_line.max(needs.two_lines)]
            .map(|part| needs.iter().map(part).collect::<Vec<f32>>());
    let sum = |widths: &[f32]| widths.iter().sum::<f32>();
    if sum(&least) > room {
        return shared(&vec![0.0; needs.len()], &least, room);
    }
    if sum(&two_lines) > room {
        return shared(&least, &two_lines, room);
    }
    let mut widths = shared(&two_lines, &one_line, room);
    let spare = ((room - sum(&widths)) / needs.len().max(1) as f32).clamp(0.0, SPARE * MM / SIZES[0]);
    widths.iter_mut().for_each(|width| *width += spare);
    widths
}

/// From what each has to what each wants, as far as there is room: who wants least is served first, and nobody of the others has less than another.
fn shared(have: &[f32], want: &[f32], room: f32) -> Vec<f32> {
    let up_to = |most: f32| have.iter().zip(want).map(|(have, want)| most.clamp(*have, want.max(*have))).collect::<Vec<f32>>();
    let whole = up_to(f32::INFINITY);
    if whole.iter().sum::<f32>() <= room {
        return whole;
    }
    let (mut low, mut high) = (0.0, want.iter().copied().fold(0.0, f32::max));
    // Halved so often that what is left is less than a letter's hair.
    for _ in 0..32 {
        let middle = f32::midpoint(low, high);
        if up_to(middle).iter().sum::<f32>() <= room { low = middle } else { high = middle }
    }
    up_to(low)
}

/// As much of a word as fits, and its rest. At least a letter stands on each line, so that it comes to an end.
fn split(word: &str, fits: impl Fn(&str) -> bool) -> (&str, &str) {
    let ends = word.grapheme_indices(true).map(|(start, letter)| start + letter.len());
    let first = word.graphemes(true).next().map_or(0, str::len);
    word.split_at(ends.take_while(|end| fits(&word[..*end])).last().unwrap_or(first))
}

/// A title in lines that fit.
fn title_lines(title: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in title.split(' ') {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        match (longer, lines.last_mut()) {
            (Some(longer), Some(last)) if fits(&longer) => *last = longer,
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > MOST_TITLE_LINES {
        let rest = lines.split_off(MOST_TITLE_LINES - 1);
        lines.push(rest.join(" "));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        let piece =
            |text: String| Piece { width: text.chars().count() as f32, bare: text.trim_end().chars().count() as f32, text };
        Said(pieces(text).into_iter().map(piece).collect())
    }

    #[test]
    fn who_wants_least_is_served_first_and_the_widest_give_way() {
        assert_eq!(shared(&[0.0; 3], &[10.0, 20.0, 30.0], 60.0), [10.0, 20.0, 30.0]);
        let given = shared(&[5.0, 20.0, 10.0], &[10.0, 80.0, 90.0], 70.0);
        assert!(given.iter().zip([10.0, 30.0, 30.0]).all(|(found, wanted)| (found - wanted).abs() < 0.01), "{given:?}");
        let kept = shared(&[50.0, 5.0], &[50.0, 90.0], 70.0);
        assert!(kept.iter().zip([50.0, 20.0]).all(|(found, wanted)| (found - wanted).abs() < 0.01), "{kept:?}");
    }

    #[test]
    fn figures_keep_their_width_whatever_the_words_want() {
        let figure = Needs { least: 9.0, two_lines: 9.0, one_line: 9.0 };
        let title = Needs { least: 6.0, two_lines: 80.0, one_line: 160.0 };
        let given = widths(&[figure, title, figure], 60.0);
        assert!(given[0] >= 9.0 && given[2] >= 9.0 && (given.iter().sum::<f32>() - 60.0).abs() < 0.1, "{given:?}");
    }

    #[test]
    fn a_text_knows_how_narrow_two_lines_are() {
        assert!((said("uno dos tres").in_two_lines() - 7.0).abs() < 0.001);
        assert!((said("palabra").in_two_lines() - 7.0).abs() < 0.001);
        assert!(said("").in_two_lines().abs() < 0.001);
    }

    #[test]
    fn a_word_without_end_is_broken_between_its_letters() {
        assert_eq!(split("e\u{301}e\u{301}e\u{301}", |part| part.chars().count() <= 5), ("e\u{301}e\u{301}", "e\u{301}"));
        assert_eq!(split("ñandú", |_| false), ("ñ", "andú"));
    }

    #[test]
    fn titles_are_broken_between_words() {
        let fits = |text: &str| text.len() <= 12;
        assert_eq!(title_lines("Respondidas por primera vez", fits), ["Respondidas", "por primera", "vez"]);
        assert_eq!(title_lines("a b c d e f", |text| text.len() < 2), ["a", "b", "c d e f"]);
    }
}
