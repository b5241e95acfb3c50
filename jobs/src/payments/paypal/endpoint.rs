//! Our address for PayPal's messages: what the same settings of web and worker say about it.

use std::path::Path;

use url::{Host, Url};

use super::certificate::Trust;

/// What the webhooks simulator signs with in place of an id (<https://developer.paypal.com/api/rest/webhooks/simulator/>).
const SIMULATOR: &str = "WEBHOOK_ID";
/// Certificates are below this path, wherever they are.
const PATH: &str = "/v1/notifications/certs/";

/// Everything by which a message is judged.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Under which names PayPal knows our address. While one is being replaced there are two.
    pub(super) webhook_ids: Vec<String>,
    /// Whose certificates are believed.
    pub trust: Trust,
    pub(super) origins: Vec<Url>,
}

/// A setting, and what is wrong with it.
pub type Mistake = (&'static str, String);

impl Endpoint {
    /// Reads PAYPAL_WEBHOOK_IDS, PAYPAL_CERT_ORIGINS and PAYPAL_CERT_ROOTS_FILE; those that are not given are PayPal's own, of the world that
    /// the installation is of.
    ///
    /// # Errors
    /// The first mistake.
    pub fn read(ids: &str, origins: Option<&str>, roots_file: Option<&Path>, is_live: bool) -> Result<Self, Mistake> {
        let webhook_ids: Vec<String> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
        let fits = |id: &String| id.len() <= 50 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if webhook_ids.is_empty() || !webhook_ids.iter().all(fits) {
            return Err(("PAYPAL_WEBHOOK_IDS", "is no list of ids such as 8PT597110X687430LKGECATA".to_owned()));
        }
        if is_live && webhook_ids.iter().any(|id| id == SIMULATOR) {
            return Err(("PAYPAL_WEBHOOK_IDS", format!("has {SIMULATOR}, with which anybody can have PayPal's simulator sign")));
        }
        let world = if is_live { "" } else { "sandbox." };
        let own = format!("https://api.{world}paypal.com,https://api-m.{world}paypal.com");
        let origins = read_origins(origins.unwrap_or(&own)).map_err(|why| ("PAYPAL_CERT_ORIGINS", why))?;
        let roots = roots_file.map(std::fs::read).transpose();
        let roots = roots.map_err(|error| ("PAYPAL_CERT_ROOTS_FILE", format!("cannot be read: {error}")))?;
        let trust = Trust::new(roots.as_deref(), &format!("messageverificationcerts.{world}paypal.com"))
            .map_err(|_| ("PAYPAL_CERT_ROOTS_FILE", "holds no certificates in PEM".to_owned()))?;
        Ok(Self { webhook_ids, trust, origins })
    }

    /// Whether a certificate may be fetched from there: one of the origins, PayPal's path, and nothing else in the address.
    #[must_use]
    pub fn may_fetch(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        let name = url.path().strip_prefix(PATH).unwrap_or_default();
        self.origins.iter().any(|origin| origin.origin() == url.origin())
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && (1..=200).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && name != "."
            && name != ".."
    }
}

fn read_origins(text: &str) -> Result<Vec<Url>, String> {
    let origins: Vec<Url> = text
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(|origin| Url::parse(origin).map_err(|error| format!("{origin:?}: {error}")))
        .collect::<Result<_, _>>()?;
    if origins.is_empty() {
        return Err("names nobody".to_owned());
    }
    for origin in &origins {
        let is_here = match origin.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        let is_safe = origin.scheme() == "https" || (origin.scheme() == "http" && is_here);
        if !is_safe || origin.path() != "/" || origin.query().is_some() {
            return Err(format!("{origin}: must be https://host, or http on this machine, and nothing more"));
        }
    }
    Ok(origins)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8PT597110X687430LKGECATA";

    #[test]
    fn certificates_come_from_paypal_and_nobody_else() {
        let (trial, live) =
            (Endpoint::read(ID, None, None, false).expect("settings"), Endpoint::read(ID, None, None, true).expect("settings"));
        let good = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77";
        assert!(live.may_fetch(good) && !trial.may_fetch(good));
        assert!(trial.may_fetch("https://api-m.sandbox.paypal.com/v1/notifications/certs/CERT-1"));
        for bad in [
            "http://api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
            "https://evil.example/https://api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
            "https://me@api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
            "https://api.paypal.com/v1/notifications/certs/../../oauth2/token",
            "https://api.paypal.com/v1/notifications/certs/a/b",
            "https://api.paypal.com/v1/notifications/certs/%2e%2e",
            "https://api.paypal.com/v1/notifications/certs/",
            "https://api.paypal.com/v1/notifications/certs/CERT-1?x=1",
            "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
            "https://127.0.0.1/v1/notifications/certs/CERT-1",
            "file:///etc/passwd",
            "nowhere",
            "",
        ] {
            assert!(!live.may_fetch(bad), "{bad}");
        }
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        let wrong = |ids: &str, origins: Option<&str>, roots: Option<&str>, is_live| {
            Endpoint::read(ids, origins, roots.map(Path::new), is_live).expect_err("a mistake").0
        };
        assert_eq!(wrong("", None, None, false), "PAYPAL_WEBHOOK_IDS");
        assert_eq!(wrong("a|b", None, None, false), "PAYPAL_WEBHOOK_IDS");
        assert_eq!(wrong(SIMULATOR, None, None, true), "PAYPAL_WEBHOOK_IDS");
        assert!(Endpoint::read(&format!("{ID}, {SIMULATOR}"), None, None, false).is_ok(), "for trying it out");
        for origins in ["", "http://api.paypal.com", "https://api.paypal.com/v1", "nowhere", "file:///x"] {
            assert_eq!(wrong(ID, Some(origins), None, false), "PAYPAL_CERT_ORIGINS", "{origins}");
        }
        assert!(Endpoint::read(ID, Some("http://127.0.0.1:4343"), None, false).is_ok());
        assert_eq!(wrong(ID, None, Some("/nowhere.pem"), false), "PAYPAL_CERT_ROOTS_FILE");
        assert_eq!(wrong(ID, None, Some("/dev/null"), false), "PAYPAL_CERT_ROOTS_FILE");
    }
}
