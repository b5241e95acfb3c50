//! PayPal's signatures on what it sends (<https://developer.paypal.com/api/rest/webhooks/rest/>): RSA with SHA-256 over `transmission
//! id|time|webhook id|CRC-32 of the body as it came`, by the key of a certificate whose address comes with the message.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};

use super::{
    certificate::{Chain, Untrusted},
    endpoint::Endpoint,
};

/// How far in the past a message's time may be, in seconds. PayPal tries for three days (`…/webhooks/rest/`), and its documents do not say
/// whether it then signs anew. A message that somebody sends again is written down once, and has nothing done but a look at the sale.
pub const TOLERANCE_S: i64 = 3 * 24 * 3600 + 3600;
/// How far in the future: clocks differ.
const AHEAD_S: i64 = 300;
/// The only algorithm that PayPal signs with.
const ALGORITHM: &str = "SHA256withRSA";

/// Why a message is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// A header that it needs is not there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header cannot be read.
    #[error("the header {0} cannot be read")]
    Malformed(&'static str),
    /// It says that it is signed in another way.
    #[error("the signature's algorithm is not SHA256withRSA")]
    Algorithm,
    /// Its certificate would be somewhere else than PayPal's are.
    #[error("the certificate's address is not PayPal's")]
    Address,
    /// Its certificate is not believed.
    #[error("{0}")]
    Certificate(#[from] Untrusted),
    /// It was signed by somebody else, or something else was.
    #[error("the signature is wrong")]
    Wrong,
    /// It is right, and too old or of the future.
    #[error("the message's time is more than three days before ours, or after it")]
    Time,
}

/// What comes with a message, before any of it is believed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Transmission {
    /// PayPal's name for this sending.
    pub transmission_id: String,
    /// When, as PayPal wrote it: the signature is over the text.
    pub transmission_time: String,
    /// Where the signer's certificate is.
    pub certificate_url: String,
    /// In base64.
    pub signature: String,
}

impl Transmission {
    /// Reads the headers of a message. All that can be known without the certificate is known when this returns.
    ///
    /// # Errors
    /// It is no message of PayPal's to us.
    pub fn read<'h>(header: impl Fn(&str) -> Option<&'h str>, endpoint: &Endpoint) -> Result<Self, Unsigned> {
        let text = |name: &'static str, most: usize| {
            let text = header(name).ok_or(Unsigned::Missing(name))?;
            let fits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'|');
            if fits { Ok(text.to_owned()) } else { Err(Unsigned::Malformed(name)) }
        };
        if text("paypal-auth-algo", 100)? != ALGORITHM {
            return Err(Unsigned::Algorithm);
        }
        let read = Self {
            transmission_id: text("paypal-transmission-id", 100)?,
            transmission_time: text("paypal-transmission-time", 100)?,
            certificate_url: text("paypal-cert-url", 500)?,
            signature: text("paypal-transmission-sig", 2000)?,
        };
        read.at()?;
        read.signature()?;
        if endpoint.may_fetch(&read.certificate_url) { Ok(read) } else { Err(Unsigned::Address) }
    }

    /// Whether PayPal sent that body, `now` being our time. The time is judged last: "too old" is said only of what was PayPal's.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, endpoint: &Endpoint, chain: &Chain, body: &[u8], now: DateTime<Utc>) -> Result<(), Unsigned> {
        let signature = self.signature()?;
        let crc = crc32fast::hash(body);
        let mut is_right = false;
        for id in &endpoint.webhook_ids {
            let message = format!("{}|{}|{id}|{crc}", self.transmission_id, self.transmission_time);
            is_right |= endpoint.trust.has_signed(chain, message.as_bytes(), &signature, now.timestamp())?;
        }
        if is_right { self.is_timely(now) } else { Err(Unsigned::Wrong) }
    }

    /// Whether its time is near enough to ours.
    ///
    /// # Errors
    /// It is not.
    pub fn is_timely(&self, now: DateTime<Utc>) -> Result<(), Unsigned> {
        let age_s = now.timestamp() - self.at()?.timestamp();
        if (-AHEAD_S..=TOLERANCE_S).contains(&age_s) { Ok(()) } else { Err(Unsigned::Time) }
    }

    fn at(&self) -> Result<DateTime<Utc>, Unsigned> {
        let at = DateTime::parse_from_rfc3339(&self.transmission_time);
        at.map(|at| at.to_utc()).map_err(|_| Unsigned::Malformed("paypal-transmission-time"))
    }

    fn signature(&self) -> Result<Vec<u8>, Unsigned> {
        STANDARD.decode(&self.signature).map_err(|_| Unsigned::Malformed("paypal-transmission-sig"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Made by another implementation: `vectors/make.py`.
    const BODY: &[u8] = include_bytes!("vectors/body.json");
    const SIGNATURE: &str = include_str!("vectors/signature.txt");
    const GOOD: &str = include_str!("vectors/good.pem");
    const ID: &str = "8PT597110X687430LKGECATA";
    const NOW: &str = "2026-11-28T11:00:03Z";

    fn endpoint(ids: &str) -> Endpoint {
        let roots = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/payments/paypal/vectors/root.pem");
        Endpoint::read(ids, None, Some(&roots), false).expect("settings")
    }

    fn moment(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("a moment").to_utc()
    }

    fn headers(name: &str) -> Option<&'static str> {
        Some(match name {
            "paypal-auth-algo" => "SHA256withRSA",
            "paypal-transmission-id" => "69cd13f0-d67a-11e5-baa3-778b53f4ae55",
            "paypal-transmission-time" => "2026-11-28T11:00:00Z",
            "paypal-cert-url" => "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
            "paypal-transmission-sig" => SIGNATURE,
            _ => return None,
        })
    }

    fn sent() -> Transmission {
        Transmission::read(headers, &endpoint(ID)).expect("a message")
    }

    fn verify(sent: &Transmission, pem: &str, body: &[u8], now: &str) -> Result<(), Unsigned> {
        sent.verify(&endpoint(ID), &Chain::read(pem.as_bytes())?, body, moment(now))
    }

    /// The check value of CRC-32/ISO-HDLC, in decimals as PayPal writes it.
    #[test]
    fn the_sum_is_that_of_everybody_else() {
        assert_eq!(crc32fast::hash(b"123456789"), 3_421_780_262);
        assert_eq!(crc32fast::hash(BODY), 388_916_658, "as zlib has it");
    }

    #[test]
    fn what_another_implementation_signed_is_believed() {
        assert_eq!(verify(&sent(), GOOD, BODY, NOW), Ok(()));
        for ids in [format!("NEXT,{ID}"), format!("{ID},NEXT")] {
            let chain = Chain::read(GOOD.as_bytes()).expect("a chain");
            assert_eq!(sent().verify(&endpoint(&ids), &chain, BODY, moment(NOW)), Ok(()), "while an id is replaced");
        }
    }

    #[test]
    fn one_byte_of_anything_that_is_signed_makes_it_wrong() {
        assert_eq!(verify(&sent(), GOOD, &[BODY, b" "].concat(), NOW), Err(Unsigned::Wrong));
        assert_eq!(verify(&sent(), GOOD, &BODY[1..], NOW), Err(Unsigned::Wrong));
        let other_id = Transmission { transmission_id: "69cd13f0-d67a-11e5-baa3-778b53f4ae56".to_owned(), ..sent() };
        assert_eq!(verify(&other_id, GOOD, BODY, NOW), Err(Unsigned::Wrong));
        // The same moment in other letters is another text.
        let other_time = Transmission { transmission_time: "2026-11-28T11:00:00+00:00".to_owned(), ..sent() };
        assert_eq!(verify(&other_time, GOOD, BODY, NOW), Err(Unsigned::Wrong));
        let chain = Chain::read(GOOD.as_bytes()).expect("a chain");
        assert_eq!(sent().verify(&endpoint("SOMEBODYELSES"), &chain, BODY, moment(NOW)), Err(Unsigned::Wrong));
        // The same key over the same text in other ways of signing.
        for signature in [include_str!("vectors/signature_sha1.txt"), include_str!("vectors/signature_pss.txt"), "AAAA"] {
            let other = Transmission { signature: signature.to_owned(), ..sent() };
            assert_eq!(verify(&other, GOOD, BODY, NOW), Err(Unsigned::Wrong));
        }
    }

    #[test]
    fn a_certificate_that_does_not_hold_is_refused_with_its_reason() {
        let refused = |pem: &str, now: &str| match verify(&sent(), pem, BODY, now) {
            Err(Unsigned::Certificate(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(include_str!("vectors/stranger.pem"), NOW), Untrusted::Authority, "an authority of the same name");
        assert_eq!(refused(include_str!("vectors/other_name.pem"), NOW), Untrusted::Name);
        assert_eq!(refused(GOOD, "2027-01-02T00:00:00Z"), Untrusted::Expired);
        assert_eq!(refused(GOOD, "2025-12-31T00:00:00Z"), Untrusted::Early);
        let leaf_alone = GOOD.split_inclusive("-----END CERTIFICATE-----\n").next().expect("a certificate");
        assert_eq!(refused(leaf_alone, NOW), Untrusted::Authority);
        assert_ne!(refused(include_str!("vectors/self_signed.pem"), NOW), Untrusted::Name);
        // A certificate that may not vouch for others does.
        assert!(matches!(refused(include_str!("vectors/by_a_leaf.pem"), NOW), Untrusted::Unusable(_) | Untrusted::Authority));
        assert_eq!(refused("nothing", NOW), Untrusted::Unreadable);
        // What is built in does not believe the authority of these vectors.
        let own = Endpoint::read(ID, None, None, false).expect("settings");
        let chain = Chain::read(GOOD.as_bytes()).expect("a chain");
        assert_eq!(sent().verify(&own, &chain, BODY, moment(NOW)), Err(Unsigned::Certificate(Untrusted::Authority)));
        let live = Endpoint {
            trust: crate::payments::paypal::certificate::Trust::new(
                Some(include_bytes!("vectors/root.pem")),
                "messageverificationcerts.paypal.com",
            )
            .expect("authorities"),
            ..endpoint(ID)
        };
        assert_eq!(
            sent().verify(&live, &chain, BODY, moment(NOW)),
            Err(Unsigned::Certificate(Untrusted::Name)),
            "the trial's certificate is none for real money"
        );
    }

    #[test]
    fn old_messages_are_refused_and_late_ones_taken() {
        for (now, judged) in [
            ("2026-11-28T10:55:00Z", Ok(())),
            ("2026-11-28T10:54:59Z", Err(Unsigned::Time)),
            ("2026-12-01T12:00:00Z", Ok(())),
            ("2026-12-01T12:00:01Z", Err(Unsigned::Time)),
        ] {
            assert_eq!(verify(&sent(), GOOD, BODY, now), judged, "{now}");
        }
    }

    #[test]
    fn headers_that_are_missing_or_strange_are_named() {
        for name in [
            "paypal-auth-algo",
            "paypal-transmission-id",
            "paypal-transmission-time",
            "paypal-cert-url",
            "paypal-transmission-sig",
        ] {
            let read = |instead: Option<&'static str>| {
                Transmission::read(|asked| if asked == name { instead } else { headers(asked) }, &endpoint(ID))
            };
            assert_eq!(read(None), Err(Unsigned::Missing(name)));
            for strange in ["", "a|b", "a b", "ñ"] {
                assert_eq!(read(Some(strange)), Err(Unsigned::Malformed(name)), "{name}: {strange:?}");
            }
        }
        let with = |name: &'static str, value: &'static str| {
            Transmission::read(move |asked| if asked == name { Some(value) } else { headers(asked) }, &endpoint(ID))
        };
        for algorithm in ["SHA1withRSA", "sha256withrsa", "none"] {
            assert_eq!(with("paypal-auth-algo", algorithm), Err(Unsigned::Algorithm));
        }
        assert_eq!(with("paypal-transmission-time", "yesterday"), Err(Unsigned::Malformed("paypal-transmission-time")));
        assert_eq!(with("paypal-transmission-sig", "%%%%"), Err(Unsigned::Malformed("paypal-transmission-sig")));
        assert_eq!(with("paypal-cert-url", "https://evil.example/v1/notifications/certs/CERT-1"), Err(Unsigned::Address));
    }
}
