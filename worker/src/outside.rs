//! The world of the real catalogue: whom to write to, and in whose name.

use std::sync::Arc;

use clap::Args;
use jobs::{
    accounts::secret_key,
    certificates::signing::Signer,
    ports::{Ports, blobs::Blobs, chat::Chat, links::Links, pdf::Pdf},
};
use queue::{Registry, Store};
use schedules::Schedule;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use worker::{
    Mistakes, Outside,
    payments::PaymentArgs,
    pdf::{PdfArgs, Printer},
    retention::RetentionArgs,
    s3::S3Args,
    slack::SlackArgs,
    smtp::SmtpArgs,
    xlsx::Xlsx,
};

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
    #[command(flatten)]
    s3: S3Args,
    #[command(flatten)]
    pdf: PdfArgs,
    #[command(flatten)]
    slack: SlackArgs,
    #[command(flatten)]
    retention: RetentionArgs,
    /// The key that certificates are signed with, as name:key, the key being 32 random bytes in hexadecimal or base64 (openssl rand -hex 32).
    /// Put another one with another name in its place whenever you like: what the old one signed stays good. It has no date on which it ends, so
    /// nobody is warned of one: what a key has signed is as true afterwards as before. Without it no certificates are issued.
    #[arg(long, env = "CERTIFICATE_KEY", hide_env_values = true)]
    certificate_key: Option<SecretString>,
}

impl OutsideArgs {
    /// The outer option: nothing is wrong; the inner: there is a key.
    fn signer(&self, mistakes: &mut Mistakes) -> Option<Option<Signer>> {
        match self.certificate_key.as_ref().filter(|key| !key.expose_secret().trim().is_empty()) {
            Some(key) => mistakes.note("CERTIFICATE_KEY", Signer::parse(key)).map(Some),
            None => Some(None),
        }
    }

    /// The printer, where anything is to be printed: fonts are nothing to ask for of whoever keeps no files.
    fn printer(&self, is_wanted: bool, mistakes: &mut Mistakes) -> Option<Option<Printer>> {
        if is_wanted { self.pdf.checked(mistakes) } else { Some(None) }
    }
}

impl Outside for OutsideArgs {
    type Ports = Ports;

    fn catalogue() -> Registry<Ports> {
        jobs::catalogue()
    }

    fn schedules() -> Vec<Schedule> {
        schedules::schedules()
    }

    fn open(&self, live: Option<&Store>, mistakes: &mut Mistakes) -> Option<Ports> {
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
        let signer = self.signer(mistakes);
        let store = self.s3.checked(mistakes);
        let slack = self.slack.checked(mistakes);
        let retention = self.retention.checked(mistakes);
        let printer = self.printer(matches!(&store, Some(Some(_))), mistakes);
        Some(Ports {
            links: Links::new(public_url?, secret?),
            mail: Arc::new(mail?),
            payments: payments?,
            blobs: store?.map(|store| Arc::new(store) as Arc<dyn Blobs>),
            pdf: printer?.map(|printer| Arc::new(printer) as Arc<dyn Pdf>),
            spreadsheets: Some(Arc::new(Xlsx::default())),
            signer: signer?,
            chat: Some(Arc::new(slack?) as Arc<dyn Chat>),
            live: live.cloned(),
            retention: retention?,
        })
    }

    async fn reach(&self, mistakes: &mut Mistakes) {
        if let Some(mail) = self.smtp.checked(mistakes) {
            mistakes.note("SMTP_URL", mail.check().await);
        }
        if let Some(Some(store)) = self.s3.checked(mistakes) {
            mistakes.note("S3_ENDPOINT", store.check().await);
        }
    }
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err("is not a web address".to_owned()) }
}
