//! Money that goes back from PayPal: by our hand, at PayPal's own pages, by a bank's, or by a decision.

use faena_tests::sandbox::PaypalHappening;
use reqwest::StatusCode;

use super::{School, leads_to, words};

#[tokio::test]
async fn an_admin_gives_a_part_back_and_then_the_rest_and_never_more() {
    let school = School::open().await;
    let (sale, _) = school.paid_by_paypal("ana").await;
    let admin = school.browser("admin").await;
    let (path, to) = (format!("/admin/sales/{sale}"), format!("/admin/sales/{sale}/refund"));

    let answer = admin.sends(&path, &to, &[("amount", "19,50"), ("reason", "No era lo que esperaba")]).await;

    assert_eq!(leads_to(&answer), format!("{path}?done=refund"));
    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    assert_eq!(school.books(sale).await, "clearing 2730, fees 220, refunds 1950, revenue -4900");
    let refused = admin.sends(&path, &to, &[("amount", "29,51"), ("reason", "")]).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(leads_to(&admin.sends(&path, &to, &[("amount", ""), ("reason", "")]).await), format!("{path}?done=refund"));
    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    assert_eq!(school.books(sale).await, "clearing -220, fees 220, refunds 4900, revenue -4900");
    assert_eq!((school.letters("refund").await, school.at_paypal_there_are("refunds").await), (2, 2));
    let page = admin.page(&path).await;
    assert!(words(&page, ".facts").contains("PayPal") && page.contains("PAYMENT.CAPTURE.REFUNDED"), "{page}");
}

#[tokio::test]
async fn what_others_give_back_counts_and_what_fails_is_undone() {
    let school = School::open().await;
    let (sale, order) = school.paid_by_paypal("ana").await;

    school.at_paypal(PaypalHappening::Refund { order: order.clone(), value: "49.00".to_owned() }).await;

    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    school.at_paypal(PaypalHappening::FailRefund { order }).await;
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!(school.books(sale).await, "clearing 4680, fees 220, revenue -4900");
}

#[tokio::test]
async fn what_a_bank_takes_back_without_a_word_has_gone_back() {
    let school = School::open().await;
    let (sale, order) = school.paid_by_paypal("ana").await;

    school.at_paypal(PaypalHappening::Reverse { order }).await;

    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    assert_eq!(school.books(sale).await, "clearing -220, fees 220, refunds 4900, revenue -4900");
}

#[tokio::test]
async fn talk_changes_nothing_a_claim_suspends_and_its_end_decides() {
    let school = School::open().await;
    let ((won, won_order), (lost, lost_order)) = (school.paid_by_paypal("ana").await, school.paid_by_paypal("luz").await);
    for order in [&won_order, &lost_order] {
        school.at_paypal(PaypalHappening::Inquire { order: order.clone() }).await;
    }
    for sale in [won, lost] {
        assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()), "the two still talk");
    }
    for order in [&won_order, &lost_order] {
        school.at_paypal(PaypalHappening::Dispute { order: order.clone() }).await;
    }
    for sale in [won, lost] {
        assert_eq!(school.settled(sale).await, ("disputed", "suspended".to_owned()));
        assert_eq!(school.books(sale).await, "clearing -220, disputes 4900, fees 220, revenue -4900");
        assert!(school.notices().await.contains(&format!("El banco reclama el pago de la compra {sale}")));
    }

    let decide = |order: String, outcome: &str| PaypalHappening::Decide { order, outcome: outcome.to_owned() };
    school.at_paypal(decide(won_order, "RESOLVED_SELLER_FAVOUR")).await;
    school.at_paypal(decide(lost_order, "RESOLVED_BUYER_FAVOUR")).await;

    assert_eq!(school.settled(won).await, ("paid", "active".to_owned()));
    assert_eq!(school.settled(lost).await, ("lost", "revoked".to_owned()));
    assert_eq!(school.books(won).await, "clearing 4680, fees 220, revenue -4900");
    // PayPal shows the money that it took as a refund too; it went once.
    assert_eq!(school.books(lost).await, "clearing -220, disputes 4900, fees 220, revenue -4900");
    assert_eq!((school.notices().await, school.letters("receipt").await), (String::new(), 2));
}

#[tokio::test]
async fn what_is_given_back_after_a_dispute_that_was_won_is_a_refund() {
    let school = School::open().await;
    let (sale, order) = school.paid_by_paypal("ana").await;
    school.at_paypal(PaypalHappening::Dispute { order: order.clone() }).await;
    assert_eq!(school.settled(sale).await, ("disputed", "suspended".to_owned()));
    school.at_paypal(PaypalHappening::Decide { order: order.clone(), outcome: "RESOLVED_SELLER_FAVOUR".to_owned() }).await;
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));

    // As much as the dispute was about, and at PayPal's own pages.
    school.at_paypal(PaypalHappening::Refund { order, value: "49.00".to_owned() }).await;

    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    assert_eq!(school.books(sale).await, "clearing -220, fees 220, refunds 4900, revenue -4900");
    assert_eq!((school.notices().await, school.letters("refund").await), (String::new(), 1));
}

#[tokio::test]
async fn a_refund_of_an_order_that_is_forgotten_is_known_by_its_own_name() {
    let school = School::open().await;
    let (sale, order) = school.paid_by_paypal("ana").await;
    school.at_paypal(PaypalHappening::Refund { order: order.clone(), value: "10.00".to_owned() }).await;
    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    school.at_paypal(PaypalHappening::Forget { order }).await;
    let admin = school.browser("admin").await;
    let path = format!("/admin/sales/{sale}");

    admin.sends(&path, &format!("{path}/refund"), &[("amount", ""), ("reason", "")]).await;

    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    assert_eq!(school.books(sale).await, "clearing -220, fees 220, refunds 4900, revenue -4900");
}

#[tokio::test]
async fn money_that_came_by_nobody_knows_which_payment_is_not_given_back_from_here() {
    let school = School::open().await;
    let (sale, _) = school.paid_by_paypal("ana").await;
    sqlx::query("update school.sales set payment_ref = null where id = $1")
        .bind(sale)
        .execute(&school.site.stores.db)
        .await
        .unwrap();
    let admin = school.browser("admin").await;
    let (path, to) = (format!("/admin/sales/{sale}"), format!("/admin/sales/{sale}/refund"));

    let page = admin.page(&path).await;

    assert!(words(&page, ".refund-unknown").contains("se anotó sin el nombre de su pago"), "{page}");
    assert!(!page.contains(&to), "{page}");
    let refused =
        admin.sends(&path, &to, &[("amount", ""), ("reason", ""), ("key", "0195d1c5-0000-7000-8000-000000000001")]).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(school.at_paypal_there_are("refunds").await, 0);
}
