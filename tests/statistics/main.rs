//! How long the statistics of sales take where many sales are. A benchmark: it fails where figures are not the ledger's to the cent, and at no figure of time.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Parser;
use faena_tests::stores::Stores;
use jobs::{
    ports::{Ports, fakes::Fakes},
    sales::{compare_sales_statistics::CompareSalesStatistics, refresh_sales_statistics::RefreshSalesStatistics},
};
use queue::{
    Job,
    kit::{Kit, Outcome},
};
use sqlx::{Executor as _, PgPool};

/// Fills a school with sales of two years, has their statistics worked out, and changes some of them.
#[derive(Debug, Parser)]
struct Settings {
    /// How many sales, over two years.
    #[arg(long, default_value_t = 500_000)]
    sales: i64,
    /// How often each thing is done.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How often the page is asked for.
    #[arg(long, default_value_t = 200)]
    looks: usize,
}

/// Sales that are written by one statement.
const BATCH: i64 = 100_000;
/// How many sales change, and over how many days what comes of it is strewn.
const CHANGES: [(i64, i64); 5] = [(0, 0), (100, 0), (100, 100), (10_000, 0), (10_000, 700)];
/// What the page asks for.
const PAGE: [(&str, &str); 3] = [
    ("currencies", include_str!("../../web/src/pages/admin_statistics_currencies.sql")),
    ("days", include_str!("../../web/src/pages/admin_statistics_days.sql")),
    ("courses", include_str!("../../web/src/pages/admin_statistics_courses.sql")),
];
/// The stretches and currencies that can be looked at.
const LOOKS: [(i32, &str); 6] = [(30, "COP"), (90, "USD"), (365, "EUR"), (730, "COP"), (730, "USD"), (90, "COP")];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are the point")]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    ensure!(settings.sales >= 1_000, "--sales must be 1000 at least");
    ensure!(settings.rounds > 0 && settings.looks > 0, "--rounds and --looks must be 1 at least");
    let stores = Stores::fresh().await;
    let told = tell(&settings, &stores.db).await;
    stores.remove().await?;
    println!("{}", told?);
    Ok(())
}

async fn tell(settings: &Settings, db: &PgPool) -> anyhow::Result<String> {
    let began = Instant::now();
    fill(settings.sales, db).await.context("filling the school")?;
    let movements: i64 = sqlx::query_scalar("select count(*) from school.ledger_transactions").fetch_one(db).await?;
    eprintln!("{} sales, {movements} transactions in {:.0} s", settings.sales, began.elapsed().as_secs_f64());
    let kit = Kit::new(jobs::catalogue(), Fakes::default().ports()).with_database(db.clone());
    let mut lines = vec!["| what | times | ms, median | ms, the worst |".to_owned(), "| --- | ---: | ---: | ---: |".to_owned()];
    let first = done(&kit, RefreshSalesStatistics {}).await?;
    lines.push(line("the first roll-up, of every day", &mut [first]));
    let mut times = Vec::new();
    for _ in 0..settings.rounds {
        let began = Instant::now();
        db.execute("refresh materialized view concurrently school.estadisticas_ventas").await?;
        times.push(ms(began));
    }
    lines.push(line("the view alone, refreshed concurrently", &mut times));
    let mut beside = vec![
        String::new(),
        "| a refresh | written ahead, kB, median | reads of the view meanwhile | of them held up by a lock |".to_owned(),
        "| --- | ---: | ---: | ---: |".to_owned(),
    ];
    for (count, days) in CHANGES {
        let (mut times, mut written, mut reads, mut waits) = (Vec::new(), Vec::new(), 0, 0);
        for round in 0..settings.rounds {
            if count > 0 {
                change(db, settings.sales, count.min(settings.sales), days, &format!("{count}.{days}.{round}.")).await?;
            }
            let refresh = watched(&kit, db).await?;
            times.push(refresh.ms);
            written.push(refresh.written as f64 / 1000.0);
            reads += refresh.reads;
            waits += refresh.waits;
        }
        let strewn = if days > 0 { format!(", strewn over {days} days") } else { String::new() };
        lines.push(line(&format!("roll-up and view, {count} sales changed{strewn}"), &mut times));
        beside.push(format!("| {count} sales changed{strewn} | {:.0} | {reads} | {waits} |", at(&mut written, 0.5)));
    }
    let mut times = Vec::new();
    for _ in 0..settings.rounds.min(3) {
        times.push(done(&kit, CompareSalesStatistics {}).await?);
    }
    lines.push(line("the nightly comparison with the ledger", &mut times));
    judge(db).await?;
    let mut all = Vec::new();
    for (name, sql) in PAGE {
        let mut times = Vec::new();
        for turn in 0..settings.looks {
            let (stretch, currency) = LOOKS[turn % LOOKS.len()];
            let mut query = sqlx::query(sql);
            if name != "currencies" {
                query = query.bind(currency).bind(stretch);
            }
            let began = Instant::now();
            let rows = query.fetch_all(db).await?;
            times.push(ms(began));
            ensure!(!rows.is_empty(), "{name}: nothing");
        }
        all.push((name, times));
    }
    lines.extend(beside);
    lines.push(String::new());
    lines.push("| /admin/statistics asks for | times | ms, median | ms, 95 % | ms, the worst |".to_owned());
    lines.push("| --- | ---: | ---: | ---: | ---: |".to_owned());
    for (name, mut times) in all {
        let [half, most, worst] = [0.5, 0.95, 1.0].map(|part| at(&mut times, part));
        lines.push(format!("| {name} | {} | {half:.1} | {most:.1} | {worst:.1} |", times.len()));
    }
    Ok(lines.join("\n"))
}

/// How long an attempt takes, which must succeed.
async fn done<J: Job<Ports = Ports>>(kit: &Kit<Ports>, job: J) -> anyhow::Result<f64> {
    let began = Instant::now();
    let outcome = kit.attempt(job).await;
    ensure!(outcome == Outcome::Completed, "{}: {outcome:?}", J::NAME);
    Ok(ms(began))
}

/// A refresh, and who reads meanwhile.
struct Watched {
    ms: f64,
    /// Bytes of write-ahead log.
    written: i64,
    reads: u32,
    /// Reads that would have waited for a lock for longer than a millisecond.
    waits: u32,
}

async fn watched(kit: &Kit<Ports>, db: &PgPool) -> anyhow::Result<Watched> {
    let begin: String = sqlx::query_scalar("select pg_current_wal_insert_lsn()::text").fetch_one(db).await?;
    let mut reader = db.acquire().await?.detach();
    reader.execute("set lock_timeout = '1ms'").await?;
    let (mut reads, mut waits) = (0, 0);
    let mut refresh = std::pin::pin!(done(kit, RefreshSalesStatistics {}));
    let ms = loop {
        tokio::select! {
            took = &mut refresh => break took?,
            read = reader.execute("select sum(total_ventas) from school.estadisticas_ventas") => {
                reads += 1;
                waits += u32::from(read.is_err());
            }
        }
    };
    let written = sqlx::query_scalar("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::bigint")
        .bind(begin)
        .fetch_one(db)
        .await?;
    Ok(Watched { ms, written, reads, waits })
}

/// Money of some sales goes back.
async fn change(db: &PgPool, sales: i64, count: i64, days: i64, turn: &str) -> sqlx::Result<()> {
    sqlx::query(include_str!("changes.sql")).bind(count).bind(days).bind(turn).bind(sales).execute(db).await.map(drop)
}

/// The figures are the ledger's, and the comparison found so too.
async fn judge(db: &PgPool) -> anyhow::Result<()> {
    let differing: i64 = sqlx::query_scalar(include_str!("differing.sql")).fetch_one(db).await?;
    ensure!(differing == 0, "{differing} days are not what the ledger comes to");
    let told: Option<i32> = sqlx::query_scalar("select differing_days from school.sales_statistics").fetch_one(db).await?;
    ensure!(told == Some(0), "the comparison says that {told:?} days differ");
    Ok(())
}

async fn fill(sales: i64, db: &PgPool) -> anyhow::Result<()> {
    sqlx::query(include_str!("school.sql")).bind(sales / 4 + 1).execute(db).await.context("the school")?;
    let mut writer = db.acquire().await?;
    writer.execute("set session_replication_role = replica").await?;
    for begin in (0..sales).step_by(BATCH as usize) {
        let query = sqlx::query(include_str!("sales.sql")).bind(begin).bind(BATCH.min(sales - begin)).bind(sales);
        query.execute(&mut *writer).await.context("the sales")?;
    }
    writer.execute("reset session_replication_role").await?;
    writer
        .execute(
            "insert into school.sales_changes (day) select distinct school.business_day(effective_at) from school.ledger_transactions;
             select setval(pg_get_serial_sequence('school.ledger_transactions', 'id'), max(id)) from school.ledger_transactions",
        )
        .await?;
    drop(writer);
    db.execute(sqlx::raw_sql("vacuum analyze")).await?;
    Ok(())
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

fn at(figures: &mut [f64], part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get((figures.len().saturating_sub(1) as f64 * part).round() as usize).copied().unwrap_or_default()
}

fn line(what: &str, times: &mut [f64]) -> String {
    format!("| {what} | {} | {:.0} | {:.0} |", times.len(), at(times, 0.5), at(times, 1.0))
}
