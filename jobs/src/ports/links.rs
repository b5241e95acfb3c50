//! Links to our pages and signs of our own, as letters carry them.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use crate::{
    accounts::{
        locale::Locale,
        password_reset::{PasswordReset, Subject},
        user::User,
        verification::Verification,
    },
    mail::{
        Stream,
        return_tag::{ReturnTag, ReturnTags},
        unsubscribe::Unsubscribe,
    },
    payments::sale::SaleId,
};

/// Makes links. Printing it shows no key.
#[derive(Debug, Clone)]
pub struct Links {
    public_url: Url,
    verification: Verification,
    password_reset: PasswordReset,
    unsubscribe: Unsubscribe,
    return_tags: ReturnTags,
}

impl Links {
    /// Links below `public_url` (PUBLIC_URL), signed with keys made from SECRET_KEY.
    #[must_use]
    pub fn new(public_url: Url, secret_key: &SecretString) -> Self {
        Self {
            public_url,
            verification: Verification::new(secret_key),
            password_reset: PasswordReset::new(secret_key),
            unsubscribe: Unsubscribe::new(secret_key),
            return_tags: ReturnTags::new(secret_key),
        }
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

    /// The page with everything that a person has bought.
    #[must_use]
    pub fn purchases(&self, locale: Locale) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(match locale {
            Locale::Es => "/compras",
            Locale::En => "/purchases",
        });
        url
    }

    /// The page of a course.
    #[must_use]
    pub fn course(&self, locale: Locale, slug: &str) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&match locale {
            Locale::Es => format!("/cursos/{slug}"),
            Locale::En => format!("/courses/{slug}"),
        });
        url
    }

    /// The link by which this person chooses another password, for a letter written at `now`.
    #[must_use]
    pub fn password_reset(&self, subject: &Subject, locale: Locale, now: DateTime<Utc>) -> Url {
        self.password_reset.link(&self.public_url, subject, locale, now)
    }

    /// The link by which this person says no to letters of that stream, if they may.
    #[must_use]
    pub fn unsubscribe(&self, user: &User, stream: Stream) -> Option<Url> {
        self.unsubscribe.link(&self.public_url, user.id, stream, user.locale)
    }

    /// What the letter whose row is `id` is known by when it comes back.
    #[must_use]
    pub fn return_tag(&self, id: Uuid) -> ReturnTag {
        self.return_tags.make(id)
    }

    /// The letter whose tag stands in the text.
    #[must_use]
    pub fn returned(&self, text: &str) -> Option<Uuid> {
        self.return_tags.find(text)
    }
}

/// The page of a sale, for who bought: where providers lead back to.
#[must_use]
pub fn purchase(public_url: &Url, locale: Locale, sale: SaleId) -> Url {
    let mut url = public_url.clone();
    url.set_path(&match locale {
        Locale::Es => format!("/compras/{sale}"),
        Locale::En => format!("/purchases/{sale}"),
    });
    url
}
