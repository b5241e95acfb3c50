//! Messages that were lost are made up for, and what does not agree is shown and left alone.

use faena_tests::sandbox::StripeHappening;
use jobs::payments::{check_pending_payments::CheckPendingPayments, reconcile_payments::ReconcilePayments};
use serde_json::json;

use super::{School, leads_to, words};

#[tokio::test]
async fn who_paid_and_was_not_heard_of_has_the_course_within_the_hour() {
    let school = School::open().await;
    school.hears_nothing().await;
    let (paid, session) = school.at_the_page("ana").await;
    let (left, _) = school.at_the_page("luz").await;
    let (fresh, fresh_session) = school.at_the_page("eva").await;
    for session in [session, fresh_session] {
        school.site.sandbox.at_stripe(StripeHappening::Pay { session, amount: None, currency: None }).await.unwrap();
    }
    sqlx::query("update school.sales set created_at = created_at - interval '16 minutes', expires_at = now() - interval '1 second' where id <> $1")
        .bind(fresh)
        .execute(&school.site.stores.db)
        .await
        .unwrap();

    school.does(CheckPendingPayments {}).await;

    assert_eq!((school.state(paid).await, school.access(paid).await.as_str()), ("paid", "active"));
    assert_eq!(school.state(left).await, "expired", "nobody paid in time");
    assert_eq!(school.state(fresh).await, "pending", "it has not waited for a quarter of an hour");
    assert_eq!(school.letters("receipt").await, 1);
}

#[tokio::test]
async fn at_night_lost_messages_are_made_up_for_and_differences_are_shown_and_left_alone() {
    let school = School::open().await;
    let office = school.browser("admin").await;
    let told = async || words(&office.page("/admin/reconciliation").await, ".verdict");
    assert_eq!(told().await, "Todavía no se ha comparado nada.", "nobody says that books agree which nobody compared");
    school.hears_nothing().await;
    let mut sales = Vec::new();
    for name in ["ana", "luz", "eva", "ida"] {
        let (sale, session) = school.at_the_page(name).await;
        school
            .site
            .sandbox
            .at_stripe(StripeHappening::Pay { session: session.clone(), amount: None, currency: None })
            .await
            .unwrap();
        sales.push((sale, session));
    }
    school.does(ReconcilePayments {}).await;
    for (sale, _) in &sales {
        assert_eq!((school.state(*sale).await, school.access(*sale).await.as_str()), ("paid", "active"));
    }
    let [(returned, returned_page), (disputed, disputed_page), (changed, changed_page), (strange, strange_page)] =
        <[_; 4]>::try_from(sales).unwrap();
    assert_eq!(school.notices().await, "");
    assert!(told().await.contains("volvió a preguntar por 4 ventas"), "{}", told().await);

    // A refund and a dispute that nobody told of; and what cannot be.
    school.site.sandbox.at_stripe(StripeHappening::Refund { session: returned_page, amount: 4900 }).await.unwrap();
    school.site.sandbox.at_stripe(StripeHappening::Dispute { session: disputed_page }).await.unwrap();
    let forged = |session, fields| StripeHappening::Forge { session, fields, intent: json!({}) };
    school.site.sandbox.at_stripe(forged(changed_page, json!({ "amount_total": 5000 }))).await.unwrap();
    school.site.sandbox.at_stripe(forged(strange_page, json!({ "payment_status": "unpaid" }))).await.unwrap();
    school.does(ReconcilePayments {}).await;

    assert_eq!((school.state(returned).await, school.state(disputed).await), ("refunded", "disputed"));
    let page = school.browser("admin").await.page("/admin/reconciliation").await;
    let shown = words(&page, ".differences tbody");
    assert!(shown.contains("El importe no es el mismo 49 USD 50 USD"), "{shown}");
    assert!(shown.contains("Aquí está pagada y allí no 49 USD 49 USD"), "{shown}");
    for sale in [changed, strange] {
        assert!(shown.contains(&sale.to_string()));
        assert_eq!((school.state(sale).await, school.access(sale).await.as_str()), ("paid", "active"), "nothing was mended");
        assert_eq!(school.books(sale).await, "clearing 4728, fees 172, revenue -4900");
    }
    assert!(school.notices().await.contains("no coinciden en 2 pagos"), "{}", school.notices().await);

    // Somebody looks at both. What stays as it was is not told again; what changes is.
    let admin = school.browser("admin").await;
    for (kind, sale) in [("amount", changed), ("paid_here_only", strange)] {
        let object = school.sale(sale).await.checkout_ref.unwrap();
        let fields = [("provider", "stripe"), ("object_ref", object.as_str()), ("kind", kind)];
        let answer = admin.sends("/admin/reconciliation", "/admin/reconciliation/close", &fields).await;
        assert_eq!(leads_to(&answer), "/admin/reconciliation?done=closed");
    }
    assert!(!school.notices().await.contains("no coinciden"), "{}", school.notices().await);
    school.does(ReconcilePayments {}).await;
    assert!(!school.notices().await.contains("no coinciden"), "{}", school.notices().await);
    let session = school.sale(changed).await.checkout_ref.unwrap();
    school.site.sandbox.at_stripe(forged(session, json!({ "amount_total": 5100 }))).await.unwrap();
    school.does(ReconcilePayments {}).await;
    assert!(school.notices().await.contains("no coinciden en 1 pagos"), "{}", school.notices().await);
    let closed: i64 = sqlx::query_scalar("select count(*) from core.audit_log where action = 'close_difference'")
        .fetch_one(&school.site.stores.db)
        .await
        .unwrap();
    assert_eq!(closed, 2);
}

#[tokio::test]
async fn of_more_than_are_asked_about_in_an_hour_all_have_their_turn() {
    let school = School::open().await;
    school.stops("check_pending_payments").await;
    sqlx::raw_sql(
        "with buyers as (
             insert into core.users (email, full_name, role, password_hash)
             select n || '@espera.example', 'Espera', 'learner', '-' from generate_series(0, 1000) n returning id, split_part(email, '@', 1)::int as n)
         insert into school.sales (id, user_id, course_id, provider, amount_minor, currency, description, locale, checkout_key, created_at, expires_at)
         select gen_random_uuid(), b.id, c.id, 'stripe', 4900, 'USD', 'Un curso', 'es', 'espera:' || n, now() - interval '2 days' + n * interval '1 second',
             case when n = 1000 then now() - interval '1 second' else now() + interval '1 day' end
         from buyers b, (select min(id) as id from school.courses) c",
    )
    .execute(&school.site.stores.db)
    .await
    .unwrap();
    let over = async || {
        let over: i64 = sqlx::query_scalar("select count(*) from school.sales where state = 'expired'")
            .fetch_one(&school.site.stores.db)
            .await
            .unwrap();
        over
    };

    school.does(CheckPendingPayments {}).await;
    assert_eq!(over().await, 0, "a thousand wait before it");
    school.does(CheckPendingPayments {}).await;

    assert_eq!(over().await, 1);
}

#[tokio::test]
async fn how_a_known_dispute_or_refund_ended_is_found_at_night_though_nobody_told() {
    let school = School::open().await;
    let (lost, lost_page) = school.paid("ana").await;
    let (won, won_page) = school.paid("luz").await;
    let (undone, undone_page) = school.paid("eva").await;
    for session in [&lost_page, &won_page] {
        school.site.sandbox.at_stripe(StripeHappening::Dispute { session: session.clone() }).await.unwrap();
    }
    school.site.sandbox.at_stripe(StripeHappening::Refund { session: undone_page.clone(), amount: 4900 }).await.unwrap();
    assert_eq!(school.settled(lost).await, ("disputed", "suspended".to_owned()));
    assert_eq!(school.settled(won).await, ("disputed", "suspended".to_owned()));
    assert_eq!(school.settled(undone).await, ("refunded", "revoked".to_owned()));
    school.hears_nothing().await;
    school.site.sandbox.at_stripe(StripeHappening::Decide { session: lost_page, won: false }).await.unwrap();
    school.site.sandbox.at_stripe(StripeHappening::Decide { session: won_page, won: true }).await.unwrap();
    school.site.sandbox.at_stripe(StripeHappening::FailRefund { session: undone_page }).await.unwrap();

    school.does(ReconcilePayments {}).await;

    assert_eq!((school.state(lost).await, school.access(lost).await.as_str()), ("lost", "revoked"));
    assert_eq!((school.state(won).await, school.access(won).await.as_str()), ("paid", "active"));
    assert_eq!((school.state(undone).await, school.access(undone).await.as_str()), ("paid", "active"));
    assert_eq!(school.books(won).await, "clearing 4728, fees 172, revenue -4900");
    assert_eq!(school.books(undone).await, "clearing 4728, fees 172, revenue -4900");
    assert!(school.notices().await.contains("falló después de aceptada"), "{}", school.notices().await);
    // What is known is not asked about every night.
    school.does(ReconcilePayments {}).await;
    let asked: i32 =
        sqlx::query_scalar("select asked from school.reconciliations where provider = 'stripe' order by id desc limit 1")
            .fetch_one(&school.site.stores.db)
            .await
            .unwrap();
    assert_eq!(asked, 0);
    let page = school.browser("admin").await.page("/admin/reconciliation").await;
    assert_eq!(words(&page, ".verdict"), "Nuestras cuentas y las de quien cobra coinciden.");
}
