//! Tells the world what this binary runs, as soon as Postgres can be told.

use queue::{Outage, Publication, bounded};
use sqlx::PgPool;
use tracing::info;

/// Stands in the catalogue beside what it published.
pub(crate) const BINARY_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Publishes, now or when Postgres is there and migrated. A worker runs jobs meanwhile: only who enqueues by name waits for this.
pub(crate) async fn publish(db: PgPool, publication: Publication, mut outage: Outage) {
    loop {
        match bounded(write(&db, &publication)).await {
            Ok(changed) => {
                outage.over();
                info!(changed, "the catalogue is published");
                return;
            }
            Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(outage.delay()).await;
    }
}

async fn write(db: &PgPool, publication: &Publication) -> sqlx::Result<u64> {
    publication.add(&mut *db.acquire().await?, BINARY_VERSION).await
}
