//! Each phase of a conversation, ended in each way, against a server that does as it is told.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use jobs::{
    accounts::{email_address::EmailAddress, full_name::FullName, locale::Locale},
    mail::{
        letter::{HeaderText, Letter, MessageId, Recipient},
        return_tag::ReturnTags,
    },
    ports::mailer::{Fate, Mailer, Part, Reply},
};
use mail_parser::{Address, MessageParser, MimeHeaders as _, PartType};

use super::{
    Sender, Smtp, SmtpSettings,
    scripted::{Act, At, Offer, Server},
    settings::Limits,
};

const SHORT: Duration = Duration::from_millis(400);

fn letter(name: &str) -> Letter {
    Letter {
        to: Recipient::new(
            &FullName::parse(name).expect("a name"),
            EmailAddress::parse("begona@correo.example").expect("an address"),
        ),
        locale: Locale::Es,
        subject: HeaderText::new("Te damos la bienvenida: confirma tu dirección\r\nBcc: victima@correo.example"),
        text: "¡Hola!\n\n.punto\n..dos puntos\n\nAdiós\n".to_owned(),
        html: format!("<p>¡Hola! {}</p>", "larga línea ".repeat(200)),
        message_id: MessageId::stored("0190a1b2-0000-7000-8000-000000000000@compilandocode.example"),
        written_at: DateTime::from_timestamp(1_800_000_000, 0).expect("a time"),
        unsubscribe: None,
        return_tag: ReturnTags::new(&"a secret of more than 32 bytes, 0123456789".into()).make(uuid::Uuid::nil()),
    }
}

fn mailer(url: &str, ca_file: Option<&std::path::Path>) -> Smtp {
    let mut settings = SmtpSettings::parse(&url.into(), ca_file).expect("settings");
    settings.limits =
        Limits { connect: SHORT, open: SHORT, conversation: SHORT, data: SHORT, body: SHORT, alive: SHORT, quit: SHORT };
    Smtp::new(settings, Sender::parse("CompilandoCode <hola@compilandocode.example>").expect("a sender"))
}

fn plain(server: &Server) -> Smtp {
    mailer(&format!("smtp://{}", server.addr), None)
}

fn with_login(server: &Server, scheme: &str) -> Smtp {
    mailer(&format!("{scheme}://ana:hunter2@{}", server.addr), Some(server.ca_file.path()))
}

/// Both steps.
async fn send(smtp: &Smtp, letter: &Letter) -> Fate {
    match smtp.offer(letter).await {
        Ok(offered) => offered.hand_over().await,
        Err(fate) => fate,
    }
}

async fn fate_after(at: At, act: Act) -> Fate {
    let server = Server::start(Offer::Plain, &[(at, act)]).await;
    send(&plain(&server), &letter("Begoña")).await
}

fn part_of(fate: &Fate) -> Part {
    let Fate::OutOfService(trouble) = fate else { panic!("{fate:?} is not out of service") };
    trouble.part
}

#[tokio::test]
async fn a_letter_arrives_whole_and_the_session_is_used_again() {
    let server = Server::start(Offer::Plain, &[]).await;
    let smtp = plain(&server);
    for _ in 0..3 {
        assert_eq!(send(&smtp, &letter("Begoña")).await, Fate::Accepted(Reply::new(250, "2.0.0 queued as 42")));
    }
    assert_eq!((server.connections(), server.letters().len()), (1, 3));
    let lines = server.lines();
    assert_eq!(lines.iter().filter(|line| *line == "RSET").count(), 0, "{lines:?}");
    assert!(lines.contains(&"MAIL FROM:<hola@compilandocode.example>".to_owned()), "{lines:?}");
    assert!(lines.contains(&"RCPT TO:<begona@correo.example>".to_owned()), "{lines:?}");

    let bytes = &server.letters()[0];
    let message = MessageParser::default().parse(bytes).expect("a message");
    assert_eq!(message.body_text(0).expect("text").replace("\r\n", "\n").trim_end(), "¡Hola!\n\n.punto\n..dos puntos\n\nAdiós");
}

#[tokio::test]
async fn before_the_body_a_refusal_is_about_the_letter_and_silence_is_not() {
    for at in [At::Mail, At::Rcpt, At::Data] {
        let for_now = fate_after(at, Act::Say("450 4.2.1 later")).await;
        assert_eq!(for_now, Fate::RefusedForNow(Reply::new(450, "4.2.1 later")), "{at:?}");
        let for_good = fate_after(at, Act::Say("550-5.1.1 no such\r\n550 5.1.1 user")).await;
        assert_eq!(for_good, Fate::RefusedForGood(Reply::new(550, "5.1.1 no such user")), "{at:?}");
        for code in ["530 5.7.0 log in first", "535 5.7.8 who?"] {
            assert_eq!(part_of(&fate_after(at, Act::Say(code)).await), Part::Login, "{at:?} {code}");
        }
        for act in [Act::Cut, Act::Hang, Act::Say("what?"), Act::Say("299 eh\r\n250")] {
            assert!(matches!(part_of(&fate_after(at, act).await), Part::Conversation), "{at:?} {act:?}");
        }
    }
    assert_eq!(part_of(&fate_after(At::Data, Act::Say("250 I have it already")).await), Part::Conversation);
}

#[tokio::test]
async fn after_the_body_only_an_answer_tells() {
    assert_eq!(fate_after(At::Body, Act::Say("452 4.3.1 full")).await, Fate::RefusedForNow(Reply::new(452, "4.3.1 full")));
    assert_eq!(fate_after(At::Body, Act::Say("554 5.7.1 spam")).await, Fate::RefusedForGood(Reply::new(554, "5.7.1 spam")));
    for act in [Act::Cut, Act::Hang, Act::Say("what?"), Act::Say("354 more")] {
        let fate = fate_after(At::Body, act).await;
        assert!(matches!(fate, Fate::Unknown { .. }), "{act:?}: {fate:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_work_is_out_of_service() {
    for at in [At::Greeting, At::Ehlo] {
        for act in
            [Act::Say("421 4.3.2 closed"), Act::Say("554 5.3.2 not for you"), Act::Cut, Act::Hang, Act::Say("HTTP/1.1 400 what")]
        {
            assert_eq!(part_of(&fate_after(at, act).await), Part::Connection, "{at:?} {act:?}");
        }
    }
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let fate = send(&mailer(&format!("smtp://{closed}"), None), &letter("Begoña")).await;
    assert_eq!(part_of(&fate), Part::Connection);
    let Fate::OutOfService(trouble) = fate else { unreachable!() };
    assert!(trouble.words.contains(&closed.to_string()) && trouble.words.contains("refused"), "{}", trouble.words);
}

#[tokio::test]
async fn a_hanging_server_does_not_hold_every_letter_for_its_whole_time() {
    let server = Server::start(Offer::Plain, &[(At::Greeting, Act::Hang)]).await;
    let smtp = plain(&server);
    assert_eq!(part_of(&send(&smtp, &letter("Begoña")).await), Part::Connection);
    let asked = std::time::Instant::now();
    assert_eq!(part_of(&send(&smtp, &letter("Begoña")).await), Part::Connection);
    assert!(asked.elapsed() < SHORT / 2, "{:?}", asked.elapsed());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn encryption_and_login_work_in_both_ways() {
    for (offer, scheme) in [(Offer::StartTls, "smtp"), (Offer::Implicit, "smtps")] {
        let server = Server::start(offer, &[]).await;
        let smtp = with_login(&server, scheme);
        assert!(matches!(send(&smtp, &letter("Begoña")).await, Fate::Accepted(_)), "{scheme}");
        assert_eq!(smtp.check().await, Ok(()));
        let lines = server.lines();
        let auth = lines.iter().position(|line| line.starts_with("AUTH PLAIN ")).expect("a login");
        let starttls = lines.iter().position(|line| line == "STARTTLS");
        assert_eq!(starttls.is_some(), offer == Offer::StartTls);
        assert!(starttls.is_none_or(|starttls| starttls < auth), "{lines:?}");
    }
}

#[tokio::test]
async fn without_trusted_encryption_nothing_is_said() {
    // Not offered, refused, not trusted, tampered with.
    for (offer, script, trust) in [
        (Offer::Plain, &[][..], true),
        (Offer::StartTls, &[(At::StartTls, Act::Say("454 4.7.0 no certificate"))], true),
        (Offer::StartTls, &[(At::StartTls, Act::Cut)], true),
        (Offer::StartTls, &[], false),
        (Offer::StartTls, &[(At::StartTls, Act::Say("220 go ahead\r\n250-mail.example\r\n250 AUTH PLAIN"))], true),
        (Offer::Implicit, &[], false),
    ] {
        let server = Server::start(offer, script).await;
        let scheme = if offer == Offer::Implicit { "smtps" } else { "smtp" };
        let other = Server::start(Offer::Plain, &[]).await;
        let ca_file = if trust { server.ca_file.path() } else { other.ca_file.path() };
        let smtp = mailer(&format!("{scheme}://ana:hunter2@{}", server.addr), Some(ca_file));
        assert_eq!(part_of(&send(&smtp, &letter("Begoña")).await), Part::Encryption, "{offer:?} {script:?} {trust}");
        if script.is_empty() {
            assert!(smtp.check().await.is_err());
        }
        let lines = server.lines();
        assert!(!lines.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{lines:?}");
    }
}

#[tokio::test]
async fn a_refused_login_is_the_operators_business() {
    for words in ["535 5.7.8 bad credentials", "454 4.7.0 try later", "534 5.7.9 too weak", "504 5.5.4 no such mechanism"] {
        let server = Server::start(Offer::Implicit, &[(At::Auth, Act::Say(words))]).await;
        let fate = send(&with_login(&server, "smtps"), &letter("Begoña")).await;
        assert_eq!(part_of(&fate), Part::Login, "{words}");
        let Fate::OutOfService(trouble) = fate else { unreachable!() };
        assert!(trouble.words.contains(words) && !trouble.words.contains("hunter2"), "{}", trouble.words);
    }
    let server = Server::start(Offer::Implicit, &[(At::Auth, Act::Cut)]).await;
    assert_eq!(part_of(&send(&with_login(&server, "smtps"), &letter("Begoña")).await), Part::Connection);
}

#[tokio::test]
async fn a_session_that_died_is_replaced_and_a_refusal_does_not_end_one() {
    let server = Server::start(Offer::Plain, &[(At::Rset, Act::Cut), (At::Rcpt, Act::Say("550 5.1.1 no such user"))]).await;
    let smtp = plain(&server);
    assert!(matches!(send(&smtp, &letter("Begoña")).await, Fate::RefusedForGood(_)));
    assert!(matches!(send(&smtp, &letter("Begoña")).await, Fate::Accepted(_)));
    assert_eq!(server.connections(), 2, "the first was kept, and found dead");
    assert!(matches!(send(&smtp, &letter("Begoña")).await, Fate::Accepted(_)));
    assert_eq!((server.connections(), server.letters().len()), (2, 2));
}

#[tokio::test]
async fn a_session_that_ends_between_two_letters_costs_the_second_nothing() {
    for end in [Act::Cut, Act::Say("421 4.3.2 closing")] {
        let server = Server::start(Offer::Plain, &[(At::Mail, Act::Say("250 2.1.0 ok")), (At::Mail, end)]).await;
        let smtp = plain(&server);
        for number in 1..=2 {
            assert!(matches!(send(&smtp, &letter("Begoña")).await, Fate::Accepted(_)), "letter {number}, {end:?}");
        }
        assert_eq!((server.connections(), server.letters().len()), (2, 2), "{end:?}");
    }
}

#[tokio::test]
async fn a_letter_that_was_only_offered_does_not_leave() {
    let server = Server::start(Offer::Plain, &[]).await;
    let smtp = plain(&server);
    let offered = smtp.offer(&letter("Begoña")).await.expect("the server would take it");

    drop(offered);

    assert!(matches!(send(&smtp, &letter("Begoña")).await, Fate::Accepted(_)));
    assert_eq!(server.letters().len(), 1);
    assert_eq!(server.lines().iter().filter(|line| *line == "DATA").count(), 1);
}

#[tokio::test]
async fn every_address_that_an_account_may_have_can_be_written_to() {
    let server = Server::start(Offer::Plain, &[]).await;
    let smtp = plain(&server);
    for address in [
        "\"ana luz\"@correo.example",
        "o'brien+x@correo.example",
        "ana@educación.example",
        &format!("{}@correo.example", "a".repeat(64)),
    ] {
        let address = EmailAddress::parse(address).expect(address);
        let letter = Letter { to: Recipient { name: None, address: address.clone() }, ..letter("Begoña") };
        assert!(matches!(send(&smtp, &letter).await, Fate::Accepted(_)), "{address}");
        assert!(server.lines().contains(&format!("RCPT TO:<{address}>")), "{:?}", server.lines());
        let source = String::from_utf8(server.letters().pop().expect("a letter")).expect("ASCII");
        assert!(source.contains(&format!("\r\nTo: {address}\r\n")), "{source}");
    }
}

#[tokio::test]
async fn many_letters_at_once_each_have_a_session() {
    let server = Server::start(Offer::Plain, &[]).await;
    let smtp = Arc::new(plain(&server));
    let sending: Vec<_> = (0..40)
        .map(|_| {
            let smtp = smtp.clone();
            tokio::spawn(async move { send(&smtp, &letter("Begoña")).await })
        })
        .collect();
    for sent in sending {
        assert!(matches!(sent.await.expect("no panic"), Fate::Accepted(_)));
    }
    assert_eq!(server.letters().len(), 40);
}

#[test]
fn headers_and_bodies_are_what_readers_expect() {
    let sender = Sender::parse("Educación Ñandú <hola@compilandocode.example>").expect("a sender");
    for name in [
        "Begoña Núñez de la Peña",
        "李雷",
        "Ana 🌻 Luz",
        "<script>alert(1)<",
        "Conan \"O'Brien\", Cía.",
        "x (y)",
        &"ñ".repeat(80),
    ] {
        let bytes = super::message::build(&letter(name), &sender).expect("a message").bytes;
        assert!(bytes.is_ascii());
        let source = std::str::from_utf8(&bytes).expect("ASCII");
        assert!(source.split("\r\n").all(|line| line.len() <= 78 && !line.contains(['\r', '\n'])), "{source}");

        let message = MessageParser::default().parse(&bytes).expect("a message");
        let only = |address: Option<&Address<'_>>| {
            let address = address.and_then(|address| address.first()).expect("an address");
            (address.name().unwrap_or_default().to_owned(), address.address().unwrap_or_default().to_owned())
        };
        assert_eq!(only(message.to()), (name.to_owned(), "begona@correo.example".to_owned()));
        assert_eq!(only(message.from()), ("Educación Ñandú".to_owned(), "hola@compilandocode.example".to_owned()));
        assert_eq!(message.subject(), Some("Te damos la bienvenida: confirma tu dirección Bcc: victima@correo.example"));
        assert!(message.bcc().is_none());
        assert_eq!(message.message_id(), Some("0190a1b2-0000-7000-8000-000000000000@compilandocode.example"));
        assert_eq!(message.date().map(mail_parser::DateTime::to_timestamp), Some(1_800_000_000));
        for (header, value) in [("Auto-Submitted", "auto-generated"), ("Content-Language", "es")] {
            assert!(source.contains(&format!("\r\n{header}: {value}\r\n")), "{source}");
        }
        assert!(message.content_type().is_some_and(|kind| kind.ctype() == "multipart" && kind.subtype() == Some("alternative")));
        let kinds: Vec<&str> = message.parts[1..]
            .iter()
            .map(|part| match part.body {
                PartType::Text(_) => "text",
                PartType::Html(_) => "html",
                _ => "other",
            })
            .collect();
        assert_eq!(kinds, ["text", "html"], "the best form comes last (RFC 2046, 5.1.4)");
        assert_eq!(message.body_html(0).as_deref().map(str::trim_end), Some(letter(name).html.as_str()));
    }
}
