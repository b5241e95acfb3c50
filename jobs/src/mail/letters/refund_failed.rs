//! What somebody was to get back, and did not.

use url::Url;

use super::{Blanks, page, written_in};
use crate::{
    accounts::locale::Locale,
    mail::{reader::Said, stream::Stream},
    payments::money::{Currency, Money},
};

/// The blanks of the letter.
#[derive(Debug, Clone)]
pub struct RefundFailed {
    /// The number that both sides can name the sale by.
    pub number: String,
    /// The course's title.
    pub course: String,
    /// What did not arrive, with its currency.
    pub amount: Said,
    /// Leads to the person's orders.
    pub orders: Url,
}

written_in!(
    RefundFailed,
    "letters/refund_failed.es.txt",
    "letters/refund_failed.es.html",
    "letters/refund_failed.en.txt",
    "letters/refund_failed.en.html"
);

impl Blanks for RefundFailed {
    const KIND: &'static str = "refund_failed";
    const STREAM: Stream = Stream::Transactional;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            number: "CC-2026-004211".to_owned(),
            course: "Rust desde cero: propiedad y préstamos".to_owned(),
            amount: Said::new(|locale| Money::new(4_950, Currency::USD).to_text(locale)),
            orders: page(home, locale, "/compras", "/purchases"),
        }
    }
}
