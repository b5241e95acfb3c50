//! Messages of PayPal's that were lost are made up for, and what does not agree is shown and left alone.

use faena_tests::{
    sandbox::{HttpRule, PaypalFunding, PaypalHappening, StripeHappening},
    wait::until,
};
use jobs::payments::{check_pending_payments::CheckPendingPayments, reconcile_payments::ReconcilePayments};
use serde_json::json;

use super::{School, words};

#[tokio::test]
async fn who_agreed_and_was_not_heard_of_has_the_course_within_the_hour() {
    let school = School::open().await;
    school.hears_nothing().await;
    let (agreed, order) = school.at_the_order("ana").await;
    let (left, _) = school.at_the_order("luz").await;
    let (slow, from_bank) = school.at_the_order("eva").await;
    school.approves(&order, PaypalFunding::Instant).await;
    school.approves(&from_bank, PaypalFunding::Echeck).await;
    sqlx::query(
        "update school.sales set created_at = created_at - interval '16 minutes', expires_at = now() - interval '1 second'",
    )
    .execute(&school.site.stores.db)
    .await
    .unwrap();

    school.does(CheckPendingPayments {}).await;

    assert_eq!((school.state(agreed).await, school.access(agreed).await.as_str()), ("paid", "active"));
    assert_eq!((school.state(left).await, school.state(slow).await), ("expired", "pending"), "money on its way holds the place");
    school.at_paypal(PaypalHappening::Clear { order: from_bank }).await;
    school.does(CheckPendingPayments {}).await;
    assert_eq!((school.state(slow).await, school.letters("receipt").await), ("paid", 2));
}

#[tokio::test]
async fn at_night_lost_messages_are_made_up_for_and_differences_are_shown_and_left_alone() {
    let school = School::open().await;
    let mut sales = Vec::new();
    for name in ["ana", "luz", "eva", "ida"] {
        sales.push(school.paid_by_paypal(name).await);
    }
    school.hears_nothing().await;
    // One more has agreed from the bank, and nobody tells of the money.
    let (unheard, order) = school.at_the_order("sol").await;
    school.approves(&order, PaypalFunding::Echeck).await;
    school.does(jobs::payments::confirm_payment::ConfirmPayment { sale_id: unheard }).await;
    school.at_paypal(PaypalHappening::Clear { order }).await;
    school.does(ReconcilePayments {}).await;
    assert_eq!((school.state(unheard).await, school.access(unheard).await.as_str()), ("paid", "active"));
    assert_eq!(school.notices().await, "");
    let [(returned, returned_order), (disputed, disputed_order), (changed, changed_order), (strange, strange_order)] =
        <[_; 4]>::try_from(sales).unwrap();

    // A refund and a dispute that nobody told of; and what cannot be.
    school.at_paypal(PaypalHappening::Refund { order: returned_order, value: "49.00".to_owned() }).await;
    school.at_paypal(PaypalHappening::Dispute { order: disputed_order }).await;
    let forged = |order, capture| PaypalHappening::Forge { order, unit: json!({}), capture };
    school.at_paypal(forged(changed_order, json!({ "amount": { "currency_code": "USD", "value": "50.00" } }))).await;
    school.at_paypal(forged(strange_order, json!({ "status": "PENDING" }))).await;
    school.does(ReconcilePayments {}).await;

    assert_eq!((school.state(returned).await, school.state(disputed).await), ("refunded", "disputed"));
    let page = school.browser("admin").await.page("/admin/reconciliation").await;
    let shown = words(&page, ".differences tbody");
    assert!(shown.contains("El importe no es el mismo 49 USD 50 USD"), "{shown}");
    assert!(shown.contains("Aquí está pagada y allí no 49 USD 49 USD"), "{shown}");
    for sale in [changed, strange] {
        assert!(shown.contains(&sale.to_string()));
        assert_eq!((school.state(sale).await, school.access(sale).await.as_str()), ("paid", "active"), "nothing was mended");
        assert_eq!(school.books(sale).await, "clearing 4680, fees 220, revenue -4900");
    }
    assert!(school.notices().await.contains("no coinciden en 2 pagos"), "{}", school.notices().await);
}

#[tokio::test]
async fn a_provider_that_does_not_let_us_in_holds_no_other_up() {
    let school = School::open().await;
    school.hears_nothing().await;
    let (sale, session) = school.at_the_page("ana").await;
    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();
    // The app was never allowed to search.
    school.site.sandbox.misbehave_paypal([HttpRule::status(403).path("/v1/reporting/")]).await.unwrap();
    let mut tx = school.site.stores.db.begin().await.unwrap();
    queue::enqueue(&mut tx, ReconcilePayments {}).await.unwrap();
    tx.commit().await.unwrap();

    until("the sale to be paid", async || school.state(sale).await == "paid").await;

    until("somebody to be told", async || school.notices().await.contains("paypal no nos deja entrar")).await;
    let compared: Vec<String> =
        sqlx::query_scalar("select provider from school.reconciliations").fetch_all(&school.site.stores.db).await.unwrap();
    assert_eq!(compared, ["stripe"]);
}

#[tokio::test]
async fn how_a_known_dispute_ended_is_found_at_night_though_nobody_told() {
    let school = School::open().await;
    let ((won, won_order), (lost, lost_order)) = (school.paid_by_paypal("ana").await, school.paid_by_paypal("luz").await);
    for (sale, order) in [(won, &won_order), (lost, &lost_order)] {
        school.at_paypal(PaypalHappening::Dispute { order: order.clone() }).await;
        assert_eq!(school.settled(sale).await, ("disputed", "suspended".to_owned()));
    }
    school.hears_nothing().await;
    let decide = |order: String, outcome: &str| PaypalHappening::Decide { order, outcome: outcome.to_owned() };
    school.at_paypal(decide(won_order, "RESOLVED_SELLER_FAVOUR")).await;
    school.at_paypal(decide(lost_order, "RESOLVED_BUYER_FAVOUR")).await;

    school.does(ReconcilePayments {}).await;

    assert_eq!((school.state(won).await, school.access(won).await.as_str()), ("paid", "active"));
    assert_eq!((school.state(lost).await, school.access(lost).await.as_str()), ("lost", "revoked"));
    assert_eq!(school.books(lost).await, "clearing -220, disputes 4900, fees 220, revenue -4900");
    assert_eq!(school.notices().await, "");
}

#[tokio::test]
async fn what_goes_back_of_an_order_that_is_forgotten_is_found_at_night_and_so_is_its_failing() {
    let school = School::open().await;
    let (sale, order) = school.paid_by_paypal("ana").await;
    school.hears_nothing().await;
    school.at_paypal(PaypalHappening::Refund { order: order.clone(), value: "49.00".to_owned() }).await;
    school.at_paypal(PaypalHappening::Forget { order: order.clone() }).await;

    school.does(ReconcilePayments {}).await;

    assert_eq!((school.state(sale).await, school.access(sale).await.as_str()), ("refunded", "revoked"));
    assert_eq!(school.books(sale).await, "clearing -220, fees 220, refunds 4900, revenue -4900");
    assert_eq!(school.notices().await, "");

    // A bank sends it back, days after it was done. PayPal's list does not have it any more.
    school.at_paypal(PaypalHappening::FailRefund { order }).await;
    school.does(ReconcilePayments {}).await;

    assert_eq!((school.state(sale).await, school.access(sale).await.as_str()), ("paid", "active"));
    assert_eq!(school.books(sale).await, "clearing 4680, fees 220, revenue -4900");
    assert!(school.notices().await.contains("falló después de aceptada"), "{}", school.notices().await);
    let kept: i64 =
        sqlx::query_scalar("select count(*) from school.listed_refunds").fetch_one(&school.site.stores.db).await.unwrap();
    assert_eq!(kept, 0, "its name is in the books");
}

#[tokio::test]
async fn a_sale_that_is_forgotten_there_is_shown_once_and_kills_no_job_each_night() {
    let school = School::open().await;
    let (sale, order) = school.paid_by_paypal("ana").await;
    school.at_paypal(PaypalHappening::Refund { order, value: "49.00".to_owned() }).await;
    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    school.hears_nothing().await;
    // A month ago, under a name that PayPal knows no more.
    let db = &school.site.stores.db;
    let past =
        "update school.sales set checkout_ref = 'FORGOTTEN', payment_ref = null, created_at = created_at - interval '20 days'";
    sqlx::query(past).execute(db).await.unwrap();

    for _ in 0..2 {
        school.does(ReconcilePayments {}).await;
    }

    let ends: Vec<(String, String)> = sqlx::query_as(
        "select distinct state, reason from faena.jobs where state = 'dead' or name = 'confirm_payment' and reason like '%knows of%'",
    )
    .fetch_all(db)
    .await
    .unwrap();
    let said = "paypal no longer knows of the sale: see /admin/reconciliation".to_owned();
    assert_eq!(ends, [("cancelled".to_owned(), said)]);
    let page = school.browser("admin").await.page("/admin/reconciliation").await;
    let shown = words(&page, ".differences tbody");
    assert!(shown.contains("Allí no la conocen 49 USD") && shown.contains(&sale.to_string()), "{shown}");
    assert_eq!(shown.matches("Allí no la conocen").count(), 1, "{shown}");
    assert!(school.notices().await.contains("no coinciden en 1 pagos"), "{}", school.notices().await);
    assert_eq!(school.state(sale).await, "refunded", "nothing was mended");
}
