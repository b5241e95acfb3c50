//! Removes API tokens that let nobody in any more, and answers that nobody may ask for again.

use std::time::Duration;

use chrono::TimeDelta;
use queue::{Attempted, Job, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// An answer under an idempotency key is good for so long.
const ANSWERS_GOOD_FOR: TimeDelta = TimeDelta::hours(24);

/// Deletes API tokens that expired or were revoked long ago, and answers under idempotency keys that are over. Links to verify an address or to
/// choose another password are signed and stand nowhere.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SweepTokens {
    /// Count what would go, and remove nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for SweepTokens {
    type Ports = Ports;
    const NAME: &'static str = "sweep_tokens";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |ctx: &Ctx, now| {
            vec![
                Part::Rows { what: "api_answers", sql: include_str!("sql/api_answers.sql"), before: now - ANSWERS_GOOD_FOR },
                Part::Rows { what: "api_tokens", sql: include_str!("sql/api_tokens.sql"), before: now - ctx.retention.tokens },
            ]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
