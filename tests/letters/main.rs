//! How many letters a second leave over a connection that is kept, beside the shortest loop that could send them, and with a signature. A
//! benchmark: it fails where a letter is not taken, and at no figure.

use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use chrono::Utc;
use clap::Parser;
use faena_tests::{process::SECRET, sandbox::Sandbox};
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
use worker::{
    Mistakes,
    smtp::{Smtp, SmtpArgs},
};

const FROM: &str = "CompilandoCode <hola@compilandocode.example>";
const ADDRESS: &str = "begona@correo.example";

/// Sends the same letters by a plain loop over lettre, by the worker's mailer, and by that with an RSA signature (DKIM).
#[derive(Debug, Parser)]
struct Settings {
    /// How many letters a round has: 1,000 at most, which is what the mailbox keeps.
    #[arg(long, default_value_t = 300)]
    letters: usize,
    /// How many rounds; the median is told.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Settings { letters, rounds } = Settings::parse();
    ensure!((1..=1000).contains(&letters) && rounds > 0, "--letters must be from 1 to 1000, and --rounds 1 at least");
    let sandbox = Sandbox::start().await?;
    let key = tempfile::NamedTempFile::new().context("a file for the key")?;
    std::fs::write(key.path(), include_str!("../flows/mail/dkim_rsa.pem")).context("writing the key")?;
    let unsigned = mailer(&sandbox, |_| {})?;
    let signed = mailer(&sandbox, |args| {
        args.dkim_key_file = Some(key.path().to_owned());
        args.dkim_selector = Some("faena2026".to_owned());
    })?;
    let (mut plain_rates, mut our_rates, mut signed_rates) = (Vec::new(), Vec::new(), Vec::new());
    // Round and round, so that a busy moment of the machine meets all of them alike.
    for _ in 0..rounds {
        plain_rates.push(plain(sandbox.smtp_addr(), letters).await?);
        all_arrived(&sandbox, letters).await?;
        our_rates.push(ours(&unsigned, letters).await?);
        all_arrived(&sandbox, letters).await?;
        signed_rates.push(ours(&signed, letters).await?);
        all_arrived(&sandbox, letters).await?;
    }
    let (plain, ours, signed) = (median(plain_rates), median(our_rates), median(signed_rates));
    eprintln!("letters a second, one at a time, median of {rounds} rounds of {letters}:");
    for (what, rate) in
        [("a plain loop over lettre", plain), ("the worker's mailer", ours), ("the same with an RSA signature", signed)]
    {
        eprintln!("  {what:<31} {rate:>8.0}  {:>4.0} %", 100.0 * rate / plain);
    }
    Ok(())
}

/// Counts what has arrived, and empties the mailbox for the next.
async fn all_arrived(sandbox: &Sandbox, letters: usize) -> anyhow::Result<()> {
    let kept = sandbox.mails_now(Some(ADDRESS)).await?.len();
    ensure!(kept == letters, "{kept} letters arrived, and {letters} left");
    sandbox.forget_mail().await
}

fn mailer(sandbox: &Sandbox, adjust: impl FnOnce(&mut SmtpArgs)) -> anyhow::Result<Smtp> {
    let mut args =
        SmtpArgs { smtp_url: Some(sandbox.smtp_url().as_str().into()), mail_from: Some(FROM.to_owned()), ..SmtpArgs::default() };
    adjust(&mut args);
    let mut mistakes = Mistakes::default();
    args.checked(&mut mistakes).with_context(|| mistakes.to_string())
}

fn letter(number: usize) -> anyhow::Result<Letter> {
    let home = "https://compilandocode.example".parse()?;
    let name = FullName::parse("Begoña Núñez")?;
    let reader = Reader { name: &name, locale: Locale::Es, time_zone: "America/Bogota", home: &home, unsubscribe: None };
    let paper = Receipt::sample(&home, Locale::Es).write(&reader)?;
    let id = Uuid::from_u128(u128::try_from(number)?);
    Ok(Letter {
        to: Recipient::new(&name, EmailAddress::parse(ADDRESS)?),
        locale: Locale::Es,
        subject: paper.subject,
        text: paper.text,
        html: paper.html,
        message_id: MessageId::new(id, "compilandocode.example"),
        written_at: Utc::now(),
        unsubscribe: None,
        return_tag: Links::new(home.clone(), &SECRET.into()).return_tag(id),
    })
}

/// Written and sent by lettre alone over one connection that never asks whether it lives.
async fn plain(addr: &str, letters: usize) -> anyhow::Result<f64> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &ClientId::default()).await?;
    let began = Instant::now();
    for number in 0..letters {
        let Letter { subject, text, html, message_id, .. } = letter(number)?;
        let message = Message::builder()
            .from(FROM.parse()?)
            .to(ADDRESS.parse()?)
            .subject(subject.as_str())
            .message_id(Some(format!("<{message_id}>")))
            .multipart(MultiPart::alternative_plain_html(text, html))?;
        ensure!(connection.send(message.envelope(), &message.formatted()).await?.is_positive(), "letter {number} was refused");
    }
    Ok(letters as f64 / began.elapsed().as_secs_f64())
}

/// By the worker's mailer, one after the other.
async fn ours(mail: &dyn Mailer, letters: usize) -> anyhow::Result<f64> {
    let began = Instant::now();
    for number in 0..letters {
        match mail.offer(&letter(number)?).await {
            Ok(offered) => match offered.hand_over().await {
                Fate::Accepted(_) => {}
                fate => bail!("letter {number}: {fate:?}"),
            },
            Err(fate) => bail!("letter {number}: {fate:?}"),
        }
    }
    Ok(letters as f64 / began.elapsed().as_secs_f64())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
