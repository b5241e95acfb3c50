//! Puts tickets away that have been over for years.

use std::time::Duration;

use queue::{Attempted, Job, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// Moves tickets that were closed long ago, with all that stands under them, into the tables of `archive`, where they are kept to be read.
/// `make_partitions` takes away the months that are empty then.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ArchiveTickets {
    /// Count what would go, and move nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for ArchiveTickets {
    type Ports = Ports;
    const NAME: &'static str = "archive_tickets";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |ctx: &Ctx, now| {
            vec![Part::Rows {
                what: "tickets",
                sql: include_str!("sql/archive_tickets.sql"),
                before: now - ctx.retention.tickets,
            }]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
