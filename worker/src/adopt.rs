//! `worker adopt-apalis`: what it is told, what it says while it works, and what it came to.

use std::time::{Duration, Instant};

use clap::Args;
use queue::{
    Registry,
    adoption::{self, AdoptionPlan, AdoptionReport},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{operate::tell_line, settings::Stores};

/// Between two words about the progress.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What is adopted, and how.
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The stock queue's name. Where none was chosen it is the path of the Rust type, for example shop::work::SendReceipt.
    #[arg(long)]
    queue: String,
    /// The kind of job that its arguments are. Default: the one that is called like the queue.
    #[arg(long)]
    job: Option<String>,
    /// The stock queue's Redis. Default: REDIS_URL.
    #[arg(long, env = "APALIS_REDIS_URL", hide_env_values = true)]
    apalis_redis_url: Option<SecretString>,
    /// Say what would be moved and what would stay, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Go on although stock workers are alive. What they have in flight stays theirs.
    #[arg(long)]
    force: bool,
    /// A stock worker that has shown no heartbeat for this many seconds is dead, and what it has in flight is adopted. The stock crate itself
    /// waits for 300.
    #[arg(long, default_value_t = 300)]
    dead_after_seconds: u32,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn adopt<P: Send + Sync + 'static>(
    stores: &Stores,
    registry: &Registry<P>,
    args: &AdoptArgs,
) -> anyhow::Result<()> {
    let plan = AdoptionPlan {
        redis_url: args.apalis_redis_url.as_ref().unwrap_or(stores.redis_url()).expose_secret().to_owned(),
        queue: args.queue.clone(),
        job: args.job.clone().unwrap_or_else(|| args.queue.clone()),
        dead_after: Duration::from_secs(args.dead_after_seconds.into()),
        force: args.force,
        dry_run: args.dry_run,
    };
    let mut told: Option<Instant> = None;
    let progress = |report: &AdoptionReport, waiting| {
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            told = Some(Instant::now());
            let verb = if report.dry_run { "would adopt" } else { "adopted" };
            eprintln!("{verb} {} of about {waiting}; {} stay", report.adopted.total(), report.kept.len());
        }
    };
    let report = adoption::adopt(registry, &stores.pool(1), &plan, progress).await?;
    if args.json {
        tell_line!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        tell_report(&report);
    }
    Ok(())
}

fn tell_report(report: &AdoptionReport) {
    let AdoptionReport { queue, job, dry_run, adopted, kept, running, done, dead, known_queues } = report;
    let verb = if *dry_run { "would adopt" } else { "adopted" };
    tell_line!("{verb} {} jobs of {queue} as {job}", adopted.total());
    tell_line!(
        "  {} pending, {} scheduled, {} retrying, {} orphaned",
        adopted.pending,
        adopted.scheduled,
        adopted.retrying,
        adopted.orphaned
    );
    if adopted.resumed > 0 {
        tell_line!("  {} that an interrupted run had set aside", adopted.resumed);
    }
    if !known_queues.is_empty() && !known_queues.contains(queue) {
        tell_line!("that Redis holds nothing of a queue {queue}; its queues are {}", known_queues.join(", "));
    }
    if done + dead > 0 {
        tell_line!("{done} done and {dead} dead jobs stay in {queue}");
    }
    for worker in running {
        let (name, silent, in_flight) = (&worker.worker, worker.silent_seconds, worker.in_flight);
        tell_line!("{in_flight} jobs stay in flight at {name}, which was heard of {silent} s ago");
    }
    if !kept.is_empty() {
        tell_line!("{} jobs stay in {queue}:", kept.len());
    }
    for job in kept {
        tell_line!("  {}  {:<9}  {}", job.id, job.state.as_str(), job.reason);
    }
}
