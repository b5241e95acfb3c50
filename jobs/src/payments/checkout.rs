//! The provider's page for a sale, and what a provider's troubles mean for a job.

use std::time::Duration;

use queue::{Backoff, Failure, OrFailure, clear_notice, post_notice};
use sqlx::PgExecutor;
use tracing::warn;

use super::{notice, sale::Provider, sale::Sale};
use crate::ports::{
    Ctx,
    payments::{Checkout, PaymentProvider, Trouble},
};

/// For a provider that does not answer: soon at first, because a person waits.
pub(super) const BACKOFF: Backoff =
    Backoff::between(Duration::from_secs(2), Duration::from_secs(600)).at_least(Duration::from_millis(500));
/// An afternoon of being away.
pub(super) const MAX_ATTEMPTS: u32 = 40;
/// More than the answers that a look, a collection and another look take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(200);

/// The provider of a sale.
pub(super) fn provider_of<'c>(ctx: &'c Ctx, sale: &Sale) -> Result<&'c dyn PaymentProvider, Failure> {
    let name = sale.provider.as_str();
    ctx.payments
        .with(sale.provider)
        .ok_or_else(|| Failure::dead(format!("this worker has no account with {name}: see its settings")))
}

/// The provider's name for the sale's page; the page is made if it is not known yet. An earlier attempt may have made it and died before it
/// could write so: asked under the same key, the provider answers with that one.
pub(super) async fn ensure(ctx: &Ctx, sale: &Sale, provider: &dyn PaymentProvider) -> Result<Result<String, Trouble>, Failure> {
    if let Some(checkout_ref) = &sale.checkout_ref {
        return Ok(Ok(checkout_ref.clone()));
    }
    let checkout = Checkout {
        key: sale.checkout_key.clone(),
        sale: sale.id,
        amount: sale.amount(),
        description: sale.description.clone(),
        locale: sale.locale,
        expires_at: sale.expires_at,
    };
    let opened = match provider.open_checkout(&checkout).await {
        Ok(opened) => opened,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let mut step = ctx.step().await?;
    sqlx::query("update school.sales set checkout_ref = $2, checkout_url = $3, updated_at = clock_timestamp() where id = $1 and checkout_ref is null")
        .bind(sale.id)
        .bind(&opened.checkout_ref)
        .bind(&opened.url)
        .execute(&mut *step)
        .await
        .context("writing where the person pays")?;
    let_in(&mut *step, sale.provider).await?;
    step.commit().await?;
    Ok(Ok(opened.checkout_ref))
}

/// Says that a provider lets us in: it has just answered.
pub(super) async fn let_in(db: impl PgExecutor<'_>, provider: Provider) -> Result<(), Failure> {
    clear_notice(db, &notice::provider_key(provider)).await.context("telling that the provider lets us in")
}

/// What a provider's trouble means for the job that met it.
pub(super) async fn failure(ctx: &Ctx, provider: Provider, trouble: Trouble) -> Failure {
    failure_at(ctx, provider, &notice::provider_key(provider), trouble).await
}

/// The same for a door that has a notice of its own: keys may open the one and not the other.
pub(super) async fn failure_at(ctx: &Ctx, provider: Provider, key: &str, trouble: Trouble) -> Failure {
    let name = provider.as_str();
    match trouble {
        Trouble::Unknown { words } => Failure::retry(format!("{name}: {words}")),
        Trouble::Away { words, wait, needs_operator } => {
            if needs_operator && let Err(error) = post_notice(&ctx.db, key, &notice::provider(provider, &words)).await {
                warn!(%error, "the operator could not be told that a provider does not let us in");
            }
            let wait = chrono::TimeDelta::from_std(wait).unwrap_or(chrono::TimeDelta::minutes(5));
            Failure::throttled(ctx.now() + wait, format!("{name}: {words}"))
        }
        Trouble::Refused { words } => Failure::dead(format!("{name} refuses: {words}")),
        Trouble::Missing => Failure::dead(format!("{name} knows of no such thing")),
    }
}
