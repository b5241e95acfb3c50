//! The connection to Redis that all loops share. It comes back by itself, also from silence.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    Client, ErrorKind, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Where the address itself leads to a replica, or nobody is let in, opening another connection helps nobody more often than this.
const REPLACED_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// A manager notices a connection that is closed and opens another. One that has gone silent (a firewall forgot it, the host is
/// gone) it would keep for good: such a one is given up when an answer is overdue. So is one whose Redis is a replica by now: after a
/// failover the same address may lead to the new primary. And so is one that was turned away before it began, for its password or
/// because there are too many: a manager takes that for an answer, and repeats it for good.
#[derive(Clone)]
pub(crate) struct SharedConnection {
    client: Client,
    current: Arc<Mutex<Numbered>>,
}

/// A manager, and the how-manieth it is.
#[derive(Clone)]
pub(crate) struct Numbered {
    number: u64,
    since: Instant,
    pub(crate) manager: ConnectionManager,
}

impl SharedConnection {
    /// Does not connect yet.
    pub(crate) fn new(client: Client) -> RedisResult<Self> {
        let current = Arc::new(Mutex::new(Numbered { number: 0, since: Instant::now(), manager: open(&client)? }));
        Ok(Self { client, current })
    }

    /// The connection of now, for one request.
    pub(crate) fn now(&self) -> Numbered {
        self.lock().clone()
    }

    /// What came of the request. The first answer that is overdue on a connection, or says that a replica gave it or that nobody was let in, replaces it for
    /// everybody.
    pub(crate) fn heard<T>(&self, asked: &Numbered, answer: RedisResult<T>) -> Result<T, RedisError> {
        if let Err(error) = &answer
            && (error.is_timeout() || (is_at_the_wrong_door(error) && asked.since.elapsed() > REPLACED_AT_MOST_EVERY))
        {
            let mut current = self.lock();
            if current.number == asked.number
                && let Ok(manager) = open(&self.client)
            {
                *current = Numbered { number: asked.number + 1, since: Instant::now(), manager };
            }
        }
        answer
    }

    fn lock(&self) -> MutexGuard<'_, Numbered> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_at_the_wrong_door(error: &RedisError) -> bool {
    error.code() == Some("READONLY")
        || error.kind() == ErrorKind::AuthenticationFailed
        || error.to_string().starts_with("Redis server refused to switch database")
}

fn open(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(500));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}
