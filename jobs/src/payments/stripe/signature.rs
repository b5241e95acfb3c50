//! Stripe's signatures on what it sends (<https://docs.stripe.com/webhooks#verify-manually>): `t=1700000000,v1=…`, the second part being
//! HMAC-SHA256 over the time, a point and the body as it came, in hexadecimal.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// How far a signature's time may be from ours, in seconds: what Stripe's own libraries allow.
pub const TOLERANCE_S: i64 = 300;
/// More signatures than this nobody sends: Stripe adds one for each secret that is good, two while a secret is being changed.
const MAX_SIGNATURES: usize = 16;

/// The secrets of our endpoint. While one is being replaced there are two.
#[derive(Debug, Clone)]
pub struct Secrets(Vec<SecretString>);

/// Why a text names no secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecrets {
    /// Nothing there.
    #[error("names no secret")]
    None,
    /// Too short to protect anything.
    #[error("has a secret of fewer than 16 characters")]
    Short,
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// There is no signature.
    #[error("the signature is missing")]
    Missing,
    /// The signature's header cannot be read.
    #[error("the signature cannot be read")]
    Malformed,
    /// It was made by somebody else, or of something else.
    #[error("the signature is wrong")]
    Wrong,
    /// It is right, and too old or of the future: somebody may be sending again what they once overheard.
    #[error("the signature's time is more than 300 s from ours")]
    OldTime,
}

impl Secrets {
    /// Reads `whsec_new,whsec_old`.
    ///
    /// # Errors
    /// There is none, or one protects nothing.
    pub fn parse(text: &str) -> Result<Self, BadSecrets> {
        let secrets: Vec<&str> = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
        if secrets.is_empty() {
            return Err(BadSecrets::None);
        }
        if secrets.iter().any(|secret| secret.len() < 16) {
            return Err(BadSecrets::Short);
        }
        Ok(Self(secrets.into_iter().map(SecretString::from).collect()))
    }

    /// Whether Stripe sent that body, `now_s` being our time. The time is judged last: "too old" is said only of what was Stripe's.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, header: Option<&str>, body: &[u8], now_s: i64) -> Result<(), Unsigned> {
        let header = header.ok_or(Unsigned::Missing)?;
        let (time, signatures) = read(header).ok_or(Unsigned::Malformed)?;
        let mut is_right = subtle::Choice::from(0);
        for secret in &self.0 {
            let expected = sign(secret.expose_secret().as_bytes(), time.as_bytes(), body);
            for signature in &signatures {
                is_right |= expected.as_slice().ct_eq(signature);
            }
        }
        if !bool::from(is_right) {
            return Err(Unsigned::Wrong);
        }
        let time_s: i64 = time.parse().map_err(|_| Unsigned::Malformed)?;
        if now_s.abs_diff(time_s) > TOLERANCE_S.unsigned_abs() { Err(Unsigned::OldTime) } else { Ok(()) }
    }
}

/// The header's time as it was written, and its signatures of our scheme; those of other schemes are passed over.
fn read(header: &str) -> Option<(&str, Vec<[u8; 32]>)> {
    let mut time = None;
    let mut signatures = Vec::new();
    for (scheme, value) in header.split(',').map(|part| part.trim().split_once('=').unwrap_or((part, ""))) {
        match scheme {
            "t" if time.is_some() => return None,
            "t" => {
                time = Some(value).filter(|value| (1..=15).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit()));
            }
            "v1" if signatures.len() < MAX_SIGNATURES => signatures.extend(from_hex(value)),
            _ => {}
        }
    }
    Some((time?, signatures)).filter(|(_, signatures)| !signatures.is_empty())
}

/// HMAC-SHA256 over `time.body`.
fn sign(secret: &[u8], time: &[u8], body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    for part in [time, b".", body] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;
    /// Made with another implementation:
    /// `printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_a_secret_for_tests`
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const SIGNATURE: &str = "35fc3a7b0bacc1137539c243fb1871bbaa9d80aeabd22700cedccf85c114b7d5";

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(text).expect("secrets")
    }

    fn verify(header: &str) -> Result<(), Unsigned> {
        secrets("whsec_a_secret_for_tests").verify(Some(header), BODY, NOW)
    }

    /// RFC 4231, section 4: the cases whose message can be cut at a point of ours have none, so the mac itself is tried.
    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let cases: [(Vec<u8>, Vec<u8>, &str); 6] = [
            (vec![0x0b; 20], b"Hi There".to_vec(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (b"Jefe".to_vec(), b"what do ya want for nothing?".to_vec(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (vec![0xaa; 20], vec![0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            ((1..=25).collect(), vec![0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (vec![0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
            (
                vec![0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.".to_vec(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, message, expected) in cases {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
            mac.update(&message);
            let found: [u8; 32] = mac.finalize().into_bytes().into();
            assert_eq!(Some(found), from_hex(expected));
        }
    }

    #[test]
    fn what_stripe_signed_is_believed() {
        assert_eq!(verify(&format!("t={NOW},v1={SIGNATURE}")), Ok(()));
        let other = "0".repeat(64);
        assert_eq!(verify(&format!("t={NOW},v1={other},v1={SIGNATURE},v0={other}")), Ok(()), "one of several");
        assert_eq!(verify(&format!("v1={} , t={NOW}", SIGNATURE.to_uppercase())), Ok(()));
        let both = secrets("whsec_the_next_secret, whsec_a_secret_for_tests");
        assert_eq!(both.verify(Some(&format!("t={NOW},v1={SIGNATURE}")), BODY, NOW), Ok(()), "while the secret is replaced");
    }

    #[test]
    fn what_anybody_else_sent_is_refused_with_its_reason() {
        let good = format!("t={NOW},v1={SIGNATURE}");
        assert_eq!(secrets("whsec_a_secret_for_tests").verify(None, BODY, NOW), Err(Unsigned::Missing));
        assert_eq!(secrets("whsec_another_secret").verify(Some(&good), BODY, NOW), Err(Unsigned::Wrong));
        assert_eq!(secrets("whsec_a_secret_for_tests").verify(Some(&good), br#"{"id": "evt_1"}"#, NOW), Err(Unsigned::Wrong));
        for (header, why) in [
            (String::new(), Unsigned::Malformed),
            (format!("v1={SIGNATURE}"), Unsigned::Malformed),
            (format!("t={NOW}"), Unsigned::Malformed),
            (format!("t={NOW},v0={SIGNATURE}"), Unsigned::Malformed),
            (format!("t=,v1={SIGNATURE}"), Unsigned::Malformed),
            (format!("t=-1,v1={SIGNATURE}"), Unsigned::Malformed),
            (format!("t={NOW},t={NOW},v1={SIGNATURE}"), Unsigned::Malformed),
            (format!("t={NOW},v1={}", &SIGNATURE[..63]), Unsigned::Malformed),
            (format!("t={},v1={SIGNATURE}", NOW + 1), Unsigned::Wrong),
            (format!("t=0{NOW},v1={SIGNATURE}"), Unsigned::Wrong),
            (format!("t={NOW},v1={}", "0".repeat(64)), Unsigned::Wrong),
        ] {
            assert_eq!(verify(&header), Err(why), "{header}");
        }
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_either_way() {
        let header = format!("t={NOW},v1={SIGNATURE}");
        let at = |now| secrets("whsec_a_secret_for_tests").verify(Some(&header), BODY, now);
        assert_eq!((at(NOW + 300), at(NOW - 300)), (Ok(()), Ok(())));
        assert_eq!((at(NOW + 301), at(NOW - 301)), (Err(Unsigned::OldTime), Err(Unsigned::OldTime)));
    }

    #[test]
    fn secrets_protect_or_are_refused() {
        assert_eq!(Secrets::parse(" , ").unwrap_err(), BadSecrets::None);
        assert_eq!(Secrets::parse("whsec_a_secret_for_tests,short").unwrap_err(), BadSecrets::Short);
        assert!(!format!("{:?}", secrets("whsec_a_secret_for_tests")).contains("for_tests"));
    }
}
