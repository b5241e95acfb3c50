//! Makes room for the months to come, and takes away those of which nothing is left.

use chrono::{DateTime, Utc};
use queue::{Attempted, Failure, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};
use tracing::info;

use crate::ports::{Ctx, Ports};

/// So many months after the present one have their partitions: weeks of nights on which this could fail before a ticket would meet none.
const MONTHS_AHEAD: i32 = 3;

/// Whoever asks for a table that this job waits for waits behind it, and so it waits for nobody for longer.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '2s'";

/// Makes the partitions of tables that are divided by month (desk.tickets) ahead of time; those that are there are left alone. Months that were over before
/// the age at which tickets are put away, and of which none is left, are taken away.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct MakePartitions {
    /// Count what would be made and taken away, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for MakePartitions {
    type Ports = Ports;
    const NAME: &'static str = "make_partitions";
    const QUEUE: Queue = Queue::Low;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let over = ctx.now() - ctx.retention.tickets;
        let made = if self.dry_run { None } else { Some(make(ctx).await?) };
        let mut effect = ctx.effect().await?;
        let (made, dropped) = match made {
            None => count(&mut effect, over).await?,
            Some(made) => (made, take_away(&mut effect, over).await?),
        };
        let room_until = room_until(&mut *effect).await.context("asking how far the months reach")?;
        sqlx::query(
            "insert into core.sweeps (job_id, job, dry_run, began_at, finished_at, batches, looked_at, counts)
             values ($1, $2, $3, now(), clock_timestamp(), 1, $4, $5)",
        )
        .bind(ctx.job_id())
        .bind(Self::NAME)
        .bind(self.dry_run)
        .bind(made + dropped)
        .bind(json!({ "months_made": made, "months_dropped": dropped }))
        .execute(&mut *effect)
        .await
        .context("noting the result")?;
        info!(job = %ctx.job_id(), dry_run = self.dry_run, made, dropped, %room_until, "the months to come have their partitions");
        Ok(effect.into())
    }
}

/// Until when tickets have room, without a gap from now on.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn room_until(db: impl PgExecutor<'_>) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar(include_str!("sql/room_until.sql")).fetch_one(db).await
}

/// Answers how many months were made, by attempts before this one too. Committed apart: a month that is made is there, whatever becomes of those that are
/// taken away, and the table of all tickets is held for one of both at a time.
async fn make(ctx: &Ctx) -> Result<i64, Failure> {
    let before: i64 = ctx.checkpoint().await?.unwrap_or(0);
    let mut step = ctx.step().await?;
    sqlx::query(LOCK_TIMEOUT).execute(&mut *step).await.context("bounding the wait")?;
    let made: i32 = sqlx::query_scalar("select desk.make_partitions($1)")
        .bind(MONTHS_AHEAD)
        .fetch_one(&mut *step)
        .await
        .context("making the partitions of tickets")?;
    let made = before + i64::from(made);
    step.save_checkpoint(&made).await?;
    step.commit().await?;
    Ok(made)
}

/// Answers how many months were taken away.
async fn take_away(tx: &mut PgConnection, over: DateTime<Utc>) -> Result<i64, Failure> {
    sqlx::query(LOCK_TIMEOUT).execute(&mut *tx).await.context("bounding the wait")?;
    let dropped: i32 = sqlx::query_scalar("select desk.drop_empty_months(least($1, now())::date)")
        .bind(over)
        .fetch_one(tx)
        .await
        .context("taking away months that are empty")?;
    Ok(dropped.into())
}

/// How many would be made, and how many taken away.
async fn count(tx: &mut PgConnection, over: DateTime<Utc>) -> Result<(i64, i64), Failure> {
    let made = sqlx::query_scalar(include_str!("sql/months_to_make.sql"))
        .bind(MONTHS_AHEAD)
        .fetch_one(&mut *tx)
        .await
        .context("counting the months that are missing")?;
    let dropped = sqlx::query_scalar(include_str!("sql/months_to_drop.sql"))
        .bind(over)
        .fetch_one(tx)
        .await
        .context("counting the months that are empty")?;
    Ok((made, dropped))
}
