//! Something that each operator must know though they are not looking.

use queue::{EnqueueError, enqueue};
use sqlx::PgConnection;

use super::tell_operator::TellOperator;
use crate::accounts::user::UserId;

/// A notice in both languages. Too long parts are cut.
#[derive(Debug, Clone)]
pub struct OperatorNotice<'a> {
    /// The letter's subject, in Spanish and in English: at most 90 characters.
    pub subject: (&'a str, &'a str),
    /// What has happened and what to do, in Spanish and in English: at most 2,000 characters.
    pub text: (&'a str, &'a str),
    /// The page of ours that it is about.
    pub path: &'a str,
}

impl OperatorNotice<'_> {
    /// Writes it down and promises a letter to each operator and administrator whose address is theirs.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn tell(&self, tx: &mut PgConnection) -> Result<(), EnqueueError> {
        let notice_id: i64 = sqlx::query_scalar(
            "insert into core.operator_notices (subject_es, subject_en, es, en, path)
             values (left($1, 90), left($2, 90), left($3, 2000), left($4, 2000), $5) returning id",
        )
        .bind(self.subject.0)
        .bind(self.subject.1)
        .bind(self.text.0)
        .bind(self.text.1)
        .bind(self.path)
        .fetch_one(&mut *tx)
        .await?;
        let operators: Vec<UserId> = sqlx::query_scalar(
            "select id from core.users
             where role in ('operator', 'admin') and disabled_at is null and email_verified_at is not null order by id",
        )
        .fetch_all(&mut *tx)
        .await?;
        for user_id in operators {
            enqueue(tx, TellOperator { notice_id, user_id }).await?;
        }
        Ok(())
    }
}
