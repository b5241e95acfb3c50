//! What came of it: counted while it goes on, told at the end, and written down for the record.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::Path,
    process::ExitCode,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    SABOTAGES, Settings,
    judge::{Finding, Footprint, story},
    plan::PER_EPISODE,
    world::{Staff, Struck, World},
};

/// So many findings of one episode are told in full.
const TOLD: usize = 4;

/// What one episode counts for.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) struck: Vec<Struck>,
    pub(crate) hits: Vec<String>,
}

impl Tally {
    pub(crate) fn counted(&self) -> usize {
        self.struck.iter().filter(|struck| struck.counts).count()
    }
}

/// Shared by all worlds.
pub(crate) struct Report {
    seed: u64,
    points: Vec<String>,
    state: Mutex<State>,
}

/// How a missing guarantee was noticed: after how many faults, by which finding, of how many.
type Notice = Option<(usize, Finding, usize)>;

#[derive(Default)]
struct State {
    faults: BTreeMap<&'static str, usize>,
    uncounted: usize,
    underway: usize,
    /// Of those, how many pass every crash point.
    straining: usize,
    hits: BTreeMap<String, usize>,
    episodes: usize,
    jobs: i64,
    worlds: usize,
    surprises: usize,
    most_bytes: u64,
    real_disk: Option<bool>,
    findings: usize,
    broken: usize,
    noticed: BTreeMap<&'static str, Notice>,
}

impl Report {
    pub(crate) fn new(seed: u64, points: &[String]) -> Self {
        Self { seed, points: points.to_vec(), state: Mutex::default() }
    }

    pub(crate) fn points(&self) -> &[String] {
        &self.points
    }

    /// Whether faults are still to strike, or a crash point has not been met in a run long enough to meet them all. For that one world goes on, in
    /// which all of them are passed: the last that is left.
    pub(crate) fn wants_more(&self, n: usize, staff: Staff) -> bool {
        let state = self.state();
        let counted: usize = state.faults.values().sum::<usize>() + state.underway * PER_EPISODE;
        let unmet = staff == Staff::Strain && self.points.iter().any(|point| !state.hits.contains_key(point));
        state.findings == 0 && (counted < n || (n >= 200 && unmet && state.straining == 0 && counted < 2 * n))
    }

    /// The crash points that a run of `n` faults still has to meet when that many have struck.
    pub(crate) fn overdue(&self, n: usize) -> Vec<String> {
        let state = self.state();
        let counted: usize = state.faults.values().sum();
        self.points.iter().filter(|point| counted >= n && !state.hits.contains_key(*point)).cloned().collect()
    }

    /// An episode begins.
    pub(crate) fn begin(&self, staff: Staff) {
        let mut state = self.state();
        state.underway += 1;
        state.straining += usize::from(staff == Staff::Strain);
    }

    /// It is over.
    pub(crate) fn add(&self, tally: &Tally, staff: Staff) {
        let mut state = self.state();
        state.underway -= 1;
        state.straining -= usize::from(staff == Staff::Strain);
        state.episodes += 1;
        for struck in &tally.struck {
            if struck.counts {
                *state.faults.entry(struck.name).or_default() += 1;
            } else {
                state.uncounted += 1;
            }
        }
        for hit in &tally.hits {
            *state.hits.entry(hit.clone()).or_default() += 1;
        }
    }

    pub(crate) fn disk(&self, real: bool) {
        self.state().real_disk = Some(real);
    }

    /// A world without a finding is over.
    pub(crate) fn lived(&self, world: &World, footprints: &[Footprint]) {
        let mut state = self.state();
        state.worlds += 1;
        state.jobs += world.handed_over();
        state.surprises += world.trace.count("ended by itself");
        state.most_bytes = footprints.iter().map(|footprint| footprint.bytes).max().unwrap_or(0).max(state.most_bytes);
    }

    pub(crate) fn noticed(&self, sabotage: &'static str, notice: Notice) {
        match &notice {
            Some((struck, finding, all)) => eprintln!(
                "{sabotage}: noticed after {struck} faults: {} ({}), the first of {all} findings",
                finding.judgement, finding.detail
            ),
            None => eprintln!("{sabotage}: NOT NOTICED"),
        }
        self.state().noticed.insert(sabotage, notice);
    }

    /// The harness itself failed.
    pub(crate) fn broke(&self, what: &str) {
        eprintln!("the harness broke: {what}");
        self.state().broken += 1;
    }

    /// Tells all that can be known of what was found.
    pub(crate) async fn found(&self, world: &World, place: &str, findings: &[Finding], logs: Option<&Path>) {
        let mut text = format!("\nFOUND in {place} (seed {}):\n", self.seed);
        for finding in findings {
            let job = finding.job.map(|n| format!(" (job {n})")).unwrap_or_default();
            let _ = writeln!(text, "* {}{job}: {}", finding.judgement, finding.detail);
        }
        for finding in findings.iter().take(TOLD) {
            if let Some(n) = finding.job {
                let _ = writeln!(text, "\nthe story of job {n}:\n{}", story(world, n).await);
            }
        }
        let _ = writeln!(text, "what happened:\n{}", world.trace.text());
        eprintln!("{text}");
        if let Some(logs) = logs {
            let file = logs.join(format!("{}.log", place.replace([' ', ','], "-")));
            let kept = std::fs::create_dir_all(logs).and_then(|()| std::fs::write(&file, &text));
            let mut said = world.crew.all_logs().await;
            if let Some(businesses) = &world.businesses {
                said += &businesses.web_logs().await;
            }
            let kept = kept.and(std::fs::write(file.with_extension("workers"), said));
            eprintln!("the logs of workers and web: {} ({kept:?})", file.with_extension("workers").display());
        }
        self.state().findings += findings.len();
    }

    /// Prints the tables; fails when something was found, or a missing guarantee was not.
    pub(crate) fn tell(&self, settings: &Settings, took: Duration) -> ExitCode {
        let text = self.tables(took);
        eprintln!("\n{text}");
        if let Some(path) = &settings.record
            && let Err(error) = std::fs::write(path, &text)
        {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        let state = self.state();
        let unmet: Vec<_> = self.points.iter().filter(|point| !state.hits.contains_key(*point)).collect();
        let honest = state.episodes > 0;
        let counted: usize = state.faults.values().sum();
        let mut well = state.findings == 0 && state.broken == 0 && state.noticed.values().all(Option::is_some);
        if honest && counted < settings.n && settings.minutes.is_none() {
            well = false;
        }
        // The two businesses, alone with one world, do not come by all of them.
        if honest && settings.n >= 200 && settings.worlds > 1 && !unmet.is_empty() {
            eprintln!("no worker died at {unmet:?}");
            well = false;
        }
        if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn tables(&self, took: Duration) -> String {
        let state = self.state();
        let mut text = String::new();
        if state.episodes > 0 {
            let counted: usize = state.faults.values().sum();
            let _ = writeln!(
                text,
                "seed {}: {counted} faults struck work in flight ({} more met none) in {} episodes, {} jobs handed over, {} findings, {} s",
                self.seed,
                state.uncounted,
                state.episodes,
                state.jobs,
                state.findings,
                took.as_secs()
            );
            let _ = writeln!(
                text,
                "at rest Redis held {} bytes at most; {} workers ended by themselves; the ledger's disk was {}\n",
                state.most_bytes,
                state.surprises,
                if state.real_disk == Some(true) { "a real one, filled" } else { "filled by a trigger's word" }
            );
            let _ = writeln!(text, "| fault | struck |\n| --- | --- |");
            for (name, count) in &state.faults {
                let _ = writeln!(text, "| {name} | {count} |");
            }
            let _ = writeln!(text, "\n| crash point | deaths |\n| --- | --- |");
            for point in &self.points {
                let _ = writeln!(text, "| {point} | {} |", state.hits.get(point).copied().unwrap_or(0));
            }
        }
        if !state.noticed.is_empty() {
            let _ = writeln!(text, "\n| sabotage | noticed after | by |\n| --- | --- | --- |");
            for (name, _) in SABOTAGES {
                match state.noticed.get(name) {
                    Some(Some((struck, finding, _))) => {
                        let _ = writeln!(text, "| {name} | {struck} faults | {} |", finding.judgement);
                    }
                    Some(None) => {
                        let _ = writeln!(text, "| {name} | NOT NOTICED | |");
                    }
                    None => {}
                }
            }
        }
        text
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the report's lock")
    }
}
