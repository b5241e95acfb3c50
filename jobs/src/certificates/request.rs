//! Asks for a certificate: its row, with everything that chance decides, and the promise to issue it.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    announce_certificate::AnnounceCertificate, certificate::CertificateId, issue_certificate::IssueCertificate, notice,
    publish_status_list::PublishStatusList, serial::Serial, status_list::Entry,
};
use crate::{
    accounts::{full_name::FullName, user::UserId},
    courses::course::CourseId,
    payments::sale::SaleId,
};

/// How often chance may choose what is taken: half of a list is free, so this many times in a row it does once in the age of the universe.
const TRIES: usize = 80;

/// Why no certificate was asked for. Nothing may be kept of the transaction.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Postgres refused or could not be reached.
    #[error("asking for a certificate: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The job could not be promised.
    #[error("promising a certificate: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

/// A correction of one that was issued.
#[derive(Debug)]
pub(super) struct Correction<'a> {
    pub(super) of: CertificateId,
    /// Who asks; none: the course was opened again.
    pub(super) by: Option<UserId>,
    pub(super) name: &'a FullName,
    pub(super) note: &'a str,
}

/// Asks for the certificate of a completed course, and has it issued. One that is there or on its way is enough.
///
/// # Errors
/// Nothing may be kept of the transaction.
pub async fn request(tx: &mut PgConnection, user: UserId, course: CourseId) -> Result<(), RequestError> {
    // A person completes a course once, so there is a first certificate or none: others come by correction.
    let is_there: bool =
        sqlx::query_scalar("select exists (select from school.certificates where (user_id, course_id) = ($1, $2))")
            .bind(user)
            .bind(course)
            .fetch_one(&mut *tx)
            .await?;
    if !is_there {
        write(tx, user, course, None).await?;
    }
    Ok(())
}

/// Has the certificate of a course that is open again issued, if it was completed before and none ever came of it: the course may have been closed
/// in between, and with it the request.
///
/// # Errors
/// Nothing may be kept of the transaction.
pub async fn resume(tx: &mut PgConnection, sale: SaleId) -> Result<(), RequestError> {
    let completed: Option<(UserId, CourseId, Option<CertificateId>)> =
        sqlx::query_as(include_str!("sql/completed_before.sql")).bind(sale).fetch_optional(&mut *tx).await?;
    match completed {
        None => {}
        // Its job may still live: it is issued once.
        Some((_, _, Some(certificate_id))) => {
            queue::enqueue(tx, IssueCertificate { certificate_id }).await?;
        }
        Some((user, course, None)) => match ended_for_refund(tx, user, course).await? {
            Some((before, name)) => {
                let correction = Correction { of: before, by: None, name: &name, note: "" };
                write(tx, user, course, Some(&correction)).await?;
            }
            None => request(tx, user, course).await?,
        },
    }
    Ok(())
}

/// What a new one replaces, and the name on it, if the last that ended did so because the course's money went back.
async fn ended_for_refund(
    tx: &mut PgConnection,
    user: UserId,
    course: CourseId,
) -> sqlx::Result<Option<(CertificateId, FullName)>> {
    sqlx::query_as(include_str!("sql/ended_for_refund.sql")).bind(user).bind(course).fetch_optional(tx).await
}

/// Has the certificates of somebody issued whose name stood in their way, now that they are called otherwise.
///
/// # Errors
/// Nothing may be kept of the transaction.
pub async fn renamed(tx: &mut PgConnection, user: UserId) -> Result<(), RequestError> {
    let waiting: Vec<CertificateId> = sqlx::query_scalar(
        "update school.certificates set problem = null, unprintable = ''
         where user_id = $1 and unprintable <> '' and problem is not null and issued_at is null and ended_at is null returning id",
    )
    .bind(user)
    .fetch_all(&mut *tx)
    .await?;
    for certificate_id in waiting {
        queue::clear_notice(&mut *tx, &notice::key(certificate_id)).await?;
        queue::enqueue(&mut *tx, IssueCertificate { certificate_id }).await?;
    }
    Ok(())
}

/// Revokes the certificates of a course whose money has all gone back, where the school will have it so; and what would replace them.
///
/// # Errors
/// Nothing may be kept of the transaction.
pub async fn money_went_back(tx: &mut PgConnection, sale: SaleId) -> Result<(), RequestError> {
    let ended: Vec<(CertificateId, i32, bool)> =
        sqlx::query_as(include_str!("sql/end_for_refund.sql")).bind(sale).fetch_all(&mut *tx).await?;
    for (certificate_id, list, was_issued) in ended {
        queue::clear_notice(&mut *tx, &notice::key(certificate_id)).await?;
        queue::enqueue(&mut *tx, PublishStatusList { list }).await?;
        if was_issued {
            queue::enqueue(&mut *tx, AnnounceCertificate { certificate_id }).await?;
        }
    }
    Ok(())
}

/// Writes the row and promises the job; `None`: one is on its way, or has taken the place of the one to replace.
pub(super) async fn write(
    tx: &mut PgConnection,
    user: UserId,
    course: CourseId,
    correction: Option<&Correction<'_>>,
) -> Result<Option<CertificateId>, RequestError> {
    for _ in 0..TRIES {
        let place = Entry::random(&mut *tx).await?;
        let written: Option<CertificateId> = sqlx::query_scalar(include_str!("sql/request.sql"))
            .bind(Uuid::now_v7())
            .bind(Serial::random())
            .bind(user)
            .bind(course)
            .bind(place.list)
            .bind(place.index)
            .bind(correction.map(|correction| correction.of))
            .bind(correction.and_then(|correction| correction.by))
            .bind(correction.map(|correction| correction.name))
            .bind(correction.map_or("", |correction| correction.note))
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(certificate_id) = written {
            queue::enqueue(tx, IssueCertificate { certificate_id }).await?;
            return Ok(written);
        }
        if is_taken(&mut *tx, user, course, correction.map(|correction| correction.of)).await? {
            break;
        }
    }
    Ok(None)
}

/// Whether it was not chance that stood in the way.
async fn is_taken(tx: &mut PgConnection, user: UserId, course: CourseId, before: Option<CertificateId>) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from school.certificates where (user_id, course_id) = ($1, $2)
             and ((issued_at is null and ended_at is null) or (supersedes = $3 and issued_at is not null)))",
    )
    .bind(user)
    .bind(course)
    .bind(before)
    .fetch_one(tx)
    .await
}
