//! Whether the database is the one that this binary was written for. The worker applies migrations; the web only looks.

use std::collections::HashSet;

use sqlx::{PgPool, migrate::Migrator};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// The versions that this binary knows and the database lacks. (It may have newer ones: old and new binaries run side by side.)
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(crate) async fn missing(db: &PgPool) -> sqlx::Result<Vec<i64>> {
    let has_table: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(db).await?;
    let applied: Vec<i64> = if has_table {
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(db).await?
    } else {
        Vec::new()
    };
    let applied: HashSet<i64> = applied.into_iter().collect();
    Ok(MIGRATIONS.iter().map(|migration| migration.version).filter(|version| !applied.contains(version)).collect())
}
