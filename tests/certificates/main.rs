//! How long a certificate takes, how large it is, and what its fonts cost a worker in memory. A benchmark: it fails where a certificate is not
//! printed, or not the same twice, and at no figure.

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, NaiveDate};
use clap::Parser;
use jobs::{accounts::locale::Locale, ports::pdf::Sheet};
use uuid::Uuid;
use worker::pdf::Printer;

/// Prints certificates to names of many scripts.
#[derive(Debug, Parser)]
struct Settings {
    /// How many of each kind are printed and timed, after one that reads the fonts.
    #[arg(long, default_value_t = 200)]
    certificates: usize,
    /// Where the fonts are.
    #[arg(long, default_value = "/usr/share/fonts")]
    fonts: PathBuf,
    /// Keep one file of each kind in this folder, to be looked at.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Kinds of names.
const NAMES: [(&str, &str); 10] = [
    ("short", "Ana Ruiz"),
    ("accented", "José Ñáñez Güell-Iturbide"),
    (
        "long",
        "María de los Ángeles Guadalupe Concepción Fernández de Córdoba y Álvarez de Toledo Ruiz de la Prada Martínez de Irujo \
         Fitz-James Stuart Ximénez de Sandoval Zúñiga Portocarrero y Guzmán la Buena",
    ),
    ("cyrillic", "Екатерина Дмитриевна Щербакова"),
    ("greek", "Ελευθερία Παπαδοπούλου"),
    ("arabic", "علاء الدين محمد الأندلسي"),
    ("hebrew", "נועה בן־דוד"),
    ("devanagari", "श्रीमती लक्ष्मी वर्मा"),
    ("chinese", "欧阳雪梅"),
    ("japanese", "さくら 小林 ジョン"),
];

#[expect(clippy::print_stdout, reason = "the figures are the point")]
fn main() -> anyhow::Result<()> {
    let Settings { certificates, fonts, keep } = Settings::parse();
    ensure!(certificates > 0, "--certificates must be 1 at least");
    let before = memory_kb()?;
    let printer = Printer::open(&fonts).map_err(anyhow::Error::msg)?;
    println!("| name | ms, median | ms, 95 % | ms, the first | KB |\n| --- | ---: | ---: | ---: | ---: |");
    let mut latin = 0;
    for (place, (kind, name)) in NAMES.iter().enumerate() {
        let sheet = sheet(name, if place % 2 == 0 { Locale::Es } else { Locale::En });
        let (first_ms, file) = timed(&printer, &sheet)?;
        let mut times = Vec::new();
        for _ in 0..certificates {
            let (ms, again) = timed(&printer, &sheet)?;
            ensure!(again == file, "{kind}: not the same twice");
            times.push(ms);
        }
        times.sort_by(f64::total_cmp);
        let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
        let kb = file.len() as f64 / 1000.0;
        println!("| {kind} | {:.1} | {:.1} | {first_ms:.1} | {kb:.1} |", at(0.5), at(0.95));
        if let Some(folder) = &keep {
            fs::create_dir_all(folder).context("making the folder")?;
            fs::write(folder.join(format!("{kind}.pdf")), &file).context("keeping a file")?;
        }
        if *kind == "accented" {
            latin = memory_kb()?;
        }
    }
    let mb = |kb: u64| kb as f64 / 1000.0;
    println!(
        "\nMemory: {:.1} MB before the fonts, {:.1} MB with the Latin ones, {:.1} MB with all of the above.",
        mb(before),
        mb(latin),
        mb(memory_kb()?)
    );
    Ok(())
}

fn timed(printer: &Printer, sheet: &Sheet) -> anyhow::Result<(f64, Vec<u8>)> {
    let begun = Instant::now();
    let file = printer.print_now(sheet).with_context(|| format!("printing {}", sheet.holder))?;
    Ok((begun.elapsed().as_secs_f64() * 1000.0, file))
}

fn sheet(name: &str, locale: Locale) -> Sheet {
    // Another serial for each name, so that the tiles are seen in several ways.
    let digits: String = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple().to_string().to_uppercase();
    let serial = format!("CC{}", &digits[..16]);
    Sheet {
        id: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()),
        serial: serial.parse().unwrap_or_else(|_| unreachable!("sixteen digits are a serial")),
        holder: name.to_owned(),
        course: "Rust para quienes ya programan: propiedad, préstamos y errores".to_owned(),
        instructor: "Begoña Peñalver Núñez".to_owned(),
        hours: 40,
        completed_on: NaiveDate::from_ymd_opt(2026, 11, 28).unwrap_or_default(),
        locale,
        check_url: format!(
            "https://compilandocode.example/v/CC-{}-{}-{}-{}",
            &digits[..4],
            &digits[4..8],
            &digits[8..12],
            &digits[12..16]
        )
        .parse()
        .unwrap_or_else(|_| unreachable!("an address")),
        made_at: DateTime::from_timestamp(1_795_860_000, 0).unwrap_or_default(),
    }
}

/// What this process holds (VmRSS).
fn memory_kb() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("asking for the memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("asking for the memory")?;
    line.trim().trim_end_matches(" kB").trim().parse().context("reading the memory")
}
