//! Asks about sales that wait for longer than a payment takes: a message may have been lost, or the person may have left.

use std::time::Duration;

use queue::{Attempted, Backoff, Job, OrFailure, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{
    apply,
    confirm_payment::ConfirmPayment,
    sale::{Provider, SaleId},
};
use crate::ports::{Ctx, Ports};

/// So many at a time; the next hour has the others.
const MOST: i64 = 1000;

/// Has every sale that has waited for more than a quarter of an hour looked at, and ends those that nobody can pay any more.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CheckPendingPayments {}

#[derive(Debug, sqlx::FromRow)]
struct Waiting {
    id: SaleId,
    provider: Provider,
    /// Whether the provider has made a page for it, as far as we know.
    has_page: bool,
    is_over: bool,
}

impl Job for CheckPendingPayments {
    type Ports = Ports;
    const NAME: &'static str = "check_pending_payments";
    const QUEUE: Queue = Queue::Default;
    const TIMEOUT: Duration = Duration::from_secs(120);
    const BACKOFF: Backoff = Backoff::DEFAULT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end());

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut effect = ctx.effect().await?;
        let waiting: Vec<Waiting> = sqlx::query_as(
            // A bank's payment is on its way for days: whoever was asked about before waits until the others were.
            "update school.sales set asked_at = $2
             where id in (
                 select id from school.sales
                 where state = 'pending' and created_at < $2 - interval '15 minutes'
                 order by coalesce(asked_at, created_at) limit $1 for no key update skip locked)
             returning id, provider, checkout_ref is not null as has_page, expires_at < $2 as is_over",
        )
        .bind(MOST)
        .bind(ctx.now())
        .fetch_all(&mut *effect)
        .await
        .context("looking for sales that wait")?;
        for sale in &waiting {
            if sale.has_page && ctx.payments.with(sale.provider).is_some() {
                queue::enqueue(&mut effect, ConfirmPayment { sale_id: sale.id }).await.context("promising to look at a sale")?;
            } else if sale.is_over {
                // Nobody has an address where it could be paid.
                apply::expire(&mut effect, sale.id).await.context("ending a sale")?;
            }
        }
        // Their sender has given up by then, and nobody could say who it was.
        sqlx::query("delete from school.unverified_messages where received_at < $1 - interval '3 days'")
            .bind(ctx.now())
            .execute(&mut *effect)
            .await
            .context("throwing away messages that nobody could judge")?;
        info!(job = %ctx.job_id(), waiting = waiting.len(), "sales that wait for their payment");
        Ok(effect.into())
    }
}
