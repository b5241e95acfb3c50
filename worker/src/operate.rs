//! An operator's commands from the shell.

use std::{fmt, io, io::Write as _, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use queue::{
    Bounds, Enqueued, JobId, Lane, Operations, Paused, Registry, Terms,
    operations::{JobFilter, JobSummary, State},
};

use crate::settings::Stores;

macro_rules! tell { ($($answer:tt)*) => { tell(format_args!($($answer)*)) } }
macro_rules! tell_line { ($($answer:tt)*) => { $crate::operate::tell(format_args!("{}\n", format_args!($($answer)*))) } }

pub(crate) use tell_line;

/// Prints a part of the answer. Whoever reads may have read enough (`| head`): the rest is then for nobody, and that is no mistake.
pub(crate) fn tell(answer: fmt::Arguments<'_>) {
    if let Err(error) = io::stdout().write_fmt(answer) {
        assert!(error.kind() == io::ErrorKind::BrokenPipe, "the answer could not be printed: {error}");
    }
}

pub(crate) async fn enqueue<P: Send + Sync + 'static>(
    stores: &Stores,
    registry: &Registry<P>,
    name: &str,
    args: &str,
    run_at: Option<DateTime<Utc>>,
) -> anyhow::Result<()> {
    let mut tx = stores.pool(1).begin().await?;
    let Enqueued { id, duplicate_of } = registry.enqueue_by_name(&mut tx, name, args, run_at).await?;
    tx.commit().await?;
    tell_line!("{id}");
    if let Some(holder) = duplicate_of {
        eprintln!("it does not run: it is a duplicate of {holder}");
    }
    Ok(())
}

pub(crate) async fn show_overview(stores: &Stores, json: bool) -> anyhow::Result<()> {
    let overview = operations(stores).overview().await?;
    if json {
        tell_line!("{}", serde_json::to_string_pretty(&overview)?);
        return Ok(());
    }
    tell!("{:<16}", "lane");
    State::ALL.iter().for_each(|state| tell!("{:>11}", state.as_str()));
    tell_line!("{:>11}", "oldest");
    for lane in &overview.lanes {
        tell!("{:<16}", lane.lane);
        State::ALL.iter().for_each(|state| tell!("{:>11}", lane.count(*state)));
        let paused = lane.paused_by.as_ref().map(|by| format!("  paused by {by}")).unwrap_or_default();
        tell_line!("{:>11}{paused}", lane.oldest_age.map_or_else(|| "-".to_owned(), seconds));
    }
    let alive = overview.workers.iter().filter(|worker| !worker.is_silent(overview.taken_at)).count();
    tell_line!(
        "\nworkers heard of: {alive}; packs of events not yet in the ledger: {} ({} bytes)",
        overview.unrecorded,
        overview.unrecorded_bytes
    );
    for worker in &overview.workers {
        let slots: Vec<String> =
            worker.lanes.iter().map(|(lane, slots)| format!("{lane} {}/{}", slots.busy, slots.slots)).collect();
        let silent = (overview.taken_at - worker.seen_at).to_std().unwrap_or_default();
        let standing = match worker {
            worker if worker.is_silent(overview.taken_at) => ", SILENT",
            worker if worker.draining => ", draining",
            _ => "",
        };
        tell_line!("  {} ({}), heard of {} ago{standing}", worker.name, slots.join(", "), seconds(silent));
    }
    for notice in &overview.notices {
        tell_line!("! {}: {} (since {}, {} times)", notice.key, notice.message, time(Some(notice.since)), notice.times);
    }
    Ok(())
}

pub(crate) async fn list_jobs(
    stores: &Stores,
    state: State,
    lane: Option<Lane>,
    after: Option<&str>,
    limit: usize,
    json: bool,
) -> anyhow::Result<()> {
    let page = operations(stores).jobs(JobFilter { state, lane }, after, limit).await?;
    if json {
        tell_line!("{}", serde_json::to_string_pretty(&page)?);
        return Ok(());
    }
    page.jobs.iter().for_each(print_summary);
    if let Some(next) = page.next {
        tell_line!("next: {next}");
    }
    Ok(())
}

pub(crate) async fn show_job(stores: &Stores, id: JobId, json: bool) -> anyhow::Result<()> {
    let Some(job) = operations(stores).job(id).await? else { anyhow::bail!("there is no job {id}") };
    if json {
        tell_line!("{}", serde_json::to_string_pretty(&job)?);
        return Ok(());
    }
    print_summary(&job.summary);
    tell_line!("durability {}, version {}, arguments {}", job.durability, job.version, job.args);
    if let Some(progress) = &job.progress {
        let of = progress.percent().map(|percent| format!(" of {} ({percent} %)", progress.total)).unwrap_or_default();
        tell_line!("progress {}{of} {}", progress.done, progress.note);
    }
    let Terms { tenant, expires_at, unique, follow_ups, .. } = &job.terms;
    if let Some(tenant) = tenant {
        tell_line!("tenant {tenant}");
    }
    if expires_at.is_some() {
        tell_line!("not worth running after {}", time(*expires_at));
    }
    if let Some(unique) = unique {
        tell_line!("unique as {}", unique.key);
    }
    for next in follow_ups {
        tell_line!("followed on {} by {} {}", next.on.as_str(), next.name, next.id);
    }
    for attempt in &job.attempts {
        let error = attempt.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        tell_line!(
            "  attempt {} {} {} on {}{error}",
            attempt.attempt,
            time(Some(attempt.ended_at)),
            attempt.outcome,
            attempt.worker
        );
    }
    for command in &job.commands {
        tell_line!(
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
    tell_line!("{}", operations(stores).retry(id, actor).await?.as_str());
    Ok(())
}

pub(crate) async fn cancel(stores: &Stores, id: JobId, actor: &str) -> anyhow::Result<()> {
    tell_line!("{}", operations(stores).cancel(id, actor).await?.as_str());
    Ok(())
}

pub(crate) async fn pause(stores: &Stores, lane: Lane, actor: &str) -> anyhow::Result<()> {
    tell_line!("{}", if operations(stores).pause(lane, actor).await? { "paused" } else { "was paused already" });
    Ok(())
}

pub(crate) async fn resume(stores: &Stores, lane: Lane) -> anyhow::Result<()> {
    tell_line!("{}", if operations(stores).resume(lane).await? { "resumed" } else { "was not paused" });
    Ok(())
}

pub(crate) async fn pause_jobs(stores: &Stores, what: &Paused, actor: &str) -> anyhow::Result<()> {
    tell_line!("{}", if operations(stores).pause_jobs(what, actor).await? { "paused" } else { "was paused already" });
    Ok(())
}

pub(crate) async fn resume_jobs(stores: &Stores, what: &Paused) -> anyhow::Result<()> {
    tell_line!("{}", if operations(stores).resume_jobs(what).await? { "resumed" } else { "was not paused" });
    Ok(())
}

pub(crate) async fn show_limits(stores: &Stores, json: bool) -> anyhow::Result<()> {
    let (limits, pauses) = (operations(stores).limits().await?, operations(stores).pauses().await?);
    if json {
        let pauses: Vec<_> =
            pauses.iter().map(|(what, at, by)| serde_json::json!({"what": what, "paused_at": at, "paused_by": by})).collect();
        tell_line!("{}", serde_json::to_string_pretty(&serde_json::json!({"limits": limits, "pauses": pauses}))?);
        return Ok(());
    }
    tell_line!("{:<32}{:>8}{:>9}  bounds", "limit", "held", "waiting");
    for limit in &limits {
        let bounds = limit.operator.or(limit.code).map(|bounds| bounds.to_string()).unwrap_or_default();
        let by = limit.set_by.as_ref().map(|by| format!("  set by {by}, {}", time(limit.set_at))).unwrap_or_default();
        tell_line!("{:<32}{:>8}{:>9}  {bounds}{by}", limit.word, limit.held, limit.waiting);
    }
    for (what, at, by) in &pauses {
        tell_line!("{what} paused by {by}, {}", time(Some(*at)));
    }
    Ok(())
}

pub(crate) async fn set_limit(stores: &Stores, name: &str, of: Option<&str>, bounds: Bounds, actor: &str) -> anyhow::Result<()> {
    operations(stores).set_limit(name, of, bounds, actor).await?;
    tell_line!("{bounds}");
    Ok(())
}

pub(crate) async fn reset_limit(stores: &Stores, name: &str, of: Option<&str>) -> anyhow::Result<()> {
    tell_line!("{}", if operations(stores).reset_limit(name, of).await? { "reset" } else { "nothing was set" });
    Ok(())
}

fn operations(stores: &Stores) -> Operations {
    Operations::new(stores.store.clone(), stores.pool(2))
}

fn print_summary(job: &JobSummary) {
    let reason = job.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
    tell_line!(
        "{}  {:<9} {:<10} {:<28} {:>3} {}  {}{reason}",
        job.id,
        job.lane,
        job.state.as_str(),
        job.name,
        job.attempts,
        if job.attempts == 1 { "attempt " } else { "attempts" },
        time(job.at)
    );
}

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
