//! Stripe is slow, away, or acts and does not say so; messages come again and again: the same happens, once.

use faena_tests::{
    judge::quiet,
    sandbox::{HttpRule, StripeHappening},
    wait::{eventually, until},
};
use jobs::payments::{
    confirm_payment::ConfirmPayment,
    money::{Currency, Money},
    refunds::order_refund,
    sale::SaleState,
};
use uuid::Uuid;

use super::School;

#[tokio::test]
async fn a_page_whose_making_was_not_told_is_made_once() {
    let school = School::open().await;
    let sessions = || HttpRule::keep_and_cut().method("POST").path("/v1/checkout/sessions");
    let rules = [sessions().times(2), HttpRule::status(500).method("POST").once(), HttpRule::status(429).method("POST").once()];
    school.site.sandbox.misbehave_stripe(rules).await.unwrap();

    let (sale, session) = school.at_the_page("ana").await;

    assert_eq!(school.site.sandbox.stripe_objects().await.unwrap()["sessions"], 1);
    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
}

#[tokio::test]
async fn a_refund_whose_making_was_not_told_is_made_once() {
    let school = School::open().await;
    let (sale, session) = school.at_the_page("ana").await;
    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    let refunds = HttpRule::keep_and_cut().method("POST").path("/v1/refunds").times(2);
    school.site.sandbox.misbehave_stripe([refunds]).await.unwrap();
    let admin = school.person("admin").await;

    order_refund(&school.site.stores.db, sale, None, admin, "", Uuid::new_v4()).await.unwrap();

    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    assert_eq!(school.site.sandbox.stripe_objects().await.unwrap()["refunds"], 1);
    assert_eq!(
        (school.letters("refund").await, school.books(sale).await.as_str()),
        (1, "clearing -172, fees 172, refunds 4900, revenue -4900")
    );
}

#[tokio::test]
async fn a_refund_whose_key_stripe_has_forgotten_is_looked_for_before_it_is_asked_for_again() {
    let school = School::open().await;
    let ((sale, _), sandbox) = (school.paid("ana").await, &school.site.sandbox);
    school.hears_nothing().await;
    // It is made and not told; afterwards Stripe answers nobody who wants money back.
    let refunds = |rule: HttpRule| rule.method("POST").path("/v1/refunds");
    let rules = [refunds(HttpRule::keep_and_cut()).once(), refunds(HttpRule::status(500))];
    sandbox.misbehave_stripe(rules).await.unwrap();
    let admin = school.person("admin").await;
    // A part: as much again is left, so nothing but the key would keep it from going twice.
    order_refund(&school.site.stores.db, sale, Some(Money::new(1950, Currency::USD)), admin, "", Uuid::new_v4()).await.unwrap();
    until("it to be asked for in vain", async || sandbox.stripe_misbehaviour().await.unwrap().rules[1].fired > 0).await;

    // That was yesterday.
    sqlx::query("update school.refunds set created_at = created_at - interval '21 hours'")
        .execute(&school.site.stores.db)
        .await
        .unwrap();
    sandbox.at_stripe(StripeHappening::ForgetKeys {}).await.unwrap();
    sandbox.misbehave_stripe([]).await.unwrap();

    quiet(&school.site.stores).await;
    assert_eq!(sandbox.stripe_objects().await.unwrap()["refunds"], 1);
    assert_eq!((school.state(sale).await, school.letters("refund").await), ("part_refunded", 1));
    assert_eq!(school.books(sale).await, "clearing 2778, fees 172, refunds 1950, revenue -4900");
}

#[tokio::test]
async fn messages_that_come_many_times_at_once_have_one_effect() {
    let school = School::open().await;
    let webhook = format!("{}/webhooks/stripe", school.site.url);
    school.site.sandbox.send_stripe_events_to(Some(&webhook), 8).await.unwrap();
    let (sale, session) = school.at_the_page("ana").await;

    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();

    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!(
        (school.books(sale).await.as_str(), school.letters("receipt").await),
        ("clearing 4728, fees 172, revenue -4900", 1)
    );
    let open: i64 = sqlx::query_scalar("select count(*) from school.payment_events where processed_at is null")
        .fetch_one(&school.site.stores.db)
        .await
        .unwrap();
    assert_eq!(open, 0, "every message was looked into");
}

#[tokio::test]
async fn a_refund_that_is_told_before_its_payment_finds_its_sale() {
    let school = School::open().await;
    school.site.sandbox.send_stripe_events_to(None, 1).await.unwrap();
    let (sale, session) = school.at_the_page("ana").await;
    school.site.sandbox.at_stripe(StripeHappening::Pay { session: session.clone(), amount: None, currency: None }).await.unwrap();
    let webhook = format!("{}/webhooks/stripe", school.site.url);
    school.site.sandbox.send_stripe_events_to(Some(&webhook), 1).await.unwrap();

    // Nobody has told us of the payment; a dispute names only the payment.
    school.site.sandbox.at_stripe(StripeHappening::Dispute { session }).await.unwrap();

    until("the sale to be disputed", async || school.sale(sale).await.state == SaleState::Disputed).await;
    assert_eq!(school.books(sale).await, "clearing -172, disputes 4900, fees 172, revenue -4900");
}

#[tokio::test]
async fn a_key_that_stripe_does_not_take_costs_no_attempt_and_somebody_is_told() {
    let school = School::open_with(&[("STRIPE_SECRET_KEY", "sk_test_of_somebody_else")]).await;

    let sale = school.buys(school.person("ana").await).await;

    let told =
        eventually("somebody to be told", async || Some(school.notices().await).filter(|notices| !notices.is_empty())).await;
    assert!(told.contains("stripe no nos deja entrar: revisa sus claves") && !told.contains("sk_test"), "{told}");
    assert_eq!(school.sale(sale).await.state, SaleState::Pending);
}

#[tokio::test]
async fn the_first_answer_that_lets_us_in_again_takes_the_notice_back() {
    let school = School::open().await;
    school.hears_nothing().await;
    let ((locked, one), (sale, other)) = (school.at_the_page("ana").await, school.at_the_page("luz").await);
    for session in [one, other] {
        school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();
    }
    let asks = async |sale_id| {
        let mut connection = school.site.stores.db.acquire().await.unwrap();
        queue::enqueue(&mut connection, ConfirmPayment { sale_id }).await.unwrap();
    };
    school.site.sandbox.misbehave_stripe([HttpRule::status(401).method("GET").once()]).await.unwrap();
    asks(locked).await;
    until("somebody to be told", async || school.notices().await.contains("stripe no nos deja entrar")).await;

    // No page is made by this: a payment is looked at.
    asks(sale).await;

    until("the sale to be paid", async || school.state(sale).await == "paid").await;
    until("the notice to be taken back", async || school.notices().await.is_empty()).await;
}

#[tokio::test]
async fn what_stripe_refuses_for_good_ends_the_sale_and_the_person_can_begin_anew() {
    let school = School::open().await;
    school.site.sandbox.misbehave_stripe([HttpRule::status(400).method("POST").once()]).await.unwrap();
    let buyer = school.person("ana").await;
    let first = school.buys(buyer).await;
    until("the sale to have failed", async || school.sale(first).await.state == SaleState::Failed).await;

    let second = school.buys(buyer).await;

    school.page_of(second).await;
    assert_ne!(first, second);
}
