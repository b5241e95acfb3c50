//! A thousand messages, each three times and in any order, while workers are killed: the ledger is what it must be.

use std::time::{Duration, Instant};

use faena_tests::{
    judge::quiet,
    process::Process,
    sales::{self, PLANS, messages, signed, wrong_sales},
    sandbox::HttpRule,
    wait::{eventually, until},
};
use futures_util::{StreamExt, stream};
use jobs::payments::sale::{Provider, SaleId};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::School;

const SALES: usize = 288;

#[tokio::test]
async fn a_thousand_messages_shuffled_and_tripled_leave_the_ledger_as_it_must_be() {
    let mut school = School::open().await;
    school.hears_nothing().await;
    let events = school.sells_and_hears(SALES).await;
    assert!(events.len() > 1000, "{} messages", events.len());

    // Each message three times, all of them in no order at all; meanwhile workers die.
    let mut thrice = [events.clone(), events.clone(), events.clone()].concat();
    thrice.shuffle(&mut StdRng::seed_from_u64(7));
    let client = faena_tests::http::http_client();
    let telling = stream::iter(thrice)
        .map(|(provider, body)| {
            let (client, school) = (client.clone(), &school);
            // As the providers do, it comes again until it is taken.
            async move {
                eventually("a message to be taken", async || {
                    let (path, headers) = signed(&school.site.sandbox, provider, body.as_bytes());
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
    // The first of them is there before the messages come: on a busy machine starting takes as long as telling.
    let first = school.site.another_worker().await;
    let (taken, ()) = tokio::join!(telling, kill_workers(&school, first));
    assert_eq!(taken.len(), 3 * events.len());
    quiet(&school.site.stores).await;

    let wrong = wrong_sales(&school.site.stores.db).await.unwrap();
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

/// A message is judged, kept and queued, and then acknowledged; whatever has to be asked of a provider is asked afterwards. How long it took is told
/// with `--nocapture`: the goal is 50 ms.
#[tokio::test]
async fn messages_are_kept_and_acknowledged_while_no_worker_runs_and_no_provider_answers() {
    let mut school = School::open().await;
    school.hears_nothing().await;
    let events = school.sells_and_hears(2 * PLANS.len()).await;
    let client = faena_tests::http::http_client();
    let tell = async |(provider, body): (Provider, &str)| {
        let (path, headers) = signed(&school.site.sandbox, provider, body.as_bytes());
        let request = client.post(format!("{}{path}", school.site.url)).body(body.to_owned());
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let began = Instant::now();
        let status = request.send().await.unwrap().status().as_u16();
        (status, began.elapsed())
    };
    let of =
        |provider: Provider| events.iter().filter(move |(of, _)| *of == provider).map(move |(_, body)| (provider, body.as_str()));
    // PayPal's certificate is fetched for the first message, which is judged when it is there.
    assert_eq!(tell(of(Provider::Paypal).next().unwrap()).await.0, 200);
    let db = school.site.stores.db.clone();
    let kept = async || -> i64 { sqlx::query_scalar("select count(*) from school.payment_events").fetch_one(&db).await.unwrap() };
    until("the first message to be judged", async || kept().await == 1).await;
    assert!(school.site.worker.terminate().await, "{}", school.site.worker.log_text());
    school.site.sandbox.misbehave_stripe([HttpRule::status(503)]).await.unwrap();
    school.site.sandbox.misbehave_paypal([HttpRule::status(503)]).await.unwrap();

    for (provider, at_once) in [(Provider::Stripe, 1), (Provider::Paypal, 1), (Provider::Stripe, 8), (Provider::Paypal, 8)] {
        let answers: Vec<(u16, Duration)> = stream::iter(of(provider)).map(&tell).buffer_unordered(at_once).collect().await;

        assert!(answers.iter().all(|(status, _)| *status == 200), "{provider:?}: {answers:?}");
        let mut took: Vec<Duration> = answers.into_iter().map(|(_, took)| took).collect();
        took.sort();
        let at = |share: usize| took[(took.len() - 1) * share / 100];
        eprintln!(
            "{provider:?}, {at_once} at once, {} messages: p50 {:?}, p99 {:?}, max {:?}",
            took.len(),
            at(50),
            at(99),
            at(100)
        );
    }
    assert_eq!(kept().await.unsigned_abs() as usize, events.len(), "each was sent twice, and is kept once");
}

impl School {
    /// Sales by both providers, each of which goes its own way there; answers what the providers would tell of them.
    async fn sells_and_hears(&self, count: usize) -> Vec<(Provider, String)> {
        let mut sold: Vec<(SaleId, Provider, &str)> = Vec::new();
        for n in 0..count {
            let provider = if (n / PLANS.len()).is_multiple_of(2) { Provider::Stripe } else { Provider::Paypal };
            let sale = self.buys_by(provider, self.person(&format!("p{n}")).await).await;
            sales::plan(&self.site.stores.db, sale, provider, PLANS[n % PLANS.len()]).await.unwrap();
            sold.push((sale, provider, PLANS[n % PLANS.len()]));
        }
        for (sale, provider, plan) in sold {
            sales::happen(&self.site.sandbox, provider, plan, &self.page_of(sale).await).await.unwrap();
        }
        messages(&self.site.sandbox).await.unwrap()
    }
}

/// Workers beside the one that stays: each is killed a moment after it has begun.
async fn kill_workers(school: &School, first: Process) {
    let (mut met_work, mut first) = (0, Some(first));
    for _ in 0..6 {
        let (worker, patience) = match first.take() {
            Some(first) => (first, 60),
            None => (school.site.another_worker().await, 4),
        };
        // It dies in the middle of whatever it has taken up by then.
        let took = eventually("the worker to take something up", async || {
            let log = worker.log_text();
            (log.matches("what has become of a sale").count() > 5 || log.len() > 200_000).then_some(())
        });
        met_work += usize::from(tokio::time::timeout(Duration::from_secs(patience), took).await.is_ok());
        worker.kill_9().await;
    }
    assert!(met_work > 0, "no worker died at work");
}
