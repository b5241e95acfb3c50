//! The fault engine: real processes at work while everything around them breaks, judged by a record of the harness's own; and the
//! proof that it would notice, by builds that lack one guarantee each.

mod businesses;
mod crew;
mod judge;
mod ledger_disk;
mod load;
mod operator;
mod plan;
mod points;
mod record;
mod report;
mod trace;
mod world;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use faena_tests::process::binary;
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, join_all},
};
use tokio::sync::Semaphore;

use crate::{
    judge::{Finding, Footprint},
    plan::{Episode, Plan},
    report::{Report, Tally},
    world::{Staff, World},
};

/// The guarantees that a sabotaged build can lack (`jobs/queue/src/faults.rs`), and the judgements by which that shows: of anything else that is found
/// there, nobody knows whether the missing guarantee is the cause.
const SABOTAGES: [(&str, &[&str]); 5] = [
    ("no-fence", &["effect repeated", "ended twice", "the ledger differs", "ran with other arguments"]),
    ("no-tombstone", &["ended twice", "effect repeated", "the ledger differs", "never comes to rest"]),
    ("no-reconcile", &["never comes to rest", "lost"]),
    ("ack-before-commit", &["lost", "effect repeated", "the ledger differs"]),
    ("trim-before-commit", &["the ledger lacks it", "lost", "never comes to rest"]),
];
/// A missing guarantee must be noticed within so many faults.
const MOST_FAULTS_TO_NOTICE: usize = 500;
/// So often a world that could not be judged is judged again.
const JUDGED_AGAIN: u32 = 5;
/// The stream of worlds in which the two businesses work.
const BUSINESSES: u64 = 0;
/// A world that has lasted for so many episodes makes room for a fresh one.
const EPISODES_A_WORLD: usize = 8;

/// Breaks everything around the workers, and judges what became of their work.
#[derive(Debug, Parser)]
struct Settings {
    /// How many faults must strike work in flight.
    #[arg(long, default_value_t = 200)]
    n: usize,
    /// Draws the faults: the same seed draws the same ones. Without it, one is drawn and told.
    #[arg(long)]
    seed: Option<u64>,
    /// Only prove that this missing guarantee is noticed; `none`: only the honest build.
    #[arg(long, value_parser = sabotage_name)]
    sabotage: Option<String>,
    /// How many worlds are broken at once.
    #[arg(long, default_value_t = 4)]
    worlds: usize,
    /// Begin no episode after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// The probe that knows crash points and sabotage.
    #[arg(long, env = "FAENA_FAULTS_PROBE")]
    probe: PathBuf,
    /// The worker that knows them.
    #[arg(long, env = "FAENA_FAULTS_WORKER")]
    worker: PathBuf,
    /// Write what came of it into this file, as a section for tests/RECORDS.md.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Keep the workers' logs of what was found in this folder.
    #[arg(long)]
    logs: Option<PathBuf>,
}

fn sabotage_name(text: &str) -> Result<String, String> {
    if text == "none" || SABOTAGES.iter().any(|(name, _)| *name == text) {
        Ok(text.to_owned())
    } else {
        Err(format!("the sabotages are {}", SABOTAGES.map(|(name, _)| name).join(", ")))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    let seed = settings.seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
    eprintln!("seed {seed}");
    let report = Report::new(seed, &points::crash_points());
    let (room, began) = (Semaphore::new(settings.worlds), Instant::now());
    let mut missions: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    if settings.sabotage.as_deref().is_none_or(|name| name == "none") {
        for stream in 0..settings.worlds {
            missions.push(honest(&settings, &report, &room, seed, stream as u64, began).boxed_local());
        }
    }
    for (number, sabotage) in SABOTAGES.into_iter().enumerate() {
        if settings.sabotage.as_deref().is_none_or(|chosen| chosen == sabotage.0) {
            missions.push(sabotaged(&settings, &report, &room, seed, number as u64, sabotage).boxed_local());
        }
    }
    join_all(missions).await;
    report.tell(&settings, began.elapsed())
}

/// Breaks honest worlds until enough faults have struck.
async fn honest(settings: &Settings, report: &Report, room: &Semaphore, seed: u64, stream: u64, began: Instant) {
    let _room = room.acquire().await;
    // One stream has the two businesses at work; the others, what the engine's guarantees are about.
    let (staff, binaries) = if stream == BUSINESSES {
        (Staff::Businesses, [settings.worker.clone(), binary("worker")])
    } else {
        (Staff::Strain, [settings.probe.clone(), binary("probe")])
    };
    let mut plan = Plan::new(seed, stream, staff, report.points());
    let in_time = || settings.minutes.is_none_or(|minutes| began.elapsed() < Duration::from_secs(60 * minutes));
    while report.wants_more(settings.n, staff) && in_time() {
        let world = match World::start(binaries.clone(), staff, None).await {
            Ok(world) => world,
            Err(error) => return report.broke(&format!("{error:#}")),
        };
        report.disk(world.disk_is_real());
        let mut footprints = Vec::new();
        for episode in 0..EPISODES_A_WORLD {
            if !report.wants_more(settings.n, staff) || !in_time() {
                break;
            }
            let place = format!("world {stream}, episode {episode}");
            report.begin(staff);
            let (tally, findings, footprint) = play(&world, plan.draw(&report.overdue(settings.n)), seed, &place).await;
            footprints.push(footprint);
            report.add(&tally, staff);
            if !findings.is_empty() {
                report.found(&world, &place, &findings, settings.logs.as_deref()).await;
                return;
            }
        }
        report.lived(&world, &footprints);
    }
}

/// Breaks worlds whose workers lack a guarantee until that is noticed.
async fn sabotaged(
    settings: &Settings,
    report: &Report,
    room: &Semaphore,
    seed: u64,
    number: u64,
    (name, shows): (&'static str, &[&str]),
) {
    let _room = room.acquire().await;
    let mut plan = Plan::new(seed, 1000 + number, Staff::Strain, report.points());
    let binaries = [settings.probe.clone(), settings.probe.clone()];
    let world = match World::start(binaries, Staff::Strain, Some(name)).await {
        Ok(world) => world,
        Err(error) => return report.broke(&format!("{error:#}")),
    };
    let mut struck = 0;
    while struck < MOST_FAULTS_TO_NOTICE {
        let (tally, findings, _) = play(&world, plan.draw(&[]), seed, name).await;
        struck += tally.counted();
        if let Some(finding) = findings.iter().find(|finding| shows.contains(&finding.judgement)) {
            return report.noticed(name, Some((struck, finding.clone(), findings.len())));
        }
        // What else is wrong with such a world does not show that this is noticed: without a fence, say, no tombstone is ever removed.
    }
    report.noticed(name, None);
}

/// One episode: load, faults, rest, judgement.
async fn play(world: &Arc<World>, episode: Episode, seed: u64, place: &str) -> (Tally, Vec<Finding>, Footprint) {
    let began = Instant::now();
    world.trace.note(format!("-- {place}: {} episode", if episode.harsh { "a harsh" } else { "a mild" }));
    let before = world.crew.all_hits().len();
    let struck = world.play(episode, seed).await;
    let played = began.elapsed();
    world.trace.note("at rest from here on");
    let mut findings = judge::rest(world).await;
    let restless = began.elapsed() - played;
    let mut footprint = Footprint::default();
    // A machine that is full of work answers the harness late, too: that says nothing of the world.
    let mut judged = judge::judge(world).await;
    for _ in 0..JUDGED_AGAIN {
        if judged.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        judged = judge::judge(world).await;
    }
    match judged {
        Ok((found, measured)) => {
            findings.extend(found);
            footprint = measured;
        }
        Err(error) => findings.push(Finding { judgement: "cannot be judged", detail: format!("{error:#}"), job: None }),
    }
    let tally = Tally { struck, hits: world.crew.all_hits().split_off(before) };
    eprintln!(
        "{place}: {} faults of {} met work, {} jobs so far, {} s of faults, {} s to rest{}",
        tally.counted(),
        tally.struck.len(),
        world.handed_over(),
        played.as_secs(),
        restless.as_secs(),
        if findings.is_empty() { String::new() } else { format!(", {} FINDINGS", findings.len()) }
    );
    (tally, findings, footprint)
}
