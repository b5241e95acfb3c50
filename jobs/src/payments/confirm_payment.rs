//! Finds out what has become of a sale, and carries it out.

use std::time::Duration;

use queue::{Attempted, Backoff, Job, Limit, OrFailure, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{
    apply::apply,
    checkout::{self, ensure, failure, provider_of},
    sale::{Sale, SaleId},
};
use crate::ports::{Ctx, Ports};

/// Asks the provider about the sale, and writes state, ledger, enrolment and receipt in one transaction.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmPayment {
    /// Which sale.
    pub sale_id: SaleId,
}

impl Job for ConfirmPayment {
    type Ports = Ports;
    const NAME: &'static str = "confirm_payment";
    /// A person waits for their course.
    const QUEUE: Queue = Queue::Critical;
    const MAX_ATTEMPTS: u32 = checkout::MAX_ATTEMPTS;
    const TIMEOUT: Duration = checkout::TIMEOUT;
    const BACKOFF: Backoff = checkout::BACKOFF;
    /// One at a time for a sale, and of those that wait one is enough: it asks after all of them have come.
    const LIMITS: &'static [Limit] = &[Limit::at_once("sale", 1).by("sale_id")];
    const UNIQUE: Option<Unique> = Some(Unique::until_start().by(&["sale_id"]));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let sale = Sale::find(&ctx.db, self.sale_id).await.context("looking up the sale")?.or_dead("the sale is gone")?;
        let provider = provider_of(ctx, &sale)?;
        // What was written down before the provider is asked is answered by what it says.
        let events: Vec<(String,)> =
            sqlx::query_as("select event_id from school.payment_events where sale_id = $1 and processed_at is null")
                .bind(sale.id)
                .fetch_all(&ctx.db)
                .await
                .context("looking up what was told about the sale")?;
        let checkout_ref = match ensure(ctx, &sale, provider).await? {
            Ok(checkout_ref) => checkout_ref,
            Err(trouble) => return Err(failure(ctx, sale.provider, trouble).await),
        };
        let seen = match provider.look(&checkout_ref).await {
            Ok(seen) => seen,
            Err(trouble) => return Err(failure(ctx, sale.provider, trouble).await),
        };
        let mut effect = ctx.effect().await?;
        let state = apply(&mut effect, sale.id, &seen, ctx.now()).await.context("writing what has become of the sale")?;
        sqlx::query(
            "update school.payment_events set outcome = 'applied', processed_at = clock_timestamp()
             where provider = $1 and event_id = any($2) and processed_at is null",
        )
        .bind(sale.provider)
        .bind(events.into_iter().map(|(id,)| id).collect::<Vec<_>>())
        .execute(&mut *effect)
        .await
        .context("noting that the messages were looked into")?;
        metrics::counter!("faena_payments_total", "provider" => sale.provider.as_str(), "state" => state.as_str()).increment(1);
        info!(job = %ctx.job_id(), sale = %sale.id, state = state.as_str(), "what has become of a sale");
        Ok(effect.into())
    }
}
