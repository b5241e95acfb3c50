//! Money that goes back: asked for here, or seen at the provider.

use chrono::{DateTime, Utc};
use queue::clear_notice;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::{
    apply::ApplyError,
    ledger::{Account, Entry, Kind, post},
    money::{Currency, Money},
    notice,
    refund_sale::RefundSale,
    sale::{Sale, SaleId},
};
use crate::{
    accounts::user::UserId,
    ports::payments::{SeenRefund, SeenRefundState},
};

/// A refund's identity, made before it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct RefundId(pub Uuid);

/// Who wanted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Origin {
    /// An administrator.
    Admin,
    /// The rule that a course is paid once.
    SecondPayment,
    /// Somebody at the provider's own pages.
    Provider,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum RefundState {
    /// Wanted here; the provider has not answered.
    Requested,
    /// Under way at the provider's.
    Pending,
    /// Done.
    Succeeded,
    /// Not possible.
    Failed,
}

/// A refund, as it stands.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Refund {
    /// Its identity.
    pub id: Uuid,
    /// Of which sale.
    pub sale_id: SaleId,
    /// Who wanted it.
    pub origin: Origin,
    /// Why, in their words.
    pub reason: String,
    amount_minor: i64,
    #[sqlx(try_from = "String")]
    currency: Currency,
    /// The provider's name for it.
    pub provider_ref: Option<String>,
    /// How far it is.
    pub state: RefundState,
    /// Why it was not possible.
    pub failure: Option<String>,
    /// When it was asked for, or seen.
    pub created_at: DateTime<Utc>,
    /// When it came to its end.
    pub settled_at: Option<DateTime<Utc>>,
    /// Whether all that had come had gone back by then; `None`: it was never booked.
    pub is_whole: Option<bool>,
    /// Whether the person had the course after it was booked, by this sale or by another.
    pub left_open: Option<bool>,
}

impl Refund {
    /// How much.
    #[must_use]
    pub fn amount(&self) -> Money {
        Money::new(self.amount_minor, self.currency)
    }

    /// Whether the provider had accepted it and it failed afterwards: the money is with us again.
    #[must_use]
    pub fn has_come_back(&self) -> bool {
        self.state == RefundState::Failed && self.provider_ref.is_some()
    }

    /// The refund of that id.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: Uuid) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("select * from school.refunds where id = $1").bind(id).fetch_optional(db).await
    }

    /// The refunds of a sale, oldest first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn of(db: impl PgExecutor<'_>, sale: SaleId) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("select * from school.refunds where sale_id = $1 order by created_at, id").bind(sale).fetch_all(db).await
    }
}

/// Why money does not go back.
#[derive(Debug, thiserror::Error)]
pub enum RefundRefused {
    /// No amount at all.
    #[error("nothing cannot be given back")]
    Nothing,
    /// More than is left.
    #[error("there is no such amount left to give back")]
    NotThatMuch {
        /// What is left.
        left: Money,
    },
    /// Nothing has arrived, or a bank decides about it.
    #[error("nothing can be given back of a sale in this state")]
    NotNow,
    /// The money was entered here without the provider's name for its payment, so nobody can be asked to give it back.
    #[error("nobody knows which payment the money came with")]
    UnknownPayment,
    /// The form was sent before, and asked for something else then.
    #[error("the form has asked for another refund before")]
    FormUsed,
    /// There is no such sale.
    #[error("there is no such sale")]
    NoSuchSale,
    /// Postgres refused or could not be reached.
    #[error("asking for a refund: {0}")]
    Postgres(#[from] sqlx::Error),
    /// It could not be promised.
    #[error("promising a refund: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

/// Gives money of a sale back, in an administrator's name. What was asked for before and is not done counts as given. `form` tells one asking
/// from another: asked twice, the same form is one refund, and is answered with it.
///
/// # Errors
/// Nothing was asked for.
pub async fn order_refund(
    db: &PgPool,
    sale: SaleId,
    amount: Option<Money>,
    admin: UserId,
    reason: &str,
    form: Uuid,
) -> Result<RefundId, RefundRefused> {
    let mut tx = db.begin().await?;
    let sale: Sale = sqlx::query_as("select * from school.sales where id = $1 for no key update")
        .bind(sale)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(RefundRefused::NoSuchSale)?;
    if let Some(before) = by_form(&mut tx, form).await? {
        let is_same = before.sale_id == sale.id && amount.is_none_or(|amount| amount == before.amount());
        return if is_same { Ok(RefundId(before.id)) } else { Err(RefundRefused::FormUsed) };
    }
    let given: i64 = sqlx::query_scalar(
        "select coalesce(sum(amount_minor), 0)::bigint from school.refunds where sale_id = $1 and state <> 'failed'",
    )
    .bind(sale.id)
    .fetch_one(&mut *tx)
    .await?;
    let decided_by_bank: bool =
        sqlx::query_scalar("select exists (select from school.disputes where sale_id = $1 and state in ('open', 'lost'))")
            .bind(sale.id)
            .fetch_one(&mut *tx)
            .await?;
    if sale.charged().is_zero() || decided_by_bank {
        return Err(RefundRefused::NotNow);
    }
    if sale.payment_ref.is_none() {
        return Err(RefundRefused::UnknownPayment);
    }
    if amount.is_some_and(|amount| amount.minor < 1) {
        return Err(RefundRefused::Nothing);
    }
    let left = Money::new(sale.charged().minor - given, sale.charged().currency);
    let amount = amount.unwrap_or(left);
    if amount.minor < 1 || amount.minor > left.minor || amount.currency != left.currency {
        return Err(RefundRefused::NotThatMuch { left });
    }
    let refund_id =
        ask(&mut tx, sale.id, &Wanted { origin: Origin::Admin, by: Some(admin), reason, form: Some(form), amount }).await?;
    queue::enqueue(&mut tx, RefundSale { refund_id }).await?;
    sqlx::query("insert into core.audit_log (actor_id, action, subject, detail) values ($1, 'refund_sale', 'sale:' || $2::text, jsonb_build_object('amount_minor', $3, 'currency', $4::text))")
        .bind(admin)
        .bind(sale.id)
        .bind(amount.minor)
        .bind(amount.currency.as_str())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(refund_id)
}

/// What that form has asked for.
async fn by_form(tx: &mut PgConnection, form: Uuid) -> sqlx::Result<Option<Refund>> {
    sqlx::query_as("select * from school.refunds where form_key = $1").bind(form).fetch_optional(tx).await
}

/// Money that is to go back.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) origin: Origin,
    pub(super) by: Option<UserId>,
    pub(super) reason: &'a str,
    pub(super) form: Option<Uuid>,
    pub(super) amount: Money,
}

/// Writes that money is to go back. Whoever writes it enqueues the job in the same transaction.
pub(super) async fn ask(tx: &mut PgConnection, sale: SaleId, wanted: &Wanted<'_>) -> sqlx::Result<RefundId> {
    let id = RefundId(Uuid::now_v7());
    sqlx::query(
        "insert into school.refunds (id, sale_id, origin, requested_by, reason, amount_minor, currency, form_key)
         values ($1, $2, $3, $4, left($5, 500), $6, $7, $8)",
    )
    .bind(id)
    .bind(sale)
    .bind(wanted.origin)
    .bind(wanted.by)
    .bind(wanted.reason)
    .bind(wanted.amount.minor)
    .bind(wanted.amount.currency.as_str())
    .bind(wanted.form)
    .execute(tx)
    .await?;
    Ok(id)
}

/// What has become of a refund just now.
#[derive(Debug, Clone, Copy)]
pub(super) enum News {
    /// It has come to a good end.
    Done(RefundId),
    /// It was accepted, and has failed after all. Whether it had been booked: then the person was told that it was done.
    Undone { refund: RefundId, was_booked: bool },
}

/// Takes in what a provider says of a refund. Answers what has become of it by this, if anything has.
///
/// A refund moves forward only: requested, pending, succeeded, failed. The last is not the third's opposite but what may follow it when the
/// person's bank sends the money back.
pub(super) async fn take(
    tx: &mut PgConnection,
    sale: &Sale,
    seen: &SeenRefund,
    debit: Account,
    now: DateTime<Utc>,
) -> Result<Option<News>, ApplyError> {
    let state = match seen.state {
        SeenRefundState::Pending => RefundState::Pending,
        SeenRefundState::Succeeded => RefundState::Succeeded,
        SeenRefundState::Failed => RefundState::Failed,
    };
    // One that was made at the provider's own pages has an id made of its name, so that it is written once.
    let id = seen.id.unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_OID, seen.refund_ref.as_bytes()));
    let moved: Option<(Uuid,)> = sqlx::query_as(include_str!("sql/write_refund.sql"))
        .bind(id)
        .bind(sale.id)
        .bind(&seen.refund_ref)
        .bind(state)
        .bind(seen.amount.minor)
        .bind(seen.amount.currency.as_str())
        .bind(seen.at)
        .fetch_optional(&mut *tx)
        .await?;
    let entry = Entry {
        sale: sale.id,
        provider: sale.provider,
        kind: Kind::Refund,
        source_ref: &seen.refund_ref,
        at: seen.at,
        debit,
        credit: Account::Clearing,
        amount: seen.amount,
    };
    match (state, moved) {
        (RefundState::Succeeded, Some((id,))) => {
            post(tx, &entry).await?;
            note_whole(tx, id).await?;
            Ok(Some(News::Done(RefundId(id))))
        }
        (RefundState::Failed, Some((id,))) => {
            let was_booked = is_posted(tx, sale, &seen.refund_ref).await?;
            if was_booked {
                // On the day on which we hear of it: what a day came to does not change afterwards.
                let back = Entry { kind: Kind::RefundReversal, at: now, debit: Account::Clearing, credit: debit, ..entry };
                post(tx, &back).await?;
            }
            Ok(Some(News::Undone { refund: RefundId(id), was_booked }))
        }
        _ => Ok(None),
    }
}

/// Notes whether all that has come has gone back with this refund. What it leaves of the course is noted once the sale is settled.
async fn note_whole(tx: &mut PgConnection, refund: Uuid) -> sqlx::Result<()> {
    sqlx::query(include_str!("sql/note_whole.sql")).bind(refund).execute(tx).await.map(drop)
}

/// Notes whether the person has the course after these refunds.
pub(super) async fn note_left_open(tx: &mut PgConnection, refunds: &[RefundId]) -> sqlx::Result<()> {
    sqlx::query(
        "update school.refunds r set left_open = exists (
             select from school.enrolments e join school.sales s on (s.user_id, s.course_id) = (e.user_id, e.course_id)
             where s.id = r.sale_id and e.state = 'active')
         where r.id = any($1)",
    )
    .bind(refunds)
    .execute(tx)
    .await
    .map(drop)
}

/// Clears the notice about a refund that failed when nothing is left to be done about it: as much went back later for each that failed, or
/// nothing is left to give back.
pub(super) async fn clear_failures(tx: &mut PgConnection, sale: SaleId) -> sqlx::Result<()> {
    let is_over: bool =
        sqlx::query_scalar(include_str!("sql/refund_failures_are_over.sql")).bind(sale).fetch_one(&mut *tx).await?;
    if is_over { clear_notice(tx, &notice::refund_key(sale)).await } else { Ok(()) }
}

async fn is_posted(tx: &mut PgConnection, sale: &Sale, refund_ref: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from school.ledger_transactions where (provider, kind, source_ref) = ($1, 'refund', $2))",
    )
    .bind(sale.provider)
    .bind(refund_ref)
    .fetch_one(tx)
    .await
}
