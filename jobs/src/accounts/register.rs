//! A new account and the promise of its welcome letter, written together or not at all.

use sqlx::PgPool;

use super::{
    email_address::EmailAddress, full_name::FullName, locale::Locale, password::PasswordHash, user::UserId,
    welcome_learner::WelcomeLearner,
};

/// What a person who registers has told us, already judged.
#[derive(Debug)]
pub struct NewAccount {
    /// Their name.
    pub full_name: FullName,
    /// Their address.
    pub email: EmailAddress,
    /// Their password, hashed.
    pub password_hash: PasswordHash,
    /// The language of the page they registered on.
    pub locale: Locale,
}

/// Why there is no new account. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Somebody has an account with this address.
    #[error("the address is taken")]
    EmailTaken,
    /// Postgres refused or could not be reached.
    #[error("writing the account: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The letter could not be promised.
    #[error("promising the welcome letter: {0}")]
    Enqueue(#[from] queue::EnqueueError),
}

/// Registers a learner and promises the welcome letter.
///
/// # Errors
/// The address is taken, or Postgres refuses or cannot be reached.
pub async fn register(db: &PgPool, account: &NewAccount) -> Result<UserId, RegisterError> {
    let mut tx = db.begin().await?;
    // The unique index decides between two who register one address at the same instant.
    let user_id: Option<(UserId,)> = sqlx::query_as(
        "insert into core.users (email, full_name, role, locale, password_hash) values ($1::citext, $2, 'learner', $3, $4)
         on conflict (email) do nothing returning id",
    )
    .bind(account.email.as_str())
    .bind(&account.full_name)
    .bind(account.locale)
    .bind(&account.password_hash.0)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((user_id,)) = user_id else { return Err(RegisterError::EmailTaken) };
    queue::enqueue(&mut tx, WelcomeLearner { user_id, resend: 0 }).await?;
    tx.commit().await?;
    Ok(user_id)
}
