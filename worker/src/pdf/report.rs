//! What a report looks like on paper: A4, lying; its chart on the first page, then rows under their headings, and what they come to.

use jobs::{accounts::locale::Locale, mail::grouped, ports::pdf::ReportSheet};

use super::{
    columns::{Columns, Place, Said},
    draw::{At, COBALT, INK, Ink, LINE, MM, Mark, SOFT, WASH},
    fonts::{Fonts, Style},
    page::{HEIGHT, WIDTH},
    plot::{self, Area, rectangle},
    text::{Line, lay_out},
};

/// In millimetres.
const MARGIN: f32 = 14.0;
const INSIDE: f32 = WIDTH - 2.0 * MARGIN;
const CHART: f32 = 70.0;
/// Where rows end, above the page's number.
const BOTTOM: f32 = HEIGHT - MARGIN - 6.0;
/// From baseline to baseline, in ems.
const LEADING: f32 = 1.25;
/// Above a row's first line and below its last one, in ems.
const ABOVE: f32 = 0.35;
const BELOW: f32 = 0.25;
/// What letters take above their baseline, in ems.
const ASCENT: f32 = 1.0;

/// Where a line stands at its height.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Left(f32),
    Middle(f32),
    Right(f32),
}

struct Words {
    client: &'static str,
    nothing: &'static str,
    total: &'static str,
    rows: &'static str,
    page: &'static str,
    of: &'static str,
}

fn words(locale: Locale) -> Words {
    match locale {
        Locale::Es => Words {
            client: "Cliente",
            nothing: "No hay nada en este periodo.",
            total: "Total",
            rows: "Filas",
            page: "Página",
            of: "de",
        },
        Locale::En => Words {
            client: "Client",
            nothing: "There is nothing in this period.",
            total: "Total",
            rows: "Rows",
            page: "Page",
            of: "of",
        },
    }
}

/// Pages that are being filled from above.
struct Paper<'f, 's> {
    fonts: &'f Fonts,
    sheet: &'s ReportSheet,
    words: Words,
    columns: &'s Columns,
    pages: Vec<Vec<Mark<'f>>>,
    /// How far the last one is filled.
    y: f32,
}

/// What the report is called, with its period and whose it is: on every page but the first, and in the window of who reads it.
pub(super) fn name(sheet: &ReportSheet) -> String {
    let client = sheet.client.as_ref().map(|client| format!(" · {client}")).unwrap_or_default();
    format!("{} · {}{client}", sheet.title, sheet.period)
}

/// Lays the pages out.
pub(super) fn compose<'f>(fonts: &'f Fonts, sheet: &ReportSheet) -> Vec<Vec<Mark<'f>>> {
    let columns = Columns::of(fonts, sheet, MARGIN, INSIDE);
    let words = words(sheet.locale);
    let mut paper = Paper { fonts, sheet, words, columns: &columns, pages: vec![Vec::new()], y: MARGIN };
    paper.heading();
    paper.chart();
    paper.titles();
    for row in &columns.rows {
        paper.row(row);
    }
    if columns.rows.is_empty() {
        let (at, nothing) = (paper.y + 7.0, set(fonts, Style::Text, paper.words.nothing));
        write(nothing, Side::Left(MARGIN), at, 11.0, SOFT, paper.marks());
    } else {
        paper.totals();
    }
    paper.number();
    paper.pages
}

impl<'f> Paper<'f, '_> {
    /// What is on the last page.
    fn marks(&mut self) -> &mut Vec<Mark<'f>> {
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    /// So many ems of the rows' text in millimetres.
    fn ems(&self, ems: f32) -> f32 {
        ems * self.columns.size / MM
    }

    fn heading(&mut self) {
        let (fonts, sheet) = (self.fonts, self.sheet);
        let title = shortened(fonts, Style::DisplayBold, &sheet.title, INSIDE, 20.0);
        let about = format!("{}  ·  {}: {}", sheet.period, self.words.rows, grouped(sheet.locale, sheet.rows.len() as u64));
        write(title, Side::Left(MARGIN), MARGIN + 7.0, 20.0, COBALT, self.marks());
        self.y = MARGIN + 13.0;
        if let Some(client) = &sheet.client {
            let client = shortened(fonts, Style::TextBold, &format!("{}: {client}", self.words.client), INSIDE, 11.0);
            let y = self.y;
            write(client, Side::Left(MARGIN), y, 11.0, INK, self.marks());
            self.y += 5.5;
        }
        let y = self.y;
        write(set(fonts, Style::Text, &about), Side::Left(MARGIN), y, 9.5, SOFT, self.marks());
        self.y += 6.0;
        let Some(how) = &sheet.how else { return };
        for line in Said::of(fonts, how, false).lines(fonts, INSIDE, 8.5) {
            write(line, Side::Left(MARGIN), self.y, 8.5, SOFT, self.marks());
            self.y += 4.2;
        }
        self.y += 1.5;
    }

    fn chart(&mut self) {
        let Some(chart) = &self.sheet.chart else { return };
        let (fonts, area) = (self.fonts, Area { at: At { x: MARGIN, y: self.y }, width: INSIDE, height: CHART });
        plot::draw(fonts, chart, area, self.marks());
        self.y += CHART + 6.0;
    }

    /// The titles of the columns, on a ground.
    fn titles(&mut self) {
        let (fonts, columns, top) = (self.fonts, self.columns, self.y);
        let lines = columns.places.iter().map(|place| place.titles.len()).max().unwrap_or(1);
        let height = self.ems(LEADING * lines as f32 + ABOVE + BELOW);
        self.y += height;
        let (bottom, leading) = (self.y - self.ems(BELOW + LEADING - ASCENT), self.ems(LEADING));
        let marks = self.marks();
        marks.push(Mark::Fill(vec![rectangle(MARGIN, top, INSIDE, height)], WASH));
        for place in &columns.places {
            // They stand on the last line, above their rows.
            for (above, title) in place.titles.iter().rev().enumerate() {
                let line = shortened(fonts, Style::TextBold, title, place.width, columns.size);
                write(line, place.side(), bottom - leading * above as f32, columns.size, INK, marks);
            }
        }
    }

    /// Where what is so high has no room on this page, it goes on the next one, under the same titles.
    fn make_room(&mut self, height: f32) {
        if self.y + height <= BOTTOM {
            return;
        }
        let (fonts, sheet) = (self.fonts, self.sheet);
        let line = shortened(fonts, Style::TextBold, &name(sheet), INSIDE, 9.0);
        self.pages.push(Vec::new());
        write(line, Side::Left(MARGIN), MARGIN + 3.0, 9.0, SOFT, self.marks());
        self.y = MARGIN + 6.0;
        self.titles();
    }

    fn row(&mut self, row: &[Said]) {
        let (fonts, columns) = (self.fonts, self.columns);
        let cells: Vec<_> =
            row.iter().zip(&columns.places).map(|(said, place)| (said.lines(fonts, place.width, columns.size), place)).collect();
        let lines = cells.iter().map(|(lines, _)| lines.len()).max().unwrap_or(1).max(1);
        let height = self.ems(LEADING * lines as f32 + ABOVE + BELOW);
        self.make_room(height);
        let (first, leading) = (self.y + self.ems(ABOVE + ASCENT), self.ems(LEADING));
        self.y += height;
        let y = self.y;
        let marks = self.marks();
        for (lines, place) in cells {
            for (at, line) in lines.into_iter().enumerate() {
                write(line, place.side(), first + leading * at as f32, columns.size, INK, marks);
            }
        }
        marks.push(Mark::Rule(At { x: MARGIN, y }, At { x: MARGIN + INSIDE, y }, 0.3, WASH));
    }

    /// What the columns come to, if that means anything.
    fn totals(&mut self) {
        let (fonts, columns) = (self.fonts, self.columns);
        let mut totals = self.sheet.totals.clone();
        if totals.iter().all(String::is_empty) {
            return;
        }
        if let Some(first) = totals.first_mut().filter(|first| first.is_empty()) {
            self.words.total.clone_into(first);
        }
        self.make_room(self.ems(LEADING + ABOVE + BELOW));
        let (top, baseline) = (self.y, self.y + self.ems(ABOVE + ASCENT));
        let marks = self.marks();
        marks.push(Mark::Rule(At { x: MARGIN, y: top }, At { x: MARGIN + INSIDE, y: top }, 0.9, COBALT));
        for (text, place) in totals.iter().zip(&columns.places).filter(|(text, _)| !text.is_empty()) {
            let line = shortened(fonts, Style::TextBold, text, place.width, columns.size);
            write(line, place.side(), baseline, columns.size, INK, marks);
        }
    }

    fn number(&mut self) {
        let (fonts, words, count) = (self.fonts, &self.words, self.pages.len());
        let made = format!("CompilandoCode  ·  {} UTC", self.sheet.made_at.format("%Y-%m-%d %H:%M"));
        for (at, page) in self.pages.iter_mut().enumerate() {
            let y = HEIGHT - MARGIN;
            page.push(Mark::Rule(At { x: MARGIN, y: y - 4.5 }, At { x: MARGIN + INSIDE, y: y - 4.5 }, 0.4, LINE));
            let text = format!("{} {} {} {count}", words.page, at + 1, words.of);
            write(set(fonts, Style::Text, &text), Side::Right(MARGIN + INSIDE), y, 8.0, SOFT, page);
            write(set(fonts, Style::Text, &made), Side::Left(MARGIN), y, 8.0, SOFT, page);
        }
    }
}

impl Place {
    fn side(&self) -> Side {
        if self.is_right { Side::Right(self.x + self.width) } else { Side::Left(self.x) }
    }
}

/// A line of text. Signs that no font has are question marks; a minus, which only fonts for formulas have, is a dash of its length.
pub(super) fn set<'f>(fonts: &'f Fonts, style: Style, text: &str) -> Line<'f> {
    lay_out(fonts, style, text, 0.0).unwrap_or_else(|missing| {
        let is_missing = |sign| missing.iter().any(|uncovered| uncovered.sign == sign);
        let stand_in = |sign: char| match sign {
            '\u{2212}' if is_missing(sign) => '\u{2013}',
            sign if sign.is_control() || is_missing(sign) => '?',
            sign => sign,
        };
        let known: String = text.chars().map(stand_in).collect();
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
