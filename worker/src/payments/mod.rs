//! Those who take money for us, over HTTP: STRIPE_SECRET_KEY, STRIPE_URL and PAYMENTS_LIVE.

mod http;
mod stripe;

use std::sync::Arc;

use clap::{Args, builder::BoolishValueParser};
use jobs::ports::payments::{PaymentProvider, Payments};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::settings::Mistakes;
use http::Http;
pub use stripe::Stripe;

/// Accounts with providers. Without any, nothing that costs money can be bought.
#[derive(Debug, Args)]
pub struct PaymentArgs {
    /// The secret or restricted key of the account at Stripe (sk_… or rk_…). Without it nobody can pay with Stripe.
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
    pub stripe_secret_key: Option<SecretString>,
    /// Where Stripe answers.
    #[arg(long, env = "STRIPE_URL", default_value = "https://api.stripe.com")]
    pub stripe_url: String,
    /// Whether real money moves. A payment of the other world opens no course; the web must be told the same.
    #[arg(long, env = "PAYMENTS_LIVE", default_value = "false", action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub payments_live: bool,
}

impl PaymentArgs {
    /// Reads the values; connects to nothing. `public_url` is where people return to.
    pub fn checked(&self, public_url: Option<&Url>, mistakes: &mut Mistakes) -> Option<Payments> {
        let given = |secret: &Option<SecretString>| secret.clone().filter(|secret| !secret.expose_secret().trim().is_empty());
        let Some(key) = given(&self.stripe_secret_key) else { return Some(Payments::default()) };
        let key = mistakes.note("STRIPE_SECRET_KEY", secret_key(key, self.payments_live));
        let url = mistakes.note("STRIPE_URL", base_url(&self.stripe_url));
        let http = mistakes.note("STRIPE_URL", Http::new());
        let stripe = Stripe::new(http?, url?, key?, public_url?.clone(), self.payments_live);
        let stripe: Arc<dyn PaymentProvider> = Arc::new(stripe);
        Some(Payments { stripe: Some(stripe), paypal: None })
    }
}

/// A key says itself of which world it is (<https://docs.stripe.com/keys>).
fn secret_key(key: SecretString, is_live: bool) -> Result<SecretString, &'static str> {
    let text = key.expose_secret().trim();
    let is_secret = ["sk_live_", "rk_live_", "sk_test_", "rk_test_"].iter().any(|kind| text.starts_with(kind));
    if !is_secret || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("is no secret key of Stripe's: one begins with sk_live_, sk_test_, rk_live_ or rk_test_");
    }
    match (text[3..].starts_with("live_"), is_live) {
        (true, false) => Err("moves real money, and PAYMENTS_LIVE says that none moves"),
        (false, true) => Err("moves no real money, and PAYMENTS_LIVE says that it does"),
        _ => Ok(key),
    }
}

/// Keys travel there, so it is https anywhere but on this machine.
fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|error| error.to_string())?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err("names no host".to_owned()),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => Err("must be https anywhere but on this machine: keys would travel in clear".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(key: &str, url: &str, payments_live: bool) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let args = PaymentArgs { stripe_secret_key: Some(key.into()), stripe_url: url.to_owned(), payments_live };
        assert!(!format!("{args:?}").contains("a_key"), "secrets do not print");
        let mut mistakes = Mistakes::default();
        let home = Url::parse("https://compilandocode.example").expect("a URL");
        let opened = args.checked(Some(&home), &mut mistakes);
        assert!(!format!("{opened:?}").contains("a_key"), "secrets do not print");
        mistakes.as_slice().join("\n")
    }

    #[test]
    fn keys_are_of_the_world_that_the_installation_is_of() {
        assert_eq!(mistakes("sk_test_a_key", "https://api.stripe.com", false), "");
        assert_eq!(mistakes("rk_live_a_key", "https://api.stripe.com", true), "");
        assert!(mistakes("sk_live_a_key", "https://api.stripe.com", false).contains("STRIPE_SECRET_KEY: moves real money"));
        assert!(mistakes("sk_test_a_key", "https://api.stripe.com", true).contains("moves no real money"));
        assert!(mistakes("pk_test_a_key", "https://api.stripe.com", false).contains("is no secret key"));
        assert_eq!(mistakes("", "nowhere", false), "", "nobody can pay, and nothing is wrong");
    }

    #[test]
    fn keys_do_not_travel_in_clear() {
        assert_eq!(mistakes("sk_test_a_key", "http://127.0.0.1:4242", false), "");
        for url in ["http://api.stripe.com", "ftp://127.0.0.1", "nowhere", "data:x"] {
            assert!(mistakes("sk_test_a_key", url, false).starts_with("STRIPE_URL: "), "{url}");
        }
    }
}
