//! A certificate as it stands in the table.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{serial::Serial, signing::KeyId, status_list::Entry};
use crate::{
    accounts::{full_name::FullName, locale::Locale, user::UserId},
    courses::course::CourseId,
};

/// A certificate's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct CertificateId(pub Uuid);

impl std::fmt::Display for CertificateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum EndedAs {
    /// It never should have been, or should be no more.
    Revoked,
    /// Another one took its place.
    Superseded,
}

/// Where it is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Being made.
    OnItsWay,
    /// It cannot be made until a person has done something.
    InTrouble,
    /// It counts.
    Valid,
    /// It counts no more.
    Ended(EndedAs),
}

/// What stands of it from the start.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Certificate {
    /// Its identity.
    pub id: CertificateId,
    /// What is printed on it and typed by whoever checks it.
    pub serial: Serial,
    /// Whose it is.
    pub user_id: UserId,
    /// Of which course.
    pub course_id: CourseId,
    /// The how manieth for the same person and course, from 1.
    pub revision: i32,
    /// The one that it replaces.
    pub supersedes: Option<CertificateId>,
    /// When the course was completed.
    pub completed_at: DateTime<Utc>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// Why somebody asked for it; blank: the course was completed.
    pub request_note: String,
    status_list: i32,
    status_index: i32,
    /// The name on it; before it is issued only if somebody has corrected it.
    pub holder_name: Option<FullName>,
    /// The course's title on it.
    pub course_title: Option<String>,
    /// How many hours it says.
    pub hours: Option<i32>,
    /// The day that it says.
    pub completed_on: Option<NaiveDate>,
    /// The language that it is in.
    pub locale: Option<Locale>,
    /// Why it cannot be issued.
    pub problem: Option<String>,
    /// The signs of the account's name that are in its way; empty: something else is, or nothing.
    pub unprintable: String,
    pdf_sha256: Option<Vec<u8>>,
    /// Which key signed it.
    pub key_id: Option<KeyId>,
    /// Since when it is there.
    pub issued_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub ended_as: Option<EndedAs>,
    /// Why it was revoked.
    pub ended_note: String,
    /// Whether it was revoked because the course's money went back.
    pub ended_for_refund: bool,
}

/// What was signed of an issued certificate.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Signed {
    /// The statement's canonical bytes.
    pub statement: Vec<u8>,
    /// Their signature.
    pub signature: Vec<u8>,
    /// By which key.
    pub key_id: KeyId,
    /// The same as an Open Badges credential.
    pub credential: String,
}

/// Certificates, with which of them are meant.
macro_rules! certificates {
    ($which:literal) => {
        concat!(include_str!("sql/certificates.sql"), " ", $which)
    };
}

impl Certificate {
    /// The certificate of that id.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: CertificateId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(certificates!("where c.id = $1")).bind(id).fetch_optional(db).await
    }

    /// The same, held until the transaction ends.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub(super) async fn lock(tx: &mut PgConnection, id: CertificateId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(certificates!("where c.id = $1 for no key update")).bind(id).fetch_optional(tx).await
    }

    /// The certificate with that serial, once it is issued: before, nobody has seen it.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find_by_serial(db: impl PgExecutor<'_>, serial: &Serial) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(certificates!("where c.serial = $1 and c.issued_at is not null")).bind(serial).fetch_optional(db).await
    }

    /// The certificate whose file has that SHA-256.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find_by_pdf(db: impl PgExecutor<'_>, sha256: &[u8; 32]) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(certificates!("where c.pdf_sha256 = $1 and c.issued_at is not null order by c.issued_at limit 1"))
            .bind(sha256.as_slice())
            .fetch_optional(db)
            .await
    }

    /// The one that took its place, once that is issued.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn successor(&self, db: impl PgExecutor<'_>) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(certificates!("where c.supersedes = $1 and c.issued_at is not null"))
            .bind(self.id)
            .fetch_optional(db)
            .await
    }

    /// A person's certificates that count or are on their way, the newest first. None comes for a course that was closed to them before.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn of(db: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(certificates!(
            "join school.enrolments e on (e.user_id, e.course_id) = (c.user_id, c.course_id)
             where c.user_id = $1 and c.ended_at is null and (c.issued_at is not null or e.state <> 'revoked')
             order by c.requested_at desc, c.id"
        ))
        .bind(user)
        .fetch_all(db)
        .await
    }

    /// A person's certificates that count no more, the latest first: those that were issued, and those that were revoked before. A correction that was given
    /// up was never theirs.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn ended(db: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(certificates!(
            "where c.user_id = $1 and c.ended_at is not null and (c.issued_at is not null or c.supersedes is null)
             order by c.ended_at desc, c.id"
        ))
        .bind(user)
        .fetch_all(db)
        .await
    }

    /// Everything that was ever asked for, for the same person and course, the newest first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn revisions(&self, db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(certificates!("where (c.user_id, c.course_id) = ($1, $2) order by c.revision desc"))
            .bind(self.user_id)
            .bind(self.course_id)
            .fetch_all(db)
            .await
    }

    /// Which one another would replace that is asked for now, given all of its revisions: itself, or where it ended without ever being issued, the
    /// last before it that was. So whoever checks what was issued comes to what counts. `None`: another one counts, is on its way, or has taken that
    /// one's place.
    #[must_use]
    pub fn to_replace(&self, revisions: &[Self]) -> Option<CertificateId> {
        let mut last = self;
        while last.issued_at.is_none()
            && let Some(before) = revisions.iter().find(|other| Some(other.id) == last.supersedes)
        {
            last = before;
        }
        let is_in_the_way = |other: &Self| {
            let has_its_place = other.issued_at.is_some() && other.supersedes == Some(last.id);
            other.id != last.id && (other.ended_at.is_none() || has_its_place)
        };
        (!revisions.iter().any(is_in_the_way)).then_some(last.id)
    }

    /// What was signed of it.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn signed(&self, db: impl PgExecutor<'_>) -> sqlx::Result<Option<Signed>> {
        sqlx::query_as(
            "select statement, signature, key_id, credential from school.certificates where id = $1 and issued_at is not null",
        )
        .bind(self.id)
        .fetch_optional(db)
        .await
    }

    /// Where it is on its way.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match (self.ended_as, self.issued_at, &self.problem) {
            (Some(ended), ..) => Standing::Ended(ended),
            (None, Some(_), _) => Standing::Valid,
            (None, None, Some(_)) => Standing::InTrouble,
            (None, None, None) => Standing::OnItsWay,
        }
    }

    /// Its place in the list of those that count no more.
    #[must_use]
    pub fn status(&self) -> Entry {
        Entry { list: self.status_list, index: self.status_index }
    }

    /// The SHA-256 of its file.
    #[must_use]
    pub fn pdf_sha256(&self) -> Option<[u8; 32]> {
        self.pdf_sha256.as_deref()?.try_into().ok()
    }

    /// Where its file is in the store.
    #[must_use]
    pub fn pdf_key(&self) -> Option<String> {
        self.pdf_sha256().map(|sha256| pdf_key(self.id, &sha256))
    }
}

/// Where a file is in the store. Its name is made of what is in it, so that whoever writes it again writes the same, and a stale worker with
/// another font overwrites nothing.
pub(super) fn pdf_key(id: CertificateId, sha256: &[u8; 32]) -> String {
    format!("certificates/{id}/{}.pdf", hex::encode(sha256))
}
