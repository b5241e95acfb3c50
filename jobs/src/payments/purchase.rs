//! Taking up a course: what a person who presses "buy" gets.

use chrono::TimeDelta;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    apply,
    confirm_payment::ConfirmPayment,
    money::{Currency, Money},
    open_checkout::OpenCheckout,
    paypal,
    sale::{Provider, Sale, SaleId, SaleState},
    stripe,
};
use crate::{
    accounts::{locale::Locale, user::UserId},
    courses::course::CourseId,
};

/// A page that can be paid for less time than this is not worth being sent to.
const LEAST_TIME: TimeDelta = TimeDelta::minutes(10);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bought {
    /// The course is open: it costs nothing.
    Enrolled(SaleId),
    /// The person has to pay; the provider makes the page.
    Checkout(SaleId),
    /// They have it already.
    Already,
    /// They have paid, and somebody has to look at that payment first.
    InReview(SaleId),
    /// They have paid, in a way whose money takes a while to come.
    OnItsWay(SaleId),
    /// Nobody can buy it, or not with that provider.
    NotForSale,
}

/// Why nothing came of it. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum BuyError {
    /// Postgres refused or could not be reached.
    #[error("writing a sale: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The course could not be opened.
    #[error("opening a course: {0}")]
    Open(#[from] apply::ApplyError),
    /// The page could not be promised.
    #[error("promising the page to pay at: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

#[derive(Debug, sqlx::FromRow)]
struct Offer {
    price_minor: i64,
    #[sqlx(try_from = "String")]
    currency: Currency,
}

/// Takes up a course for a person. Pressed twice, it is taken up once: a page that is still open is the same page, and one with another
/// provider or price gives way, unless its money is on its way.
///
/// # Errors
/// Nothing was written.
pub async fn buy(db: &PgPool, buyer: UserId, course: CourseId, provider: Provider, locale: Locale) -> Result<Bought, BuyError> {
    let mut tx = db.begin().await?;
    // Locked against a change of its price until the sale is written.
    let offer: Option<Offer> =
        sqlx::query_as("select price_minor, currency from school.courses where id = $1 and status = 'published' for share")
            .bind(course)
            .fetch_optional(&mut *tx)
            .await?;
    if has_course(&mut tx, buyer, course).await? {
        return Ok(Bought::Already);
    }
    let Some(offer) = offer else { return Ok(Bought::NotForSale) };
    let price = Money::new(offer.price_minor, offer.currency);
    let provider = if price.is_zero() { Provider::Free } else { provider };
    if !takes(provider, price) {
        return Ok(Bought::NotForSale);
    }
    // In the order in which apply.rs locks them.
    let sales: Vec<Sale> =
        sqlx::query_as("select * from school.sales where (user_id, course_id) = ($1, $2) order by id for no key update")
            .bind(buyer)
            .bind(course)
            .fetch_all(&mut *tx)
            .await?;
    if let Some(sale) = sales.iter().find(|sale| sale.state == SaleState::Review) {
        return Ok(Bought::InReview(sale.id));
    }
    if let Some(pending) = sales.iter().find(|sale| sale.state == SaleState::Pending) {
        if pending.is_on_its_way() {
            return Ok(Bought::OnItsWay(pending.id));
        }
        let can_be_paid = chrono::Utc::now() + LEAST_TIME < pending.expires_at;
        if pending.provider == provider && pending.amount() == price && can_be_paid {
            return Ok(Bought::Checkout(pending.id));
        }
        apply::expire(&mut tx, pending.id).await?;
    }
    let Some(sale) = write_sale(&mut tx, buyer, course, provider, locale).await? else {
        // Somebody pressed twice at once: the other one's sale is theirs too.
        tx.rollback().await?;
        return other_of(db, buyer, course).await;
    };
    if provider == Provider::Free {
        apply::open_free(&mut tx, sale).await?;
        tx.commit().await?;
        return Ok(Bought::Enrolled(sale));
    }
    queue::enqueue(&mut tx, OpenCheckout { sale_id: sale }).await?;
    tx.commit().await?;
    Ok(Bought::Checkout(sale))
}

/// Has a sale asked about now: the person has come back from the page where they pay. Pressed often, it is asked about once.
///
/// # Errors
/// Nothing was promised.
pub async fn look_now(db: &PgPool, sale: SaleId) -> Result<(), BuyError> {
    let mut tx = db.begin().await?;
    queue::enqueue(&mut tx, ConfirmPayment { sale_id: sale }).await?;
    Ok(tx.commit().await?)
}

/// Whether a provider takes that amount. PayPal's list of currencies has no Colombian peso, and of some that it has it takes no decimals; Stripe counts
/// some in another unit than we do (<https://docs.stripe.com/currencies#special-cases>).
#[must_use]
pub fn takes(provider: Provider, price: Money) -> bool {
    match provider {
        Provider::Free => price.is_zero(),
        Provider::Stripe => !price.is_zero() && stripe::amount::takes(price),
        Provider::Paypal => !price.is_zero() && paypal::amount::to_value(price).is_some(),
    }
}

async fn has_course(tx: &mut PgConnection, buyer: UserId, course: CourseId) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from school.enrolments where (user_id, course_id) = ($1, $2) and state in ('active', 'suspended'))",
    )
    .bind(buyer)
    .bind(course)
    .fetch_one(tx)
    .await
}

/// Writes the sale with the price and the words of this moment; nothing, when another that is live was faster.
async fn write_sale(
    tx: &mut PgConnection,
    buyer: UserId,
    course: CourseId,
    provider: Provider,
    locale: Locale,
) -> sqlx::Result<Option<SaleId>> {
    let id = SaleId(Uuid::now_v7());
    sqlx::query_scalar(include_str!("sql/write_sale.sql"))
        .bind(id)
        .bind(buyer)
        .bind(course)
        .bind(provider)
        .bind(locale)
        .fetch_optional(tx)
        .await
}

async fn other_of(db: &PgPool, buyer: UserId, course: CourseId) -> Result<Bought, BuyError> {
    let other: Option<(SaleId, SaleState)> = sqlx::query_as(
        "select id, state from school.sales
         where (user_id, course_id) = ($1, $2) and state in ('pending', 'paid', 'part_refunded', 'disputed')",
    )
    .bind(buyer)
    .bind(course)
    .fetch_optional(db)
    .await?;
    Ok(match other {
        Some((sale, SaleState::Pending)) => Bought::Checkout(sale),
        _ => Bought::Already,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_asked_for_where_it_is_taken() {
        for (minor, currency, by) in [
            (4900, "USD", vec![Provider::Stripe, Provider::Paypal]),
            (14_990_000, "COP", vec![Provider::Stripe]),
            (500, "XPF", vec![Provider::Stripe]),
            (500, "ISK", vec![]),
            (500, "UGX", vec![]),
            (0, "USD", vec![Provider::Free]),
        ] {
            let price = Money::new(minor, currency.parse().expect("a currency"));
            let takers =
                [Provider::Stripe, Provider::Paypal, Provider::Free].into_iter().filter(|provider| takes(*provider, price));
            assert_eq!(takers.collect::<Vec<_>>(), by, "{minor} {currency}");
        }
    }
}
