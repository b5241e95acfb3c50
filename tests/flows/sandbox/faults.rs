//! The mail server misbehaves exactly as told, as a real client sees it.

use std::time::{Duration, Instant};

use faena_tests::sandbox::{At, Sandbox, SmtpRule};
use lettre::AsyncTransport;
use lettre::transport::smtp::Error;

use super::talk::Talk;
use super::{Secured, letter, mailer, note};

async fn send(sandbox: &Sandbox, secured: Secured, to: &str) -> anyhow::Result<Result<(), Error>> {
    Ok(mailer(sandbox, secured)?.send(letter(to)?).await.map(drop))
}

fn code(sent: Result<(), Error>) -> Option<u16> {
    sent.expect_err("a refusal").status().map(u16::from)
}

#[tokio::test]
async fn a_recipient_is_greylisted_twice_and_others_are_not() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.misbehave_smtp([SmtpRule::reply(At::Rcpt, 451, "4.7.1 Greylisted").to("ana@example.com").times(2)]).await?;

    send(&sandbox, Secured::Not, "luis@example.com").await??;
    for _ in 0..2 {
        let error = send(&sandbox, Secured::Not, "Ana@example.com").await?.expect_err("greylisted");
        assert!(error.is_transient() && error.to_string().contains("Greylisted"), "{error}");
    }
    send(&sandbox, Secured::Not, "ana@example.com").await??;
    sandbox.mail_to("ana@example.com").await?;

    let state = sandbox.smtp_misbehaviour().await?;
    assert_eq!((state.rules[0].left, state.rules[0].fired), (Some(0), 2));
    let met: Vec<_> = state.fired.iter().map(|fired| fired.met.as_str()).collect();
    assert_eq!(met, ["rcpt Ana@example.com (session 2)", "rcpt Ana@example.com (session 3)"]);
    Ok(())
}

#[tokio::test]
async fn every_point_can_refuse() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    for at in [At::Connect, At::Helo, At::Starttls, At::Auth, At::Mail, At::Rcpt, At::Data, At::Body] {
        for answer in [450, 550] {
            // lettre falls back to HELO when EHLO is refused.
            let times = if at == At::Helo { 2 } else { 1 };
            sandbox.misbehave_smtp([SmtpRule::reply(at, answer, "x.0.0 No\nand no again").times(times)]).await?;
            let sent = send(&sandbox, Secured::ByStartTls, "ana@example.com").await?;
            assert_eq!(code(sent), Some(answer), "at {at:?}");
        }
    }
    assert!(sandbox.mails_now(None).await?.is_empty());
    send(&sandbox, Secured::ByStartTls, "ana@example.com").await??;
    Ok(())
}

#[tokio::test]
async fn every_point_can_cut_and_nothing_is_kept() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    for at in [At::Connect, At::Helo, At::Starttls, At::Auth, At::Mail, At::Rcpt, At::Data, At::Body] {
        sandbox.misbehave_smtp([SmtpRule::cut(at).once()]).await?;
        let error = send(&sandbox, Secured::ByStartTls, "ana@example.com").await?.expect_err("a cut connection");
        assert!(error.status().is_none(), "at {at:?}: {error}");
        assert_eq!(sandbox.smtp_fired(1).await?.len(), 1, "at {at:?}");
    }
    assert!(sandbox.mails_now(None).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_reply_can_be_lost_after_the_message_was_kept() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.misbehave_smtp([SmtpRule::keep_and_cut().to("@example.com").once()]).await?;
    let error = send(&sandbox, Secured::FromTheFirstByte, "ana@example.com").await?.expect_err("a lost reply");
    assert!(error.status().is_none(), "{error}");
    sandbox.mail_to("ana@example.com").await?;

    send(&sandbox, Secured::FromTheFirstByte, "ana@example.com").await??;
    let mails = sandbox.mails_to("ana@example.com", 2).await?;
    assert_eq!(mails[0].message_id, mails[1].message_id);
    let log = sandbox.smtp_log().await?;
    assert_eq!(log[0].ended.as_deref(), Some("cut by a rule"));
    assert!(log[0].lines.last().is_some_and(|line| line.starts_with("* kept as ")), "{log:?}");
    Ok(())
}

#[tokio::test]
async fn a_delay_waits_and_then_the_next_rule_decides() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let delay = Duration::from_millis(300);
    sandbox
        .misbehave_smtp([SmtpRule::delay(At::Data, delay).times(2), SmtpRule::reply(At::Data, 421, "4.3.0 Not now").once()])
        .await?;
    let start = Instant::now();
    assert_eq!(code(send(&sandbox, Secured::Not, "ana@example.com").await?), Some(421));
    assert!(start.elapsed() >= delay);
    let start = Instant::now();
    send(&sandbox, Secured::Not, "ana@example.com").await??;
    assert!(start.elapsed() >= delay);
    assert_eq!(sandbox.smtp_fired(3).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_delay_does_not_keep_the_sandbox_from_stopping() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    sandbox.misbehave_smtp([SmtpRule::delay(At::Body, Duration::from_secs(300))]).await?;
    let mailer = mailer(&sandbox, Secured::Not)?;
    let letter = letter("ana@example.com")?;
    let sending = tokio::spawn(async move { mailer.send(letter).await.map(drop) });
    sandbox.smtp_fired(1).await?;
    sandbox.restart().await?;
    assert_eq!(code(sending.await?), Some(421));
    Ok(())
}

#[tokio::test]
async fn both_ports_refuse_and_come_back_on_the_same_numbers() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    for _ in 0..3 {
        sandbox.misbehave_smtp([SmtpRule::refuse()]).await?;
        for addr in [sandbox.smtp_addr(), sandbox.smtps_addr()] {
            let error = tokio::net::TcpStream::connect(addr).await.expect_err("a shut port");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
            let taken = tokio::net::TcpListener::bind(addr).await.expect_err("a port that is kept");
            assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
        }
        sandbox.behave_smtp().await?;
        send(&sandbox, Secured::ByStartTls, "ana@example.com").await??;
        send(&sandbox, Secured::FromTheFirstByte, "ana@example.com").await??;
    }
    Ok(())
}

#[tokio::test]
async fn starttls_can_be_missing() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.misbehave_smtp([SmtpRule::no_starttls().once()]).await?;
    let error = send(&sandbox, Secured::ByStartTls, "ana@example.com").await?.expect_err("no STARTTLS");
    assert!(error.status().is_none(), "{error}");
    send(&sandbox, Secured::ByStartTls, "ana@example.com").await??;

    sandbox.misbehave_smtp([SmtpRule::no_starttls()]).await?;
    let mut talk = Talk::open(sandbox.smtp_addr()).await?;
    assert!(!talk.say("EHLO test.example").await?.contains("STARTTLS"));
    assert!(talk.say("STARTTLS").await?.starts_with("503"));
    Ok(())
}

#[tokio::test]
async fn the_certificate_can_be_a_strangers() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    for secured in [Secured::ByStartTls, Secured::FromTheFirstByte] {
        sandbox.misbehave_smtp([SmtpRule::untrusted_certificate().once()]).await?;
        let error = send(&sandbox, secured, "ana@example.com").await?.expect_err("a stranger's certificate");
        assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
        send(&sandbox, secured, "ana@example.com").await??;
    }
    Ok(())
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_and_changes_nothing() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.misbehave_smtp([SmtpRule::reply(At::Mail, 550, "No")]).await?;
    for (rule, why) in [
        (r#"{"do":"cut"}"#, "`at` is missing"),
        (r#"{"at":"rcpt","do":{"reply":{"code":99,"text":""}}}"#, "99 is not a reply code"),
        (r#"{"at":"rcpt","do":"keep_and_cut"}"#, "keep_and_cut is for the body"),
        (r#"{"at":"mail","to":"ana@example.com","do":"cut"}"#, "`to` is for"),
        (r#"{"at":"connect","do":"refuse"}"#, "take no `at`"),
        (r#"{"times":2,"do":"refuse"}"#, "takes no `times`"),
        (r#"{"at":"mail","do":{"delay_ms":600001}}"#, "a delay is at most"),
        (r#"{"at":"teatime","do":"cut"}"#, "teatime"),
        (r#"{"at":"mail","tmes":1,"do":"cut"}"#, "tmes"),
    ] {
        let response = reqwest::Client::new()
            .put(format!("{}/api/misbehave/smtp", sandbox.http_url()))
            .header("content-type", "application/json")
            .body(format!(r#"{{"rules":[{rule}]}}"#))
            .send()
            .await?;
        assert_eq!(response.status(), 422, "{rule}");
        let text = response.text().await?;
        assert!(text.contains(why), "{rule}: {text}");
    }
    assert_eq!(sandbox.smtp_misbehaviour().await?.rules.len(), 1);
    let error = mailer(&sandbox, Secured::Not)?.send(note("ana@example.com", "x")?).await.expect_err("the rule");
    assert!(error.is_permanent(), "{error}");
    Ok(())
}

#[tokio::test]
async fn the_documented_rules_are_understood() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let document = include_str!("../../README.md");
    let examples: Vec<&str> =
        document.lines().filter_map(|line| line.strip_prefix("rules smtp '")?.split_once('\'')).map(|(rules, _)| rules).collect();
    assert!(examples.len() > 3, "the examples were not found");
    for rules in examples {
        let response = reqwest::Client::new()
            .put(format!("{}/api/misbehave/smtp", sandbox.http_url()))
            .header("content-type", "application/json")
            .body(rules)
            .send()
            .await?;
        let status = response.status();
        assert_eq!(status, 204, "{rules}: {}", response.text().await?);
    }
    Ok(())
}
