//! Removes the files of reports that have expired, and what attempts that died have left in the store.

use std::time::Duration;

use chrono::TimeDelta;
use queue::{Attempted, Job, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// No attempt at a report takes as long, and so nobody sends any more what was begun before.
const UPLOADS_LIVE: TimeDelta = TimeDelta::days(1);
/// How long it is known that there was a report.
const REPORTS_KEPT: TimeDelta = TimeDelta::days(90);

/// Removes files whose time is over, so that their reports are `expired`; uploads and files that no report ever got; and, much later, the rows of
/// reports of which there is no file.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SweepReports {
    /// Count what would go, and remove nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for SweepReports {
    type Ports = Ports;
    const NAME: &'static str = "sweep_reports";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |_: &Ctx, now| {
            vec![
                Part::Files {
                    what: "report_files",
                    find: include_str!("sql/expired_reports.sql"),
                    gone: "update core.reports set state = 'expired' where object_key = any($1) and state = 'ready' and expires_at < $2",
                    before: now,
                },
                Part::Files {
                    what: "report_uploads",
                    find: include_str!("sql/report_uploads.sql"),
                    gone: "delete from core.report_uploads where object_key = any($1) and began_at < $2",
                    before: now - UPLOADS_LIVE,
                },
                Part::Rows { what: "reports", sql: include_str!("sql/reports.sql"), before: now - REPORTS_KEPT },
            ]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
