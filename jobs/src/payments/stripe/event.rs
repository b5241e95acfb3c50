//! What Stripe tells us (<https://docs.stripe.com/api/events/object>), as far as we believe it: which sale or payment to look at.

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
    #[serde(rename = "type")]
    kind: String,
    livemode: bool,
    created: i64,
    account: Option<String>,
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Object {
    #[serde(default, deserialize_with = "or_default")]
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    object: String,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
    client_reference_id: Option<String>,
    payment_intent: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    sale_id: Option<String>,
}

/// An id, or the object itself where it was expanded.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(String),
    Object { id: String },
}

/// Reads a verified body. `is_live` says whether this installation moves real money.
///
/// # Errors
/// It is not for us.
pub fn read(body: &[u8], is_live: bool) -> Result<Event, NotForUs> {
    let Body { id, kind, livemode, created, account, data: Data { object } } =
        serde_json::from_slice(body).map_err(|_| NotForUs::Unreadable)?;
    if livemode != is_live {
        return Err(NotForUs::Livemode);
    }
    if account.is_some() {
        return Err(NotForUs::Account);
    }
    let happened_at = DateTime::<Utc>::from_timestamp(created, 0).ok_or(NotForUs::Unreadable)?;
    if id.is_empty() || id.len() > 255 || kind.is_empty() || kind.len() > 120 || object.id.len() > 255 || body.contains(&0) {
        return Err(NotForUs::Unreadable);
    }
    let payment_ref = match object.payment_intent {
        Some(Reference::Id(id) | Reference::Object { id }) => Some(id),
        None if object.object == "payment_intent" => Some(object.id.clone()),
        None => None,
    };
    let payment_ref = payment_ref.filter(|payment| (1..=255).contains(&payment.len()));
    let payment = payment_ref.as_deref().unwrap_or_default();
    NotForUs::with_zero_byte(&[
        ("id", &id),
        ("type", &kind),
        ("data.object.id", &object.id),
        ("data.object.payment_intent", payment),
    ])?;
    let sale = object.metadata.sale_id.or(object.client_reference_id).and_then(|id| id.parse().ok()).map(SaleId);
    Ok(Event { provider: Provider::Stripe, id, kind, object_ref: object.id, livemode, sale, payment_ref, happened_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALE: &str = "0195d1c5-0000-7000-8000-000000000001";

    fn event(object: &str) -> Result<Event, NotForUs> {
        let body = format!(
            r#"{{"id":"evt_1","object":"event","type":"x.y","livemode":false,"created":1700000000,"data":{{"object":{object}}}}}"#
        );
        read(body.as_bytes(), false)
    }

    #[test]
    fn an_event_says_which_sale_or_payment_to_look_at() {
        let sale = Some(SaleId(SALE.parse().expect("an id")));
        for (object, expected) in [
            (
                format!(r#"{{"id":"cs_1","object":"checkout.session","client_reference_id":"{SALE}","payment_intent":"pi_1"}}"#),
                (sale, Some("pi_1")),
            ),
            (
                format!(r#"{{"id":"cs_1","object":"checkout.session","metadata":{{"sale_id":"{SALE}"}},"payment_intent":null}}"#),
                (sale, None),
            ),
            (format!(r#"{{"id":"pi_1","object":"payment_intent","metadata":{{"sale_id":"{SALE}"}}}}"#), (sale, Some("pi_1"))),
            // Stripe's documents call a refund's metadata nullable.
            (r#"{"id":"re_1","object":"refund","metadata":null,"payment_intent":"pi_1"}"#.to_owned(), (None, Some("pi_1"))),
            (
                r#"{"id":null,"object":null,"metadata":null,"client_reference_id":null,"payment_intent":null}"#.to_owned(),
                (None, None),
            ),
            (r#"{"id":"re_1","object":"refund","metadata":{},"payment_intent":"pi_1"}"#.to_owned(), (None, Some("pi_1"))),
            (
                r#"{"id":"dp_1","object":"dispute","payment_intent":{"id":"pi_1","object":"payment_intent"}}"#.to_owned(),
                (None, Some("pi_1")),
            ),
            (r#"{"id":"cus_1","object":"customer","metadata":{"sale_id":"nonsense"}}"#.to_owned(), (None, None)),
        ] {
            let event = event(&object).expect("an event");
            assert_eq!((event.sale, event.payment_ref.as_deref()), expected, "{object}");
        }
    }

    #[test]
    fn a_zero_byte_is_refused_wherever_it_would_be_kept() {
        for (id, kind, object, field) in [
            ("evt\\u0000", "x", r#"{"id":"cs_1"}"#, "id"),
            ("evt_1", "x\\u0000", r#"{"id":"cs_1"}"#, "type"),
            ("evt_1", "x", r#"{"id":"cs\u0000"}"#, "data.object.id"),
            ("evt_1", "x", r#"{"id":"re_1","payment_intent":"pi\u0000"}"#, "data.object.payment_intent"),
            ("evt_1", "x", r#"{"id":"re_1","payment_intent":{"id":"pi\u0000"}}"#, "data.object.payment_intent"),
        ] {
            let body = format!(r#"{{"id":"{id}","type":"{kind}","livemode":false,"created":1,"data":{{"object":{object}}}}}"#);
            assert_eq!(read(body.as_bytes(), false), Err(NotForUs::ZeroByte(field)), "{body}");
        }
        assert_eq!(NotForUs::ZeroByte("id").to_string(), r"the event's id has a zero byte (\u0000)");
    }

    #[test]
    fn what_is_not_for_us_is_refused_with_its_reason() {
        assert_eq!(read(b"{}", false).unwrap_err(), NotForUs::Unreadable);
        assert_eq!(read(b"[1]", false).unwrap_err(), NotForUs::Unreadable);
        let body = br#"{"id":"evt_1","type":"x","livemode":true,"created":1,"data":{"object":{}}}"#;
        assert_eq!(read(body, false).unwrap_err(), NotForUs::Livemode);
        assert!(read(body, true).is_ok());
        let body = br#"{"id":"evt_1","type":"x","livemode":true,"created":1,"account":"acct_2","data":{"object":{}}}"#;
        assert_eq!(read(body, true).unwrap_err(), NotForUs::Account);
    }
}
