//! A catalogue of jobs that do nothing but what a test asks of them, and leave traces in `probe.sql`'s tables.

use std::time::Duration;

use chrono::Utc;
use queue::{Attempted, Backoff, Ctx, End, Failure, Job, Limit, OrFailure, Queue, Registry, Store};
use schedules::{CatchUp, Schedule, Tz};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use worker::{Mistakes, Outside};

use crate::{
    controls::{Charge, Debounce, Falter, Herd, Now, Persevere, Recount, Stampede, Trek},
    strain::{Carry, Debut, Doom, Ferry, Ladder, Queued, Rush, Solo, Stroll},
};

/// The probe's world has no outside.
#[derive(Debug, clap::Args)]
pub struct NoOutside;

impl Outside for NoOutside {
    type Ports = ();

    fn catalogue() -> Registry<()> {
        catalogue()
    }

    /// Due once a year: a test that wants it to tick pretends that it has been watched for longer.
    fn schedules() -> Vec<Schedule> {
        let greeting = Nap { sleep_ms: 0, note: "feliz año".to_owned() };
        vec![Schedule::new("new_year", "0 0 1 1 *", Tz::UTC, CatchUp::Once, greeting)]
    }

    fn open(&self, _live: Option<&Store>, _mistakes: &mut Mistakes) -> Option<()> {
        Some(())
    }

    async fn reach(&self, _mistakes: &mut Mistakes) {}
}

/// Every probing job.
#[must_use]
pub fn catalogue() -> Registry<()> {
    let known = Registry::new();
    let known = if cfg!(feature = "faults") { known.job::<Debut>() } else { known };
    known
        .job::<Touch>()
        .job::<Nap>()
        .job::<Stumble>()
        .job::<Refuse>()
        .job::<Explode>()
        .job::<Dawdle>()
        .job::<Urge>()
        .job::<Linger>()
        .job::<Film>()
        .job::<Raze>()
        .job::<Graft>()
        .job::<Climb>()
        .job::<Pass>()
        .job::<Chirp>()
        .job::<Rush>()
        .job::<Carry>()
        .job::<Stroll>()
        .job::<Doom>()
        .job::<Ferry>()
        .job::<Queued>()
        .job::<Ladder>()
        .job::<Solo>()
        .job::<Recount>()
        .job::<Debounce>()
        .job::<Now>()
        .job::<Persevere>()
        .job::<Falter>()
        .job::<Charge>()
        .job::<Herd>()
        .job::<Stampede>()
        .job::<Trek>()
}

pub(crate) const SOON: Backoff = Backoff::between(Duration::from_millis(50), Duration::from_millis(200));

/// Has an effect, after a while.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Touch {
    /// What stands in `probe.effects`.
    pub n: i64,
    /// How long it takes.
    pub sleep_ms: u64,
}

impl Job for Touch {
    type Ports = ();
    const NAME: &'static str = "touch";
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        start(ctx, self.n).await?;
        tokio::time::sleep(Duration::from_millis(self.sleep_ms)).await;
        let mut effect = ctx.effect().await?;
        sqlx::query("insert into probe.effects (n, job_id) values ($1, $2)")
            .bind(self.n)
            .bind(ctx.job_id())
            .execute(&mut *effect)
            .await
            .context("leaving a trace")?;
        Ok(effect.into())
    }
}

/// Has no effect in Postgres and needs none.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Nap {
    /// How long it takes.
    pub sleep_ms: u64,
    /// Whatever a test wants to carry.
    pub note: String,
}

impl Job for Nap {
    type Ports = ();
    const NAME: &'static str = "nap";
    const BACKOFF: Backoff = SOON;

    async fn run(self, _ctx: &Ctx<()>) -> Attempted {
        tokio::time::sleep(Duration::from_millis(self.sleep_ms)).await;
        Ok(End::Done)
    }
}

/// Fails a number of times, then has its effect.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stumble {
    /// What stands in `probe.effects`.
    pub n: i64,
    /// How often it fails.
    pub times: u32,
}

impl Job for Stumble {
    type Ports = ();
    const NAME: &'static str = "stumble";
    const MAX_ATTEMPTS: u32 = 4;
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        start(ctx, self.n).await?;
        if ctx.attempt() <= self.times {
            return Err(Failure::retry(format!("stumbled, as told, in attempt {}", ctx.attempt())));
        }
        let mut effect = ctx.effect().await?;
        let trace = sqlx::query("insert into probe.effects (n, job_id) values ($1, $2)").bind(self.n).bind(ctx.job_id());
        trace.execute(&mut *effect).await.context("leaving a trace")?;
        Ok(effect.into())
    }
}

/// Is dead at once, with a reason.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Refuse {
    /// The reason.
    pub reason: String,
}

impl Job for Refuse {
    type Ports = ();
    const NAME: &'static str = "refuse";

    async fn run(self, _ctx: &Ctx<()>) -> Attempted {
        Err(Failure::dead(self.reason))
    }
}

/// Panics in every attempt.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explode {
    /// With this message.
    pub message: String,
}

impl Job for Explode {
    type Ports = ();
    const NAME: &'static str = "explode";
    const MAX_ATTEMPTS: u32 = 3;
    const BACKOFF: Backoff = SOON;

    async fn run(self, _ctx: &Ctx<()>) -> Attempted {
        panic!("{}", self.message)
    }
}

/// Takes longer than it may.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Dawdle {}

impl Job for Dawdle {
    type Ports = ();
    const NAME: &'static str = "dawdle";
    const MAX_ATTEMPTS: u32 = 2;
    const TIMEOUT: Duration = Duration::from_millis(200);
    const BACKOFF: Backoff = SOON;

    async fn run(self, _ctx: &Ctx<()>) -> Attempted {
        std::future::pending().await
    }
}

/// As [`Touch`], at once, on the critical queue.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Urge {
    /// What stands in `probe.effects`.
    pub n: i64,
}

impl Job for Urge {
    type Ports = ();
    const NAME: &'static str = "urge";
    const QUEUE: Queue = Queue::Critical;
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        Touch { n: self.n, sleep_ms: 0 }.run(ctx).await
    }
}

/// Runs until it is cancelled, and says so; or ignores that.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Linger {
    /// What stands in `probe.starts`.
    pub n: i64,
    /// Whether it looks at its cancellation token.
    pub listens: bool,
}

impl Job for Linger {
    type Ports = ();
    const NAME: &'static str = "linger";
    const QUEUE: Queue = Queue::Low;
    const LONG: bool = true;
    const TIMEOUT: Duration = Duration::from_secs(600);
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        start(ctx, self.n).await?;
        if self.listens {
            ctx.cancelled().cancelled().await;
            return Err(Failure::cancelled("noticed the wish"));
        }
        std::future::pending().await
    }
}

/// As [`Touch`], in a lane of its own.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Film {
    /// What stands in `probe.effects`.
    pub n: i64,
    /// How long it takes.
    pub sleep_ms: u64,
}

impl Job for Film {
    type Ports = ();
    const NAME: &'static str = "film";
    const QUEUE: Queue = Queue::Low;
    const LANE: Option<&'static str> = Some("films");
    const LONG: bool = true;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        Touch { n: self.n, sleep_ms: self.sleep_ms }.run(ctx).await
    }
}

/// Takes steps, each with an effect, and remembers how far it has got.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Climb {
    /// How many; step `n` leaves effect `n`.
    pub steps: i64,
    /// How long each takes.
    pub sleep_ms: u64,
}

impl Job for Climb {
    type Ports = ();
    const NAME: &'static str = "climb";
    const TIMEOUT: Duration = Duration::from_secs(600);

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        start(ctx, -1).await?;
        for n in ctx.checkpoint::<i64>().await?.unwrap_or(0)..self.steps {
            tokio::time::sleep(Duration::from_millis(self.sleep_ms)).await;
            let mut step = ctx.step().await?;
            let trace = sqlx::query("insert into probe.effects (n, job_id) values ($1, $2)").bind(n).bind(ctx.job_id());
            trace.execute(&mut *step).await.context("leaving a trace")?;
            step.save_checkpoint(&(n + 1)).await?;
            step.commit().await?;
        }
        Ok(End::Done)
    }
}

/// Passes a gate that only three may be in at once.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pass {
    /// Which passage.
    pub n: i64,
    /// Which gate: each is counted apart.
    pub gate: String,
    /// How long it takes.
    pub sleep_ms: u64,
}

impl Job for Pass {
    type Ports = ();
    const NAME: &'static str = "pass";
    const LIMITS: &'static [Limit] = &[Limit::at_once("gate", 3).by("gate")];
    const TENANT: Option<&'static str> = Some("gate");
    const TIMEOUT: Duration = Duration::from_secs(600);
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        pass(ctx, self.n, &self.gate, self.sleep_ms).await
    }
}

/// As [`Pass`], through a gate that one may enter each fiftieth of a second.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Chirp {
    /// Which passage.
    pub n: i64,
    /// Which gate: each is counted apart.
    pub channel: String,
}

impl Job for Chirp {
    type Ports = ();
    const NAME: &'static str = "chirp";
    const LIMITS: &'static [Limit] = &[Limit::rate("chirps", 50, Duration::from_secs(1)).by("channel")];
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        pass(ctx, self.n, &self.channel, 0).await
    }
}

/// Notes each few moments that it is still in the gate: a process that is killed notes no end.
async fn pass(ctx: &Ctx<()>, n: i64, gate: &str, sleep_ms: u64) -> Attempted {
    let began = Utc::now();
    sqlx::query("insert into probe.passes (n, job_id, gate, claimed, began, ended) values ($1, $2, $3, $4, $5, $5)")
        .bind(n)
        .bind(ctx.job_id())
        .bind(gate)
        .bind(ctx.claimed_at())
        .bind(began)
        .execute(&ctx.db)
        .await
        .context("noting the passage")?;
    let over = tokio::time::Instant::now() + Duration::from_millis(sleep_ms);
    loop {
        let note =
            sqlx::query("update probe.passes set ended = $3 where n = $1 and began = $2").bind(n).bind(began).bind(Utc::now());
        note.execute(&ctx.db).await.context("noting the passage")?;
        if tokio::time::Instant::now() >= over {
            return Ok(End::Done);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Ends the whole process that attempts it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Raze {
    /// What stands in `probe.starts`.
    pub n: i64,
}

impl Job for Raze {
    type Ports = ();
    const NAME: &'static str = "raze";

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        start(ctx, self.n).await?;
        std::process::abort()
    }
}

/// As [`Touch`], at once. Its arguments have a second form: those of the first lack a field.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Graft {
    /// What stands in `probe.effects`, without what is added.
    pub n: i64,
    /// How much is added.
    #[serde(default)]
    pub more: i64,
}

impl Job for Graft {
    type Ports = ();
    const NAME: &'static str = "graft";
    const VERSION: u16 = 2;
    const QUEUE: Queue = Queue::Low;
    const BACKOFF: Backoff = SOON;

    async fn run(self, ctx: &Ctx<()>) -> Attempted {
        Touch { n: self.n + self.more, sleep_ms: 0 }.run(ctx).await
    }
}

pub(crate) async fn start(ctx: &Ctx<()>, n: i64) -> Result<(), Failure> {
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
