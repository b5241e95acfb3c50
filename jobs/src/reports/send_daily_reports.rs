//! Has the daily reports made of those managers whose morning has come.

use std::time::Duration;

use queue::{Attempted, Backoff, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::daily::promise;
use crate::ports::{Ctx, Ports};

/// Promises a report to each manager at nine by their own clock. Looked at every quarter of an hour, because there are zones of a quarter.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SendDailyReports {}

impl Job for SendDailyReports {
    type Ports = Ports;
    const NAME: &'static str = "send_daily_reports";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = Duration::from_secs(60);
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(5), Duration::from_secs(120));
    // The next look finds the same mornings.
    const RETRY_FOR: Option<Duration> = Some(Duration::from_secs(900));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut effect = ctx.effect().await?;
        // Mornings are Postgres's: workers may disagree about the time.
        let now = sqlx::query_scalar("select now()").fetch_one(&mut *effect).await.context("asking what time it is")?;
        let promised = promise(&mut effect, now).await.context("promising daily reports")?;
        if !promised.is_empty() {
            info!(job = %ctx.job_id(), reports = promised.len(), "daily reports are promised");
        }
        Ok(effect.into())
    }
}
