//! What the stand-in for PayPal is told and tells, besides what PayPal itself would; and how PayPal signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The key that the stand-in signs with, whatever its certificate: it opens nothing.
pub const PAYPAL_KEY_PEM: &str = include_str!("paypal_key.pem");

/// Where the stand-in sends its messages: the body of `PUT /api/paypal/endpoint`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaypalEndpoint {
    /// The address; none: messages are kept and not sent.
    pub url: Option<String>,
    /// Under which id the address is known at PayPal.
    pub webhook_id: String,
    /// How often each is sent.
    #[serde(default = "once")]
    pub copies: u32,
    /// The name of the certificate: `CERT-good`, `CERT-expired`, `CERT-other-name`, `CERT-stranger`, `CERT-moved` (a redirect), `CERT-huge` or
    /// one that is not there.
    #[serde(default = "good")]
    pub certificate: String,
}

fn once() -> u32 {
    1
}

fn good() -> String {
    "CERT-good".to_owned()
}

/// How the person pays whom an order waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaypalFunding {
    /// From the balance or a card: the money is there at once.
    #[default]
    Instant,
    /// From a bank account: it comes in some days, or does not.
    Echeck,
    /// By a card that is declined when the money is collected.
    Declined,
}

/// Something that happens at PayPal's side: the body of `POST /api/paypal/happen`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum PaypalHappening {
    /// The person agrees at the page, and closes it.
    Approve {
        /// The order.
        order: String,
        /// How they pay.
        #[serde(default)]
        by: PaypalFunding,
        /// What is collected, instead of what the order says.
        #[serde(default)]
        value: Option<String>,
        /// In which currency, instead of the order's.
        #[serde(default)]
        currency: Option<String>,
    },
    /// Somebody of ours collects, and dies before they can write so.
    Collect {
        /// The order.
        order: String,
    },
    /// The money from the bank comes.
    Clear {
        /// The order.
        order: String,
    },
    /// It does not.
    Deny {
        /// The order.
        order: String,
    },
    /// Nobody collected in time: PayPal takes the approval back.
    TakeBack {
        /// The order.
        order: String,
    },
    /// Nobody agreed in time: the order is forgotten. One that was paid is forgotten too, and its payment is not.
    Forget {
        /// The order.
        order: String,
    },
    /// Somebody gives money back at PayPal's own pages.
    Refund {
        /// The order.
        order: String,
        /// How much: `10.00`.
        value: String,
    },
    /// The last refund fails: the money comes back.
    FailRefund {
        /// The order.
        order: String,
    },
    /// The person's bank takes the money back without a word: a reversal.
    Reverse {
        /// The order.
        order: String,
    },
    /// The person asks for their money: the two talk, and nobody takes any yet.
    Inquire {
        /// The order.
        order: String,
    },
    /// PayPal or the bank decides: the money is taken meanwhile.
    Dispute {
        /// The order.
        order: String,
    },
    /// It is decided; if against us, PayPal also shows the money that went as a refund of the payment.
    Decide {
        /// The order.
        order: String,
        /// PayPal's word: `RESOLVED_SELLER_FAVOUR`, `RESOLVED_BUYER_FAVOUR`, …
        outcome: String,
    },
    /// PayPal takes its tokens back before their time.
    RevokeTokens {},
    /// What the order says about itself changes, as no honest provider would let it.
    Forge {
        /// The order.
        order: String,
        /// Fields of its purchase unit that are overwritten.
        #[serde(default)]
        unit: Value,
        /// Fields of its capture that are overwritten.
        #[serde(default)]
        capture: Value,
    },
}

/// The headers with which PayPal sends a body at that time (<https://developer.paypal.com/api/rest/webhooks/rest/>), by another implementation of
/// the sum than the web's.
///
/// # Panics
/// Never: the key is one.
#[must_use]
pub fn paypal_headers(
    webhook_id: &str,
    certificate_url: &str,
    transmission_id: &str,
    time: &str,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let message = format!("{transmission_id}|{time}|{webhook_id}|{}", crc32(body));
    vec![
        ("paypal-transmission-id", transmission_id.to_owned()),
        ("paypal-transmission-time", time.to_owned()),
        ("paypal-transmission-sig", STANDARD.encode(sign(message.as_bytes()))),
        ("paypal-cert-url", certificate_url.to_owned()),
        ("paypal-auth-algo", "SHA256withRSA".to_owned()),
        ("paypal-auth-version", "v2".to_owned()),
    ]
}

fn sign(message: &[u8]) -> Vec<u8> {
    let der = PrivateKeyDer::from_pem_slice(PAYPAL_KEY_PEM.as_bytes()).expect("a key in PEM");
    let key = RsaKeyPair::from_pkcs8(der.secret_der()).expect("an RSA key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("a signature");
    signature
}

/// CRC-32/ISO-HDLC, bit by bit: its polynomial is 0xEDB88320, mirrored.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}
