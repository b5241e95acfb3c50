use std::{fs, path::Path, process::Command, sync::LazyLock};

use chrono::{DateTime, NaiveDate};
use jobs::accounts::locale::Locale;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

/// One for all tests: fonts are never given back.
static PRINTER: LazyLock<Printer> =
    LazyLock::new(|| Printer::open(Path::new("/usr/share/fonts")).expect("the fonts are installed"));

const URL: &str = "https://compilandocode.example/v/CC-7Q4M-2K9T-X8WB-51DN";

fn sheet(holder: &str) -> Sheet {
    Sheet {
        id: Uuid::from_u128(0x0193_1b2c),
        serial: "CC-7Q4M-2K9T-X8WB-51DN".parse().expect("a serial"),
        holder: holder.to_owned(),
        course: "Git sin sustos".to_owned(),
        instructor: "Tomás Arrieta Quiñones".to_owned(),
        hours: 10,
        completed_on: NaiveDate::from_ymd_opt(2026, 11, 28).expect("a day"),
        locale: Locale::Es,
        check_url: URL.parse().expect("a URL"),
        made_at: DateTime::from_timestamp(1_795_860_000, 0).expect("a time"),
    }
}

/// A printed file, judged by programs of others.
struct Printed {
    folder: TempDir,
    bytes: Vec<u8>,
}

impl Printed {
    fn of(sheet: &Sheet) -> Self {
        let bytes = PRINTER.print_now(sheet).unwrap_or_else(|trouble| panic!("{}: {trouble}", sheet.holder));
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("it.pdf"), &bytes).expect("written");
        Self { folder, bytes }
    }

    /// What a program says of the file: its last argument.
    fn ask(&self, program: &str, args: &[&str]) -> String {
        let output = Command::new(program).args(args).current_dir(self.folder.path()).output();
        let output = output.unwrap_or_else(|error| panic!("{program} is not installed (tests/run does): {error}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{program}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// Its text as a reader copies it, in one line and without the marks that pdftotext puts around what runs from right to left.
    fn text(&self) -> String {
        let text = self.ask("pdftotext", &["-layout", "-enc", "UTF-8", "it.pdf", "-"]);
        let shown: String = text.chars().filter(|c| !matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}')).collect();
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn names_of_many_scripts_are_printed_whole_and_are_read_back() {
    for (name, font) in [
        ("Ana Ruiz", "NotoSerifDisplay-Regular"),
        ("José Ñáñez Güell-Iturbide", "NotoSerifDisplay-Regular"),
        ("Nguyễn Thị Ánh Tuyết", "NotoSerifDisplay-Regular"),
        ("Екатерина Дмитриевна Щербакова", "NotoSerifDisplay-Regular"),
        ("Ελευθερία Παπαδοπούλου", "NotoSerifDisplay-Regular"),
        ("علاء الدين محمد الأندلسي", "NotoNaskhArabic-Regular"),
        ("נועה בן־דוד", "NotoSerifHebrew-Regular"),
        ("欧阳雪梅", "NotoSerifCJKsc-Regular"),
        ("さくら 小林 ジョン", "NotoSerifCJKjp-Regular"),
        ("김민준", "NotoSerifCJKkr-Regular"),
        ("Արամ Խաչատրյան", "NotoSerifArmenian-Regular"),
        ("สมชาย ใจดี", "NotoSerifThai-Regular"),
        ("Ana 李 Ruiz", "NotoSerifCJKsc-Regular"),
        // Signs of no script, and Latin letters, that Chinese fonts alone have.
        ("Ana ＝ Ruiz", "NotoSerifCJKsc-Regular"),
        ("Ana Ｌｅｅ！", "NotoSerifCJKsc-Regular"),
        ("श्रीमती लक्ष्मी वर्मा", "NotoSerifDevanagari-Regular"),
    ] {
        let printed = Printed::of(&sheet(name));
        assert!(printed.text().contains(name), "{name}: {}", printed.text());
        let fonts = printed.ask("pdffonts", &["it.pdf"]);
        let fonts: Vec<&str> = fonts.lines().skip(2).collect();
        assert!(fonts.iter().any(|line| line.contains(font)), "{name}: {fonts:?}");
        for line in fonts {
            // name type encoding emb sub uni object id
            let words: Vec<&str> = line.split_whitespace().rev().collect();
            assert_eq!(words[2..5], ["yes", "yes", "yes"], "embedded, cut down, with its text: {line}");
        }
        printed.ask("qpdf", &["--check", "it.pdf"]);
        assert!(printed.bytes.len() <= 80_000, "{name}: {} bytes", printed.bytes.len());
    }
}

#[test]
fn scripts_whose_signs_change_places_are_printed() {
    // What a reader copies of them depends on the reader; that there is a glyph for everything does not.
    for name in ["தமிழ்ச்செல்வி", "សុខា ជា", "နန်းခင်", "ශ්‍රී ලාල්"]
    {
        let printed = Printed::of(&sheet(name));
        printed.ask("qpdf", &["--check", "it.pdf"]);
        assert!(printed.bytes.len() <= 80_000, "{name}: {} bytes", printed.bytes.len());
    }
}

#[test]
fn the_code_on_the_paper_leads_to_where_it_is_checked() {
    let printed = Printed::of(&sheet("Ana Ruiz"));
    printed.ask("pdftoppm", &["-r", "110", "-png", "-singlefile", "it.pdf", "it"]);
    assert_eq!(printed.ask("zbarimg", &["-q", "--raw", "it.png"]).trim(), URL);
    let info = printed.ask("pdfinfo", &["it.pdf"]);
    assert!(info.contains("841.89 x 595.276 pts (A4)") && info.contains("Ana Ruiz · Git sin sustos"), "{info}");
}

#[test]
fn everything_stands_on_it_in_the_learners_language() {
    let spanish = Printed::of(&sheet("Ana Ruiz")).text();
    for said in [
        "Certificado",
        "DE FINALIZACIÓN",
        "Git sin sustos",
        "10 horas",
        "28 de noviembre de 2026",
        "Tomás Arrieta Quiñones",
        "CC-7Q4M-2K9T-X8WB-51DN",
        "compilandocode.example/v/",
    ] {
        assert!(spanish.contains(said), "{said}: {spanish}");
    }
    let english = Printed::of(&Sheet { locale: Locale::En, hours: 1, ..sheet("Ana Ruiz") }).text();
    for said in ["Certificate", "OF COMPLETION", "1 hour ", "28 November 2026"] {
        assert!(english.contains(said), "{said}: {english}");
    }
}

#[test]
fn the_same_sheet_is_the_same_bytes_and_another_sheet_is_not() {
    let another = Printer::open(Path::new("/usr/share/fonts")).expect("the fonts");
    let first = PRINTER.print_now(&sheet("Ana Ruiz")).expect("a file");
    assert_eq!(first, another.print_now(&sheet("Ana Ruiz")).expect("a file"));
    assert_ne!(first, PRINTER.print_now(&sheet("Ana Ruis")).expect("a file"));
    assert_ne!(first, PRINTER.print_now(&Sheet { id: Uuid::from_u128(7), ..sheet("Ana Ruiz") }).expect("a file"));
}

#[test]
fn endless_names_and_titles_stay_on_the_paper() {
    let words = "María de los Ángeles Fernández de Córdoba y Álvarez de Toledo ".repeat(4);
    for name in
        [&words[..200], &"Wolfeschlegelsteinhausenbergerdorff".repeat(5), &"鬱".repeat(200), &"ﷺ".repeat(120), &"i".repeat(200)]
    {
        let course = format!("Un título {}", "larguísimo ".repeat(13));
        let sheet = Sheet { course: course.trim().to_owned(), instructor: name.to_owned(), ..sheet(name.trim()) };
        let page = page::compose(&PRINTER.0, &sheet).unwrap_or_else(|trouble| panic!("{name}: {trouble}"));
        for mark in &page {
            let draw::Mark::Text(line, at, size, _) = mark else { continue };
            let right = at.x + line.width * size / draw::MM;
            assert!(at.x >= 30.0 && right <= page::WIDTH - 30.0, "{name}: {} to {right} mm", at.x);
            assert!(at.y - size / draw::MM >= 10.0 && at.y <= page::HEIGHT - 12.0, "{name}: {} mm", at.y);
            assert!(*size >= 4.5, "{name}: {size} points");
        }
    }
}

#[test]
fn a_sign_that_no_font_has_is_told_and_never_a_box() {
    let told = |name: &str| match PRINTER.print_now(&sheet(name)) {
        Err(trouble @ PdfTrouble::Uncovered(_)) => trouble.to_string(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(told("Ana 𒀀"), "the fonts cannot show “𒀀” (U+12000, Cuneiform)");
    assert!(told("Ana 🦀 𓀀").contains("U+13000, Egyptian_Hieroglyphs"), "{}", told("Ana 🦀 𓀀"));
    assert!(matches!(PRINTER.print_now(&Sheet { course: "Curso 𒀀".to_owned(), ..sheet("Ana") }), Err(PdfTrouble::Uncovered(_))));
}

#[test]
fn a_font_that_is_not_installed_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(Printer::open(folder.path()).expect_err("no fonts").contains("install fonts-noto-core"));
    for style in ["Display-Regular", "Display-Bold", "Display-Italic"] {
        link(folder.path(), &format!("NotoSerif{style}.ttf"));
    }
    for style in ["Regular", "Bold"] {
        link(folder.path(), &format!("NotoSans-{style}.ttf"));
    }
    let printer = Printer::open(folder.path()).expect("a printer");
    assert!(printer.print_now(&sheet("Ana Ruiz")).is_ok());
    let trouble = printer.print_now(&sheet("李小龍")).expect_err("no font");
    assert!(trouble.to_string().contains("“李” (U+674E, Han; install fonts-noto-cjk and run the job again)"), "{trouble}");
    fs::write(folder.path().join("NotoSerifHebrew-Regular.ttf"), "no font").expect("written");
    assert!(matches!(printer.print_now(&sheet("נועה")), Err(PdfTrouble::Uncovered(_))), "a damaged font has no signs");
}

fn link(folder: &Path, file: &str) {
    let here = Path::new("/usr/share/fonts/truetype/noto").join(file);
    std::os::unix::fs::symlink(&here, folder.join(file)).unwrap_or_else(|error| panic!("{}: {error}", here.display()));
}
