//! Removes old messages of payment providers.

use std::time::Duration;

use queue::{Attempted, Job, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// Deletes old messages that were about no sale of ours, and empties those that were: that each came, about what and when, stays with the sale, and so
/// do the books. What has not been dealt with stays as it is.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SweepPaymentMessages {
    /// Count what would go, and remove nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for SweepPaymentMessages {
    type Ports = Ports;
    const NAME: &'static str = "sweep_payment_messages";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |ctx: &Ctx, now| {
            let before = now - ctx.retention.payment_messages;
            vec![
                Part::Rows { what: "messages_removed", sql: include_str!("sql/ignored_messages.sql"), before },
                Part::Rows { what: "messages_emptied", sql: include_str!("sql/applied_messages.sql"), before },
            ]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
