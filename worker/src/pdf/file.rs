//! The page as a file. Nothing in it comes from clock or chance, and of each font it has the glyphs that it shows and no others.

use std::collections::BTreeMap;

use allsorts::{
    binary::read::ReadScope,
    font_data::FontData,
    subset::{CmapTarget, SubsetProfile, subset},
};
use chrono::{DateTime, Utc};
use lopdf::{Dictionary, Object, StringFormat};
use printpdf::{
    Actions, BorderArray, Codepoint, Color, DictItem, FontId, FontMetrics, Line as Segment, LinePoint, LinkAnnotation, Mm,
    OffsetDateTime, Op, PaintMode, ParsedFont, PdfDocument, PdfFont, PdfFontHandle, PdfPage, PdfSaveOptions, Point, Polygon,
    PolygonRing, Pt, Rect, Rgb, TextItem, TextMatrix, WindingOrder, to_lopdf_doc,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    draw::{At, Ink, MM, Mark, Outline, Step},
    fonts::Font,
    page::{HEIGHT, WIDTH},
    text::{Glyph, Line},
};

/// A font and its glyphs in one file: each with its place in the subset and the text that it stands for.
struct Used<'f> {
    font: &'f Font,
    id: FontId,
    glyphs: BTreeMap<u16, (u16, String)>,
}

/// What a file says of itself.
#[derive(Debug)]
pub(super) struct About<'a> {
    pub(super) id: Uuid,
    pub(super) title: String,
    pub(super) subject: String,
    pub(super) made_at: DateTime<Utc>,
    pub(super) locale: &'a str,
}

/// Writes the file of these pages.
///
/// # Errors
/// A font is damaged.
pub(super) fn write(pages: &[Vec<Mark<'_>>], about: &About<'_>) -> Result<Vec<u8>, String> {
    let mut document = PdfDocument::new(&about.title);
    describe(&mut document, about);
    let used = used(pages);
    for font in used.values() {
        let parsed = cut(font)?;
        document.resources.fonts.map.insert(font.id.clone(), PdfFont::new(parsed));
    }
    let page =
        |marks: &Vec<Mark<'_>>| PdfPage::new(Mm(WIDTH), Mm(HEIGHT), marks.iter().flat_map(|mark| draw(mark, &used)).collect());
    document.with_pages(pages.iter().map(page).collect());
    let mut warnings = Vec::new();
    let options = PdfSaveOptions { subset_fonts: false, ..PdfSaveOptions::default() };
    let mut file = to_lopdf_doc(&document, &options, &mut warnings);
    finish(&mut file, about);
    file.compress();
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).map_err(|error| format!("writing the file: {error}"))?;
    Ok(bytes)
}

fn describe(document: &mut PdfDocument, about: &About<'_>) {
    let at = OffsetDateTime::from_unix_timestamp(about.made_at.timestamp()).ok();
    let info = &mut document.metadata.info;
    info.document_title.clone_from(&about.title);
    info.author = "CompilandoCode".to_owned();
    info.subject.clone_from(&about.subject);
    info.identifier.clone_from(&about.subject);
    info.creator = "Faena".to_owned();
    info.producer = "printpdf".to_owned();
    if let Some(at) = at {
        (info.creation_date, info.modification_date, info.metadata_date) = (at, at, at);
    }
}

/// What printpdf leaves to chance or out: the file's id, the version that its fonts need, the language, and whose title a reader shows.
fn finish(file: &mut lopdf::Document, about: &About<'_>) {
    file.version = "1.7".to_owned();
    let id = || Object::String(about.id.as_bytes().to_vec(), StringFormat::Hexadecimal);
    file.trailer.set("ID", Object::Array(vec![id(), id()]));
    if let Ok(catalog) = file.catalog_mut() {
        catalog.set("Lang", Object::string_literal(about.locale));
        let mut preferences = Dictionary::new();
        preferences.set("DisplayDocTitle", true);
        catalog.set("ViewerPreferences", preferences);
        catalog.remove(b"PageLayout");
    }
}

/// The fonts of the pages with their glyphs, in the order of their names.
fn used<'f>(pages: &[Vec<Mark<'f>>]) -> BTreeMap<&'static str, Used<'f>> {
    let mut used: BTreeMap<&'static str, Used<'f>> = BTreeMap::new();
    let lines = pages.iter().flatten().filter_map(|mark| if let Mark::Text(line, ..) = mark { Some(line) } else { None });
    for glyph in lines.flat_map(|line| &line.glyphs) {
        let font = used.entry(glyph.font.name).or_insert_with(|| Used {
            font: glyph.font,
            id: FontId(format!("F-{}", glyph.font.name)),
            glyphs: BTreeMap::new(),
        });
        let known = font.glyphs.entry(glyph.id).or_default();
        if known.1.is_empty() {
            known.1.clone_from(&glyph.text);
        }
    }
    for font in used.values_mut() {
        // The subset has them in the order of their ids, behind the one that stands for nothing.
        for (place, known) in (1..).zip(font.glyphs.values_mut()) {
            known.0 = place;
        }
    }
    used
}

/// The font with the glyphs of this file alone.
fn cut(used: &Used<'_>) -> Result<ParsedFont, String> {
    let font = used.font;
    let damaged = |what: String| format!("{} cannot be cut down: {what}", font.name);
    let data = ReadScope::new(font.bytes).read::<FontData<'_>>().map_err(|error| damaged(error.to_string()))?;
    let provider = data.table_provider(font.index as usize).map_err(|error| damaged(error.to_string()))?;
    let ids: Vec<u16> = std::iter::once(0).chain(used.glyphs.keys().copied()).collect();
    let bytes =
        subset(&provider, &ids, &SubsetProfile::Minimal, CmapTarget::Unicode).map_err(|error| damaged(error.to_string()))?;
    let face = &font.face;
    let widths = used
        .glyphs
        .iter()
        .map(|(id, (place, _))| (*place, face.glyph_hor_advance(rustybuzz::ttf_parser::GlyphId(*id)).unwrap_or_default()));
    let units = u16::try_from(face.units_per_em()).unwrap_or(1000);
    let mut parsed = ParsedFont::with_glyph_data(
        bytes,
        0,
        Some(format!("{}+{}", tag(used), font.name)),
        BTreeMap::new(),
        widths.collect(),
        units,
        FontMetrics { ascent: face.ascender(), descent: face.descender() },
    );
    let bounds = face.global_bounding_box();
    let metrics = &mut parsed.pdf_font_metrics;
    (metrics.x_min, metrics.y_min, metrics.x_max, metrics.y_max) = (bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max);
    metrics.us_weight_class = face.weight().to_number();
    if face.is_italic() {
        metrics.caret_slope_run = 1;
        metrics.caret_slope_rise = 5;
    }
    Ok(parsed)
}

/// Six letters that say which glyphs there are (ISO 32000, 9.6.4): files with other glyphs of one font can be put together.
fn tag(used: &Used<'_>) -> String {
    let mut digest = Sha256::new();
    for id in used.glyphs.keys() {
        digest.update(id.to_be_bytes());
    }
    digest.finalize().iter().take(6).map(|byte| char::from(b'A' + byte % 26)).collect()
}

fn draw(mark: &Mark<'_>, used: &BTreeMap<&'static str, Used<'_>>) -> Vec<Op> {
    match mark {
        Mark::Fill(outlines, ink) => {
            let polygon = Polygon {
                rings: outlines.iter().map(ring).collect(),
                mode: PaintMode::Fill,
                winding_order: WindingOrder::NonZero,
            };
            vec![Op::SetFillColor { col: color(*ink) }, Op::DrawPolygon { polygon }]
        }
        Mark::Rule(from, to, wide, ink) => {
            let point = |at: &At| LinePoint { p: place(*at), bezier: false };
            vec![
                Op::SetOutlineColor { col: color(*ink) },
                Op::SetOutlineThickness { pt: Pt(*wide) },
                Op::DrawLine { line: Segment { points: vec![point(from), point(to)], is_closed: false } },
            ]
        }
        Mark::Text(line, at, size, ink) => write_line(line, *at, *size, *ink, used),
        Mark::Link(from, to, url) => {
            let (corner, other) = (place(At { x: from.x, y: to.y }), place(At { x: to.x, y: from.y }));
            let rect = Rect {
                x: corner.x,
                y: corner.y,
                width: Pt(other.x.0 - corner.x.0),
                height: Pt(other.y.0 - corner.y.0),
                mode: None,
                winding_order: None,
            };
            let border = Some(BorderArray::Solid([0.0, 0.0, 0.0]));
            vec![Op::LinkAnnotation { link: LinkAnnotation::new(rect, Actions::Uri(url.clone()), border, None, None) }]
        }
    }
}

/// Each glyph at its own place: printpdf makes runs of those that stand beside each other.
fn write_line(line: &Line<'_>, at: At, size: f32, ink: Ink, used: &BTreeMap<&'static str, Used<'_>>) -> Vec<Op> {
    let mut ops = vec![Op::StartTextSection, Op::SetFillColor { col: color(ink) }];
    let origin = place(at);
    let mut font = "";
    for piece in line.glyphs.chunk_by(|a, b| a.piece == b.piece) {
        let is_spelled = !piece.iter().all(|glyph| reads_as(glyph, used) == Some(glyph.text.as_str()));
        if is_spelled {
            ops.push(spell(piece));
        }
        for Glyph { font: of, id, x, y, .. } in piece {
            let Some(used) = used.get(of.name) else { continue };
            let Some((place, text)) = used.glyphs.get(id) else { continue };
            if font != of.name {
                font = of.name;
                ops.push(Op::SetFont { font: PdfFontHandle::External(used.id.clone()), size: Pt(size) });
            }
            let (x, y) = (origin.x.0 + x * size, origin.y.0 + y * size);
            ops.push(Op::SetTextMatrix { matrix: TextMatrix::Raw([1.0, 0.0, 0.0, 1.0, x, y]) });
            let glyph = Codepoint::with_cid(*place, 0.0, text.clone());
            ops.push(Op::ShowText { items: vec![TextItem::GlyphIds(vec![glyph])] });
        }
        if is_spelled {
            ops.push(Op::EndMarkedContent);
        }
    }
    ops.push(Op::EndTextSection);
    ops
}

/// What a reader takes a glyph for: in one file it stands for one text, the first that it was used for.
fn reads_as<'u>(glyph: &Glyph<'_>, used: &'u BTreeMap<&'static str, Used<'_>>) -> Option<&'u str> {
    used.get(glyph.font.name)?.glyphs.get(&glyph.id).map(|(_, text)| text.as_str())
}

/// Says what the glyphs up to the mark's end read as, where they would be taken for something else (ISO 32000, 14.9.4): signs of India change
/// places and forms.
fn spell(piece: &[Glyph<'_>]) -> Op {
    let text: String = piece.iter().map(|glyph| glyph.text.as_str()).collect();
    let data = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    let map = BTreeMap::from([("ActualText".to_owned(), DictItem::String { data, literal: false })]);
    Op::BeginMarkedContentWithProperties { tag: "Span".to_owned(), properties: DictItem::Dict { map } }
}

fn ring(outline: &Outline) -> PolygonRing {
    let point = |at: &At, bezier| LinePoint { p: place(*at), bezier };
    let points = outline.0.iter().flat_map(|step| match step {
        Step::To(at) => vec![point(at, false)],
        Step::Bend(first, second, end) => vec![point(first, true), point(second, true), point(end, false)],
    });
    PolygonRing { points: points.collect() }
}

/// From below and in points, as the format has it, to a hundredth: more digits are only bytes.
fn place(at: At) -> Point {
    let round = |points: f32| Pt((points * 100.0).round() / 100.0);
    Point { x: round(at.x * MM), y: round((HEIGHT - at.y) * MM) }
}

fn color(Ink(r, g, b): Ink) -> Color {
    let part = |part: u8| f32::from(part) / 255.0;
    Color::Rgb(Rgb { r: part(r), g: part(g), b: part(b), icc_profile: None })
}
