//! Payments by PayPal that are not what was agreed, or that are one too many.

use faena_tests::{
    judge::quiet,
    sandbox::{PaypalFunding, PaypalHappening, StripeHappening},
};
use jobs::payments::sale::Provider;
use serde_json::json;

use super::School;

#[tokio::test]
async fn an_order_that_is_not_the_sales_is_not_collected_and_somebody_is_told() {
    let school = School::open().await;
    let amount = |value: &str, currency: &str| json!({ "amount": { "value": value, "currency_code": currency } });
    for (name, unit, told) in [
        ("ana", amount("48.99", "USD"), "el importe no es el de la compra"),
        ("luz", amount("49.00", "MXN"), "la moneda no es la de la compra"),
        ("eva", json!({ "payee": { "merchant_id": "SOMEBODYELSE9" } }), "el dinero no llegó a nuestra cuenta"),
    ] {
        let (sale, order) = school.at_the_order(name).await;
        school.at_paypal(PaypalHappening::Forge { order: order.clone(), unit, capture: json!(null) }).await;

        school.approves(&order, PaypalFunding::Instant).await;

        assert_eq!(school.settled(sale).await, ("review", "none".to_owned()), "{name}");
        let notices = school.notices().await;
        assert!(notices.contains(told) && notices.contains(&sale.to_string()), "{notices}");
        assert_eq!(school.books(sale).await, "");
    }
    assert_eq!(school.at_paypal_there_are("captures").await, 0, "nobody was charged");
}

#[tokio::test]
async fn money_that_is_not_the_sales_stays_in_suspense_until_it_goes_back() {
    let school = School::open().await;
    for (name, value, currency, told, books) in [
        ("ana", Some("98.00"), None, "the amount is not that of the sale", "clearing 9409, fees 391, suspense -9800"),
        ("luz", None, Some("EUR"), "la moneda no es la de la compra", "clearing 4680, fees 220, suspense -4900"),
    ] {
        let (sale, order) = school.at_the_order(name).await;
        let (value, currency) = (value.map(str::to_owned), currency.map(str::to_owned));

        school.at_paypal(PaypalHappening::Approve { order, by: PaypalFunding::Instant, value, currency }).await;

        assert_eq!(school.settled(sale).await, ("review", "none".to_owned()), "{name}");
        assert!(school.notices().await.contains(told), "{}", school.notices().await);
        assert_eq!(school.books(sale).await, books);
    }
    assert_eq!(school.letters("receipt").await, 0);
}

#[tokio::test]
async fn a_payment_that_is_somebody_elses_is_not_booked_at_all() {
    let school = School::open().await;
    let stranger = "0195d1c5-0000-7000-8000-000000000001";
    for (name, unit, capture, told) in [
        ("ana", json!({ "custom_id": stranger }), json!(null), "the payment is for another sale"),
        ("luz", json!({}), json!({ "custom_id": stranger }), "the payment is for another sale"),
        ("eva", json!({ "payee": { "merchant_id": "SOMEBODYELSE9" } }), json!(null), "did not come to our account"),
    ] {
        let (sale, order) = school.at_the_order(name).await;
        school.approves(&order, PaypalFunding::Echeck).await;
        assert_eq!(school.settled(sale).await, ("pending", "none".to_owned()));
        school.at_paypal(PaypalHappening::Forge { order: order.clone(), unit, capture }).await;

        school.at_paypal(PaypalHappening::Clear { order }).await;

        faena_tests::wait::until("the sale to be in review", async || school.state(sale).await == "review").await;
        assert_eq!((school.access(sale).await, school.books(sale).await), ("none".to_owned(), String::new()), "{name}");
        assert!(school.notices().await.contains(told), "{name}: {}", school.notices().await);
    }
}

#[tokio::test]
async fn who_has_paid_by_stripe_is_not_charged_by_paypal_too() {
    let school = School::open().await;
    let (first, order) = school.at_the_order("ana").await;
    let second = school.buys(school.sale(first).await.user_id).await;
    let session = school.page_of(second).await;
    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();
    assert_eq!(school.settled(second).await, ("paid", "active".to_owned()));

    school.approves(&order, PaypalFunding::Instant).await;

    assert_eq!(school.settled(first).await, ("expired", "active".to_owned()));
    assert_eq!((school.at_paypal_there_are("captures").await, school.books(first).await.as_str()), (0, ""));
    assert_eq!(school.notices().await, "");
}

#[tokio::test]
async fn who_has_paid_by_both_gets_one_course_and_the_second_payment_back() {
    let school = School::open().await;
    // From the bank, and impatient: the other page is open before we hear of the first.
    school.hears_nothing().await;
    let (first, order) = school.at_the_order("ana").await;
    school.approves(&order, PaypalFunding::Echeck).await;
    school.at_paypal(PaypalHappening::Collect { order: order.clone() }).await;
    let second = school.buys(school.sale(first).await.user_id).await;
    let session = school.page_of(second).await;
    let (stripe, paypal) = (format!("{}/webhooks/stripe", school.site.url), format!("{}/hooks/paypal", school.site.url));
    school.site.sandbox.send_stripe_events_to(Some(&stripe), 1).await.unwrap();
    school.site.sandbox.send_paypal_events_to(Some(&paypal), 1).await.unwrap();
    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();
    faena_tests::wait::until("the second to be paid", async || school.state(second).await == "paid").await;

    school.at_paypal(PaypalHappening::Clear { order }).await;
    faena_tests::wait::until("the first to go back", async || school.state(first).await == "refunded").await;
    quiet(&school.site.stores).await;

    assert_eq!((school.state(first).await, school.access(first).await.as_str()), ("refunded", "active"));
    assert_eq!(school.books(first).await, "clearing -220, fees 220");
    assert_eq!(school.books(second).await, "clearing 4728, fees 172, revenue -4900");
    assert!(school.notices().await.contains("ya estaba pagado"), "{}", school.notices().await);
    assert_eq!((school.letters("receipt").await, school.letters("refund").await), (1, 1));
    assert_eq!(school.at_paypal_there_are("refunds").await, 1);
}

#[tokio::test]
async fn who_has_paid_by_paypal_gets_what_stripe_takes_afterwards_back() {
    let school = School::open().await;
    let (first, session) = school.at_the_page("ana").await;
    let buyer = school.sale(first).await.user_id;
    let second = school.buys_by(Provider::Paypal, buyer).await;
    let order = school.page_of(second).await;
    school.approves(&order, PaypalFunding::Instant).await;
    assert_eq!(school.settled(second).await, ("paid", "active".to_owned()));

    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();

    assert_eq!(school.settled(first).await, ("refunded", "active".to_owned()));
    assert_eq!(school.settled(first).await, ("refunded", "active".to_owned()));
    assert_eq!(school.books(first).await, "clearing -172, fees 172");
    assert_eq!(school.books(second).await, "clearing 4680, fees 220, revenue -4900");
}

#[tokio::test]
async fn a_payment_that_comes_late_still_opens_the_course() {
    let school = School::open().await;
    let (first, order) = school.at_the_order("ana").await;
    let second = school.buys(school.sale(first).await.user_id).await;
    school.page_of(second).await;
    assert_eq!(school.state(first).await, "expired", "another provider was chosen");

    school.approves(&order, PaypalFunding::Instant).await;

    assert_eq!(school.settled(first).await, ("paid", "active".to_owned()));
    assert_eq!(school.settled(second).await, ("expired", "active".to_owned()), "it gave way");
}
