//! PayPal is slow, away, or acts and does not say so; messages come again and again: the same happens, once.

use faena_tests::{
    sandbox::{HttpRule, PaypalFunding, PaypalHappening},
    wait::{eventually, until},
};
use jobs::payments::{
    refunds::order_refund,
    sale::{Provider, SaleState},
};
use uuid::Uuid;

use super::School;

#[tokio::test]
async fn what_was_done_and_not_told_is_done_once() {
    let school = School::open().await;
    let lost = |path: &str| HttpRule::keep_and_cut().method("POST").path(path).times(2);
    let orders =
        [lost("/v2/checkout/orders"), HttpRule::status(500).path("/v2/").once(), HttpRule::status(429).path("/v2/").once()];
    school.site.sandbox.misbehave_paypal(orders).await.unwrap();
    let (sale, order) = school.at_the_order("ana").await;
    assert_eq!(school.at_paypal_there_are("orders").await, 1);

    school.site.sandbox.misbehave_paypal([lost(&format!("/v2/checkout/orders/{order}/capture"))]).await.unwrap();
    school.approves(&order, PaypalFunding::Instant).await;
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!(school.at_paypal_there_are("captures").await, 1);

    school.site.sandbox.misbehave_paypal([lost("/v2/payments/captures")]).await.unwrap();
    order_refund(&school.site.stores.db, sale, None, school.person("admin").await, "", Uuid::new_v4()).await.unwrap();
    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    assert_eq!(school.at_paypal_there_are("refunds").await, 1);
    assert_eq!(school.books(sale).await, "clearing -220, fees 220, refunds 4900, revenue -4900");
    assert_eq!((school.letters("receipt").await, school.letters("refund").await), (1, 1));
}

#[tokio::test]
async fn messages_that_come_many_times_at_once_have_one_effect() {
    let school = School::open().await;
    let webhook = format!("{}/hooks/paypal", school.site.url);
    school.site.sandbox.send_paypal_events_to(Some(&webhook), 8).await.unwrap();
    let (sale, order) = school.at_the_order("ana").await;

    school.approves(&order, PaypalFunding::Instant).await;

    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!(
        (school.books(sale).await.as_str(), school.letters("receipt").await),
        ("clearing 4680, fees 220, revenue -4900", 1)
    );
    assert_eq!(school.at_paypal_there_are("captures").await, 1);
    let open: i64 = sqlx::query_scalar("select count(*) from school.payment_events where processed_at is null")
        .fetch_one(&school.site.stores.db)
        .await
        .unwrap();
    assert_eq!(open, 0, "every message was looked into");
}

#[tokio::test]
async fn a_dispute_that_is_told_before_its_payment_finds_its_sale() {
    let school = School::open().await;
    school.hears_nothing().await;
    let (sale, order) = school.at_the_order("ana").await;
    school.approves(&order, PaypalFunding::Echeck).await;
    school.does(jobs::payments::confirm_payment::ConfirmPayment { sale_id: sale }).await;
    school.at_paypal(PaypalHappening::Clear { order: order.clone() }).await;
    sqlx::query("update school.sales set payment_ref = null where id = $1")
        .bind(sale)
        .execute(&school.site.stores.db)
        .await
        .unwrap();
    let webhook = format!("{}/hooks/paypal", school.site.url);
    school.site.sandbox.send_paypal_events_to(Some(&webhook), 1).await.unwrap();

    // Nobody has told us of the payment; a refund names only the payment.
    school.at_paypal(PaypalHappening::Refund { order, value: "49.00".to_owned() }).await;

    until("the sale to be refunded", async || school.sale(sale).await.state == SaleState::Refunded).await;
    assert_eq!(school.books(sale).await, "clearing -220, fees 220, refunds 4900, revenue -4900");
}

#[tokio::test]
async fn a_token_that_is_taken_back_before_its_time_is_fetched_anew() {
    let school = School::open().await;
    let (sale, order) = school.at_the_order("ana").await;
    school.at_paypal(PaypalHappening::RevokeTokens {}).await;

    school.approves(&order, PaypalFunding::Instant).await;

    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!((school.at_paypal_there_are("tokens").await, school.notices().await), (1, String::new()));
}

#[tokio::test]
async fn a_secret_that_paypal_does_not_take_costs_no_attempt_and_somebody_is_told() {
    let school = School::open_with(&[("PAYPAL_CLIENT_SECRET", "of-somebody-else")]).await;

    let sale = school.buys_by(Provider::Paypal, school.person("ana").await).await;

    let told =
        eventually("somebody to be told", async || Some(school.notices().await).filter(|notices| !notices.is_empty())).await;
    assert!(told.contains("paypal no nos deja entrar: revisa sus claves") && told.contains("invalid_client"), "{told}");
    assert!(!told.contains("of-somebody-else") && !school.site.worker.log_text().contains("of-somebody-else"), "{told}");
    assert_eq!(school.sale(sale).await.state, SaleState::Pending);
}

#[tokio::test]
async fn what_paypal_refuses_for_good_ends_the_sale_and_the_person_can_begin_anew() {
    let school = School::open().await;
    school.site.sandbox.misbehave_paypal([HttpRule::status(422).path("/v2/checkout/orders").once()]).await.unwrap();
    let buyer = school.person("ana").await;
    let first = school.buys_by(Provider::Paypal, buyer).await;
    until("the sale to have failed", async || school.sale(first).await.state == SaleState::Failed).await;

    let second = school.buys_by(Provider::Paypal, buyer).await;
    let order = school.page_of(second).await;
    let capture = HttpRule::status(422).method("POST").path(&format!("/v2/checkout/orders/{order}/capture")).once();
    school.site.sandbox.misbehave_paypal([capture]).await.unwrap();
    school.approves(&order, PaypalFunding::Instant).await;

    assert_eq!(school.settled(second).await, ("failed", "none".to_owned()), "it could not be collected");
    let third = school.buys_by(Provider::Paypal, buyer).await;
    assert!(third != first && third != second);
}
