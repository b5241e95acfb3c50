//! Applies the migrations that the binary carries, and publishes its catalogue.

use anyhow::Context;
use jobs::connections::{self, KEEPALIVES};
use queue::{Publication, admit_producers};
use serde_json::json;
use sqlx::Connection as _;

use crate::{
    operate::{tell_json, tell_line},
    publish::BINARY_VERSION,
    settings::{Mistakes, StoreArgs},
};

pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

pub(crate) async fn migrate(stores: &StoreArgs, publication: &Publication, as_json: bool) -> anyhow::Result<()> {
    let mut mistakes = Mistakes::default();
    let database = stores.migrated(&mut mistakes);
    mistakes.into_result()?;
    let database = database.context("the settings are incomplete")?;
    let mut connection = connections::connect(&database.options(KEEPALIVES)).await.context("connecting to Postgres")?;
    MIGRATIONS.run(&mut connection).await.context("applying the migrations")?;
    let published = publication.write(&mut connection, BINARY_VERSION).await.context("publishing the catalogue")?;
    let producers = admit_producers(&mut connection).await.context("opening the door for producers")?;
    connection.close().await.context("leaving Postgres")?;
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
