//! Finds the sale of a message that names a payment only: a refund or a dispute may be told before we know what the payment is for.

use std::time::Duration;

use queue::{Attempted, Backoff, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    checkout::{self, failure, let_in},
    confirm_payment::ConfirmPayment,
    sale::{Provider, SaleId},
};
use crate::ports::{Ctx, Ports, payments::Trouble};

/// Asks the provider what the payment of a message is for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TracePayment {
    /// Who sent the message.
    pub provider: Provider,
    /// Its name for the message.
    pub event_id: String,
}

impl Job for TracePayment {
    type Ports = Ports;
    const NAME: &'static str = "trace_payment";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = checkout::MAX_ATTEMPTS;
    const TIMEOUT: Duration = checkout::TIMEOUT;
    const BACKOFF: Backoff = checkout::BACKOFF;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let payment: Option<(Option<String>,)> =
            sqlx::query_as("select payment_ref from school.payment_events where (provider, event_id) = ($1, $2)")
                .bind(self.provider)
                .bind(&self.event_id)
                .fetch_optional(&ctx.db)
                .await
                .context("looking up the message")?;
        let payment = payment.and_then(|(payment,)| payment).or_dead("the message names no payment")?;
        let provider =
            ctx.payments.with(self.provider).or_dead("this worker has no account with that provider: see its settings")?;
        let named = match provider.trace(&payment).await {
            Ok(named) => named,
            // Somebody else's payment under the same account, or one that was never ours.
            Err(Trouble::Missing) => None,
            Err(trouble) => return Err(failure(ctx, self.provider, trouble).await),
        };
        let mut effect = ctx.effect().await?;
        let_in(&mut *effect, self.provider).await?;
        let sale: Option<SaleId> = sqlx::query_scalar("select id from school.sales where (id, provider) = ($1, $2)")
            .bind(named)
            .bind(self.provider)
            .fetch_optional(&mut *effect)
            .await
            .context("looking up the sale")?;
        sqlx::query(
            "update school.payment_events
             set sale_id = $3, outcome = case when $3 is null then 'ignored' end, processed_at = case when $3 is null then clock_timestamp() end
             where (provider, event_id) = ($1, $2) and processed_at is null",
        )
        .bind(self.provider)
        .bind(&self.event_id)
        .bind(sale)
        .execute(&mut *effect)
        .await
        .context("noting what the message is about")?;
        if let Some(sale_id) = sale {
            queue::enqueue(&mut effect, ConfirmPayment { sale_id }).await.context("promising to look at the sale")?;
        }
        Ok(effect.into())
    }
}
