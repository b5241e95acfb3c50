//! The world of the real catalogue: whom to write to, and in whose name.

use std::sync::Arc;

use clap::Args;
use jobs::{
    accounts::secret_key,
    ports::{Ports, links::Links},
};
use queue::Registry;
use schedules::Schedule;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use worker::{Mistakes, Outside, payments::PaymentArgs, smtp::SmtpArgs};

/// What jobs need of the outside.
#[derive(Debug, Args)]
pub(crate) struct OutsideArgs {
    /// Where people reach the pages; links in letters begin with it. For example https://compilandocode.example
    #[arg(long, env = "PUBLIC_URL")]
    public_url: Option<String>,
    /// The installation's secret, the same as the web's: at least 32 random bytes, for example from `openssl rand -hex 32`.
    #[arg(long, env = "SECRET_KEY", hide_env_values = true)]
    secret_key: Option<SecretString>,
    #[command(flatten)]
    smtp: SmtpArgs,
    #[command(flatten)]
    payments: PaymentArgs,
}

impl Outside for OutsideArgs {
    type Ports = Ports;

    fn catalogue() -> Registry<Ports> {
        jobs::catalogue()
    }

    fn schedules() -> Vec<Schedule> {
        schedules::schedules()
    }

    fn open(&self, mistakes: &mut Mistakes) -> Option<Ports> {
        let public_url = match self.public_url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
            Some(url) => mistakes.note("PUBLIC_URL", public_url(url)),
            None => mistakes.note("PUBLIC_URL", Err("is not set")),
        };
        let secret = match self.secret_key.as_ref().filter(|secret| !secret.expose_secret().is_empty()) {
            Some(secret) => mistakes.note("SECRET_KEY", secret_key::check(secret)).map(|()| secret),
            None => mistakes.note("SECRET_KEY", Err("is not set")),
        };
        let mail = self.smtp.checked(mistakes);
        let payments = self.payments.checked(public_url.as_ref(), mistakes);
        Some(Ports { links: Links::new(public_url?, secret?), mail: Arc::new(mail?), payments: payments? })
    }

    async fn reach(&self, mistakes: &mut Mistakes) {
        if let Some(mail) = self.smtp.checked(mistakes) {
            mistakes.note("SMTP_URL", mail.check().await);
        }
    }
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err("is not a web address".to_owned()) }
}
