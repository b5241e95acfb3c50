//! The jobs on which the controls are tried: unique, expiring, persevering, secret, with children of their own.

use std::{process::Stdio, time::Duration};

use queue::{Attempted, Backoff, Ctx, End, Failure, Job, OrFailure, Secret, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};
use tracing::info;

use crate::probe::{SOON, start};

/// Of which one is wanted for each user, until it has ended.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Recount {
    /// Whose.
    pub user: i64,
    /// What stands in `probe.effects`.
    pub n: i64,
    /// How long it takes.
    pub sleep_ms: u64,
    /// Whether it is dead at once.
    pub refuses: bool,
}

impl Job for Recount {
    type Ports = ();
    const NAME: &'static str = "recount";
    const BACKOFF: Backoff = SOON;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["user"]));

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        start(ctx, self.n).await?;
        if self.refuses {
            return Err(Failure::dead("refused, as told"));
        }
        tokio::time::sleep(Duration::from_millis(self.sleep_ms)).await;
        leave_trace(ctx, self.n).await
    }
}

/// Of which one may wait for each user while another runs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Debounce {
    /// Whose.
    pub user: i64,
    /// Whether it runs until it is cancelled.
    pub lingers: bool,
}

impl Job for Debounce {
    type Ports = ();
    const NAME: &'static str = "debounce";
    const UNIQUE: Option<Unique> = Some(Unique::until_start().by(&["user"]));

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        start(ctx, self.user).await?;
        if self.lingers {
            ctx.cancelled().cancelled().await;
        }
        Ok(End::Done)
    }
}

/// Of which one is wanted in three seconds, by all of its arguments.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Now {
    /// What it says.
    pub text: String,
}

impl Job for Now {
    type Ports = ();
    const NAME: &'static str = "now";
    const UNIQUE: Option<Unique> = Some(Unique::for_time(Duration::from_secs(3)));

    async fn run(self, _ctx: &Ctx<()>) -> Attempted {
        Ok(End::Done)
    }
}

/// Fails for as long as it may.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Persevere {}

impl Job for Persevere {
    type Ports = ();
    const NAME: &'static str = "persevere";
    const MAX_ATTEMPTS: u32 = 10_000;
    const BACKOFF: Backoff = Backoff::between(Duration::from_millis(100), Duration::from_millis(200));
    const RETRY_FOR: Option<Duration> = Some(Duration::from_secs(1));

    async fn run(self, _ctx: &Ctx<()>) -> Attempted {
        Err(Failure::retry("in vain"))
    }
}

/// Fails once, in a way, and then notes that it began again.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum Falter {
    /// With an error that calls for this backoff instead of an hour's.
    Errs {
        /// No wait is shorter or longer.
        backoff_ms: u64,
    },
    /// Looks again later.
    Snoozes {
        /// So much later.
        delay_ms: u64,
    },
    /// Was told to wait until a time, in ms since 1970.
    IsTold {
        /// Which time.
        until_ms: i64,
    },
}

impl Job for Falter {
    type Ports = ();
    const NAME: &'static str = "falter";
    const BACKOFF: Backoff =
        Backoff::between(Duration::from_secs(3600), Duration::from_secs(3600)).at_least(Duration::from_secs(3600));

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        start(ctx, 0).await?;
        let starts: (i64,) = sqlx::query_as("select count(*) from probe.starts where job_id = $1")
            .bind(ctx.job_id())
            .fetch_one(&ctx.db)
            .await
            .context("counting starts")?;
        if starts.0 > 1 {
            return Ok(End::Done);
        }
        Err(match self {
            Self::Errs { backoff_ms } => {
                let wait = Duration::from_millis(backoff_ms);
                Failure::retry("locked for a moment").with_backoff(Backoff::between(wait, wait).at_least(wait))
            }
            Self::Snoozes { delay_ms } => Failure::snooze(Duration::from_millis(delay_ms), "not yet"),
            Self::IsTold { until_ms } => {
                let until = chrono::DateTime::from_timestamp_millis(until_ms).or_dead("no time")?;
                Failure::throttled(until, "Retry-After")
            }
        })
    }
}

/// Knows a secret, and says of it what it can: in the log, in an error, and in a note.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Charge {
    /// What stands in `probe.effects`, if the secret is the right one.
    pub n: i64,
    /// The secret.
    pub card: Secret<String>,
    /// Of how many characters it is.
    pub length: usize,
}

impl Job for Charge {
    type Ports = ();
    const NAME: &'static str = "charge";
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        info!(job = ?self, card = %self.card, "charging");
        if self.card.expose().chars().count() != self.length {
            return Err(Failure::dead("the secret is another one"));
        }
        if ctx.attempt() == 1 {
            return Err(Failure::retry(format!("the first attempt at {self:?} fails")));
        }
        leave_trace(ctx, self.n).await
    }
}

/// Says how far it is: half way, a step back, and then it waits until it is cancelled.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Trek {}

impl Job for Trek {
    type Ports = ();
    const NAME: &'static str = "trek";

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        ctx.progress(5, 10, "a mitad de camino");
        ctx.progress(4, 10, "going back");
        ctx.cancelled().cancelled().await;
        Err(Failure::cancelled("turned back"))
    }
}

macro_rules! herds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal within $timeout:expr;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Serialize, Deserialize, JsonSchema)]
        pub struct $kind {
            /// Whether child and grandchild mind SIGTERM.
            pub minds: bool,
        }

        impl Job for $kind {
            type Ports = ();
            const NAME: &'static str = $name;
            const MAX_ATTEMPTS: u32 = 1;
            const TIMEOUT: Duration = $timeout;

            async fn run(self, ctx: &Ctx<()>) -> Attempted {
                herd(ctx, self.minds).await
            }
        }
    )* };
}

herds! {
    /// Runs a program that starts another one, for ever.
    Herd = "herd" within Duration::from_secs(600);
    /// The same, for longer than it may; a busy machine has started both programs by then.
    Stampede = "stampede" within Duration::from_secs(10);
}

async fn herd(ctx: &Ctx<()>, minds: bool) -> Attempted {
    let deaf = if minds { "" } else { "trap '' TERM; " };
    let script = format!("{deaf}(while :; do sleep 0.1; done) & echo $! $$; while :; do sleep 0.1; done");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = ctx.spawn(&mut command).context("starting the child")?;
    let mut line = String::new();
    let stdout = child.stdout.take().or_dead("stdout is piped")?;
    BufReader::new(stdout).read_line(&mut line).await.context("reading the process ids")?;
    for pid in line.split_whitespace() {
        sqlx::query("insert into probe.children (job_id, pid) values ($1, $2)")
            .bind(ctx.job_id())
            .bind(pid.parse::<i32>().context("reading a process id")?)
            .execute(&ctx.db)
            .await
            .context("noting a child")?;
    }
    let status = child.wait().await.context("waiting for the child")?;
    Err(Failure::retry(format!("the child ended: {status}")))
}

async fn leave_trace(ctx: &Ctx<()>, n: i64) -> Attempted {
    let mut effect = ctx.effect().await?;
    let trace = sqlx::query("insert into probe.effects (n, job_id) values ($1, $2)").bind(n).bind(ctx.job_id());
    trace.execute(&mut *effect).await.context("leaving a trace")?;
    Ok(effect.into())
}
