//! What becomes of a sale: the only place that writes a sale's state, the ledger, and the enrolment that hangs on them.
//!
//! ```text
//!            ┌─► expired ─┐ (a payment that comes late still counts)
//! pending ───┼─► failed ──┼─► paid ─► part_refunded ─► refunded
//!            └────────────┘    │ ▲
//!                 │            ▼ │ won
//!                 ▼          disputed ─► lost
//!              review ─► refunded
//! ```
//!
//! The state is not moved from event to event: it is read off everything that the provider has ever said, which is kept (charge, refunds,
//! disputes) and only grows. So the order of events, and looks that are older than others, change nothing.

use chrono::{DateTime, Utc};
use queue::{EnqueueError, clear_notice, post_notice};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{
    ledger::{Account, Entry, Kind, is_in_suspense, post},
    money::Money,
    notice,
    refund_sale::RefundSale,
    refunds::{self, News, Origin, RefundId, Wanted},
    sale::{Provider, Sale, SaleId, SaleState},
    send_receipt::SendReceipt,
    send_refund_notice::SendRefundNotice,
};
use crate::{
    accounts::user::UserId,
    certificates,
    courses::course::CourseId,
    ports::payments::{CheckoutPage, Seen, SeenCharge, SeenDispute, SeenDisputeState},
};

/// Why what was seen could not be written. Nothing was.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Postgres refused or could not be reached.
    #[error("writing what the provider said: {0}")]
    Postgres(#[from] sqlx::Error),
    /// What follows could not be promised.
    #[error("promising what follows a payment: {0}")]
    Enqueue(#[from] EnqueueError),
    /// The certificate of a course that was completed before could not be asked for.
    #[error(transparent)]
    Certificate(#[from] certificates::request::RequestError),
    /// There is no such sale.
    #[error("the sale is gone")]
    NoSuchSale,
}

/// Writes what a provider said of a sale: everything or nothing, and each thing once.
///
/// # Errors
/// Nothing may be kept of the transaction.
pub async fn apply(tx: &mut PgConnection, id: SaleId, seen: &Seen, now: DateTime<Utc>) -> Result<SaleState, ApplyError> {
    let (sale, rivals) = lock(tx, id).await?;
    let wrong = mismatch(&sale, seen);
    let is_booked = is_booked_income(tx, &sale, seen).await?;
    let mut news = Vec::new();
    match wrong {
        None => {
            note_payment_ref(tx, &sale, seen).await?;
            if let Some(charge) = seen.charge.as_ref().filter(|charge| charge.amount.minor > 0) {
                take_charge(tx, &sale, &rivals, charge).await?;
            }
            if is_booked {
                clear_notice(&mut *tx, &notice::changed_key(id)).await?;
            }
        }
        // Whoever has paid does not lose the course because somebody has edited the payment at the provider's, or a setting here.
        Some(reason) if is_booked => post_notice(&mut *tx, &notice::changed_key(id), &notice::changed(id, reason)).await?,
        Some(reason) => note_review(tx, &sale, reason).await?,
    }
    if wrong.is_none() || is_booked {
        let contra = income_account(tx, id).await?;
        // Some providers list the latest first; which one was the last of the money is decided in the order in which it went.
        let mut refunds: Vec<_> = seen.refunds.iter().collect();
        refunds.sort_by_key(|refund| refund.at);
        for refund in refunds {
            news.extend(refunds::take(tx, &sale, refund, contra.unwrap_or(Account::Refunds), now).await?);
        }
        for dispute in &seen.disputes {
            take_dispute(tx, &sale, dispute, contra.unwrap_or(Account::Disputes), now).await?;
        }
    }
    let state = settle(tx, id, Some(&seen.page), now).await?;
    tell(tx, id, &news).await?;
    Ok(state)
}

/// Whether the payment that was seen is the one whose money is booked as the sale's income.
async fn is_booked_income(tx: &mut PgConnection, sale: &Sale, seen: &Seen) -> sqlx::Result<bool> {
    let is_the_same = sale.payment_ref.is_some() && sale.payment_ref == seen.payment_ref;
    Ok(is_the_same && !sale.charged().is_zero() && !is_in_suspense(tx, sale.id).await?)
}

/// Tells of refunds what has become of them, now that it is known what they leave.
async fn tell(tx: &mut PgConnection, sale: SaleId, news: &[News]) -> Result<(), ApplyError> {
    let done: Vec<RefundId> =
        news.iter().filter_map(|news| if let News::Done(refund) = news { Some(*refund) } else { None }).collect();
    if !done.is_empty() {
        refunds::note_left_open(tx, &done).await?;
    }
    for refund_id in done {
        queue::enqueue(tx, SendRefundNotice { refund_id }).await?;
    }
    for one in news {
        let News::Undone { refund, was_booked } = *one else { continue };
        post_notice(&mut *tx, &notice::refund_key(sale), &notice::refund_undone(sale)).await?;
        if was_booked {
            queue::enqueue(tx, SendRefundNotice { refund_id: refund }).await?;
        }
    }
    refunds::clear_failures(tx, sale).await?;
    Ok(())
}

/// Opens the course of a sale that costs nothing.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn open_free(tx: &mut PgConnection, sale: SaleId) -> Result<(), ApplyError> {
    sqlx::query("update school.sales set state = 'paid', paid_at = created_at, updated_at = clock_timestamp() where id = $1 and amount_minor = 0")
        .bind(sale)
        .execute(&mut *tx)
        .await?;
    follow(tx, sale, SaleState::Paid).await
}

/// Ends a sale that nobody has paid, so that another can begin. Money that comes for it later is still taken.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn expire(tx: &mut PgConnection, sale: SaleId) -> sqlx::Result<()> {
    sqlx::query("update school.sales set state = 'expired', updated_at = clock_timestamp() where id = $1 and state = 'pending'")
        .bind(sale)
        .execute(tx)
        .await
        .map(drop)
}

/// Ends a sale whose page could not be made, with the reason.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn fail(tx: &mut PgConnection, sale: SaleId, why: &str) -> sqlx::Result<()> {
    sqlx::query("update school.sales set state = 'failed', failure = left($2, 500), updated_at = clock_timestamp() where id = $1 and state = 'pending'")
        .bind(sale)
        .bind(why)
        .execute(tx)
        .await
        .map(drop)
}

/// Notes that the person's way of paying was declined: what is collected next is collected under another key.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(super) async fn note_declined(tx: &mut PgConnection, sale: &Sale) -> sqlx::Result<()> {
    sqlx::query("update school.sales set declined = $2 + 1, updated_at = clock_timestamp() where id = $1 and declined = $2")
        .bind(sale.id)
        .bind(sale.declined)
        .execute(tx)
        .await
        .map(drop)
}

/// Says that somebody has looked at a sale; one whose money never came to us has failed by that. Whether anything was to be closed: of a sale
/// that still has money nothing is.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(super) async fn close_review(tx: &mut PgConnection, sale: SaleId, admin: UserId) -> sqlx::Result<bool> {
    let closed = sqlx::query(
        "update school.sales set review_closed_at = clock_timestamp(), review_closed_by = $2, updated_at = clock_timestamp(),
                state = case when state = 'review' then 'failed' else state end
         where id = $1 and review_reason is not null and review_closed_at is null and charged_minor = refunded_minor",
    )
    .bind(sale)
    .bind(admin)
    .execute(tx)
    .await?;
    Ok(closed.rows_affected() > 0)
}

/// Another sale of the same course to the same person.
#[derive(Debug, sqlx::FromRow)]
struct Rival {
    id: SaleId,
    state: SaleState,
}

/// Locks a sale and its rivals, always in the same order, so that two that are paid at once wait for each other and not in a circle. Messages
/// about them are written meanwhile: a foreign key does not wait for this lock.
async fn lock(tx: &mut PgConnection, id: SaleId) -> Result<(Sale, Vec<Rival>), ApplyError> {
    let whose: Option<(UserId, CourseId)> =
        sqlx::query_as("select user_id, course_id from school.sales where id = $1").bind(id).fetch_optional(&mut *tx).await?;
    let (user, course) = whose.ok_or(ApplyError::NoSuchSale)?;
    let rivals: Vec<Rival> =
        sqlx::query_as("select id, state from school.sales where (user_id, course_id) = ($1, $2) order by id for no key update")
            .bind(user)
            .bind(course)
            .fetch_all(&mut *tx)
            .await?;
    let sale = Sale::find(&mut *tx, id).await?.ok_or(ApplyError::NoSuchSale)?;
    Ok((sale, rivals.into_iter().filter(|rival| rival.id != id).collect()))
}

/// What makes it somebody else's payment.
fn mismatch(sale: &Sale, seen: &Seen) -> Option<&'static str> {
    if seen.sale != Some(sale.id) {
        Some("sale")
    } else if !seen.is_of_our_world {
        Some("livemode")
    } else if !seen.is_to_us {
        Some("account")
    } else {
        // Nothing is collected by a page that asks for something else than was agreed.
        let asked = seen.asked.filter(|_| seen.page == CheckoutPage::Approved)?;
        differs(sale, asked)
    }
}

/// How that money is not the sale's.
fn differs(sale: &Sale, money: Money) -> Option<&'static str> {
    if money.currency != sale.amount().currency {
        Some("currency")
    } else if money.minor != sale.amount().minor {
        Some("amount")
    } else {
        None
    }
}

/// Whether the money that the person has agreed to is to be collected: it is that of the sale, nobody has to look at it first, and the course is
/// not theirs by another sale, which may have been paid elsewhere meanwhile. Should that happen right now, the second payment goes back.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(super) async fn may_collect(db: impl PgExecutor<'_>, sale: &Sale, seen: &Seen) -> sqlx::Result<bool> {
    let is_wanted = matches!(sale.state, SaleState::Pending | SaleState::Expired) && sale.review_reason.is_none();
    if !is_wanted || seen.page != CheckoutPage::Approved || mismatch(sale, seen).is_some() {
        return Ok(false);
    }
    let has_course: bool = sqlx::query_scalar(
        "select exists (select from school.sales where (user_id, course_id) = ($1, $2) and id <> $3 and state in ('paid', 'part_refunded', 'disputed'))",
    )
    .bind(sale.user_id)
    .bind(sale.course_id)
    .bind(sale.id)
    .fetch_one(db)
    .await?;
    Ok(!has_course)
}

async fn note_payment_ref(tx: &mut PgConnection, sale: &Sale, seen: &Seen) -> sqlx::Result<()> {
    sqlx::query("update school.sales set payment_ref = $2 where id = $1 and payment_ref is null and $2 is not null")
        .bind(sale.id)
        .bind(&seen.payment_ref)
        .execute(tx)
        .await
        .map(drop)
}

/// A person has to look at it. The course stays closed meanwhile.
async fn note_review(tx: &mut PgConnection, sale: &Sale, reason: &str) -> sqlx::Result<()> {
    let noted = sqlx::query("update school.sales set review_reason = $2 where id = $1 and review_reason is null")
        .bind(sale.id)
        .bind(reason)
        .execute(&mut *tx)
        .await?;
    if noted.rows_affected() > 0 {
        post_notice(tx, &notice::review_key(sale.id), &notice::review(sale.id, reason)).await?;
    }
    Ok(())
}

/// Takes in what arrived. Whether it is income is decided once, when it is posted: what is not ours to keep waits in suspense.
async fn take_charge(tx: &mut PgConnection, sale: &Sale, rivals: &[Rival], charge: &SeenCharge) -> Result<(), ApplyError> {
    let reason = not_income(sale, rivals, charge);
    let entry = Entry {
        sale: sale.id,
        provider: sale.provider,
        kind: Kind::Charge,
        source_ref: &charge.charge_ref,
        at: charge.at,
        debit: Account::Clearing,
        credit: if reason.is_some() { Account::Suspense } else { Account::Revenue },
        amount: charge.amount,
    };
    let is_new = post(tx, &entry).await?;
    if let Some(fee) = charge.fee.filter(|fee| fee.minor > 0) {
        let entry = Entry { kind: Kind::Fee, debit: Account::Fees, credit: Account::Clearing, amount: fee, ..entry };
        post(tx, &entry).await?;
    }
    if !is_new {
        return Ok(());
    }
    sqlx::query("update school.sales set charged_minor = charged_minor + $2, charged_currency = $3, paid_at = coalesce(paid_at, $4) where id = $1")
        .bind(sale.id)
        .bind(charge.amount.minor)
        .bind(charge.amount.currency.as_str())
        .bind(charge.at)
        .execute(&mut *tx)
        .await?;
    let Some(reason) = reason else {
        // One that is still open holds the place that this one now takes; should it be paid too, it will be the second.
        for rival in rivals.iter().filter(|rival| rival.state == SaleState::Pending) {
            expire(tx, rival.id).await?;
        }
        queue::enqueue(tx, SendReceipt { sale_id: sale.id }).await?;
        return Ok(());
    };
    note_review(tx, sale, reason).await?;
    if reason == "second_payment" {
        let wanted = Wanted { origin: Origin::SecondPayment, by: None, reason: "", form: None, amount: charge.amount };
        let refund_id = refunds::ask(tx, sale.id, &wanted).await?;
        queue::enqueue(tx, RefundSale { refund_id }).await?;
    }
    Ok(())
}

fn not_income(sale: &Sale, rivals: &[Rival], charge: &SeenCharge) -> Option<&'static str> {
    let has_course = |rival: &Rival| rival.state.is_live() && rival.state != SaleState::Pending;
    differs(sale, charge.amount).or_else(|| rivals.iter().any(has_course).then_some("second_payment"))
}

/// Where what goes back is booked: beside the income, or out of suspense. `None`: the charge is income, and each kind has an account of its
/// own.
async fn income_account(tx: &mut PgConnection, sale: SaleId) -> sqlx::Result<Option<Account>> {
    Ok(is_in_suspense(tx, sale).await?.then_some(Account::Suspense))
}

/// Takes in what a bank has taken back. A decision is final, whatever an older look says.
async fn take_dispute(
    tx: &mut PgConnection,
    sale: &Sale,
    dispute: &SeenDispute,
    debit: Account,
    now: DateTime<Utc>,
) -> Result<(), ApplyError> {
    let entry = Entry {
        sale: sale.id,
        provider: sale.provider,
        kind: Kind::Dispute,
        source_ref: &dispute.dispute_ref,
        at: dispute.at,
        debit,
        credit: Account::Clearing,
        amount: dispute.amount,
    };
    let is_new = post(tx, &entry).await?;
    let state = match dispute.state {
        SeenDisputeState::Open => "open",
        SeenDisputeState::Won => "won",
        SeenDisputeState::Lost => "lost",
    };
    let moved: Option<(String,)> = sqlx::query_as(include_str!("sql/write_dispute.sql"))
        .bind(sale.provider)
        .bind(&dispute.dispute_ref)
        .bind(sale.id)
        .bind(state)
        .bind(dispute.amount.minor)
        .bind(dispute.amount.currency.as_str())
        .bind(dispute.at)
        .bind(now)
        .fetch_optional(&mut *tx)
        .await?;
    if moved.is_some_and(|(state,)| state == "won") {
        let back = Entry { kind: Kind::DisputeReversal, at: now, debit: Account::Clearing, credit: debit, ..entry };
        post(tx, &back).await?;
    }
    let key = notice::dispute_key(&dispute.dispute_ref);
    match dispute.state {
        SeenDisputeState::Open if is_new => post_notice(tx, &key, &notice::dispute(sale.id, sale.provider)).await?,
        SeenDisputeState::Open => {}
        SeenDisputeState::Won | SeenDisputeState::Lost => clear_notice(tx, &key).await?,
    }
    Ok(())
}

/// What a sale's state is made of.
#[derive(Debug, sqlx::FromRow)]
struct Sum {
    state: SaleState,
    provider: Provider,
    charged_minor: i64,
    returned_minor: i64,
    in_review: bool,
    in_suspense: bool,
    disputed: bool,
    lost: bool,
    expires_at: DateTime<Utc>,
}

/// Reads the state off what is known, and carries it over to the enrolment.
///
/// # Errors
/// Nothing may be kept of the transaction.
pub async fn settle(
    tx: &mut PgConnection,
    id: SaleId,
    page: Option<&CheckoutPage>,
    now: DateTime<Utc>,
) -> Result<SaleState, ApplyError> {
    let sum: Sum = sqlx::query_as(include_str!("sql/sum_sale.sql")).bind(id).fetch_one(&mut *tx).await?;
    let mut state = sum.state(page, now);
    if state.is_live() && !sum.state.is_live() {
        state = make_room(tx, id, state, &sum).await?;
    }
    let failure = match page {
        Some(CheckoutPage::Failed(words)) => Some(words.as_str()),
        _ => None,
    };
    sqlx::query(
        "update school.sales set state = $2, refunded_minor = $3, failure = coalesce(failure, left($4, 500)), updated_at = clock_timestamp()
         where id = $1 and (state, refunded_minor) is distinct from ($2, $3)",
    )
    .bind(id)
    .bind(state)
    .bind(sum.returned_minor)
    .bind(failure.filter(|_| state == SaleState::Failed))
    .execute(&mut *tx)
    .await?;
    note_on_its_way(tx, id, state, page).await?;
    follow(tx, id, state).await?;
    Ok(state)
}

/// The state of a sale that was over and lives again: its refund has failed, or a bank claims its money. If the course was bought anew meanwhile,
/// whoever has not paid for that yet need not; between two that are paid a person decides. A claim for money that has all gone back takes no course.
async fn make_room(tx: &mut PgConnection, id: SaleId, state: SaleState, sum: &Sum) -> Result<SaleState, ApplyError> {
    let (sale, rivals) = lock(tx, id).await?;
    let mut live = rivals.iter().filter(|rival| rival.state.is_live());
    match live.next() {
        None => Ok(state),
        Some(_) if state == SaleState::Disputed && sum.returned_minor >= sum.charged_minor => Ok(SaleState::Refunded),
        Some(rival) if rival.state == SaleState::Pending => {
            expire(tx, rival.id).await?;
            Ok(state)
        }
        Some(_) => {
            note_review(tx, &sale, "bought_again").await?;
            Ok(SaleState::Review)
        }
    }
}

/// Notes that the person has done their part, as long as neither money nor a refusal has come of it.
async fn note_on_its_way(tx: &mut PgConnection, id: SaleId, state: SaleState, page: Option<&CheckoutPage>) -> sqlx::Result<()> {
    let Some(page) = page else { return Ok(()) };
    let is_on_its_way = state == SaleState::Pending && *page == CheckoutPage::Complete;
    sqlx::query(
        "update school.sales set on_its_way_since = case when $2 then clock_timestamp() end, updated_at = clock_timestamp()
         where id = $1 and (on_its_way_since is not null) <> $2",
    )
    .bind(id)
    .bind(is_on_its_way)
    .execute(tx)
    .await
    .map(drop)
}

impl Sum {
    fn state(&self, page: Option<&CheckoutPage>, now: DateTime<Utc>) -> SaleState {
        use SaleState::{Disputed, Expired, Failed, Lost, Paid, PartRefunded, Pending, Refunded, Review};
        let has_money = self.charged_minor > 0 || self.provider == Provider::Free;
        if self.lost {
            Lost
        } else if self.disputed && !self.in_suspense && !self.in_review {
            Disputed
        } else if self.charged_minor > 0 && self.returned_minor >= self.charged_minor {
            Refunded
        } else if self.in_review || self.in_suspense {
            Review
        } else if has_money {
            if self.returned_minor > 0 { PartRefunded } else { Paid }
        } else {
            match (self.state, page) {
                (Pending, Some(CheckoutPage::Failed(_))) => Failed,
                (Pending, Some(CheckoutPage::Expired)) => Expired,
                // Money that is on its way holds the place.
                (Pending, Some(CheckoutPage::Complete)) => Pending,
                (Pending, _) if now > self.expires_at => Expired,
                (state, _) => state,
            }
        }
    }
}

/// Opens, suspends or closes the course. A sale closes only what it has opened: by then another may have opened it again. A payment that is
/// first heard of when it is disputed already leaves what it would have left had we heard of it in between.
async fn follow(tx: &mut PgConnection, id: SaleId, state: SaleState) -> Result<(), ApplyError> {
    let access = match state {
        SaleState::Paid | SaleState::PartRefunded => "active",
        SaleState::Disputed => "suspended",
        SaleState::Refunded | SaleState::Lost => "revoked",
        // What was open is closed until somebody has looked; what never was stays so.
        SaleState::Review => {
            let close = "update school.enrolments set state = 'suspended' where sale_id = $1 and state = 'active'";
            sqlx::query(close).bind(id).execute(tx).await?;
            return Ok(());
        }
        SaleState::Pending | SaleState::Expired | SaleState::Failed => return Ok(()),
    };
    let moved = sqlx::query(include_str!("sql/follow_sale.sql")).bind(id).bind(access).execute(&mut *tx).await?;
    if access == "active" && moved.rows_affected() > 0 {
        // Whoever had completed it before their money went back need not complete it twice.
        certificates::request::resume(tx, id).await?;
    }
    if access == "revoked" && moved.rows_affected() > 0 {
        certificates::request::money_went_back(tx, id).await?;
    }
    Ok(())
}

/// The refund of that id and the sale that it is of, both locked.
///
/// # Errors
/// Postgres refuses or cannot be reached, or there is none.
pub(super) async fn lock_refund(tx: &mut PgConnection, refund: Uuid) -> Result<(Sale, refunds::Refund), ApplyError> {
    let found = refunds::Refund::find(&mut *tx, refund).await?.ok_or(ApplyError::NoSuchSale)?;
    let (sale, _) = lock(tx, found.sale_id).await?;
    let refund = refunds::Refund::find(&mut *tx, refund).await?.ok_or(ApplyError::NoSuchSale)?;
    Ok((sale, refund))
}
