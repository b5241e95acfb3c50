//! Removes sessions that have expired.

use std::time::Duration;

use queue::{Attempted, Job, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// Deletes expired rows of core.sessions. The cache in front of them forgets by itself.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SweepSessions {
    /// Count what would go, and remove nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for SweepSessions {
    type Ports = Ports;
    const NAME: &'static str = "sweep_sessions";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |_: &Ctx, now| vec![Part::Rows { what: "sessions", sql: include_str!("sql/sessions.sql"), before: now }];
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
