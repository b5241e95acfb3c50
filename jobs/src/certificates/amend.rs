//! What an administrator does to a certificate: has it issued again under another name, or revokes it.

use serde_json::json;
use sqlx::{PgConnection, PgPool, types::Json};

use super::{
    announce_certificate::AnnounceCertificate,
    certificate::{Certificate, CertificateId, EndedAs, Standing},
    issue_certificate::IssueCertificate,
    notice,
    publish_status_list::PublishStatusList,
    request::{self, Correction, RequestError},
};
use crate::accounts::{full_name::FullName, user::UserId};

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// There is no such certificate.
    #[error("there is no such certificate")]
    NoSuchCertificate,
    /// It has ended, or one that replaces it is on its way.
    #[error("the certificate has ended, or another one is on its way")]
    NotNow,
    /// It could not be written.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl From<sqlx::Error> for AmendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Request(error.into())
    }
}

impl From<queue::EnqueueError> for AmendError {
    fn from(error: queue::EnqueueError) -> Self {
        Self::Request(error.into())
    }
}

/// Has a certificate issued under that name. One that counts is replaced as soon as the new one is issued, and counts until then; one that is
/// on its way goes on with the other name. After one that was revoked by mistake another is issued, under a serial of its own: what was revoked
/// stays so. After one that was given up before it was issued another replaces what that would have replaced.
///
/// # Errors
/// It was replaced, or a replacement is on its way; or Postgres refuses.
pub async fn reissue(
    db: &PgPool,
    id: CertificateId,
    name: &FullName,
    note: &str,
    admin: UserId,
) -> Result<CertificateId, AmendError> {
    let mut tx = db.begin().await?;
    let certificate = Certificate::lock(&mut tx, id).await?.ok_or(AmendError::NoSuchCertificate)?;
    let new = match certificate.standing() {
        Standing::Ended(EndedAs::Superseded) => return Err(AmendError::NotNow),
        Standing::Valid | Standing::Ended(EndedAs::Revoked) => {
            let of = certificate.to_replace(&certificate.revisions(&mut *tx).await?).ok_or(AmendError::NotNow)?;
            let correction = Correction { of, by: Some(admin), name, note };
            let written = request::write(&mut tx, certificate.user_id, certificate.course_id, Some(&correction)).await?;
            written.ok_or(AmendError::NotNow)?
        }
        Standing::OnItsWay | Standing::InTrouble => {
            rename(&mut tx, id, name, note, admin).await?;
            id
        }
    };
    audit(&mut tx, admin, "reissue_certificate", &certificate, json!({ "name": name.as_str(), "note": note, "new": new }))
        .await?;
    tx.commit().await?;
    Ok(new)
}

/// Another name for one that is not issued yet, and another job: the one before may be dead.
async fn rename(tx: &mut PgConnection, id: CertificateId, name: &FullName, note: &str, admin: UserId) -> Result<(), AmendError> {
    sqlx::query(
        "update school.certificates set holder_name = $2, request_note = $3, requested_by = $4, problem = null, unprintable = '' where id = $1",
    )
    .bind(id)
    .bind(name)
    .bind(note)
    .bind(admin)
    .execute(&mut *tx)
    .await?;
    queue::clear_notice(&mut *tx, &notice::key(id)).await?;
    queue::enqueue(tx, IssueCertificate { certificate_id: id }).await?;
    Ok(())
}

/// Revokes a certificate, for the reason that whoever checks it will read. One that is on its way is not issued, nor is one that would
/// replace it.
///
/// # Errors
/// It has ended; or Postgres refuses.
pub async fn revoke(db: &PgPool, id: CertificateId, note: &str, admin: UserId) -> Result<(), AmendError> {
    let mut tx = db.begin().await?;
    let certificate = Certificate::lock(&mut tx, id).await?.ok_or(AmendError::NoSuchCertificate)?;
    if certificate.ended_at.is_some() {
        return Err(AmendError::NotNow);
    }
    let ended: Vec<CertificateId> = sqlx::query_scalar(
        "update school.certificates set ended_at = clock_timestamp(), ended_as = 'revoked', ended_by = $2, ended_note = $3, problem = null, unprintable = ''
         where (id = $1 or (supersedes = $1 and issued_at is null)) and ended_at is null returning id",
    )
    .bind(id)
    .bind(admin)
    .bind(note)
    .fetch_all(&mut *tx)
    .await?;
    for ended in ended {
        queue::clear_notice(&mut *tx, &notice::key(ended)).await?;
    }
    audit(&mut tx, admin, "revoke_certificate", &certificate, json!({ "note": note })).await?;
    queue::enqueue(&mut tx, PublishStatusList { list: certificate.status().list }).await?;
    if certificate.issued_at.is_some() {
        queue::enqueue(&mut tx, AnnounceCertificate { certificate_id: id }).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Notes who has done what to a certificate.
pub(super) async fn audit(
    tx: &mut PgConnection,
    admin: UserId,
    action: &str,
    certificate: &Certificate,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    sqlx::query("insert into core.audit_log (actor_id, action, subject, detail) values ($1, $2, 'certificate:' || $3, $4)")
        .bind(admin)
        .bind(action)
        .bind(certificate.serial.as_str())
        .bind(Json(detail))
        .execute(tx)
        .await
        .map(drop)
}
