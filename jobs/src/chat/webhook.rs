//! Incoming webhooks of a chat, and where they may lead.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::{Host, Origin, Url};

/// The most bytes of a webhook.
const LONGEST: usize = 1000;

/// Where webhooks may lead: workers ask nobody else, whatever somebody writes into a setting or a form.
#[derive(Debug, Clone)]
pub struct Origins(Vec<Origin>);

/// A webhook that leads where it may. Whoever knows it can write into its channel, so printing it shows nothing.
#[derive(Clone)]
pub struct Webhook {
    url: SecretString,
    origin: String,
}

/// Why a text is no webhook. It says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookProblem {
    /// It cannot be read.
    #[error("it is no web address")]
    NoAddress,
    /// It is one of somebody else's.
    #[error("it does not lead to one of SLACK_ORIGINS")]
    Elsewhere,
}

impl Origins {
    /// Slack's own.
    pub const SLACK: &'static str = "https://hooks.slack.com";

    /// Reads origins separated by commas: https anywhere but on this machine, because what travels there is secret.
    ///
    /// # Errors
    /// The first that is none, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(origin).collect::<Result<_, _>>().map(Self)
    }
}

fn origin(text: &str) -> Result<Origin, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is no origin: {error}"))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err(format!("{text:?} names no host")),
    };
    match url.scheme() {
        _ if url.path() != "/" || url.query().is_some() => Err(format!("{text:?} is more than an origin")),
        "https" => Ok(url.origin()),
        "http" if is_here => Ok(url.origin()),
        _ => Err(format!("{text:?} must be https anywhere but on this machine")),
    }
}

impl Webhook {
    /// Reads a webhook.
    ///
    /// # Errors
    /// It is none, or leads elsewhere.
    pub fn parse(text: &str, allowed: &Origins) -> Result<Self, WebhookProblem> {
        if text.len() > LONGEST {
            return Err(WebhookProblem::NoAddress);
        }
        let url = Url::parse(text.trim()).map_err(|_| WebhookProblem::NoAddress)?;
        let is_bare = url.username().is_empty() && url.password().is_none();
        if !is_bare || !allowed.0.contains(&url.origin()) {
            return Err(WebhookProblem::Elsewhere);
        }
        Ok(Self { origin: url.origin().ascii_serialization(), url: SecretString::from(url.as_str()) })
    }

    /// The webhook itself, for whoever asks it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }

    /// Where it leads, without what opens the channel.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// SHA-256: it tells one webhook from another, and opens nothing.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.expose().as_bytes()).into()
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("origin", &self.origin).finish_non_exhaustive()
    }
}
