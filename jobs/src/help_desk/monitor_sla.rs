//! Looks after the deadlines of the help desk, and has the desk hear of what clients have opened.

use std::time::Duration;

use queue::{Attempted, Backoff, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{
    advance::{MOST, advance},
    say_alerts::say_alerts,
    say_tickets::say_tickets,
};
use crate::ports::{Ctx, Ports};

/// Tells what the clocks of tickets have come to: warned about, breached, escalated. Any number of them may run at once: what one is at, the others
/// leave alone.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct MonitorSla {}

impl Job for MonitorSla {
    type Ports = Ports;
    const NAME: &'static str = "monitor_sla";
    const QUEUE: Queue = Queue::Critical;
    const TIMEOUT: Duration = Duration::from_secs(60);
    // The next look is five minutes away: this one is soon tried again, and not for longer than that.
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(30));
    const RETRY_FOR: Option<Duration> = Some(Duration::from_secs(300));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut effect = ctx.effect().await?;
        // Deadlines are Postgres's time: workers may disagree about theirs.
        let now = sqlx::query_scalar("select now()").fetch_one(&mut *effect).await.context("asking what time it is")?;
        let advanced = advance(&mut effect, now).await.context("advancing the clocks of tickets")?;
        say_alerts(&mut effect, ctx, now).await.context("saying alerts in the chat")?;
        say_tickets(&mut effect, ctx, now).await.context("saying new tickets in the chat")?;
        sqlx::query("select desk.count_changes_up()").execute(&mut *effect).await.context("counting up what has changed")?;
        if advanced.clocks == MOST {
            // A transaction does not grow with what an outage left behind.
            queue::enqueue(&mut effect, Self {}).await.context("promising to go on")?;
        }
        metrics::counter!("faena_sla_alerts_total").increment(advanced.alerts.unsigned_abs());
        for late_s in &advanced.late_s {
            metrics::histogram!("faena_sla_alert_lateness_seconds").record(*late_s);
        }
        let super::advance::Advanced { clocks, alerts, letters, .. } = advanced;
        info!(job = %ctx.job_id(), clocks, alerts, letters, "the deadlines were looked after");
        Ok(effect.into())
    }
}
