//! Mail that a real client sends is kept whole and told truly.

use faena_tests::sandbox::Sandbox;
use lettre::AsyncTransport;
use lettre::transport::smtp::authentication::Mechanism;

use super::{Secured, letter, mailer, mailer_as, note};

#[tokio::test]
async fn a_letter_is_kept_with_all_its_parts() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    mailer(&sandbox, Secured::Not)?.send(letter("Ana Ñandú <ana@example.com>")?).await?;

    let mail = sandbox.mail_to("ANA@example.com").await?;
    assert_eq!(mail.from, "hola@compilandocode.example");
    assert_eq!(mail.to, ["ana@example.com"]);
    assert_eq!(mail.subject, "Te damos la bienvenida, Ñandú");
    assert_eq!(mail.message_id.as_deref(), Some("bienvenida-1@compilandocode.example"));
    assert_eq!(mail.header("to"), Some("Ana Ñandú <ana@example.com>"));
    assert_eq!(mail.link_with("/verificar").as_deref(), Some("http://127.0.0.1:8080/verificar?t=abc_1"));
    assert!(mail.text.as_deref().is_some_and(|text| text.starts_with("Hola, Ñandú:")), "{mail:?}");
    assert!(mail.html.as_deref().is_some_and(|html| html.contains("<b>Ñandú</b>")), "{mail:?}");
    assert_eq!((mail.tls, mail.auth_user), (false, None));
    assert!(sandbox.mails_now(Some("otra@example.com")).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn both_ports_encrypt_and_take_a_login() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    for (secured, mechanism, to) in [
        (Secured::ByStartTls, Mechanism::Plain, "starttls-plain@example.com"),
        (Secured::ByStartTls, Mechanism::Login, "starttls-login@example.com"),
        (Secured::FromTheFirstByte, Mechanism::Plain, "tls-plain@example.com"),
        (Secured::FromTheFirstByte, Mechanism::Login, "tls-login@example.com"),
    ] {
        let mailer = mailer_as(&sandbox, secured, "faena", "faena-demo", Some(mechanism))?;
        mailer.send(letter(to)?).await?;
        let mail = sandbox.mail_to(to).await?;
        assert!(mail.tls);
        assert_eq!(mail.auth_user.as_deref(), Some("faena"));
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_a_535_and_nothing_is_kept_or_written_down() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    for secured in [Secured::ByStartTls, Secured::FromTheFirstByte] {
        for mechanism in [Mechanism::Plain, Mechanism::Login] {
            let mailer = mailer_as(&sandbox, secured, "faena", "secreto-equivocado", Some(mechanism))?;
            let error = mailer.send(letter("ana@example.com")?).await.expect_err("a wrong password");
            assert_eq!(error.status().map(u16::from), Some(535), "{error}");
        }
    }
    assert!(sandbox.mails_now(None).await?.is_empty());
    let log = serde_json::to_string(&sandbox.smtp_log().await?)?;
    assert!(log.contains("AUTH PLAIN ***") && log.contains("AUTH LOGIN ***"), "{log}");
    // base64 of the user begins so, whatever follows it.
    for secret in ["secreto", "ZmFlbm", "AGZhZW", "c2VjcmV0"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    Ok(())
}

#[tokio::test]
async fn an_address_beyond_ascii_arrives() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    mailer(&sandbox, Secured::Not)?.send(note("ñandú@correo.example", "Hola\n")?).await?;
    let mail = sandbox.mail_to("ñandú@correo.example").await?;
    assert_eq!(mail.to, ["ñandú@correo.example"]);
    Ok(())
}

#[tokio::test]
async fn all_recipients_share_one_message() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let envelope = lettre::address::Envelope::new(
        Some("a@example.com".parse()?),
        (0..30).map(|n| format!("r{n}@example.com").parse()).collect::<Result<_, _>>()?,
    )?;
    mailer(&sandbox, Secured::Not)?.send_raw(&envelope, b"Subject: a todos\r\n\r\nHola.\r\n").await?;
    let first = sandbox.mail_to("r0@example.com").await?;
    let last = sandbox.mail_to("r29@example.com").await?;
    assert_eq!(first.id, last.id);
    assert_eq!(first.to.len(), 30);
    assert_eq!(first.message_id, None);
    Ok(())
}

#[tokio::test]
async fn mail_and_authority_outlive_a_restart() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let mailer = mailer(&sandbox, Secured::ByStartTls)?;
    mailer.send(note("ana@example.com", "antes\n")?).await?;
    let before = sandbox.mail_to("ana@example.com").await?;

    sandbox.restart().await?;
    mailer.send(note("ana@example.com", "después\n")?).await?;
    let mails = sandbox.mails_to("ana@example.com", 2).await?;
    assert_eq!(mails[0].id, before.id);
    assert_eq!(mails[0].received_at, before.received_at);
    assert_eq!(mails[1].text.as_deref().map(str::trim), Some("después"));

    sandbox.forget_mail().await?;
    assert!(sandbox.mails_now(None).await?.is_empty());
    assert_eq!(std::fs::read_dir(sandbox.data_dir().join("mail"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn many_mailers_at_once_lose_nothing() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let mailer = mailer(&sandbox, Secured::Not)?;
    let sending: Vec<_> = (0..60)
        .map(|n| {
            let (mailer, note) = (mailer.clone(), note("ana@example.com", &format!("{n}\n")));
            tokio::spawn(async move { anyhow::Ok(mailer.send(note?).await?) })
        })
        .collect();
    for sent in sending {
        sent.await??;
    }
    let mails = sandbox.mails_to("ana@example.com", 60).await?;
    assert!(mails.is_sorted_by_key(|mail| mail.id.clone()));
    let mut texts: Vec<usize> = mails.iter().filter_map(|mail| mail.text.as_deref()?.trim().parse().ok()).collect();
    texts.sort_unstable();
    assert_eq!(texts, (0..60).collect::<Vec<_>>());
    Ok(())
}
