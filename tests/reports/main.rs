//! How many rows a second a report has, and how much memory it takes, beside `COPY … TO STDOUT` of the same question and a plain upload of the same
//! bytes. A benchmark: it fails where a report is not made or its bytes are not those of its row, and at no figure.
//!
//! Postgres is FAENA_TEST_DATABASE_URL's; the store is the sandbox's.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use clap::Parser;
use faena_tests::sandbox::{S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY, Sandbox};
use futures_util::TryStreamExt as _;
use jobs::{
    accounts::{locale::Locale, user::User},
    catalogue,
    ports::{
        Ports,
        blobs::{Blobs as _, Bucket, File},
        fakes::Fakes,
    },
    reports::{
        build_report::BuildReport,
        kind::{Format, Kind},
        report::{Asked, Report, ReportId, ask},
        wish::{Params, Wish},
    },
};
use queue::kit::{Kit, Outcome};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use worker::{s3::S3, xlsx::Xlsx};

/// Makes lists of tickets.
#[derive(Debug, Parser)]
struct Settings {
    /// How many tickets there are.
    #[arg(long, default_value_t = 1_000_000)]
    rows: i64,
    /// As which sorts of files they are made: csv, xlsx.
    #[arg(long, value_delimiter = ',', default_value = "csv,xlsx")]
    formats: Vec<String>,
    /// Where the server of the database is, as a URL without a database of its own.
    #[arg(long, env = "FAENA_TEST_DATABASE_URL")]
    database: String,
}

/// The parts of the plain upload, as the report's.
const PART: usize = 8 * 1024 * 1024;
/// So many tickets are written at once.
const AT_ONCE: i64 = 250_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    ensure!(settings.rows > 0, "--rows must be 1 at least");
    let formats: Vec<Format> = settings
        .formats
        .iter()
        .map(|format| format.parse().with_context(|| format!("--formats: there is no {format}")))
        .collect::<anyhow::Result<_>>()?;
    let name = format!("reports_{}", uuid::Uuid::new_v4().simple());
    let admin = PgPoolOptions::new().max_connections(1).connect(&settings.database).await.context("connecting")?;
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&admin).await.context("making a database")?;
    let measured = measure(&settings, &formats, &name).await;
    let drop = format!("drop database {name} with (force)");
    sqlx::query(AssertSqlSafe(drop)).execute(&admin).await.context("removing the database")?;
    measured
}

#[expect(clippy::print_stdout, reason = "the figures are the point")]
async fn measure(settings: &Settings, formats: &[Format], database: &str) -> anyhow::Result<()> {
    let mut url = url::Url::parse(&settings.database).context("FAENA_TEST_DATABASE_URL")?;
    url.set_path(database);
    let db = PgPoolOptions::new().max_connections(4).connect(url.as_str()).await.context("connecting to the database")?;
    sqlx::migrate!("../migrations").run(&db).await.context("making the tables")?;
    fill(&db, settings.rows).await.context("writing tickets")?;
    let sandbox = Sandbox::start().await?;
    let bucket = Bucket {
        endpoint: sandbox.s3_url().parse().context("the sandbox's address")?,
        region: "us-east-1".to_owned(),
        name: S3_BUCKET.to_owned(),
        access_key_id: S3_ACCESS_KEY.to_owned(),
        secret_access_key: S3_SECRET_KEY.into(),
    };
    let store = S3::new(&bucket);
    let ports: Ports =
        Ports { blobs: Some(Arc::new(store.clone())), spreadsheets: Some(Arc::new(Xlsx::default())), ..Fakes::default().ports() };
    let kit = Kit::new(catalogue(), ports).with_database(db.clone());
    println!("| what | rows | seconds | rows/s | MB | memory at most, MB |\n| --- | ---: | ---: | ---: | ---: | ---: |");
    let (copied, bytes) = copy(&db).await.context("copying")?;
    row("`COPY … TO STDOUT (format csv)`, thrown away", settings.rows, copied, bytes, None);
    for format in formats {
        let id = wanted(&db, *format).await?;
        forget_peak()?;
        let began = Instant::now();
        let outcome = kit.attempt(BuildReport { report_id: id }).await;
        // Before the file is read to be judged.
        let (took, peak) = (began.elapsed(), peak_kb()?);
        ensure!(outcome == Outcome::Completed, "{format}: {outcome:?}");
        let report = Report::find(&db, id).await.context("reading the report")?.context("the report is gone")?;
        ensure!(report.rows == settings.rows, "{format}: {} rows", report.rows);
        let file = sandbox.stored_file(report.object_key.as_deref().context("a report without a key")?)?;
        let digest = ring::digest::digest(&ring::digest::SHA256, &file);
        ensure!(report.sha256.as_deref() == Some(digest.as_ref()), "{format}: the file is not what its row says");
        row(&format!("report, {format}"), report.rows, took, file.len() as u64, Some(peak));
        let took = upload(&store, &file).await.context("uploading")?;
        row(&format!("plain upload of the same {format}, in parts of 8 MiB"), report.rows, took, file.len() as u64, None);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the point")]
fn row(what: &str, rows: i64, took: Duration, bytes: u64, peak_kb: Option<u64>) {
    let seconds = took.as_secs_f64();
    let peak = peak_kb.map(|kb| format!("{:.0}", kb as f64 / 1000.0)).unwrap_or_default();
    println!("| {what} | {rows} | {seconds:.1} | {:.0} | {:.1} | {peak} |", rows as f64 / seconds, bytes as f64 / 1e6);
}

/// Tickets of two months, each tenth with a deadline of its own.
async fn fill(db: &PgPool, rows: i64) -> sqlx::Result<()> {
    sqlx::raw_sql(
        "select desk.make_partitions(3, '2026-01-01');
         insert into core.users (email, full_name, role, password_hash, email_verified_at) values
             ('manager@desk.example', 'Consuelo Güell', 'manager', '-', now()), ('agent@desk.example', 'Íñigo Zúñiga', 'agent', '-', now()),
             ('client@desk.example', 'Óscar Yáñez', 'client', '-', now());
         with calendar as (insert into desk.calendars (name, time_zone, is_always_open) values ('Siempre', 'UTC', true) returning id)
         insert into desk.clients (name, calendar_id) select 'Cliente ' || n, id from calendar, generate_series(1, 200) n",
    )
    .execute(db)
    .await?;
    // Nobody looks for them by their words.
    sqlx::raw_sql(
        "alter table desk.tickets disable trigger write_own_words; alter table desk.tickets disable trigger learn_words",
    )
    .execute(db)
    .await?;
    for first in (1..=rows).step_by(usize::try_from(AT_ONCE).unwrap_or(usize::MAX)) {
        sqlx::query(
            "insert into desk.tickets (created_at, client_id, title, description, category, priority, status, created_by, assigned_to, first_responded_at,
                 resolved_at, updated_at, search)
             select at, (select min(id) from desk.clients) + n % 200, 'La impresora ' || n || ' no imprime, y nadie sabe por qué', '-',
                 (array['access', 'hardware', 'network', 'software'])[n % 4 + 1], (array['low', 'normal', 'high', 'urgent'])[n % 4 + 1],
                 case when n % 3 = 0 then 'open' else 'resolved' end, c.id, a.id, at + interval '13 minutes', case when n % 3 <> 0 then at + interval '5 hours' end, at, ''
             from generate_series($1::bigint, $2::bigint) n
             cross join lateral (select timestamptz '2026-03-01 00:00+00' + n % 5000000 * interval '1 second' as at) t,
                 core.users a, core.users c
             where a.role = 'agent' and c.role = 'client'",
        )
        .bind(first)
        .bind((first + AT_ONCE - 1).min(rows))
        .execute(db)
        .await?;
    }
    sqlx::raw_sql(
        "insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, state, started_at,
             counted_to, stopped_at, due_at)
         select t.id, t.created_at, 'first_response', 1, c.calendar_id, 1, 3600, 0, 'met', t.created_at, t.created_at, t.first_responded_at,
             t.created_at + interval '1 hour'
         from desk.tickets t join desk.clients c on c.id = t.client_id where t.id % 10 = 0;
         analyze",
    )
    .execute(db)
    .await
    .map(drop)
}

async fn wanted(db: &PgPool, format: Format) -> anyhow::Result<ReportId> {
    let manager = sqlx::query_scalar("select id from core.users where role = 'manager'").fetch_one(db).await?;
    let user = User::find(db, manager).await?.context("there is no manager")?;
    let day = |text: &str| text.parse().with_context(|| format!("{text} is no day"));
    let params = Params { from: day("2026-01-01")?, to: day("2026-12-31")?, client: None };
    let wish = Wish { kind: Kind::Tickets, format, params, locale: Locale::Es, time_zone: "America/Bogota" };
    let mut tx = db.begin().await?;
    let asked = ask(&mut tx, &user, &wish).await?;
    tx.commit().await?;
    match asked {
        Asked::New(id) => Ok(id),
        Asked::Before(id) => bail!("{id} is being made"),
    }
}

/// What Postgres alone takes for the same rows.
async fn copy(db: &PgPool) -> anyhow::Result<(Duration, u64)> {
    let question = include_str!("../../jobs/src/reports/sql/tickets.sql")
        .replace("$1", "timestamptz '2026-01-01 05:00+00'")
        .replace("$2", "timestamptz '2027-01-01 05:00+00'")
        .replace("$4", "null")
        .replace("$5", "null");
    let mut connection = db.acquire().await?;
    let began = Instant::now();
    let statement = format!("copy ({question}) to stdout (format csv)");
    let mut rows = connection.copy_out_raw(&statement).await?;
    let mut bytes = 0;
    while let Some(part) = rows.try_next().await? {
        bytes += part.len() as u64;
    }
    Ok((began.elapsed(), bytes))
}

/// What the store alone takes for the same bytes.
async fn upload(store: &S3, file: &[u8]) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let about = File { bytes: &[], content_type: "text/csv", name: "plain.csv" };
    let upload = store.begin("plain", about).await?;
    let mut tags = Vec::new();
    for (number, part) in (1..).zip(file.chunks(PART)) {
        tags.push(store.put_part("plain", &upload, number, Bytes::copy_from_slice(part)).await?);
    }
    store.complete("plain", &upload, &tags).await?;
    Ok(began.elapsed())
}

/// From here on the peak is counted anew (proc(5), clear_refs).
fn forget_peak() -> anyhow::Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("forgetting the peak of memory")
}

fn peak_kb() -> anyhow::Result<u64> {
    let status = fs::read_to_string(PathBuf::from("/proc/self/status")).context("reading how much memory there was")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak is told")?;
    line.trim().trim_end_matches(" kB").parse().context("a peak that is no number")
}
