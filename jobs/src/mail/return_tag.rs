//! The sign by which a letter that comes back, or is complained of, is known as ours.

use std::fmt;

use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::accounts::secret_key::{derive, sign};

/// Bytes of the signature that stand in a tag: an address has room for no more, and a guess is a message to us each time.
const MAC_BYTES: usize = 10;
/// Hexadecimal digits of a tag.
const DIGITS: usize = 32 + 2 * MAC_BYTES;

/// A letter's tag. It stands in the return path (`bounces+TAG@…`, known as VERP) and in a header of the letter, since some who report send
/// back nothing but headers. Without our key nobody makes one: nobody can have others' addresses suppressed by a forged report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTag(String);

impl ReturnTag {
    /// The tag: 52 hexadecimal digits, which survive servers that change the case of addresses.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReturnTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes tags and finds them again.
#[derive(Clone)]
pub struct ReturnTags {
    key: [u8; 32],
}

impl fmt::Debug for ReturnTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnTags").finish_non_exhaustive()
    }
}

impl ReturnTags {
    /// From the installation's SECRET_KEY.
    #[must_use]
    pub fn new(secret_key: &SecretString) -> Self {
        Self { key: derive(secret_key, "faena/return-tag/v1") }
    }

    /// The tag of the letter whose row is `id`.
    #[must_use]
    pub fn make(&self, id: Uuid) -> ReturnTag {
        let mac: String = self.mac(id).iter().map(|byte| format!("{byte:02x}")).collect();
        ReturnTag(format!("{}{mac}", id.simple()))
    }

    /// The letter whose tag stands in the text, if one of ours does: the first.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Uuid> {
        text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == DIGITS).find_map(|word| self.read(word))
    }

    fn read(&self, tag: &str) -> Option<Uuid> {
        let tag = tag.to_ascii_lowercase();
        let (id, mac) = tag.split_at_checked(32)?;
        let id = Uuid::try_parse(id).ok()?;
        let ours: String = self.mac(id).iter().map(|byte| format!("{byte:02x}")).collect();
        bool::from(ours.as_bytes().ct_eq(mac.as_bytes())).then_some(id)
    }

    fn mac(&self, id: Uuid) -> [u8; MAC_BYTES] {
        let whole = sign(&self.key, &[id.as_bytes()]);
        std::array::from_fn(|i| whole[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags() -> ReturnTags {
        ReturnTags::new(&SecretString::from("a secret of more than 32 bytes, 0123456789"))
    }

    #[test]
    fn a_tag_is_found_wherever_it_stands_and_however_it_is_written() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_002a);
        let tag = tags().make(id);
        assert_eq!(tag.as_str().len(), 52);
        for text in [
            format!("<bounces+{tag}@compilandocode.example>"),
            format!("rfc822; BOUNCES+{}@COMPILANDOCODE.EXAMPLE", tag.as_str().to_uppercase()),
            format!("{} and {tag}", "a".repeat(52)),
        ] {
            assert_eq!(tags().find(&text), Some(id), "{text}");
        }
    }

    #[test]
    fn nobody_makes_one_without_the_key() {
        let tag = tags().make(Uuid::nil());
        let stranger = ReturnTags::new(&SecretString::from("another secret of more than 32 bytes, 012345"));
        assert_eq!(stranger.find(tag.as_str()), None);
        for place in 0..52 {
            let mut forged = tag.as_str().to_owned().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(tags().find(&String::from_utf8(forged).expect("ASCII")), None, "digit {place}");
        }
        for text in ["", "bounces@compilandocode.example", &tag.as_str()[..51], &format!("{tag}0")] {
            assert_eq!(tags().find(text), None, "{text}");
        }
    }
}
