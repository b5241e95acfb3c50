//! What somebody gets back.

use chrono::{DateTime, Utc};
use url::Url;

use super::{Blanks, page, written_in};
use crate::mail::{reader::Said, stream::Stream};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct Refund {
    /// The number that both sides can name the sale by.
    pub number: String,
    /// The course's title.
    pub course: String,
    /// What is given back, with its currency.
    pub amount: Said,
    /// Whether nothing of the price remains paid; the course is closed then.
    pub is_whole: bool,
    /// The provider's name: the money goes the way that it came.
    pub paid_with: String,
    /// When it was given back.
    pub refunded_at: DateTime<Utc>,
    /// Leads to the person's orders.
    pub orders: Url,
}

written_in!(Refund, "letters/refund.es.txt", "letters/refund.es.html", "letters/refund.en.txt", "letters/refund.en.html");

impl Blanks for Refund {
    const KIND: &'static str = "refund";
    const STREAM: Stream = Stream::Transactional;

    fn sample(home: &Url) -> Self {
        Self {
            number: "CC-2026-004211".to_owned(),
            course: "Rust desde cero: propiedad y préstamos".to_owned(),
            amount: Said::new(|_| "49,00 USD".to_owned()),
            is_whole: true,
            paid_with: "Stripe".to_owned(),
            refunded_at: DateTime::from_timestamp(1_790_100_000, 0).unwrap_or_default(),
            orders: page(home, "/pedidos"),
        }
    }
}
