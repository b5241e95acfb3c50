//! The web front: pages, probes and figures. It enqueues jobs and never runs one.

mod api;
mod app;
mod assets;
mod cache;
mod chart;
mod check;
mod client_ip;
mod credentials;
mod csrf;
mod desk_figures;
mod downloads;
mod figures;
mod flights;
mod forms;
mod guard;
mod headers;
mod identity;
mod markdown;
mod migrations;
mod next_url;
mod page;
mod pages;
mod paths;
mod problem;
mod routes;
mod serve;
mod sessions;
mod settings;
mod system;
mod telemetry;
mod texts;
mod throttle;
mod titles;
mod visit;
mod webhooks;
mod week;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use queue::Outage;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    app::App,
    settings::{Given, Settings},
};

/// Faena's web front.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve pages until SIGTERM or SIGINT.
    Serve(Box<Given>),
    /// Say everything that is wrong with the configuration and the servers that it names. Exit code 0: nothing is.
    Check(Box<Given>),
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the answer is the point of `check`")]
async fn main() -> ExitCode {
    let command = Command::parse();
    // Some dependency may bring a second provider some day; ours is chosen here, once.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return fail("another TLS provider was installed first");
    }
    match command.verb {
        Verb::Check(given) => {
            let mistakes = check::mistakes(&given).await;
            if !mistakes.0.is_empty() {
                return fail(&mistakes.to_string());
            }
            println!("The settings are in order, and everything they name answers.");
            ExitCode::SUCCESS
        }
        Verb::Serve(given) => match given.check() {
            Err(mistakes) => fail(&mistakes.to_string()),
            Ok(settings) => match run(settings).await {
                // At once: the look-up of a name that nobody answers would be waited for.
                Ok(()) => std::process::exit(0),
                Err(error) => fail(&format!("{error:#}")),
            },
        },
    }
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    telemetry::start_log()?;
    if let Some(keyring) = settings.keyring.clone() {
        keyring.install();
    }
    let app = App::new(settings, telemetry::start_metrics()?)?;
    let router = routes::router(&app, routes::table());
    let address = app.settings.web_addr;
    let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    let addr = listener.local_addr().context("asking for the bound address")?;
    tracing::info!(%addr, "ready");
    // Here too, because a worker whose ticker hangs may be the only one.
    let _watching = AbortOnDropHandle::new(tokio::spawn(schedules::watch(app.db.clone(), Outage::unwatched("watch_ticks"))));
    serve::serve(listener, router, app).await.context("serving")
}

fn fail(what: &str) -> ExitCode {
    eprintln!("{}", what.trim_end());
    ExitCode::FAILURE
}
