//! What a certificate looks like: A4, lying; tiles on both sides, and between them who has completed what.

use chrono::Datelike as _;
use jobs::{
    accounts::locale::Locale,
    ports::pdf::{PdfTrouble, Sheet, Uncovered},
};
use qrcode::{EcLevel, QrCode, types::Color};

use super::{
    draw::{At, COBALT, INK, Ink, LINE, MM, Mark, Outline, SAFFRON, SOFT, Square},
    fit::{Bounds, LEADING, fit},
    fonts::{Fonts, Style},
    mosaic,
    text::lay_out,
};

/// A4, lying, in millimetres.
pub(super) const WIDTH: f32 = 297.0;
pub(super) const HEIGHT: f32 = 210.0;
/// Home printers leave out so much.
const MARGIN: f32 = 10.0;
const TILE: f32 = (HEIGHT - 2.0 * MARGIN) / mosaic::TILES as f32;
const MIDDLE: f32 = WIDTH / 2.0;
/// Between the tiles, with room on both sides.
const INSIDE: f32 = WIDTH - 2.0 * (MARGIN + TILE + 11.0);
const LEFT: f32 = MIDDLE - INSIDE / 2.0;
const RIGHT: f32 = MIDDLE + INSIDE / 2.0;
const QR: f32 = 28.0;

/// What a certificate says, in its language.
struct Words {
    title: &'static str,
    below: &'static str,
    to: &'static str,
    for_course: &'static str,
    facts: String,
    taught: &'static str,
    check: &'static str,
    serial: &'static str,
}

fn words(sheet: &Sheet) -> Words {
    let (day, month, year, hours) =
        (sheet.completed_on.day(), sheet.completed_on.month0() as usize, sheet.completed_on.year(), sheet.hours);
    match sheet.locale {
        Locale::Es => {
            let month = [
                "enero",
                "febrero",
                "marzo",
                "abril",
                "mayo",
                "junio",
                "julio",
                "agosto",
                "septiembre",
                "octubre",
                "noviembre",
                "diciembre",
            ][month];
            let hours = if hours == 1 { "1 hora".to_owned() } else { format!("{hours} horas") };
            Words {
                title: "Certificado",
                below: "DE FINALIZACIÓN",
                to: "Se otorga a",
                for_course: "por haber completado el curso",
                facts: format!("{hours}  ·  {day} de {month} de {year}"),
                taught: "Quien enseñó el curso",
                check: "Comprueba este certificado",
                serial: "Serie",
            }
        }
        Locale::En => {
            let month = [
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            ][month];
            let hours = if hours == 1 { "1 hour".to_owned() } else { format!("{hours} hours") };
            Words {
                title: "Certificate",
                below: "OF COMPLETION",
                to: "Awarded to",
                for_course: "for completing the course",
                facts: format!("{hours}  ·  {day} {month} {year}"),
                taught: "Who taught the course",
                check: "Check this certificate",
                serial: "Serial",
            }
        }
    }
}

/// Where a text stands at its height.
#[derive(Debug, Clone, Copy)]
enum Side {
    Middle(f32),
    Right(f32),
}

/// How a line is set: its size in points.
#[derive(Debug, Clone, Copy)]
struct Look {
    style: Style,
    size: f32,
    ink: Ink,
    /// Between letters, in ems.
    spacing: f32,
}

impl Look {
    const fn new(style: Style, size: f32, ink: Ink) -> Self {
        Self { style, size, ink, spacing: 0.0 }
    }

    const fn spaced(self, spacing: f32) -> Self {
        Self { spacing, ..self }
    }
}

/// A page that is being filled.
struct Composer<'f> {
    fonts: &'f Fonts,
    marks: Vec<Mark<'f>>,
    uncovered: Vec<Uncovered>,
}

/// Lays the certificate out.
///
/// # Errors
/// Every sign that no font has.
pub(super) fn compose<'f>(fonts: &'f Fonts, sheet: &Sheet) -> Result<Vec<Mark<'f>>, PdfTrouble> {
    let mut page = Composer { fonts, marks: Vec::new(), uncovered: Vec::new() };
    page.frame(sheet);
    page.head(sheet);
    page.holder(sheet);
    page.course(sheet);
    page.signature(sheet);
    page.proof(sheet)?;
    if page.uncovered.is_empty() { Ok(page.marks) } else { Err(PdfTrouble::Uncovered(page.uncovered)) }
}

impl<'f> Composer<'f> {
    fn frame(&mut self, sheet: &Sheet) {
        let serial = sheet.serial.as_str();
        self.marks.extend(mosaic::column(serial, At { x: MARGIN, y: MARGIN }, TILE, false));
        self.marks.extend(mosaic::column(serial, At { x: WIDTH - MARGIN - TILE, y: MARGIN }, TILE, true));
        for y in [MARGIN, HEIGHT - MARGIN] {
            let (from, to) = (MARGIN + TILE + 3.0, WIDTH - MARGIN - TILE - 3.0);
            self.marks.push(Mark::Rule(At { x: from, y }, At { x: to, y }, 0.9, COBALT));
        }
    }

    fn head(&mut self, sheet: &Sheet) {
        let words = words(sheet);
        let (name, size) = ("CompilandoCode", 14.0);
        let (mark, gap) = (8.4, 3.2);
        let wide = self.width(Style::TextBold, name, size);
        let from = MIDDLE - (mark + gap + wide) / 2.0;
        self.marks.extend(mosaic::mark(At { x: from, y: 20.6 }, mark));
        self.write(name, Look::new(Style::TextBold, size, INK), Side::Right(from + mark + gap + wide), 26.4);
        self.write(words.title, Look::new(Style::DisplayBold, 50.0, COBALT), Side::Middle(MIDDLE), 54.0);
        self.write(words.below, Look::new(Style::TextBold, 10.5, SOFT).spaced(0.32), Side::Middle(MIDDLE), 63.2);
        self.write(words.to, Look::new(Style::Text, 11.5, SOFT), Side::Middle(MIDDLE), 78.6);
    }

    fn holder(&mut self, sheet: &Sheet) {
        self.block(
            Style::Display,
            &sheet.holder,
            (83.5, 106.0),
            Bounds { width: INSIDE * MM, height: 20.0 * MM, size: 38.0 },
            INK,
        );
        self.marks.push(Mark::Rule(At { x: MIDDLE - 24.0, y: 109.5 }, At { x: MIDDLE + 24.0, y: 109.5 }, 1.6, SAFFRON));
    }

    fn course(&mut self, sheet: &Sheet) {
        let words = words(sheet);
        self.write(words.for_course, Look::new(Style::Text, 11.5, SOFT), Side::Middle(MIDDLE), 119.4);
        let bounds = Bounds { width: (INSIDE - 12.0) * MM, height: 16.5 * MM, size: 24.0 };
        self.block(Style::DisplayBold, &sheet.course, (122.0, 139.5), bounds, COBALT);
        self.write(&words.facts, Look::new(Style::Text, 12.0, INK), Side::Middle(MIDDLE), 148.4);
    }

    /// A line to sign on, with the name above it as somebody signs.
    fn signature(&mut self, sheet: &Sheet) {
        let words = words(sheet);
        let (from, to) = (LEFT + 2.0, LEFT + 76.0);
        let middle = (from + to) / 2.0;
        let bounds = Bounds { width: (to - from) * MM, height: 12.0 * MM, size: 19.0 };
        self.block_at(Style::DisplayItalic, &sheet.instructor, middle, (163.5, 178.5), bounds, INK);
        self.marks.push(Mark::Rule(At { x: from, y: 180.0 }, At { x: to, y: 180.0 }, 0.6, LINE));
        self.write(words.taught, Look::new(Style::Text, 8.5, SOFT), Side::Middle(middle), 185.2);
    }

    /// How anybody sees that it is genuine.
    fn proof(&mut self, sheet: &Sheet) -> Result<(), PdfTrouble> {
        let words = words(sheet);
        let url = sheet.check_url.as_str();
        let corner = At { x: RIGHT - QR, y: 190.0 - 3.0 - QR };
        self.marks.push(qr(url, corner)?);
        let edge = corner.x - 5.0;
        let shown = url.split_once("://").map_or(url, |(_, rest)| rest);
        // The address up to the serial, which stands in its own line.
        let place = shown.strip_suffix(sheet.serial.as_str()).unwrap_or(shown);
        self.write(words.check, Look::new(Style::Text, 8.5, SOFT), Side::Right(edge), 172.0);
        let wide = self.width(Style::Text, place, 9.5);
        let size = 9.5 * ((INSIDE - 76.0 - QR - 12.0) / wide).min(1.0);
        self.write(place, Look::new(Style::Text, size, COBALT), Side::Right(edge), 176.8);
        self.write(words.serial, Look::new(Style::Text, 8.5, SOFT), Side::Right(edge), 182.4);
        self.write(sheet.serial.as_str(), Look::new(Style::TextBold, 9.5, INK).spaced(0.04), Side::Right(edge), 187.0);
        self.marks.push(Mark::Link(corner, At { x: corner.x + QR, y: corner.y + QR }, url.to_owned()));
        self.marks.push(Mark::Link(At { x: edge - 60.0, y: 173.4 }, At { x: edge, y: 178.4 }, url.to_owned()));
        Ok(())
    }

    fn width(&self, style: Style, text: &str, size: f32) -> f32 {
        lay_out(self.fonts, style, text, 0.0).map_or(0.0, |line| line.width * size / MM)
    }

    fn write(&mut self, text: &str, look: Look, side: Side, baseline: f32) {
        match lay_out(self.fonts, look.style, text, look.spacing) {
            Ok(line) => {
                let wide = line.width * look.size / MM;
                let x = match side {
                    Side::Middle(middle) => middle - wide / 2.0,
                    Side::Right(edge) => edge - wide,
                };
                self.marks.push(Mark::Text(line, At { x, y: baseline }, look.size, look.ink));
            }
            Err(missing) => self.lack(missing),
        }
    }

    fn block(&mut self, style: Style, text: &str, between: (f32, f32), bounds: Bounds, ink: Ink) {
        self.block_at(style, text, MIDDLE, between, bounds, ink);
    }

    /// Lines around the middle between two heights.
    fn block_at(&mut self, style: Style, text: &str, middle: f32, (top, bottom): (f32, f32), bounds: Bounds, ink: Ink) {
        match fit(self.fonts, style, text, bounds) {
            Ok(fitted) => {
                let leading = fitted.size * LEADING / MM;
                let below = (fitted.lines.len() - 1) as f32 * leading;
                // Letters without descenders seem to stand in the middle when their baseline lies a third of their size below it.
                let mut baseline = (top + bottom - below) / 2.0 + fitted.size * 0.34 / MM;
                for line in fitted.lines {
                    let x = middle - line.width * fitted.size / MM / 2.0;
                    self.marks.push(Mark::Text(line, At { x, y: baseline }, fitted.size, ink));
                    baseline += leading;
                }
            }
            Err(missing) => self.lack(missing),
        }
    }

    fn lack(&mut self, missing: Vec<Uncovered>) {
        for sign in missing {
            if !self.uncovered.contains(&sign) {
                self.uncovered.push(sign);
            }
        }
    }
}

/// The code in squares, those of a row that touch as one. Around it there is nothing for more than the four squares that readers need.
fn qr<'f>(url: &str, corner: At) -> Result<Mark<'f>, PdfTrouble> {
    let code = QrCode::with_error_correction_level(url, EcLevel::M)
        .map_err(|error| PdfTrouble::Broken(format!("the address does not fit into a QR code: {error}")))?;
    let count = code.width();
    let (side, number) = (QR / count as f32, |n: usize| n as f32);
    let colors = code.to_colors();
    let mut outlines = Vec::new();
    for (row, squares) in colors.chunks(count).enumerate() {
        let mut column = 0;
        while column < count {
            let dark = squares[column..].iter().take_while(|square| **square == Color::Dark).count();
            if dark > 0 {
                let at = At { x: corner.x + number(column) * side, y: corner.y + number(row) * side };
                outlines.push(bar(at, number(dark) * side, side));
            }
            column += dark.max(1);
        }
    }
    Ok(Mark::Fill(outlines, INK))
}

fn bar(at: At, wide: f32, high: f32) -> Outline {
    let unit = Square { at, side: 1.0, turns: 0, is_mirrored: false };
    unit.polygon(&[(0.0, 0.0), (wide, 0.0), (wide, high), (0.0, high)])
}
