//! The signed link by which a person says no to a stream of letters (RFC 8058).

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sqlx::PgConnection;
use subtle::ConstantTimeEq as _;
use url::Url;

use super::stream::Stream;
use crate::accounts::{
    locale::Locale,
    secret_key::{derive, sign},
    user::UserId,
};

/// Makes and checks the links. One is good for one account and one stream, and for ever: a letter is found again years later, and all
/// that its link can do is to stop letters.
#[derive(Clone)]
pub struct Unsubscribe {
    key: [u8; 32],
}

impl fmt::Debug for Unsubscribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsubscribe").finish_non_exhaustive()
    }
}

impl Unsubscribe {
    /// From the installation's SECRET_KEY.
    #[must_use]
    pub fn new(secret_key: &SecretString) -> Self {
        Self { key: derive(secret_key, "faena/unsubscribe/v1") }
    }

    /// The page that a link leads to.
    #[must_use]
    pub const fn path(locale: Locale) -> &'static str {
        match locale {
            Locale::Es => "/baja",
            Locale::En => "/unsubscribe",
        }
    }

    /// The link in a letter of that stream. `None`: nobody can say no to it.
    #[must_use]
    pub fn link(&self, public_url: &Url, user_id: UserId, stream: Stream, locale: Locale) -> Option<Url> {
        let token = self.token(user_id, stream)?;
        let mut url = public_url.clone();
        url.set_path(Self::path(locale));
        url.set_fragment(None);
        url.query_pairs_mut().clear().append_pair("token", &token);
        Some(url)
    }

    /// The token in the link: stream, account and signature, in 55 characters that need no escaping.
    #[must_use]
    pub fn token(&self, user_id: UserId, stream: Stream) -> Option<String> {
        let stream = mark(stream)?;
        let bytes = [&[stream], user_id.0.to_be_bytes().as_slice(), &self.mac(user_id, stream)].concat();
        Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whose token it is, and of which stream. `None`: it is none of ours.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<(UserId, Stream)> {
        let bytes: [u8; 41] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let user_id = UserId(i64::from_be_bytes(std::array::from_fn(|i| bytes[1 + i])));
        let stream = Stream::OPTIONAL.into_iter().find(|stream| mark(*stream) == Some(bytes[0]))?;
        bool::from(self.mac(user_id, bytes[0]).ct_eq(&bytes[9..])).then_some((user_id, stream))
    }

    fn mac(&self, user_id: UserId, stream: u8) -> [u8; 32] {
        sign(&self.key, &[&user_id.0.to_be_bytes(), &[stream]])
    }
}

/// A stream's place in a token. Letters of years ago hold them: none ever changes.
const fn mark(stream: Stream) -> Option<u8> {
    match stream {
        Stream::Transactional => None,
        Stream::Notifications => Some(1),
        Stream::Broadcast => Some(2),
    }
}

/// Notes whether the person wants letters of that stream.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn set_wish(db: &mut PgConnection, user_id: UserId, stream: Stream, wants: bool) -> sqlx::Result<()> {
    let sql = if wants {
        "delete from mail.unsubscribed where user_id = $1 and stream = $2"
    } else {
        // The account may be gone, and then nobody gets letters.
        "insert into mail.unsubscribed (user_id, stream) select id, $2 from core.users where id = $1 on conflict do nothing"
    };
    sqlx::query(sql).bind(user_id).bind(stream).execute(db).await.map(drop)
}

/// The streams that the person wants no letters of.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub async fn unwanted(db: &mut PgConnection, user_id: UserId) -> sqlx::Result<Vec<Stream>> {
    sqlx::query_scalar("select stream from mail.unsubscribed where user_id = $1").bind(user_id).fetch_all(db).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Unsubscribe {
        Unsubscribe::new(&SecretString::from("a secret of more than 32 bytes, 0123456789"))
    }

    #[test]
    fn a_link_says_no_to_one_stream_of_one_person() {
        let home = Url::parse("https://compilandocode.example").expect("a URL");
        for stream in Stream::OPTIONAL {
            let link = links().link(&home, UserId(42), stream, Locale::Es).expect("a link");
            assert!(link.as_str().starts_with("https://compilandocode.example/baja?token="), "{link}");
            let token = link.query_pairs().next().expect("a token").1.into_owned();
            assert_eq!(links().read(&token), Some((UserId(42), stream)));
            let stranger = Unsubscribe::new(&SecretString::from("another secret of more than 32 bytes, 012345"));
            assert_eq!(stranger.read(&token), None);
        }
        assert_eq!(links().link(&home, UserId(42), Stream::Transactional, Locale::Es), None);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let good = BASE64_URL_SAFE_NO_PAD.decode(links().token(UserId(42), Stream::Broadcast).expect("a token")).expect("base64");
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 3;
            assert_eq!(links().read(&BASE64_URL_SAFE_NO_PAD.encode(&bad)), None, "byte {place}");
        }
        for token in ["", "a", "%%%", "token\0", &"A".repeat(54), &"A".repeat(55), &"A".repeat(56), &"ñ".repeat(55)] {
            assert_eq!(links().read(token), None, "{token:?}");
        }
    }
}
