//! Where sessions are kept: a row in Postgres is the truth, the cache in front of it saves most reads.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::cache::Cache;

/// Whose session it is, in its data.
pub(crate) const USER_KEY: &str = "user";

/// How long the cache keeps a session. What a cache that comes back from the dead still holds is at most this old; nothing that
/// must be exact may depend on it (see `identity::identify`).
const CACHED_S: i64 = 600;

/// The store. Sessions are found by the SHA-256 of their id: who reads the table or the cache can sign in as nobody.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    db: PgPool,
    cache: Cache,
}

#[derive(Debug, Serialize, Deserialize)]
struct Cached {
    data: Map<String, Value>,
    expires_at_s: i64,
}

impl Sessions {
    pub(crate) fn new(db: PgPool, cache: Cache) -> Self {
        Self { db, cache }
    }

    fn key(&self, hash: &[u8; 32]) -> String {
        self.cache.key(&["session", &hex_of(hash)])
    }

    async fn put_in_cache(&self, hash: &[u8; 32], cached: &Cached) {
        let seconds = CACHED_S.min(cached.expires_at_s - Utc::now().timestamp());
        if let (Ok(json), 1..) = (serde_json::to_string(cached), seconds) {
            self.cache.run::<()>(redis::cmd("SET").arg(self.key(hash)).arg(json).arg("EX").arg(seconds)).await;
        }
    }

    async fn find_in_cache(&self, hash: &[u8; 32]) -> Option<Cached> {
        let found: Option<Option<String>> = self.cache.run(redis::cmd("GET").arg(self.key(hash))).await;
        let result = match &found {
            None => "away",
            Some(None) => "miss",
            Some(Some(_)) => "hit",
        };
        metrics::counter!("faena_web_session_cache_total", "result" => result).increment(1);
        serde_json::from_str::<Cached>(&found??).ok().filter(|cached| cached.expires_at_s > Utc::now().timestamp())
    }
}

#[async_trait]
impl SessionStore for Sessions {
    /// Always under an id of its own choice, so that no id which a browser brought along is ever used.
    async fn create(&self, record: &mut Record) -> Result<()> {
        record.id = Id::default();
        let (hash, cached, expires_at) = taken_apart(record)?;
        let user_id = cached.data.get(USER_KEY).and_then(Value::as_i64);
        sqlx::query("insert into core.sessions (id_hash, user_id, data, expires_at) values ($1, $2, $3, $4)")
            .bind(hash.as_slice())
            .bind(user_id)
            .bind(Value::Object(cached.data.clone()))
            .bind(expires_at)
            .execute(&self.db)
            .await
            .map_err(away)?;
        self.put_in_cache(&hash, &cached).await;
        Ok(())
    }

    /// Only changes a row that is there: a session that was ended meanwhile stays ended.
    async fn save(&self, record: &Record) -> Result<()> {
        let (hash, cached, expires_at) = taken_apart(record)?;
        let user_id = cached.data.get(USER_KEY).and_then(Value::as_i64);
        let saved = sqlx::query("update core.sessions set user_id = $2, data = $3, expires_at = $4 where id_hash = $1")
            .bind(hash.as_slice())
            .bind(user_id)
            .bind(Value::Object(cached.data.clone()))
            .bind(expires_at)
            .execute(&self.db)
            .await
            .map_err(away)?;
        if saved.rows_affected() > 0 {
            self.put_in_cache(&hash, &cached).await;
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let hash = hash_of(id);
        if let Some(cached) = self.find_in_cache(&hash).await {
            return put_together(*id, cached).map(Some);
        }
        let row: Option<(Value, DateTime<Utc>)> =
            sqlx::query_as("select data, expires_at from core.sessions where id_hash = $1 and expires_at > now()")
                .bind(hash.as_slice())
                .fetch_optional(&self.db)
                .await
                .map_err(away)?;
        let Some((Value::Object(data), expires_at)) = row else { return Ok(None) };
        let cached = Cached { data, expires_at_s: expires_at.timestamp() };
        self.put_in_cache(&hash, &cached).await;
        put_together(*id, cached).map(Some)
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let hash = hash_of(id);
        sqlx::query("delete from core.sessions where id_hash = $1")
            .bind(hash.as_slice())
            .execute(&self.db)
            .await
            .map_err(away)?;
        self.cache.run::<()>(redis::cmd("DEL").arg(self.key(&hash))).await;
        Ok(())
    }
}

/// What stands in the place of a session's id wherever it is stored.
pub(crate) fn hash_of(id: &Id) -> [u8; 32] {
    Sha256::digest(id.0.to_le_bytes()).into()
}

/// A hash as text.
pub(crate) fn hex_of(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn taken_apart(record: &Record) -> Result<([u8; 32], Cached, DateTime<Utc>)> {
    let expires_at_s = record.expiry_date.unix_timestamp();
    let expires_at = DateTime::from_timestamp(expires_at_s, 0).ok_or_else(|| Error::Encode("a time out of range".to_owned()))?;
    let data = record.data.clone().into_iter().collect();
    Ok((hash_of(&record.id), Cached { data, expires_at_s }, expires_at))
}

fn put_together(id: Id, cached: Cached) -> Result<Record> {
    let expiry_date =
        OffsetDateTime::from_unix_timestamp(cached.expires_at_s).map_err(|error| Error::Decode(error.to_string()))?;
    Ok(Record { id, data: cached.data.into_iter().collect(), expiry_date })
}

fn away(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}
