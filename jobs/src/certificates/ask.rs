//! An administrator asks for the certificate of somebody who has finished a course and has none.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    amend::audit,
    certificate::{Certificate, CertificateId},
    request::{self, RequestError},
};
use crate::{
    accounts::user::UserId,
    courses::{course::CourseId, enrolment::Access},
};

/// Why nothing was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody has that address.
    #[error("there is no account with that address")]
    NoSuchPerson,
    /// They have no part in the course.
    #[error("they do not take that course")]
    NotTaken,
    /// Their payment is disputed, or went back.
    #[error("the course is not open to them")]
    NotOpen,
    /// The titles of the required lessons that they have not done; none: they have done nothing at all.
    #[error("they have not finished the course")]
    Unfinished(Vec<String>),
    /// They have one, or had: that one is amended.
    #[error("there is a certificate already")]
    HasOne(CertificateId),
    /// It could not be written.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl From<sqlx::Error> for AskError {
    fn from(error: sqlx::Error) -> Self {
        Self::Request(error.into())
    }
}

/// Asks for it as the last lesson does.
///
/// # Errors
/// [`AskError`]. Nothing was written.
pub async fn ask_for(db: &PgPool, address: &str, course: CourseId, admin: UserId) -> Result<CertificateId, AskError> {
    let mut tx = db.begin().await?;
    let user: Option<UserId> =
        sqlx::query_scalar("select id from core.users where email = $1::citext").bind(address).fetch_optional(&mut *tx).await?;
    let user = user.ok_or(AskError::NoSuchPerson)?;
    // Held, as by whoever marks a last lesson: one of the two asks.
    let part: Option<(Access, bool)> = sqlx::query_as(
        "select state, completed_at is not null from school.enrolments where (user_id, course_id) = ($1, $2) for update",
    )
    .bind(user)
    .bind(course)
    .fetch_optional(&mut *tx)
    .await?;
    let (state, is_completed) = part.ok_or(AskError::NotTaken)?;
    if state != Access::Active {
        return Err(AskError::NotOpen);
    }
    if let Some(last) = last_of(&mut tx, user, course).await? {
        return Err(AskError::HasOne(last));
    }
    if !is_completed {
        complete(&mut tx, user, course).await?;
    }
    let id = request::write(&mut tx, user, course, None).await?.ok_or(sqlx::Error::RowNotFound)?;
    sqlx::query("update school.certificates set requested_by = $2 where id = $1").bind(id).bind(admin).execute(&mut *tx).await?;
    let certificate = Certificate::find(&mut *tx, id).await?.ok_or(sqlx::Error::RowNotFound)?;
    audit(&mut tx, admin, "request_certificate", &certificate, json!({ "user": user, "course": course })).await?;
    tx.commit().await?;
    Ok(id)
}

/// The latest that there ever was.
async fn last_of(tx: &mut PgConnection, user: UserId, course: CourseId) -> sqlx::Result<Option<CertificateId>> {
    sqlx::query_scalar("select id from school.certificates where (user_id, course_id) = ($1, $2) order by revision desc limit 1")
        .bind(user)
        .bind(course)
        .fetch_optional(tx)
        .await
}

/// Notes that the course is completed whose required lessons are all done: the last one may have been made optional since.
async fn complete(tx: &mut PgConnection, user: UserId, course: CourseId) -> Result<(), AskError> {
    let lessons: Vec<(String, bool, bool)> = sqlx::query_as(
        "select s.title, s.is_required, p.section_id is not null
         from school.sections s left join school.progress p on (p.user_id, p.section_id) = ($1, s.id)
         where s.course_id = $2 order by s.position",
    )
    .bind(user)
    .bind(course)
    .fetch_all(&mut *tx)
    .await?;
    let has_begun = lessons.iter().any(|(_, _, is_done)| *is_done);
    let missing: Vec<String> =
        lessons.into_iter().filter(|(_, is_required, is_done)| *is_required && !is_done).map(|(title, ..)| title).collect();
    if !has_begun {
        return Err(AskError::Unfinished(Vec::new()));
    }
    if !missing.is_empty() {
        return Err(AskError::Unfinished(missing));
    }
    sqlx::query("update school.enrolments set completed_at = clock_timestamp() where (user_id, course_id) = ($1, $2)")
        .bind(user)
        .bind(course)
        .execute(tx)
        .await?;
    Ok(())
}
