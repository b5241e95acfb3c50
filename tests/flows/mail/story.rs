//! Somebody registers and reads the letter.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::Utc;
use faena_tests::{
    judge::quiet,
    sandbox::{SMTP_PASSWORD, SMTP_USER, Sandbox},
    stores::Stores,
};
use jobs::accounts::{email_address::EmailAddress, locale::Locale, verification::Verification};
use queue::operations::State;
use scraper::{Html, Selector};
use url::Url;

use super::{ADDRESS, SECRET, kept, reaches, row, somebody_registers, start_worker};

#[tokio::test]
async fn who_registers_gets_a_letter_whose_link_proves_the_address() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    let (user_id, id) = somebody_registers(&stores, "Begoña Núñez de la Peña", Locale::Es).await;

    let letter = sandbox.mail_to(ADDRESS).await.unwrap();

    assert_eq!(letter.subject, "Te damos la bienvenida: confirma tu correo");
    assert_eq!(letter.from, "hola@compilandocode.example");
    assert!(letter.header("To").unwrap().contains("Begoña Núñez de la Peña"), "{:?}", letter.header("To"));
    assert!(letter.text.as_deref().unwrap().contains("¡Hola, Begoña Núñez de la Peña!"));
    let link = Url::parse(&letter.link_with("/verificar?token=").unwrap()).unwrap();
    let page = Html::parse_document(letter.html.as_deref().unwrap());
    let button = page.select(&Selector::parse(".button a").unwrap()).next().unwrap();
    assert_eq!(button.attr("href"), Some(link.as_str()));
    let verification = Verification::new(&SECRET.into());
    let claim = verification.read(&link.query_pairs().next().unwrap().1).unwrap();
    assert_eq!(claim.user_id, user_id);
    assert_eq!(verification.prove(&claim, &EmailAddress::parse(ADDRESS).unwrap(), Utc::now()), Ok(()));
    reaches(&stores, id, State::Completed).await;
    assert!(row(&stores, id).await.is("sent", 1, Some(250)), "{:?}", row(&stores, id).await);
    assert_eq!(letter.message_id, Some(format!("{id}@compilandocode.example")));
    quiet(&stores).await;
}

#[tokio::test]
async fn names_from_anywhere_arrive_as_they_were_written() {
    let sandbox = Sandbox::start().await.unwrap();
    for (name, locale) in [("李雷", Locale::En), ("Ana 🌻 Luz", Locale::Es), ("<script>alert(1)<", Locale::En)] {
        let stores = Stores::fresh().await;
        let worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
        somebody_registers(&stores, name, locale).await;

        let letter = sandbox.mail_to(ADDRESS).await.unwrap();

        assert!(letter.header("To").unwrap().contains(name), "{:?}", letter.header("To"));
        let page = Html::parse_document(letter.html.as_deref().unwrap());
        let greeting: String = page.select(&Selector::parse("h1").unwrap()).next().unwrap().text().collect();
        assert!(greeting.contains(name), "{greeting}");
        worker.kill_9().await;
        sandbox.forget_mail().await.unwrap();
    }
}

#[tokio::test]
async fn where_there_is_a_password_the_way_is_encrypted_and_no_log_betrays_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let ca_file = sandbox.ca_file().to_str().unwrap().to_owned();
    for url in [sandbox.smtp_url_with_login(), sandbox.smtps_url()] {
        let stores = Stores::fresh().await;
        let worker = start_worker(&stores, &url, &[("SMTP_CA_FILE", &ca_file), ("RUST_LOG", "trace")]).await;
        let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;
        reaches(&stores, id, State::Completed).await;

        let letters = kept(&sandbox).await;

        assert!(letters[0].tls);
        assert_eq!(letters[0].auth_user.as_deref(), Some(SMTP_USER));
        let link = letters[0].link_with("token=").unwrap();
        let token = link.rsplit('=').next().unwrap();
        let sasl = BASE64_STANDARD.encode(format!("\0{SMTP_USER}\0{SMTP_PASSWORD}"));
        let log = worker.log_text();
        assert!(log.contains("TRACE"), "the log says everything it can");
        for secret in [SMTP_PASSWORD, token, &sasl, SECRET] {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
        worker.kill_9().await;
        sandbox.forget_mail().await.unwrap();
    }
}
