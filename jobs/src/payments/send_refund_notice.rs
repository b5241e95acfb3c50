//! Tells a person by mail that money has gone back to them, or that it could not after all.

use std::time::Duration;

use queue::{Attempted, Backoff, Job, Limit, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ledger::is_in_suspense,
    refunds::{Refund, RefundId, RefundState},
    sale::Sale,
};
use crate::{
    accounts::user::User,
    mail::{
        Said, delivery,
        letters::{self, Leaves},
    },
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
    const BACKOFF: Backoff = delivery::BACKOFF;
    const LIMITS: &'static [Limit] = delivery::DEFAULT_LIMITS;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let refund =
            Refund::find(&ctx.db, self.refund_id.0).await.context("looking up the refund")?.or_dead("the refund is gone")?;
        let sale = Sale::find(&ctx.db, refund.sale_id).await.context("looking up the sale")?.or_dead("the sale is gone")?;
        let user = User::find(&ctx.db, sale.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let is_income = !is_in_suspense(&ctx.db, sale.id).await.context("asking whether the payment was income")?;
        let amount = refund.amount();
        let (number, course) = (sale.id.to_string(), sale.description.clone());
        let amount = Said::new(move |locale| amount.to_text(locale));
        let orders = ctx.links.purchases(user.locale);
        // It may have failed since it was done: then that is the news.
        if refund.state == RefundState::Failed {
            let letter = letters::RefundFailed { number, course, amount, orders };
            return delivery::send(ctx, format!("refund_failed:{}", refund.id), &user, &letter).await;
        }
        let letter = letters::Refund {
            number,
            course,
            amount,
            leaves: leaves(&refund, is_income),
            paid_with: sale.provider.brand().to_owned(),
            refunded_at: refund.settled_at.unwrap_or(refund.created_at),
            orders,
        };
        delivery::send(ctx, format!("refund:{}", refund.id), &user, &letter).await
    }
}

/// What the refund left when it was booked, whatever has become of the sale since.
fn leaves(refund: &Refund, is_income: bool) -> Leaves {
    match (refund.is_whole.zip(refund.left_open), is_income) {
        (None, _) => Leaves::Unknown,
        (Some((_, true)), false) => Leaves::Extra,
        (Some((_, false)), false) => Leaves::NeverOpened,
        (Some((true, true)), true) => Leaves::Elsewhere,
        (Some((true, false)), true) => Leaves::Closed,
        (Some((false, true)), true) => Leaves::Part,
        (Some((false, false)), true) => Leaves::PartOnly,
    }
}
