//! Connections to Postgres that nobody waits for without end.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{sleep, timeout};

/// A connection that was used within this is believed to be there.
const FRESH: Duration = Duration::from_secs(1);
/// How long one is asked whether it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a new one may take: a busy Postgres is seconds behind.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Before another attempt at a new one.
const PAUSE: Duration = Duration::from_secs(1);
/// An older one is closed when it is next wanted: what leads to Postgres may have changed.
const LIFETIME: Duration = Duration::from_secs(1800);

/// What Postgres itself looks after: whoever has vanished without a word keeps no lock and no place there for longer than half a minute, and not for the two hours
/// that systems are given to.
pub const KEEPALIVES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// A pool that notices when a connection's other end is gone without a word, and puts another in its place. Whoever acquires such a one, and the pool itself when it
/// is given back, would wait without end; so would whoever closes it, because TLS waits for an answer even then: it is let go instead, never closed. (For the
/// same reason sqlx may close none that it finds idle or old.)
pub fn pool(options: PgPoolOptions, to: PgConnectOptions) -> PgPool {
    let (wanted, returned) = (Arc::new(to.clone()), Arc::new(to.clone()));
    options
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let to = Arc::clone(&wanted);
            Box::pin(async move {
                if meta.idle_for < FRESH {
                    return Ok(true);
                }
                if is_there(connection).await? {
                    return Ok(meta.age < LIFETIME);
                }
                *connection = connect(&to).await?;
                Ok(true)
            })
        })
        .after_release(move |connection, _| {
            let to = Arc::clone(&returned);
            Box::pin(async move {
                if !is_there(connection).await? {
                    *connection = insist(&to).await;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(to)
}

/// Whether it answers; if it is known to be broken, why.
async fn is_there(connection: &mut PgConnection) -> sqlx::Result<bool> {
    match timeout(PATIENCE, connection.ping()).await {
        Ok(answered) => answered.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// Connects, or says after a while that nobody answers.
///
/// # Errors
/// Postgres refuses or does not answer.
pub async fn connect(to: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    timeout(CONNECT_PATIENCE, PgConnection::connect_with(to))
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())))
}

async fn insist(to: &PgConnectOptions) -> PgConnection {
    loop {
        if let Ok(connection) = connect(to).await {
            return connection;
        }
        sleep(PAUSE).await;
    }
}
