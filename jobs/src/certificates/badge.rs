//! A certificate as an Open Badges 3.0 credential, for wallets and other people's pages.
//!
//! The token's payload is the credential itself beside the registered claims, as the data model that it is built on has it (W3C Verifiable
//! Credentials 2.0, Securing with JOSE), and each claim repeats what the credential says (Open Badges 3.0, 8.2).

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::status_list::Entry;
use crate::accounts::{email_address::EmailAddress, locale::Locale, user::UserId};

/// Names what a person is called in credentials; made once, at random.
const SUBJECTS: Uuid = Uuid::from_u128(0x6d1f_0c58_93a7_4b0e_8d5c_27e4_b1f9_a360);

/// What a credential is made of.
#[derive(Debug)]
pub struct Badge<'a> {
    /// The certificate's id.
    pub id: Uuid,
    /// Where the school is.
    pub home: &'a Url,
    /// Whose it is.
    pub holder_id: UserId,
    /// Their name, as it is printed.
    pub holder: &'a str,
    /// Their address: only its hash is told, so that a wallet can see that it is theirs.
    pub email: &'a EmailAddress,
    /// The course's page.
    pub course_url: &'a Url,
    /// What it is called.
    pub course: &'a str,
    /// What it is, in a sentence.
    pub summary: &'a str,
    /// How many hours it took.
    pub hours: i32,
    /// The language that it was taught in.
    pub locale: Locale,
    /// Where anybody checks the certificate.
    pub check_url: &'a Url,
    /// When the certificate was asked for.
    pub issued_at: DateTime<Utc>,
    /// Its place in the list of those that count no more.
    pub status: Entry,
    /// Where that list is.
    pub status_list_url: &'a Url,
}

impl Badge<'_> {
    /// The token's claims.
    #[must_use]
    pub fn claims(&self) -> Value {
        let id = self.id.urn().to_string();
        let subject = Uuid::new_v5(&SUBJECTS, self.holder_id.to_string().as_bytes()).urn().to_string();
        let issuer = issuer_id(self.home);
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
            "id": id,
            "type": ["VerifiableCredential", "OpenBadgeCredential"],
            "name": self.course,
            "issuer": { "id": issuer, "type": ["Profile"], "name": "CompilandoCode", "url": issuer },
            "validFrom": self.issued_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "credentialSubject": {
                "id": subject,
                "type": ["AchievementSubject"],
                "identifier": [self.email_identity(), name_identity(self.holder)],
                "achievement": {
                    "id": self.course_url.as_str(),
                    "type": ["Achievement"],
                    "achievementType": "Course",
                    "name": self.course,
                    "description": self.summary,
                    "inLanguage": self.locale.as_str(),
                    "criteria": { "id": self.course_url.as_str(), "narrative": self.criteria() },
                },
            },
            "evidence": [{ "id": self.check_url.as_str(), "type": ["Evidence"], "name": self.check_url.as_str() }],
            "credentialStatus": self.status.claim(self.status_list_url),
            "iss": issuer,
            "jti": id,
            "sub": subject,
            "nbf": self.issued_at.timestamp(),
        })
    }

    fn criteria(&self) -> String {
        let hours = self.hours;
        match self.locale {
            Locale::Es => format!("Completar todas las lecciones obligatorias del curso ({hours} h)."),
            Locale::En => format!("Complete every required lesson of the course ({hours} h)."),
        }
    }

    /// Salted by the credential's own id, so that one address has another hash in each (Open Badges 3.0, `IdentityObject`).
    fn email_identity(&self) -> Value {
        let salt = self.id.simple().to_string();
        let hash = Sha256::digest(format!("{}{salt}", self.email.as_str().to_lowercase()));
        json!({
            "type": "IdentityObject",
            "hashed": true,
            "identityHash": format!("sha256${}", hex::encode(hash)),
            "identityType": "emailAddress",
            "salt": salt,
        })
    }
}

fn name_identity(name: &str) -> Value {
    json!({ "type": "IdentityObject", "hashed": false, "identityHash": name, "identityType": "name" })
}

/// What the school is called in credentials: where it is. Deliberately no `did:web`, although the school answers to one, which its DID document ties to
/// this address (`alsoKnownAs`): a `kid` is dereferenced to a JSON Web Key, and verifiers need to do so for HTTP addresses only (Open Badges 3.0,
/// "Dereferencing the Public Key"); whoever resolves an issuer that is a DID looks for the `kid` in its document and would not find that address; and the
/// lists of those that count no more also hold credentials that were issued under this one.
pub(super) fn issuer_id(home: &Url) -> String {
    home.as_str().trim_end_matches('/').to_owned()
}
