//! Rolls up the days that movements have come for, and refreshes what administrators look at.

use std::time::{Duration, Instant};

use chrono::{NaiveDate, TimeDelta};
use queue::{Attempted, Backoff, Failure, Job, OrFailure, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::LOCK;
use crate::ports::{Ctx, Ports};

/// While somebody else is at the statistics, this waits.
const BUSY: TimeDelta = TimeDelta::seconds(5);

/// Brings `school.sales_daily` and `school.estadisticas_ventas` up to date.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RefreshSalesStatistics {}

impl Job for RefreshSalesStatistics {
    type Ports = Ports;
    const NAME: &'static str = "refresh_sales_statistics";
    const QUEUE: Queue = Queue::Low;
    // Every day of a school with millions of sales takes minutes, the first time and by another clock.
    const TIMEOUT: Duration = Duration::from_secs(1800);
    const BACKOFF: Backoff = Backoff::DEFAULT;
    const UNIQUE: Option<Unique> = Some(Unique::until_start());

    async fn run(self, ctx: &Ctx) -> Attempted {
        let refreshed = refresh(ctx).await;
        if let Err(Failure::Retry { error, .. }) = &refreshed {
            // Whoever looks at old figures is told why they are old.
            let note = sqlx::query("update school.sales_statistics set failed_at = clock_timestamp(), failure = left($1, 500)")
                .bind(error);
            if let Err(unsaid) = note.execute(&ctx.db).await {
                warn!(%unsaid, "nobody could be told that the statistics are old");
            }
        }
        refreshed
    }
}

async fn refresh(ctx: &Ctx) -> Attempted {
    let began = Instant::now();
    let mut effect = ctx.effect().await?;
    let is_ours: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut *effect)
        .await
        .context("asking whether another refresh is at work")?;
    if !is_ours {
        return Err(Failure::throttled(ctx.now() + BUSY, "the statistics are being refreshed or compared"));
    }
    // Compiling the statement of a day takes Postgres longer than running it.
    sqlx::raw_sql("set local jit = off").execute(&mut *effect).await.context("telling Postgres how to work")?;
    let days: Vec<NaiveDate> = sqlx::query_scalar(include_str!("sql/take_changed_days.sql"))
        .fetch_all(&mut *effect)
        .await
        .context("looking for days with movements")?;
    for day in &days {
        sqlx::query(include_str!("sql/roll_up_day.sql")).bind(day).execute(&mut *effect).await.context("rolling up a day")?;
    }
    // Those who read it meanwhile are not held up, and see the old figures until the commit.
    sqlx::query("refresh materialized view concurrently school.estadisticas_ventas")
        .execute(&mut *effect)
        .await
        .context("refreshing the statistics of sales")?;
    let duration_ms = i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX);
    // The transaction's own time: what committed later is left for the next refresh.
    sqlx::query(
        "update school.sales_statistics set complete_to = now(), duration_ms = $1, days = $2, failed_at = null, failure = null",
    )
    .bind(duration_ms)
    .bind(i32::try_from(days.len()).unwrap_or(i32::MAX))
    .execute(&mut *effect)
    .await
    .context("noting how fresh they are")?;
    info!(job = %ctx.job_id(), days = days.len(), duration_ms, "the statistics of sales are fresh");
    Ok(effect.into())
}
