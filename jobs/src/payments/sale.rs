//! A sale: one purchase of one course by one person.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::money::{Currency, Money};
use crate::{
    accounts::{locale::Locale, user::UserId},
    courses::course::CourseId,
};

/// A sale's identity, made before it is written (UUIDv7), so that everything outside can be asked for under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct SaleId(pub Uuid);

impl std::fmt::Display for SaleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Who takes the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Provider {
    /// stripe.com, by its Checkout.
    Stripe,
    /// paypal.com, by its Orders.
    Paypal,
    /// Nobody: the course costs nothing.
    Free,
}

impl Provider {
    /// Its name in the database and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Paypal => "paypal",
            Self::Free => "free",
        }
    }
}

impl Provider {
    /// Its name as people know it.
    #[must_use]
    pub const fn brand(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe",
            Self::Paypal => "PayPal",
            Self::Free => "—",
        }
    }
}

/// What has become of a sale. `apply.rs` has the picture of how they follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SaleState {
    /// The person is at the provider's, or was and left.
    Pending,
    /// Paid; the course is open.
    Paid,
    /// Some of the money went back; the course stays open.
    PartRefunded,
    /// All of it went back; the course is closed.
    Refunded,
    /// The bank has taken the money back for now; the course is suspended.
    Disputed,
    /// The bank gave the money back for good; the course is closed.
    Lost,
    /// Something is wrong with the payment, and a person must look at it. The course is closed.
    Review,
    /// Nobody paid in time.
    Expired,
    /// It cannot be paid.
    Failed,
}

impl SaleState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Review,
        Self::Disputed,
        Self::Pending,
        Self::Paid,
        Self::PartRefunded,
        Self::Refunded,
        Self::Lost,
        Self::Expired,
        Self::Failed,
    ];

    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::PartRefunded => "part_refunded",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::Lost => "lost",
            Self::Review => "review",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// Whether another purchase of the same course has to wait for this one (`sales_one_live`).
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Paid | Self::PartRefunded | Self::Disputed)
    }
}

/// A sale, as it stands.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Sale {
    /// Its identity.
    pub id: SaleId,
    /// Who bought.
    pub user_id: UserId,
    /// What.
    pub course_id: CourseId,
    /// By whom the money goes.
    pub provider: Provider,
    /// What has become of it.
    pub state: SaleState,
    amount_minor: i64,
    #[sqlx(try_from = "String")]
    currency: Currency,
    /// What the provider shows to the person.
    pub description: String,
    /// The language in which.
    pub locale: Locale,
    /// Under what key the checkout is asked for.
    pub checkout_key: String,
    /// The provider's name for the checkout.
    pub checkout_ref: Option<String>,
    /// Where the person pays.
    pub checkout_url: Option<String>,
    /// The provider's name for the payment.
    pub payment_ref: Option<String>,
    /// How often the person's way of paying was declined when it was collected from.
    pub declined: i32,
    charged_minor: i64,
    charged_currency: Option<String>,
    refunded_minor: i64,
    /// Why a person has to look at it.
    pub review_reason: Option<String>,
    /// When somebody had.
    pub review_closed_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// From when it holds no place.
    pub expires_at: DateTime<Utc>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// Since when we know that the money is on its way.
    pub on_its_way_since: Option<DateTime<Utc>>,
}

impl Sale {
    /// What it was to cost.
    #[must_use]
    pub fn amount(&self) -> Money {
        Money::new(self.amount_minor, self.currency)
    }

    /// Under what key the money is collected. It stays until the provider has refused.
    #[must_use]
    pub fn collect_key(&self) -> String {
        format!("sale:{}:collect:{}", self.id, self.declined + 1)
    }

    fn arrived_in(&self) -> Currency {
        self.charged_currency.as_deref().and_then(|currency| currency.parse().ok()).unwrap_or(self.currency)
    }

    /// What arrived.
    #[must_use]
    pub fn charged(&self) -> Money {
        Money::new(self.charged_minor, self.arrived_in())
    }

    /// What went back.
    #[must_use]
    pub fn refunded(&self) -> Money {
        Money::new(self.refunded_minor, self.arrived_in())
    }

    /// Whether the person has done their part and the money has not come yet: some ways of paying take days.
    #[must_use]
    pub fn is_on_its_way(&self) -> bool {
        self.state == SaleState::Pending && self.on_its_way_since.is_some()
    }

    /// Whether a person still has to look at it.
    #[must_use]
    pub fn is_in_review(&self) -> bool {
        self.review_reason.is_some() && self.review_closed_at.is_none()
    }

    /// The sale of that id.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: SaleId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("select * from school.sales where id = $1").bind(id).fetch_optional(db).await
    }

    /// The sale of that id, if it is that person's.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find_own(db: impl PgExecutor<'_>, id: SaleId, buyer: UserId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("select * from school.sales where (id, user_id) = ($1, $2)").bind(id).bind(buyer).fetch_optional(db).await
    }

    /// Everything that person bought or wanted to, the latest first, at most a hundred.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn by(db: impl PgExecutor<'_>, buyer: UserId) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("select * from school.sales where user_id = $1 order by created_at desc, id desc limit 100")
            .bind(buyer)
            .fetch_all(db)
            .await
    }
}
