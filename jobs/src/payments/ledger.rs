//! The ledger: every movement of money, in double entry, known by the provider's name for it and written once.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{
    money::Money,
    sale::{Provider, SaleId},
};

/// Where money stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Account {
    /// With the provider, for us.
    Clearing,
    /// Earned.
    Revenue,
    /// Kept by the provider.
    Fees,
    /// Given back.
    Refunds,
    /// Taken back by banks.
    Disputes,
    /// Arrived, and not ours to keep: a wrong amount, a second payment.
    Suspense,
}

/// What moved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// Somebody paid.
    Charge,
    /// The provider kept its part.
    Fee,
    /// It went back.
    Refund,
    /// It could not go back, and is here again.
    RefundReversal,
    /// A bank took it.
    Dispute,
    /// The bank gave it to us again.
    DisputeReversal,
}

/// A movement from one account to another.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Of which sale.
    pub sale: SaleId,
    /// At whose house.
    pub provider: Provider,
    /// What moved it.
    pub kind: Kind,
    /// The provider's name for it.
    pub source_ref: &'a str,
    /// When, by the provider's clock.
    pub at: DateTime<Utc>,
    /// The account that gets.
    pub debit: Account,
    /// The account that gives.
    pub credit: Account,
    /// How much.
    pub amount: Money,
}

/// Posts a movement, unless it stands there already. Whether it is new.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn post(tx: &mut PgConnection, entry: &Entry<'_>) -> sqlx::Result<bool> {
    let posted = sqlx::query(include_str!("sql/post_entry.sql"))
        .bind(entry.sale)
        .bind(entry.provider)
        .bind(entry.kind)
        .bind(entry.source_ref)
        .bind(entry.at)
        .bind(entry.debit)
        .bind(entry.credit)
        .bind(entry.amount.currency.as_str())
        .bind(entry.amount.minor)
        .execute(tx)
        .await?;
    Ok(posted.rows_affected() > 0)
}

/// Whether what a sale brought is no income: another amount, or a second payment of the same course.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(super) async fn is_in_suspense(db: impl PgExecutor<'_>, sale: SaleId) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from school.ledger_transactions t join school.ledger_lines l on l.transaction_id = t.id
                        where t.sale_id = $1 and t.kind = 'charge' and l.account = 'suspense')",
    )
    .bind(sale)
    .fetch_one(db)
    .await
}
