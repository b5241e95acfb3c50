//! Has what the providers say compared with our books.

use queue::{Attempted, Job, OrFailure, Queue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{compare_payments::ComparePayments, sale::Provider};
use crate::ports::{Ctx, Ports};

/// Enqueues a comparison for each provider that this installation has an account with, so that one who is away holds no other up.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReconcilePayments {}

impl Job for ReconcilePayments {
    type Ports = Ports;
    const NAME: &'static str = "reconcile_payments";
    const QUEUE: Queue = Queue::Low;

    async fn run(self, ctx: &Ctx) -> Attempted {
        let mut effect = ctx.effect().await?;
        let providers =
            [Provider::Stripe, Provider::Paypal].into_iter().filter(|provider| ctx.payments.with(*provider).is_some());
        for provider in providers {
            queue::enqueue(&mut effect, ComparePayments { provider }).await.context("promising to compare a list")?;
        }
        Ok(effect.into())
    }
}
