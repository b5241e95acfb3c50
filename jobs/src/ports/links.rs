//! Links to our pages, as letters carry them.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use url::Url;

use crate::accounts::{user::User, verification::Verification};

/// Makes links. Printing it shows no key.
#[derive(Debug, Clone)]
pub struct Links {
    public_url: Url,
    verification: Verification,
}

impl Links {
    /// Links below `public_url` (PUBLIC_URL), signed with keys made from SECRET_KEY.
    #[must_use]
    pub fn new(public_url: Url, secret_key: &SecretString) -> Self {
        Self { public_url, verification: Verification::new(secret_key) }
    }

    /// The front page.
    #[must_use]
    pub fn home(&self) -> &Url {
        &self.public_url
    }

    /// The link by which this person proves their address, for a letter written at `now`.
    #[must_use]
    pub fn verification(&self, user: &User, now: DateTime<Utc>) -> Url {
        self.verification.link(&self.public_url, user.id, &user.email, user.locale, now)
    }
}
