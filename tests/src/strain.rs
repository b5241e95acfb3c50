//! The jobs that the fault engine keeps running while it breaks things. They never give up unless told to, because no fault is
//! theirs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use queue::{Attempted, Backoff, Ctx, End, Failure, Job, Limit, OrFailure, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

const SOON: Backoff = Backoff::between(Duration::from_millis(50), Duration::from_millis(300));
const NEVER_GIVES_UP: u32 = 10_000;
/// An attempt whose connection to Postgres has gone silent is over after this.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a straining job is told to do.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// What stands in `probe.effects` and `probe.starts`.
    pub n: i64,
    /// How long it takes.
    pub sleep_ms: u64,
    /// How many attempts fail first.
    pub stumbles: u32,
    /// How much memory it uses meanwhile.
    pub memory_mb: usize,
    /// Whether it does without Postgres, and so has no effect there.
    pub traceless: bool,
    /// Before when it is throttled, in ms of the Unix epoch.
    #[serde(default)]
    pub not_before_ms: i64,
    /// Through which gate it goes, for those that are counted there.
    #[serde(default)]
    pub gate: Option<u8>,
}

impl Load {
    /// The same load under this number.
    #[must_use]
    pub fn numbered(&self, n: i64) -> Self {
        Self { n, ..self.clone() }
    }
}

macro_rules! strain {
    ($($(#[$doc:meta])* $kind:ident = $name:literal on $queue:ident $(in $lane:literal)? $(under $limits:expr)? $(, $unique:expr)?;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Serialize, Deserialize, JsonSchema)]
        pub struct $kind(pub Load);

        impl Job for $kind {
            type Ports = ();
            const NAME: &'static str = $name;
            const QUEUE: Queue = Queue::$queue;
            $(const LANE: Option<&'static str> = Some($lane);)?
            $(const LIMITS: &'static [Limit] = $limits;)?
            $(const UNIQUE: Option<Unique> = Some($unique);)?
            const MAX_ATTEMPTS: u32 = NEVER_GIVES_UP;
            const TIMEOUT: Duration = PATIENCE;
            const BACKOFF: Backoff = SOON;

            async fn run(self, ctx: &Ctx<()>) -> Attempted {
                carry(self.0, ctx).await
            }
        }
    )* };
}

strain! {
    /// Work that somebody waits for.
    Rush = "rush" on Critical;
    /// Most work.
    Carry = "carry" on Default;
    /// Work that may take its time.
    Stroll = "stroll" on Low;
    /// Work in a lane of its own.
    Ferry = "ferry" on Low in "ferry";
    /// Work that only two may do at once, and one may begin each fortieth of a second, at each gate.
    Queued = "queued" on Default under &[
        Limit::at_once("gates", 2).by("gate"),
        Limit::rate("gate_pace", 40, Duration::from_secs(1)).by("gate"),
    ];
    /// Work of which one is wanted at a time, at each gate.
    Solo = "solo" on Default, Unique::until_end().by(&["gate"]);
    /// Work that is new: of the two builds that the fault engine deploys, the one with crash points knows it.
    Debut = "debut" on Default;
}

/// How many steps a [`Ladder`] has: each leaves an effect.
pub const STEPS: i64 = 3;

/// Takes steps, each with an effect of its own, and goes on where it was interrupted.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ladder(pub Load);

impl Job for Ladder {
    type Ports = ();
    const NAME: &'static str = "ladder";
    const MAX_ATTEMPTS: u32 = NEVER_GIVES_UP;
    const TIMEOUT: Duration = PATIENCE;
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        note_start(self.0.n, ctx).await?;
        for step in ctx.checkpoint::<i64>().await?.unwrap_or(0)..STEPS {
            tokio::time::sleep(Duration::from_millis(self.0.sleep_ms)).await;
            let mut tx = ctx.step().await?;
            leave_effect(self.0.n, ctx, &mut tx).await?;
            tx.save_checkpoint(&(step + 1)).await?;
            tx.commit().await?;
        }
        Ok(End::Done)
    }
}

/// Is told to die: at once, or of its last attempt.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Doom {
    /// What stands in `probe.starts`.
    pub n: i64,
    /// Whether it needs no second attempt for that.
    pub at_once: bool,
}

impl Job for Doom {
    type Ports = ();
    const NAME: &'static str = "doom";
    const MAX_ATTEMPTS: u32 = 2;
    const TIMEOUT: Duration = PATIENCE;
    const BACKOFF: Backoff = SOON;

    async fn run(self, _ctx: &Ctx<()>) -> Attempted {
        Err(if self.at_once { Failure::dead("told to die") } else { Failure::retry("told to fail") })
    }
}

async fn carry(load: Load, ctx: &Ctx<()>) -> Attempted {
    // Written to, so that it is really there.
    let ballast = vec![1_u8; load.memory_mb << 20];
    if load.traceless {
        tokio::time::sleep(Duration::from_millis(load.sleep_ms)).await;
        return Ok(End::Done);
    }
    note_start(load.n, ctx).await?;
    if let Some(until) = DateTime::from_timestamp_millis(load.not_before_ms).filter(|until| *until > Utc::now()) {
        return Err(Failure::throttled(until, "as told"));
    }
    tokio::time::sleep(Duration::from_millis(load.sleep_ms)).await;
    drop(std::hint::black_box(ballast));
    if ctx.attempt() <= load.stumbles {
        return Err(Failure::retry(format!("stumbled, as told, in attempt {}", ctx.attempt())));
    }
    let mut effect = ctx.effect().await?;
    leave_effect(load.n, ctx, &mut effect).await?;
    Ok(effect.into())
}

async fn leave_effect(n: i64, ctx: &Ctx<()>, tx: &mut PgConnection) -> Result<(), Failure> {
    let left = sqlx::query("insert into probe.effects (n, job_id) values ($1, $2)").bind(n).bind(ctx.job_id()).execute(tx).await;
    left.map(drop).context("leaving the effect")
}

async fn note_start(n: i64, ctx: &Ctx<()>) -> Result<(), Failure> {
    sqlx::query("insert into probe.starts (n, job_id, attempt, pid) values ($1, $2, $3, $4)")
        .bind(n)
        .bind(ctx.job_id())
        .bind(i32::try_from(ctx.attempt()).unwrap_or(i32::MAX))
        .bind(i32::try_from(std::process::id()).unwrap_or(0))
        .execute(&ctx.db)
        .await
        .map(drop)
        .context("noting the start")
}
