//! Who takes part in a course.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::course::CourseId;
use crate::accounts::user::UserId;

/// Whether the course is open to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Access {
    /// It is.
    Active,
    /// Not while their payment is disputed.
    Suspended,
    /// No longer.
    Revoked,
}

/// A person's part in a course.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Enrolment {
    /// Whether the course is open to them.
    pub state: Access,
    /// Since when they take part.
    pub enrolled_at: DateTime<Utc>,
    /// When they completed the last required section.
    pub completed_at: Option<DateTime<Utc>>,
}

/// A course that a person takes, and how far they have come.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Taken {
    /// Its place in addresses.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// Who teaches it.
    pub instructor: String,
    /// Whether it is open.
    pub state: Access,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// How many sections it has.
    pub sections: i64,
    /// How many of them are done.
    pub done: i64,
    /// The place of the first that is not.
    pub next: Option<i32>,
}

impl Enrolment {
    /// The person's part in that course.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, user: UserId, course: CourseId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("select state, enrolled_at, completed_at from school.enrolments where (user_id, course_id) = ($1, $2)")
            .bind(user)
            .bind(course)
            .fetch_optional(db)
            .await
    }

    /// Whether the lessons are open.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == Access::Active
    }
}

impl Taken {
    /// Everything that the person takes, the latest first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn by(db: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(include_str!("sql/taken.sql")).bind(user).fetch_all(db).await
    }
}
