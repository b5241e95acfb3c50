//! The whole installation for one test: web, worker, mail server, and stores of its own.

use crate::{
    process::Process,
    sandbox::{
        PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET, PAYPAL_MERCHANT_ID, PAYPAL_WEBHOOK_ID, S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY,
        STRIPE_KEY, STRIPE_SECRET, Sandbox,
    },
    servers::free_port,
    stores::Stores,
};

/// Signs links and forms in every site that a test starts.
pub const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdeffedcba9876543210";

/// Signs certificates in every site that a test starts.
pub const CERTIFICATE_KEY: &str = "k1:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// A running installation. What it is made of ends with it.
#[derive(Debug)]
pub struct Site {
    /// Where people reach it: `http://127.0.0.1:port`.
    pub url: String,
    /// Its database and its part of Redis.
    pub stores: Stores,
    /// Its mail server.
    pub sandbox: Sandbox,
    /// Its pages.
    pub web: Process,
    /// Runs its jobs.
    pub worker: Process,
    settings: Vec<(String, String)>,
}

impl Site {
    /// Starts everything and waits until it is ready.
    ///
    /// # Panics
    /// Something does not start.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// As [`Site::start`], with settings that web and worker are told besides; they win.
    ///
    /// # Panics
    /// Something does not start.
    pub async fn start_with(extra: &[(&str, &str)]) -> Self {
        let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.expect("the sandbox starts"));
        // The address stands in letters and cookies, so it must be known before the web listens.
        let addr = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{addr}");
        let mut settings = settings(&stores, &sandbox, &url);
        let own = [("WEB_ADDR", addr.as_str())];
        settings.extend(own.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        sandbox.send_stripe_events_to(Some(&format!("{url}/webhooks/stripe")), 1).await.expect("the sandbox listens");
        sandbox.send_paypal_events_to(Some(&format!("{url}/hooks/paypal")), 1).await.expect("the sandbox listens");
        let worker = Process::start("worker", &["run"], &settings).await;
        let web = Process::start("web", &["serve"], &settings).await;
        Self { url, stores, sandbox, web, worker, settings }
    }

    /// Ends the worker and starts another one, which is told these besides; they win.
    ///
    /// # Panics
    /// The one does not end, or the other does not start.
    pub async fn replace_worker(&mut self, extra: &[(&str, &str)]) {
        assert!(self.worker.terminate().await, "the worker ends well");
        let told = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings: Vec<(String, String)> = self.settings.iter().cloned().chain(told).collect();
        self.worker = Process::start("worker", &["run"], &settings).await;
    }

    /// Another worker beside the first, without a supervisor.
    ///
    /// # Panics
    /// It does not start.
    pub async fn another_worker(&self) -> Process {
        let mut settings = settings(&self.stores, &self.sandbox, &self.url);
        settings.push(("SUPERVISE".to_owned(), "false".to_owned()));
        Process::start("worker", &["run"], &settings).await
    }
}

/// What worker and web of a site are told.
#[must_use]
pub fn settings(stores: &Stores, sandbox: &Sandbox, url: &str) -> Vec<(String, String)> {
    let own = [
        ("PUBLIC_URL", url),
        ("SECRET_KEY", SECRET),
        ("ADMIN_ADDR", "127.0.0.1:0"),
        ("SMTP_URL", &sandbox.smtp_url()),
        ("S3_ENDPOINT", sandbox.s3_url()),
        ("S3_BUCKET", S3_BUCKET),
        ("S3_ACCESS_KEY_ID", S3_ACCESS_KEY),
        ("S3_SECRET_ACCESS_KEY", S3_SECRET_KEY),
        ("CERTIFICATE_KEY", CERTIFICATE_KEY),
        ("STRIPE_URL", sandbox.stripe_url()),
        ("STRIPE_SECRET_KEY", STRIPE_KEY),
        ("STRIPE_WEBHOOK_SECRETS", STRIPE_SECRET),
        ("PAYPAL_URL", sandbox.paypal_url()),
        ("PAYPAL_CLIENT_ID", PAYPAL_CLIENT_ID),
        ("PAYPAL_CLIENT_SECRET", PAYPAL_CLIENT_SECRET),
        ("PAYPAL_MERCHANT_ID", PAYPAL_MERCHANT_ID),
        ("PAYPAL_WEBHOOK_IDS", PAYPAL_WEBHOOK_ID),
        ("PAYPAL_CERT_ORIGINS", sandbox.paypal_url()),
        ("PAYPAL_CERT_ROOTS_FILE", sandbox.paypal_roots_file()),
        ("MAIL_FROM", "CompilandoCode <hola@compilandocode.example>"),
    ];
    let mut settings = stores.settings();
    settings.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    settings
}
