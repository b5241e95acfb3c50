//! Makes room for the months to come, and takes away those of which nothing is left.

use chrono::{DateTime, Utc};
use queue::{Attempted, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::ports::{Ctx, Ports};

/// So many months after the present one have their partitions: weeks of nights on which this could fail before a ticket would meet none.
const MONTHS_AHEAD: i32 = 3;

/// Whoever waits for a table waits for this job too, and so it waits for nobody for longer.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '2s'";

/// Makes the partitions of tables that are divided by month (desk.tickets) ahead of time; those that are there are left alone. Months that were over before
/// the age at which tickets are put away, and of which none is left, are taken away.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct MakePartitions {}

impl Job for MakePartitions {
    type Ports = Ports;
    const NAME: &'static str = "make_partitions";
    const QUEUE: Queue = Queue::Low;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut effect = ctx.effect().await?;
        let made: i32 = sqlx::query_scalar("select desk.make_partitions($1)")
            .bind(MONTHS_AHEAD)
            .fetch_one(&mut *effect)
            .await
            .context("making the partitions of tickets")?;
        sqlx::query(LOCK_TIMEOUT).execute(&mut *effect).await.context("bounding the wait")?;
        let over: DateTime<Utc> = ctx.now() - ctx.retention.tickets;
        let dropped: i32 = sqlx::query_scalar("select desk.drop_empty_months(least($1, now())::date)")
            .bind(over)
            .fetch_one(&mut *effect)
            .await
            .context("taking away months that are empty")?;
        info!(job = %ctx.job_id(), made, dropped, "the months to come have their partitions");
        Ok(effect.into())
    }
}
