//! What providers tell us is written down, together with the promise to look into it. Only then do they hear that we have it.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::{
    confirm_payment::ConfirmPayment,
    sale::{Provider, SaleId},
    trace_payment::TracePayment,
};

/// The most bytes that a message may have.
pub const MAX_BYTES: usize = 256 * 1024;

/// A verified message: what it claims to be about. What it says of money is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who sent it.
    pub provider: Provider,
    /// The provider's name for the message.
    pub id: String,
    /// What has happened, in the provider's words.
    pub kind: String,
    /// What it is about, by the provider's name.
    pub object_ref: String,
    /// Whether it is about real money.
    pub livemode: bool,
    /// The sale that it says it is about.
    pub sale: Option<SaleId>,
    /// The payment that it is about.
    pub payment_ref: Option<String>,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Written, and somebody will look into it.
    New,
    /// Written; it is about nothing of ours.
    Ignored,
    /// It was here before.
    Before,
}

/// Why a message could not be taken. Its sender tries again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Postgres refused or could not be reached.
    #[error("writing the message: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The look into it could not be promised.
    #[error("promising to look into the message: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

/// Writes a verified message and promises to look into it, together or not at all.
///
/// # Errors
/// Nothing was written.
pub async fn receive(db: &PgPool, event: &Event, body: &[u8]) -> Result<Received, ReceiveError> {
    let mut tx = db.begin().await?;
    let sale = find_sale(&mut tx, event).await?;
    let is_ours = sale.is_some() || event.payment_ref.is_some();
    let written = sqlx::query(include_str!("sql/write_event.sql"))
        .bind(event.provider)
        .bind(&event.id)
        .bind(&event.kind)
        .bind(&event.object_ref)
        .bind(event.livemode)
        .bind(body)
        .bind(sale)
        .bind(event.happened_at)
        .bind((!is_ours).then_some("ignored"))
        .bind(&event.payment_ref)
        .execute(&mut *tx)
        .await?;
    if written.rows_affected() == 0 {
        return Ok(Received::Before);
    }
    if let Some(sale_id) = sale {
        queue::enqueue(&mut tx, ConfirmPayment { sale_id }).await?;
    } else if is_ours {
        queue::enqueue(&mut tx, TracePayment { provider: event.provider, event_id: event.id.clone() }).await?;
    }
    tx.commit().await?;
    Ok(if is_ours { Received::New } else { Received::Ignored })
}

/// The sale that the message is about, as far as we know it ourselves.
async fn find_sale(tx: &mut PgConnection, event: &Event) -> sqlx::Result<Option<SaleId>> {
    sqlx::query_scalar("select id from school.sales where provider = $1 and (id = $2 or payment_ref = $3) order by id = $2 desc nulls last limit 1")
        .bind(event.provider)
        .bind(event.sale)
        .bind(&event.payment_ref)
        .fetch_optional(tx)
        .await
}
