//! An operator's commands from the shell.

use std::{fmt, io, io::Write as _, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use queue::{
    BatchId, BatchOverview, Bounds, Edit, Enqueued, JobId, Lane, Operations, OrderByName, Pause, Paused, Registry, Share, Terms,
    operations::{JobFilter, JobSummary, State},
};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::settings::Stores;

macro_rules! tell { ($($answer:tt)*) => { $crate::operate::tell(format_args!($($answer)*)) } }
macro_rules! tell_line { ($($answer:tt)*) => { $crate::operate::tell(format_args!("{}\n", format_args!($($answer)*))) } }

pub(crate) use tell_line;

/// Prints a part of the answer. Whoever reads may have read enough (`| head`): the rest is then for nobody, and that is no mistake.
pub(crate) fn tell(answer: fmt::Arguments<'_>) {
    if let Err(error) = io::stdout().write_fmt(answer) {
        assert!(error.kind() == io::ErrorKind::BrokenPipe, "the answer could not be printed: {error}");
    }
}

/// An answer for programs: one JSON document, whose fields stay.
pub(crate) fn tell_json(answer: &impl Serialize) -> anyhow::Result<()> {
    tell_line!("{}", serde_json::to_string_pretty(answer)?);
    Ok(())
}

/// What came of an operation on something: a word for people, or with the name of what it was done to.
pub(crate) fn tell_outcome(subject: &'static str, name: &dyn fmt::Display, outcome: &str, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return tell_json(&json!({ subject: name.to_string(), "outcome": as_word(outcome) }));
    }
    tell_line!("{outcome}");
    Ok(())
}

pub(crate) async fn enqueue<P: Send + Sync + 'static>(
    stores: &Stores,
    registry: &Registry<P>,
    order: OrderByName<'_>,
    as_json: bool,
) -> anyhow::Result<()> {
    registry.check_args(order.name, order.args)?;
    let mut tx = stores.pool(1).begin().await?;
    let Enqueued { id, duplicate_of } = registry.enqueue_by_name(&mut tx, order).await?;
    tx.commit().await?;
    if as_json {
        return tell_json(&json!({ "id": id, "duplicate_of": duplicate_of }));
    }
    tell_line!("{id}");
    tell_duplicate(duplicate_of);
    Ok(())
}

fn as_word(outcome: &str) -> String {
    outcome.replace(' ', "_")
}

/// Says which job does what the new one asked for, beside the answer.
pub(crate) fn tell_duplicate(duplicate_of: Option<JobId>) {
    if let Some(holder) = duplicate_of {
        eprintln!("it does not run: it is a duplicate of {holder}");
    }
}

pub(crate) async fn show_overview(stores: &Stores, json: bool) -> anyhow::Result<()> {
    let overview = operations(stores).overview().await?;
    if json {
        return tell_json(&overview);
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
    for Pause { what, paused_at, paused_by } in &overview.pauses {
        tell_line!("! {what} is paused by {paused_by}, since {}", time(Some(*paused_at)));
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
        return tell_json(&page);
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
        return tell_json(&job);
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

pub(crate) async fn show_batches(
    stores: &Stores,
    id: Option<BatchId>,
    after: Option<BatchId>,
    limit: usize,
    as_json: bool,
) -> anyhow::Result<()> {
    let operations = operations(stores);
    let batches = match id {
        Some(id) => vec![operations.batch(id).await?.with_context(|| format!("there is no batch {id}"))?],
        None => operations.batches(after, limit).await?,
    };
    if as_json {
        return match id {
            Some(_) => tell_json(&batches[0]),
            None => tell_json(
                &json!({ "next": batches.last().filter(|_| batches.len() == limit).map(|batch| batch.id), "batches": batches }),
            ),
        };
    }
    for BatchOverview { id, about, begun_at, ended_at, open, completed, dead, cancelled } in &batches {
        let standing = ended_at.map_or_else(|| format!("{open} open"), |at| format!("over since {}", time(Some(at))));
        tell_line!(
            "{id}  {about}: {standing}, {completed} completed, {dead} dead, {cancelled} cancelled (begun {})",
            time(Some(*begun_at))
        );
    }
    Ok(())
}

pub(crate) async fn retry(stores: &Stores, id: JobId, actor: &str, as_json: bool) -> anyhow::Result<()> {
    let outcome = operations(stores).retry(id, actor).await?;
    tell_outcome("id", &id, outcome.as_str(), as_json)
}

pub(crate) async fn cancel(stores: &Stores, id: JobId, actor: &str, as_json: bool) -> anyhow::Result<()> {
    let outcome = operations(stores).cancel(id, actor).await?;
    tell_outcome("id", &id, outcome.as_str(), as_json)
}

pub(crate) async fn edit(
    stores: &Stores,
    id: JobId,
    args: Option<String>,
    run_at: Option<DateTime<Utc>>,
    actor: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    let args = args.map(RawValue::from_string).transpose().context("--args is no JSON")?;
    let outcome = operations(stores).edit(id, &Edit { args, run_at }, actor).await?;
    tell_outcome("id", &id, outcome.as_str(), as_json)
}

pub(crate) async fn delete(stores: &Stores, id: JobId, actor: &str, as_json: bool) -> anyhow::Result<()> {
    let outcome = operations(stores).delete(id, actor).await?;
    tell_outcome("id", &id, outcome.as_str(), as_json)
}

pub(crate) async fn pause(stores: &Stores, lane: Lane, actor: &str, as_json: bool) -> anyhow::Result<()> {
    let paused = operations(stores).pause(lane, actor).await?;
    tell_outcome("lane", &lane, if paused { "paused" } else { "was paused already" }, as_json)
}

pub(crate) async fn resume(stores: &Stores, lane: Lane, as_json: bool) -> anyhow::Result<()> {
    let resumed = operations(stores).resume(lane).await?;
    tell_outcome("lane", &lane, if resumed { "resumed" } else { "was not paused" }, as_json)
}

pub(crate) async fn pause_jobs(stores: &Stores, what: &Paused, actor: &str, as_json: bool) -> anyhow::Result<()> {
    let paused = operations(stores).pause_jobs(what, actor).await?;
    tell_jobs_outcome(what, if paused { "paused" } else { "was paused already" }, as_json)
}

pub(crate) async fn resume_jobs(stores: &Stores, what: &Paused, as_json: bool) -> anyhow::Result<()> {
    let resumed = operations(stores).resume_jobs(what).await?;
    tell_jobs_outcome(what, if resumed { "resumed" } else { "was not paused" }, as_json)
}

fn tell_jobs_outcome(what: &Paused, outcome: &str, as_json: bool) -> anyhow::Result<()> {
    match what {
        Paused::Job(name) => tell_outcome("job", name, outcome, as_json),
        Paused::Tenant(name) => tell_outcome("tenant", name, outcome, as_json),
        Paused::Queue(queue) => tell_outcome("queue", queue, outcome, as_json),
    }
}

pub(crate) async fn show_limits(stores: &Stores, as_json: bool) -> anyhow::Result<()> {
    let (limits, pauses) = (operations(stores).limits().await?, operations(stores).pauses().await?);
    if as_json {
        return tell_json(&json!({ "limits": limits, "pauses": pauses }));
    }
    tell_line!("{:<32}{:>8}{:>9}  bounds", "limit", "held", "waiting");
    for limit in &limits {
        let bounds = limit.operator.or(limit.code).map(|bounds| bounds.to_string()).unwrap_or_default();
        let by = limit.set_by.as_ref().map(|by| format!("  set by {by}, {}", time(limit.set_at))).unwrap_or_default();
        tell_line!("{:<32}{:>8}{:>9}  {bounds}{by}", limit.word, limit.held, limit.waiting);
        for Share { of, held, waiting } in &limit.shares {
            tell_line!("  of {of:<27}{held:>8}{waiting:>9}");
        }
        let left_out = limit.values - limit.shares.len();
        if left_out > 0 {
            tell_line!("  and {left_out} more values that fewer jobs are under");
        }
    }
    for Pause { what, paused_at, paused_by } in &pauses {
        tell_line!("{what} paused by {paused_by}, {}", time(Some(*paused_at)));
    }
    Ok(())
}

pub(crate) async fn set_limit(
    stores: &Stores,
    name: &str,
    of: Option<&str>,
    change: impl FnOnce(Bounds) -> Bounds,
    actor: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    let operations = operations(stores);
    let bounds = change(operations.bounds_of(name, of).await?);
    operations.set_limit(name, of, bounds, actor).await?;
    if as_json {
        return tell_json(&json!({ "limit": name, "of": of, "bounds": bounds }));
    }
    tell_line!("{bounds}");
    Ok(())
}

pub(crate) async fn reset_limit(stores: &Stores, name: &str, of: Option<&str>, as_json: bool) -> anyhow::Result<()> {
    let reset = operations(stores).reset_limit(name, of).await?;
    let outcome = if reset { "reset" } else { "nothing was set" };
    if as_json {
        return tell_json(&json!({ "limit": name, "of": of, "outcome": as_word(outcome) }));
    }
    tell_line!("{outcome}");
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

pub(crate) fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
