//! An account that somebody makes for another, who chooses its password by the link in a letter.

use sqlx::PgConnection;

use super::{email_address::EmailAddress, full_name::FullName, locale::Locale, password::NOBODYS_HASH, role::Role, user::UserId};

/// What stands for the password of somebody who has not chosen one: no password has this hash.
pub const NO_PASSWORD: &str = NOBODYS_HASH;

/// Somebody who has no account yet.
#[derive(Debug)]
pub struct Guest<'a> {
    /// Their address, to which the link goes.
    pub email: &'a EmailAddress,
    /// Their name.
    pub full_name: &'a FullName,
    /// What they are to the house.
    pub role: Role,
    /// The language of their letter and their pages.
    pub locale: Locale,
    /// By which clock their days go: a zone of the IANA database.
    pub time_zone: &'a str,
}

impl Guest<'_> {
    /// Makes the account. `None`: somebody has one of that address.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn admit(&self, tx: &mut PgConnection) -> sqlx::Result<Option<UserId>> {
        sqlx::query_scalar(
            "insert into core.users (email, full_name, role, locale, time_zone, password_hash) values ($1::text::citext, $2, $3, $4, $5, $6)
             on conflict (email) do nothing returning id",
        )
        .bind(self.email)
        .bind(self.full_name)
        .bind(self.role)
        .bind(self.locale)
        .bind(self.time_zone)
        .bind(NO_PASSWORD)
        .fetch_optional(tx)
        .await
    }
}
