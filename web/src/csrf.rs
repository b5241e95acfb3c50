//! Proof that a form was filled in on a page of ours: a signed token (double submit, bound to the session) and the browser's own
//! word about where the request comes from.

use axum::http::{HeaderMap, header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jobs::accounts::secret_key::{derive, sign};
use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use url::Url;

/// The name of the token's field in forms.
pub(crate) const FIELD: &str = "csrf";

/// Makes and checks the tokens.
#[derive(Clone)]
pub(crate) struct Csrf {
    key: [u8; 32],
}

impl Csrf {
    pub(crate) fn new(secret_key: &SecretString) -> Self {
        Self { key: derive(secret_key, "faena/csrf/v1") }
    }

    /// A token for a session, or for the cookie of somebody who has none. No two are alike, so that compression tells nothing of
    /// them (BREACH).
    pub(crate) fn token(&self, binding: &str) -> String {
        let nonce: [u8; 16] = rand::random();
        BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &self.mac(binding, &nonce)].concat())
    }

    /// Whether the token is one of ours for that session or cookie.
    pub(crate) fn accepts(&self, binding: &str, token: &str) -> bool {
        let Ok(Ok(bytes)) = BASE64_URL_SAFE_NO_PAD.decode(token).map(<[u8; 48]>::try_from) else { return false };
        let (nonce, mac) = bytes.split_at(16);
        bool::from(self.mac(binding, nonce).ct_eq(mac))
    }

    fn mac(&self, binding: &str, nonce: &[u8]) -> [u8; 32] {
        sign(&self.key, &[binding.as_bytes(), nonce])
    }
}

/// Whether the browser says that the request comes from another site. A client that says nothing is no browser of this decade,
/// and is judged by its token alone.
pub(crate) fn comes_from_elsewhere(headers: &HeaderMap, public_url: &Url) -> bool {
    let text = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or("unreadable"));
    // `none`: the person did it themselves, by reloading or restoring a page.
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = text(header::ORIGIN) else { return false };
    // Behind a proxy the public address counts; on a port that the system chose, the host that the browser spoke to. Another
    // site's script can change neither.
    let is_public = Url::parse(origin).is_ok_and(|url| url.origin() == public_url.origin());
    let is_host = text(header::HOST).is_some_and(|host| origin.split_once("://").is_some_and(|(_, named)| named == host));
    !is_public && !is_host
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn csrf() -> Csrf {
        Csrf::new(&SecretString::from("a secret of more than 32 bytes, 0123456789"))
    }

    #[test]
    fn a_token_is_good_for_its_binding_only() {
        let token = csrf().token("session-a");
        assert!(csrf().accepts("session-a", &token));
        assert!(!csrf().accepts("session-b", &token));
        let stranger = Csrf::new(&SecretString::from("another secret of more than 32 bytes, 012345"));
        assert!(!stranger.accepts("session-a", &token));
        assert_ne!(token, csrf().token("session-a"));
    }

    #[test]
    fn changed_and_malformed_tokens_are_refused() {
        let good = csrf().token("session");
        for place in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[place] = if bad[place] == b'A' { b'B' } else { b'A' };
            let bad = String::from_utf8(bad).expect("ASCII");
            assert!(!csrf().accepts("session", &bad), "character {place}");
        }
        for bad in ["", "A", "\0", "ñ", &"A".repeat(64)] {
            assert!(!csrf().accepts("session", bad));
        }
    }

    #[test]
    fn the_browser_tells_other_sites_from_ours() {
        let public = Url::parse("https://compilandocode.example").expect("a URL");
        let elsewhere = |given: &[(&'static str, &'static str)]| {
            let headers =
                given.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
            comes_from_elsewhere(&headers, &public)
        };
        assert!(!elsewhere(&[]));
        assert!(!elsewhere(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(!elsewhere(&[("sec-fetch-site", "none")]));
        assert!(elsewhere(&[("sec-fetch-site", "cross-site"), ("origin", "https://compilandocode.example")]));
        assert!(elsewhere(&[("sec-fetch-site", "same-site")]));
        assert!(!elsewhere(&[("origin", "https://compilandocode.example")]));
        assert!(!elsewhere(&[("origin", "http://127.0.0.1:8081"), ("host", "127.0.0.1:8081")]));
        assert!(elsewhere(&[("origin", "https://evil.example"), ("host", "127.0.0.1:8081")]));
        assert!(elsewhere(&[("origin", "https://compilandocode.example.evil.example")]));
        assert!(elsewhere(&[("origin", "null")]));
    }
}
