//! Compares the statistics of sales with the ledger that they are made of.

use std::time::Duration;

use chrono::NaiveDate;
use queue::{Attempted, Backoff, Job, OrFailure, Queue, clear_notice, post_notice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use super::{LOCK, refresh_sales_statistics::RefreshSalesStatistics};
use crate::ports::{Ctx, Ports};

/// The key of the notice about statistics that differ from the ledger.
const NOTICE: &str = "sales_statistics";

/// Works every day out from the ledger and holds it against what was rolled up, to the cent. Days that differ are told to operators, and rolled up
/// again.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CompareSalesStatistics {}

impl Job for CompareSalesStatistics {
    type Ports = Ports;
    const NAME: &'static str = "compare_sales_statistics";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = Duration::from_secs(1800);
    const BACKOFF: Backoff = Backoff::DEFAULT;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut effect = ctx.effect().await?;
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *effect)
            .await
            .context("waiting for a refresh")?;
        // All movements there ever were take longer than a statement may take elsewhere; the attempt's own limit stands.
        sqlx::raw_sql("set local statement_timeout = 0").execute(&mut *effect).await.context("asking for time")?;
        let differing: Vec<NaiveDate> = sqlx::query_scalar(include_str!("sql/differing_days.sql"))
            .fetch_all(&mut *effect)
            .await
            .context("comparing the statistics with the ledger")?;
        sqlx::query("update school.sales_statistics set compared_at = clock_timestamp(), differing_days = $1")
            .bind(i32::try_from(differing.len()).unwrap_or(i32::MAX))
            .execute(&mut *effect)
            .await
            .context("noting the comparison")?;
        let (Some(first), Some(last)) = (differing.first(), differing.last()) else {
            clear_notice(&mut *effect, NOTICE).await.context("clearing the notice")?;
            info!(job = %ctx.job_id(), "the statistics of sales agree with the ledger");
            return Ok(effect.into());
        };
        error!(job = %ctx.job_id(), days = differing.len(), %first, %last, "the statistics of sales differ from the ledger");
        let count = differing.len();
        let told = format!(
            "Las estadísticas de ventas no coincidían con el libro en {count} días, del {first} al {last}; se están calculando de nuevo. / The statistics of \
             sales differed from the ledger on {count} days, from {first} to {last}; they are being worked out again."
        );
        post_notice(&mut *effect, NOTICE, &told).await.context("telling operators")?;
        sqlx::query("insert into school.sales_changes (day) select unnest($1::date[])")
            .bind(&differing)
            .execute(&mut *effect)
            .await
            .context("having the days rolled up again")?;
        queue::enqueue(&mut effect, RefreshSalesStatistics {}).await.context("promising a refresh")?;
        Ok(effect.into())
    }
}
