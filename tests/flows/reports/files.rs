//! Files that programs of others read: spreadsheets by openpyxl, papers by qpdf and poppler; and words that no program takes for a formula.

use std::process::Command;

use jobs::reports::kind::{Format, Kind};
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
        let sheet = sheets.as_object().unwrap().values().next().unwrap().as_array().unwrap();
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

#[tokio::test]
async fn signs_that_no_font_has_cost_nobody_their_report() {
    let office = Office::open().await;
    office.with_titles().await;
    office.run("update desk.tickets set title = 'Lengua \u{12000} rara' where title like '+1%'").await;

    let (_, file) = office.made("consuelo", Kind::Tickets, Format::Pdf, params("2026-11-24", "2026-11-24")).await;

    let text = asked("pdftotext", &["-layout", "it.pdf", "-"], &file);
    assert!(text.contains("Lengua ? rara") && text.contains("東京"), "{text}");
}
