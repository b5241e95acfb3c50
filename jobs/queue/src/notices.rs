//! Standing troubles that an operator must be told of: one row each, however often they are met.

use sqlx::PgExecutor;

/// Says that something is in the way; said again, it counts.
///
/// # Errors
/// Postgres did not take it.
pub async fn post_notice(db: impl PgExecutor<'_>, key: &str, message: &str) -> sqlx::Result<()> {
    sqlx::query(
        "insert into faena.notices as n (key, message) values ($1, $2)
         on conflict (key) do update set message = excluded.message, last_at = clock_timestamp(), times = n.times + 1",
    )
    .bind(key)
    .bind(message)
    .execute(db)
    .await
    .map(drop)
}

/// Says that it is over. Nothing happens when nothing was said.
///
/// # Errors
/// Postgres did not take it.
pub async fn clear_notice(db: impl PgExecutor<'_>, key: &str) -> sqlx::Result<()> {
    sqlx::query("delete from faena.notices where key = $1").bind(key).execute(db).await.map(drop)
}
