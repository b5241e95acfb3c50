//! What an instructor tells everybody in a course.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{course::CourseId, publish_announcement::PublishAnnouncement};
use crate::{
    accounts::user::UserId,
    text::{TextProblem, line, lines},
};

/// An announcement's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct AnnouncementId(pub i64);

/// An announcement.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Announcement {
    /// Its number.
    pub id: AnnouncementId,
    /// In which course.
    pub course_id: CourseId,
    /// Who wrote it.
    pub author: String,
    /// What it is about: one line.
    pub title: String,
    /// What is told; paragraphs stand apart by an empty line.
    pub body: String,
    /// When it was written: who takes part since later is not told.
    pub created_at: DateTime<Utc>,
    /// How many letters it became, once all of them are promised.
    pub letters: Option<i32>,
}

/// What has become of an announcement's letters, as far as their rows are still there.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Letters {
    /// Of which announcement.
    pub id: AnnouncementId,
    /// How many have left.
    pub sent: i64,
    /// How many stay here: their readers want none, or their addresses take none.
    pub withheld: i64,
}

/// An announcement that is not kept yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnnouncement {
    title: String,
    body: String,
}

/// Why an announcement was not made.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// The course has told its learners enough for one day.
    #[error("a course has {} announcements a day at most", NewAnnouncement::MOST_A_DAY)]
    TooMany,
    /// Postgres refuses or cannot be reached.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
    /// Its job was not taken.
    #[error(transparent)]
    Enqueue(#[from] queue::EnqueueError),
}

impl Announcement {
    /// The announcement with that number.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: AnnouncementId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(concat!(include_str!("sql/announcements.sql"), " where a.id = $1")).bind(id).fetch_optional(db).await
    }

    /// What a course has told, the latest first; no more than `most`.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn list(db: impl PgExecutor<'_>, course: CourseId, most: i64) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(concat!(
            include_str!("sql/announcements.sql"),
            " where a.course_id = $1 order by a.created_at desc, a.id desc limit $2"
        ))
        .bind(course)
        .bind(most)
        .fetch_all(db)
        .await
    }

    /// What has become of the letters of these.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn letters(db: impl PgExecutor<'_>, announcements: &[Self]) -> sqlx::Result<Vec<Letters>> {
        sqlx::query_as(include_str!("sql/announcement_letters.sql"))
            .bind(announcements.iter().map(|announcement| announcement.id.0).collect::<Vec<_>>())
            .fetch_all(db)
            .await
    }

    /// Its paragraphs.
    pub fn paragraphs(&self) -> impl Iterator<Item = &str> {
        self.body.split("\n\n").map(str::trim).filter(|text| !text.is_empty())
    }

    /// Those who are told, from behind `after` in the order of their numbers; no more than `most`.
    pub(super) async fn readers(&self, db: impl PgExecutor<'_>, after: UserId, most: i64) -> sqlx::Result<Vec<UserId>> {
        sqlx::query_scalar(
            "select e.user_id from school.enrolments e join core.users u on u.id = e.user_id
             where e.course_id = $1 and e.user_id > $2 and e.state = 'active' and e.enrolled_at <= $3 and u.disabled_at is null
             order by e.user_id limit $4",
        )
        .bind(self.course_id)
        .bind(after)
        .bind(self.created_at)
        .bind(most)
        .fetch_all(db)
        .await
    }

    /// Notes that every letter is promised.
    pub(super) async fn told(&self, tx: &mut PgConnection, letters: i64) -> sqlx::Result<()> {
        sqlx::query("update school.announcements set letters = $2::integer, told_at = clock_timestamp() where id = $1")
            .bind(self.id)
            .bind(letters)
            .execute(tx)
            .await
            .map(drop)
    }
}

impl NewAnnouncement {
    /// The most characters of a title: it is the subject of letters.
    pub const MAX_TITLE_CHARS: usize = 120;
    /// The most characters of what is told.
    pub const MAX_BODY_CHARS: usize = 10_000;
    /// The most that a course tells its learners in 24 hours.
    pub const MOST_A_DAY: i64 = 5;

    /// Reads what somebody typed; or says what is wrong with title and body.
    ///
    /// # Errors
    /// One of them, or both, cannot be taken.
    pub fn parse(title: &str, body: &str) -> Result<Self, (Option<TextProblem>, Option<TextProblem>)> {
        match (line(title, Self::MAX_TITLE_CHARS), lines(body, Self::MAX_BODY_CHARS)) {
            (Ok(title), Ok(body)) => Ok(Self { title, body }),
            (title, body) => Err((title.err(), body.err())),
        }
    }

    /// Makes it, and promises the job that tells everybody. A form that is sent twice, known by its key, is one announcement.
    ///
    /// # Errors
    /// [`AnnounceError`].
    pub async fn make(
        &self,
        tx: &mut PgConnection,
        course: CourseId,
        author: UserId,
        form_key: Uuid,
    ) -> Result<(), AnnounceError> {
        // One after the other, or two that come at once would both find room for one.
        sqlx::query("select from school.courses where id = $1 for no key update").bind(course).execute(&mut *tx).await?;
        let (is_known, today): (bool, i64) = sqlx::query_as(
            "select coalesce(bool_or(form_key = $2), false), count(*) filter (where created_at > now() - interval '24 hours')
             from school.announcements where course_id = $1",
        )
        .bind(course)
        .bind(form_key)
        .fetch_one(&mut *tx)
        .await?;
        if is_known {
            return Ok(());
        }
        if today >= Self::MOST_A_DAY {
            return Err(AnnounceError::TooMany);
        }
        let announcement_id = sqlx::query_scalar(
            "insert into school.announcements (course_id, author_id, title, body, form_key) values ($1, $2, $3, $4, $5) returning id",
        )
        .bind(course)
        .bind(author)
        .bind(&self.title)
        .bind(&self.body)
        .bind(form_key)
        .fetch_one(&mut *tx)
        .await?;
        queue::enqueue(tx, PublishAnnouncement { announcement_id }).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_and_a_body_are_judged_apart() {
        let blank = |title, body| NewAnnouncement::parse(title, body).unwrap_err();
        assert!(NewAnnouncement::parse("Nueva lección", "Ya está.\r\n\r\nHasta el jueves.").is_ok());
        assert_eq!(blank(" ", "x"), (Some(TextProblem::Blank), None));
        assert_eq!(blank("x\r\nBcc: y@z.example", ""), (Some(TextProblem::Forbidden), Some(TextProblem::Blank)));
        assert_eq!(
            blank(&"x".repeat(121), &"y".repeat(10_001)),
            (Some(TextProblem::TooLong(120)), Some(TextProblem::TooLong(10_000)))
        );
    }
}
