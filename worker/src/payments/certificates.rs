//! Brings the certificates that messages are signed with: from where the caller has found that it may, and no further.

use jobs::{
    payments::paypal::certificate::MAX_BYTES,
    ports::{
        mailer::BoxFuture,
        payments::{Certificates, Trouble},
    },
};
use reqwest::StatusCode;

use super::http::{Answer, Http, answer};

/// Over HTTP, by a client that follows no redirect.
#[derive(Debug)]
pub(super) struct OverHttp(Http);

impl OverHttp {
    pub(super) fn new(http: Http) -> Self {
        Self(http)
    }
}

impl Certificates for OverHttp {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, Trouble>> {
        Box::pin(async move {
            match answer(self.0.client().get(url), MAX_BYTES).await? {
                Answer::Good(pem) => Ok(pem),
                // It is somewhere else, or not for us: nobody's keys can help, and nobody is asked again.
                Answer::Bad(refusal)
                    if refusal.status.is_redirection()
                        || matches!(refusal.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
                {
                    Err(Trouble::Refused { words: refusal.status.to_string() })
                }
                Answer::Bad(refusal) => Err(refusal.trouble(|_| None)),
            }
        })
    }
}
