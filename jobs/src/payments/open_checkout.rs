//! Has the provider make the page where a sale is paid.

use std::time::Duration;

use queue::{Attempted, Backoff, End, Failure, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    apply,
    checkout::{self, ensure, failure, provider_of},
    sale::{Sale, SaleId, SaleState},
};
use crate::ports::{Ctx, Ports, payments::Trouble};

/// Makes the page and writes its address down.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OpenCheckout {
    /// For which sale.
    pub sale_id: SaleId,
}

impl Job for OpenCheckout {
    type Ports = Ports;
    const NAME: &'static str = "open_checkout";
    /// A person waits to pay.
    const QUEUE: Queue = Queue::Critical;
    const MAX_ATTEMPTS: u32 = checkout::MAX_ATTEMPTS;
    const TIMEOUT: Duration = checkout::TIMEOUT;
    const BACKOFF: Backoff = checkout::BACKOFF;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let sale = Sale::find(&ctx.db, self.sale_id).await.context("looking up the sale")?.or_dead("the sale is gone")?;
        if sale.state != SaleState::Pending {
            return Err(Failure::cancelled("nobody wants to pay it any more"));
        }
        let provider = provider_of(ctx, &sale)?;
        match ensure(ctx, &sale, provider).await? {
            Ok(_) => Ok(End::Done),
            Err(Trouble::Refused { words }) => {
                let mut effect = ctx.effect().await?;
                apply::fail(&mut effect, sale.id, &words).await.context("ending the sale")?;
                Ok(effect.into())
            }
            Err(trouble) => Err(failure(ctx, sale.provider, trouble).await),
        }
    }
}
