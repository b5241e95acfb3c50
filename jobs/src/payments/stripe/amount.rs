//! Amounts as Stripe takes them: integers of a unit that is not everywhere that of ISO 4217.

use crate::payments::money::{Currency, Money};

/// How many decimals an amount of that currency has at Stripe (<https://docs.stripe.com/currencies>). Krónur and Ugandan shillings, which have none, are
/// counted in hundredths there for the sake of old programs (<https://docs.stripe.com/currencies#special-cases>), ariary in whole ones; forints and
/// Taiwan dollars are whole in payouts alone, which nobody asks for here.
#[must_use]
pub fn decimals(currency: Currency) -> u32 {
    match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => {
            0
        }
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Whether Stripe takes the amount as the integer that it is here. Where its unit is another one, the same integer would be a hundred times as much
/// or as little; and of three decimals the last must be 0.
#[must_use]
pub fn takes(amount: Money) -> bool {
    let decimals = decimals(amount.currency);
    decimals == amount.currency.decimals() && (decimals < 3 || amount.minor % 10 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_taken_where_stripe_counts_as_iso_4217_does() {
        // Five of each: by ISO 4217's list one, and as Stripe's page has them charged.
        for (currency, here, there) in [
            ("USD", 500, 500),
            ("EUR", 500, 500),
            ("COP", 500, 500),
            ("HUF", 500, 500),
            ("TWD", 500, 500),
            ("BIF", 5, 5),
            ("CLP", 5, 5),
            ("DJF", 5, 5),
            ("GNF", 5, 5),
            ("JPY", 5, 5),
            ("KMF", 5, 5),
            ("KRW", 5, 5),
            ("PYG", 5, 5),
            ("RWF", 5, 5),
            ("VND", 5, 5),
            ("VUV", 5, 5),
            ("XAF", 5, 5),
            ("XOF", 5, 5),
            ("XPF", 5, 5),
            ("BHD", 5000, 5000),
            ("JOD", 5000, 5000),
            ("KWD", 5000, 5000),
            ("OMR", 5000, 5000),
            ("TND", 5000, 5000),
            // Of these Stripe has another unit, or none of its own.
            ("ISK", 5, 500),
            ("UGX", 5, 500),
            ("MGA", 500, 5),
            ("IQD", 5000, 500),
            ("LYD", 5000, 500),
        ] {
            let code: Currency = currency.parse().expect("a currency");
            assert_eq!(Money::parse("5", code), Ok(Money::new(here, code)), "{currency}");
            assert_eq!(5 * 10_i64.pow(decimals(code)), there, "{currency}");
            assert_eq!(takes(Money::new(here, code)), here == there, "{currency}");
        }
    }

    #[test]
    fn of_three_decimals_the_last_is_nought() {
        let dinars = |minor| Money::new(minor, "KWD".parse().expect("a currency"));

        assert!(takes(dinars(5120)) && takes(dinars(5130)));
        assert!(!takes(dinars(5124)));
    }
}
