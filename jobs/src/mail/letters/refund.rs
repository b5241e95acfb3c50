//! What somebody gets back.

use chrono::{DateTime, Utc};
use url::Url;

use super::{Blanks, page, written_in};
use crate::{
    accounts::locale::Locale,
    mail::{reader::Said, stream::Stream},
    payments::money::{Currency, Money},
};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct Refund {
    /// The number that both sides can name the sale by.
    pub number: String,
    /// The course's title.
    pub course: String,
    /// What is given back, with its currency.
    pub amount: Said,
    /// What it leaves of the course.
    pub leaves: Leaves,
    /// The provider's name: the money goes the way that it came.
    pub paid_with: String,
    /// When it was given back.
    pub refunded_at: DateTime<Utc>,
    /// Leads to the person's orders.
    pub orders: Url,
}

/// What a refund leaves of the course, as it was when it was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// A part went back, and the person has the course.
    Part,
    /// A part went back; they do not have the course at present.
    PartOnly,
    /// All went back, and the course is closed.
    Closed,
    /// All went back, and they have the course by something else.
    Elsewhere,
    /// The payment was one too many: they have the course without it.
    Extra,
    /// The payment was not what was agreed, and never opened anything.
    NeverOpened,
    /// Nobody has written it down.
    Unknown,
}

written_in!(Refund, "letters/refund.es.txt", "letters/refund.es.html", "letters/refund.en.txt", "letters/refund.en.html");

impl Blanks for Refund {
    const KIND: &'static str = "refund";
    const STREAM: Stream = Stream::Transactional;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            number: "CC-2026-004211".to_owned(),
            course: "Rust desde cero: propiedad y préstamos".to_owned(),
            amount: Said::new(|locale| Money::new(4_950, Currency::USD).to_text(locale)),
            leaves: Leaves::Closed,
            paid_with: "Stripe".to_owned(),
            refunded_at: DateTime::from_timestamp(1_790_100_000, 0).unwrap_or_default(),
            orders: page(home, locale, "/compras", "/purchases"),
        }
    }
}
