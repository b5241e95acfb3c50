//! A mail provider posts its events, and an operator looks at what came of them.

use faena_tests::{http::http_client, stores::Stores};
use reqwest::{Response, StatusCode};

use super::{Page, Web, leads_to};

const TOKEN: &str = "a-token-for-the-provider";

async fn post(web: &Web, token: &str, body: impl Into<reqwest::Body>) -> Response {
    let url = format!("http://{}/hooks/mail", web.process.addr);
    http_client().post(url).bearer_auth(token).header("content-type", "application/json").body(body).send().await.unwrap()
}

fn event(id: u64) -> String {
    format!(r#"{{"RecordType":"Bounce","ID":{id},"Type":"HardBounce","Details":"smtp;550 5.1.1","Metadata":{{}}}}"#)
}

#[tokio::test]
async fn an_event_is_kept_once_and_its_reading_is_promised_with_it() {
    let web = Web::start_on(Stores::fresh().await, &[("MAIL_WEBHOOK_TOKEN", TOKEN)]).await;
    for _ in 0..3 {
        assert_eq!(post(&web, TOKEN, event(7)).await.status(), StatusCode::OK);
    }
    assert_eq!(post(&web, TOKEN, event(8)).await.status(), StatusCode::OK);
    // Told of, and of no interest.
    assert_eq!(post(&web, TOKEN, r#"{"RecordType":"Delivery","ID":9}"#).await.status(), StatusCode::OK);

    assert_eq!(web.number("select count(*) from mail.reports").await, 2);
    assert_eq!(web.number("select count(*) from faena.outbox where name = 'read_mail_report'").await, 2);
}

#[tokio::test]
async fn nothing_is_kept_of_a_stranger_or_of_what_is_no_event() {
    let web = Web::start_on(Stores::fresh().await, &[("MAIL_WEBHOOK_TOKEN", TOKEN)]).await;
    for (token, body, status) in [
        ("a-token-for-the-provide", event(1), StatusCode::UNAUTHORIZED),
        ("", event(1), StatusCode::UNAUTHORIZED),
        (TOKEN, "not json".to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        (TOKEN, r#"{"RecordType":"Bounce"}"#.to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        (TOKEN, " ".repeat(256 * 1024 + 1), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = post(&web, token, body).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(web.number("select count(*) from mail.reports").await, 0);

    let without = Web::start().await;
    assert_eq!(post(&without, TOKEN, event(1)).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_operator_sees_why_an_address_gets_no_letters_and_lifts_it() {
    let web = Web::start().await.with_demo_accounts().await;
    sqlx::raw_sql(
        "insert into mail.suppressions (address, cause, detail)
         select 'n' || n || '@correo.example', 'hard_bounce', '5.1.1 <no> such user' from generate_series(1, 51) n;
         insert into mail.suppressions (address, cause, detail) values ('ana@correo.example', 'complaint', 'complaint (abuse)')",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let operator = web.signed_in("operadora").await;

    let page = operator.page("/ops/mail").await;

    assert_eq!((page.texts("tbody tr").len(), page.text("tbody th").as_str()), (50, "ana@correo.example"));
    assert!(page.texts("tbody td").iter().any(|cell| cell == "5.1.1 <no> such user"));
    let next = page.attribute("a[rel=next]", "href").unwrap();
    assert_eq!(operator.page(&next).await.texts("tbody tr").len(), 2);
    let found = operator.page("/ops/mail?address=ANA%40").await;
    assert_eq!(found.texts("tbody th"), ["ana@correo.example"]);
    let lift = found.attribute("tbody form", "action").unwrap();
    assert_eq!(leads_to(&operator.send("/ops/mail", &lift, &[]).await), "/ops/mail?done=lifted");
    assert_eq!(operator.send("/ops/mail", &lift, &[]).await.status(), StatusCode::NOT_FOUND, "once");
    let (actor, cause): (String, String) = sqlx::query_as(
        "select u.email::text, a.detail->>'cause' from core.audit_log a join core.users u on u.id = a.actor_id
         where a.action = 'lift_suppression'",
    )
    .fetch_one(&web.stores.db)
    .await
    .unwrap();
    assert_eq!((&*actor, &*cause), ("operadora@faena.example", "complaint"));
    assert!(operator.page("/ops/mail?address=ana%40").await.texts("tbody th").is_empty());
    let refused = Page::of(web.signed_in("aprendiz").await.get("/ops/mail").await).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_operator_suppresses_an_address_and_says_why() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let said =
        async |address: &str, why: &str| operator.send("/ops/mail", "/ops/mail", &[("suppressed", address), ("why", why)]).await;

    let refused = Page::of(said("ana@", "\u{202e}").await).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.texts("#suppressed-problem, #why-problem").len(), 2, "{}", refused.html);

    assert_eq!(leads_to(&said("Ana@correo.example", "Lo pidió por teléfono").await), "/ops/mail?done=added");

    let again = Page::of(said("ana@correo.example", "otra vez").await).await;
    assert_eq!(again.text("#suppressed-problem"), "Esta dirección ya no recibe cartas.");
    assert_eq!(operator.page("/ops/mail").await.texts("tbody td")[..2], ["Lo decidió quien opera", "Lo pidió por teléfono"]);
    let noted = web.number("select count(*) from core.audit_log where action = 'suppress_address'").await;
    assert_eq!((noted, web.number("select count(*) from mail.suppressions where cause = 'operator'").await), (1, 1));
    let learner = web.signed_in("aprendiz").await;
    let forged = learner.send("/cuenta/cartas", "/ops/mail", &[("suppressed", "eva@correo.example"), ("why", "x")]).await;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
}
