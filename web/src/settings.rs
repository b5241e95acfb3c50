//! What the web is told: flags and environment, read once, checked all together.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use ipnet::IpNet;
use jobs::{
    accounts::secret_key,
    chat::webhook::Origins,
    connections::KEEPALIVES,
    payments::{paypal::endpoint::Endpoint, sale::Provider, stripe::signature::Secrets},
    ports::blobs::{Bucket, BucketSettings},
};
use queue::Keyring;
use redis::IntoConnectionInfo as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use url::{Host, Url};

/// The settings as text, before any is believed. Every one may come from the environment.
#[derive(Debug, Args)]
pub(crate) struct Given {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "WEB_ADDR", default_value = "127.0.0.1:8080")]
    web_addr: String,

    /// Base of every link, for example http://127.0.0.1:8080. Anywhere but on loopback it must be https; cookies are then Secure.
    #[arg(long, env = "PUBLIC_URL")]
    public_url: Option<String>,

    /// Postgres, for example postgres://faena@127.0.0.1/faena. A pooler in between must pool by sessions, not by transactions
    /// (jobs/queue/README.md, Poolers).
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,

    /// How many connections to Postgres may be open.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value = "16")]
    database_connections: String,

    /// Redis that holds the queues, for example redis://127.0.0.1:6379.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,

    /// Redis for the cache of sessions and for throttling. It may vanish at any time. Default: REDIS_URL.
    #[arg(long, env = "CACHE_REDIS_URL", hide_env_values = true)]
    cache_redis_url: Option<String>,

    /// Prefix of every key in Redis.
    #[arg(long, env = "FAENA_NAMESPACE", default_value = "faena")]
    namespace: String,

    /// At least 32 random bytes (openssl rand -hex 32). It signs links and form tokens; the worker must have the same one.
    #[arg(long, env = "SECRET_KEY", hide_env_values = true)]
    secret_key: Option<String>,

    /// The keys of secret arguments as id:key,id2:key2 (openssl rand -hex 32 each); the worker must have the same. Without it no schedule
    /// of a job with secret arguments can be made, and no webhook of the chat be kept.
    #[arg(long, env = "SECRET_ARGS_KEYS", hide_env_values = true)]
    secret_args_keys: Option<String>,

    /// Where the chat's webhooks may lead, as origins separated by commas; the worker, which asks them, must have the same.
    #[arg(long, env = "SLACK_ORIGINS", default_value = Origins::SLACK)]
    slack_origins: String,

    /// The signing secrets of the endpoint /webhooks/stripe at Stripe (whsec_…), separated by commas while one replaces another. Without
    /// them nobody can pay with Stripe.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRETS", hide_env_values = true)]
    stripe_webhook_secrets: Option<String>,

    /// The ids of the webhook /hooks/paypal at PayPal, separated by commas while one replaces another. Without them nobody can pay with
    /// PayPal.
    #[arg(long, env = "PAYPAL_WEBHOOK_IDS")]
    paypal_webhook_ids: Option<String>,

    /// Whence the certificates may come that PayPal signs with: origins such as https://api.paypal.com, separated by commas. Default: PayPal's
    /// own. The worker, which fetches them, must have the same.
    #[arg(long, env = "PAYPAL_CERT_ORIGINS")]
    paypal_cert_origins: Option<String>,

    /// The authorities that may vouch for them (PEM). Default: DigiCert's roots, which are built in. The worker must have the same.
    #[arg(long, env = "PAYPAL_CERT_ROOTS_FILE")]
    paypal_cert_roots_file: Option<PathBuf>,

    /// Whether real money moves. Messages of the other world are refused; the worker must be told the same.
    #[arg(long, env = "PAYMENTS_LIVE", default_value = "false")]
    payments_live: String,

    /// Where browsers reach the store of files, for example https://files.compilandocode.example: people fetch certificates there by links
    /// that are good for a minute. The same store, bucket and keys as the worker's S3_ENDPOINT. Without it nobody can fetch any.
    #[arg(long, env = "S3_PUBLIC_ENDPOINT")]
    s3_public_endpoint: Option<String>,

    /// Where the worker reaches the store of files, and where the web asks whether a file is still there: what S3_PUBLIC_ENDPOINT is if that is not set.
    #[arg(long, env = "S3_ENDPOINT")]
    s3_endpoint: Option<String>,

    /// The bucket that the files are in.
    #[arg(long, env = "S3_BUCKET", default_value = "faena")]
    s3_bucket: String,

    /// The store's region; stores that have none take any.
    #[arg(long, env = "S3_REGION", default_value = "us-east-1")]
    s3_region: String,

    /// Who we are to the store: a key that may read the bucket is enough.
    #[arg(long, env = "S3_ACCESS_KEY_ID")]
    s3_access_key_id: Option<String>,

    /// And how it knows.
    #[arg(long, env = "S3_SECRET_ACCESS_KEY", hide_env_values = true)]
    s3_secret_access_key: Option<SecretString>,

    /// Bearer token with which /metrics may be read without signing in. Without it only operators may.
    #[arg(long, env = "METRICS_TOKEN", hide_env_values = true)]
    metrics_token: Option<String>,

    /// Bearer token with which the mail provider posts its events about bounces and complaints to /hooks/mail (Postmark's format). Without it
    /// there is no such address.
    #[arg(long, env = "MAIL_WEBHOOK_TOKEN", hide_env_values = true)]
    mail_webhook_token: Option<String>,

    /// Addresses of reverse proxies whose X-Forwarded-For is believed: CIDR blocks, separated by commas. Default: nobody's.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "")]
    trusted_proxies: String,

    /// Whether /dev/mail shows every kind of letter with made-up values, to whoever asks. For development and demos.
    #[arg(long, env = "DEV_PAGES", default_value = "false")]
    dev_pages: String,

    /// How many requests for pages may be worked on at once; more are answered 503.
    #[arg(long, env = "MAX_REQUESTS", default_value = "256")]
    max_requests: String,

    /// How many seconds the web goes on serving after SIGTERM while /ready already answers 503, so that a load balancer notices.
    #[arg(long, env = "DRAIN_NOTICE_SECONDS", default_value = "1")]
    drain_notice_seconds: String,
}

/// The settings, believed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) web_addr: SocketAddr,
    pub(crate) public_url: Url,
    pub(crate) database: PgConnectOptions,
    pub(crate) database_connections: u32,
    pub(crate) redis_url: SecretString,
    pub(crate) cache_redis_url: SecretString,
    pub(crate) namespace: String,
    pub(crate) secret_key: SecretString,
    pub(crate) keyring: Option<Keyring>,
    /// Where the chat's webhooks may lead.
    pub(crate) chat_origins: Origins,
    pub(crate) stripe: Option<Secrets>,
    pub(crate) paypal: Option<Endpoint>,
    pub(crate) payments_live: bool,
    /// The store of files, as browsers reach it.
    pub(crate) bucket: Option<Bucket>,
    /// Where the store answers this web, if that is not where it answers browsers.
    pub(crate) store_endpoint: Option<Url>,
    pub(crate) metrics_token: Option<SecretString>,
    pub(crate) mail_webhook_token: Option<SecretString>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) dev_pages: bool,
    pub(crate) max_requests: usize,
    pub(crate) drain_notice: Duration,
}

impl Settings {
    /// Who takes money here.
    pub(crate) fn providers(&self) -> Vec<Provider> {
        let stripe = self.stripe.as_ref().map(|_| Provider::Stripe);
        let paypal = self.paypal.as_ref().map(|_| Provider::Paypal);
        stripe.into_iter().chain(paypal).collect()
    }

    /// Whether cookies carry `Secure` and the `__Host-` prefix, and browsers are told to stay with https.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// Everything that is wrong with the settings: a name and a sentence each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mistakes(pub(crate) Vec<(&'static str, String)>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, what)| writeln!(f, "{name}: {what}"))
    }
}

impl Mistakes {
    /// Adds one.
    pub(crate) fn add(&mut self, name: &'static str, what: impl Into<String>) {
        self.0.push((name, what.into()));
    }

    /// The value, or a note of what is wrong with it.
    fn note<T>(&mut self, name: &'static str, value: Result<T, String>) -> Option<T> {
        value.map_err(|what| self.0.push((name, what))).ok()
    }
}

/// The settings that could be read, one by one.
#[derive(Debug)]
pub(crate) struct Readable {
    web_addr: Option<SocketAddr>,
    public_url: Option<Url>,
    pub(crate) database: Option<PgConnectOptions>,
    database_connections: Option<u32>,
    pub(crate) redis_url: Option<SecretString>,
    /// The outer option: it could be read; the inner: it was given.
    pub(crate) cache_redis_url: Option<Option<SecretString>>,
    namespace: Option<String>,
    secret_key: Option<SecretString>,
    keyring: Option<Option<Keyring>>,
    chat_origins: Option<Origins>,
    stripe: Option<Option<Secrets>>,
    paypal: Option<Option<Endpoint>>,
    payments_live: Option<bool>,
    bucket: Option<Option<Bucket>>,
    store_endpoint: Option<Option<Url>>,
    metrics_token: Option<Option<SecretString>>,
    mail_webhook_token: Option<Option<SecretString>>,
    trusted_proxies: Option<Vec<IpNet>>,
    dev_pages: Option<bool>,
    max_requests: Option<usize>,
    drain_notice: Option<Duration>,
}

impl Given {
    /// Reads every value, and notes every one that is wrong.
    pub(crate) fn read(&self) -> (Readable, Mistakes) {
        let mut mistakes = Mistakes::default();
        let optional = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let connections = parsed(&self.database_connections, "a number from 1 to 1000").and_then(|n| within(n, 1, 1000));
        let cache = optional(&self.cache_redis_url).map(|url| redis_url(&url)).transpose();
        let keyring =
            optional(&self.secret_args_keys).map(|keys| Keyring::parse(&keys).map_err(|error| error.to_string())).transpose();
        let stripe = optional(&self.stripe_webhook_secrets)
            .map(|text| Secrets::parse(&text).map_err(|error| error.to_string()))
            .transpose();
        let payments_live = parsed(&self.payments_live, "true or false");
        let roots = self.paypal_cert_roots_file.as_deref().filter(|file| !file.as_os_str().is_empty());
        let origins = optional(&self.paypal_cert_origins);
        let paypal = optional(&self.paypal_webhook_ids)
            .map(|ids| Endpoint::read(&ids, origins.as_deref(), roots, *payments_live.as_ref().unwrap_or(&false)))
            .transpose();
        let token = |given| optional(given).map(|token| bearer_token(&token)).transpose();
        let requests = parsed(&self.max_requests, "a number from 1 to 100000").and_then(|n| within(n, 1, 100_000));
        let notice = parsed(&self.drain_notice_seconds, "a number from 0 to 300").and_then(|n| within(n, 0, 300));
        let readable = Readable {
            web_addr: mistakes.note("WEB_ADDR", parsed(&self.web_addr, "an address such as 127.0.0.1:8080")),
            public_url: mistakes.note("PUBLIC_URL", required(self.public_url.as_deref()).and_then(public_url)),
            database: mistakes.note("DATABASE_URL", required(self.database_url.as_deref()).and_then(database)),
            database_connections: mistakes.note("DATABASE_CONNECTIONS", connections),
            redis_url: mistakes.note("REDIS_URL", required(self.redis_url.as_deref()).and_then(redis_url)),
            cache_redis_url: mistakes.note("CACHE_REDIS_URL", cache),
            namespace: mistakes.note("FAENA_NAMESPACE", namespace(&self.namespace)),
            secret_key: mistakes.note("SECRET_KEY", required(self.secret_key.as_deref()).and_then(secret_key)),
            keyring: mistakes.note("SECRET_ARGS_KEYS", keyring),
            chat_origins: mistakes.note("SLACK_ORIGINS", Origins::parse(&self.slack_origins)),
            stripe: mistakes.note("STRIPE_WEBHOOK_SECRETS", stripe),
            paypal: paypal.map_err(|(name, what)| mistakes.add(name, what)).ok(),
            payments_live: mistakes.note("PAYMENTS_LIVE", payments_live),
            bucket: self.bucket(&mut mistakes),
            store_endpoint: self.store_endpoint(&mut mistakes),
            metrics_token: mistakes.note("METRICS_TOKEN", token(&self.metrics_token)),
            mail_webhook_token: mistakes.note("MAIL_WEBHOOK_TOKEN", token(&self.mail_webhook_token)),
            trusted_proxies: mistakes.note("TRUSTED_PROXIES", networks(&self.trusted_proxies)),
            dev_pages: mistakes.note("DEV_PAGES", parsed(&self.dev_pages, "true or false")),
            max_requests: mistakes.note("MAX_REQUESTS", requests),
            drain_notice: mistakes.note("DRAIN_NOTICE_SECONDS", notice).map(Duration::from_secs),
        };
        (readable, mistakes)
    }

    fn bucket(&self, mistakes: &mut Mistakes) -> Option<Option<Bucket>> {
        let given = |endpoint: &Option<String>| endpoint.clone().filter(|endpoint| !endpoint.trim().is_empty());
        let public = given(&self.s3_public_endpoint);
        let is_own = public.is_some();
        let endpoint = public.or_else(|| given(&self.s3_endpoint));
        let settings = BucketSettings {
            endpoint: endpoint.as_deref(),
            region: self.s3_region.trim(),
            name: self.s3_bucket.trim(),
            access_key_id: self.s3_access_key_id.as_deref(),
            secret_access_key: self.s3_secret_access_key.as_ref(),
        };
        let found = settings.read().map_err(|found| {
            for (setting, problem) in found {
                mistakes.add(if setting == "S3_ENDPOINT" && is_own { "S3_PUBLIC_ENDPOINT" } else { setting }, problem);
            }
        });
        found.ok()
    }

    /// Where the store answers this web, if that is not where it answers browsers. (Where it is, its mistakes are told with those of the bucket.)
    fn store_endpoint(&self, mistakes: &mut Mistakes) -> Option<Option<Url>> {
        let given = |endpoint: &Option<String>| endpoint.clone().filter(|endpoint| !endpoint.trim().is_empty());
        match (given(&self.s3_public_endpoint), given(&self.s3_endpoint)) {
            (Some(_), Some(inside)) => {
                let read = inside.trim().parse::<Url>().map_err(|error| format!("is no URL: {error}"));
                mistakes.note("S3_ENDPOINT", read).map(Some)
            }
            _ => Some(None),
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// All mistakes at once.
    pub(crate) fn check(&self) -> Result<Settings, Mistakes> {
        let (readable, mistakes) = self.read();
        readable.into_settings().ok_or(mistakes)
    }
}

impl Readable {
    /// All of them, if all could be read.
    fn into_settings(self) -> Option<Settings> {
        let redis_url = self.redis_url?;
        Some(Settings {
            web_addr: self.web_addr?,
            public_url: self.public_url?,
            database: self.database?,
            database_connections: self.database_connections?,
            cache_redis_url: self.cache_redis_url?.unwrap_or_else(|| redis_url.clone()),
            redis_url,
            namespace: self.namespace?,
            secret_key: self.secret_key?,
            keyring: self.keyring?,
            chat_origins: self.chat_origins?,
            stripe: self.stripe?,
            paypal: self.paypal?,
            payments_live: self.payments_live?,
            bucket: self.bucket?,
            store_endpoint: self.store_endpoint?,
            metrics_token: self.metrics_token?,
            mail_webhook_token: self.mail_webhook_token?,
            trusted_proxies: self.trusted_proxies?,
            dev_pages: self.dev_pages?,
            max_requests: self.max_requests?,
            drain_notice: self.drain_notice?,
        })
    }
}

fn required(value: Option<&str>) -> Result<&str, String> {
    value.filter(|value| !value.trim().is_empty()).ok_or_else(|| "is missing".to_owned())
}

fn parsed<T: std::str::FromStr>(text: &str, wanted: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("is {text:?}, which is not {wanted}"))
}

fn within<T: PartialOrd + fmt::Display>(number: T, least: T, most: T) -> Result<T, String> {
    if number < least || number > most { Err(format!("is {number}; it must be from {least} to {most}")) } else { Ok(number) }
}

fn public_url(text: &str) -> Result<Url, String> {
    let url: Url = parsed(text, "a URL such as https://compilandocode.example")?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err("names no host".to_owned()),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        "http" => return Err("must be https anywhere but on loopback: passwords and sessions would travel in clear".to_owned()),
        other => return Err(format!("has the scheme {other:?}; https is wanted")),
    }
    if url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err("must be scheme, host and port only".to_owned());
    }
    Ok(url)
}

/// The words of these parsers may quote what they read, passwords included, so they are not passed on.
fn database(text: &str) -> Result<PgConnectOptions, String> {
    let options: PgConnectOptions = text
        .parse()
        .ok()
        .filter(|_| text.starts_with("postgres://") || text.starts_with("postgresql://"))
        .ok_or("is not a URL such as postgres://user@host:5432/database")?;
    // No statement of a page may hold a connection for long, whoever still waits for its answer.
    let options = options.application_name("faena-web").options([
        ("search_path", "public"),
        ("statement_timeout", "5s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "10s"),
    ]);
    Ok(options.options(KEEPALIVES))
}

fn redis_url(text: &str) -> Result<SecretString, String> {
    text.into_connection_info().map_err(|_| "is not a URL such as redis://host:6379/0")?;
    Ok(SecretString::from(text))
}

fn namespace(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fits { Ok(text.to_owned()) } else { Err("takes 1 to 64 letters, digits, dots, dashes and underscores".to_owned()) }
}

fn secret_key(text: &str) -> Result<SecretString, String> {
    let secret = SecretString::from(text);
    secret_key::check(&secret).map_err(|problem| problem.to_string())?;
    Ok(secret)
}

fn bearer_token(text: &str) -> Result<SecretString, String> {
    let token = SecretString::from(text);
    if token.expose_secret().len() < 16 { Err("has fewer than 16 characters".to_owned()) } else { Ok(token) }
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let blocks = text.split(',').map(str::trim).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let whole = || block.parse().map(|address: std::net::IpAddr| address.into());
            block.parse().or_else(|_| whole()).map_err(|_| format!("has {block:?}, which is no CIDR block such as 10.0.0.0/8"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        given: Given,
    }

    const GOOD: [&str; 9] = [
        "web",
        "--public-url=https://compilandocode.example",
        "--database-url=postgres://faena:clave@127.0.0.1/faena",
        "--redis-url=redis://127.0.0.1",
        "--cache-redis-url=",
        "--secret-key=k3Jm0Zr+9sQvT1yXw8bL5cN2aD7fG4hE6uIoPq/RtUs=",
        "--metrics-token=",
        "--trusted-proxies=10.0.0.0/8, 192.0.2.7,fd00::/8",
        "--web-addr=127.0.0.1:0",
    ];

    fn checked(given: &[&str]) -> Result<Settings, Mistakes> {
        Command::parse_from(given).given.check()
    }

    fn but(change: &str) -> Vec<(&'static str, String)> {
        let flag = change.split('=').next().unwrap_or_default();
        let mut given: Vec<&str> = GOOD.into_iter().filter(|given| given.split('=').next() != Some(flag)).collect();
        given.push(change);
        checked(&given).err().unwrap_or_default().0
    }

    #[test]
    fn good_settings_are_believed() {
        let settings = checked(&GOOD).expect("good settings");
        assert!(settings.is_https());
        assert_eq!(settings.cache_redis_url.expose_secret(), "redis://127.0.0.1");
        assert_eq!(settings.trusted_proxies.len(), 3);
        assert!(settings.metrics_token.is_none());
        assert!(!format!("{settings:?}").contains("k3Jm0"), "secrets do not print");
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let given = [
            "web",
            "--web-addr=nowhere",
            "--public-url=http://compilandocode.example",
            "--database-url=mysql://secreto@x",
            "--database-connections=0",
            "--redis-url=",
            "--cache-redis-url=http://secreto@x",
            "--namespace=a b",
            "--secret-key=short",
            "--secret-args-keys=k1:secreto",
            "--stripe-webhook-secrets=secreto",
            "--paypal-webhook-ids=a|b",
            "--payments-live=perhaps",
            "--s3-public-endpoint=http://secreto.example",
            "--s3-bucket=A",
            "--s3-secret-access-key=secreto",
            "--metrics-token=short",
            "--mail-webhook-token=short",
            "--trusted-proxies=10.0.0.0/99",
            "--dev-pages=perhaps",
            "--max-requests=0",
            "--drain-notice-seconds=soon",
        ];
        let mistakes = checked(&given).expect_err("mistakes");
        let names: Vec<&str> = mistakes.0.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "WEB_ADDR",
                "PUBLIC_URL",
                "DATABASE_URL",
                "DATABASE_CONNECTIONS",
                "REDIS_URL",
                "CACHE_REDIS_URL",
                "FAENA_NAMESPACE",
                "SECRET_KEY",
                "SECRET_ARGS_KEYS",
                "STRIPE_WEBHOOK_SECRETS",
                "PAYPAL_WEBHOOK_IDS",
                "PAYMENTS_LIVE",
                "S3_PUBLIC_ENDPOINT",
                "S3_BUCKET",
                "S3_ACCESS_KEY_ID",
                "METRICS_TOKEN",
                "MAIL_WEBHOOK_TOKEN",
                "TRUSTED_PROXIES",
                "DEV_PAGES",
                "MAX_REQUESTS",
                "DRAIN_NOTICE_SECONDS",
            ]
        );
        assert!(!mistakes.to_string().contains("secreto"), "a mistake does not repeat a secret: {mistakes}");
    }

    #[test]
    fn public_urls_are_bare_and_safe() {
        for good in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9", "https://a.example"] {
            assert_eq!(but(&format!("--public-url={good}")), [], "{good}");
        }
        for bad in [
            "ftp://a.example",
            "https://a.example/base",
            "https://a.example/?x",
            "https://u:p@a.example",
            "a.example",
            "http://10.0.0.1",
        ] {
            assert_eq!(but(&format!("--public-url={bad}")).len(), 1, "{bad}");
        }
    }
}
