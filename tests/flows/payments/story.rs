//! Somebody buys a course, from the click to the letter.

use faena_tests::{sandbox::StripeHappening, wait::eventually};
use jobs::{
    accounts::locale::Locale,
    payments::{
        purchase::{Bought, buy},
        sale::Provider,
    },
};

use super::{School, attribute, leads_to, words};

#[tokio::test]
async fn who_pays_gets_the_course_and_a_receipt() {
    let school = School::open().await;
    let learner = school.browser("aprendiz").await;
    assert!(words(&learner.page("/cursos/rust").await, ".offer .price").contains("49 USD"));

    let answer = learner.sends("/cursos/rust", "/cursos/rust/comprar", &[("provider", "stripe")]).await;

    let pay = leads_to(&answer);
    // The page leads on by itself once Stripe has made its own.
    let link = eventually("the page to pay at", async || {
        let page = learner.page(&pay).await;
        page.contains("Ir a pagar").then(|| attribute(&page, ".button", "href"))
    })
    .await;
    let page = learner.client.get(&link).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Rust con «ñ»") && page.contains("4900"), "{page}");
    let paid = learner.client.post(&link).form(&[("how", "pay")]).send().await.unwrap();
    let purchase = leads_to(&paid).replace(&school.site.url, "");
    assert_eq!(pay, format!("{purchase}/pagar"));
    eventually("the purchase to be paid", async || (words(&learner.page(&purchase).await, ".state") == "Pagada").then_some(()))
        .await;
    assert!(learner.page("/mis-cursos").await.contains("Rust con"));
    assert!(learner.page("/compras").await.contains(&purchase));
    assert_eq!(
        leads_to(&learner.sends("/cuenta", "/cursos/rust/comprar", &[("provider", "stripe")]).await),
        "/cursos/rust?done=already"
    );
    let letter = school.site.sandbox.mail_to("aprendiz@faena.example").await.unwrap();
    assert_eq!(letter.subject, "Recibo de tu compra: Rust con «ñ» & cía.");
    assert!(letter.text.as_deref().unwrap().contains("49 USD") && letter.link_with("/cursos/rust").is_some(), "{letter:?}");
    let sale = jobs::payments::sale::SaleId(purchase.rsplit('/').next().unwrap().parse().unwrap());
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    // 49.00 less 2.9 % and 30 cents.
    assert_eq!(school.books(sale).await, "clearing 4728, fees 172, revenue -4900");
    let english = school.browser("cliente").await;
    assert!(
        english.page(&purchase.replace("compras", "purchases")).await.contains("nothing here"),
        "nobody sees another's purchase"
    );
}

#[tokio::test]
async fn who_comes_back_without_having_paid_reads_so_and_may_pay_in_another_way() {
    let school = School::open().await;
    let learner = school.browser("aprendiz").await;
    let pay = leads_to(&learner.sends("/cursos/rust", "/cursos/rust/comprar", &[("provider", "stripe")]).await);
    let link = eventually("the page to pay at", async || {
        let page = learner.page(&pay).await;
        page.contains("Ir a pagar").then(|| attribute(&page, ".button", "href"))
    })
    .await;

    let cancelled = learner.client.post(&link).form(&[("how", "cancel")]).send().await.unwrap();

    let purchase = pay.trim_end_matches("/pagar");
    let back = leads_to(&cancelled).replace(&school.site.url, "");
    assert_eq!(back, format!("{purchase}?done=unpaid"));
    let page = learner.page(&back).await;
    assert!(page.contains("Volviste sin pagar y no se cobró nada") && page.contains("Ir a pagar"), "{page}");
    assert!(!page.contains("Esperamos noticias"), "{page}");
    let other = attribute(&page, "button[name=provider]", "value");
    let again = leads_to(&learner.sends_form_of(&page, "/cursos/rust/comprar", &[("provider", other.as_str())]).await);
    assert!(other == "paypal" && again != pay && again.ends_with("/pagar"), "{other}: {again}");
    // The first page gave way to the second.
    assert!(learner.page(purchase).await.contains("Se acabó el tiempo para pagar"));
}

#[tokio::test]
async fn pressed_again_the_page_is_the_same_until_the_price_is_another() {
    let school = School::open().await;
    let buyer = school.person("ana").await;
    let first = school.buys(buyer).await;
    school.page_of(first).await;

    assert_eq!(school.buys(buyer).await, first);
    sqlx::query("update school.courses set price_minor = 5900").execute(&school.site.stores.db).await.unwrap();
    let second = school.buys(buyer).await;

    assert_ne!(second, first);
    school.page_of(second).await;
    assert_eq!(school.settled(first).await, ("expired", "none".to_owned()));
    assert_eq!(school.site.sandbox.stripe_objects().await.unwrap()["sessions"], 2);
}

#[tokio::test]
async fn money_that_is_promised_opens_nothing_until_it_comes() {
    let school = School::open().await;
    let (comes, session) = school.at_the_page("ana").await;
    let (fails, other) = school.at_the_page("luz").await;
    for session in [&session, &other] {
        school.site.sandbox.at_stripe(StripeHappening::Promise { session: session.clone() }).await.unwrap();
    }
    assert_eq!(school.settled(comes).await, ("pending", "none".to_owned()));
    let buyer = school.sale(comes).await.user_id;
    let elsewhere = buy(&school.site.stores.db, buyer, school.course, Provider::Paypal, Locale::Es).await.unwrap();
    assert_eq!(elsewhere, Bought::OnItsWay(comes));

    school.site.sandbox.at_stripe(StripeHappening::Arrive { session }).await.unwrap();
    school.site.sandbox.at_stripe(StripeHappening::Bounce { session: other }).await.unwrap();

    assert_eq!(school.settled(comes).await, ("paid", "active".to_owned()));
    assert_eq!(school.settled(fails).await, ("failed", "none".to_owned()));
    assert_eq!((school.books(fails).await.as_str(), school.letters("receipt").await), ("", 1));
    // What was refused in the end holds no place.
    school.buys(school.sale(fails).await.user_id).await;
}

#[tokio::test]
async fn a_page_that_closes_unpaid_ends_the_sale() {
    let school = School::open().await;
    let (sale, session) = school.at_the_page("ana").await;

    school.site.sandbox.at_stripe(StripeHappening::Expire { session }).await.unwrap();

    assert_eq!(school.settled(sale).await, ("expired", "none".to_owned()));
}
