//! How many letters a second leave over a connection that is kept, beside the shortest loop that could send them. Run on request, since no
//! test asserts a figure: `tests/run flows mail::rate -- --ignored --nocapture`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use faena_tests::{sandbox::Sandbox, stores::Stores, wait::until};
use jobs::{
    accounts::{email_address::EmailAddress, full_name::FullName, locale::Locale},
    mail::{
        Reader,
        letter::{Letter, MessageId, Recipient},
        letters::{Blanks as _, Receipt, Written as _},
    },
    ports::{
        links::Links,
        mailer::{Fate, Mailer},
    },
};
use lettre::{
    Message,
    message::MultiPart,
    transport::smtp::{client::AsyncSmtpConnection, extension::ClientId},
};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::{
    ADDRESS, SECRET, mailer, start_engine,
    streams::{Which, enqueue, registry, somebody},
};

const LETTERS: usize = 300;
const ROUNDS: usize = 5;

fn letter(number: usize) -> Letter {
    let home = "https://compilandocode.example".parse().unwrap();
    let name = FullName::parse("Begoña Núñez").unwrap();
    let reader = Reader { name: &name, locale: Locale::Es, time_zone: "America/Bogota", home: &home, unsubscribe: None };
    let paper = Receipt::sample(&home).write(&reader).unwrap();
    let id = Uuid::from_u128(number as u128);
    Letter {
        to: Recipient::new(&name, EmailAddress::parse(ADDRESS).unwrap()),
        locale: Locale::Es,
        subject: paper.subject,
        text: paper.text,
        html: paper.html,
        message_id: MessageId::new(id, "compilandocode.example"),
        written_at: Utc::now(),
        unsubscribe: None,
        return_tag: Links::new(home.clone(), &SECRET.into()).return_tag(id),
    }
}

/// The same letters, written and sent by lettre alone over one connection that never asks whether it lives.
async fn plain(addr: &str) -> f64 {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &ClientId::default()).await.unwrap();
    let began = Instant::now();
    for number in 0..LETTERS {
        let Letter { subject, text, html, message_id, .. } = letter(number);
        let message = Message::builder()
            .from("CompilandoCode <hola@compilandocode.example>".parse().unwrap())
            .to(ADDRESS.parse().unwrap())
            .subject(subject.as_str())
            .message_id(Some(format!("<{message_id}>")))
            .multipart(MultiPart::alternative_plain_html(text, html))
            .unwrap();
        assert!(connection.send(message.envelope(), &message.formatted()).await.unwrap().is_positive());
    }
    LETTERS as f64 / began.elapsed().as_secs_f64()
}

/// The same by the worker's mailer, one after the other.
async fn ours(mail: &dyn Mailer) -> f64 {
    let began = Instant::now();
    for number in 0..LETTERS {
        let fate = mail.offer(&letter(number)).await.unwrap().hand_over().await;
        assert!(matches!(fate, Fate::Accepted(_)), "{fate:?}");
    }
    LETTERS as f64 / began.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn letters_a_second_beside_a_plain_loop() {
    let sandbox = Sandbox::start().await.unwrap();
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), include_str!("dkim_rsa.pem")).unwrap();
    let unsigned = mailer(&sandbox.smtp_url(), |_| {});
    let signed = mailer(&sandbox.smtp_url(), |args| {
        args.dkim_key_file = Some(key.path().to_owned());
        args.dkim_selector = Some("faena2026".to_owned());
    });
    let (mut plain_rates, mut our_rates, mut signed_rates) = (Vec::new(), Vec::new(), Vec::new());
    // Round and round, so that a busy moment of the machine meets all of them alike.
    for _ in 0..ROUNDS {
        plain_rates.push(plain(sandbox.smtp_addr()).await);
        our_rates.push(ours(&unsigned).await);
        signed_rates.push(ours(&signed).await);
    }
    let (plain, ours, signed) = (median(plain_rates), median(our_rates), median(signed_rates));
    eprintln!("one at a time, median of {ROUNDS} rounds of {LETTERS} letters:");
    eprintln!(
        "  plain lettre loop {plain:.0}/s · the mailer {ours:.0}/s ({:.0} %) · with an RSA signature {signed:.0}/s",
        100.0 * ours / plain
    );
    eprintln!("  through the engine, four at once: {:.0}/s", through_the_engine(&sandbox).await);
}

/// Promised in Postgres, each letter's row written twice, four slots.
async fn through_the_engine(sandbox: &Sandbox) -> f64 {
    let stores = Stores::fresh().await;
    let user_id = somebody(&stores).await;
    for number in 0..LETTERS {
        enqueue(&stores, user_id, Which::Transactional, u32::try_from(number).unwrap()).await;
    }
    let began = Instant::now();
    let _engine = start_engine(&stores, registry(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    until("every letter to have left", async || {
        let sent: i64 =
            sqlx::query_scalar("select count(*) from mail.messages where state = 'sent'").fetch_one(&stores.db).await.unwrap();
        usize::try_from(sent).unwrap() == LETTERS
    })
    .await;
    LETTERS as f64 / began.elapsed().max(Duration::from_millis(1)).as_secs_f64()
}
