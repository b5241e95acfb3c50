//! The worker's command line, the same for every catalogue of jobs.

use std::{future::Future, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use queue::{BatchId, Bounds, JobId, Lane, OrderByName, Paused, Queue, Rate, Registry, Store, attempt_alone, operations::State};
use schedules::Schedule;
use uuid::Uuid;

use crate::{
    accounts::{AccountsCommand, accounts},
    adopt::{AdoptArgs, adopt},
    check::check,
    migrate::migrate,
    operate,
    receive::receive,
    run::run,
    schedule_commands::{self, ScheduleCommand},
    settings::{Mistakes, RunArgs, StoreArgs, Stores},
    supervise::{die_with, supervise},
    telemetry,
    tokens::{TokensCommand, tokens},
};

/// A page of anything has so many rows at most.
const MOST_SHOWN: usize = 200;
/// Of an operator, a tenant, a value that a limit goes by.
const MAX_NAME_CHARS: usize = 200;
/// A suspect is one job.
const ATTEMPT_CONNECTIONS: u32 = 4;

/// The world outside a catalogue of jobs: the settings of its ports, and how to open them.
pub trait Outside: Args + std::fmt::Debug + Send + Sync + 'static {
    /// What its jobs are given.
    type Ports: Send + Sync + 'static;

    /// The jobs there are.
    fn catalogue() -> Registry<Self::Ports>;

    /// When work happens.
    fn schedules() -> Vec<Schedule>;

    /// Opens the ports, or says everything that is wrong with their settings. Connects to nothing. `live` are the live jobs, unless the
    /// stores' settings are wrong.
    fn open(&self, live: Option<&Store>, mistakes: &mut Mistakes) -> Option<Self::Ports>;

    /// Asks the outside whether it answers; for `check`, and only when [`Outside::open`] found no mistake.
    fn reach(&self, mistakes: &mut Mistakes) -> impl Future<Output = ()> + Send;
}

#[derive(Debug, Parser)]
#[command(version, about = "Runs jobs, and lets an operator look at them and intervene.", max_term_width = 110)]
struct Cli<O: Outside> {
    #[command(subcommand)]
    command: Command<O>,
}

#[derive(Debug, Subcommand)]
enum Command<O: Outside> {
    /// Run jobs until SIGTERM or SIGINT, then drain.
    Run {
        #[command(flatten)]
        stores: StoreArgs,
        #[command(flatten)]
        run: RunArgs,
        #[command(flatten)]
        outside: O,
    },
    /// Apply the database's migrations, and publish which jobs there are. Does nothing when there is nothing to do.
    Migrate {
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// List every mistake in the settings, and whether what they name can be reached.
    Check {
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
        #[command(flatten)]
        run: RunArgs,
        #[command(flatten)]
        outside: O,
    },
    /// Keep a message that a mail server pipes into standard input, a bounce or a complaint, and let a worker read it. Ends with 75
    /// (EX_TEMPFAIL) when it could not be kept, so that the mail server brings it again.
    ReceiveReport {
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Enqueue a job, through the outbox. Prints its id.
    Enqueue {
        /// The kind of job, for example welcome_learner.
        name: String,
        /// Its arguments as JSON.
        args: String,
        /// Not before this time (RFC 3339), for example 2026-12-24T20:00:00-05:00.
        #[arg(long, conflicts_with = "after_seconds")]
        at: Option<DateTime<Utc>>,
        /// Not before this many seconds have passed.
        #[arg(long)]
        after_seconds: Option<u32>,
        /// Under this id (a UUID): enqueued twice under one id, it is one job.
        #[arg(long)]
        id: Option<JobId>,
        /// For whom the work is done, where its arguments do not say.
        #[arg(long)]
        tenant: Option<String>,
        /// Not worth running from this time on (RFC 3339).
        #[arg(long)]
        expires_at: Option<DateTime<Utc>>,
        /// Of the jobs of this kind with this key one is wanted at a time, whatever the kind itself says.
        #[arg(long, value_parser = one_line)]
        unique_key: Option<String>,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Show the queues, a list of jobs (--state), or one job's story (an id).
    Inspect {
        /// The job to show.
        id: Option<JobId>,
        /// List the jobs in this state: outboxed, scheduled, available, running, retryable, limited, paused, parked, completed, cancelled or dead.
        #[arg(long, conflicts_with = "id")]
        state: Option<State>,
        /// Only those of this lane, for example low or low/videos.
        #[arg(long, requires = "state")]
        lane: Option<Lane>,
        /// Go on after a page: what the page before called `next`.
        #[arg(long, requires = "state")]
        after: Option<String>,
        /// How many jobs a page has.
        #[arg(long, default_value_t = 25, value_parser = a_page)]
        limit: usize,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// List batches, the latest first, with how their jobs have ended; or show one.
    Batches {
        /// The batch to show.
        id: Option<Uuid>,
        /// Go on after this one.
        #[arg(long, conflicts_with = "id")]
        after: Option<Uuid>,
        /// How many a page has.
        #[arg(long, default_value_t = 25, value_parser = a_page)]
        limit: usize,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Run a dead or cancelled job again, or a waiting one at once.
    Retry {
        /// Which job.
        id: JobId,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Pause a lane, a queue with its lanes, a kind of job or a tenant: the jobs wait, those that run go on. Every worker sees it within a second.
    Pause {
        #[command(flatten)]
        what: Pausable,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Resume what is paused.
    Resume {
        #[command(flatten)]
        what: Pausable,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Show the limits and who has a share, or set what they allow. Every worker obeys within a second.
    Limits {
        #[command(subcommand)]
        change: Option<LimitChange>,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Move the jobs of a stock apalis-redis 1.0 queue into ours: those that wait, and the orphans of workers that are dead. Stop its
    /// workers first. An interrupted run is taken up by the next one.
    AdoptApalis {
        #[command(flatten)]
        adopt: AdoptArgs,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// List people's accounts, or change what somebody may do.
    Accounts {
        #[command(subcommand)]
        command: AccountsCommand,
    },
    /// Make, list and end the tokens of programs that use the web's API.
    Tokens {
        #[command(subcommand)]
        command: TokensCommand,
    },
    /// End a job that nobody wants any more.
    Cancel {
        /// Which job.
        id: JobId,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Change what a job that does not run is to do. One that waits goes on waiting; one that is dead or cancelled is promised anew.
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Edit {
        /// Which job.
        id: JobId,
        /// Its arguments as JSON, whole.
        #[arg(long, group = "change")]
        args: Option<String>,
        /// Not before this time (RFC 3339); one that has passed: at once.
        #[arg(long, group = "change")]
        at: Option<DateTime<Utc>>,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Have the ledger forget a job that is over, with its arguments and attempts. That it was deleted, and by whom, stays.
    Delete {
        /// Which job.
        id: JobId,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// List schedules, make and change them, run them now, and look at their ledgers.
    #[command(subcommand)]
    Schedules(ScheduleCommand),
}

/// What to pause or resume.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Pausable {
    /// A lane, for example low or low/videos. The lane low is not the lanes below it.
    lane: Option<Lane>,
    /// A queue with all its lanes: critical, default or low.
    #[arg(long)]
    queue: Option<Queue>,
    /// Every job of a kind.
    #[arg(long, value_parser = one_line)]
    job: Option<String>,
    /// Every job of a tenant.
    #[arg(long, value_parser = one_line)]
    tenant: Option<String>,
}

#[derive(Debug, Subcommand)]
enum LimitChange {
    /// Set the bounds of a limit; they count before the code's.
    Set {
        /// The limit's name.
        name: String,
        /// Of one value of its argument alone: a tenant, a channel.
        #[arg(long, value_parser = one_line)]
        of: Option<String>,
        /// How many at once, or none: as many as there are slots. Left out, it stays as it is.
        #[arg(long, required_unless_present = "rate", value_parser = parse_at_once)]
        at_once: Option<Bound<u32>>,
        /// How many in a time, evenly, for example 1/s, 100/min, 3/1500ms; or none: no rate. Left out, it stays as it is.
        #[arg(long, value_parser = parse_rate)]
        rate: Option<Bound<(u32, Duration)>>,
        /// How many of them may start together after a quiet time.
        #[arg(long, requires = "rate", default_value_t = 1)]
        burst: u32,
        #[command(flatten)]
        by: By,
    },
    /// Let the code's bounds hold again.
    Reset {
        /// The limit's name.
        name: String,
        /// Of one value of its argument alone.
        #[arg(long, value_parser = one_line)]
        of: Option<String>,
    },
}

/// What a limit allows of one sort, if it bounds it at all.
#[derive(Debug, Clone, Copy)]
enum Bound<T> {
    Given(T),
    None,
}

impl<T> Bound<T> {
    fn given(self) -> Option<T> {
        match self {
            Self::Given(bound) => Some(bound),
            Self::None => None,
        }
    }
}

const NO_BOUND: &str = "none";

fn parse_at_once(text: &str) -> Result<Bound<u32>, String> {
    match text {
        NO_BOUND => Ok(Bound::None),
        count => count.parse().map(Bound::Given).map_err(|_| format!("write a number of jobs, or {NO_BOUND}")),
    }
}

/// Reads `count/time`; the time is a number with a unit (ms, s, min, h, d), or a unit alone.
fn parse_rate(text: &str) -> Result<Bound<(u32, Duration)>, String> {
    if text == NO_BOUND {
        return Ok(Bound::None);
    }
    let (count, time) = text.split_once('/').ok_or("write a rate as count/time, for example 10/min")?;
    let count = count.trim().parse().map_err(|_| format!("{count:?} is no number of jobs"))?;
    let time = time.trim();
    let (number, unit) = time.split_at(time.find(|c: char| !c.is_ascii_digit()).unwrap_or(time.len()));
    let number: u64 =
        if number.is_empty() { 1 } else { number.parse().map_err(|_| format!("{number:?} is no number of {unit}"))? };
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("{unit:?} is no unit of time; the units are ms, s, min, h and d")),
    };
    Ok(Bound::Given((count, Duration::from_millis(number.saturating_mul(unit_ms)))))
}

/// How many rows or ticks are shown at once.
pub(crate) fn a_page(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=MOST_SHOWN).contains(count))
        .ok_or_else(|| format!("write a number from 1 to {MOST_SHOWN}"))
}

/// A name as it stands in records, keys and pages: something, in one line that prints.
fn one_line(text: &str) -> Result<String, String> {
    let prints = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if prints && text.chars().count() <= MAX_NAME_CHARS {
        Ok(text.to_owned())
    } else {
        Err(format!("write 1 to {MAX_NAME_CHARS} characters that print"))
    }
}

#[derive(Debug, Args)]
pub(crate) struct By {
    /// Whose name stands in the record.
    #[arg(long = "by", env = "USER", default_value = "command line", value_parser = one_line)]
    pub(crate) actor: String,
}

#[derive(Debug, Args)]
pub(crate) struct Form {
    /// Answer with one JSON document, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The whole program. What goes wrong is said on stderr, for a person, and the exit code is 1.
pub async fn main<O: Outside>() -> ExitCode {
    match obey(Cli::<O>::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", in_full(&error));
            if error.is::<queue::UncleanEnd>() {
                // What hangs may hold a thread that the runtime would wait for.
                std::process::exit(1);
            }
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, each said once: many an error says its cause itself.
fn in_full(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

async fn obey<O: Outside>(command: Command<O>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { stores, run: run_args, outside } => {
            telemetry::log_to_stderr();
            let supervised = run_args.journal.is_some();
            if let Some(parent) = run_args.parent {
                die_with(parent)?;
            }
            let mut mistakes = Mistakes::default();
            let stores = stores.checked(&mut mistakes);
            let run_settings = run_args.checked(&O::catalogue().lanes(), &mut mistakes);
            let ports = outside.open(stores.as_ref().map(|stores| &stores.store), &mut mistakes);
            mistakes.into_result()?;
            let (Some(stores), Some(settings), Some(ports)) = (stores, run_settings, ports) else {
                anyhow::bail!("the settings are incomplete")
            };
            stores.install_keyring();
            if run_args.attempt {
                attempt_alone(O::catalogue(), ports, stores.pool(ATTEMPT_CONNECTIONS)).await.context("attempting a suspect")?;
            } else if run_args.supervise && !supervised {
                return supervise(&stores.store).await;
            } else {
                run(stores, settings, O::catalogue(), Arc::new(O::catalogue()), O::schedules(), ports).await?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::ReceiveReport { stores } => Ok(receive(&stores).await),
        command => serve::<O>(command).await.map(|()| ExitCode::SUCCESS),
    }
}

/// Everything but `run`.
async fn serve<O: Outside>(command: Command<O>) -> anyhow::Result<()> {
    match command {
        Command::Run { .. } | Command::ReceiveReport { .. } => Ok(()),
        Command::Migrate { form, stores } => migrate(&stores, &O::catalogue().publication(), form.json).await,
        Command::Check { form, stores, run, outside } => check(&stores, &run, &outside, form.json).await,
        Command::Enqueue { name, args, at, after_seconds, id, tenant, expires_at, unique_key, form, stores } => {
            let run_at = at.or_else(|| after_seconds.map(|seconds| Utc::now() + std::time::Duration::from_secs(seconds.into())));
            let (tenant, unique_key) = (tenant.as_deref(), unique_key.as_deref());
            let order = OrderByName { name: &name, args: &args, run_at, id, tenant, expires_at, unique_key };
            operate::enqueue(&opened(&stores)?, &O::catalogue(), order, form.json).await
        }
        Command::Inspect { id: Some(id), form, stores, .. } => operate::show_job(&opened(&stores)?, id, form.json).await,
        Command::Inspect { state: Some(state), lane, after, limit, form, stores, .. } => {
            operate::list_jobs(&opened(&stores)?, state, lane, after.as_deref(), limit, form.json).await
        }
        Command::Inspect { form, stores, .. } => operate::show_overview(&opened(&stores)?, form.json).await,
        Command::Batches { id, after, limit, form, stores } => {
            operate::show_batches(&opened(&stores)?, id.map(BatchId), after.map(BatchId), limit, form.json).await
        }
        Command::Retry { id, by, form, stores } => operate::retry(&opened(&stores)?, id, &by.actor, form.json).await,
        Command::Pause { what, by, form, stores } => match what.jobs() {
            Ok(jobs) => operate::pause_jobs(&opened(&stores)?, &jobs, &by.actor, form.json).await,
            Err(lane) => operate::pause(&opened(&stores)?, lane, &by.actor, form.json).await,
        },
        Command::Resume { what, form, stores } => match what.jobs() {
            Ok(jobs) => operate::resume_jobs(&opened(&stores)?, &jobs, form.json).await,
            Err(lane) => operate::resume(&opened(&stores)?, lane, form.json).await,
        },
        Command::Limits { change: None, form, stores } => operate::show_limits(&opened(&stores)?, form.json).await,
        Command::Limits { change: Some(LimitChange::Set { name, of, at_once, rate, burst, by }), form, stores } => {
            let rate = rate.map(|rate| rate.given().map(|(count, per)| Rate { count, per, burst }));
            let change =
                |now: Bounds| Bounds { at_once: at_once.map_or(now.at_once, Bound::given), rate: rate.unwrap_or(now.rate) };
            operate::set_limit(&opened(&stores)?, &name, of.as_deref(), change, &by.actor, form.json).await
        }
        Command::Limits { change: Some(LimitChange::Reset { name, of }), form, stores } => {
            operate::reset_limit(&opened(&stores)?, &name, of.as_deref(), form.json).await
        }
        Command::AdoptApalis { adopt: args, stores } => adopt(&opened(&stores)?, &O::catalogue(), &args).await,
        Command::Cancel { id, by, form, stores } => operate::cancel(&opened(&stores)?, id, &by.actor, form.json).await,
        Command::Edit { id, args, at, by, form, stores } => {
            operate::edit(&opened(&stores)?, id, args, at, &by.actor, form.json).await
        }
        Command::Delete { id, by, form, stores } => operate::delete(&opened(&stores)?, id, &by.actor, form.json).await,
        Command::Tokens { command } => tokens(&opened(command.stores())?, command).await,
        Command::Accounts { command } => accounts(&opened(command.stores())?, command).await,
        Command::Schedules(command) => schedule_commands::obey::<O>(command).await,
    }
}

impl Pausable {
    /// Jobs, or else a lane: clap sees to it that there is one of them.
    fn jobs(self) -> Result<Paused, Lane> {
        match (self.job, self.tenant, self.queue) {
            (Some(name), ..) => Ok(Paused::Job(name)),
            (_, Some(name), _) => Ok(Paused::Tenant(name)),
            (.., Some(queue)) => Ok(Paused::Queue(queue)),
            _ => Err(self.lane.unwrap_or(Lane::of(Queue::Default))),
        }
    }
}

pub(crate) fn opened(stores: &StoreArgs) -> anyhow::Result<Stores> {
    let mut mistakes = Mistakes::default();
    let opened = stores.checked(&mut mistakes);
    mistakes.into_result()?;
    let opened = opened.ok_or_else(|| anyhow::anyhow!("the settings are incomplete"))?;
    opened.install_keyring();
    Ok(opened)
}
