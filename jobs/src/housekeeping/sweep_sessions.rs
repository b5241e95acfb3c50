//! Removes sessions that have expired.

use queue::{Attempted, Backoff, End, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tracing::info;

use crate::ports::{Ctx, Ports};

/// A step deletes at most this many rows, so that it holds no lock for long.
const STEP: i64 = 5000;

/// Deletes expired rows of core.sessions. The cache in front of them forgets by itself.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SweepSessions {}

impl Job for SweepSessions {
    type Ports = Ports;
    const NAME: &'static str = "sweep_sessions";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = Duration::from_secs(600);
    const BACKOFF: Backoff = Backoff::DEFAULT;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut swept = 0;
        loop {
            let step = sqlx::query(
                "delete from core.sessions where id_hash in
                 (select id_hash from core.sessions where expires_at < now() order by expires_at limit $1 for update skip locked)",
            )
            .bind(STEP)
            .execute(&ctx.db)
            .await
            .context("deleting expired sessions")?
            .rows_affected();
            swept += step;
            if step < STEP.unsigned_abs() || ctx.cancelled().is_cancelled() {
                break;
            }
        }
        info!(swept, "expired sessions were deleted");
        Ok(End::Done)
    }
}
