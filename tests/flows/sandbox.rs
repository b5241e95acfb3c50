//! The sandbox does what the other tests rely on, seen by the clients that they use.

mod faults;
mod life;
mod mail;
mod objects;
mod pages;
mod protocol;
mod talk;

use anyhow::Context;
use faena_tests::sandbox::{SMTP_PASSWORD, SMTP_USER, Sandbox};
use lettre::message::{MultiPart, header::ContentType};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, Message, Tokio1Executor};

type Mailer = AsyncSmtpTransport<Tokio1Executor>;

/// How a mailer protects its connection.
#[derive(Clone, Copy)]
enum Secured {
    Not,
    ByStartTls,
    FromTheFirstByte,
}

/// A mailer that trusts the sandbox's authority; it logs in wherever it encrypts.
fn mailer(sandbox: &Sandbox, secured: Secured) -> anyhow::Result<Mailer> {
    mailer_as(sandbox, secured, SMTP_USER, SMTP_PASSWORD, None)
}

fn mailer_as(
    sandbox: &Sandbox,
    secured: Secured,
    user: &str,
    password: &str,
    mechanism: Option<Mechanism>,
) -> anyhow::Result<Mailer> {
    let authority = Certificate::from_pem(&std::fs::read(sandbox.ca_file())?)?;
    let parameters = TlsParameters::builder("localhost".to_owned()).add_root_certificate(authority).build_rustls()?;
    let (addr, tls) = match secured {
        Secured::Not => (sandbox.smtp_addr(), Tls::None),
        Secured::ByStartTls => (sandbox.smtp_addr(), Tls::Required(parameters)),
        Secured::FromTheFirstByte => (sandbox.smtps_addr(), Tls::Wrapper(parameters)),
    };
    let (host, port) = addr.rsplit_once(':').context("an address without a port")?;
    let mut builder = Mailer::builder_dangerous(host).port(port.parse()?).tls(tls);
    if !matches!(secured, Secured::Not) {
        builder = builder.credentials(Credentials::new(user.to_owned(), password.to_owned()));
    }
    if let Some(mechanism) = mechanism {
        builder = builder.authentication(vec![mechanism]);
    }
    Ok(builder.build())
}

/// A letter with both bodies.
fn letter(to: &str) -> anyhow::Result<Message> {
    let bodies = MultiPart::alternative_plain_html(
        "Hola, Ñandú:\n\nentra en http://127.0.0.1:8080/verificar?t=abc_1.\n".to_owned(),
        "<p>Hola, <b>Ñandú</b>: <a href=\"http://127.0.0.1:8080/verificar?t=abc_1\">entra</a>.</p>".to_owned(),
    );
    let letter = Message::builder()
        .from("CompilandoCode <hola@compilandocode.example>".parse()?)
        .to(to.parse()?)
        .subject("Te damos la bienvenida, Ñandú")
        .message_id(Some("<bienvenida-1@compilandocode.example>".to_owned()))
        .multipart(bodies)?;
    Ok(letter)
}

/// A letter of plain text.
fn note(to: &str, text: &str) -> anyhow::Result<Message> {
    let note = Message::builder()
        .from("hola@compilandocode.example".parse()?)
        .to(to.parse()?)
        .subject("Nota")
        .header(ContentType::TEXT_PLAIN)
        .body(text.to_owned())?;
    Ok(note)
}
