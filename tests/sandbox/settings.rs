//! What the sandbox is told on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use faena_tests::sandbox::{
    PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET, PAYPAL_MERCHANT_ID, PAYPAL_WEBHOOK_ID, S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY,
    SMTP_PASSWORD, SMTP_USER, STRIPE_KEY, STRIPE_SECRET,
};

/// A stand-in for the outside world: a mail server with a mailbox page, S3, and Stripe and PayPal with pages to pay at. All misbehave when told over HTTP.
///
/// When everything listens it prints one line of JSON with the addresses, and goes on until SIGTERM or SIGINT. Port 0 means a free
/// port. The credentials are those of a demo and open nothing else.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Settings {
    /// Folder for mail, objects and certificates; made when missing, kept for the next start.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Address of the mailbox pages and the API.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8025")]
    pub http: SocketAddr,

    /// Address of SMTP with STARTTLS.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2525")]
    pub smtp: SocketAddr,

    /// Address of SMTP over TLS from the first byte.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2465")]
    pub smtps: SocketAddr,

    /// Address of S3.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000")]
    pub s3: SocketAddr,

    /// User that may log in over SMTP. Logging in is never required.
    #[arg(long, default_value = SMTP_USER)]
    pub smtp_user: String,

    /// Password of that user.
    #[arg(long, default_value = SMTP_PASSWORD)]
    pub smtp_password: String,

    /// Offer AUTH on connections without TLS too.
    #[arg(long)]
    pub smtp_auth_in_clear: bool,

    /// Seconds of silence after which an SMTP session is closed.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub smtp_idle_seconds: u64,

    /// Access key of S3.
    #[arg(long, default_value = S3_ACCESS_KEY)]
    pub s3_access_key: String,

    /// Secret key of S3.
    #[arg(long, default_value = S3_SECRET_KEY)]
    pub s3_secret_key: String,

    /// Bucket that is made at the start.
    #[arg(long, default_value = S3_BUCKET)]
    pub s3_bucket: String,

    /// Address of the stand-in for Stripe's API.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4242")]
    pub stripe: SocketAddr,

    /// The key that opens it.
    #[arg(long, default_value = STRIPE_KEY)]
    pub stripe_key: String,

    /// Where its messages go; without it they are kept and not sent.
    #[arg(long, value_name = "URL")]
    pub stripe_webhook_url: Option<String>,

    /// What they are signed with.
    #[arg(long, default_value = STRIPE_SECRET)]
    pub stripe_webhook_secret: String,

    /// Address of the stand-in for PayPal's API.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4343")]
    pub paypal: SocketAddr,

    /// The app that may use it.
    #[arg(long, default_value = PAYPAL_CLIENT_ID)]
    pub paypal_client_id: String,

    /// The app's secret.
    #[arg(long, default_value = PAYPAL_CLIENT_SECRET)]
    pub paypal_client_secret: String,

    /// The account that is paid.
    #[arg(long, default_value = PAYPAL_MERCHANT_ID)]
    pub paypal_merchant_id: String,

    /// Where its messages go; without it they are kept and not sent.
    #[arg(long, value_name = "URL")]
    pub paypal_webhook_url: Option<String>,

    /// Under which id that address is known.
    #[arg(long, default_value = PAYPAL_WEBHOOK_ID)]
    pub paypal_webhook_id: String,

    /// Stop when stdin closes, so that the sandbox never outlives the test that holds its other end.
    #[arg(long)]
    pub stop_with_stdin: bool,
}
