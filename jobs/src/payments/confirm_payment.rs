//! Finds out what has become of a sale, and carries it out.

use std::time::Duration;

use queue::{Attempted, Backoff, Failure, Job, Limit, OrFailure, Queue, Unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{
    apply::{apply, expire, may_collect, note_declined},
    checkout::{self, ensure, failure, let_in, provider_of},
    difference::{self, Found},
    sale::{Sale, SaleId},
};
use crate::ports::{
    Ctx, Ports,
    payments::{CheckoutPage, CollectOrder, Collected, Known, PaymentProvider, Seen, Trouble},
};

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
        let known = known(ctx, &sale, checkout_ref).await?;
        let mut seen = match provider.look(&known).await {
            Ok(seen) => seen,
            // Pages that nobody has paid are forgotten by some providers.
            Err(Trouble::Missing) if sale.charged().is_zero() && sale.payment_ref.is_none() => {
                return forgotten(ctx, &sale).await;
            }
            // Nobody told anything of it: only we ask, for what may still go back.
            Err(Trouble::Missing) if !sale.charged().is_zero() && events.is_empty() => return Err(gone(ctx, &sale, &known).await),
            Err(trouble) => return Err(failure(ctx, sale.provider, trouble).await),
        };
        if may_collect(&ctx.db, &sale, &seen).await.context("asking whether to collect")? {
            seen = match collect(ctx, &sale, provider, &known, seen).await {
                Ok(seen) => seen?,
                Err(trouble) => return Err(failure(ctx, sale.provider, trouble).await),
            };
        }
        let mut effect = ctx.effect().await?;
        let state = apply(&mut effect, sale.id, &seen, ctx.now()).await.context("writing what has become of the sale")?;
        let_in(&mut *effect, sale.provider).await?;
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

/// By what the provider is asked about a sale: with its names for the refunds that we know of.
pub(super) async fn known(ctx: &Ctx, sale: &Sale, checkout_ref: String) -> Result<Known, Failure> {
    let refund_refs: Vec<String> = sqlx::query_scalar(include_str!("sql/refund_refs.sql"))
        .bind(sale.id)
        .fetch_all(&ctx.db)
        .await
        .context("looking up the sale's refunds")?;
    Ok(Known { checkout_ref, payment_ref: sale.payment_ref.clone(), refund_refs })
}

/// Collects what the person has agreed to, and looks what it came to. An attempt that dies in between leaves the next one to look first.
async fn collect(
    ctx: &Ctx,
    sale: &Sale,
    provider: &dyn PaymentProvider,
    known: &Known,
    seen: Seen,
) -> Result<Result<Seen, Failure>, Trouble> {
    let order = CollectOrder { key: sale.collect_key(), checkout_ref: known.checkout_ref.clone() };
    match provider.collect(&order).await {
        Ok(Collected::Done) => provider.look(known).await.map(Ok),
        // The page stays open: they may choose another way.
        Ok(Collected::Declined) => Ok(declined(ctx, sale).await.map(|()| Seen { page: CheckoutPage::Open, ..seen })),
        Err(Trouble::Refused { words }) => Ok(Ok(Seen { page: CheckoutPage::Failed(words), ..seen })),
        Err(trouble) => Err(trouble),
    }
}

async fn declined(ctx: &Ctx, sale: &Sale) -> Result<(), Failure> {
    let mut step = ctx.step().await?;
    note_declined(&mut step, sale).await.context("noting that the way of paying was declined")?;
    step.commit().await
}

/// The provider has forgotten a sale whose money is in our books, so nothing will be heard of it any more: a person is shown it, once.
async fn gone(ctx: &Ctx, sale: &Sale, known: &Known) -> Failure {
    match note_gone(ctx, sale, known).await {
        Ok(()) => {
            Failure::cancelled(format!("{} no longer knows of the sale: see /admin/reconciliation", sale.provider.as_str()))
        }
        Err(failure) => failure,
    }
}

async fn note_gone(ctx: &Ctx, sale: &Sale, known: &Known) -> Result<(), Failure> {
    let found = Found {
        provider: sale.provider,
        object_ref: &known.checkout_ref,
        kind: "missing_there",
        sale: Some(sale.id),
        ours: Some(sale.charged()),
        theirs: None,
    };
    let mut step = ctx.step().await?;
    found.write(&mut step).await.context("writing that the provider has forgotten a sale")?;
    difference::tell(&mut step).await.context("telling the operator")?;
    let_in(&mut *step, sale.provider).await?;
    step.commit().await
}

/// The provider has forgotten a page that nobody has paid. One that has just been made it may not have everywhere yet.
async fn forgotten(ctx: &Ctx, sale: &Sale) -> Attempted {
    if ctx.now() < sale.expires_at {
        return Err(Failure::retry(format!("{} does not know the page yet, or no longer", sale.provider.as_str())));
    }
    let mut effect = ctx.effect().await?;
    expire(&mut effect, sale.id).await.context("ending the sale")?;
    Ok(effect.into())
}
