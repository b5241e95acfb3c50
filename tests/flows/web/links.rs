//! The link in the letter: looking changes nothing, pressing the button does, once.

use chrono::{DateTime, TimeDelta, Utc};
use jobs::accounts::{email_address::EmailAddress, user::UserId, verification::Verification};
use reqwest::StatusCode;

use super::{Page, SECRET, Web, leads_to};

async fn token(web: &Web, at: DateTime<Utc>) -> String {
    let (id, email): (i64, String) =
        sqlx::query_as("select id, email::text from core.users").fetch_one(&web.stores.db).await.unwrap();
    Verification::new(&SECRET.into()).token(UserId(id), &EmailAddress::parse(&email).unwrap(), at)
}

const VERIFIED: &str = "select count(*) from core.users where email_verified_at is not null";

#[tokio::test]
async fn the_button_behind_the_link_proves_the_address_once() {
    let web = Web::start().await;
    let owner = web.visitor();
    owner.registers("Ana", "ana@correo.example", "sopa de letras a las 7").await;
    let token = token(&web, Utc::now()).await;
    let link = format!("/verificar?token={token}");

    // A program that looks for danger opens the link, twice.
    let scanner = web.visitor();
    for _ in 0..2 {
        let page = scanner.page(&link).await;
        assert!(page.text("main").contains("ana@correo.example"));
    }
    assert_eq!(web.number(VERIFIED).await, 0);

    let answer = scanner.send(&link, "/verificar", &[("token", &token)]).await;
    assert_eq!(leads_to(&answer), "/entrar?done=verified");
    assert!(scanner.page("/entrar?done=verified").await.text("[role=status]").contains("confirmado"));
    assert_eq!(web.number(VERIFIED).await, 1);
    assert_eq!(web.number("select count(*) from core.audit_log where action = 'verify_email'").await, 1);
    assert!(owner.page("/cuenta").await.text(".facts").contains("Confirmado el"));

    // Again: said kindly, and not repeated.
    assert_eq!(owner.page(&link).await.text("h1"), "Este enlace ya se usó");
    let again = Page::of(owner.send("/cuenta", "/verificar", &[("token", &token)]).await).await;
    assert_eq!((again.status, again.text("h1").as_str()), (StatusCode::OK, "Este enlace ya se usó"));
    assert_eq!(web.number("select count(*) from core.audit_log").await, 1);
    // Who is verified needs no other letter.
    assert_eq!(leads_to(&owner.send("/cuenta", "/cuenta/carta", &[]).await), "/cuenta");
    assert_eq!(web.number("select count(*) from faena.outbox").await, 1);
}

#[tokio::test]
async fn a_link_that_is_old_forged_or_anothers_says_so_and_leads_on() {
    let web = Web::start().await;
    let visitor = web.visitor();
    visitor.registers("Ana", "ana@correo.example", "sopa de letras a las 7").await;
    let old = token(&web, Utc::now() - Verification::GOOD_FOR - TimeDelta::minutes(1)).await;
    let good = token(&web, Utc::now()).await;
    let forged = format!("{}{}", if good.starts_with('A') { 'B' } else { 'A' }, &good[1..]);
    let before_the_change = good.clone();
    for (token, status, title) in [
        (&*old, StatusCode::GONE, "Este enlace venció"),
        (&*forged, StatusCode::UNPROCESSABLE_ENTITY, "Este enlace no sirve"),
        ("", StatusCode::UNPROCESSABLE_ENTITY, "Este enlace no sirve"),
        ("%00", StatusCode::UNPROCESSABLE_ENTITY, "Este enlace no sirve"),
    ] {
        let page = visitor.page(&format!("/verificar?token={token}")).await;
        assert_eq!((page.status, page.text("h1").as_str()), (status, title));
        assert_eq!(page.attribute("main a.button", "href").as_deref(), Some("/cuenta"));
        let sent = visitor.send("/cuenta", "/verificar", &[("token", token)]).await;
        assert_eq!(sent.status(), status, "{title}");
    }

    // The address changes: the letter to the old one proves nothing of the new one.
    sqlx::raw_sql("update core.users set email = 'otra@correo.example'").execute(&web.stores.db).await.unwrap();
    assert_eq!(visitor.page(&format!("/verificar?token={before_the_change}")).await.text("h1"), "Este enlace no sirve");
    assert_eq!(web.number(VERIFIED).await, 0);
}

#[tokio::test]
async fn the_account_tells_where_the_letter_is_and_sends_it_again_within_reason() {
    let web = Web::start().await;
    let visitor = web.visitor();
    visitor.registers("Ana", "ana@correo.example", "sopa de letras a las 7").await;
    sqlx::raw_sql(
        "insert into mail.messages (id, dedupe_key, letter, locale, to_address, user_id, message_id)
         select gen_random_uuid(), 'welcome:' || id || ':0', 'welcome', 'es', email, id, 'x@x' from core.users",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    for (state, station, class) in [
        ("queued", "En cola", "here"),
        ("sending", "Enviando", "here"),
        ("sent", "Enviada", "done"),
        ("unknown", "Enviada", "lost"),
        ("failed", "Enviando", "lost"),
    ] {
        sqlx::query("update mail.messages set state = $1, sent_at = case when $1 = 'sent' then now() end")
            .bind(state)
            .execute(&web.stores.db)
            .await
            .unwrap();
        let page = visitor.page("/cuenta").await;
        assert_eq!(page.text("[aria-current=step]"), station, "{state}");
        assert_eq!(page.attribute("[aria-current=step]", "class").as_deref(), Some(class), "{state}");
    }

    let token = visitor.page("/cuenta").await.token();
    let (mut sent, mut answer) = (0, visitor.send_with(&token, "/cuenta/carta", &[]).await);
    while answer.status() == StatusCode::SEE_OTHER {
        assert_eq!(leads_to(&answer), "/cuenta?done=letter");
        (sent, answer) = (sent + 1, visitor.send_with(&token, "/cuenta/carta", &[]).await);
    }
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(sent == 3 || (4..=6).contains(&sent) && web.missed().await > 0, "{sent}");
    // Asking again while the next letter has not been taken up asks for that same letter.
    let resends: Vec<String> =
        sqlx::query_scalar("select args->>'resend' from faena.outbox order by id").fetch_all(&web.stores.db).await.unwrap();
    assert_eq!((resends[0].as_str(), resends.len()), ("0", 1 + sent));
    assert!(resends[1..].iter().all(|resend| resend == "1"), "{resends:?}");
}
