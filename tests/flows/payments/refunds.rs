//! Money that goes back, by our hand, by somebody at Stripe, or by a bank's.

use faena_tests::sandbox::StripeHappening;
use jobs::payments::sale::SaleId;
use reqwest::StatusCode;

use super::{School, leads_to, words};

impl School {
    /// Somebody who has paid.
    async fn paid(&self, name: &str) -> (SaleId, String) {
        let (sale, session) = self.at_the_page(name).await;
        self.site
            .sandbox
            .at_stripe(StripeHappening::Pay { session: session.clone(), amount: None, currency: None })
            .await
            .unwrap();
        assert_eq!(self.settled(sale).await, ("paid", "active".to_owned()));
        (sale, session)
    }
}

#[tokio::test]
async fn an_admin_gives_a_part_back_and_then_the_rest_and_never_more() {
    let school = School::open().await;
    let (sale, _) = school.paid("ana").await;
    let admin = school.browser("admin").await;
    let (path, to) = (format!("/admin/sales/{sale}"), format!("/admin/sales/{sale}/refund"));

    let answer = admin.sends(&path, &to, &[("amount", "19,50"), ("reason", "No era lo que esperaba")]).await;

    assert_eq!(leads_to(&answer), format!("{path}?done=refund"));
    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    assert_eq!(school.books(sale).await, "clearing 2778, fees 172, refunds 1950, revenue -4900");
    for (amount, said) in [
        ("29,51", "Es más de lo que queda: 29,50 USD."),
        ("1.234", "más decimales"),
        ("mucho", "Escribe un importe"),
        ("0", "Es más de lo que queda"),
    ] {
        let refused = admin.sends(&path, &to, &[("amount", amount), ("reason", "")]).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(words(&refused.text().await.unwrap(), "#amount-problem").contains(said), "{amount}");
    }
    assert_eq!(leads_to(&admin.sends(&path, &to, &[("amount", ""), ("reason", "")]).await), format!("{path}?done=refund"));
    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    assert_eq!(school.books(sale).await, "clearing -172, fees 172, refunds 4900, revenue -4900");
    assert_eq!(school.letters("refund").await, 2);
    let written: i64 =
        sqlx::query_scalar("select count(*) from core.audit_log where action = 'refund_sale' and subject = 'sale:' || $1::text")
            .bind(sale)
            .fetch_one(&school.site.stores.db)
            .await
            .unwrap();
    assert_eq!(written, 2);
    let learner = school.browser("aprendiz").await;
    assert_eq!(learner.client.get(format!("{}{path}", school.site.url)).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    // The course can be bought again.
    let again = school.buys(school.sale(sale).await.user_id).await;
    assert_ne!(again, sale);
}

#[tokio::test]
async fn two_refunds_at_once_do_not_give_back_more_than_came() {
    let school = School::open().await;
    let (sale, _) = school.paid("ana").await;
    let (one, other) = (school.browser("admin").await, school.browser("admin").await);
    let (path, to) = (format!("/admin/sales/{sale}"), format!("/admin/sales/{sale}/refund"));
    let fields = [("amount", "30"), ("reason", "")];

    let (first, second) = tokio::join!(one.sends(&path, &to, &fields), other.sends(&path, &to, &fields));

    let mut statuses = [first.status().as_u16(), second.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    assert_eq!(school.site.sandbox.stripe_objects().await.unwrap()["refunds"], 1);
}

#[tokio::test]
async fn a_refund_at_stripes_own_pages_counts_and_one_that_fails_is_undone() {
    let school = School::open().await;
    let (sale, session) = school.paid("ana").await;

    school.site.sandbox.at_stripe(StripeHappening::Refund { session: session.clone(), amount: 4900 }).await.unwrap();

    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    assert_eq!(school.books(sale).await, "clearing -172, fees 172, refunds 4900, revenue -4900");
    school.site.sandbox.at_stripe(StripeHappening::FailRefund { session }).await.unwrap();
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!(school.books(sale).await, "clearing 4728, fees 172, revenue -4900");
}

#[tokio::test]
async fn a_dispute_suspends_and_its_end_decides() {
    let school = School::open().await;
    let ((won, won_page), (lost, lost_page)) = (school.paid("ana").await, school.paid("luz").await);
    for session in [&won_page, &lost_page] {
        school.site.sandbox.at_stripe(StripeHappening::Dispute { session: session.clone() }).await.unwrap();
    }
    for sale in [won, lost] {
        assert_eq!(school.settled(sale).await, ("disputed", "suspended".to_owned()));
        assert_eq!(school.books(sale).await, "clearing -172, disputes 4900, fees 172, revenue -4900");
        assert!(school.notices().await.contains(&format!("El banco reclama el pago de la compra {sale}")));
    }

    school.site.sandbox.at_stripe(StripeHappening::Decide { session: won_page, won: true }).await.unwrap();
    school.site.sandbox.at_stripe(StripeHappening::Decide { session: lost_page, won: false }).await.unwrap();

    assert_eq!(school.settled(won).await, ("paid", "active".to_owned()));
    assert_eq!(school.settled(lost).await, ("lost", "revoked".to_owned()));
    assert_eq!(school.books(won).await, "clearing 4728, fees 172, revenue -4900");
    assert_eq!(school.books(lost).await, "clearing -172, disputes 4900, fees 172, revenue -4900");
    assert_eq!((school.notices().await, school.letters("receipt").await), (String::new(), 2));
}
