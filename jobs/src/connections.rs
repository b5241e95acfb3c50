//! Connections to Postgres that nobody waits for without end.

use std::{io::ErrorKind, time::Duration};

use sqlx::{Connection as _, PgConnection, postgres::PgPoolOptions};

/// A connection that was used within this is believed to be there.
const FRESH: Duration = Duration::from_secs(1);
/// How long one is asked whether it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// A pool that notices when a connection's other end is gone without a word. It would be waited for without end otherwise, by whoever acquires it and by the
/// pool itself, which keeps its place meanwhile.
#[must_use]
pub fn watched(options: PgPoolOptions) -> PgPoolOptions {
    options
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { if meta.idle_for < FRESH { Ok(true) } else { answers(connection).await } })
        })
        .after_release(|connection, _| Box::pin(answers(connection)))
}

async fn answers(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let asked = tokio::time::timeout(PATIENCE, connection.ping()).await;
    asked.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into()))).map(|()| true)
}
