//! Tells the world what this binary runs, as soon as Postgres can be told.

use std::time::Duration;

use queue::Publication;
use sqlx::PgPool;
use tracing::{info, warn};

/// Stands in the catalogue beside what it published.
pub(crate) const BINARY_VERSION: &str = env!("CARGO_PKG_VERSION");
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Publishes, now or when Postgres is there and migrated. A worker runs jobs meanwhile: only who enqueues by name waits for this.
pub(crate) async fn publish(db: PgPool, publication: Publication) {
    let mut pause = PAUSE;
    loop {
        match write(&db, &publication).await {
            Ok(changed) => {
                info!(changed, "the catalogue is published");
                return;
            }
            Err(error) => warn!(%error, "the catalogue could not be published; trying again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn write(db: &PgPool, publication: &Publication) -> sqlx::Result<u64> {
    publication.add(&mut *db.acquire().await?, BINARY_VERSION).await
}
