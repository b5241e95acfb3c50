//! An operator's commands from the shell.
#![expect(clippy::print_stdout, reason = "the answers are the point of these commands")]

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use queue::{
    JobId, Operations, Queue, Registry,
    operations::{JobFilter, JobSummary, State},
};

use crate::settings::Stores;

pub(crate) async fn enqueue<P: Send + Sync + 'static>(
    stores: &Stores,
    registry: &Registry<P>,
    name: &str,
    args: &str,
    run_at: Option<DateTime<Utc>>,
) -> anyhow::Result<()> {
    let mut tx = stores.pool(1).begin().await?;
    let id = registry.enqueue_by_name(&mut tx, name, args, run_at).await?;
    tx.commit().await?;
    println!("{id}");
    Ok(())
}

pub(crate) async fn show_overview(stores: &Stores, json: bool) -> anyhow::Result<()> {
    let overview = operations(stores).overview().await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&overview)?);
        return Ok(());
    }
    print!("{:<10}", "queue");
    State::ALL.iter().for_each(|state| print!("{:>11}", state.as_str()));
    println!("{:>11}", "oldest");
    for queue in &overview.queues {
        print!("{:<10}", queue.queue.as_str());
        State::ALL.iter().for_each(|state| print!("{:>11}", queue.count(*state)));
        println!("{:>11}", queue.oldest_age.map_or_else(|| "-".to_owned(), seconds));
    }
    println!("\n{} workers, {} events not yet in the ledger", overview.workers.len(), overview.unrecorded);
    for worker in &overview.workers {
        let slots: Vec<String> =
            worker.queues.iter().map(|(queue, slots)| format!("{queue} {}/{}", slots.busy, slots.slots)).collect();
        let silent = (overview.taken_at - worker.seen_at).to_std().unwrap_or_default();
        let draining = if worker.draining { ", draining" } else { "" };
        println!("  {} ({}), heard of {} ago{draining}", worker.name, slots.join(", "), seconds(silent));
    }
    for notice in &overview.notices {
        println!("! {}: {} (since {}, {} times)", notice.key, notice.message, time(Some(notice.since)), notice.times);
    }
    Ok(())
}

pub(crate) async fn list_jobs(
    stores: &Stores,
    state: State,
    queue: Option<Queue>,
    after: Option<&str>,
    limit: usize,
    json: bool,
) -> anyhow::Result<()> {
    let page = operations(stores).jobs(JobFilter { state, queue }, after, limit).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&page)?);
        return Ok(());
    }
    page.jobs.iter().for_each(print_summary);
    if let Some(next) = page.next {
        println!("next: {next}");
    }
    Ok(())
}

pub(crate) async fn show_job(stores: &Stores, id: JobId, json: bool) -> anyhow::Result<()> {
    let Some(job) = operations(stores).job(id).await? else { anyhow::bail!("there is no job {id}") };
    if json {
        println!("{}", serde_json::to_string_pretty(&job)?);
        return Ok(());
    }
    print_summary(&job.summary);
    println!("durability {}, version {}, arguments {}", job.durability, job.version, job.args);
    for attempt in &job.attempts {
        let error = attempt.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        println!(
            "  attempt {} {} {} on {}{error}",
            attempt.attempt,
            time(Some(attempt.ended_at)),
            attempt.outcome,
            attempt.worker
        );
    }
    for command in &job.commands {
        println!(
            "  {} asked by {} {}: {}",
            command.verb,
            command.actor,
            time(Some(command.asked_at)),
            command.outcome.as_deref().unwrap_or("open")
        );
    }
    Ok(())
}

pub(crate) async fn retry(stores: &Stores, id: JobId, actor: &str) -> anyhow::Result<()> {
    println!("{}", operations(stores).retry(id, actor).await?.as_str());
    Ok(())
}

pub(crate) async fn cancel(stores: &Stores, id: JobId, actor: &str) -> anyhow::Result<()> {
    println!("{}", operations(stores).cancel(id, actor).await?.as_str());
    Ok(())
}

fn operations(stores: &Stores) -> Operations {
    Operations::new(stores.store.clone(), stores.pool(2))
}

fn print_summary(job: &JobSummary) {
    let reason = job.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
    println!(
        "{}  {:<9} {:<10} {:<28} {:>3} attempts  {}{reason}",
        job.id,
        job.queue.as_str(),
        job.state.as_str(),
        job.name,
        job.attempts,
        time(job.at)
    );
}

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
