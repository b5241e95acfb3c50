//! A thousand messages, each three times and in any order, while workers are killed: the ledger is what it must be.

use std::time::Duration;

use chrono::Utc;
use faena_tests::{
    judge::quiet,
    process::Process,
    sandbox::{STRIPE_KEY, STRIPE_SECRET, StripeHappening, stripe_signature},
    site::SECRET,
    wait::eventually,
};
use futures_util::{StreamExt, stream};
use jobs::payments::sale::SaleId;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{PRICE, School};

const SALES: usize = 240;
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
fn happenings(plan: &str, session: &str) -> Vec<StripeHappening> {
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

#[tokio::test]
async fn a_thousand_messages_shuffled_and_tripled_leave_the_ledger_as_it_must_be() {
    let mut school = School::open().await;
    school.site.sandbox.send_stripe_events_to(None, 1).await.unwrap();
    sqlx::raw_sql(
        "create schema storm; create table storm.plan (sale_id uuid primary key, plan text not null, amount bigint not null)",
    )
    .execute(&school.site.stores.db)
    .await
    .unwrap();
    let mut sales: Vec<(SaleId, &str)> = Vec::new();
    for n in 0..SALES {
        let sale = school.buys(school.person(&format!("p{n}")).await).await;
        sales.push((sale, PLANS[n % PLANS.len()]));
        sqlx::query("insert into storm.plan values ($1, $2, $3)")
            .bind(sale)
            .bind(PLANS[n % PLANS.len()])
            .bind(PRICE)
            .execute(&school.site.stores.db)
            .await
            .unwrap();
    }
    for (sale, plan) in &sales {
        let session = school.page_of(*sale).await;
        for happening in happenings(plan, &session) {
            school.site.sandbox.at_stripe(happening).await.unwrap();
        }
    }

    // Each message three times, all of them in no order at all; meanwhile workers die.
    let events = school.site.sandbox.stripe_events().await.unwrap();
    assert!(events.len() > 1000, "{} messages", events.len());
    let mut bodies: Vec<String> = events.iter().map(ToString::to_string).collect();
    bodies = [bodies.clone(), bodies.clone(), bodies].concat();
    bodies.shuffle(&mut StdRng::seed_from_u64(7));
    let client = faena_tests::http::http_client();
    let webhook = format!("{}/webhooks/stripe", school.site.url);
    let telling = stream::iter(bodies)
        .map(|body| {
            let (client, webhook) = (client.clone(), webhook.clone());
            // As Stripe does, it comes again until it is taken.
            async move {
                eventually("a message to be taken", async || {
                    let signature = stripe_signature(STRIPE_SECRET, Utc::now().timestamp(), body.as_bytes());
                    let request = client.post(&webhook).header("Stripe-Signature", signature).body(body.clone());
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
}

/// Workers beside the first: each is killed a moment after it has begun.
async fn kill_workers(school: &School) {
    let (stripe, smtp) = (school.site.sandbox.stripe_url(), school.site.sandbox.smtp_url());
    let own = [
        ("PUBLIC_URL", school.site.url.as_str()),
        ("SECRET_KEY", SECRET),
        ("ADMIN_ADDR", "127.0.0.1:0"),
        ("SMTP_URL", &smtp),
        ("MAIL_FROM", "CompilandoCode <hola@compilandocode.example>"),
        ("STRIPE_URL", stripe),
        ("STRIPE_SECRET_KEY", STRIPE_KEY),
        ("SUPERVISE", "false"),
    ];
    let mut settings = school.site.stores.settings();
    settings.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for _ in 0..6 {
        let worker = Process::start("worker", &["run"], &settings).await;
        // It dies in the middle of whatever it has taken up by then.
        let took = eventually("the worker to take something up", async || {
            let log = worker.log_text();
            (log.matches("what has become of a sale").count() > 5 || log.len() > 200_000).then_some(())
        });
        let _ = tokio::time::timeout(Duration::from_secs(4), took).await;
        worker.kill_9().await;
    }
}
