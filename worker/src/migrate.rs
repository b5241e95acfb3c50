//! Applies the migrations that the binary carries, and publishes its catalogue.

use anyhow::Context;
use queue::{Publication, admit_producers};
use serde_json::json;

use crate::{
    operate::{tell_json, tell_line},
    publish::BINARY_VERSION,
    settings::Stores,
};

pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

pub(crate) async fn migrate(stores: &Stores, publication: &Publication, as_json: bool) -> anyhow::Result<()> {
    let db = stores.pool(1);
    MIGRATIONS.run(&db).await.context("applying the migrations")?;
    let mut connection = db.acquire().await.context("asking for a connection")?;
    let published = publication.write(&mut connection, BINARY_VERSION).await.context("publishing the catalogue")?;
    let producers = admit_producers(&mut connection).await.context("opening the door for producers")?;
    drop(connection);
    db.close().await;
    if as_json {
        return tell_json(&json!({ "published": published, "producers": producers }));
    }
    if !producers {
        tell_line!(
            "There is no role faena_producer, and this one may not create it. Whoever may: `create role faena_producer`, then `worker migrate`."
        );
    }
    Ok(())
}
