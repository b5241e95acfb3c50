//! Compares what a provider says with our books.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use queue::{Attempted, Backoff, Failure, Job, OrFailure, Queue, Step, Unique, clear_notice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{
    checkout::failure_at,
    confirm_payment::ConfirmPayment,
    difference::{self, Found},
    money::{Currency, Money},
    notice,
    sale::{Provider, SaleId},
};
use crate::ports::{
    Ctx, Ports,
    payments::{ListedPayment, ListedReturn, PaymentProvider, Returned, SeenDisputeState, SeenRefundState},
};

/// How far back: messages are repeated for three days.
const WINDOW: TimeDelta = TimeDelta::days(3);
/// A bank may send a refund back for so long (<https://docs.stripe.com/refunds#failed-refunds>). PayPal names no time; its refunds go to the same
/// banks.
const REFUNDS_MAY_FAIL_FOR: TimeDelta = TimeDelta::days(30);

/// Walks through a provider's list of three days. What we have not heard of is asked about as after any message; where money differs, the
/// difference is written down for a person and nothing is changed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ComparePayments {
    /// Whose list.
    pub provider: Provider,
}

impl Job for ComparePayments {
    type Ports = Ports;
    const NAME: &'static str = "compare_payments";
    const QUEUE: Queue = Queue::Low;
    const TIMEOUT: Duration = Duration::from_secs(1800);
    const BACKOFF: Backoff = Backoff::DEFAULT;
    const UNIQUE: Option<Unique> = Some(Unique::until_end());

    async fn run(self, ctx: &Ctx) -> Attempted {
        let name = self.provider;
        let provider = ctx.payments.with(name).or_dead("this worker has no account with that provider: see its settings")?;
        let walk = Walk::through(ctx, name, provider).await?;
        let mut effect = ctx.effect().await?;
        sqlx::query("insert into school.reconciliations (provider, since, started_at, seen, asked) values ($1, $2, $3, $4, $5)")
            .bind(walk.name)
            .bind(walk.since)
            .bind(walk.started_at)
            .bind(walk.seen)
            .bind(walk.asked)
            .execute(&mut *effect)
            .await
            .context("writing what was compared")?;
        sqlx::query(
            // The list has nothing to say of an older sale.
            "update school.reconciliation_differences d set resolved_at = clock_timestamp()
             where provider = $1 and resolved_at is null and last_seen_at < $2 and first_seen_at > $3
               and (sale_id is null or exists (select from school.sales s where s.id = d.sale_id and s.created_at > $3))",
        )
        .bind(walk.name)
        .bind(walk.started_at)
        .bind(walk.since)
        .execute(&mut *effect)
        .await
        .context("closing what agrees again")?;
        difference::tell(&mut effect).await.context("telling the operator")?;
        clear_notice(&mut *effect, &notice::lists_key(name)).await.context("telling that the provider shows its lists")?;
        Ok(effect.into())
    }
}

/// One provider's list, and what came of it.
struct Walk {
    name: Provider,
    since: DateTime<Utc>,
    /// By Postgres's clock, as the moments that it is compared with.
    started_at: DateTime<Utc>,
    /// What is younger need not be listed yet.
    until: DateTime<Utc>,
    seen: i32,
    asked: i32,
    listed: HashSet<String>,
}

/// What our books have of a payment.
#[derive(Debug, sqlx::FromRow)]
struct Booked {
    id: SaleId,
    charged_minor: i64,
    charged_currency: Option<String>,
}

impl Booked {
    fn money(&self) -> Option<Money> {
        let currency: Currency = self.charged_currency.as_deref()?.parse().ok()?;
        (self.charged_minor > 0).then(|| Money::new(self.charged_minor, currency))
    }
}

impl Walk {
    async fn through(ctx: &Ctx, name: Provider, provider: &dyn PaymentProvider) -> Result<Self, Failure> {
        let started_at: DateTime<Utc> =
            sqlx::query_scalar("select clock_timestamp()").fetch_one(&ctx.db).await.context("asking for the time")?;
        let since = ctx.now() - WINDOW;
        let mut walk = Self { name, since, started_at, until: ctx.now(), seen: 0, asked: 0, listed: HashSet::new() };
        let mut after = None;
        loop {
            let page = match provider.list(since, after.as_deref()).await {
                Ok(page) => page,
                Err(trouble) => return Err(failure_at(ctx, name, &notice::lists_key(name), trouble).await),
            };
            let mut step = ctx.step().await?;
            for payment in &page.payments {
                walk.compare(&mut step, payment).await?;
            }
            step.commit().await?;
            walk.until = page.complete_until.unwrap_or(walk.until).min(walk.until);
            after = page.next;
            if after.is_none() {
                break;
            }
            if ctx.cancelled().is_cancelled() {
                return Err(Failure::retry("asked to stop"));
            }
        }
        walk.ask_about_returns(ctx, provider).await?;
        walk.look_for_what_is_missing_there(ctx).await?;
        info!(job = %ctx.job_id(), provider = name.as_str(), seen = walk.seen, asked = walk.asked, "a provider's list was compared with ours");
        Ok(walk)
    }

    async fn compare(&mut self, step: &mut Step, listed: &ListedPayment) -> Result<(), Failure> {
        self.seen += 1;
        self.listed.insert(listed.object_ref.clone());
        let booked: Option<Booked> = sqlx::query_as(
            "select id, charged_minor, charged_currency from school.sales where provider = $1 and (id = $2 or checkout_ref = $3 or payment_ref = $3)
             order by checkout_ref = $3 or payment_ref = $3 desc nulls last limit 1",
        )
        .bind(self.name)
        .bind(listed.sale)
        .bind(&listed.object_ref)
        .fetch_optional(&mut **step)
        .await
        .context("looking up the sale of a payment")?;
        let ours = booked.as_ref().and_then(Booked::money);
        let theirs = listed.amount.filter(|_| listed.is_paid);
        match (&booked, ours, theirs) {
            (None, _, Some(_)) => self.note(step, &listed.object_ref, "no_such_sale", None, None, theirs).await,
            (Some(sale), None, Some(_)) => {
                self.asked += 1;
                queue::enqueue(step, ConfirmPayment { sale_id: sale.id }).await.context("promising to look at a sale").map(drop)
            }
            (Some(sale), Some(_), Some(_)) if ours != theirs => {
                self.note(step, &listed.object_ref, "amount", Some(sale.id), ours, theirs).await
            }
            (Some(sale), Some(_), None) => {
                self.note(step, &listed.object_ref, "paid_here_only", Some(sale.id), ours, listed.amount).await
            }
            _ => Ok(()),
        }
    }

    /// Refunds and disputes of these days, also of older payments, that are not in our books, or not as they ended; and those whose end we wait
    /// for, whatever their age: it may have been told and not heard.
    async fn ask_about_returns(&mut self, ctx: &Ctx, provider: &dyn PaymentProvider) -> Result<(), Failure> {
        let returns = match provider.list_returns(self.since).await {
            Ok(returns) => returns,
            Err(trouble) => return Err(failure_at(ctx, self.name, &notice::lists_key(self.name), trouble).await),
        };
        let (mut payments, mut refs, mut states) = (Vec::new(), Vec::new(), Vec::new());
        for ListedReturn { payment_ref, own_ref, state } in returns {
            payments.push(payment_ref);
            refs.push(own_ref);
            states.push(state_word(state));
        }
        let mut step = ctx.step().await?;
        sqlx::query(include_str!("sql/keep_listed_refunds.sql"))
            .bind(self.name)
            .bind(&payments)
            .bind(&refs)
            .bind(&states)
            .execute(&mut *step)
            .await
            .context("keeping the names of listed refunds")?;
        let unheard: Vec<(SaleId,)> = sqlx::query_as(include_str!("sql/unheard_returns.sql"))
            .bind(self.name)
            .bind(payments)
            .bind(refs)
            .bind(states)
            .bind(ctx.now() - REFUNDS_MAY_FAIL_FOR)
            .fetch_all(&mut *step)
            .await
            .context("looking for refunds and disputes that nobody told of")?;
        for (sale_id,) in unheard {
            self.asked += 1;
            queue::enqueue(&mut step, ConfirmPayment { sale_id }).await.context("promising to look at a sale")?;
        }
        step.commit().await
    }

    /// What we call paid and the provider does not list at all.
    async fn look_for_what_is_missing_there(&self, ctx: &Ctx) -> Result<(), Failure> {
        let mut step = ctx.step().await?;
        let booked: Vec<(String, Option<String>, SaleId, i64, String)> = sqlx::query_as(
            // The provider's clock may be a little ahead of ours.
            "select checkout_ref, payment_ref, id, charged_minor, charged_currency from school.sales
             where provider = $1 and charged_minor > 0 and created_at > $2 + interval '5 minutes' and paid_at <= $3",
        )
        .bind(self.name)
        .bind(self.since)
        .bind(self.until)
        .fetch_all(&mut *step)
        .await
        .context("listing what is booked")?;
        for (checkout_ref, payment_ref, sale, minor, currency) in booked {
            if self.listed.contains(&checkout_ref) || payment_ref.is_some_and(|payment| self.listed.contains(&payment)) {
                continue;
            }
            let ours = currency.parse().ok().map(|currency| Money::new(minor, currency));
            self.note(&mut step, &checkout_ref, "missing_there", Some(sale), ours, None).await?;
        }
        step.commit().await
    }

    async fn note(
        &self,
        step: &mut Step,
        object_ref: &str,
        kind: &str,
        sale: Option<SaleId>,
        ours: Option<Money>,
        theirs: Option<Money>,
    ) -> Result<(), Failure> {
        let found = Found { provider: self.name, object_ref, kind, sale, ours, theirs };
        found.write(step).await.context("writing a difference")
    }
}

/// The word that our books have for it.
fn state_word(state: Returned) -> &'static str {
    match state {
        Returned::Refund(SeenRefundState::Pending) => "pending",
        Returned::Refund(SeenRefundState::Succeeded) => "succeeded",
        Returned::Refund(SeenRefundState::Failed) => "failed",
        Returned::Dispute(SeenDisputeState::Open) => "open",
        Returned::Dispute(SeenDisputeState::Won) => "won",
        Returned::Dispute(SeenDisputeState::Lost) => "lost",
    }
}
