//! The sandbox as a test sees it: a process of its own on free ports, typed questions and typed misbehaviour.
//!
//! ```no_run
//! # async fn story() -> anyhow::Result<()> {
//! use faena_tests::sandbox::{At, Sandbox, SmtpRule};
//!
//! let sandbox = Sandbox::start().await?;
//! sandbox.misbehave_smtp([SmtpRule::reply(At::Rcpt, 451, "4.7.1 Greylisted").times(2)]).await?;
//! // … something sends a letter to sandbox.smtp_url(), and sends it again …
//! let letter = sandbox.mail_to("ana@example.com").await?;
//! assert_eq!(letter.subject, "Te damos la bienvenida");
//! # Ok(()) }
//! ```

mod mail;
mod paypal;
mod process;
mod rules;
mod stripe;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub use mail::{Mail, Ready, SmtpSession};
pub use rules::{At, Fired, HttpAct, HttpRule, Misbehaviour, RuleState, Rules, SmtpAct, SmtpRule};

pub use paypal::{PAYPAL_KEY_PEM, PaypalEndpoint, PaypalFunding, PaypalHappening, paypal_headers};
pub use stripe::{StripeEndpoint, StripeHappening};

use crate::wait::PATIENCE;
use process::Process;

/// The bucket that exists from the start.
pub const S3_BUCKET: &str = "faena";
/// The demo's S3 access key.
pub const S3_ACCESS_KEY: &str = "faena-demo";
/// The demo's S3 secret key: it opens nothing but the sandbox.
pub const S3_SECRET_KEY: &str = "faena-demo-secret";
/// The user that the mail server knows.
pub const SMTP_USER: &str = "faena";
/// Its password: it opens nothing but the sandbox.
pub const SMTP_PASSWORD: &str = "faena-demo";

/// The key of the account at the stand-in for Stripe: it opens nothing else.
pub const STRIPE_KEY: &str = "sk_test_faena_demo";
/// What the stand-in signs its messages with.
pub const STRIPE_SECRET: &str = "whsec_faena_demo_secret";

/// The app that may use the stand-in for PayPal.
pub const PAYPAL_CLIENT_ID: &str = "faena-demo-client";
/// Its secret: it opens nothing else.
pub const PAYPAL_CLIENT_SECRET: &str = "faena-demo-secret";
/// The account that is paid there.
pub const PAYPAL_MERCHANT_ID: &str = "FAENADEMO2345";
/// Under which id our address for messages is known there.
pub const PAYPAL_WEBHOOK_ID: &str = "8PT597110X687430LKGECATA";

/// How often [`Sandbox::mail_to`] and its kin look.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// A running sandbox with data of its own. Dropping it ends the process and removes the data; it also ends when the test's
/// process dies in whatever way.
#[derive(Debug)]
pub struct Sandbox {
    process: Process,
    client: Client,
}

impl Sandbox {
    /// Starts one on free ports, with an empty mailbox and an empty bucket [`S3_BUCKET`].
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts one with further flags: see `sandbox --help`.
    pub async fn start_with(flags: &[&str]) -> anyhow::Result<Self> {
        use_ring();
        let process = Process::start(flags).await?;
        let client = Client::builder().timeout(Duration::from_secs(30)).no_proxy().build().context("building the client")?;
        Ok(Self { process, client })
    }

    /// Ends it by SIGTERM and starts it again: same ports, same data, no rules.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process.restart().await
    }

    /// The base of the mailbox's pages and the API, `http://host:port`.
    pub fn http_url(&self) -> &str {
        &self.process.ready().http
    }

    /// `host:port` of SMTP with STARTTLS.
    pub fn smtp_addr(&self) -> &str {
        &self.process.ready().smtp
    }

    /// `host:port` of SMTP over TLS.
    pub fn smtps_addr(&self) -> &str {
        &self.process.ready().smtps
    }

    /// A value for SMTP_URL: no TLS asked, no login.
    pub fn smtp_url(&self) -> String {
        format!("smtp://{}", self.smtp_addr())
    }

    /// A value for SMTP_URL: STARTTLS and a login, which need [`Self::ca_file`].
    pub fn smtp_url_with_login(&self) -> String {
        format!("smtp://{SMTP_USER}:{SMTP_PASSWORD}@{}", self.smtp_addr())
    }

    /// A value for SMTP_URL: TLS from the first byte and a login, which need [`Self::ca_file`].
    pub fn smtps_url(&self) -> String {
        format!("smtps://{SMTP_USER}:{SMTP_PASSWORD}@{}", self.smtps_addr())
    }

    /// The authority behind the mail server's certificate, a PEM file.
    pub fn ca_file(&self) -> &Path {
        &self.process.ready().ca_file
    }

    /// The S3 endpoint, `http://host:port`.
    pub fn s3_url(&self) -> &str {
        &self.process.ready().s3
    }

    /// An S3 client that may use the sandbox, and tries `attempts` times.
    pub fn s3(&self, attempts: u32) -> aws_sdk_s3::Client {
        use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};

        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(self.s3_url())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new(S3_ACCESS_KEY, S3_SECRET_KEY, None, None, "sandbox"))
            .retry_config(RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(Duration::from_millis(20)))
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// The stand-in for Stripe's API, `http://host:port`.
    pub fn stripe_url(&self) -> &str {
        &self.process.ready().stripe
    }

    /// Has Stripe's messages sent there, each so often; none: kept only.
    pub async fn send_stripe_events_to(&self, url: Option<&str>, copies: u32) -> anyhow::Result<()> {
        let endpoint = StripeEndpoint { url: url.map(str::to_owned), secret: STRIPE_SECRET.to_owned(), copies };
        tell(self.request(Method::PUT, "/api/stripe/endpoint").json(&endpoint)).await
    }

    /// Lets something happen at Stripe's side.
    pub async fn at_stripe(&self, happening: StripeHappening) -> anyhow::Result<()> {
        tell(self.request(Method::POST, "/api/stripe/happen").json(&happening)).await
    }

    /// Every message that Stripe had to tell, oldest first.
    pub async fn stripe_events(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        ask(self.request(Method::GET, "/api/stripe/events")).await
    }

    /// How many objects of each kind there are at Stripe.
    pub async fn stripe_objects(&self) -> anyhow::Result<serde_json::Value> {
        ask(self.request(Method::GET, "/api/stripe/objects")).await
    }

    /// Replaces the rules of Stripe's API.
    pub async fn misbehave_stripe(&self, rules: impl IntoIterator<Item = HttpRule> + Send) -> anyhow::Result<()> {
        self.misbehave("stripe", rules).await
    }

    /// The rules of Stripe's API, what is left of them, and what fired.
    pub async fn stripe_misbehaviour(&self) -> anyhow::Result<Misbehaviour<HttpRule>> {
        ask(self.request(Method::GET, "/api/misbehave/stripe")).await
    }

    /// The stand-in for PayPal's API, `http://host:port`.
    pub fn paypal_url(&self) -> &str {
        &self.process.ready().paypal
    }

    /// The authority behind the certificates that PayPal's messages are signed with, a PEM file.
    pub fn paypal_roots_file(&self) -> &str {
        self.process.ready().paypal_roots_file.to_str().unwrap_or_default()
    }

    /// Has PayPal's messages sent there, each so often; none: kept only.
    pub async fn send_paypal_events_to(&self, url: Option<&str>, copies: u32) -> anyhow::Result<()> {
        self.sign_paypal_events_with("CERT-good", url, copies).await
    }

    /// The same, signed with that certificate.
    pub async fn sign_paypal_events_with(&self, certificate: &str, url: Option<&str>, copies: u32) -> anyhow::Result<()> {
        let (url, webhook_id) = (url.map(str::to_owned), PAYPAL_WEBHOOK_ID.to_owned());
        let endpoint = PaypalEndpoint { url, webhook_id, copies, certificate: certificate.to_owned() };
        tell(self.request(Method::PUT, "/api/paypal/endpoint").json(&endpoint)).await
    }

    /// Lets something happen at PayPal's side.
    pub async fn at_paypal(&self, happening: PaypalHappening) -> anyhow::Result<()> {
        tell(self.request(Method::POST, "/api/paypal/happen").json(&happening)).await
    }

    /// Every message that PayPal had to tell, oldest first.
    pub async fn paypal_events(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        ask(self.request(Method::GET, "/api/paypal/events")).await
    }

    /// How many objects of each kind there are at PayPal.
    pub async fn paypal_objects(&self) -> anyhow::Result<serde_json::Value> {
        ask(self.request(Method::GET, "/api/paypal/objects")).await
    }

    /// Replaces the rules of PayPal's API.
    pub async fn misbehave_paypal(&self, rules: impl IntoIterator<Item = HttpRule> + Send) -> anyhow::Result<()> {
        self.misbehave("paypal", rules).await
    }

    /// The rules of PayPal's API, what is left of them, and what fired.
    pub async fn paypal_misbehaviour(&self) -> anyhow::Result<Misbehaviour<HttpRule>> {
        ask(self.request(Method::GET, "/api/misbehave/paypal")).await
    }

    /// Where the sandbox keeps its files.
    pub fn data_dir(&self) -> PathBuf {
        self.process.data_dir()
    }

    /// Waits for the first message to this address.
    pub async fn mail_to(&self, address: &str) -> anyhow::Result<Mail> {
        let mut mails = self.mails_to(address, 1).await?;
        Ok(mails.swap_remove(0))
    }

    /// Waits until at least `count` messages to this address are there; all of them, oldest first.
    pub async fn mails_to(&self, address: &str, count: usize) -> anyhow::Result<Vec<Mail>> {
        enough(count, &format!("messages to {address}"), async || self.mails_now(Some(address)).await).await
    }

    /// The messages that are there now, oldest first: all, or those to one address.
    pub async fn mails_now(&self, address: Option<&str>) -> anyhow::Result<Vec<Mail>> {
        let mut url = Url::parse(self.http_url()).context("the sandbox's address")?.join("/api/messages")?;
        if let Some(address) = address {
            url.query_pairs_mut().append_pair("to", address);
        }
        ask(self.client.get(url)).await
    }

    /// Empties the mailbox.
    pub async fn forget_mail(&self) -> anyhow::Result<()> {
        tell(self.request(Method::DELETE, "/api/messages")).await
    }

    /// Replaces the mail server's rules. When it returns, they hold: ports that are to refuse do.
    pub async fn misbehave_smtp(&self, rules: impl IntoIterator<Item = SmtpRule> + Send) -> anyhow::Result<()> {
        self.misbehave("smtp", rules).await
    }

    /// Lets the mail server behave again, and forgets what fired.
    pub async fn behave_smtp(&self) -> anyhow::Result<()> {
        tell(self.request(Method::DELETE, "/api/misbehave/smtp")).await
    }

    /// The mail server's rules, what is left of them, and what fired.
    pub async fn smtp_misbehaviour(&self) -> anyhow::Result<Misbehaviour<SmtpRule>> {
        ask(self.request(Method::GET, "/api/misbehave/smtp")).await
    }

    /// Waits until the mail server's rules have fired so often in all.
    pub async fn smtp_fired(&self, count: usize) -> anyhow::Result<Vec<Fired>> {
        enough(count, "firings of the rules", async || Ok(self.smtp_misbehaviour().await?.fired)).await
    }

    /// The recent sessions of the mail server, oldest first.
    pub async fn smtp_log(&self) -> anyhow::Result<Vec<SmtpSession>> {
        ask(self.request(Method::GET, "/api/log/smtp")).await
    }

    /// Replaces S3's rules.
    pub async fn misbehave_s3(&self, rules: impl IntoIterator<Item = HttpRule> + Send) -> anyhow::Result<()> {
        self.misbehave("s3", rules).await
    }

    /// Lets S3 behave again, and forgets what fired.
    pub async fn behave_s3(&self) -> anyhow::Result<()> {
        tell(self.request(Method::DELETE, "/api/misbehave/s3")).await
    }

    /// How many files the bucket has below that folder, and what is left of uploads in parts anywhere.
    pub fn stored(&self, folder: &str) -> anyhow::Result<(usize, usize)> {
        let root = self.process.data_dir().join("s3");
        let names = std::fs::read_dir(&root).context("reading the store's folder")?;
        let parts = names
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with(".upload"))
            .count();
        Ok((files_below(&root.join(S3_BUCKET).join(folder)), parts))
    }

    /// A file of the bucket, as it lies on the disk.
    pub fn stored_file(&self, key: &str) -> anyhow::Result<Vec<u8>> {
        std::fs::read(self.process.data_dir().join("s3").join(S3_BUCKET).join(key)).with_context(|| format!("reading {key}"))
    }

    /// S3's rules, what is left of them, and what fired.
    pub async fn s3_misbehaviour(&self) -> anyhow::Result<Misbehaviour<HttpRule>> {
        ask(self.request(Method::GET, "/api/misbehave/s3")).await
    }

    async fn misbehave<R: Serialize>(&self, service: &str, rules: impl IntoIterator<Item = R> + Send) -> anyhow::Result<()> {
        let rules = Rules { rules: rules.into_iter().collect() };
        tell(self.request(Method::PUT, &format!("/api/misbehave/{service}")).json(&rules)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.http_url()))
    }
}

/// Makes ring the process's source of cryptography; reqwest, lettre and the AWS client all look for one. Safe to repeat.
pub fn use_ring() {
    // The only error is that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The header with which Stripe signs a body at that time (<https://docs.stripe.com/webhooks#verify-manually>), by another implementation of
/// the mac than the web's.
#[must_use]
pub fn stripe_signature(secret: &str, time_s: i64, body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [time_s.to_string().as_bytes(), b".", body].concat();
    let digits: String = ring::hmac::sign(&key, &signed).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time_s},v1={digits}")
}

/// Looks until there are at least so many of something.
async fn enough<T>(count: usize, what: &str, look: impl AsyncFn() -> anyhow::Result<Vec<T>>) -> anyhow::Result<Vec<T>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look().await?;
        if found.len() >= count {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("{} of {count} {what} came within {PATIENCE:?}", found.len());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> anyhow::Result<T> {
    let answer = answered(request).await?;
    serde_json::from_str(&answer).with_context(|| format!("the sandbox answered {answer:.200}"))
}

async fn tell(request: RequestBuilder) -> anyhow::Result<()> {
    answered(request).await.map(drop)
}

async fn answered(request: RequestBuilder) -> anyhow::Result<String> {
    let response = request.send().await.context("asking the sandbox")?;
    let status = response.status();
    let body = response.text().await.context("reading the sandbox's answer")?;
    if !status.is_success() {
        bail!("the sandbox answered {status}: {body}");
    }
    Ok(body)
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}
