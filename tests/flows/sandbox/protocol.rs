//! The mail server keeps to the protocol and to its bounds, whatever it is sent.

use faena_tests::sandbox::Sandbox;

use super::talk::Talk;

#[tokio::test]
async fn what_is_offered_depends_on_tls() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let mut talk = Talk::open(sandbox.smtp_addr()).await?;
    let offer = talk.say("EHLO test.example").await?;
    assert_eq!(offer, "250-sandbox greets test.example\n250-8BITMIME\n250-SIZE 10485760\n250-SMTPUTF8\n250 STARTTLS");
    assert!(talk.say("AUTH PLAIN AGEAYg==").await?.starts_with("538 5.7.11"));

    let sandbox = Sandbox::start_with(&["--smtp-auth-in-clear"]).await?;
    let mut talk = Talk::open(sandbox.smtp_addr()).await?;
    assert!(talk.say("EHLO test.example").await?.ends_with("250 AUTH PLAIN LOGIN"));
    assert!(talk.say("AUTH CRAM-MD5").await?.starts_with("504 "));
    assert!(talk.say("AUTH PLAIN %%%").await?.starts_with("501 "));
    assert_eq!(talk.say("AUTH LOGIN").await?, "334 VXNlcm5hbWU6");
    assert_eq!(talk.say("ZmFlbmE=").await?, "334 UGFzc3dvcmQ6");
    assert!(talk.say("ZmFlbmEtZGVtbw==").await?.starts_with("235 "));
    assert!(talk.say("AUTH PLAIN").await?.starts_with("503 "), "already logged in");
    Ok(())
}

#[tokio::test]
async fn three_wrong_passwords_end_the_session() -> anyhow::Result<()> {
    let sandbox = Sandbox::start_with(&["--smtp-auth-in-clear"]).await?;
    let mut talk = Talk::open(sandbox.smtp_addr()).await?;
    talk.say("EHLO test.example").await?;
    for _ in 0..3 {
        assert!(talk.say("AUTH PLAIN AGEAYg==").await?.starts_with("535 "));
    }
    assert!(talk.hear().await?.starts_with("421 "));
    assert!(talk.hear().await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_quoted_local_part_may_have_blanks_and_brackets() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    for address in ["\"juan perez\"@example.com", "\"juan \\\"el <rojo>\\\" perez\"@example.com"] {
        let mut talk = Talk::open_message(sandbox.smtp_addr(), address).await?;
        assert!(talk.say("DATA").await?.starts_with("354 "));
        assert!(talk.say("Subject: hola\r\n\r\nuno\r\n.").await?.starts_with("250 2.0.0 Kept as "));
        assert_eq!(sandbox.mail_to(address).await?.to, [address]);
    }
    Ok(())
}

#[tokio::test]
async fn commands_have_an_order() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let mut talk = Talk::open(sandbox.smtp_addr()).await?;
    for (line, code) in [
        ("MAIL FROM:<a@example.com>", "503"),
        ("AUTH PLAIN AGEAYg==", "503"),
        ("STARTTLS", "503"),
        ("EHLO test.example", "250"),
        ("RCPT TO:<ana@example.com>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:<a@example.com> SIZE=99999999", "552"),
        ("MAIL FROM:<a@example.com> SIZE=many", "501"),
        ("MAIL FROM:<a@example.com> COLOUR=RED", "555"),
        ("MAIL FROM:<ñ@example.com>", "553"),
        ("MAIL FROM:<nobody>", "553"),
        ("MAIL FROM:<a@example.com> SIZE=12 BODY=8BITMIME", "250"),
        ("DATA", "503"),
        ("RCPT TO:<nobody>", "553"),
        ("RCPT TO:<ana@example.com>", "250"),
        ("RSET", "250"),
        ("RCPT TO:<ana@example.com>", "503"),
        ("MAIL FROM:<>", "250"),
        ("rcpt to:<ana@example.com>", "250"),
        ("NOOP", "250"),
        ("", "500"),
        ("EXPN all", "500"),
        ("DATA", "354"),
    ] {
        let reply = talk.say(line).await?;
        assert!(reply.starts_with(code), "{line} was answered {reply}");
    }
    assert!(talk.say("Subject: rebote\r\n\r\nuno\r\n..dos\r\n.").await?.starts_with("250 2.0.0 Kept as "));
    let bounce = sandbox.mail_to("ana@example.com").await?;
    assert_eq!((bounce.from.as_str(), bounce.to.len(), bounce.helo.as_str()), ("", 1, "test.example"));
    assert_eq!(bounce.text.as_deref(), Some("uno\r\n.dos\r\n"));
    assert!(talk.say("QUIT").await?.starts_with("221 "));
    assert!(talk.hear().await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_message_out_of_bounds_is_refused_and_the_session_goes_on() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let long_line = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(999));
    let too_large = "0123456789abcdef 0123456789abcdef 0123456789abcdef 0123456789abcd\r\n".repeat(160_000);
    for (message, code) in
        [(long_line.as_str(), "554 5.6.0"), ("Subject: x\r\n\r\nx\n.\nx\r\n", "550 5.5.2"), (&too_large, "552 5.3.4")]
    {
        let mut talk = Talk::open_message(sandbox.smtp_addr(), "ana@example.com").await?;
        talk.say("DATA").await?;
        talk.send(message.as_bytes()).await?;
        let reply = talk.say(".").await?;
        assert!(reply.starts_with(code), "{reply}");
        assert!(talk.say("MAIL FROM:<a@example.com>").await?.starts_with("250"));
    }

    let mut talk = Talk::open_message(sandbox.smtp_addr(), "r0@example.com").await?;
    for n in 1..100 {
        assert!(talk.say(&format!("RCPT TO:<r{n}@example.com>")).await?.starts_with("250"));
    }
    assert!(talk.say("RCPT TO:<r100@example.com>").await?.starts_with("452 4.5.3"));
    assert!(talk.say(&"x".repeat(20_000)).await?.starts_with("500 5.5.2"));
    assert!(talk.say("NOOP").await?.starts_with("250"));
    assert!(sandbox.mails_now(None).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_flood_without_an_end_is_cut_off() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let mut talk = Talk::open_message(sandbox.smtp_addr(), "ana@example.com").await?;
    talk.say("DATA").await?;
    let piece = format!("{}\r\n", "x".repeat(900)).repeat(1_000);
    let mut sent = 0;
    while talk.send(piece.as_bytes()).await.is_ok() {
        sent += piece.len();
        assert!(sent < 100_000_000, "{sent} bytes were taken");
    }
    Ok(())
}

#[tokio::test]
async fn silence_ends_a_session() -> anyhow::Result<()> {
    let sandbox = Sandbox::start_with(&["--smtp-idle-seconds", "1"]).await?;
    let mut talk = Talk::open(sandbox.smtp_addr()).await?;
    assert!(talk.hear().await?.starts_with("421 4.4.2"));
    assert!(talk.hear().await.is_err());
    Ok(())
}

#[tokio::test]
async fn one_session_too_many_is_told_to_come_back() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let mut talks = Vec::new();
    for _ in 0..200 {
        talks.push(Talk::open(sandbox.smtp_addr()).await?);
    }
    let refused = Talk::open(sandbox.smtp_addr()).await.err().map(|error| error.to_string());
    assert_eq!(refused.as_deref(), Some("greeted with 421 4.7.0 Too many sessions"));
    assert!(talks.swap_remove(0).say("NOOP").await?.starts_with("250"));
    Ok(())
}

/// CVE-2011-0411: what is sent with STARTTLS, before the handshake, must not be taken for encrypted.
#[tokio::test]
async fn commands_smuggled_before_tls_are_dropped() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let mut talk = Talk::open(sandbox.smtp_addr()).await?;
    talk.say("EHLO test.example").await?;
    talk.send(b"STARTTLS\r\nEHLO smuggled.example\r\nMAIL FROM:<a@example.com>\r\n").await?;
    assert!(talk.hear().await?.starts_with("220 "));
    talk.send(b"no handshake\r\n").await?;
    while talk.hear().await.is_ok() {}
    let log = serde_json::to_string(&sandbox.smtp_log().await?)?;
    assert!(!log.contains("smuggled"), "{log}");
    Ok(())
}

#[tokio::test]
async fn the_oldest_of_more_than_a_thousand_messages_makes_room() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let mut talk = Talk::open(sandbox.smtp_addr()).await?;
    talk.say("EHLO test.example").await?;
    for n in 0..1_003 {
        talk.say("MAIL FROM:<a@example.com>").await?;
        talk.say(&format!("RCPT TO:<r{n}@example.com>")).await?;
        talk.say("DATA").await?;
        let reply = talk.say(&format!("Subject: {n}\r\n\r\n.")).await?;
        assert!(reply.starts_with("250"), "{reply}");
    }
    let mails = sandbox.mails_now(None).await?;
    assert_eq!(mails.len(), 1_000);
    assert_eq!(mails[0].subject, "3");
    assert_eq!(std::fs::read_dir(sandbox.data_dir().join("mail"))?.count(), 2_000);
    Ok(())
}
