//! Whether a certificate is what it says: asked by anybody, answered from what was signed.

use serde_json::Value;
use sqlx::PgPool;

use super::{
    certificate::{Certificate, Signed},
    serial::Serial,
    signing::PublicKey,
};

/// What is known of a certificate that somebody checks.
#[derive(Debug)]
pub struct Checked {
    /// As it stands.
    pub certificate: Certificate,
    /// What was signed of it.
    pub signed: Signed,
    /// Whether the signature is that of our key, and what was signed is what the table says. Where it is not, somebody has changed the
    /// table.
    pub is_genuine: bool,
    /// What its corrections have come to: the one that counts in its place, or one that was revoked in its turn.
    pub successor: Option<Certificate>,
}

impl Checked {
    /// Looks up the certificate with that serial, and checks it.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn by_serial(db: &PgPool, serial: &Serial) -> sqlx::Result<Option<Self>> {
        match Certificate::find_by_serial(db, serial).await? {
            Some(certificate) => Self::of(db, certificate).await,
            None => Ok(None),
        }
    }

    /// Looks up the certificate whose file has that SHA-256, and checks it.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn by_pdf(db: &PgPool, sha256: &[u8; 32]) -> sqlx::Result<Option<Self>> {
        match Certificate::find_by_pdf(db, sha256).await? {
            Some(certificate) => Self::of(db, certificate).await,
            None => Ok(None),
        }
    }

    /// The one that counts in its place.
    #[must_use]
    pub fn counts_instead(&self) -> Option<&Certificate> {
        self.successor.as_ref().filter(|successor| successor.ended_at.is_none())
    }

    /// The last of its corrections, where that one was revoked: then nothing counts in its place.
    #[must_use]
    pub fn ended_with(&self) -> Option<&Certificate> {
        self.successor.as_ref().filter(|successor| successor.ended_at.is_some())
    }

    async fn of(db: &PgPool, certificate: Certificate) -> sqlx::Result<Option<Self>> {
        let Some(signed) = certificate.signed(db).await? else { return Ok(None) };
        let key = PublicKey::find(db, &signed.key_id).await?;
        let is_genuine = key.is_some_and(|key| key.signed(&signed.statement, &signed.signature)) && states(&signed, &certificate);
        let successor = newest(db, &certificate).await?;
        Ok(Some(Self { certificate, signed, is_genuine, successor }))
    }
}

/// Whether the signed bytes say what the columns beside them say, from which pages are made.
fn states(signed: &Signed, certificate: &Certificate) -> bool {
    let Ok(statement) = serde_json::from_slice::<Value>(&signed.statement) else { return false };
    let says = |field: &str, value: Option<String>| statement[field].as_str() == value.as_deref();
    says("serial", Some(certificate.serial.to_string()))
        && says("holder", certificate.holder_name.as_ref().map(ToString::to_string))
        && says("course", certificate.course_title.clone())
        && says("completed_on", certificate.completed_on.map(|day| day.to_string()))
        && says("pdf_sha256", certificate.pdf_sha256().map(hex::encode))
        && says("key", Some(signed.key_id.to_string()))
        && statement["hours"].as_i64() == certificate.hours.map(i64::from)
}

/// What a chain of corrections has come to.
async fn newest(db: &PgPool, certificate: &Certificate) -> sqlx::Result<Option<Certificate>> {
    let mut newest = certificate.successor(db).await?;
    while let Some(later) = match &newest {
        Some(certificate) => certificate.successor(db).await?,
        None => None,
    } {
        newest = Some(later);
    }
    Ok(newest)
}
