//! Who may come in with an address and a password.

use secrecy::SecretString;
use sqlx::PgPool;

use super::{
    email_address::EmailAddress,
    password::{HashError, Passwords},
    user::{User, UserId},
};

/// What became of an attempt to sign in.
#[derive(Debug)]
pub enum SignIn {
    /// Come in.
    Welcome(Box<User>),
    /// The password is right, but the account is closed. Only its owner learns this.
    Disabled,
    /// No such account, or not its password; which of both is nobody's business.
    Refused,
}

/// Why nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Postgres refused or could not be reached.
    #[error("looking up the account: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The password could not be compared.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Compares address and password. An unknown or malformed address costs as much as a known one.
///
/// # Errors
/// Postgres refuses or cannot be reached, or too many passwords are being compared.
pub async fn sign_in(db: &PgPool, passwords: &Passwords, email: &str, password: SecretString) -> Result<SignIn, SignInError> {
    let email = EmailAddress::parse(email).ok();
    let address = email.as_ref().map_or("", EmailAddress::as_str);
    let account: Option<(UserId, String)> = sqlx::query_as("select id, password_hash from core.users where email = $1::citext")
        .bind(address)
        .fetch_optional(db)
        .await?;
    let (id, stored) = account.unzip();
    let matches = passwords.verify(password, stored).await?;
    let (true, Some(id)) = (matches, id) else { return Ok(SignIn::Refused) };
    Ok(match User::find(db, id).await? {
        Some(user) if user.disabled_at.is_some() => SignIn::Disabled,
        Some(user) => SignIn::Welcome(Box::new(user)),
        None => SignIn::Refused,
    })
}
