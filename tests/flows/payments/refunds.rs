//! Money that goes back, by our hand, by somebody at Stripe, or by a bank's.

use faena_tests::{
    judge::quiet,
    process::{run_to_end, try_to_end},
    sandbox::{HttpRule, StripeHappening},
    wait::until,
};
use jobs::{
    certificates::request::request,
    payments::{confirm_payment::ConfirmPayment, sale::SaleId},
};
use reqwest::StatusCode;

use super::{School, leads_to, words};

impl School {
    /// Somebody who has paid.
    pub(super) async fn paid(&self, name: &str) -> (SaleId, String) {
        let (sale, session) = self.at_the_page(name).await;
        self.site
            .sandbox
            .at_stripe(StripeHappening::Pay { session: session.clone(), amount: None, currency: None })
            .await
            .unwrap();
        assert_eq!(self.settled(sale).await, ("paid", "active".to_owned()));
        (sale, session)
    }

    /// Somebody's money has gone back, and they are about to pay anew: both sales, with Stripe's names for their pages.
    async fn buys_what_was_refunded(&self, name: &str) -> ((SaleId, String), (SaleId, String)) {
        let (first, session) = self.paid(name).await;
        self.site.sandbox.at_stripe(StripeHappening::Refund { session: session.clone(), amount: 4900 }).await.unwrap();
        assert_eq!(self.settled(first).await, ("refunded", "revoked".to_owned()));
        let again = self.buys(self.sale(first).await.user_id).await;
        let page = self.page_of(again).await;
        ((first, session), (again, page))
    }

    /// Whoever has bought completes the course and has the certificate: its serial.
    async fn certified(&self, sale: SaleId) -> String {
        let mut tx = self.site.stores.db.begin().await.unwrap();
        let (user, course) = sqlx::query_as(
            "update school.enrolments e set completed_at = now() from school.sales s
             where s.id = $1 and (e.user_id, e.course_id) = (s.user_id, s.course_id) returning e.user_id, e.course_id",
        )
        .bind(sale)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        request(&mut tx, user, course).await.unwrap();
        tx.commit().await.unwrap();
        quiet(&self.site.stores).await;
        self.serial(sale).await
    }

    /// What the certificate that counts is called.
    async fn serial(&self, sale: SaleId) -> String {
        sqlx::query_scalar(
            "select c.serial from school.certificates c join school.sales s on (s.user_id, s.course_id) = (c.user_id, c.course_id)
             where s.id = $1 and c.issued_at is not null and c.ended_at is null",
        )
        .bind(sale)
        .fetch_one(&self.site.stores.db)
        .await
        .unwrap()
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
        ("0", "Cero no devuelve nada. Quedan 29,50 USD."),
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
async fn an_amount_may_be_written_with_the_sales_own_currency_and_with_no_other() {
    let school = School::open().await;
    let (sale, _) = school.paid("ana").await;
    let admin = school.browser("admin").await;
    let (path, to) = (format!("/admin/sales/{sale}"), format!("/admin/sales/{sale}/refund"));

    for amount in ["10,00 EUR", "COP 10", "eur10.00"] {
        let refused = admin.sends(&path, &to, &[("amount", amount), ("reason", "")]).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = refused.text().await.unwrap();
        assert_eq!(words(&page, "#amount-problem"), "La compra no se pagó en esa moneda. Quedan 49 USD.", "{amount}");
    }
    for amount in ["10,00 USD", "USD 10.00", "10.50", "10,5 usd"] {
        let answer = admin.sends(&path, &to, &[("amount", amount), ("reason", "")]).await;
        assert_eq!(leads_to(&answer), format!("{path}?done=refund"), "{amount}");
    }

    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    assert_eq!(school.books(sale).await, "clearing 628, fees 172, refunds 4100, revenue -4900");
}

#[tokio::test]
async fn a_certificate_outlasts_its_money_unless_the_school_will_have_it_otherwise() {
    let school = School::open().await;
    let admin = school.browser("admin").await;
    let settings = school.site.stores.settings();
    let refund = async |sale: SaleId, amount: &str| {
        let (path, to) = (format!("/admin/sales/{sale}"), format!("/admin/sales/{sale}/refund"));
        admin.sends(&path, &to, &[("amount", amount), ("reason", "")]).await;
        school.settled(sale).await
    };
    let verdict = async |serial: &str| words(&admin.page(&format!("/v/{serial}")).await, "h1");
    let (kept, _) = school.paid("ana").await;
    let serial = school.certified(kept).await;

    assert_eq!(refund(kept, "").await, ("refunded", "revoked".to_owned()));
    assert_eq!(verdict(&serial).await, "Este certificado es auténtico", "what nobody has decided is kept");

    let (ok, _, refused) = try_to_end("worker", &["school", "--certificates-after-refund", "burn"], &settings).await;
    assert!(!ok && refused.contains("--certificates-after-refund") && refused.contains("keep or revoke"), "{refused}");
    run_to_end("worker", &["school", "--certificates-after-refund", "revoke", "--by", "operadora"], &settings).await;
    let told = run_to_end("worker", &["school"], &settings).await;
    assert_eq!(told, "time zone: America/Bogota\ncertificates after a refund: revoke\n");
    assert_eq!(verdict(&serial).await, "Este certificado es auténtico", "what went back before is over");
    let (lost, _) = school.paid("luz").await;
    let serial = school.certified(lost).await;
    assert_eq!(refund(lost, "10").await, ("part_refunded", "active".to_owned()));
    assert_eq!(verdict(&serial).await, "Este certificado es auténtico", "a part takes nothing");

    assert_eq!(refund(lost, "").await, ("refunded", "revoked".to_owned()));

    assert_eq!(verdict(&serial).await, "Este certificado fue retirado");
    assert!(words(&admin.page(&format!("/v/{serial}")).await, "dl").contains("Motivo: el pago del curso se devolvió."));
    until("its holder to be written to", async || {
        let told = "select exists (select from mail.messages where letter = 'certificate_revoked' and state = 'sent')";
        sqlx::query_scalar(told).fetch_one(&school.site.stores.db).await.unwrap()
    })
    .await;
    // Paid again, it need not be earned again; what was revoked stays so.
    let again = school.buys(school.sale(lost).await.user_id).await;
    let session = school.page_of(again).await;
    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();
    assert_eq!(school.settled(again).await, ("paid", "active".to_owned()));
    let new = school.serial(again).await;
    assert_eq!(
        (verdict(&new).await.as_str(), verdict(&serial).await.as_str()),
        ("Este certificado es auténtico", "Este certificado fue retirado")
    );
    let noted: Vec<String> = sqlx::query_scalar("select detail ->> 'by' from core.audit_log where action = 'change_school'")
        .fetch_all(&school.site.stores.db)
        .await
        .unwrap();
    assert_eq!(noted, ["operadora"]);
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
async fn a_form_that_is_sent_twice_at_once_is_one_refund_and_two_forms_are_two() {
    let school = School::open().await;
    let (sale, _) = school.paid("ana").await;
    let admin = school.browser("admin").await;
    let (path, to) = (format!("/admin/sales/{sale}"), format!("/admin/sales/{sale}/refund"));
    let refunds = async || school.site.sandbox.stripe_objects().await.unwrap()["refunds"].as_i64().unwrap();
    let page = admin.page(&path).await;
    let ten = [("amount", "10"), ("reason", "")];

    let (first, second) = tokio::join!(admin.sends_form_of(&page, &to, &ten), admin.sends_form_of(&page, &to, &ten));

    assert_eq!((leads_to(&first), leads_to(&second)), (format!("{path}?done=refund"), format!("{path}?done=refund")));
    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    assert_eq!((refunds().await, school.letters("refund").await), (1, 1));
    // Whoever goes back and asks for more is told, and nothing is lost or added unseen.
    let other = admin.sends_form_of(&page, &to, &[("amount", "5"), ("reason", "")]).await;
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let told = other.text().await.unwrap();
    assert!(words(&told, "#amount-problem").contains("ya pidió otra devolución"), "{told}");
    assert_eq!(
        leads_to(&admin.sends_form_of(&told, &to, &[("amount", "5"), ("reason", "")]).await),
        format!("{path}?done=refund")
    );
    assert_eq!(leads_to(&admin.sends(&path, &to, &ten).await), format!("{path}?done=refund"));
    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    assert_eq!(school.books(sale).await, "clearing 2228, fees 172, refunds 2500, revenue -4900");
    assert_eq!(refunds().await, 3);
}

#[tokio::test]
async fn each_letter_about_a_refund_says_what_that_refund_has_left() {
    let school = School::open().await;
    let (sale, session) = school.paid("ana").await;
    // Both are heard of at once, when all has gone back: the first was a part all the same.
    school.hears_nothing().await;
    for amount in [1950, 2950] {
        school.site.sandbox.at_stripe(StripeHappening::Refund { session: session.clone(), amount }).await.unwrap();
    }

    school.does(ConfirmPayment { sale_id: sale }).await;

    let letters = school.letters_to("ana", "Te devolvimos", 2).await;
    let saying = |words: &str| letters.iter().filter(|letter| letter.contains(words)).count();
    assert_eq!((saying("Es una parte de lo que pagaste."), saying("el curso deja de estar disponible")), (1, 1), "{letters:?}");
    assert_eq!(saying("sigue siendo tuyo"), 0, "by then it was closed");
}

#[tokio::test]
async fn a_letter_about_money_that_never_opened_a_course_speaks_of_none_that_closes() {
    let school = School::open().await;
    let (sale, session) = school.at_the_page("ana").await;
    school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: Some(4899), currency: None }).await.unwrap();
    assert_eq!(school.settled(sale).await, ("review", "none".to_owned()));
    let admin = school.browser("admin").await;
    let path = format!("/admin/sales/{sale}");

    admin.sends(&path, &format!("{path}/refund"), &[("amount", ""), ("reason", "")]).await;

    assert_eq!(school.settled(sale).await, ("refunded", "none".to_owned()));
    let letter = school.letters_to("ana", "Te devolvimos 48,99", 1).await.swap_remove(0);
    assert!(letter.contains("Este pago no era el de la compra, así que no abrió el curso."), "{letter}");
    assert!(!letter.contains("deja de estar") && !letter.contains("sigue siendo"), "{letter}");
    // Although its money has gone back it stands among those in review until somebody has looked.
    let listed = async |state: &str| admin.page(&format!("/admin/sales?state={state}")).await;
    assert!(listed("review").await.contains(&path));
    assert!(words(&listed("refunded").await, "tbody").contains("Devuelta En revisión"), "{}", listed("refunded").await);
    assert!(words(&listed("review").await, ".chips").contains("En revisión 1"), "{}", listed("review").await);
    admin.sends(&path, &format!("{path}/close-review"), &[]).await;
    assert!(!listed("review").await.contains(&path));
    assert!(!words(&listed("refunded").await, "tbody").contains("En revisión"));
}

#[tokio::test]
async fn a_refund_that_is_refused_stands_before_the_operators_until_the_money_has_gone_back() {
    let school = School::open().await;
    let (sale, _) = school.paid("ana").await;
    let admin = school.browser("admin").await;
    let (path, to) = (format!("/admin/sales/{sale}"), format!("/admin/sales/{sale}/refund"));
    school.site.sandbox.misbehave_stripe([HttpRule::status(400).method("POST").path("/v1/refunds").once()]).await.unwrap();
    admin.sends(&path, &to, &[("amount", "20"), ("reason", "")]).await;
    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert!(school.notices().await.contains("No se pudo devolver el dinero"), "{}", school.notices().await);

    // Less than what was refused does not make up for it.
    admin.sends(&path, &to, &[("amount", "10"), ("reason", "")]).await;
    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    assert!(school.notices().await.contains("No se pudo devolver el dinero"));
    admin.sends(&path, &to, &[("amount", "20"), ("reason", "")]).await;

    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    until("the notice to be taken back", async || school.notices().await.is_empty()).await;
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
    // Whoever was told that the money is back is told that it is not, and operators that it has to go another way.
    assert!(school.notices().await.contains("falló después de aceptada"), "{}", school.notices().await);
    let letter = school.letters_to("ana", "La devolución de 49", 1).await.swap_remove(0);
    assert!(letter.contains("Tu banco no aceptó el dinero"), "{letter}");
    let admin = school.browser("admin").await;
    let path = format!("/admin/sales/{sale}");
    assert!(admin.page(&path).await.contains("no se pudo: el banco no la aceptó y el dinero volvió a nosotros"));
    admin.sends(&path, &format!("{path}/refund"), &[("amount", ""), ("reason", "")]).await;
    assert_eq!(school.settled(sale).await, ("refunded", "revoked".to_owned()));
    until("the notice to be taken back", async || school.notices().await.is_empty()).await;
}

#[tokio::test]
async fn a_refund_that_fails_when_the_course_was_bought_again_is_for_a_person_and_takes_nothing() {
    let school = School::open().await;
    let ((first, session), (again, page)) = school.buys_what_was_refunded("ana").await;
    let sandbox = &school.site.sandbox;
    sandbox.at_stripe(StripeHappening::Pay { session: page, amount: None, currency: None }).await.unwrap();
    assert_eq!(school.settled(again).await, ("paid", "active".to_owned()));

    sandbox.at_stripe(StripeHappening::FailRefund { session }).await.unwrap();

    assert_eq!(school.settled(first).await, ("review", "active".to_owned()));
    assert_eq!(school.state(again).await, "paid");
    assert_eq!(school.books(first).await, "clearing 4728, fees 172, revenue -4900");
    assert!(school.notices().await.contains("el curso ya se compró otra vez"), "{}", school.notices().await);
    let is_later: bool = sqlx::query_scalar(
        "select max(effective_at) filter (where kind = 'refund_reversal') > max(effective_at) filter (where kind = 'refund') from school.ledger_transactions",
    )
    .fetch_one(&school.site.stores.db)
    .await
    .unwrap();
    assert!(is_later, "what failed is booked when it failed");
    let admin = school.browser("admin").await;
    let path = format!("/admin/sales/{first}");
    admin.sends(&path, &format!("{path}/refund"), &[("amount", ""), ("reason", "")]).await;
    assert_eq!(school.settled(first).await, ("refunded", "active".to_owned()));
}

#[tokio::test]
async fn a_refund_that_fails_while_the_course_is_being_bought_again_opens_it_and_nobody_pays_twice() {
    let school = School::open().await;
    let ((first, session), (again, page)) = school.buys_what_was_refunded("ana").await;
    let sandbox = &school.site.sandbox;

    sandbox.at_stripe(StripeHappening::FailRefund { session }).await.unwrap();

    assert_eq!(school.settled(first).await, ("paid", "active".to_owned()));
    assert_eq!(school.state(again).await, "expired");
    sandbox.at_stripe(StripeHappening::Pay { session: page, amount: None, currency: None }).await.unwrap();
    assert_eq!(school.settled(again).await, ("refunded", "active".to_owned()));
    assert_eq!(school.state(first).await, "paid");
}

#[tokio::test]
async fn a_payment_that_is_edited_after_it_was_booked_closes_no_course_and_its_refund_counts() {
    let school = School::open().await;
    let (sale, session) = school.paid("ana").await;
    let edit = async |livemode: bool| {
        let fields = serde_json::json!({ "livemode": livemode });
        let forged = StripeHappening::Forge { session: session.clone(), fields, intent: serde_json::json!({}) };
        school.site.sandbox.at_stripe(forged).await.unwrap();
        school.does(ConfirmPayment { sale_id: sale }).await;
    };

    edit(true).await;

    assert_eq!(school.settled(sale).await, ("paid", "active".to_owned()));
    assert!(school.notices().await.contains("dice ahora del pago"), "{}", school.notices().await);
    school.site.sandbox.at_stripe(StripeHappening::Refund { session: session.clone(), amount: 1000 }).await.unwrap();
    assert_eq!(school.settled(sale).await, ("part_refunded", "active".to_owned()));
    edit(false).await;
    assert_eq!(school.notices().await, "");
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
