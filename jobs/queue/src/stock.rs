//! A stock apalis-redis 1.0 queue, by its own keys: that crate has no way to look at a job without claiming it. The stories of the
//! adoption hold these keys against the crate itself.
//!
//! | key of the queue `q` | holds |
//! | --- | --- |
//! | `q:active` | list of ids, head first |
//! | `q:scheduled` | id → when it is due (s): every push goes through it, and every retry |
//! | `q:data`, `q:meta:<id>` | id → payload; attempts, status, idempotency key, the producer's own fields |
//! | `q:workers`, `q:inflight:<worker>` | worker → its last heartbeat (s); ids that it has fetched and not ended |
//! | `q:idempotency:<key>` | the id that was pushed under the key, until it expires |
//! | `q:done`, `q:dead` | ids of what is over |
//! | `q:adopting` | ours, id → when it is due: what is set aside, at most one batch |

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, aio::MultiplexedConnection};

use crate::{connection::CONNECT_TIMEOUT, script::scripts, store::MAX_BATCH};

scripts! {
    LOOK = "lua/stock_look.lua";
    SET_ASIDE = "lua/stock_set_aside.lua";
    FORGET = "lua/stock_forget.lua";
    RETURN = "lua/stock_return.lua";
}

/// A reply may carry megabytes of payloads.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// A longer payload cannot be arguments of ours, however it is written.
const MAX_PAYLOAD_BYTES: usize = 256 * 1024;
/// A batch is cut short when its payloads have this many bytes together.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// What identifies a job in its queue: text that is nearly always a ULID. Bytes, because nobody promises even that.
pub(crate) type StockId = Vec<u8>;

/// A stock queue on its Redis.
#[derive(Debug)]
pub(crate) struct StockQueue {
    name: String,
    connection: MultiplexedConnection,
}

/// A stock worker that was heard of, or that has something in flight.
#[derive(Debug, Clone)]
pub(crate) struct StockWorker {
    pub(crate) name: String,
    /// Its last heartbeat, in seconds; `None`: it is on no list any more.
    pub(crate) heartbeat: Option<f64>,
    /// How many jobs it has fetched and not ended.
    pub(crate) in_flight: u64,
}

/// Where stock jobs wait.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'p> {
    /// The list from which workers fetch.
    Active,
    /// The set of what is due sometime, perhaps long ago.
    Scheduled,
    /// What a worker has fetched and not ended.
    InFlight(&'p StockWorker),
    /// What an adoption has set aside.
    Aside,
}

/// One position in a place: an id, where exactly it stands, and when it is due (s; 0: at once).
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) id: StockId,
    at: f64,
    pub(crate) due: f64,
}

/// A job as it was read.
#[derive(Debug, Clone)]
pub(crate) struct StockJob {
    pub(crate) spot: Spot,
    pub(crate) payload: Payload,
    /// Another one when the job has changed.
    mark: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// A job's payload, as far as it was read.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Whole(Vec<u8>),
    /// It has this many bytes and was left where it is.
    TooLong(usize),
    Gone,
}

/// Where the stock crate keeps the list of its queues, each as the key of its workers.
const QUEUES: &str = "core:apalis:queues:list";

impl StockQueue {
    /// Connects.
    pub(crate) async fn open(url: &str, name: &str) -> Result<Self, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connection = Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Self { name: name.to_owned(), connection })
    }

    /// The queues whose workers have ever registered in this Redis.
    pub(crate) async fn known(&mut self) -> Result<Vec<String>, RedisError> {
        let keys: Vec<Vec<u8>> = redis::cmd("ZRANGE").arg(QUEUES).arg(0).arg(-1).query_async(&mut self.connection).await?;
        Ok(keys.iter().map(|key| text(key).trim_end_matches(":workers").to_owned()).collect())
    }

    /// Redis's clock, in seconds.
    pub(crate) async fn now(&mut self) -> Result<f64, RedisError> {
        let (seconds, micros): (f64, f64) = redis::cmd("TIME").query_async(&mut self.connection).await?;
        Ok(seconds + micros / 1e6)
    }

    /// How many wait in the list and in the set of what is due sometime, and how many are over: (done, dead).
    pub(crate) async fn sizes(&mut self) -> Result<(u64, u64, (u64, u64)), RedisError> {
        let mut counts = redis::pipe();
        counts.cmd("LLEN").arg(self.key("active"));
        counts.cmd("ZCARD").arg(self.key("scheduled"));
        counts.cmd("SCARD").arg(self.key("done"));
        counts.cmd("SCARD").arg(self.key("dead"));
        let (active, scheduled, done, dead) = counts.query_async(&mut self.connection).await?;
        Ok((active, scheduled, (done, dead)))
    }

    /// Every worker on the queue's list, and every one that is on none but still has jobs in flight.
    pub(crate) async fn workers(&mut self) -> Result<Vec<StockWorker>, RedisError> {
        let listed: Vec<(String, f64)> = redis::cmd("ZRANGE")
            .arg(self.key("workers"))
            .arg(0)
            .arg(-1)
            .arg("WITHSCORES")
            .query_async(&mut self.connection)
            .await?;
        let beats: BTreeMap<String, f64> = listed.into_iter().collect();
        let names: BTreeSet<String> = self.holders().await?.into_iter().chain(beats.keys().cloned()).collect();
        let mut workers = Vec::with_capacity(names.len());
        for name in names {
            let in_flight =
                redis::cmd("SCARD").arg(self.key(&format!("inflight:{name}"))).query_async(&mut self.connection).await?;
            workers.push(StockWorker { heartbeat: beats.get(&name).copied(), name, in_flight });
        }
        Ok(workers)
    }

    /// The workers for which there is a set of jobs in flight.
    async fn holders(&mut self) -> Result<Vec<String>, RedisError> {
        let prefix = self.key("inflight:");
        let pattern: String =
            prefix.chars().flat_map(|c| "*?[]^-\\".contains(c).then_some('\\').into_iter().chain([c])).chain(['*']).collect();
        let (mut cursor, mut holders) = (0_u64, Vec::new());
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000).arg("TYPE").arg("set");
            let (next, keys): (u64, Vec<Vec<u8>>) = scan.query_async(&mut self.connection).await?;
            holders
                .extend(keys.into_iter().filter_map(|key| Some(String::from_utf8(key).ok()?.strip_prefix(&prefix)?.to_owned())));
            if next == 0 {
                return Ok(holders);
            }
            cursor = next;
        }
    }

    /// At most [`MAX_BATCH`] of the jobs in a place, beginning with the `skip`-th. Of what is in flight, which has no order, `skip` is the
    /// cursor that the last page answered.
    pub(crate) async fn page(&mut self, place: Place<'_>, skip: u64) -> Result<(Vec<Spot>, u64), RedisError> {
        let key = self.place(place);
        let last = skip + MAX_BATCH as u64 - 1;
        let (spots, next): (Vec<Spot>, u64) = match place {
            Place::Active => {
                let ids: Vec<StockId> =
                    redis::cmd("LRANGE").arg(key).arg(skip).arg(last).query_async(&mut self.connection).await?;
                #[expect(clippy::cast_precision_loss, reason = "a list's length is far below 2^53")]
                let spots = ids.into_iter().zip(skip..).map(|(id, at)| Spot { id, at: at as f64, due: 0.0 });
                (spots.collect(), 0)
            }
            Place::Scheduled | Place::Aside => {
                let mut range = redis::cmd("ZRANGE");
                range.arg(key).arg(skip).arg(last).arg("WITHSCORES");
                let scored: Vec<(StockId, f64)> = range.query_async(&mut self.connection).await?;
                (scored.into_iter().map(|(id, score)| Spot { id, at: score, due: score }).collect(), 0)
            }
            Place::InFlight(_) => {
                let mut scan = redis::cmd("SSCAN");
                scan.arg(key).arg(skip).arg("COUNT").arg(MAX_BATCH);
                let (next, ids): (u64, Vec<StockId>) = scan.query_async(&mut self.connection).await?;
                (ids.into_iter().map(|id| Spot { id, at: 0.0, due: 0.0 }).collect(), next)
            }
        };
        Ok((spots, next))
    }

    /// What the queue says of these jobs, at most [`MAX_BATCH`] of them and at least one: a batch ends early where payloads are long.
    pub(crate) async fn look(&mut self, spots: &[Spot]) -> Result<Vec<StockJob>, RedisError> {
        type Reply = (Option<Vec<u8>>, usize, String, Vec<(Vec<u8>, Vec<u8>)>);
        let spots = &spots[..spots.len().min(MAX_BATCH)];
        let mut call = LOOK.script.prepare_invoke();
        call.key(self.key("data"));
        for spot in spots {
            call.key(self.metadata_key(&spot.id));
        }
        call.arg(MAX_PAYLOAD_BYTES).arg(MAX_BATCH_BYTES);
        for spot in spots {
            call.arg(&spot.id);
        }
        let replies: Vec<Reply> = call.invoke_async(&mut self.connection).await?;
        let job = |(spot, (payload, length, mark, fields)): (&Spot, Reply)| StockJob {
            spot: spot.clone(),
            payload: match payload {
                Some(bytes) => Payload::Whole(bytes),
                None if length > 0 => Payload::TooLong(length),
                None => Payload::Gone,
            },
            mark,
            metadata: fields.into_iter().map(|(field, value)| (text(&field), text(&value))).collect(),
        };
        Ok(spots.iter().zip(replies).map(job).collect())
    }

    /// Sets jobs aside that are still what and where they were; answers for each whether it was.
    pub(crate) async fn set_aside(&mut self, place: Place<'_>, jobs: &[&StockJob]) -> Result<Vec<bool>, RedisError> {
        let mut call = SET_ASIDE.script.prepare_invoke();
        call.key(self.key("data")).key(self.place(place)).key(self.place(Place::Aside)).key(self.key("workers"));
        for job in jobs {
            call.key(self.metadata_key(&job.spot.id));
        }
        let (kind, worker, beat) = match place {
            Place::Active => ("list", "", None),
            Place::Scheduled | Place::Aside => ("zset", "", None),
            Place::InFlight(worker) => ("set", worker.name.as_str(), worker.heartbeat),
        };
        call.arg(kind).arg(worker).arg(beat.map_or_else(String::new, |beat| beat.to_string()));
        for job in jobs {
            call.arg(&job.spot.id).arg(&job.mark).arg(job.spot.at.to_string()).arg(job.spot.due.to_string());
        }
        call.invoke_async(&mut self.connection).await
    }

    /// Removes jobs that were set aside, with all that the queue knew of them. Their idempotency keys stay until they expire, so that a
    /// producer who repeats a push is still told that it is one.
    pub(crate) async fn forget(&mut self, ids: &[&StockId]) -> Result<u64, RedisError> {
        let mut call = FORGET.script.prepare_invoke();
        call.key(self.key("data")).key(self.place(Place::Aside));
        for id in ids {
            call.key(self.metadata_key(id));
        }
        self.with_ids(call, ids).await
    }

    /// Returns jobs that were set aside to where stock workers find them.
    pub(crate) async fn put_back(&mut self, ids: &[&StockId]) -> Result<u64, RedisError> {
        let mut call = RETURN.script.prepare_invoke();
        call.key(self.place(Place::Aside)).key(self.place(Place::Scheduled));
        self.with_ids(call, ids).await
    }

    async fn with_ids<T: FromRedisValue + Default>(
        &mut self,
        mut call: redis::ScriptInvocation<'_>,
        ids: &[&StockId],
    ) -> Result<T, RedisError> {
        if ids.is_empty() {
            return Ok(T::default());
        }
        for id in ids {
            call.arg(id.as_slice());
        }
        call.invoke_async(&mut self.connection).await
    }

    fn place(&self, place: Place<'_>) -> String {
        match place {
            Place::Active => self.key("active"),
            Place::Scheduled => self.key("scheduled"),
            Place::InFlight(worker) => self.key(&format!("inflight:{}", worker.name)),
            Place::Aside => self.key("adopting"),
        }
    }

    fn metadata_key(&self, id: &[u8]) -> Vec<u8> {
        [self.key("meta:").as_bytes(), id].concat()
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.name)
    }
}

/// Text for people and for Postgres, which takes no NUL.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}
