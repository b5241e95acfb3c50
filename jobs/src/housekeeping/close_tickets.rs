//! Closes tickets that have been solved for some time and that nobody has opened again.

use std::time::Duration;

use chrono::TimeDelta;
use queue::{Attempted, Job, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// A client has so long to say that a ticket is not solved: two weeks, so that a holiday of one does not decide it. The ticket's page and README.md say it.
pub const CLOSED_AFTER: TimeDelta = TimeDelta::days(14);

/// Closes tickets that were resolved more than [`CLOSED_AFTER`] ago. One that was opened again is not resolved, and stays. What the client writes afterwards opens
/// it again, with promises of its own. Who is at a ticket meanwhile is not waited for: it is closed on another night.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct CloseTickets {
    /// Count what would be closed, and close nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for CloseTickets {
    type Ports = Ports;
    const NAME: &'static str = "close_tickets";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |_: &Ctx, now| {
            vec![Part::Rows { what: "tickets", sql: include_str!("sql/close_tickets.sql"), before: now - CLOSED_AFTER }]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
