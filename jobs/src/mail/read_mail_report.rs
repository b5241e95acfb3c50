//! Reads what a mail server or a provider has reported, and draws the conclusion for the letter's address.

use queue::{Attempted, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;
use uuid::Uuid;

use super::{
    bounce::{self, Bounce, Kind},
    report::{self, Finding, Source},
};
use crate::ports::{Ctx, Ports};

/// Reads one report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReadMailReport {
    /// Its row.
    pub report_id: Uuid,
}

#[derive(sqlx::FromRow)]
struct Kept {
    source: Source,
    body: Vec<u8>,
}

impl Job for ReadMailReport {
    type Ports = Ports;
    const NAME: &'static str = "read_mail_report";
    const QUEUE: Queue = Queue::Default;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let kept: Option<Kept> = sqlx::query_as("select source, body from mail.reports where id = $1")
            .bind(self.report_id)
            .fetch_optional(&ctx.db)
            .await
            .context("looking up the report")?;
        let Kept { source, body } = kept.or_dead("the report is gone")?;
        let finding = report::read(source, &body, &ctx.links);

        let mut effect = ctx.effect().await?;
        let mut found = 0;
        if let Some(Finding { message_id, kind, status, detail }) = &finding
            && let Some(address) = report::address_of(&mut effect, *message_id).await.context("looking up the letter")?
        {
            let (report_id, status) = (Some(self.report_id), status.as_deref());
            let bounce = Bounce { message_id: *message_id, report_id, address: &address, kind: *kind, status, detail };
            bounce::record(&mut effect, &bounce).await.context("noting what became of the letter")?;
            found = 1;
        }
        sqlx::query(include_str!("sql/close_report.sql"))
            .bind(self.report_id)
            .bind(found)
            .execute(&mut *effect)
            .await
            .context("noting that the report was read")?;
        let outcome = match (&finding, found) {
            (Some(Finding { kind: Kind::Soft, .. }), 1) => "soft",
            (Some(Finding { kind: Kind::Hard, .. }), 1) => "hard",
            (Some(Finding { kind: Kind::Complaint, .. }), 1) => "complaint",
            _ => "nothing",
        };
        metrics::counter!("faena_mail_reports_total", "outcome" => outcome).increment(1);
        info!(report = %self.report_id, outcome, "a report was read");
        Ok(effect.into())
    }
}
