//! Has the provider give money back.

use std::time::Duration;

use chrono::TimeDelta;
use queue::{Attempted, Backoff, Failure, Job, OrFailure, Queue, post_notice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    apply::lock_refund,
    checkout::{self, failure, let_in, provider_of},
    confirm_payment::{ConfirmPayment, known},
    notice,
    refunds::{Refund, RefundId, RefundState},
    sale::Sale,
};
use crate::ports::{
    Ctx, Ports,
    payments::{PaymentProvider, RefundOrder, SeenRefund, Trouble},
};

/// Stripe forgets keys after a day at the earliest (<https://docs.stripe.com/api/idempotent_requests>), PayPal after 45
/// (<https://developer.paypal.com/docs/api/payments/v2/#captures_refund>). Four hours are for clocks that differ.
const KEYS_ARE_REMEMBERED_FOR: TimeDelta = TimeDelta::hours(20);

/// Asks for a refund under its own key, as often as it takes; what has become of it is then asked as for any sale. One that was wanted so long ago
/// that the key may be forgotten is first looked for: an earlier attempt may have been heard, and its answer lost.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RefundSale {
    /// Which refund.
    pub refund_id: RefundId,
}

impl Job for RefundSale {
    type Ports = Ports;
    const NAME: &'static str = "refund_sale";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = checkout::MAX_ATTEMPTS;
    const TIMEOUT: Duration = checkout::TIMEOUT;
    const BACKOFF: Backoff = checkout::BACKOFF;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let refund =
            Refund::find(&ctx.db, self.refund_id.0).await.context("looking up the refund")?.or_dead("the refund is gone")?;
        if refund.state != RefundState::Requested {
            return Err(Failure::cancelled("the provider has answered it before"));
        }
        let sale = Sale::find(&ctx.db, refund.sale_id).await.context("looking up the sale")?.or_dead("the sale is gone")?;
        let provider = provider_of(ctx, &sale)?;
        let payment_ref = sale.payment_ref.clone().or_dead("nobody knows which payment the money came with")?;
        if ctx.now() - refund.created_at > KEYS_ARE_REMEMBERED_FOR
            && let Some(made) = made_before(ctx, &sale, provider, &refund).await?
        {
            return write(ctx, &refund, Ok(made)).await;
        }
        let order = RefundOrder { id: refund.id, sale: sale.id, payment_ref, amount: refund.amount() };
        match provider.refund(&order).await {
            Ok(seen) => write(ctx, &refund, Ok(seen)).await,
            Err(Trouble::Refused { words }) => write(ctx, &refund, Err(words)).await,
            Err(Trouble::Missing) => write(ctx, &refund, Err("there is no such payment".to_owned())).await,
            Err(trouble) => Err(failure(ctx, sale.provider, trouble).await),
        }
    }
}

/// The refund that an earlier attempt has had the provider make, if it has: it bears our id.
async fn made_before(
    ctx: &Ctx,
    sale: &Sale,
    provider: &dyn PaymentProvider,
    refund: &Refund,
) -> Result<Option<SeenRefund>, Failure> {
    let checkout_ref =
        sale.checkout_ref.clone().or_dead("nobody knows at which page the money came, so nobody can see whether it went back")?;
    match provider.look(&known(ctx, sale, checkout_ref).await?).await {
        Ok(seen) => Ok(seen.refunds.into_iter().find(|made| made.id == Some(refund.id))),
        // Of what it does not know it has given nothing back, and says so when it is asked to.
        Err(Trouble::Missing) => Ok(None),
        Err(trouble) => Err(failure(ctx, sale.provider, trouble).await),
    }
}

/// Writes the provider's answer, and has somebody ask what it has come to.
async fn write(ctx: &Ctx, refund: &Refund, answer: Result<SeenRefund, String>) -> Attempted {
    let mut effect = ctx.effect().await?;
    let (sale, refund) = lock_refund(&mut effect, refund.id).await.context("looking up the refund again")?;
    // Also who refuses has let us in.
    let_in(&mut *effect, sale.provider).await?;
    // Somebody who asked about the sale meanwhile may have seen more of it than this answer says.
    if refund.state == RefundState::Requested {
        let sql = match &answer {
            Ok(_) => "update school.refunds set state = 'pending', provider_ref = $2 where id = $1",
            Err(_) => {
                "update school.refunds set state = 'failed', failure = left($2, 500), settled_at = clock_timestamp() where id = $1"
            }
        };
        let word = answer.as_ref().map_or_else(Clone::clone, |seen| seen.refund_ref.clone());
        sqlx::query(sql).bind(refund.id).bind(word).execute(&mut *effect).await.context("writing the provider's answer")?;
        if let Err(words) = &answer {
            let told = post_notice(&mut *effect, &notice::refund_key(sale.id), &notice::refund(sale.id, words)).await;
            told.context("telling the operator")?;
        }
    }
    queue::enqueue(&mut effect, ConfirmPayment { sale_id: sale.id }).await.context("promising to look at the sale")?;
    Ok(effect.into())
}
