//! Has the clocks of open tickets follow a change of what is promised.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, OrFailure, Queue, enqueue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{
    monitor_sla::MonitorSla,
    number::RuleChangeId,
    rule_change::{BATCH, RuleChange},
    rules,
    trouble::DeskError,
};
use crate::ports::{Ctx, Ports};

/// Goes through the live tickets that a change touches, in batches that are each a transaction with how far it is. Whoever dies, the next attempt goes on
/// from the last batch.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FollowRuleChange {
    /// Which change.
    pub change_id: RuleChangeId,
}

impl Job for FollowRuleChange {
    type Ports = Ports;
    const NAME: &'static str = "follow_rule_change";
    // Deadlines are told by the rules that are gone until it is done, or not at all for a while.
    const QUEUE: Queue = Queue::Critical;
    const TIMEOUT: Duration = Duration::from_secs(300);
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(30));

    async fn run(self, ctx: &Ctx) -> Attempted {
        loop {
            if ctx.cancelled().is_cancelled() {
                return Err(Failure::retry("stopped between two batches"));
            }
            let mut step = ctx.step().await?;
            // Tickets that are opened or changed meanwhile go on: the rules themselves stay as they are.
            rules::read(&mut step).await.context("reading the rules")?;
            let Some(change) = RuleChange::take(&mut step, self.change_id).await.context("looking up the change")? else {
                return Err(Failure::cancelled("it has been followed"));
            };
            let count = match change.batch(&mut step, BATCH).await {
                Ok(count) => count,
                Err(DeskError::Postgres(error)) => return Err(error).context("setting clocks by the new rules"),
                Err(error) => return Err(Failure::dead(format!("clocks cannot be set by the new rules: {error}"))),
            };
            step.commit().await?;
            ctx.progress((change.followed + count).unsigned_abs(), change.tickets.unsigned_abs(), "tickets");
            if count < BATCH {
                break;
            }
        }
        let mut effect = ctx.effect().await?;
        RuleChange::finish(&mut effect, self.change_id).await.context("noting that it is done")?;
        // What the monitor has left alone meanwhile is told now.
        enqueue(&mut effect, MonitorSla {}).await.context("promising a look at the deadlines")?;
        info!(job = %ctx.job_id(), change = self.change_id.0, "clocks follow the new rules");
        Ok(effect.into())
    }
}
