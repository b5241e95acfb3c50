//! A line of text as glyphs in their places: bidi, then fonts, then shaping.

use std::ops::Range;

use jobs::ports::pdf::Uncovered;
use rustybuzz::{BufferClusterLevel, Direction, UnicodeBuffer, shape};
use unicode_bidi::BidiInfo;
use unicode_script::{Script, UnicodeScript as _};

use super::fonts::{Font, Fonts, Style, script as script_of};

/// A glyph, its measures in ems.
#[derive(Debug, Clone)]
pub(super) struct Glyph<'f> {
    pub(super) font: &'f Font,
    pub(super) id: u16,
    /// Where it stands, from the line's beginning and its baseline.
    pub(super) x: f32,
    pub(super) y: f32,
    /// The text that it stands for: what a reader copies. Of several glyphs for one piece of text the first has it.
    pub(super) text: String,
    /// Which piece of the line's text that is.
    pub(super) piece: usize,
}

/// A line, from left to right as it is seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Line<'f> {
    pub(super) glyphs: Vec<Glyph<'f>>,
    /// In ems.
    pub(super) width: f32,
}

/// Signs that are heard by the layout and never seen.
fn is_silent(sign: char) -> bool {
    matches!(sign, '\u{200C}'..='\u{200F}' | '\u{FE00}'..='\u{FE0F}' | '\u{034F}')
}

/// Lays a line out.
///
/// # Errors
/// Every sign that no font has: then nothing is printed, for a box in its place is no name.
pub(super) fn lay_out<'f>(fonts: &'f Fonts, style: Style, text: &str, spacing: f32) -> Result<Line<'f>, Vec<Uncovered>> {
    let around: Vec<Script> = text.chars().map(|sign| sign.script()).collect();
    let bidi = BidiInfo::new(text, None);
    let mut line = Line::default();
    let mut uncovered: Vec<Uncovered> = Vec::new();
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let is_rtl = levels[run.start].is_rtl();
            let mut parts = parts(fonts, style, text, run, &around, &mut uncovered);
            if is_rtl {
                parts.reverse();
            }
            for (font, range) in parts {
                set(&mut line, font, &text[range], is_rtl, spacing, &mut uncovered);
            }
        }
    }
    line.width -= spacing.min(line.width);
    if uncovered.is_empty() { Ok(line) } else { Err(uncovered) }
}

/// A run in parts of one font and one script each. Marks and what belongs to no script stay with the sign before them.
fn parts<'f>(
    fonts: &'f Fonts,
    style: Style,
    text: &str,
    run: Range<usize>,
    around: &[Script],
    uncovered: &mut Vec<Uncovered>,
) -> Vec<(&'f Font, Range<usize>)> {
    let mut parts: Vec<(&'f Font, Range<usize>)> = Vec::new();
    let mut script = Script::Common;
    for (at, sign) in text[run.clone()].char_indices().map(|(at, sign)| (run.start + at, sign)) {
        let end = at + sign.len_utf8();
        let own = sign.script();
        let goes_along = matches!(own, Script::Common | Script::Inherited) || own == script;
        if let Some((font, range)) = parts.last_mut()
            && (is_silent(sign) || (goes_along && font.covers(sign)))
        {
            range.end = end;
            continue;
        }
        // What is as wide as a Chinese sign takes its font: the letters behind it do not go along.
        if !matches!(script_of(sign), Script::Common | Script::Inherited) {
            script = script_of(sign);
        }
        match fonts.for_sign(sign, style, around) {
            Ok(font) => match parts.last_mut() {
                Some((last, range)) if last.name == font.name && goes_along => range.end = end,
                _ => parts.push((font, at..end)),
            },
            Err(_) if is_silent(sign) => {}
            Err(missing) if uncovered.contains(&missing) => {}
            Err(missing) => uncovered.push(missing),
        }
    }
    parts
}

/// Shapes a part and sets it at the line's end.
fn set<'f>(line: &mut Line<'f>, font: &'f Font, text: &str, is_rtl: bool, spacing: f32, uncovered: &mut Vec<Uncovered>) {
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    // So that each glyph knows its own signs, marks included.
    buffer.set_cluster_level(BufferClusterLevel::MonotoneCharacters);
    buffer.guess_segment_properties();
    buffer.set_direction(if is_rtl { Direction::RightToLeft } else { Direction::LeftToRight });
    let shaped = shape(&font.face, &[], buffer);
    let mut starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut told = Vec::new();
    let pieces = line.glyphs.iter().map(|glyph| glyph.piece + 1).max().unwrap_or(0);
    for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
        let start = info.cluster as usize;
        let end = starts.iter().copied().find(|next| *next > start).unwrap_or(text.len());
        let signs: String = text[start..end].chars().filter(|sign| !is_silent(*sign)).collect();
        let Some(first) = signs.chars().next() else { continue };
        let id = u16::try_from(info.glyph_id).unwrap_or(0);
        if id == 0 {
            uncovered.push(Uncovered { sign: first, script: first.script().full_name().to_owned(), package: None });
            continue;
        }
        let is_first = !told.contains(&start);
        told.push(start);
        let ems = |units: i32| units as f32 / font.units();
        line.glyphs.push(Glyph {
            font,
            id,
            x: line.width + ems(position.x_offset),
            y: ems(position.y_offset),
            text: if is_first { signs } else { String::new() },
            piece: pieces + start,
        });
        line.width += ems(position.x_advance) + if position.x_advance == 0 { 0.0 } else { spacing };
    }
}
