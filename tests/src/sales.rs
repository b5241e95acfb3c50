//! What may happen to sales at the providers' sides, and what must be true of them in the end: worked out from what happened alone, and from
//! nothing that the school has written.

use chrono::{SecondsFormat, Utc};
use jobs::{
    courses::course::CourseId,
    payments::sale::{Provider, SaleId},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::sandbox::{
    PAYPAL_WEBHOOK_ID, PaypalFunding, PaypalHappening, STRIPE_SECRET, Sandbox, StripeHappening, paypal_headers, stripe_signature,
};

/// What the course costs, in cents.
pub const PRICE: i64 = 4900;

/// What may become of a sale.
pub const PLANS: [&str; 12] = [
    "paid",
    "refunded",
    "part",
    "twice",
    "refund_failed",
    "disputed",
    "won",
    "lost",
    "promised",
    "expired",
    "untouched",
    "wrong_amount",
];

/// Fills a database with the demo's people and one course, of one section, that costs [`PRICE`]; and with a place for [`plan`].
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn open_school(db: &PgPool) -> sqlx::Result<CourseId> {
    sqlx::raw_sql(include_str!("../../deploy/demo.sql")).execute(db).await?;
    sqlx::raw_sql(
        "create schema planned; create table planned.sales (sale_id uuid primary key, provider text not null, plan text not null, amount bigint not null)",
    )
    .execute(db)
    .await?;
    let (course,): (CourseId,) = sqlx::query_as(
        "with course as (
             insert into school.courses (slug, title, summary, instructor_id, level, hours, price_minor, currency, status, published_at)
             select 'rust', 'Rust con «ñ» & cía.', 'Un curso.', id, 'beginner', 8, $1, 'USD', 'published', now()
             from core.users where email = 'instructora@faena.example' returning id)
         insert into school.sections (course_id, position, title, minutes) select id, 1, 'Uno', 5 from course returning course_id",
    )
    .bind(PRICE)
    .fetch_one(db)
    .await?;
    Ok(course)
}

/// Notes what is to become of a sale. Noted again, it stays as it was.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn plan(db: &PgPool, sale: SaleId, provider: Provider, plan: &str) -> sqlx::Result<()> {
    sqlx::query("insert into planned.sales values ($1, $2, $3, $4) on conflict do nothing")
        .bind(sale)
        .bind(provider)
        .bind(plan)
        .bind(PRICE)
        .execute(db)
        .await?;
    Ok(())
}

/// What is not as it must be once everything that was planned has happened and nothing is left to do: plan, sale, and what is wrong.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn wrong_sales(db: &PgPool) -> sqlx::Result<Vec<(Option<String>, Option<String>, String)>> {
    sqlx::query_as(include_str!("sales.sql")).fetch_all(db).await
}

/// Has what is planned for a sale happen, at its provider's side.
///
/// # Errors
/// The stand-in does not answer, or it cannot happen.
pub async fn happen(sandbox: &Sandbox, provider: Provider, plan: &str, page: &str) -> anyhow::Result<()> {
    if provider == Provider::Paypal {
        for happening in at_paypal(plan, page) {
            sandbox.at_paypal(happening).await?;
        }
    } else {
        for happening in at_stripe(plan, page) {
            sandbox.at_stripe(happening).await?;
        }
    }
    Ok(())
}

/// Where a provider's message goes, and the headers that prove whose it is.
#[must_use]
pub fn signed(sandbox: &Sandbox, provider: Provider, body: &[u8]) -> (&'static str, Vec<(&'static str, String)>) {
    let now = Utc::now();
    if provider == Provider::Stripe {
        return ("/webhooks/stripe", vec![("stripe-signature", stripe_signature(STRIPE_SECRET, now.timestamp(), body))]);
    }
    let (id, time) = (Uuid::new_v4().to_string(), now.to_rfc3339_opts(SecondsFormat::Secs, true));
    let certificate = format!("{}/v1/notifications/certs/CERT-good", sandbox.paypal_url());
    ("/hooks/paypal", paypal_headers(PAYPAL_WEBHOOK_ID, &certificate, &id, &time, body))
}

/// Every message that the providers had to tell.
///
/// # Errors
/// The stand-ins do not answer.
pub async fn messages(sandbox: &Sandbox) -> anyhow::Result<Vec<(Provider, String)>> {
    let (stripe, paypal) = (sandbox.stripe_events().await?, sandbox.paypal_events().await?);
    let stripe = stripe.iter().map(|event| (Provider::Stripe, event.to_string()));
    Ok(stripe.chain(paypal.iter().map(|event| (Provider::Paypal, event.to_string()))).collect())
}

/// What happens at Stripe's side to a sale of that plan.
fn at_stripe(plan: &str, session: &str) -> Vec<StripeHappening> {
    use StripeHappening::{Decide, Dispute, Expire, FailRefund, Pay, Promise, Refund};
    let session = || session.to_owned();
    let pay = |amount| Pay { session: session(), amount, currency: None };
    let refund = |amount| Refund { session: session(), amount };
    match plan {
        "paid" => vec![pay(None)],
        "refunded" => vec![pay(None), refund(PRICE)],
        "part" => vec![pay(None), refund(1000)],
        "twice" => vec![pay(None), refund(1000), refund(2000)],
        "refund_failed" => vec![pay(None), refund(700), FailRefund { session: session() }],
        "disputed" => vec![pay(None), Dispute { session: session() }],
        "won" => vec![pay(None), Dispute { session: session() }, Decide { session: session(), won: true }],
        "lost" => vec![pay(None), Dispute { session: session() }, Decide { session: session(), won: false }],
        "promised" => vec![Promise { session: session() }],
        "expired" => vec![Expire { session: session() }],
        "wrong_amount" => vec![pay(Some(PRICE + 100))],
        _ => Vec::new(),
    }
}

/// What happens at PayPal's side. Money is collected by an attempt that dies before it can write so; that of `paid` is to be collected in the
/// storm.
fn at_paypal(plan: &str, order: &str) -> Vec<PaypalHappening> {
    use PaypalHappening::{Approve, Collect, Decide, Dispute, FailRefund, Refund, TakeBack};
    let order = || order.to_owned();
    let approve = |by, value: Option<&str>| Approve { order: order(), by, value: value.map(str::to_owned), currency: None };
    let agree = || approve(PaypalFunding::Instant, None);
    let collect = || Collect { order: order() };
    let refund = |value: &str| Refund { order: order(), value: value.to_owned() };
    let dispute = || Dispute { order: order() };
    let decide = |outcome: &str| Decide { order: order(), outcome: outcome.to_owned() };
    match plan {
        "paid" => vec![agree()],
        "refunded" => vec![agree(), collect(), refund("49.00")],
        "part" => vec![agree(), collect(), refund("10.00")],
        "twice" => vec![agree(), collect(), refund("10.00"), refund("20.00")],
        "refund_failed" => vec![agree(), collect(), refund("7.00"), FailRefund { order: order() }],
        "disputed" => vec![agree(), collect(), dispute()],
        "won" => vec![agree(), collect(), dispute(), decide("RESOLVED_SELLER_FAVOUR")],
        "lost" => vec![agree(), collect(), dispute(), decide("RESOLVED_BUYER_FAVOUR")],
        "promised" => vec![approve(PaypalFunding::Echeck, None), collect()],
        "expired" => vec![TakeBack { order: order() }],
        "wrong_amount" => vec![approve(PaypalFunding::Instant, Some("50.00")), collect()],
        _ => Vec::new(),
    }
}
