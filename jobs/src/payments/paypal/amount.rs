//! Amounts as PayPal writes them: decimal texts, made of integers and read back exactly.

use crate::payments::money::{AmountProblem, Currency, Money, from_decimal};

/// How many decimals PayPal writes an amount of that currency with, if it takes it at all
/// (<https://developer.paypal.com/api/rest/reference/currency-codes/>). Other than ISO 4217 has it, HUF and TWD have none here.
#[must_use]
pub fn decimals(currency: Currency) -> Option<u32> {
    match currency.as_str() {
        "HUF" | "JPY" | "TWD" => Some(0),
        "AUD" | "BRL" | "CAD" | "CHF" | "CNY" | "CZK" | "DKK" | "EUR" | "GBP" | "HKD" | "ILS" | "MXN" | "MYR" | "NOK" | "NZD"
        | "PHP" | "PLN" | "SEK" | "SGD" | "THB" | "USD" => Some(2),
        _ => None,
    }
}

/// The amount as PayPal writes it: `49.00`, `500`. `None`: it does not take the currency, or cannot write the amount in it.
#[must_use]
pub fn to_value(amount: Money) -> Option<String> {
    let (ours, theirs) = (amount.currency.decimals(), decimals(amount.currency)?);
    let minor = u64::try_from(amount.minor).ok()?;
    // Theirs are never more than ours.
    let coarser = 10_u64.pow(ours.saturating_sub(theirs));
    if !minor.is_multiple_of(coarser) {
        return None;
    }
    let (units, unit) = (minor / coarser, 10_u64.pow(theirs));
    Some(match theirs {
        0 => units.to_string(),
        theirs => format!("{}.{:0width$}", units / unit, units % unit, width = theirs as usize),
    })
}

/// Reads what PayPal wrote. Decimals beyond its own rules are read where our unit has them.
///
/// # Errors
/// It is no amount of that currency.
pub fn from_value(value: &str, currency: Currency) -> Result<Money, AmountProblem> {
    from_decimal(value, currency.decimals()).map(|minor| Money::new(minor, currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, currency.parse().expect("a currency"))
    }

    #[test]
    fn amounts_are_decimal_texts_of_as_many_places_as_paypal_takes() {
        for (amount, value) in [
            (money(4900, "USD"), Some("49.00")),
            (money(7, "EUR"), Some("0.07")),
            (money(500, "JPY"), Some("500")),
            // A hundred fillér are a forint, and PayPal takes whole forints only.
            (money(123_400, "HUF"), Some("1234")),
            (money(123_450, "HUF"), None),
            (money(100, "TWD"), Some("1")),
            (money(14_990_000, "COP"), None),
            (money(-1, "USD"), None),
            (money(i64::MAX, "USD"), Some("92233720368547758.07")),
        ] {
            assert_eq!(to_value(amount).as_deref(), value, "{amount:?}");
            if let Some(value) = value {
                assert_eq!(from_value(value, amount.currency), Ok(amount), "what was written is read");
            }
        }
        assert!(from_value("49.001", money(0, "USD").currency).is_err());
        assert!(from_value("-1.00", money(0, "USD").currency).is_err());
    }
}
