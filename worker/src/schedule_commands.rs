//! `worker schedules`: an operator's commands about schedules.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use queue::Enqueued;
use schedules::{
    Draft, Operations, ScheduleView, SharedCatalogue, TickRecord, span,
    words::{Locale, describe, in_how_long, moment, zone_mark},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    cli::{By, Outside, a_page},
    operate::{tell_duplicate, tell_json, tell_line, tell_outcome, time},
    settings::{StoreArgs, Stores},
};

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// List the schedules: when each ticks next and what it did last.
    List {
        /// Go on after a page: what the page before called `next`.
        #[arg(long)]
        after: Option<String>,
        /// How many a page has.
        #[arg(long, default_value_t = 100, value_parser = a_page)]
        limit: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Show one schedule and its next ticks, in plain words. Or those of an expression that is no schedule yet.
    Next {
        /// Which schedule.
        #[arg(required_unless_present = "expression")]
        name: Option<String>,
        /// Instead: five fields (minute, hour, day of the month, month, day of the week), read in --time-zone.
        #[arg(long, conflicts_with = "name")]
        expression: Option<String>,
        /// Of the IANA database, for example America/Bogota.
        #[arg(long, conflicts_with = "name", default_value = "America/Bogota")]
        time_zone: String,
        /// How many ticks.
        #[arg(long, default_value_t = 10, value_parser = a_page)]
        count: usize,
        /// In this language: es or en.
        #[arg(long, default_value = "en")]
        language: Locale,
        #[command(flatten)]
        common: Common,
    },
    /// Show a schedule's ledger, the latest first: what fired, how late, and what was missed and why.
    Ticks {
        /// Which schedule.
        name: String,
        /// Only what is before this time (RFC 3339): what the page before called `next`.
        #[arg(long)]
        before: Option<DateTime<Utc>>,
        /// How many rows a page has.
        #[arg(long, default_value_t = 25, value_parser = a_page)]
        limit: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Make a schedule. Ticks from now on are expected of it.
    Create {
        /// At most 63 lower-case letters, digits and underscores.
        name: String,
        /// Five fields: minute, hour, day of the month, month, day of the week (1 is Monday, 0 and 7 are Sunday).
        #[arg(long)]
        expression: String,
        /// Of the IANA database.
        #[arg(long, default_value = "America/Bogota")]
        time_zone: String,
        /// The kind of job, for example sweep_sessions.
        #[arg(long)]
        job: String,
        /// Its arguments as JSON.
        #[arg(long, default_value = "{}")]
        args: String,
        /// What becomes of ticks that come due while no worker runs: skip (they are let go), once (the latest fires), or all:6h (all fire
        /// that are not older).
        #[arg(long, default_value = "once")]
        catch_up: String,
        /// Let each tick's job run up to this much later, for example 30s or 5m.
        #[arg(long, default_value = "")]
        jitter: String,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        common: Common,
    },
    /// Change a schedule that was made at run time; what is not given stays.
    Edit {
        /// Which schedule.
        name: String,
        /// Five fields.
        #[arg(long)]
        expression: Option<String>,
        /// Of the IANA database.
        #[arg(long)]
        time_zone: Option<String>,
        /// The kind of job.
        #[arg(long)]
        job: Option<String>,
        /// Its arguments as JSON.
        #[arg(long)]
        args: Option<String>,
        /// skip, once, or for example all:6h.
        #[arg(long)]
        catch_up: Option<String>,
        /// For example 30s; 0 for none.
        #[arg(long)]
        jitter: Option<String>,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a schedule that was made at run time. Its ledger stays.
    Delete {
        #[command(flatten)]
        of: Of,
    },
    /// Let a schedule tick no more until it is resumed.
    Pause {
        #[command(flatten)]
        of: Of,
    },
    /// Let a paused schedule tick again, from now on.
    Resume {
        /// Which schedule.
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Enqueue a schedule's job at once, paused or not. Prints its id.
    RunNow {
        #[command(flatten)]
        of: Of,
    },
}

/// What every one of these commands takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stores: StoreArgs,
}

/// One schedule, and who does something to it.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// Which schedule.
    name: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn obey<O: Outside>(command: ScheduleCommand) -> anyhow::Result<()> {
    let open = |common: &Common| anyhow::Ok(operations::<O>(&crate::cli::opened(&common.stores)?));
    match command {
        ScheduleCommand::List { after, limit, common } => {
            let page = open(&common)?.list(after.as_deref(), limit).await?;
            if common.json {
                return tell_json(&page);
            }
            page.schedules.iter().for_each(print_summary);
            if let Some(next) = page.next {
                tell_line!("next: {next}");
            }
        }
        ScheduleCommand::Next { name: Some(name), count, language, common, .. } => {
            let schedule = open(&common)?.get(&name).await?;
            print_next(&Ahead::of(&schedule.calendar, count, language), Some(&schedule), common.json)?;
        }
        ScheduleCommand::Next { expression, time_zone, count, language, common, .. } => {
            let calendar = schedules::Calendar {
                expression: schedules::Expression::parse(&expression.unwrap_or_default()).context("--expression")?,
                zone: time_zone.parse().ok().context("--time-zone: there is no such time zone")?,
            };
            print_next(&Ahead::of(&calendar, count, language), None, common.json)?;
        }
        ScheduleCommand::Ticks { name, before, limit, common } => {
            let page = open(&common)?.ticks(&name, before, limit).await?;
            if common.json {
                return tell_json(&page);
            }
            page.ticks.iter().for_each(print_tick);
            if let Some(next) = page.next {
                tell_line!("next: {}", next.to_rfc3339());
            }
        }
        ScheduleCommand::Create { name, expression, time_zone, job, args, catch_up, jitter, by, common } => {
            let draft = Draft { name, expression, time_zone, job, args, catch_up, jitter };
            let made = open(&common)?.create(&draft, &by.actor).await?;
            print_made(&made, common.json)?;
        }
        ScheduleCommand::Edit { name, expression, time_zone, job, args, catch_up, jitter, by, common } => {
            let operations = open(&common)?;
            let now = operations.get(&name).await?;
            let draft = Draft {
                expression: expression.unwrap_or(now.expression),
                time_zone: time_zone.unwrap_or(now.time_zone),
                job: job.unwrap_or(now.job),
                args: args.unwrap_or_else(|| now.args.to_string()),
                catch_up: catch_up.unwrap_or(now.catch_up),
                jitter: jitter.unwrap_or_else(|| format!("{}s", now.jitter_s)),
                name: now.name,
            };
            let edited = operations.edit(&name, Some(now.version), &draft, &by.actor).await?;
            print_made(&edited, common.json)?;
        }
        ScheduleCommand::Delete { of: Of { name, by, common } } => {
            open(&common)?.delete(&name, &by.actor).await?;
            tell_outcome("schedule", &name, "deleted", common.json)?;
        }
        ScheduleCommand::Pause { of: Of { name, by, common } } => {
            let was_not = open(&common)?.pause(&name, &by.actor).await?;
            tell_outcome("schedule", &name, if was_not { "paused" } else { "was paused already" }, common.json)?;
        }
        ScheduleCommand::Resume { name, common } => {
            let was = open(&common)?.resume(&name).await?;
            tell_outcome("schedule", &name, if was { "resumed" } else { "was not paused" }, common.json)?;
        }
        ScheduleCommand::RunNow { of: Of { name, by, common } } => {
            let Enqueued { id, duplicate_of } = open(&common)?.run_now(&name, &by.actor).await?;
            if common.json {
                return tell_json(&json!({ "job_id": id, "duplicate_of": duplicate_of }));
            }
            tell_line!("{id}");
            tell_duplicate(duplicate_of);
        }
    }
    Ok(())
}

fn operations<O: Outside>(stores: &Stores) -> Operations {
    let catalogue: SharedCatalogue = Arc::new(O::catalogue());
    Operations::new(stores.pool(2), catalogue)
}

/// The ticks to come, as they are and in words.
#[derive(Serialize)]
struct Ahead {
    in_words: String,
    time_zone: &'static str,
    next: Vec<Soon>,
}

#[derive(Serialize)]
struct Soon {
    tick: DateTime<Utc>,
    in_words: String,
    in_how_long: String,
    /// Whether the clock leaps over the time that was meant.
    moved: bool,
}

impl Ahead {
    fn of(calendar: &schedules::Calendar, count: usize, language: Locale) -> Self {
        let now = Utc::now();
        let soon = |tick| Soon {
            tick,
            in_words: format!("{} ({})", moment(calendar, tick, now, language), zone_mark(calendar.zone, tick)),
            in_how_long: in_how_long(tick, now, language),
            moved: calendar.is_moved(tick),
        };
        Self {
            in_words: describe(&calendar.expression, language),
            time_zone: calendar.zone.name(),
            next: calendar.ticks(now).take(count.min(1000)).map(soon).collect(),
        }
    }
}

fn print_next(ahead: &Ahead, schedule: Option<&ScheduleView>, json: bool) -> anyhow::Result<()> {
    if json {
        return tell_json(&json!({ "schedule": schedule, "ahead": ahead }));
    }
    schedule.into_iter().for_each(print_summary);
    tell_line!("{} ({})", ahead.in_words, ahead.time_zone);
    for soon in &ahead.next {
        tell_line!("  {}  {}, {}", time(Some(soon.tick)), soon.in_words, soon.in_how_long);
    }
    Ok(())
}

fn print_made(schedule: &ScheduleView, json: bool) -> anyhow::Result<()> {
    if json {
        return tell_json(schedule);
    }
    print_next(&Ahead::of(&schedule.calendar, 3, Locale::En), Some(schedule), false)
}

fn print_summary(schedule: &ScheduleView) {
    let standing = match (&schedule.paused_by, schedule.late_s, &schedule.refused) {
        (Some(by), ..) => format!("  PAUSED by {by}"),
        (None, Some(late_s), _) => format!("  LATE by {late_s} s"),
        (None, None, Some(why)) => format!("  REFUSED: {why}"),
        (None, None, None) => String::new(),
    };
    let jitter = if schedule.jitter_s > 0 {
        format!(", jitter {}", span(Duration::from_secs(schedule.jitter_s.unsigned_abs())))
    } else {
        String::new()
    };
    tell_line!(
        "{:<24} {:<16} {:<16} {} {} ({}, {}{jitter})  next {}{standing}",
        schedule.name,
        schedule.expression,
        schedule.time_zone,
        schedule.job,
        schedule.args,
        schedule.source,
        schedule.catch_up,
        if schedule.next_at.is_some() { time(schedule.next_at) } else { "never".to_owned() }
    );
    schedule.last.iter().for_each(print_tick);
}

fn print_tick(record: &TickRecord) {
    let tick = time(Some(record.tick));
    match (record.missed(), record.job_id, &record.asked_by) {
        (Some(reason), ..) => {
            let until =
                record.last_tick.map(|last| format!(" … {} ({} ticks)", time(Some(last)), record.ticks)).unwrap_or_default();
            let detail = record.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            tell_line!("  {tick}{until}  missed: {}{detail}", reason.say());
        }
        (None, Some(job), Some(by)) => tell_line!("  {tick}  run now by {by}: job {job}"),
        (None, Some(job), None) => {
            let late_s = record.late_ms.unwrap_or_default() as f64 / 1000.0;
            let run_at = record.run_at.map(|at| format!(", to run at {}", time(Some(at)))).unwrap_or_default();
            tell_line!("  {tick}  fired {late_s:.1} s after: job {job}{run_at}");
        }
        // Written by a newer binary, in words that this one does not have.
        (None, None, _) => tell_line!("  {tick}  missed: {}", record.reason.as_deref().unwrap_or_default()),
    }
}
