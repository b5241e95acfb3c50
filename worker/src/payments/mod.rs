//! Those who take money for us, over HTTP: the settings STRIPE_…, PAYPAL_… and PAYMENTS_LIVE.

mod certificates;
mod http;
mod paypal;
mod stripe;

use std::{path::PathBuf, sync::Arc};

use clap::{Args, builder::BoolishValueParser};
use jobs::{
    payments::paypal::endpoint::Endpoint,
    ports::payments::{PaymentProvider, Payments, PaypalMessages},
};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::settings::Mistakes;
use certificates::OverHttp;
use http::Http;
use paypal::Paypal;
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
    /// The client id of the app at PayPal. Without it nobody can pay with PayPal.
    #[arg(long, env = "PAYPAL_CLIENT_ID")]
    pub paypal_client_id: Option<String>,
    /// The app's secret.
    #[arg(long, env = "PAYPAL_CLIENT_SECRET", hide_env_values = true)]
    pub paypal_client_secret: Option<SecretString>,
    /// The merchant id of the account at PayPal (13 letters and digits). A payment to another account opens no course.
    #[arg(long, env = "PAYPAL_MERCHANT_ID")]
    pub paypal_merchant_id: Option<String>,
    /// Where PayPal answers. Default: https://api-m.paypal.com where real money moves, else https://api-m.sandbox.paypal.com
    #[arg(long, env = "PAYPAL_URL")]
    pub paypal_url: Option<String>,
    /// The ids of the webhook /hooks/paypal at PayPal, separated by commas while one replaces another; the web must have the same.
    #[arg(long, env = "PAYPAL_WEBHOOK_IDS")]
    pub paypal_webhook_ids: Option<String>,
    /// Whence the certificates may come that PayPal signs with: origins such as https://api.paypal.com, separated by commas. Default: PayPal's
    /// own. The web must have the same.
    #[arg(long, env = "PAYPAL_CERT_ORIGINS")]
    pub paypal_cert_origins: Option<String>,
    /// The authorities that may vouch for them (PEM). Default: DigiCert's roots, which are built in. The web must have the same.
    #[arg(long, env = "PAYPAL_CERT_ROOTS_FILE")]
    pub paypal_cert_roots_file: Option<PathBuf>,
    /// Whether real money moves. A payment of the other world opens no course; the web must be told the same.
    #[arg(long, env = "PAYMENTS_LIVE", default_value = "false", action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub payments_live: bool,
}

impl PaymentArgs {
    /// Reads the values; connects to nothing. `public_url` is where people return to.
    pub fn checked(&self, public_url: Option<&Url>, mistakes: &mut Mistakes) -> Option<Payments> {
        let stripe = self.stripe(public_url, mistakes);
        let (paypal, paypal_messages) = (self.paypal(public_url, mistakes), self.paypal_messages(mistakes));
        Some(Payments { stripe: stripe?, paypal: paypal?, paypal_messages: paypal_messages? })
    }

    /// The outer option: nothing is wrong.
    fn stripe(&self, public_url: Option<&Url>, mistakes: &mut Mistakes) -> Option<Option<Arc<dyn PaymentProvider>>> {
        let Some(key) = given_secret(self.stripe_secret_key.as_ref()) else { return Some(None) };
        let key = mistakes.note("STRIPE_SECRET_KEY", secret_key(key, self.payments_live));
        let url = mistakes.note("STRIPE_URL", base_url(&self.stripe_url));
        let http = mistakes.note("STRIPE_URL", Http::new());
        Some(Some(Arc::new(Stripe::new(http?, url?, key?, public_url?.clone(), self.payments_live))))
    }

    fn paypal(&self, public_url: Option<&Url>, mistakes: &mut Mistakes) -> Option<Option<Arc<dyn PaymentProvider>>> {
        let Some(client_id) = given(self.paypal_client_id.as_deref()) else { return Some(None) };
        let secret = mistakes.note(
            "PAYPAL_CLIENT_SECRET",
            given_secret(self.paypal_client_secret.as_ref()).ok_or("is needed beside PAYPAL_CLIENT_ID"),
        );
        let merchant = given(self.paypal_merchant_id.as_deref()).ok_or("is needed beside PAYPAL_CLIENT_ID").and_then(merchant_id);
        let merchant = mistakes.note("PAYPAL_MERCHANT_ID", merchant);
        let own = if self.payments_live { "https://api-m.paypal.com" } else { "https://api-m.sandbox.paypal.com" };
        let url = mistakes.note(
            "PAYPAL_URL",
            base_url(given(self.paypal_url.as_deref()).unwrap_or(own)).and_then(|url| self.of_our_world(url)),
        );
        // A message that waits for its certificate is judged here.
        mistakes
            .note("PAYPAL_WEBHOOK_IDS", given(self.paypal_webhook_ids.as_deref()).ok_or("is needed beside PAYPAL_CLIENT_ID"))?;
        let http = mistakes.note("PAYPAL_URL", Http::new());
        Some(Some(Arc::new(Paypal::new(http?, url?, (client_id.to_owned(), secret?), merchant?, public_url?.clone()))))
    }

    fn paypal_messages(&self, mistakes: &mut Mistakes) -> Option<Option<PaypalMessages>> {
        let Some(ids) = given(self.paypal_webhook_ids.as_deref()) else { return Some(None) };
        let origins = given(self.paypal_cert_origins.as_deref());
        let roots = self.paypal_cert_roots_file.as_deref().filter(|file| !file.as_os_str().is_empty());
        let endpoint =
            Endpoint::read(ids, origins, roots, self.payments_live).map_err(|(setting, why)| mistakes.add(setting, why)).ok();
        let http = mistakes.note("PAYPAL_CERT_ORIGINS", Http::new());
        let certificates = Arc::new(OverHttp::new(http?));
        Some(Some(PaypalMessages { endpoint: Arc::new(endpoint?), certificates, is_live: self.payments_live }))
    }

    /// PayPal's keys do not say of which world they are; its two addresses do.
    fn of_our_world(&self, url: Url) -> Result<Url, String> {
        let host = url.host_str().unwrap_or_default();
        let is_trial = host == "sandbox.paypal.com" || host.ends_with(".sandbox.paypal.com");
        let is_live = !is_trial && (host == "paypal.com" || host.ends_with(".paypal.com"));
        match self.payments_live {
            false if is_live => Err("moves real money, and PAYMENTS_LIVE says that none moves".to_owned()),
            true if is_trial => Err("moves no real money, and PAYMENTS_LIVE says that it does".to_owned()),
            _ => Ok(url),
        }
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn given_secret(secret: Option<&SecretString>) -> Option<SecretString> {
    secret.filter(|secret| !secret.expose_secret().trim().is_empty()).cloned()
}

fn merchant_id(text: &str) -> Result<String, &'static str> {
    let fits = text.len() == 13 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("is not 13 capitals and digits, as in PayPal's account settings") }
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

    fn nobody() -> PaymentArgs {
        PaymentArgs {
            stripe_secret_key: None,
            stripe_url: "https://api.stripe.com".to_owned(),
            paypal_client_id: None,
            paypal_client_secret: None,
            paypal_merchant_id: None,
            paypal_url: None,
            paypal_webhook_ids: None,
            paypal_cert_origins: None,
            paypal_cert_roots_file: None,
            payments_live: false,
        }
    }

    fn mistakes_of(args: &PaymentArgs) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(!format!("{args:?}").contains("a_key"), "secrets do not print");
        let mut mistakes = Mistakes::default();
        let home = Url::parse("https://compilandocode.example").expect("a URL");
        let opened = args.checked(Some(&home), &mut mistakes);
        assert!(!format!("{opened:?}").contains("a_key"), "secrets do not print");
        assert_eq!(opened.is_some(), mistakes.is_empty());
        mistakes.as_slice().join("\n")
    }

    fn mistakes(key: &str, url: &str, payments_live: bool) -> String {
        mistakes_of(&PaymentArgs { stripe_secret_key: Some(key.into()), stripe_url: url.to_owned(), payments_live, ..nobody() })
    }

    #[test]
    fn an_account_at_paypal_is_whole_and_of_our_world() {
        let whole = || PaymentArgs {
            paypal_client_id: Some("AeA1QIZXiflr1".to_owned()),
            paypal_client_secret: Some("a_key".into()),
            paypal_merchant_id: Some("ABCDEFGHJKLMN".to_owned()),
            paypal_webhook_ids: Some("8PT597110X687430LKGECATA".to_owned()),
            ..nobody()
        };
        assert_eq!(mistakes_of(&whole()), "");
        assert_eq!(mistakes_of(&PaymentArgs { payments_live: true, ..whole() }), "");
        assert_eq!(mistakes_of(&PaymentArgs { paypal_client_id: Some(String::new()), ..whole() }), "", "nobody can pay so");
        for (args, told) in [
            (PaymentArgs { paypal_client_secret: None, ..whole() }, "PAYPAL_CLIENT_SECRET: is needed"),
            (PaymentArgs { paypal_webhook_ids: None, ..whole() }, "PAYPAL_WEBHOOK_IDS: is needed"),
            (PaymentArgs { paypal_merchant_id: None, ..whole() }, "PAYPAL_MERCHANT_ID: is needed"),
            (PaymentArgs { paypal_merchant_id: Some("me".to_owned()), ..whole() }, "PAYPAL_MERCHANT_ID: is not 13"),
            (PaymentArgs { paypal_url: Some("http://api-m.paypal.com".to_owned()), ..whole() }, "PAYPAL_URL: must be https"),
            (PaymentArgs { paypal_url: Some("https://api-m.paypal.com".to_owned()), ..whole() }, "PAYPAL_URL: moves real money"),
            (
                PaymentArgs { paypal_url: Some("https://api-m.sandbox.paypal.com".to_owned()), payments_live: true, ..whole() },
                "PAYPAL_URL: moves no real money",
            ),
            (PaymentArgs { paypal_webhook_ids: Some("a|b".to_owned()), ..whole() }, "PAYPAL_WEBHOOK_IDS: "),
            (PaymentArgs { paypal_cert_origins: Some("http://a.example".to_owned()), ..whole() }, "PAYPAL_CERT_ORIGINS: "),
            (PaymentArgs { paypal_cert_roots_file: Some("/nowhere".into()), ..whole() }, "PAYPAL_CERT_ROOTS_FILE: "),
        ] {
            assert!(mistakes_of(&args).starts_with(told), "{told}: {}", mistakes_of(&args));
        }
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
