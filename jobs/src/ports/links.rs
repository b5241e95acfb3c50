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
    certificates::{serial::Serial, signing::KeyId},
    help_desk::number::TicketId,
    mail::{
        Stream,
        return_tag::{ReturnTag, ReturnTags},
        unsubscribe::Unsubscribe,
    },
    payments::sale::SaleId,
    reports::report::ReportId,
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

    /// The page with everything that a person was certified.
    #[must_use]
    pub fn certificates(&self, locale: Locale) -> Url {
        self.page(match locale {
            Locale::Es => "/certificados",
            Locale::En => "/certificates",
        })
    }

    /// Where anybody checks the certificate with that serial: printed, and in its QR code.
    #[must_use]
    pub fn check(&self, serial: &Serial) -> Url {
        self.page(&format!("/v/{serial}"))
    }

    /// Where the public half of a key is.
    #[must_use]
    pub fn signing_key(&self, id: &KeyId) -> Url {
        signing_key(&self.public_url, id)
    }

    /// Where a list of the credentials that count no more is.
    #[must_use]
    pub fn status_list(&self, list: i32) -> Url {
        self.page(&format!("/credentials/status/{list}"))
    }

    /// The page with what a course has told its learners.
    #[must_use]
    pub fn announcements(&self, locale: Locale, slug: &str) -> Url {
        self.page(&match locale {
            Locale::Es => format!("/cursos/{slug}/avisos"),
            Locale::En => format!("/courses/{slug}/announcements"),
        })
    }

    /// The page of a ticket.
    #[must_use]
    pub fn ticket(&self, locale: Locale, ticket: TicketId) -> Url {
        self.page(&match locale {
            Locale::Es => format!("/solicitudes/{ticket}"),
            Locale::En => format!("/tickets/{ticket}"),
        })
    }

    /// The list of tickets.
    #[must_use]
    pub fn tickets(&self, locale: Locale) -> Url {
        self.page(match locale {
            Locale::Es => "/solicitudes",
            Locale::En => "/tickets",
        })
    }

    /// The page with the deadlines that somebody has to look at.
    #[must_use]
    pub fn alerts(&self, locale: Locale) -> Url {
        self.page(match locale {
            Locale::Es => "/alertas",
            Locale::En => "/alerts",
        })
    }

    /// The page that leads whoever asked for a report to its file.
    #[must_use]
    pub fn report_file(&self, locale: Locale, report: ReportId) -> Url {
        self.page(&match locale {
            Locale::Es => format!("/informes/{report}/archivo"),
            Locale::En => format!("/reports/{report}/file"),
        })
    }

    /// The page of that path.
    #[must_use]
    pub fn at(&self, path: &str) -> Url {
        self.page(path)
    }

    fn page(&self, path: &str) -> Url {
        page(&self.public_url, path)
    }

    /// The link by which this person chooses another password, for a letter written at `now`.
    #[must_use]
    pub fn password_reset(&self, subject: &Subject, locale: Locale, now: DateTime<Utc>) -> Url {
        self.password_reset.link(&self.public_url, subject, locale, now)
    }

    /// The link by which somebody who was invited chooses their password, for a letter written at `now`.
    #[must_use]
    pub fn invitation(&self, subject: &Subject, locale: Locale, now: DateTime<Utc>) -> Url {
        self.password_reset.invitation_link(&self.public_url, subject, locale, now)
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

/// Where the public half of a key is: what `kid` says in what the key signs.
#[must_use]
pub fn signing_key(public_url: &Url, id: &KeyId) -> Url {
    page(public_url, &format!("/certificate-keys/{id}"))
}

fn page(public_url: &Url, path: &str) -> Url {
    let mut url = public_url.clone();
    url.set_path(path);
    url
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

/// The same for whoever comes back without having paid.
#[must_use]
pub fn purchase_unpaid(public_url: &Url, locale: Locale, sale: SaleId) -> Url {
    let mut url = purchase(public_url, locale, sale);
    url.set_query(Some("done=unpaid"));
    url
}
