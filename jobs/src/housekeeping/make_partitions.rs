//! Makes room for the months to come.

use queue::{Attempted, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::ports::{Ctx, Ports};

/// So many months after the present one have their partitions: weeks of nights on which this could fail before a ticket would meet none.
const MONTHS_AHEAD: i32 = 3;

/// Makes the partitions of tables that are divided by month (desk.tickets) ahead of time. Those that are there are left alone.
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
        info!(job = %ctx.job_id(), made, "the months to come have their partitions");
        Ok(effect.into())
    }
}
