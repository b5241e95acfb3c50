//! A course as the catalogue shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgExecutor;

use crate::{
    accounts::{locale::Locale, role::Role, user::UserId},
    payments::money::{Currency, Money},
};

/// A course's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct CourseId(pub i64);

/// What it asks of those who take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Level {
    /// Nothing.
    Beginner,
    /// Some experience.
    Intermediate,
    /// Much experience.
    Advanced,
}

/// Whether it can be found and bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// Still being made.
    Draft,
    /// In the catalogue.
    Published,
    /// No longer sold; who has it keeps it.
    Retired,
}

/// A course.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Course {
    /// Its number.
    pub id: CourseId,
    /// Its place in addresses.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// What it is, in a sentence.
    pub summary: String,
    /// What it is, in paragraphs.
    pub description: String,
    /// Who teaches it.
    pub instructor_id: UserId,
    /// Their name.
    pub instructor: String,
    /// The language that it is taught in.
    pub locale: Locale,
    /// What it asks.
    pub level: Level,
    /// How many hours it takes.
    pub hours: i32,
    price_minor: i64,
    #[sqlx(try_from = "String")]
    currency: Currency,
    /// Whether it is sold.
    pub status: Status,
    /// How many sections it has.
    pub sections: i64,
    /// How many people take part.
    pub learners: i64,
}

impl Course {
    /// What it costs.
    #[must_use]
    pub fn price(&self) -> Money {
        Money::new(self.price_minor, self.currency)
    }

    /// Whether it can be bought.
    #[must_use]
    pub fn is_on_sale(&self) -> bool {
        self.status == Status::Published
    }

    /// Every course that is sold, the newest first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn catalogue(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(concat!(
            include_str!("sql/courses.sql"),
            " where c.status = 'published' order by c.published_at desc, c.id"
        ))
        .fetch_all(db)
        .await
    }

    /// The course at that place, unless it is a draft.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, slug: &str) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(concat!(include_str!("sql/courses.sql"), " where c.slug = $1 and c.status <> 'draft'"))
            .bind(slug)
            .fetch_optional(db)
            .await
    }

    /// The course with that number, whatever has become of it.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn by_id(db: impl PgExecutor<'_>, id: CourseId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(concat!(include_str!("sql/courses.sql"), " where c.id = $1")).bind(id).fetch_optional(db).await
    }

    /// What that person teaches, the newest first, without drafts.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn taught_by(db: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(concat!(
            include_str!("sql/courses.sql"),
            " where c.instructor_id = $1 and c.status <> 'draft' order by c.published_at desc, c.id"
        ))
        .bind(user)
        .fetch_all(db)
        .await
    }

    /// Whether that person speaks for it: who teaches it, and the house. They read its lessons, too.
    #[must_use]
    pub fn is_led_by(&self, user: UserId, role: Role) -> bool {
        match role {
            Role::Admin => true,
            Role::Instructor => self.instructor_id == user,
            _ => false,
        }
    }

    /// Whether that person teaches it: they need not pay for what is theirs.
    #[must_use]
    pub fn is_taught_by(&self, user: UserId, role: Role) -> bool {
        self.instructor_id == user && self.is_led_by(user, role)
    }
}
