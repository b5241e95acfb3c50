//! Payments that are not what was agreed: no course, and somebody is told.

use faena_tests::sandbox::StripeHappening;
use jobs::payments::sale::SaleState;
use serde_json::json;

use super::{School, leads_to};

#[tokio::test]
async fn a_payment_that_is_not_the_sales_opens_nothing_and_somebody_is_told() {
    let school = School::open().await;
    for (name, amount, currency, told, books) in [
        ("ana", Some(4899), None, "el importe no es el de la compra", "clearing 4727, fees 172, suspense -4899"),
        ("luz", Some(9800), None, "the amount is not that of the sale", "clearing 9486, fees 314, suspense -9800"),
        ("eva", None, Some("MXN".to_owned()), "la moneda no es la de la compra", "clearing 4728, fees 172, suspense -4900"),
    ] {
        let (sale, session) = school.at_the_page(name).await;

        school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount, currency }).await.unwrap();

        assert_eq!(school.settled(sale).await, ("review", "none".to_owned()), "{name}");
        let notices = school.notices().await;
        assert!(notices.contains(told) && notices.contains(&sale.to_string()), "{notices}");
        assert_eq!(school.books(sale).await, books);
    }
    assert_eq!(school.letters("receipt").await, 0);
    let income: i64 =
        sqlx::query_scalar("select count(*) from school.sale_movements").fetch_one(&school.site.stores.db).await.unwrap();
    assert_eq!(income, 0, "what is in suspense is no income");
}

#[tokio::test]
async fn a_payment_that_is_somebody_elses_is_not_booked_at_all() {
    let school = School::open().await;
    let stranger = "0195d1c5-0000-7000-8000-000000000001";
    for (name, fields, intent, told) in [
        ("ana", json!({}), json!({ "metadata": { "sale_id": stranger } }), "the payment is for another sale"),
        ("luz", json!({ "livemode": true }), json!({}), "of the other world"),
        ("eva", json!({}), json!({ "on_behalf_of": "acct_other" }), "did not come to our account"),
        ("ida", json!({}), json!({ "transfer_data": { "destination": "acct_other" } }), "did not come to our account"),
    ] {
        // Forged before anybody has heard of the payment.
        school.site.sandbox.send_stripe_events_to(None, 1).await.unwrap();
        let (sale, session) = school.at_the_page(name).await;
        school
            .site
            .sandbox
            .at_stripe(StripeHappening::Pay { session: session.clone(), amount: None, currency: None })
            .await
            .unwrap();
        let webhook = format!("{}/webhooks/stripe", school.site.url);
        school.site.sandbox.send_stripe_events_to(Some(&webhook), 1).await.unwrap();

        school.site.sandbox.at_stripe(StripeHappening::Forge { session, fields, intent }).await.unwrap();

        faena_tests::wait::until("the sale to be in review", async || school.sale(sale).await.state == SaleState::Review).await;
        assert_eq!((school.access(sale).await, school.books(sale).await), ("none".to_owned(), String::new()), "{name}");
        assert!(school.notices().await.contains(told), "{name}: {}", school.notices().await);
    }
}

#[tokio::test]
async fn who_has_paid_twice_gets_one_course_and_the_second_payment_back() {
    let school = School::open().await;
    let (first, first_page) = school.at_the_page("ana").await;
    let buyer = school.sale(first).await.user_id;
    // The first page is as good as forgotten; the person begins anew.
    sqlx::query("update school.sales set expires_at = now() - interval '1 minute'")
        .execute(&school.site.stores.db)
        .await
        .unwrap();
    let second = school.buys(buyer).await;
    let second_page = school.page_of(second).await;
    let pay = |session: String| StripeHappening::Pay { session, amount: None, currency: None };
    school.site.sandbox.at_stripe(pay(second_page)).await.unwrap();
    assert_eq!(school.settled(second).await, ("paid", "active".to_owned()));

    school.site.sandbox.at_stripe(pay(first_page)).await.unwrap();

    assert_eq!(school.settled(first).await, ("refunded", "active".to_owned()));
    // One may have been asked about while the refund was still on its way.
    assert_eq!(school.settled(first).await, ("refunded", "active".to_owned()));
    assert_eq!(school.books(first).await, "clearing -172, fees 172");
    assert_eq!(school.books(second).await, "clearing 4728, fees 172, revenue -4900");
    let notices = school.notices().await;
    assert!(notices.contains("ya estaba pagado") && !notices.contains("sigue cerrado"), "{notices}");
    let letter = school.letters_to("ana", "Te devolvimos", 1).await.swap_remove(0);
    assert!(
        letter.contains("Este pago sobraba: el curso ya es tuyo y sigue abierto.") && !letter.contains("deja de estar"),
        "{letter}"
    );
    assert_eq!((school.letters("receipt").await, school.letters("refund").await), (1, 1));
    assert_eq!(school.site.sandbox.stripe_objects().await.unwrap()["refunds"], 1);

    let admin = school.browser("admin").await;
    let path = format!("/admin/sales/{first}");
    assert!(leads_to(&admin.sends(&path, &format!("{path}/close-review"), &[]).await).ends_with("done=closed"));
    assert_eq!((school.notices().await, school.sale(first).await.state), (String::new(), SaleState::Refunded));
    // Closed again, nothing changes, and nothing else is claimed.
    let again = admin.sends(&path, &format!("{path}/close-review"), &[]).await;
    assert!(admin.page(&leads_to(&again)).await.contains("No cambió nada"));
}

#[tokio::test]
async fn a_payment_that_comes_late_still_opens_the_course() {
    let school = School::open().await;
    let (first, first_page) = school.at_the_page("ana").await;
    let buyer = school.sale(first).await.user_id;
    sqlx::query("update school.sales set expires_at = now() - interval '1 minute'")
        .execute(&school.site.stores.db)
        .await
        .unwrap();
    let second = school.buys(buyer).await;
    school.page_of(second).await;

    school.site.sandbox.at_stripe(StripeHappening::Pay { session: first_page, amount: None, currency: None }).await.unwrap();

    assert_eq!(school.settled(first).await, ("paid", "active".to_owned()));
    assert_eq!(school.settled(second).await, ("expired", "active".to_owned()), "it gave way");
}
