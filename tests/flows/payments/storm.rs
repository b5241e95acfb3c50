//! A thousand messages, each three times and in any order, while workers are killed: the ledger is what it must be.

use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use faena_tests::{
    judge::quiet,
    sandbox::{
        PAYPAL_WEBHOOK_ID, PaypalFunding, PaypalHappening, STRIPE_SECRET, StripeHappening, paypal_headers, stripe_signature,
    },
    wait::eventually,
};
use futures_util::{StreamExt, stream};
use jobs::payments::sale::{Provider, SaleId};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{PRICE, School};

const SALES: usize = 288;
const PLANS: [&str; 12] = [
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

#[tokio::test]
async fn a_thousand_messages_shuffled_and_tripled_leave_the_ledger_as_it_must_be() {
    let mut school = School::open().await;
    school.hears_nothing().await;
    sqlx::raw_sql(
        "create schema storm; create table storm.plan (sale_id uuid primary key, provider text not null, plan text not null, amount bigint not null)",
    )
    .execute(&school.site.stores.db)
    .await
    .unwrap();
    let mut sales: Vec<(SaleId, Provider, &str)> = Vec::new();
    for n in 0..SALES {
        let provider = if (n / PLANS.len()).is_multiple_of(2) { Provider::Stripe } else { Provider::Paypal };
        let sale = school.buys_by(provider, school.person(&format!("p{n}")).await).await;
        sales.push((sale, provider, PLANS[n % PLANS.len()]));
        sqlx::query("insert into storm.plan values ($1, $2, $3, $4)")
            .bind(sale)
            .bind(provider)
            .bind(PLANS[n % PLANS.len()])
            .bind(PRICE)
            .execute(&school.site.stores.db)
            .await
            .unwrap();
    }
    for (sale, provider, plan) in &sales {
        let page = school.page_of(*sale).await;
        match provider {
            Provider::Paypal => {
                for happening in at_paypal(plan, &page) {
                    school.site.sandbox.at_paypal(happening).await.unwrap();
                }
            }
            _ => {
                for happening in at_stripe(plan, &page) {
                    school.site.sandbox.at_stripe(happening).await.unwrap();
                }
            }
        }
    }

    // Each message three times, all of them in no order at all; meanwhile workers die.
    let (stripe, paypal) =
        (school.site.sandbox.stripe_events().await.unwrap(), school.site.sandbox.paypal_events().await.unwrap());
    let stripe = stripe.iter().map(|event| (Provider::Stripe, event.to_string()));
    let events: Vec<(Provider, String)> =
        stripe.chain(paypal.iter().map(|event| (Provider::Paypal, event.to_string()))).collect();
    assert!(events.len() > 1000, "{} messages", events.len());
    let mut messages = [events.clone(), events.clone(), events.clone()].concat();
    messages.shuffle(&mut StdRng::seed_from_u64(7));
    let client = faena_tests::http::http_client();
    let telling = stream::iter(messages)
        .map(|(provider, body)| {
            let (client, school) = (client.clone(), &school);
            // As the providers do, it comes again until it is taken.
            async move {
                eventually("a message to be taken", async || {
                    let (path, headers) = school.signed(provider, body.as_bytes());
                    let request = client.post(format!("{}{path}", school.site.url)).body(body.clone());
                    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
                    let status = request.send().await.unwrap().status().as_u16();
                    assert!(matches!(status, 200 | 503), "{status}: {body}");
                    (status == 200).then_some(())
                })
                .await;
            }
        })
        .buffer_unordered(24)
        .collect::<Vec<()>>();
    let (taken, ()) = tokio::join!(telling, kill_workers(&school));
    assert_eq!(taken.len(), 3 * events.len());
    quiet(&school.site.stores).await;

    let wrong: Vec<(Option<String>, Option<String>, String)> =
        sqlx::query_as(include_str!("storm.sql")).fetch_all(&school.site.stores.db).await.unwrap();
    assert!(
        wrong.is_empty(),
        "{} are wrong: {:#?}\n{}",
        wrong.len(),
        &wrong[..wrong.len().min(20)],
        school.site.worker.log_text().len()
    );
    let (kept, open): (i64, i64) =
        sqlx::query_as("select count(*), count(*) filter (where processed_at is null) from school.payment_events")
            .fetch_one(&school.site.stores.db)
            .await
            .unwrap();
    assert_eq!((kept.unsigned_abs() as usize, open), (events.len(), 0));
    assert!(school.site.worker.ended().is_none(), "the first worker outlives the others");
    let collected = SALES / 2 / PLANS.len() * PLANS.iter().filter(|plan| !matches!(**plan, "expired" | "untouched")).count();
    assert_eq!(school.site.sandbox.paypal_objects().await.unwrap()["captures"], collected, "each order is collected once");
}

impl School {
    /// Where a provider's message goes, and the headers that prove whose it is.
    fn signed(&self, provider: Provider, body: &[u8]) -> (&'static str, Vec<(&'static str, String)>) {
        let now = Utc::now();
        if provider == Provider::Stripe {
            return ("/webhooks/stripe", vec![("stripe-signature", stripe_signature(STRIPE_SECRET, now.timestamp(), body))]);
        }
        let (id, time) = (uuid::Uuid::new_v4().to_string(), now.to_rfc3339_opts(SecondsFormat::Secs, true));
        let certificate = format!("{}/v1/notifications/certs/CERT-good", self.site.sandbox.paypal_url());
        ("/hooks/paypal", paypal_headers(PAYPAL_WEBHOOK_ID, &certificate, &id, &time, body))
    }
}

/// Workers beside the first: each is killed a moment after it has begun.
async fn kill_workers(school: &School) {
    for _ in 0..6 {
        let worker = school.site.another_worker().await;
        // It dies in the middle of whatever it has taken up by then.
        let took = eventually("the worker to take something up", async || {
            let log = worker.log_text();
            (log.matches("what has become of a sale").count() > 5 || log.len() > 200_000).then_some(())
        });
        let _ = tokio::time::timeout(Duration::from_secs(4), took).await;
        worker.kill_9().await;
    }
}
