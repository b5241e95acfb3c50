//! Removes files of the store that no row claims.

use std::time::Duration;

use chrono::TimeDelta;
use queue::{Attempted, Job, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// For so long a file that no row claims stays: until then somebody may notice that rows are missing, and bring them back.
const GRACE: TimeDelta = TimeDelta::days(7);

/// Goes through the store's files of certificates and reports, notes those that no row claims, and removes those that it noted a week ago and that are
/// claimed by none still. A file that a row claims, or may claim yet, is never removed; nor is one that is not named as ours are.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SweepFiles {
    /// Count what would go, and note and remove nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for SweepFiles {
    type Ports = Ports;
    const NAME: &'static str = "sweep_files";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |_: &Ctx, now| {
            let before = now - GRACE;
            vec![
                Part::Unclaimed {
                    what: "certificate_files",
                    prefix: "certificates/",
                    unclaimed: include_str!("sql/unclaimed_certificates.sql"),
                    before,
                },
                Part::Unclaimed {
                    what: "report_files",
                    prefix: "reports/",
                    unclaimed: include_str!("sql/unclaimed_reports.sql"),
                    before,
                },
            ]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
