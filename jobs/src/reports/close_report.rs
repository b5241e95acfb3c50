//! Says of a report whose job is over without a file that there will be none.

use std::time::Duration;

use queue::{Attempted, End, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{report::ReportId, upload::discard};
use crate::ports::{Ctx, Ports};

/// Follows `build_report`, however that ended: nobody waits for what nobody makes. Where there is a file, there is nothing to do.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CloseReport {
    /// Which report.
    pub report_id: ReportId,
}

impl Job for CloseReport {
    type Ports = Ports;
    const NAME: &'static str = "close_report";
    const QUEUE: Queue = Queue::Default;
    const TIMEOUT: Duration = Duration::from_secs(60);

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut step = ctx.step().await?;
        let closed = sqlx::query(include_str!("sql/close_report.sql"))
            .bind(self.report_id)
            .execute(&mut *step)
            .await
            .context("closing the report")?;
        step.commit().await?;
        if closed.rows_affected() > 0 {
            discard(ctx, self.report_id).await;
        }
        Ok(End::Done)
    }
}
