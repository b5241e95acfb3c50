//! Which font has which script, found by file name and read once.

use std::{
    collections::HashMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use jobs::ports::pdf::Uncovered;
use rustybuzz::Face;
use unicode_script::{Script, UnicodeScript as _};

/// A font, ready to shape with. It is never given back: a worker prints with it as long as it lives.
pub(super) struct Font {
    /// What it is called in a file, without the tag of the subset.
    pub(super) name: &'static str,
    pub(super) bytes: &'static [u8],
    /// Which of the fonts in its file.
    pub(super) index: u32,
    pub(super) face: Face<'static>,
}

impl fmt::Debug for Font {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Font {
    /// Whether it has the sign.
    pub(super) fn covers(&self, sign: char) -> bool {
        self.face.glyph_index(sign).is_some_and(|glyph| glyph.0 != 0)
    }

    /// Its units in an em.
    pub(super) fn units(&self) -> f32 {
        self.face.units_per_em() as f32
    }
}

/// What a text is set in, where its script allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Names and titles.
    Display,
    /// Titles that stand out.
    DisplayBold,
    /// As somebody signs.
    DisplayItalic,
    /// Everything else.
    Text,
    /// What of that stands out.
    TextBold,
}

/// A font file that we know.
struct Known {
    name: &'static str,
    file: &'static str,
    index: u32,
    package: &'static str,
}

const CORE: &str = "fonts-noto-core";
const CJK: &str = "fonts-noto-cjk";

const fn core(name: &'static str, file: &'static str) -> Known {
    Known { name, file, index: 0, package: CORE }
}

const fn cjk(name: &'static str, index: u32) -> Known {
    Known { name, file: "NotoSerifCJK-Regular.ttc", index, package: CJK }
}

/// What every certificate is set in, in the order of [`Style`].
const STYLES: [Known; 5] = [
    core("NotoSerifDisplay-Regular", "NotoSerifDisplay-Regular.ttf"),
    core("NotoSerifDisplay-Bold", "NotoSerifDisplay-Bold.ttf"),
    core("NotoSerifDisplay-Italic", "NotoSerifDisplay-Italic.ttf"),
    core("NotoSans-Regular", "NotoSans-Regular.ttf"),
    core("NotoSans-Bold", "NotoSans-Bold.ttf"),
];

/// Has rare signs of many scripts and none.
const LAST: Known = core("NotoSerif-Regular", "NotoSerif-Regular.ttf");

/// The fonts of the other scripts. Chinese signs are drawn differently from country to country; beside kana they are Japanese and beside
/// hangul Korean, and alone they are drawn as in Beijing, where most of their readers live.
const SCRIPTS: [(Script, Known); 26] = [
    (Script::Arabic, core("NotoNaskhArabic-Regular", "NotoNaskhArabic-Regular.ttf")),
    (Script::Hebrew, core("NotoSerifHebrew-Regular", "NotoSerifHebrew-Regular.ttf")),
    (Script::Armenian, core("NotoSerifArmenian-Regular", "NotoSerifArmenian-Regular.ttf")),
    (Script::Georgian, core("NotoSerifGeorgian-Regular", "NotoSerifGeorgian-Regular.ttf")),
    (Script::Devanagari, core("NotoSerifDevanagari-Regular", "NotoSerifDevanagari-Regular.ttf")),
    (Script::Bengali, core("NotoSerifBengali-Regular", "NotoSerifBengali-Regular.ttf")),
    (Script::Gurmukhi, core("NotoSerifGurmukhi-Regular", "NotoSerifGurmukhi-Regular.ttf")),
    (Script::Gujarati, core("NotoSerifGujarati-Regular", "NotoSerifGujarati-Regular.ttf")),
    (Script::Tamil, core("NotoSerifTamil-Regular", "NotoSerifTamil-Regular.ttf")),
    (Script::Telugu, core("NotoSerifTelugu-Regular", "NotoSerifTelugu-Regular.ttf")),
    (Script::Kannada, core("NotoSerifKannada-Regular", "NotoSerifKannada-Regular.ttf")),
    (Script::Malayalam, core("NotoSerifMalayalam-Regular", "NotoSerifMalayalam-Regular.ttf")),
    (Script::Sinhala, core("NotoSerifSinhala-Regular", "NotoSerifSinhala-Regular.ttf")),
    (Script::Thai, core("NotoSerifThai-Regular", "NotoSerifThai-Regular.ttf")),
    (Script::Lao, core("NotoSerifLao-Regular", "NotoSerifLao-Regular.ttf")),
    (Script::Khmer, core("NotoSerifKhmer-Regular", "NotoSerifKhmer-Regular.ttf")),
    (Script::Myanmar, core("NotoSerifMyanmar-Regular", "NotoSerifMyanmar-Regular.ttf")),
    (Script::Tibetan, core("NotoSerifTibetan-Regular", "NotoSerifTibetan-Regular.ttf")),
    (Script::Ethiopic, core("NotoSerifEthiopic-Regular", "NotoSerifEthiopic-Regular.ttf")),
    (Script::Han, cjk("NotoSerifCJKsc-Regular", 2)),
    (Script::Bopomofo, cjk("NotoSerifCJKtc-Regular", 3)),
    (Script::Hiragana, cjk("NotoSerifCJKjp-Regular", 0)),
    (Script::Katakana, cjk("NotoSerifCJKjp-Regular", 0)),
    (Script::Hangul, cjk("NotoSerifCJKkr-Regular", 1)),
    (Script::Cherokee, core("NotoSansCherokee-Regular", "NotoSansCherokee-Regular.ttf")),
    (Script::Tifinagh, core("NotoSansTifinagh-Regular", "NotoSansTifinagh-Regular.ttf")),
];

/// The fonts that there are.
pub(super) struct Fonts {
    paths: HashMap<&'static str, PathBuf>,
    styles: [Font; 5],
    /// By name: `None`, if it cannot be read.
    others: HashMap<&'static str, OnceLock<Option<Font>>>,
    /// By file: of one file there may be several fonts.
    read: HashMap<&'static str, OnceLock<Option<&'static [u8]>>>,
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fonts").field("found", &self.paths.len()).finish_non_exhaustive()
    }
}

impl Fonts {
    /// Looks below the folder, and reads those without which nothing is printed.
    ///
    /// # Errors
    /// One of them is missing or damaged.
    pub(super) fn find(folder: &Path) -> Result<Self, String> {
        let known = || STYLES.iter().chain([&LAST]).chain(SCRIPTS.iter().map(|(_, known)| known));
        let mut paths = HashMap::new();
        look(folder, 0, &mut |path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(known) = known().find(|known| known.file == name) {
                paths.entry(known.file).or_insert_with(|| path.to_owned());
            }
        })
        .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
        let styles = STYLES.iter().map(|known| {
            let path = paths.get(known.file);
            let bytes = path.and_then(|path| fs::read(path).ok()).map(|bytes| &*bytes.leak());
            bytes
                .and_then(|bytes| open(known, bytes))
                .ok_or_else(|| format!("{} is not found whole below {}: install {}", known.file, folder.display(), known.package))
        });
        let styles: Vec<Font> = styles.collect::<Result<_, _>>()?;
        Ok(Self {
            styles: styles.try_into().map_err(|_| "fonts are missing".to_owned())?,
            others: known().map(|known| (known.name, OnceLock::new())).collect(),
            read: known().map(|known| (known.file, OnceLock::new())).collect(),
            paths,
        })
    }

    pub(super) fn of(&self, style: Style) -> &Font {
        &self.styles[style as usize]
    }

    /// The font for a sign in a text of that style; `around` are the signs of the whole text.
    ///
    /// # Errors
    /// None has it.
    pub(super) fn for_sign(&self, sign: char, style: Style, around: &[Script]) -> Result<&Font, Uncovered> {
        let wanted = self.of(style);
        if wanted.covers(sign) {
            return Ok(wanted);
        }
        let script = country(script(sign), around);
        let known = SCRIPTS.iter().find(|(of, _)| *of == script).map(|(_, known)| known);
        let found = known.into_iter().chain([&LAST]).filter_map(|known| self.other(known)).find(|font| font.covers(sign));
        found.ok_or_else(|| Uncovered {
            sign,
            script: script.full_name().to_owned(),
            package: known.filter(|known| !self.paths.contains_key(known.file)).map(|known| known.package),
        })
    }

    fn other(&self, known: &Known) -> Option<&Font> {
        let open = || {
            let bytes = self.read.get(known.file)?.get_or_init(|| {
                let read = self.paths.get(known.file).map(fs::read)?;
                read.map_err(|error| tracing::error!(file = known.file, %error, "a font cannot be read"))
                    .ok()
                    .map(|bytes| &*bytes.leak())
            });
            open(known, (*bytes)?)
        };
        self.others.get(known.name)?.get_or_init(open).as_ref()
    }
}

fn open(known: &Known, bytes: &'static [u8]) -> Option<Font> {
    let face = Face::from_slice(bytes, known.index)?;
    Some(Font { name: known.name, bytes, index: known.index, face })
}

/// Whose sign it is. What is as wide as a Chinese sign stands beside these and in their fonts alone, though Unicode counts it among signs of no script or of
/// the Latin one: 。, ＝, Ａ.
pub(super) fn script(sign: char) -> Script {
    match (sign.script(), sign) {
        (
            Script::Common | Script::Latin,
            '\u{3000}'..='\u{303F}' | '\u{3200}'..='\u{33FF}' | '\u{FE30}'..='\u{FE4F}' | '\u{FF00}'..='\u{FFEF}',
        ) => Script::Han,
        (script, _) => script,
    }
}

/// Whose way of drawing Chinese signs it is.
fn country(script: Script, around: &[Script]) -> Script {
    let beside = |scripts: &[Script]| around.iter().copied().find(|script| scripts.contains(script));
    match script {
        Script::Han => beside(&[Script::Hiragana, Script::Katakana, Script::Hangul, Script::Bopomofo]).unwrap_or(script),
        Script::Common | Script::Inherited => {
            // Punctuation and marks go with the letters beside them.
            around.iter().copied().find(|script| SCRIPTS.iter().any(|(known, _)| known == script)).unwrap_or(script)
        }
        script => script,
    }
}

/// Every file below the folder, in the order of their names, not deeper than a system nests its fonts.
fn look(folder: &Path, depth: usize, see: &mut impl FnMut(&Path)) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if depth < 4 {
                look(&path, depth + 1, see)?;
            }
        } else {
            see(&path);
        }
    }
    Ok(())
}
