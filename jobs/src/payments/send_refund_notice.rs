//! Tells a person by mail that money has gone back to them.

use std::time::Duration;

use queue::{Attempted, Backoff, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    refunds::{Refund, RefundId},
    sale::{Sale, SaleState},
};
use crate::{
    accounts::user::User,
    mail::{Said, delivery, letters},
    ports::{Ctx, Ports},
};

/// Sends the letter about a refund.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SendRefundNotice {
    /// About which refund.
    pub refund_id: RefundId,
}

impl Job for SendRefundNotice {
    type Ports = Ports;
    const NAME: &'static str = "send_refund_notice";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: u32 = delivery::MAX_ATTEMPTS;
    const TIMEOUT: Duration = delivery::TIMEOUT;
    const BACKOFF: Backoff = Backoff::between(Duration::from_secs(5), Duration::from_secs(600)).at_least(Duration::from_secs(1));

    async fn run(self, ctx: &Ctx) -> Attempted {
        let refund =
            Refund::find(&ctx.db, self.refund_id.0).await.context("looking up the refund")?.or_dead("the refund is gone")?;
        let sale = Sale::find(&ctx.db, refund.sale_id).await.context("looking up the sale")?.or_dead("the sale is gone")?;
        let user = User::find(&ctx.db, sale.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let amount = refund.amount();
        let letter = letters::Refund {
            number: sale.id.to_string(),
            course: sale.description.clone(),
            amount: Said::new(move |locale| amount.to_text(locale)),
            is_whole: sale.state == SaleState::Refunded,
            paid_with: sale.provider.brand().to_owned(),
            refunded_at: refund.settled_at.unwrap_or(refund.created_at),
            orders: ctx.links.purchases(user.locale),
        };
        delivery::send(ctx, format!("refund:{}", refund.id), &user, &letter).await
    }
}
