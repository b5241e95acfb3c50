//! What somebody has paid.

use chrono::{DateTime, Utc};
use url::Url;

use super::{Blanks, page, written_in};
use crate::{
    accounts::locale::Locale,
    mail::{reader::Said, stream::Stream},
    payments::money::{Currency, Money},
};

/// The blanks of a receipt.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The number that both sides can name the sale by.
    pub number: String,
    /// The course's title.
    pub course: String,
    /// What was paid, with its currency.
    pub total: Said,
    /// The provider's name, for example Stripe.
    pub paid_with: String,
    /// When it was paid.
    pub paid_at: DateTime<Utc>,
    /// Leads to the course.
    pub link: Url,
    /// Leads to the person's orders.
    pub orders: Url,
}

written_in!(Receipt, "letters/receipt.es.txt", "letters/receipt.es.html", "letters/receipt.en.txt", "letters/receipt.en.html");

impl Blanks for Receipt {
    const KIND: &'static str = "receipt";
    const STREAM: Stream = Stream::Transactional;

    fn sample(home: &Url, locale: Locale) -> Self {
        Self {
            number: "CC-2026-004211".to_owned(),
            course: "Rust desde cero: propiedad y préstamos".to_owned(),
            total: Said::new(|locale| Money::new(4_950, Currency::USD).to_text(locale)),
            paid_with: "Stripe".to_owned(),
            paid_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default(),
            link: page(home, locale, "/cursos/rust-desde-cero", "/courses/rust-desde-cero"),
            orders: page(home, locale, "/compras", "/purchases"),
        }
    }
}
