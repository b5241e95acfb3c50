//! Files that programs of others read: spreadsheets by openpyxl, papers by qpdf and poppler; and words that no program takes for a formula.

use std::process::Command;

use jobs::{
    accounts::locale::Locale,
    help_desk::number::ClientId,
    reports::{
        announce_report::AnnounceReport,
        kind::{Format, Kind},
        wish::Params,
    },
};
use scraper::{Html, Selector};
use serde_json::Value;

use super::{Office, params, python};

/// Titles that a spreadsheet would compute, and some that are only difficult.
const TITLES: [&str; 10] = [
    "=HYPERLINK(\"http://x.example\",\"aquí\")",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1",
    "comillas \"dobles\", comas; y 'apóstrofos'",
    "dos\nlíneas",
    "Ñandú, 東京 y Ω — 100 %",
    "cinco\u{7}",
    "báscula;=1+1; @SUM(A1)",
];

impl Office {
    /// A ticket for each of these titles, all of one minute.
    async fn with_titles(&self) {
        for title in TITLES {
            sqlx::query(
                "insert into desk.tickets (created_at, client_id, title, description, status, created_by, updated_at)
                 select '2026-11-24 12:00+00', c.id, $1, '-', 'new', u.id, now() from desk.clients c, core.users u
                 where c.name like 'Nada%' and u.role = 'client'",
            )
            .bind(title)
            .execute(&self.stores.db)
            .await
            .unwrap();
        }
    }
}

#[tokio::test]
async fn no_program_computes_what_people_have_written() {
    let office = Office::open().await;
    office.with_titles().await;
    let day = params("2026-11-24", "2026-11-24");

    let (_, file) = office.made("consuelo", Kind::Tickets, Format::Csv, day).await;
    let rows: Vec<Vec<String>> = serde_json::from_str(&python("read_csv.py", &file, &[])).unwrap();
    let read: Vec<&str> = rows[1..].iter().map(|row| row[3].as_str()).collect();
    let kept: Vec<String> =
        TITLES.iter().enumerate().map(|(at, title)| if at < 5 { format!("'{title}") } else { (*title).to_owned() }).collect();
    // Where `;` separates, a cell begins behind it.
    let kept: Vec<String> = kept.into_iter().map(|title| title.replace(";=", ";'=").replace("; @", "; '@")).collect();
    assert_eq!(read, kept);
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{rows:?}");

    let (_, file) = office.made("consuelo", Kind::Tickets, Format::Xlsx, day).await;
    let sheets: Value = serde_json::from_str(&python("read_xlsx.py", &file, &[])).unwrap();
    let rows = sheets["Solicitudes"].as_array().unwrap();
    for (row, title) in rows[1..].iter().zip(TITLES) {
        // `s`: a text; `f` would be a formula.
        assert_eq!((row[3][1].as_str().unwrap(), row[0][1].as_str().unwrap()), ("s", "s"), "{title}: {row}");
    }
    let read: Vec<&str> = rows[1..].iter().map(|row| row[3][0].as_str().unwrap()).collect();
    assert_eq!(read[..8], TITLES[..8]);
}

#[tokio::test]
async fn a_spreadsheet_has_the_figures_of_the_csv_as_numbers_and_moments() {
    let office = Office::open().await;
    let period = params("2026-10-01", "2026-10-31");
    for kind in [Kind::Tickets, Kind::Times, Kind::Sla, Kind::Volumes] {
        let (_, csv) = office.made("consuelo", kind, Format::Csv, period).await;
        let rows: Vec<Vec<String>> = serde_json::from_str(&python("read_csv.py", &csv, &[])).unwrap();
        let (report, file) = office.made("consuelo", kind, Format::Xlsx, period).await;
        let sheets: Value = serde_json::from_str(&python("read_xlsx.py", &file, &[])).unwrap();
        // A sheet's name is no longer than that.
        let name: String = kind.layout().title(Locale::Es).chars().take(26).collect();
        let sheet = sheets[&name].as_array().unwrap();
        // Where it is not plain how something is counted, the book says so itself.
        let says = sheets.get("Notas").map(|sheet| sheet[0][0][0].as_str().unwrap());
        let rule = match kind {
            Kind::Sla => Some("cuenta cuando se decide"),
            Kind::Times => Some("la solución de una que se cerró, desde que se abrió de nuevo"),
            _ => None,
        };
        assert!(
            says.is_some() == rule.is_some() && says.zip(rule).is_none_or(|(says, rule)| says.contains(rule)),
            "{kind}: {says:?}"
        );
        assert_eq!((sheet.len(), report.rows as usize), (rows.len(), rows.len() - 1), "{kind}");
        for (cells, texts) in sheet.iter().zip(&rows) {
            for (cell, text) in cells.as_array().unwrap().iter().zip(texts) {
                assert_eq!(&as_csv(cell), text, "{kind}: {cells}");
            }
        }
    }
}

/// A cell of a spreadsheet as the CSV would have it.
fn as_csv(cell: &Value) -> String {
    let (value, format) = (&cell[0], cell[2].as_str().unwrap());
    match (value, format) {
        (Value::Null, _) => String::new(),
        (Value::String(text), "yyyy-mm-dd hh:mm:ss") => text.replace('T', " ")[..19].to_owned(),
        (Value::String(text), "yyyy-mm-dd") => text[..10].to_owned(),
        (Value::String(text), _) => text.clone(),
        (Value::Number(number), "[h]:mm:ss") => {
            let seconds = number.as_f64().unwrap().round() as i64;
            format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
        }
        (Value::Number(number), "0.00%") => format!("{:.2}", number.as_f64().unwrap() * 100.0),
        (Value::Number(number), _) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Runs a program of others on a file.
fn asked(program: &str, args: &[&str], file: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("it.pdf"), file).unwrap();
    let output = Command::new(program).args(args).current_dir(folder.path()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is not installed (tests/run does): {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_paper_has_pages_totals_a_chart_and_fonts_of_its_own() {
    let office = Office::open().await;
    let (report, file) = office.made("consuelo", Kind::Volumes, Format::Pdf, params("2026-10-01", "2026-10-31")).await;

    asked("qpdf", &["--check", "it.pdf"], &file);
    let about = asked("pdfinfo", &["it.pdf"], &file);
    let pages: usize = about.lines().find_map(|line| line.strip_prefix("Pages:")).unwrap().trim().parse().unwrap();
    assert!(report.rows > 100 && pages > 3, "{about}");
    assert!(about.contains("Volumen por día") && about.contains("A4"), "{about}");
    let text = asked("pdftotext", &["-layout", "it.pdf", "-"], &file);
    let total = |key: &str| report.figures[key].as_i64().unwrap();
    let (opened, resolved, open) = (total("opened"), total("resolved"), total("open"));
    let last = text.lines().find(|line| line.trim_start().starts_with("Total")).expect("totals");
    let figures: Vec<i64> = last.split_whitespace().skip(1).map(|figure| figure.parse().unwrap()).collect();
    assert_eq!(figures, [opened, resolved, open]);
    assert_eq!(
        opened,
        office
            .number(
                "select count(*) from desk.tickets where created_at >= '2026-09-30 22:00+00' and created_at < '2026-10-31 23:00+00'"
            )
            .await
    );
    for said in [
        "Abiertas, resueltas y sin resolver, por día",
        &format!("Página {pages} de {pages}"),
        "Del 2026-10-01 al 2026-10-31 (Europe/Madrid)",
        "Filas",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(text.matches("Asunto").count(), pages, "titles stand on each page");
    // What is drawn: on the first page a line has a hundred strokes, elsewhere there are rules only.
    let strokes = |page: usize| {
        let number = page.to_string();
        let one = asked("qpdf", &["--qdf", "--object-streams=disable", "it.pdf", "--pages", ".", &number, "--", "-"], &file);
        one.lines().filter(|line| line.trim_end().ends_with(" l") || *line == "S").count()
    };
    assert!(strokes(1) > strokes(2) + 60, "{} and {}", strokes(1), strokes(2));
    let fonts = asked("pdffonts", &["it.pdf"], &file);
    let told: Vec<&str> = fonts.lines().skip(2).collect();
    assert!(!told.is_empty() && told.iter().all(|font| font.contains('+') && font.contains("yes yes")), "{fonts}");
}

/// A word on a page: where it begins and ends from the left, and how high its middle stands, in points.
#[derive(Debug)]
struct Printed {
    page: usize,
    text: String,
    from: f64,
    until: f64,
    middle: f64,
    height: f64,
}

/// Every word of a paper in its place, as poppler sees it.
fn words(file: &[u8]) -> Vec<Printed> {
    let document = Html::parse_document(&asked("pdftotext", &["-bbox", "it.pdf", "-"], file));
    let (page, word) = (Selector::parse("page").unwrap(), Selector::parse("word").unwrap());
    let pages = document.select(&page).enumerate();
    let placed = pages.flat_map(|(page, of)| of.select(&word).map(move |word| (page, word)));
    placed
        .map(|(page, word)| {
            let at = |name| word.attr(name).unwrap().parse::<f64>().unwrap();
            let (top, bottom) = (at("ymin"), at("ymax"));
            let text: String = word.text().collect();
            Printed { page, text, from: at("xmin"), until: at("xmax"), middle: f64::midpoint(top, bottom), height: bottom - top }
        })
        .collect()
}

/// Whether each word has its place to itself, and all of them stand on the paper.
fn nothing_is_in_the_way(words: &[Printed]) {
    for (at, word) in words.iter().enumerate() {
        assert!(word.from >= 39.0 && word.until <= 842.0 - 39.0 && word.middle < 595.0 - 30.0, "{word:?}");
        for other in words[at + 1..].iter().filter(|other| other.page == word.page) {
            // A font's box is higher than its letters: lines stand closer than that.
            let on_one_line = (word.middle - other.middle).abs() < word.height.min(other.height) * 0.6;
            assert!(!on_one_line || word.until <= other.from + 0.2 || other.until <= word.from + 0.2, "{word:?} and {other:?}");
        }
    }
}

/// Where the rows of a page end, in points: below them stands when the paper was made.
const ROWS_END: f64 = 540.0;

/// The hour that stands beside a day of a row, or below it.
fn hour_of<'w>(day: &Printed, words: &'w [Printed]) -> Option<&'w Printed> {
    let is_day = day.text.len() == 10 && day.text.starts_with("2026-") && day.middle < ROWS_END;
    words.iter().filter(|_| is_day).find(|hour| {
        let is_hour = hour.page == day.page && hour.text.len() == 5 && hour.text.contains(':');
        let is_beside = (hour.middle - day.middle).abs() < 1.0 && (0.0..6.0).contains(&(hour.from - day.until));
        let is_below = (hour.from - day.from).abs() < 1.0 && (4.0..14.0).contains(&(hour.middle - day.middle));
        is_hour && (is_beside || is_below)
    })
}

#[tokio::test]
async fn on_paper_moments_are_whole_titles_take_two_lines_and_nothing_is_in_the_way() {
    let office = Office::open().await;
    // Titles of every length, with accents, a word without end, signs of other scripts, and the longest names that there may be.
    office
        .run(
            "update desk.tickets set title = case id % 5
                 when 0 then 'La impresora de la recepción se apaga sola'
                 when 1 then repeat('Configuración ñandú, ', 14)
                 when 2 then repeat('electroencefalografista', 12)
                 when 3 then '東京支社のプリンターが動かないので、すぐに見てください。' || repeat('至急', 40)
                 else 'Corta' end;
             update desk.clients set name = 'Cooperativa de Caficultores del Alto Quindío' where name like 'Cafés%';
             update core.users set full_name = 'María Fernanda Echeverri-Montoya' where email like 'inigo%';
             alter sequence desk.ticket_ids restart with 987654321012;
             insert into desk.tickets (created_at, client_id, title, description, status, priority, category, created_by, updated_at)
             select '2026-10-09 08:07+00', c.id, 'De un número enorme', '-', 'waiting_client', 'urgent', 'billing', u.id, now()
             from desk.clients c, core.users u where c.name like 'Nada%' and u.role = 'client'",
        )
        .await;
    let period = params("2026-10-01", "2026-10-15");
    let (_, csv) = office.made("consuelo", Kind::Tickets, Format::Csv, period).await;
    let rows: Vec<Vec<String>> = serde_json::from_str(&python("read_csv.py", &csv, &[])).unwrap();

    let (report, file) = office.made("consuelo", Kind::Tickets, Format::Pdf, period).await;

    asked("qpdf", &["--check", "it.pdf"], &file);
    let words = words(&file);
    nothing_is_in_the_way(&words);
    // Each moment of the spreadsheet's is there, its hour beside its day or below it.
    let mut whole: Vec<String> =
        words.iter().filter_map(|day| Some(format!("{} {}", day.text, hour_of(day, &words)?.text))).collect();
    let mut moments: Vec<&str> =
        rows[1..].iter().flatten().filter(|cell| cell.len() == 19 && cell.starts_with("2026-")).map(|cell| &cell[..16]).collect();
    whole.sort_unstable();
    moments.sort_unstable();
    assert_eq!(whole, moments);
    let pages = words.iter().map(|word| word.page).max().unwrap() + 1;
    assert!(pages > 3 && report.rows == rows.len() as i64 - 1, "{pages}");
    assert!(words.iter().any(|word| word.text == "987654321012"), "a number of twelve digits");
    // What fits into two lines is there to the last word; what does not ends in three dots.
    let often = |text: &str| words.iter().filter(|word| word.text == text).count();
    let titled = |title: &str| rows[1..].iter().filter(|row| row[3].starts_with(title)).count();
    assert_eq!(often("recepción"), titled("La impresora"));
    assert_eq!(often("Corta"), titled("Corta"));
    let cut = words.iter().filter(|word| word.text.ends_with('…')).count();
    assert!(cut >= titled("Configuración") + titled("electro") + titled("東京"), "{cut}");
    let text = asked("pdftotext", &["-layout", "it.pdf", "-"], &file);
    assert_eq!(text.matches("Solicitud ").count(), pages, "titles stand on each page");
    assert!((1..=pages).all(|page| text.contains(&format!("Página {page} de {pages}"))), "{text}");
}

#[tokio::test]
async fn every_kind_of_paper_has_room_for_its_figures_and_says_how_it_counts() {
    let office = Office::open().await;
    office.run(include_str!("../../../deploy/demo.sql")).await;
    office.run(include_str!("../../../deploy/demo-school.sql")).await;
    // Thousands of hours, and amounts of billions.
    office
        .run(
            "update desk.tickets set resolved_at = resolved_at + interval '1900 hours', closed_at = closed_at + interval '1900 hours';
             alter table school.ledger_lines disable trigger only_added_to;
             update school.ledger_lines set amount_minor = amount_minor * 1000000",
        )
        .await;
    let went_back = office
        .number(
            "select count(*) from (select from school.sale_movements where day between '2026-09-01' and '2027-02-28'
                 group by day, course_id, currency having sum(amount_minor) < 0) negative",
        )
        .await;
    for kind in Kind::ALL {
        for (period, is_empty) in [(params("2026-09-01", "2027-02-28"), false), (params("2010-01-01", "2010-01-02"), true)] {
            let (report, file) = office.made("ada", *kind, Format::Pdf, period).await;
            let words = words(&file);
            nothing_is_in_the_way(&words);
            let text = asked("pdftotext", &["-layout", "it.pdf", "-"], &file);
            assert_eq!(report.rows == 0, is_empty && *kind != Kind::Agents, "{kind}");
            assert_eq!(text.contains("No hay nada en este periodo."), report.rows == 0, "{kind}: {text}");
            let says = text.contains("Un plazo cuenta cuando se decide");
            assert_eq!(says, matches!(kind, Kind::Daily | Kind::Sla | Kind::Agents), "{kind}: {text}");
            // Figures are never cut.
            let cut =
                words.iter().find(|word| word.text.ends_with('…') && word.text.starts_with(|sign: char| sign.is_ascii_digit()));
            assert!(cut.is_none(), "{kind}: {cut:?}");
            // What no font has is a question mark. No figure is one, and neither is the sign of an amount that went back.
            assert!(!text.contains('?'), "{kind}: {text}");
            assert_eq!(text.contains('–'), *kind == Kind::Sales && !is_empty && went_back > 0, "{kind}: {text}");
        }
    }
}

#[tokio::test]
async fn signs_that_no_font_has_cost_nobody_their_report() {
    let office = Office::open().await;
    office.with_titles().await;
    office.run("update desk.tickets set title = 'Lengua \u{12000} rara' where title like '+1%'").await;

    let (_, file) = office.made("consuelo", Kind::Tickets, Format::Pdf, params("2026-11-24", "2026-11-24")).await;

    let text = asked("pdftotext", &["-layout", "it.pdf", "-"], &file);
    assert!(text.contains("Lengua ? rara") && text.contains("東京"), "{text}");
}

#[tokio::test]
async fn a_report_of_one_client_says_whose_it_is() {
    let office = Office::open().await;
    office.run("update desk.clients set name = '=Cafés & «Té» del Quindío' where name like 'Cafés%'").await;
    let client = ClientId(office.number("select id from desk.clients where name like '=Cafés%'").await);
    let period = Params { client: Some(client), ..params("2026-10-01", "2026-10-31") };
    let named = "Cliente: =Cafés & «Té» del Quindío";

    let (_, paper) = office.made("consuelo", Kind::Agents, Format::Pdf, period).await;
    let text = asked("pdftotext", &["-layout", "it.pdf", "-"], &paper);
    assert!(text.contains(named), "{text}");
    nothing_is_in_the_way(&words(&paper));
    let about = asked("pdfinfo", &["it.pdf"], &paper);
    assert!(about.contains("Agentes · Del 2026-10-01 al 2026-10-31 (Europe/Madrid) · =Cafés & «Té» del Quindío"), "{about}");

    let (_, book) = office.made("consuelo", Kind::Tickets, Format::Xlsx, period).await;
    let sheets: Value = serde_json::from_str(&python("read_xlsx.py", &book, &[])).unwrap();
    assert_eq!(
        (sheets["Notas"][0][0][0].as_str(), sheets["Notas"][0][0][1].as_str()),
        (Some(named), Some("s")),
        "words, and no formula"
    );

    let (report, _) = office.made("consuelo", Kind::Sla, Format::Csv, period).await;
    let names: Vec<String> = office.fakes.blobs.names();
    for name in [
        "agents_cafes-te-del-quindio_2026-10-01_2026-10-31.pdf",
        "tickets_cafes-te-del-quindio_2026-10-01_2026-10-31.xlsx",
        "sla_cafes-te-del-quindio_2026-10-01_2026-10-31.csv",
    ] {
        assert!(names.iter().any(|of| of == name), "{name}: {names:?}");
    }
    office.run("update core.users set email_verified_at = now()").await;
    office.kit.attempt(AnnounceReport { report_id: report.id }).await;
    let letters = office.fakes.mail.letters();
    assert!(letters.iter().any(|letter| letter.text.contains(named)), "{letters:?}");

    // Of every client's nobody is named.
    let (_, paper) = office.made("consuelo", Kind::Agents, Format::Pdf, params("2026-10-01", "2026-10-31")).await;
    assert!(!asked("pdftotext", &["-layout", "it.pdf", "-"], &paper).contains("Cliente"));
}
