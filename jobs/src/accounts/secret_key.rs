//! The installation's one secret, and the keys made from it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Why a secret cannot protect anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyProblem {
    /// Fewer than [`MIN_BYTES`].
    #[error("has {found} bytes; at least {MIN_BYTES} are needed (for example: openssl rand -hex 32)")]
    TooShort {
        /// How many it has.
        found: usize,
    },
    /// Long, but made of a handful of characters.
    #[error("repeats too few characters to be random (for example: openssl rand -hex 32)")]
    NotRandom,
}

/// How many bytes the secret has at least: as many as the hash that keys are made with (RFC 2104, 3).
pub const MIN_BYTES: usize = 32;

/// Says whether a SECRET_KEY will do: hexadecimal counts two characters a byte, anything else one.
///
/// # Errors
/// It is too short, or plainly not random.
pub fn check(secret: &SecretString) -> Result<(), SecretKeyProblem> {
    let bytes = secret.expose_secret().as_bytes();
    let is_hex = bytes.iter().all(u8::is_ascii_hexdigit);
    let found = if is_hex { bytes.len() / 2 } else { bytes.len() };
    if found < MIN_BYTES {
        return Err(SecretKeyProblem::TooShort { found });
    }
    let mut seen = bytes.to_vec();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < 8 { Err(SecretKeyProblem::NotRandom) } else { Ok(()) }
}

/// A key for one purpose. Keys under different labels tell nothing about each other, so each use of the secret has its own
/// (the expand step of RFC 5869 for one block).
#[must_use]
pub fn derive(secret: &SecretString, label: &str) -> [u8; 32] {
    mac(secret.expose_secret().as_bytes(), &[label.as_bytes(), &[1]]).finalize().into_bytes().into()
}

/// HMAC-SHA256 over parts, each preceded by its length, so that no two lists of parts are the same message.
#[must_use]
pub fn sign(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let lengths: Vec<[u8; 8]> = parts.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
    let framed: Vec<&[u8]> = lengths.iter().zip(parts).flat_map(|(length, part)| [length.as_slice(), part]).collect();
    mac(key, &framed).finalize().into_bytes().into()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC takes keys of any length; the error of this constructor belongs to other algorithms.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    for part in parts {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_repetitive_secrets_are_refused() {
        let checked = |secret: &str| check(&SecretString::from(secret));
        assert_eq!(checked(""), Err(SecretKeyProblem::TooShort { found: 0 }));
        assert_eq!(checked("0123456789abcdef0123456789abcdef"), Err(SecretKeyProblem::TooShort { found: 16 }));
        assert_eq!(checked(&"x".repeat(40)), Err(SecretKeyProblem::NotRandom));
        assert_eq!(checked("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), Ok(()));
        assert_eq!(checked("k3Jm0Zr+9sQvT1yXw8bL5cN2aD7fG4hE6uIoPq/RtUs="), Ok(()));
    }

    #[test]
    fn labels_and_frames_separate() {
        let secret = SecretString::from("k3Jm0Zr+9sQvT1yXw8bL5cN2aD7fG4hE6uIoPq/RtUs=");
        let key = derive(&secret, "a");
        assert_ne!(key, derive(&secret, "b"));
        assert_ne!(sign(&key, &[b"ab", b"c"]), sign(&key, &[b"a", b"bc"]));
    }
}
