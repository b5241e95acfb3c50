//! Removes the rows of letters that are long over, and reports about them that were read.

use std::time::Duration;

use chrono::TimeDelta;
use queue::{Attempted, Job, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sweep::{self, Part, sweep};
use crate::ports::{Ctx, Ports};

/// What a report told stands in mail.bounces.
const REPORTS_KEPT: TimeDelta = TimeDelta::days(90);

/// Deletes letters that are over, with their bounces, reports that were read, and what was said in a chat. A letter for which an address is suppressed stays, and so does one
/// that is still on its way. Suppressions are decisions and stay.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SweepLetters {
    /// Count what would go, and remove nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Job for SweepLetters {
    type Ports = Ports;
    const NAME: &'static str = "sweep_letters";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = sweep::TIMEOUT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end().by(&["dry_run"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let parts = |ctx: &Ctx, now| {
            vec![
                Part::Rows { what: "mail_reports", sql: include_str!("sql/mail_reports.sql"), before: now - REPORTS_KEPT },
                Part::Rows { what: "letters", sql: include_str!("sql/letters.sql"), before: now - ctx.retention.letters },
                Part::Rows {
                    what: "chat_notices",
                    sql: include_str!("sql/chat_notices.sql"),
                    before: now - ctx.retention.letters,
                },
                Part::Rows {
                    what: "operator_notices",
                    sql: include_str!("sql/operator_notices.sql"),
                    before: now - ctx.retention.letters,
                },
            ]
        };
        sweep(ctx, Self::NAME, self.dry_run, parts).await
    }
}
