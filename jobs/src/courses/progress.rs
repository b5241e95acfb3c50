//! How far a person has come: which sections they have completed, and with them the course.

use sqlx::{PgConnection, PgPool};

use super::{course::CourseId, section::SectionId};
use crate::{
    accounts::user::UserId,
    certificates::request::{self, RequestError},
};

/// What came of marking a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// It is completed, perhaps since before.
    Section,
    /// With it the last required section of the course: now, and never again.
    Course,
    /// The course is not open to them, or has no such section.
    NotOpen,
}

/// Marks a section as completed. Marking it again changes nothing.
///
/// # Errors
/// Postgres refuses or cannot be reached, or what follows cannot be promised. Nothing was written.
pub async fn complete_section(db: &PgPool, user: UserId, course: CourseId, section: SectionId) -> Result<Marked, RequestError> {
    let mut tx = db.begin().await?;
    // The lock orders two last sections that are marked at once: the second sees the first, and one of them completes the course.
    let open: Option<(bool,)> = sqlx::query_as(
        "select e.completed_at is null from school.enrolments e
         where (e.user_id, e.course_id, e.state) = ($1, $2, 'active')
           and exists (select from school.sections s where (s.id, s.course_id) = ($3, $2))
         for update of e",
    )
    .bind(user)
    .bind(course)
    .bind(section)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((is_under_way,)) = open else { return Ok(Marked::NotOpen) };
    sqlx::query("insert into school.progress (user_id, section_id) values ($1, $2) on conflict do nothing")
        .bind(user)
        .bind(section)
        .execute(&mut *tx)
        .await?;
    let completes = is_under_way && complete_course(&mut tx, user, course).await?;
    tx.commit().await?;
    Ok(if completes { Marked::Course } else { Marked::Section })
}

/// Notes that the course is completed, if no required section is left, and asks for the certificate in the same transaction.
async fn complete_course(tx: &mut PgConnection, user: UserId, course: CourseId) -> Result<bool, RequestError> {
    let completed = sqlx::query(
        "update school.enrolments set completed_at = clock_timestamp()
         where (user_id, course_id) = ($1, $2) and completed_at is null
           and not exists (
               select from school.sections s
               where s.course_id = $2 and s.is_required
                 and not exists (select from school.progress p where (p.user_id, p.section_id) = ($1, s.id)))",
    )
    .bind(user)
    .bind(course)
    .execute(&mut *tx)
    .await?;
    if completed.rows_affected() == 0 {
        return Ok(false);
    }
    request::request(tx, user, course).await?;
    Ok(true)
}
