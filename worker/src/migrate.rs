//! Applies the migrations that the binary carries.

use anyhow::Context;

use crate::settings::Stores;

pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

pub(crate) async fn migrate(stores: &Stores) -> anyhow::Result<()> {
    let db = stores.pool(1);
    MIGRATIONS.run(&db).await.context("applying the migrations")?;
    db.close().await;
    Ok(())
}
