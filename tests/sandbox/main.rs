//! The sandbox: a stand-in for the outside world. It keeps mail and shows it, stores objects over S3, takes payments as Stripe and PayPal do, and misbehaves
//! on request.
//!
//! Each stand-in is one module that offers `start` and `routes`; a new one (chat) is a module and its lines in `run`. One that
//! speaks HTTP implements `http_faults::StandIn` and can misbehave with that.
//!
//! | route | what |
//! | --- | --- |
//! | `GET /`, `/messages/{id}`, `…/html`, `…/source` | the mailbox, for people |
//! | `GET /api/messages?to=ADDRESS`, `DELETE /api/messages` | the mailbox, for programs |
//! | `PUT /api/misbehave/smtp`, `/api/misbehave/s3` | replaces the rules (`…/stripe` and `…/paypal` too): `{"rules":[{"at":"rcpt","times":2,"do":{"reply":{"code":451,"text":"4.7.1 Greylisted"}}}]}` |
//! | `GET` and `DELETE` of the same | what is left of them and what fired; behaves again |
//! | `GET /api/log/smtp` | what was said in recent sessions |
//! | `GET /stripe/pay/{session}` | where a sale is paid |
//! | `POST /api/stripe/happen` | something happens to a payment: `{"refund":{"session":"cs_test_…","amount":100}}` |
//! | `GET /api/stripe/events`, `…/objects`, `PUT /api/stripe/endpoint` | what Stripe told; how many of each there are; where it tells |
//! | `GET /paypal/checkoutnow?token=ORDER`, `POST /api/paypal/happen`, … | the same of PayPal |
//! | `GET /health` | 200 while it lives |
//!
//! `faena_tests::sandbox::{SmtpRule, HttpRule, StripeHappening, PaypalHappening}` document what a rule can say.

mod door;
mod http_faults;
mod mailbox;
mod messages;
mod paypal;
mod provider;
mod s3;
mod script;
mod settings;
mod smtp;
mod stripe;
mod tls;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use clap::Parser;
use faena_tests::sandbox::Ready;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use mailbox::Mailbox;
use settings::Settings;

/// How long conversations may take to end after a stop.
const STOP_WITHIN: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    log_to_stderr();
    faena_tests::sandbox::use_ring();
    match run(&settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: &Settings) -> anyhow::Result<()> {
    std::fs::create_dir_all(&settings.data).with_context(|| format!("cannot make the folder {}", settings.data.display()))?;
    // Before the addresses are told: whoever reads them may send a signal at once.
    let told_to_stop = told_to_stop(settings.stop_with_stdin)?;
    let stop = CancellationToken::new();

    let http = door::listen(settings.http, "--http")?;
    let mailbox = Arc::new(Mailbox::open(&settings.data.join("mail"))?);
    let smtp = smtp::start(settings, Arc::clone(&mailbox), &stop)?;
    let s3 = s3::start(settings, &stop)?;

    let address = format!("http://{}", http.local_addr().context("reading the HTTP port")?);
    let stripe = stripe::start(settings, &address, &stop)?;
    let paypal = paypal::start(settings, &address, &stop)?;

    let ready = Ready {
        http: address,
        smtp: smtp.addr.to_string(),
        smtps: smtp.tls_addr.to_string(),
        s3: format!("http://{}", s3.addr),
        stripe: format!("http://{}", stripe.addr),
        paypal: format!("http://{}", paypal.addr),
        paypal_roots_file: paypal.roots_file.clone(),
        ca_file: smtp.ca_file.clone(),
    };
    let routes = Router::new()
        .route("/health", get(async || "ok\n"))
        .merge(mailbox::routes(mailbox))
        .merge(smtp.routes())
        .merge(s3.routes())
        .merge(stripe.routes())
        .merge(paypal.routes())
        .into_make_service();
    let serving = tokio::spawn(axum::serve(http, routes).with_graceful_shutdown(stop.clone().cancelled_owned()).into_future());

    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", serde_json::to_string(&ready)?).and_then(|()| stdout.flush()).context("telling the addresses")?;
    tracing::info!(
        http = ready.http,
        smtp = ready.smtp,
        smtps = ready.smtps,
        s3 = ready.s3,
        stripe = ready.stripe,
        paypal = ready.paypal,
        "ready"
    );

    told_to_stop.await;
    tracing::info!("stopping");
    stop.cancel();
    let _ = tokio::time::timeout(STOP_WITHIN, async { tokio::join!(serving, smtp.ended()) }).await;
    Ok(())
}

fn told_to_stop(with_stdin: bool) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stdin_closed(), if with_stdin => {}
        }
    })
}

/// A thread of its own reads: one of the runtime's could not be stopped with it.
async fn stdin_closed() {
    let (closed, told) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = closed.send(());
    });
    let _ = told.await;
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,s3s=warn,s3s_fs=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var("LOG_FORMAT").is_ok_and(|format| format == "text") {
        log.init();
    } else {
        log.json().flatten_event(true).init();
    }
}
