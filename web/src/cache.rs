//! The cache Redis, which may vanish at any moment: every call is short, and after a failure nobody calls for a while.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{
    Client, Cmd, FromRedisValue, RedisResult, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

/// The longest that a request waits for the cache.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long nobody calls a cache that failed.
const REST_MS: u64 = 2_000;

/// A cache that answers or is away; it never fails.
#[derive(Clone)]
pub(crate) struct Cache {
    client: Client,
    /// Another one after each failure: this one would keep a connection that has gone silent for good, and one that it was not let in by.
    connection: Arc<Mutex<ConnectionManager>>,
    namespace: Arc<str>,
    /// Until when nobody calls, in milliseconds since `started`.
    rests_until_ms: Arc<AtomicU64>,
    started: Instant,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Cache {
    /// Connects at the first call.
    ///
    /// # Errors
    /// The URL is none.
    pub(crate) fn new(url: &SecretString, namespace: &str) -> RedisResult<Self> {
        let client = Client::open(url.expose_secret())?;
        Ok(Self {
            connection: Arc::new(Mutex::new(open(&client)?)),
            client,
            namespace: namespace.into(),
            rests_until_ms: Arc::default(),
            started: Instant::now(),
        })
    }

    /// The same cache for who is more patient, or less: whether one calls it does not depend on what the other has met.
    pub(crate) fn apart(&self) -> Self {
        Self { rests_until_ms: Arc::default(), ..self.clone() }
    }

    /// A key of ours.
    pub(crate) fn key(&self, parts: &[&str]) -> String {
        format!("{}:web:{}", self.namespace, parts.join(":"))
    }

    /// One command; nothing if the cache is away.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        self.run_within(PATIENCE, command).await
    }

    /// The same for who can wait longer.
    pub(crate) async fn run_within<T: FromRedisValue>(&self, patience: Duration, command: &Cmd) -> Option<T> {
        let mut connection = self.connection();
        self.bounded(patience, async move { command.query_async(&mut connection).await }).await
    }

    /// One script; nothing if the cache is away.
    pub(crate) async fn run_script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        self.run_script_within(PATIENCE, script).await
    }

    /// The same for who can wait longer.
    pub(crate) async fn run_script_within<T: FromRedisValue>(
        &self,
        patience: Duration,
        script: &ScriptInvocation<'_>,
    ) -> Option<T> {
        let mut connection = self.connection();
        self.bounded(patience, async move { script.invoke_async(&mut connection).await }).await
    }

    async fn bounded<T>(&self, patience: Duration, call: impl Future<Output = RedisResult<T>>) -> Option<T> {
        let now_ms = || u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now_ms() < self.rests_until_ms.load(Ordering::Relaxed) {
            return None;
        }
        let error = match timeout(patience, call).await {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => error.category().to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.rests_until_ms.store(now_ms() + REST_MS, Ordering::Relaxed);
        self.connect_anew();
        tracing::warn!(error, "the cache is away");
        metrics::counter!("faena_web_cache_away_total").increment(1);
        None
    }

    /// A call of its own, for who asks whether the cache is there.
    ///
    /// # Errors
    /// It is not.
    pub(crate) async fn ping(&self) -> RedisResult<()> {
        redis::cmd("PING").query_async(&mut self.connection()).await.inspect_err(|_| self.connect_anew())
    }

    fn connection(&self) -> ConnectionManager {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// At the next call. Those that are on their way stay with the connection that they have.
    fn connect_anew(&self) {
        if let Ok(connection) = open(&self.client) {
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
        }
    }
}

fn open(client: &Client) -> RedisResult<ConnectionManager> {
    let second = Some(Duration::from_secs(1));
    let config =
        ConnectionManagerConfig::new().set_number_of_retries(1).set_connection_timeout(second).set_response_timeout(second);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}
