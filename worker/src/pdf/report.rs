//! What a report looks like on paper: A4, lying; its chart on the first page, then rows under their headings, and what they come to.

use jobs::{accounts::locale::Locale, ports::pdf::ReportSheet};

use super::{
    draw::{At, COBALT, INK, Ink, LINE, MM, Mark, SOFT, WASH},
    fonts::{Fonts, Style},
    page::{HEIGHT, WIDTH},
    plot::{self, Area, rectangle},
    text::{Line, lay_out},
};

/// In millimetres.
const MARGIN: f32 = 14.0;
const INSIDE: f32 = WIDTH - 2.0 * MARGIN;
const ROW: f32 = 5.4;
const CHART: f32 = 70.0;
/// Between columns.
const GAP: f32 = 3.0;
/// Where rows end, above the page's number.
const BOTTOM: f32 = HEIGHT - MARGIN - 6.0;
/// In points.
const TEXT: f32 = 8.0;
const LINE_OF_TITLES: f32 = 3.6;
/// A title of a column is broken into so many lines.
const MOST_LINES: usize = 3;

/// Where a line stands at its height.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Left(f32),
    Middle(f32),
    Right(f32),
}

struct Words {
    nothing: &'static str,
    total: &'static str,
    rows: &'static str,
    page: &'static str,
    of: &'static str,
}

fn words(locale: Locale) -> Words {
    match locale {
        Locale::Es => Words { nothing: "No hay nada en este periodo.", total: "Total", rows: "Filas", page: "Página", of: "de" },
        Locale::En => Words { nothing: "There is nothing in this period.", total: "Total", rows: "Rows", page: "Page", of: "of" },
    }
}

/// A column of the paper.
struct Place {
    x: f32,
    width: f32,
    titles: Vec<String>,
    is_right: bool,
}

/// Lays the pages out.
pub(super) fn compose<'f>(fonts: &'f Fonts, sheet: &ReportSheet) -> Vec<Vec<Mark<'f>>> {
    let words = words(sheet.locale);
    let places = places(fonts, sheet);
    let mut pages = vec![Vec::new()];
    let mut y = first_heading(fonts, sheet, &words, &mut pages[0]);
    if let Some(chart) = &sheet.chart {
        let area = Area { at: At { x: MARGIN, y }, width: INSIDE, height: CHART };
        plot::draw(fonts, chart, area, &mut pages[0]);
        y += CHART + 6.0;
    }
    if sheet.rows.is_empty() {
        write(set(fonts, Style::Text, words.nothing), Side::Left(MARGIN), y + 4.0, 11.0, SOFT, &mut pages[0]);
    } else {
        y = titles(fonts, &places, y, &mut pages[0]);
        for row in &sheet.rows {
            y = next_line(fonts, sheet, &places, y, &mut pages);
            let marks = last(&mut pages);
            line_of(fonts, row, &places, y, Style::Text, marks);
            y += ROW;
            marks.push(Mark::Rule(At { x: MARGIN, y }, At { x: MARGIN + INSIDE, y }, 0.3, WASH));
        }
        if sheet.totals.iter().any(|total| !total.is_empty()) {
            y = next_line(fonts, sheet, &places, y, &mut pages);
            let marks = last(&mut pages);
            marks.push(Mark::Rule(At { x: MARGIN, y }, At { x: MARGIN + INSIDE, y }, 0.9, COBALT));
            let mut totals = sheet.totals.clone();
            if let Some(first) = totals.first_mut().filter(|first| first.is_empty()) {
                words.total.clone_into(first);
            }
            line_of(fonts, &totals, &places, y, Style::TextBold, marks);
        }
    }
    number(fonts, sheet, &words, &mut pages);
    pages
}

fn last<'p, 'f>(pages: &'p mut [Vec<Mark<'f>>]) -> &'p mut Vec<Mark<'f>> {
    let place = pages.len() - 1;
    &mut pages[place]
}

/// Where the next line goes: on the next page, under the same titles, where this one has no room for it.
fn next_line<'f>(fonts: &'f Fonts, sheet: &ReportSheet, places: &[Place], y: f32, pages: &mut Vec<Vec<Mark<'f>>>) -> f32 {
    if y + ROW <= BOTTOM {
        return y;
    }
    let mut page = Vec::new();
    let line = shortened(fonts, Style::TextBold, &format!("{} · {}", sheet.title, sheet.period), INSIDE, 9.0);
    write(line, Side::Left(MARGIN), MARGIN + 3.0, 9.0, SOFT, &mut page);
    let y = titles(fonts, places, MARGIN + 6.0, &mut page);
    pages.push(page);
    y
}

fn first_heading<'f>(fonts: &'f Fonts, sheet: &ReportSheet, words: &Words, marks: &mut Vec<Mark<'f>>) -> f32 {
    write(set(fonts, Style::DisplayBold, &sheet.title), Side::Left(MARGIN), MARGIN + 7.0, 20.0, COBALT, marks);
    let about = format!("{}  ·  {}: {}", sheet.period, words.rows, sheet.rows.len());
    write(set(fonts, Style::Text, &about), Side::Left(MARGIN), MARGIN + 13.0, 9.5, SOFT, marks);
    MARGIN + 19.0
}

/// The titles of the columns, on a ground; answers where the rows begin.
fn titles<'f>(fonts: &'f Fonts, places: &[Place], y: f32, marks: &mut Vec<Mark<'f>>) -> f32 {
    let lines = places.iter().map(|place| place.titles.len()).max().unwrap_or(1);
    let height = LINE_OF_TITLES * lines as f32 + 2.4;
    marks.push(Mark::Fill(vec![rectangle(MARGIN, y, INSIDE, height)], WASH));
    for place in places {
        // They stand on the last line, above their rows.
        let first = lines - place.titles.len();
        for (at, title) in place.titles.iter().enumerate() {
            let line = shortened(fonts, Style::TextBold, title, place.width, TEXT);
            write(line, place.side(), y + LINE_OF_TITLES * (first + at + 1) as f32, TEXT, INK, marks);
        }
    }
    y + height
}

fn line_of<'f>(fonts: &'f Fonts, texts: &[String], places: &[Place], y: f32, style: Style, marks: &mut Vec<Mark<'f>>) {
    for (text, place) in texts.iter().zip(places).filter(|(text, _)| !text.is_empty()) {
        write(shortened(fonts, style, text, place.width, TEXT), place.side(), y + 3.9, TEXT, INK, marks);
    }
}

fn number<'f>(fonts: &'f Fonts, sheet: &ReportSheet, words: &Words, pages: &mut [Vec<Mark<'f>>]) {
    let count = pages.len();
    for (at, page) in pages.iter_mut().enumerate() {
        let y = HEIGHT - MARGIN;
        page.push(Mark::Rule(At { x: MARGIN, y: y - 4.5 }, At { x: MARGIN + INSIDE, y: y - 4.5 }, 0.4, LINE));
        let text = format!("{} {} {} {count}", words.page, at + 1, words.of);
        write(set(fonts, Style::Text, &text), Side::Right(MARGIN + INSIDE), y, 8.0, SOFT, page);
        let made = format!("CompilandoCode  ·  {} UTC", sheet.made_at.format("%Y-%m-%d %H:%M"));
        write(set(fonts, Style::Text, &made), Side::Left(MARGIN), y, 8.0, SOFT, page);
    }
}

impl Place {
    fn side(&self) -> Side {
        if self.is_right { Side::Right(self.x + self.width) } else { Side::Left(self.x) }
    }
}

/// How wide the columns are: as wide as what is in them, as far as there is room; then the widest give way.
fn places(fonts: &Fonts, sheet: &ReportSheet) -> Vec<Place> {
    let wide = |style, text: &str| set(fonts, style, text).width * TEXT / MM;
    let natural: Vec<f32> = sheet
        .columns
        .iter()
        .enumerate()
        .map(|(at, (title, _))| {
            let words = title.split(' ').map(|word| wide(Style::TextBold, word)).fold(0.0, f32::max);
            let rows = sheet.rows.iter().filter_map(|row| row.get(at)).map(|text| wide(Style::Text, text)).fold(words, f32::max);
            sheet.totals.get(at).map_or(rows, |total| rows.max(wide(Style::TextBold, total)))
        })
        .collect();
    let room = INSIDE - GAP * (natural.len().max(1) - 1) as f32;
    let most = widest(&natural, room);
    let used: f32 = natural.iter().map(|width| width.min(most)).sum();
    // What is left over goes to all, and not beyond reading across.
    let spare = ((room - used) / natural.len().max(1) as f32).clamp(0.0, 14.0);
    let mut x = MARGIN;
    natural
        .iter()
        .zip(&sheet.columns)
        .map(|(natural, (title, is_right))| {
            let width = natural.min(most) + spare;
            let place =
                Place { x, width, titles: broken(title, |text| wide(Style::TextBold, text) <= width), is_right: *is_right };
            x += width + GAP;
            place
        })
        .collect()
}

/// The width that no column may exceed, so that together they fit.
fn widest(natural: &[f32], room: f32) -> f32 {
    let mut sorted = natural.to_vec();
    sorted.sort_by(f32::total_cmp);
    let mut left = room;
    for (at, width) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - at) as f32;
        if *width > share {
            return share;
        }
        left -= width;
    }
    f32::INFINITY
}

/// A title in lines that fit.
fn broken(title: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in title.split(' ') {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        match (longer, lines.last_mut()) {
            (Some(longer), Some(last)) if fits(&longer) => *last = longer,
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > MOST_LINES {
        let rest = lines.split_off(MOST_LINES - 1);
        lines.push(rest.join(" "));
    }
    lines
}

/// A line of text. Signs that no font has are question marks.
pub(super) fn set<'f>(fonts: &'f Fonts, style: Style, text: &str) -> Line<'f> {
    lay_out(fonts, style, text, 0.0).unwrap_or_else(|missing| {
        let known: String = text
            .chars()
            .map(|sign| if sign.is_control() || missing.iter().any(|uncovered| uncovered.sign == sign) { '?' } else { sign })
            .collect();
        lay_out(fonts, style, &known, 0.0).unwrap_or_default()
    })
}

/// A line of text in so many millimetres; what has no room ends in three dots.
pub(super) fn shortened<'f>(fonts: &'f Fonts, style: Style, text: &str, width: f32, size: f32) -> Line<'f> {
    let fits = |line: &Line<'_>| line.width * size / MM <= width + 0.05;
    let whole = set(fonts, style, text);
    if fits(&whole) {
        return whole;
    }
    let signs: Vec<char> = text.chars().collect();
    let cut = |count: usize| {
        let kept: String = signs[..count].iter().collect();
        set(fonts, style, &format!("{}…", kept.trim_end()))
    };
    // How many signs fit grows with the width: looked for by halves.
    let (mut fit, mut too_many) = (0, signs.len());
    while too_many - fit > 1 {
        let middle = usize::midpoint(fit, too_many);
        if fits(&cut(middle)) { fit = middle } else { too_many = middle }
    }
    cut(fit)
}

/// Writes a line where it stands.
pub(super) fn write<'f>(line: Line<'f>, side: Side, y: f32, size: f32, ink: Ink, marks: &mut Vec<Mark<'f>>) {
    let wide = line.width * size / MM;
    let x = match side {
        Side::Left(x) => x,
        Side::Middle(x) => x - wide / 2.0,
        Side::Right(x) => x - wide,
    };
    marks.push(Mark::Text(line, At { x, y }, size, ink));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way() {
        assert!(widest(&[10.0, 20.0, 30.0], 60.0).is_infinite());
        assert!((widest(&[10.0, 80.0, 90.0], 70.0) - 30.0).abs() < 0.001);
        assert!((widest(&[100.0], 70.0) - 70.0).abs() < 0.001);
    }

    #[test]
    fn titles_are_broken_between_words() {
        let fits = |text: &str| text.len() <= 12;
        assert_eq!(broken("Respondidas por primera vez", fits), ["Respondidas", "por primera", "vez"]);
        assert_eq!(broken("a b c d e f", |text| text.len() < 2), ["a", "b", "c d e f"]);
    }
}
