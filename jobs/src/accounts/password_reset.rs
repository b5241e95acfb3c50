//! The link by which somebody who has forgotten their password chooses another, and somebody who was invited their first.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sqlx::{PgConnection, PgExecutor};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::{
    email_address::EmailAddress,
    invite,
    locale::Locale,
    password::PasswordHash,
    secret_key::{derive, sign},
    send_password_reset::SendPasswordReset,
    user::UserId,
};

/// Makes and checks the links. Nothing is stored for one: it is signed together with the password that it is to replace, so that the first
/// use ends it and every other one that was asked for.
#[derive(Clone)]
pub struct PasswordReset {
    key: [u8; 32],
}

impl std::fmt::Debug for PasswordReset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordReset").finish_non_exhaustive()
    }
}

/// An account as a link is signed for it.
#[derive(sqlx::FromRow)]
pub struct Subject {
    /// Its number.
    pub id: UserId,
    /// Its address, by which the link was sent.
    pub email: EmailAddress,
    /// Its name: a password that repeats it is guessed soon.
    pub full_name: String,
    password_hash: String,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Subject {
    /// Whether they were invited and have chosen no password yet.
    #[must_use]
    pub fn is_invited(&self) -> bool {
        self.password_hash == invite::NO_PASSWORD
    }

    /// The account of that number, unless it is closed.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn find(db: impl PgExecutor<'_>, id: UserId) -> sqlx::Result<Option<Self>> {
        let sql =
            "select id, email::text as email, full_name, password_hash from core.users where id = $1 and disabled_at is null";
        sqlx::query_as(sql).bind(id).fetch_optional(db).await
    }

    /// The same, held until the transaction ends.
    async fn hold(tx: &mut PgConnection, id: UserId) -> sqlx::Result<Option<Self>> {
        let sql = "select id, email::text as email, full_name, password_hash from core.users
                   where id = $1 and disabled_at is null for update";
        sqlx::query_as(sql).bind(id).fetch_optional(tx).await
    }
}

impl PasswordReset {
    /// How long a link is good for.
    pub const GOOD_FOR: TimeDelta = TimeDelta::minutes(60);
    /// How long one is that nobody has asked for: an invitation may lie unread over a holiday.
    pub const INVITATION_GOOD_FOR: TimeDelta = TimeDelta::days(14);

    /// From the installation's SECRET_KEY.
    #[must_use]
    pub fn new(secret_key: &SecretString) -> Self {
        Self { key: derive(secret_key, "faena/password-reset/v1") }
    }

    /// The page that a link leads to.
    #[must_use]
    pub const fn path(locale: Locale) -> &'static str {
        match locale {
            Locale::Es => "/contrasena/nueva",
            Locale::En => "/password/new",
        }
    }

    /// The link for a letter written at `now`.
    #[must_use]
    pub fn link(&self, public_url: &Url, subject: &Subject, locale: Locale, now: DateTime<Utc>) -> Url {
        self.link_until(public_url, subject, locale, now + Self::GOOD_FOR)
    }

    /// The link for an invitation written at `now`.
    #[must_use]
    pub fn invitation_link(&self, public_url: &Url, subject: &Subject, locale: Locale, now: DateTime<Utc>) -> Url {
        self.link_until(public_url, subject, locale, now + Self::INVITATION_GOOD_FOR)
    }

    fn link_until(&self, public_url: &Url, subject: &Subject, locale: Locale, end: DateTime<Utc>) -> Url {
        let mut url = public_url.clone();
        url.set_path(Self::path(locale));
        url.set_fragment(None);
        url.query_pairs_mut().clear().append_pair("token", &self.token_until(subject, end));
        url
    }

    /// The token in the link: account, expiry and signature, in 64 characters that need no escaping.
    #[must_use]
    pub fn token(&self, subject: &Subject, now: DateTime<Utc>) -> String {
        self.token_until(subject, now + Self::GOOD_FOR)
    }

    fn token_until(&self, subject: &Subject, end: DateTime<Utc>) -> String {
        let expires_at_s = end.timestamp();
        let mac = self.mac(subject, expires_at_s);
        BASE64_URL_SAFE_NO_PAD.encode([subject.id.0.to_be_bytes().as_slice(), &expires_at_s.to_be_bytes(), &mac].concat())
    }

    /// Whose password the token would change. `None`: it is none of ours, was used, or is too old; which of these is nobody's business.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn prove(&self, db: impl PgExecutor<'_>, token: &str, now: DateTime<Utc>) -> sqlx::Result<Option<Subject>> {
        let Some(claim) = Claim::read(token) else { return Ok(None) };
        let subject = Subject::find(db, claim.user_id).await?;
        Ok(subject.filter(|subject| self.holds(&claim, subject, now)))
    }

    /// Changes the password and ends every session of the account; whoever was signed in signs in anew. The link came by mail, so the
    /// address is verified from now on. `false`: the token is not good any more, and nothing was changed.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn use_up(
        &self,
        tx: &mut PgConnection,
        token: &str,
        password: &PasswordHash,
        now: DateTime<Utc>,
    ) -> sqlx::Result<bool> {
        let Some(claim) = Claim::read(token) else { return Ok(false) };
        // Of two who use it at once the second finds another password here.
        let subject = Subject::hold(&mut *tx, claim.user_id).await?.filter(|subject| self.holds(&claim, subject, now));
        let Some(subject) = subject else { return Ok(false) };
        sqlx::query(include_str!("sql/reset_password.sql")).bind(subject.id).bind(&password.0).execute(tx).await?;
        Ok(true)
    }

    fn holds(&self, claim: &Claim, subject: &Subject, now: DateTime<Utc>) -> bool {
        bool::from(self.mac(subject, claim.expires_at_s).ct_eq(&claim.mac)) && now.timestamp() < claim.expires_at_s
    }

    fn mac(&self, subject: &Subject, expires_at_s: i64) -> [u8; 32] {
        let email = subject.email.as_str().to_ascii_lowercase();
        let parts: [&[u8]; 4] =
            [&subject.id.0.to_be_bytes(), email.as_bytes(), subject.password_hash.as_bytes(), &expires_at_s.to_be_bytes()];
        sign(&self.key, &parts)
    }
}

/// What a token says: not yet believed.
struct Claim {
    user_id: UserId,
    expires_at_s: i64,
    mac: [u8; 32],
}

impl Claim {
    fn read(token: &str) -> Option<Self> {
        let bytes: [u8; 48] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let number = |from: usize| i64::from_be_bytes(std::array::from_fn(|i| bytes[from + i]));
        Some(Self { user_id: UserId(number(0)), expires_at_s: number(8), mac: std::array::from_fn(|i| bytes[16 + i]) })
    }
}

/// Promises the letter to whoever has an account under that address. Nobody learns whether there is one.
///
/// # Errors
/// Postgres refuses or cannot be reached, or the job cannot be promised.
pub async fn ask(tx: &mut PgConnection, email: &EmailAddress) -> Result<(), AskError> {
    // While the newest letter has not been taken up, asking again asks for the same one.
    let asked: Option<(UserId, i32)> =
        sqlx::query_as(include_str!("sql/next_password_reset.sql")).bind(email.as_str()).fetch_optional(&mut *tx).await?;
    if let Some((user_id, number)) = asked {
        let number = u32::try_from(number).unwrap_or_default();
        queue::enqueue(tx, SendPasswordReset { user_id, number }).await?;
    }
    Ok(())
}

/// Why no letter was promised.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Postgres refused or could not be reached.
    #[error("looking up the account: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The job was not taken.
    #[error("promising the letter: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> (PasswordReset, Subject, DateTime<Utc>) {
        let subject = Subject {
            id: UserId(42),
            email: EmailAddress::parse("ana@correo.example").expect("an address"),
            full_name: "Ana".to_owned(),
            password_hash: "$argon2id$one".to_owned(),
        };
        let reset = PasswordReset::new(&SecretString::from("a secret of more than 32 bytes, 0123456789"));
        (reset, subject, DateTime::from_timestamp(1_800_000_000, 0).expect("a time"))
    }

    #[test]
    fn a_link_is_good_for_an_hour_and_for_the_password_it_was_made_for() {
        let (reset, subject, now) = given();
        let claim = Claim::read(&reset.token(&subject, now)).expect("a claim");
        let last = now + PasswordReset::GOOD_FOR;
        assert!(reset.holds(&claim, &subject, now) && reset.holds(&claim, &subject, last - TimeDelta::seconds(1)));
        assert!(!reset.holds(&claim, &subject, last));
        let changed = Subject { password_hash: "$argon2id$two".to_owned(), ..given().1 };
        assert!(!reset.holds(&claim, &changed, now), "used once, it is used up");
        let moved = Subject { email: EmailAddress::parse("luz@correo.example").expect("an address"), ..given().1 };
        assert!(!reset.holds(&claim, &moved, now));
        let stranger = PasswordReset::new(&SecretString::from("another secret of more than 32 bytes, 012345"));
        assert!(!stranger.holds(&claim, &subject, now));
    }

    #[test]
    fn an_invitation_is_good_for_two_weeks() {
        let (reset, subject, now) = given();
        let home = Url::parse("https://compilandocode.example").expect("a URL");
        let link = reset.invitation_link(&home, &subject, Locale::Es, now);
        let (_, token) = link.query_pairs().next().expect("a token");
        let claim = Claim::read(&token).expect("a claim");
        let last = now + TimeDelta::days(14);
        assert!(reset.holds(&claim, &subject, last - TimeDelta::seconds(1)) && !reset.holds(&claim, &subject, last));
    }

    #[test]
    fn every_changed_byte_is_noticed_and_what_is_no_token_is_none() {
        let (reset, subject, now) = given();
        let good = BASE64_URL_SAFE_NO_PAD.decode(reset.token(&subject, now)).expect("base64");
        for place in 8..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            let claim = Claim::read(&BASE64_URL_SAFE_NO_PAD.encode(&bad)).expect("a claim");
            assert!(!reset.holds(&claim, &subject, now), "byte {place}");
        }
        for token in ["", "a", "%%%", "token\0", &"A".repeat(63), &"A".repeat(65), &"ñ".repeat(64)] {
            assert!(Claim::read(token).is_none(), "{token:?}");
        }
        assert!(!format!("{subject:?}{reset:?}").contains("argon2"));
    }
}
