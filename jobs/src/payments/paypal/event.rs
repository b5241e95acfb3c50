//! What PayPal tells us (<https://developer.paypal.com/api/rest/webhooks/event-names/>), as far as we believe it: which sale or payment to
//! look at.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::payments::{
    nullable::or_default,
    receive::{Event, NotForUs},
    sale::{Provider, SaleId},
};

#[derive(Debug, Deserialize)]
struct Body {
    id: String,
    event_type: String,
    create_time: DateTime<Utc>,
    #[serde(default, deserialize_with = "or_default")]
    resource_type: String,
    resource: Resource,
}

/// An order, a capture, a refund or a dispute: what any of them says about the sale or the payment.
#[derive(Debug, Default, Deserialize)]
struct Resource {
    #[serde(default, deserialize_with = "or_default")]
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    dispute_id: String,
    #[serde(default, deserialize_with = "or_default")]
    order_id: String,
    custom_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    purchase_units: Vec<PurchaseUnit>,
    #[serde(default, deserialize_with = "or_default")]
    disputed_transactions: Vec<DisputedTransaction>,
    #[serde(default, deserialize_with = "or_default")]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct PurchaseUnit {
    custom_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DisputedTransaction {
    seller_transaction_id: Option<String>,
    custom: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Link {
    rel: String,
    href: String,
}

/// Reads a verified body. Which world it is of says the certificate that it was signed with.
///
/// # Errors
/// It is no event.
pub fn read(body: &[u8], is_live: bool) -> Result<Event, NotForUs> {
    let Body { id, event_type, create_time, resource_type, resource } =
        serde_json::from_slice(body).map_err(|_| NotForUs::Unreadable)?;
    let object_ref = [&resource.dispute_id, &resource.id, &resource.order_id].into_iter().find(|name| !name.is_empty()).cloned();
    let object_ref = object_ref.unwrap_or_default();
    if id.is_empty()
        || id.len() > 255
        || event_type.is_empty()
        || event_type.len() > 120
        || object_ref.len() > 255
        || body.contains(&0)
    {
        return Err(NotForUs::Unreadable);
    }
    let payment_ref = resource.payment(&resource_type).filter(|payment| (1..=255).contains(&payment.len()));
    let payment = payment_ref.as_deref().unwrap_or_default();
    NotForUs::with_zero_byte(&[("id", &id), ("event_type", &event_type), ("resource", &object_ref), ("payment", payment)])?;
    let sale = resource.sale();
    Ok(Event {
        provider: Provider::Paypal,
        id,
        kind: event_type,
        object_ref,
        livemode: is_live,
        sale,
        payment_ref,
        happened_at: create_time,
    })
}

impl Resource {
    /// The sale is the custom id of order and capture. A refund's is ours for the refund, and no sale's.
    fn sale(&self) -> Option<SaleId> {
        let in_units = self.purchase_units.iter().map(|unit| &unit.custom_id);
        let in_disputes = self.disputed_transactions.iter().map(|transaction| &transaction.custom);
        let named = [&self.custom_id].into_iter().chain(in_units).chain(in_disputes);
        named.flatten().find_map(|id| id.parse().ok()).map(SaleId)
    }

    /// The capture that it is, that it is of, or that is disputed.
    fn payment(&self, resource_type: &str) -> Option<String> {
        let disputed = self.disputed_transactions.iter().find_map(|transaction| transaction.seller_transaction_id.clone());
        let above = self.links.iter().filter(|link| link.rel == "up").find_map(|link| {
            let (_, capture) = link.href.rsplit_once("/v2/payments/captures/")?;
            capture.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| capture.to_owned())
        });
        disputed.or(above).or_else(|| (resource_type == "capture").then(|| self.id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALE: &str = "0195d1c5-0000-7000-8000-000000000001";

    fn event(kind: &str, resource: &str) -> Result<Event, NotForUs> {
        let body = format!(
            r#"{{"id":"WH-1","event_version":"1.0","create_time":"2026-11-28T10:59:58.100Z","resource_type":"{kind}","event_type":"X.Y","summary":"","resource":{resource}}}"#
        );
        read(body.as_bytes(), false)
    }

    #[test]
    fn an_event_says_which_sale_or_payment_to_look_at() {
        let sale = Some(SaleId(SALE.parse().expect("an id")));
        for (kind, resource, object, expected) in [
            (
                "checkout-order",
                format!(r#"{{"id":"5O190127TN364715T","status":"APPROVED","purchase_units":[{{"reference_id":"default","custom_id":"{SALE}"}}]}}"#),
                "5O190127TN364715T",
                (sale, None),
            ),
            (
                "checkout-order",
                format!(r#"{{"order_id":"5O190127TN364715T","purchase_units":[{{"custom_id":"{SALE}"}}]}}"#),
                "5O190127TN364715T",
                (sale, None),
            ),
            (
                "capture",
                format!(
                    r#"{{"id":"42311647XV020574X","custom_id":"{SALE}","links":[{{"rel":"up","href":"https://api-m.paypal.com/v2/checkout/orders/5O190127TN364715T"}}]}}"#
                ),
                "42311647XV020574X",
                (sale, Some("42311647XV020574X")),
            ),
            (
                "refund",
                r#"{"id":"1JU08902781691411","links":[{"rel":"self","href":"https://api-m.paypal.com/v2/payments/refunds/1JU08902781691411"},{"rel":"up","href":"https://api-m.paypal.com/v2/payments/captures/42311647XV020574X"}]}"#.to_owned(),
                "1JU08902781691411",
                (None, Some("42311647XV020574X")),
            ),
            (
                "dispute",
                r#"{"dispute_id":"PP-D-4012","disputed_transactions":[{"seller_transaction_id":"42311647XV020574X","custom":"x"}]}"#.to_owned(),
                "PP-D-4012",
                (None, Some("42311647XV020574X")),
            ),
            (
                "capture",
                r#"{"id":"42311647XV020574X","dispute_id":null,"order_id":null,"custom_id":null,"purchase_units":null,"disputed_transactions":null,"links":null}"#.to_owned(),
                "42311647XV020574X",
                (None, Some("42311647XV020574X")),
            ),
            ("plan", r#"{"id":"P-1","links":[{"rel":"up","href":"https://evil.example/v2/payments/captures/../x"}]}"#.to_owned(), "P-1", (None, None)),
        ] {
            let event = event(kind, &resource).expect("an event");
            assert_eq!((event.sale, event.payment_ref.as_deref()), expected, "{resource}");
            assert_eq!(event.object_ref, object);
        }
    }

    #[test]
    fn a_zero_byte_is_refused_wherever_it_would_be_kept() {
        for (id, kind, resource, field) in [
            ("WH\\u0000", "X", r#"{"id":"1"}"#, "id"),
            ("WH-1", "X\\u0000", r#"{"id":"1"}"#, "event_type"),
            ("WH-1", "X", r#"{"id":"1\u0000"}"#, "resource"),
            ("WH-1", "X", r#"{"dispute_id":"PP","disputed_transactions":[{"seller_transaction_id":"4\u0000"}]}"#, "payment"),
        ] {
            let body = format!(
                r#"{{"id":"{id}","create_time":"2026-11-28T10:59:58Z","resource_type":"capture","event_type":"{kind}","resource":{resource}}}"#
            );
            assert_eq!(read(body.as_bytes(), false), Err(NotForUs::ZeroByte(field)), "{body}");
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for body in ["{}", "[1]", "", r#"{"id":"WH-1","event_type":"X","create_time":"yesterday","resource":{}}"#] {
            assert_eq!(read(body.as_bytes(), false), Err(NotForUs::Unreadable), "{body}");
        }
        assert_eq!(event("capture", "1"), Err(NotForUs::Unreadable));
        assert!(event("capture", "{}").is_ok());
    }
}
