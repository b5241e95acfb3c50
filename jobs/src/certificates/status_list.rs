//! Which credentials count no more, in one list for many of them, so that nobody who looks one up tells us which (W3C Bitstring Status
//! List 1.0).

use std::io::Write as _;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat, Utc};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sqlx::PgConnection;
use url::Url;

use super::badge::issuer_id;

/// The places of a list: the least that the standard allows (6.1), so that one of them says little.
pub const PLACES: i32 = 131_072;
/// A list that has so many is full: from then on a place at random is taken too often.
const FULL: i64 = PLACES as i64 / 2;

/// A credential's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Entry {
    /// In which list.
    pub list: i32,
    /// Where in it.
    pub index: i32,
}

impl Entry {
    /// A place at random in the list that is being filled. It may be taken: who writes it tries again.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub(super) async fn random(tx: &mut PgConnection) -> sqlx::Result<Self> {
        let (list, taken): (i32, i64) = sqlx::query_as(
            "select l.list, count(c.id) from (select coalesce(max(status_list), 1) as list from school.certificates) l
             left join school.certificates c on c.status_list = l.list group by l.list",
        )
        .fetch_one(tx)
        .await?;
        let list = if taken < FULL { list } else { list + 1 };
        Ok(Self { list, index: rand::random_range(0..PLACES) })
    }

    /// What its credential says of it.
    pub(super) fn claim(self, list_url: &Url) -> Value {
        json!({
            "id": format!("{list_url}#{}", self.index),
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": self.index.to_string(),
            "statusListCredential": list_url.as_str(),
        })
    }
}

/// The claims of the list's own credential; `ended` are the places of those that count no more.
#[must_use]
pub fn claims(home: &Url, list_url: &Url, ended: &[i32], now: DateTime<Utc>) -> Value {
    let issuer = issuer_id(home);
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": list_url.as_str(),
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": now.to_rfc3339_opts(SecondsFormat::Secs, true),
        "credentialSubject": {
            "id": format!("{list_url}#list"),
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encode(ended),
        },
        "iss": issuer,
        "jti": list_url.as_str(),
        "sub": format!("{list_url}#list"),
        "nbf": now.timestamp(),
    })
}

/// The places as bits, the first of them leftmost, compressed and spelled (8.1; `u` says base64url without padding).
fn encode(ended: &[i32]) -> String {
    let mut bits = vec![0_u8; PLACES.unsigned_abs() as usize / 8];
    for place in ended.iter().filter_map(|place| usize::try_from(*place).ok()) {
        if let Some(byte) = bits.get_mut(place / 8) {
            *byte |= 0x80 >> (place % 8);
        }
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packed.write_all(&bits).and_then(|()| packed.finish());
    // Memory takes whatever is written to it.
    let packed = packed.unwrap_or_else(|error| unreachable!("packing in memory: {error}"));
    format!("u{}", BASE64_URL_SAFE_NO_PAD.encode(packed))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_first_place_is_the_leftmost_bit_of_a_list_of_sixteen_kilobytes() {
        let list = encode(&[0, 9, PLACES - 1, PLACES, -1]);
        let packed = BASE64_URL_SAFE_NO_PAD.decode(list.strip_prefix('u').expect("multibase")).expect("base64url");
        let mut bits = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bits).expect("gzip");
        assert_eq!((bits.len(), bits[0], bits[1], bits[16_383]), (16_384, 0x80, 0x40, 0x01));
        assert_eq!(bits.iter().map(|byte| byte.count_ones()).sum::<u32>(), 3, "what lies beyond is nobody's place");
        assert_eq!(list, encode(&[PLACES - 1, 9, 0]), "the same list is the same text");
    }
}
