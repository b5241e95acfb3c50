//! The signed link by which a person proves that an e-mail address is theirs.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use url::Url;

use super::{
    email_address::EmailAddress,
    locale::Locale,
    secret_key::{derive, sign},
    user::UserId,
};

/// Makes and checks verification links. A link is good for one account with one address; nothing is stored for it.
#[derive(Clone)]
pub struct Verification {
    key: [u8; 32],
}

impl std::fmt::Debug for Verification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verification").finish_non_exhaustive()
    }
}

/// What a token claims: not yet believed. Look the account up, then [`Verification::prove`] it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The account it names.
    pub user_id: UserId,
    expires_at_s: i64,
    mac: [u8; 32],
}

/// Why a link proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkProblem {
    /// Not a token of ours, or one for another account or address.
    #[error("the link was not made by us, or for another address")]
    Forged,
    /// It was ours, but is too old.
    #[error("the link has expired")]
    Expired,
}

impl Verification {
    /// How long a link is good for.
    pub const GOOD_FOR: TimeDelta = TimeDelta::days(7);

    /// From the installation's SECRET_KEY.
    #[must_use]
    pub fn new(secret_key: &SecretString) -> Self {
        Self { key: derive(secret_key, "faena/verification/v1") }
    }

    /// The page that a link leads to.
    #[must_use]
    pub const fn path(locale: Locale) -> &'static str {
        match locale {
            Locale::Es => "/verificar",
            Locale::En => "/verify",
        }
    }

    /// The link for a letter written at `now`.
    #[must_use]
    pub fn link(&self, public_url: &Url, user_id: UserId, email: &EmailAddress, locale: Locale, now: DateTime<Utc>) -> Url {
        let mut url = public_url.clone();
        url.set_path(Self::path(locale));
        url.set_fragment(None);
        url.query_pairs_mut().clear().append_pair("token", &self.token(user_id, email, now));
        url
    }

    /// The token in the link: account, expiry and signature, in 64 characters that need no escaping.
    #[must_use]
    pub fn token(&self, user_id: UserId, email: &EmailAddress, now: DateTime<Utc>) -> String {
        let expires_at_s = (now + Self::GOOD_FOR).timestamp();
        let mac = self.mac(user_id, email, expires_at_s);
        let bytes = [user_id.0.to_be_bytes().as_slice(), &expires_at_s.to_be_bytes(), &mac].concat();
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Takes a token apart. Nothing in it is proven by this.
    ///
    /// # Errors
    /// [`LinkProblem::Forged`] when it does not have the form of a token.
    pub fn read(&self, token: &str) -> Result<Claim, LinkProblem> {
        let bytes: [u8; 48] =
            BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(LinkProblem::Forged)?;
        let number = |from: usize| i64::from_be_bytes(std::array::from_fn(|i| bytes[from + i]));
        Ok(Claim { user_id: UserId(number(0)), expires_at_s: number(8), mac: std::array::from_fn(|i| bytes[16 + i]) })
    }

    /// Whether the claim holds for the address that the account has at present.
    ///
    /// # Errors
    /// The signature is not ours for this account and address, or the link is too old.
    pub fn prove(&self, claim: &Claim, email: &EmailAddress, now: DateTime<Utc>) -> Result<(), LinkProblem> {
        let mac = self.mac(claim.user_id, email, claim.expires_at_s);
        // The signature first: "expired" is said only of links that were ours.
        if !bool::from(mac.ct_eq(&claim.mac)) {
            return Err(LinkProblem::Forged);
        }
        if now.timestamp() >= claim.expires_at_s { Err(LinkProblem::Expired) } else { Ok(()) }
    }

    /// Letter case is dropped because the database compares addresses without it.
    fn mac(&self, user_id: UserId, email: &EmailAddress, expires_at_s: i64) -> [u8; 32] {
        let email = email.as_str().to_ascii_lowercase();
        sign(&self.key, &[&user_id.0.to_be_bytes(), email.as_bytes(), &expires_at_s.to_be_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> (Verification, UserId, EmailAddress, DateTime<Utc>) {
        let verification = Verification::new(&SecretString::from("a secret of more than 32 bytes, 0123456789"));
        let email = EmailAddress::parse("ana@correo.example").expect("an address");
        (verification, UserId(42), email, DateTime::from_timestamp(1_800_000_000, 0).expect("a time"))
    }

    #[test]
    fn a_link_proves_the_address_for_seven_days() {
        let (verification, user_id, email, now) = given();
        let public_url = Url::parse("https://compilandocode.example").expect("a URL");
        let link = verification.link(&public_url, user_id, &email, Locale::Es, now);
        assert!(link.as_str().starts_with("https://compilandocode.example/verificar?token="), "{link}");

        let token = link.query_pairs().next().expect("a token").1.into_owned();
        let claim = verification.read(&token).expect("a claim");
        assert_eq!(claim.user_id, user_id);
        assert_eq!(verification.prove(&claim, &email, now), Ok(()));
        let shouted = EmailAddress::parse("ANA@correo.example").expect("an address");
        assert_eq!(verification.prove(&claim, &shouted, now), Ok(()));
        let last = now + Verification::GOOD_FOR;
        assert_eq!(verification.prove(&claim, &email, last - TimeDelta::seconds(1)), Ok(()));
        assert_eq!(verification.prove(&claim, &email, last), Err(LinkProblem::Expired));
    }

    #[test]
    fn a_link_is_for_one_address_and_one_key() {
        let (verification, user_id, email, now) = given();
        let claim = verification.read(&verification.token(user_id, &email, now)).expect("a claim");
        let other = EmailAddress::parse("luz@correo.example").expect("an address");
        assert_eq!(verification.prove(&claim, &other, now), Err(LinkProblem::Forged));
        let stranger = Verification::new(&SecretString::from("another secret of more than 32 bytes, 012345"));
        assert_eq!(stranger.prove(&claim, &email, now), Err(LinkProblem::Forged));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (verification, user_id, email, now) = given();
        let good = BASE64_URL_SAFE_NO_PAD.decode(verification.token(user_id, &email, now)).expect("base64");
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            let claim = verification.read(&BASE64_URL_SAFE_NO_PAD.encode(&bad)).expect("a claim");
            assert_eq!(verification.prove(&claim, &email, now), Err(LinkProblem::Forged), "byte {place}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let (verification, ..) = given();
        for token in ["", "a", "%%%", "token\0", &"A".repeat(63), &"A".repeat(65), &"ñ".repeat(64)] {
            assert_eq!(verification.read(token), Err(LinkProblem::Forged), "{token:?}");
        }
    }
}
