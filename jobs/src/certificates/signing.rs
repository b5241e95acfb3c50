//! The keys that certificates are signed with: Ed25519 (RFC 8032), each with a name.
//!
//! A worker has one key. Another one takes its place by another setting; the public halves of all that have ever signed stay in Postgres, so
//! what an older key signed is good as long as the certificate is.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor};

/// The name of a key, in what it signs and in addresses.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct KeyId(String);

/// What is wrong with a text that should be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// No name in front of it.
    #[error("write it as name:key, for example 2027a:… with 32 random bytes in hexadecimal or base64 (openssl rand -hex 32)")]
    NoName,
    /// The name would not do in an address.
    #[error("its name takes 1 to 32 small letters, digits and dashes, and does not begin with a dash")]
    Name,
    /// Not 32 bytes.
    #[error("its key is not 32 bytes in hexadecimal or base64 (openssl rand -hex 32)")]
    Key,
}

/// A key that signs. Printing it shows its name alone.
#[derive(Clone)]
pub struct Signer {
    id: KeyId,
    pair: Arc<Ed25519KeyPair>,
}

/// The public half of a key that has signed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PublicKey {
    /// Its name.
    pub id: KeyId,
    public_key: Vec<u8>,
}

/// A key's name is taken by another key.
#[derive(Debug, thiserror::Error)]
pub enum PublishKeyError {
    /// Postgres refused or could not be reached.
    #[error("writing the public key: {0}")]
    Postgres(#[from] sqlx::Error),
    /// It has another public half already.
    #[error("the name {0} stands for another key: give the new one in CERTIFICATE_KEY a name of its own")]
    NameTaken(String),
}

impl KeyId {
    /// As it stands in what is signed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = KeyProblem;

    fn from_str(text: &str) -> Result<Self, KeyProblem> {
        let fits = (1..=32).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(KeyProblem::Name) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Signer {
    /// Reads `name:key`, the key being 32 bytes in hexadecimal or base64.
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub fn parse(setting: &SecretString) -> Result<Self, KeyProblem> {
        let (id, key) = setting.expose_secret().trim().split_once(':').ok_or(KeyProblem::NoName)?;
        let bytes = hex::decode(key.trim()).ok().or_else(|| BASE64_STANDARD.decode(key.trim()).ok()).unwrap_or_default();
        let pair = Ed25519KeyPair::from_seed_unchecked(&bytes).map_err(|_| KeyProblem::Key)?;
        Ok(Self { id: id.trim().parse()?, pair: Arc::new(pair) })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Its public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey { id: self.id.clone(), public_key: self.pair.public_key().as_ref().to_vec() }
    }

    /// Signs bytes: always the same bytes alike.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }

    /// A JSON Web Token (RFC 7519, 8037) with these claims; `key_url` is where its public half is found.
    #[must_use]
    pub fn token(&self, key_url: &str, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": key_url, "typ": "JWT" });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// Makes the public half known for good.
    ///
    /// # Errors
    /// Its name is taken by another key, or Postgres refuses.
    pub async fn publish(&self, tx: &mut PgConnection) -> Result<(), PublishKeyError> {
        let public = self.public_key();
        sqlx::query("insert into school.signing_keys (id, public_key) values ($1, $2) on conflict do nothing")
            .bind(&public.id)
            .bind(&public.public_key)
            .execute(&mut *tx)
            .await?;
        let is_ours: bool =
            sqlx::query_scalar("select exists (select from school.signing_keys where (id, public_key) = ($1, $2))")
                .bind(&public.id)
                .bind(&public.public_key)
                .fetch_one(tx)
                .await?;
        if is_ours { Ok(()) } else { Err(PublishKeyError::NameTaken(self.id.0.clone())) }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Every key that has ever signed, the oldest first.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn all(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("select id, public_key from school.signing_keys order by first_used_at, id").fetch_all(db).await
    }

    /// The key of that name.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: &KeyId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("select id, public_key from school.signing_keys where id = $1").bind(id).fetch_optional(db).await
    }

    /// Whether it signed these bytes.
    #[must_use]
    pub fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key).verify(bytes, signature).is_ok()
    }

    /// As a JSON Web Key (RFC 8037, 2), known by `key_url` in what it signs.
    #[must_use]
    pub fn jwk(&self, key_url: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64_URL_SAFE_NO_PAD.encode(&self.public_key), "kid": key_url, "use": "sig", "alg": "EdDSA" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, 7.1, test 3: a key, its public half, two bytes and their signature.
    const SEED: &str = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
    const PUBLIC: &str = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
    const SIGNATURE: &str = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

    fn signer(setting: &str) -> Result<Signer, KeyProblem> {
        Signer::parse(&SecretString::from(setting))
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        let signer = signer(&format!("rfc:{SEED}")).expect("a key");
        let signature = signer.sign(&[0xaf, 0x82]);
        assert_eq!(
            (hex::encode(&signer.public_key().public_key), hex::encode(&signature)),
            (PUBLIC.to_owned(), SIGNATURE.to_owned())
        );
        assert!(signer.public_key().signed(&[0xaf, 0x82], &signature));
        assert!(!signer.public_key().signed(&[0xaf, 0x83], &signature));
        assert!(!signer.public_key().signed(&[0xaf, 0x82], &signature[..63]));
    }

    #[test]
    fn a_key_is_read_in_either_spelling_and_does_not_print() {
        let base64 = BASE64_STANDARD.encode(hex::decode(SEED).expect("hexadecimal"));
        let (first, second) =
            (signer(&format!(" k1 : {SEED}\n")).expect("a key"), signer(&format!("k1:{base64}")).expect("a key"));
        assert_eq!(first.sign(b"x"), second.sign(b"x"));
        assert_eq!(format!("{first:?}"), r#"Signer { id: KeyId("k1"), .. }"#);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(signer(SEED).map(drop), Err(KeyProblem::NoName));
        assert_eq!(signer(&format!("K 1:{SEED}")).map(drop), Err(KeyProblem::Name));
        assert_eq!(signer(&format!(":{SEED}")).map(drop), Err(KeyProblem::Name));
        assert_eq!(signer(&format!("k1:{}", &SEED[2..])).map(drop), Err(KeyProblem::Key));
        assert_eq!(signer("k1:").map(drop), Err(KeyProblem::Key));
    }
}
