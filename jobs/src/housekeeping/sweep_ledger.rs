//! Removes jobs that ended long ago from the ledger.

use std::time::Duration;

use queue::{Attempted, Job, Queue, Unique, operations::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// Deletes what the ledger has kept for long enough: ended jobs with their attempts, effects and commands, batches, who had jobs deleted, and the results of old sweeps.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SweepLedger {
    /// Count what would go, and remove nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for SweepLedger {
    type Ports = Ports;
    const NAME: &'static str = "sweep_ledger";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |ctx: &Ctx, now| {
            vec![
                Part::Ended { state: State::Completed, before: now - ctx.retention.completed },
                Part::Ended { state: State::Cancelled, before: now - ctx.retention.cancelled },
                Part::Ended { state: State::Dead, before: now - ctx.retention.dead },
                Part::Rows { what: "batches", sql: include_str!("sql/batches.sql"), before: now - ctx.retention.dead },
                Part::Rows { what: "deletions", sql: include_str!("sql/deletions.sql"), before: now - ctx.retention.records },
                Part::Rows { what: "sweeps", sql: include_str!("sql/sweeps.sql"), before: now - ctx.retention.records },
            ]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
