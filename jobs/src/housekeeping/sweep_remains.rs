//! Removes what jobs that nobody knows any more have left.

use std::time::Duration;

use queue::{Attempted, Job, Queue, Remains, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// Deletes effects and attempts of jobs that are neither promised nor live nor in the ledger: of direct pushes that Redis lost, or whose success
/// went unrecorded. It looks at every job there is, and so once a week is enough.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SweepRemains {
    /// Count what would go, and remove nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for SweepRemains {
    type Ports = Ports;
    const NAME: &'static str = "sweep_remains";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |ctx: &Ctx, now| {
            // As long as anything like it is kept.
            let kept = ctx.retention.completed.max(ctx.retention.cancelled).max(ctx.retention.dead);
            let before = now - kept;
            vec![Part::Remains { of: Remains::Effects, before }, Part::Remains { of: Remains::Attempts, before }]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
