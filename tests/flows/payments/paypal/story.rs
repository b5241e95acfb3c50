//! Somebody buys a course by PayPal, from the click to the letter.

use faena_tests::{
    sandbox::{PaypalFunding, PaypalHappening},
    wait::{eventually, until},
};
use jobs::payments::{check_pending_payments::CheckPendingPayments, sale::SaleId};

use super::{School, attribute, leads_to, words};

/// 49.00 less 3.49 % and 49 cents.
const BOOKS: &str = "clearing 4680, fees 220, revenue -4900";

impl School {
    /// A learner chooses PayPal on the course's page: their browser, the page of the purchase, and that of PayPal.
    async fn chooses_paypal(&self) -> (super::super::Browser, String, String) {
        let learner = self.browser("aprendiz").await;
        let answer = learner.sends("/cursos/rust", "/cursos/rust/comprar", &[("provider", "paypal")]).await;
        let pay = leads_to(&answer);
        let link = eventually("the page to pay at", async || {
            let page = learner.page(&pay).await;
            page.contains("Ir a pagar").then(|| attribute(&page, ".button", "href"))
        })
        .await;
        (learner, pay.trim_end_matches("/pagar").to_owned(), link)
    }
}

fn sale_of(purchase: &str) -> SaleId {
    SaleId(purchase.rsplit('/').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn who_agrees_gets_the_course_and_a_receipt() {
    let school = School::open().await;
    let offer = school.browser("aprendiz").await.page("/cursos/rust").await;
    assert!(offer.contains("Pagar con tarjeta") && offer.contains("Pagar con PayPal"), "{offer}");
    let (learner, purchase, link) = school.chooses_paypal().await;
    let page = learner.client.get(&link).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Rust con «ñ»") && page.contains("49.00 USD"), "{page}");

    let agreed = learner.client.post(&link).form(&[("how", "pay")]).send().await.unwrap();

    let back = leads_to(&agreed).replace(&school.site.url, "");
    assert!(back.starts_with(&format!("{purchase}?token=")), "{back}");
    let answer = learner.client.get(format!("{}{back}", school.site.url)).send().await.unwrap();
    assert_eq!(leads_to(&answer), purchase, "a page that can be looked at again and again");
    eventually("the purchase to be paid", async || (words(&learner.page(&purchase).await, ".state") == "Pagada").then_some(()))
        .await;
    assert!(learner.page("/mis-cursos").await.contains("Rust con"));
    let letter = school.site.sandbox.mail_to("aprendiz@faena.example").await.unwrap();
    assert!(letter.text.as_deref().unwrap().contains("PayPal"), "{letter:?}");
    let sale = sale_of(&purchase);
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!(school.books(sale).await, BOOKS);
    assert_eq!(school.at_paypal_there_are("tokens").await, 1, "a token is used as long as it is good");
}

#[tokio::test]
async fn who_agrees_and_closes_the_page_gets_the_course_all_the_same() {
    let school = School::open().await;
    let (sale, order) = school.at_the_order("ana").await;

    school.approves(&order, PaypalFunding::Instant).await;

    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!((school.books(sale).await.as_str(), school.letters("receipt").await), (BOOKS, 1));
    assert_eq!(school.at_paypal_there_are("captures").await, 1);
}

#[tokio::test]
async fn who_comes_back_need_not_wait_for_paypals_message() {
    let school = School::open().await;
    school.hears_nothing().await;
    let (learner, purchase, link) = school.chooses_paypal().await;
    let agreed = learner.client.post(&link).form(&[("how", "pay")]).send().await.unwrap();

    learner.client.get(leads_to(&agreed)).send().await.unwrap();

    until("the sale to be paid", async || school.state(sale_of(&purchase)).await == "paid").await;
}

#[tokio::test]
async fn who_comes_back_without_having_agreed_can_still_pay() {
    let school = School::open().await;
    let (learner, purchase, link) = school.chooses_paypal().await;
    let cancelled = learner.client.post(&link).form(&[("how", "cancel")]).send().await.unwrap();
    let back = leads_to(&learner.client.get(leads_to(&cancelled)).send().await.unwrap());
    assert_eq!(back, format!("{purchase}?done=unpaid"));
    let page = learner.page(&back).await;
    assert!(page.contains("Volviste sin pagar") && page.contains("Ir a pagar"), "{page}");
    assert!(!page.contains("Esperamos noticias"), "{page}");
    assert_eq!(attribute(&page, "button[name=provider]", "value"), "stripe");
    assert_eq!(school.settled(sale_of(&purchase)).await, ("pending", "none".to_owned()));

    learner.client.post(&link).form(&[("how", "pay")]).send().await.unwrap();

    assert_eq!(school.settled(sale_of(&purchase)).await, ("paid", "active".to_owned()));
}

#[tokio::test]
async fn who_pays_in_a_way_that_is_declined_is_told_and_chooses_another() {
    let school = School::open().await;
    let (learner, purchase, link) = school.chooses_paypal().await;
    let agreed = learner.client.post(&link).form(&[("how", "declined")]).send().await.unwrap();
    learner.client.get(leads_to(&agreed)).send().await.unwrap();

    let page = eventually("the person to be told", async || {
        let page = learner.page(&purchase).await;
        page.contains("Ese medio de pago fue rechazado").then_some(page)
    })
    .await;

    assert!(page.contains("Ir a pagar"), "{page}");
    assert_eq!(school.settled(sale_of(&purchase)).await, ("pending", "none".to_owned()));
    let english = learner.page(&purchase.replace("compras", "purchases")).await;
    assert!(english.contains("That way of paying was declined"), "{english}");
    learner.client.post(&link).form(&[("how", "pay")]).send().await.unwrap();
    assert_eq!(school.settled(sale_of(&purchase)).await, ("paid", "active".to_owned()));
    assert_eq!(school.at_paypal_there_are("captures").await, 1);
}

#[tokio::test]
async fn money_from_the_bank_opens_nothing_until_it_comes() {
    let school = School::open().await;
    let (comes, order) = school.at_the_order("ana").await;
    let (fails, other) = school.at_the_order("luz").await;
    for order in [&order, &other] {
        school.approves(order, PaypalFunding::Echeck).await;
    }
    for sale in [comes, fails] {
        assert_eq!(school.settled(sale).await, ("pending", "none".to_owned()));
        assert_eq!(school.books(sale).await, "");
    }

    school.at_paypal(PaypalHappening::Clear { order }).await;
    school.at_paypal(PaypalHappening::Deny { order: other }).await;

    assert_eq!(school.settled(comes).await, ("paid", "active".to_owned()));
    assert_eq!(school.settled(fails).await, ("failed", "none".to_owned()));
    assert_eq!((school.books(comes).await.as_str(), school.books(fails).await.as_str()), (BOOKS, ""));
    assert_eq!(school.letters("receipt").await, 1);
}

#[tokio::test]
async fn money_on_its_way_keeps_its_place_and_nobody_is_led_to_pay_again() {
    let school = School::open().await;
    let (learner, purchase, link) = school.chooses_paypal().await;
    learner.client.post(&link).form(&[("how", "echeck")]).send().await.unwrap();
    let sale = sale_of(&purchase);
    assert_eq!(school.settled(sale).await, ("pending", "none".to_owned()));

    let page = learner.page(&purchase).await;
    assert_eq!(words(&page, ".state"), "Pago en camino");
    assert!(page.contains("No vuelvas a pagar") && !page.contains("Ir a pagar"), "{page}");
    assert!(words(&learner.page("/compras").await, "tbody").contains("Pago en camino"));
    assert!(learner.page(&purchase.replace("compras", "purchases")).await.contains("Payment on its way"));
    let pay = learner.client.get(format!("{}{purchase}/pagar", school.site.url)).send().await.unwrap();
    assert_eq!(leads_to(&pay), purchase, "the provider's page is finished");
    for provider in ["stripe", "paypal"] {
        let answer = learner.sends("/cursos/rust", "/cursos/rust/comprar", &[("provider", provider)]).await;
        assert_eq!(leads_to(&answer), purchase, "{provider}");
    }
    assert_eq!(school.state(sale).await, "pending");

    school.at_paypal(PaypalHappening::Clear { order: school.page_of(sale).await }).await;
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!(words(&learner.page(&purchase).await, ".state"), "Pagada");
}

#[tokio::test]
async fn an_order_that_is_forgotten_or_taken_back_ends_the_sale() {
    let school = School::open().await;
    let (forgotten, order) = school.at_the_order("ana").await;
    let (taken_back, other) = school.at_the_order("luz").await;
    school.at_paypal(PaypalHappening::TakeBack { order: other }).await;
    assert_eq!(school.settled(taken_back).await, ("expired", "none".to_owned()));
    school.at_paypal(PaypalHappening::Forget { order }).await;
    sqlx::query(
        "update school.sales set created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' where id = $1",
    )
    .bind(forgotten)
    .execute(&school.site.stores.db)
    .await
    .unwrap();

    school.does(CheckPendingPayments {}).await;

    assert_eq!(school.settled(forgotten).await, ("expired", "none".to_owned()));
}

#[tokio::test]
async fn paypal_is_offered_only_for_what_it_takes() {
    let school = School::open().await;
    for (currency, price, is_offered) in
        [("COP", 14_990_000, false), ("HUF", 123_450, false), ("HUF", 123_400, true), ("JPY", 500, true), ("USD", 4900, true)]
    {
        sqlx::query("update school.courses set currency = $1, price_minor = $2")
            .bind(currency)
            .bind(price)
            .execute(&school.site.stores.db)
            .await
            .unwrap();
        let page = school.browser("aprendiz").await.page("/cursos/rust").await;
        assert_eq!(page.contains("Pagar con PayPal"), is_offered, "{price} {currency}");
        assert!(page.contains("Pagar con tarjeta"));
    }
    sqlx::query("update school.courses set currency = 'JPY', price_minor = 500").execute(&school.site.stores.db).await.unwrap();

    let (sale, order) = school.at_the_order("ana").await;
    school.approves(&order, PaypalFunding::Instant).await;

    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert_eq!(school.sale(sale).await.charged().minor, 500);
}
