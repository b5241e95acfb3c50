//! What providers tell us is written down, together with the promise to look into it. Only then do they hear that we have it.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::{
    confirm_payment::ConfirmPayment,
    paypal::signature::Transmission,
    sale::{Provider, SaleId},
    trace_payment::TracePayment,
    verify_message::VerifyMessage,
};

/// The most bytes that a message may have.
pub const MAX_BYTES: usize = 256 * 1024;
/// The most messages that wait for their sender's certificate: nobody has proved yet who sent them.
const MOST_HELD: i64 = 200;

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

/// Why a body is no event for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotForUs {
    /// It is no event.
    #[error("the body is no event")]
    Unreadable,
    /// No provider gives such names, and Postgres keeps no text with a zero byte, which JSON may spell.
    #[error("the event's {0} has a zero byte (\\u0000)")]
    ZeroByte(&'static str),
    /// It is about money of the other world: a trial's here, or real money in a trial.
    #[error("the event's livemode is not that of this installation")]
    Livemode,
    /// It is for an account that is connected to ours, or that ours is connected to.
    #[error("the event is for another account")]
    Account,
}

impl NotForUs {
    /// Refuses an event for the first of its fields that cannot be kept.
    pub(super) fn with_zero_byte(fields: &[(&'static str, &str)]) -> Result<(), Self> {
        match fields.iter().find(|(_, text)| text.contains('\0')) {
            Some((field, _)) => Err(Self::ZeroByte(field)),
            None => Ok(()),
        }
    }
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
    let received = write(&mut tx, event, body).await?;
    tx.commit().await?;
    Ok(received)
}

/// What became of a message whose sender's certificate nobody has seen yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It waits for a worker to fetch the certificate; it is judged then.
    Waiting,
    /// As many wait as may. Its sender is to come again.
    Full,
}

/// Keeps a message of PayPal's until its certificate is there, and promises to judge it, together or not at all. A provider is not made to
/// wait for another server's answer, and the web asks nobody but its own stores.
///
/// # Errors
/// Nothing was written.
pub async fn hold(db: &PgPool, sent: &Transmission, body: &[u8]) -> Result<Held, ReceiveError> {
    let mut tx = db.begin().await?;
    let held: Option<(bool,)> = sqlx::query_as(include_str!("sql/hold_message.sql"))
        .bind(&sent.transmission_id)
        .bind(&sent.transmission_time)
        .bind(&sent.certificate_url)
        .bind(&sent.signature)
        .bind(body)
        .bind(MOST_HELD)
        .fetch_optional(&mut *tx)
        .await?;
    let Some((is_new,)) = held else { return Ok(Held::Full) };
    if is_new {
        queue::enqueue(&mut tx, VerifyMessage { transmission_id: sent.transmission_id.clone() }).await?;
    }
    tx.commit().await?;
    Ok(Held::Waiting)
}

/// Writes it in a transaction of the caller's.
///
/// # Errors
/// Nothing may be kept of the transaction.
pub(super) async fn write(tx: &mut PgConnection, event: &Event, body: &[u8]) -> Result<Received, ReceiveError> {
    let sale = find_sale(&mut *tx, event).await?;
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
        queue::enqueue(tx, ConfirmPayment { sale_id }).await?;
    } else if is_ours {
        queue::enqueue(tx, TracePayment { provider: event.provider, event_id: event.id.clone() }).await?;
    }
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
