//! The jobs that the fault engine keeps running while it breaks things. They never give up unless told to, because no fault is
//! theirs.

use std::time::Duration;

use queue::{Attempted, Backoff, Ctx, End, Failure, Job, OrFailure, Queue};
use serde::{Deserialize, Serialize};

const SOON: Backoff = Backoff::between(Duration::from_millis(50), Duration::from_millis(300));
const NEVER_GIVES_UP: u32 = 10_000;
/// An attempt whose connection to Postgres has gone silent is over after this.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a straining job is told to do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
}

impl Load {
    /// The same load under this number.
    #[must_use]
    pub fn numbered(&self, n: i64) -> Self {
        Self { n, ..self.clone() }
    }
}

macro_rules! strain {
    ($($(#[$doc:meta])* $kind:ident = $name:literal on $queue:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Serialize, Deserialize)]
        pub struct $kind(pub Load);

        impl Job for $kind {
            type Ports = ();
            const NAME: &'static str = $name;
            const QUEUE: Queue = Queue::$queue;
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
}

/// Is told to die: at once, or of its last attempt.
#[derive(Debug, Serialize, Deserialize)]
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
    tokio::time::sleep(Duration::from_millis(load.sleep_ms)).await;
    drop(std::hint::black_box(ballast));
    if ctx.attempt() <= load.stumbles {
        return Err(Failure::retry(format!("stumbled, as told, in attempt {}", ctx.attempt())));
    }
    let mut effect = ctx.effect().await?;
    sqlx::query("insert into probe.effects (n, job_id) values ($1, $2)")
        .bind(load.n)
        .bind(ctx.job_id())
        .execute(&mut *effect)
        .await
        .context("leaving the effect")?;
    Ok(effect.into())
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
