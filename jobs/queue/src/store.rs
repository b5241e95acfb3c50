//! The live half of the engine: every change of a live job is one script in `lua/`; here and in `pusher` they are called.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, aio::MultiplexedConnection};

use crate::{
    connection::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, SharedConnection},
    envelope::{Delivery, Lease, without_words},
    epoch::Epoch,
    faults::{Sabotage, sabotaged},
    job::JobId,
    journal::Started,
    lane::Lane,
    limit::to_word,
    pusher::Pusher,
    script::{Lua, scripts},
};

/// No script is handed more jobs than this, so none blocks Redis for long.
pub(crate) const MAX_BATCH: usize = 500;
/// Unrecorded events may have this many bytes; then successes of direct pushes go unrecorded.
pub(crate) const DROP_AT_BYTES: u64 = 256 << 20;
/// How long a claim is good for without renewal. Redis's clock alone decides.
pub(crate) const LEASE: Duration = Duration::from_secs(4);

/// Redis refused, or could not be reached, while something was done.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Redis, {doing}: {source}")]
pub struct StoreError {
    doing: &'static str,
    source: RedisError,
}

/// A handle on the live jobs. Cheap to clone; connects when first used and again whenever the connection is lost.
#[derive(Clone)]
pub struct Store {
    client: Client,
    connection: SharedConnection,
    pub(crate) pusher: Pusher,
    namespace: String,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

scripts! {
    CLAIM = "lua/claim.lua";
    FINISH = "lua/finish.lua";
    YIELD = "lua/yield.lua";
    RENEW = "lua/renew.lua";
    RESCUE = "lua/rescue.lua";
    CRASH = "lua/crash.lua";
    PROMOTE = "lua/promote.lua";
    CANCEL = "lua/cancel.lua";
    HASTEN = "lua/hasten.lua";
    FORGET = "lua/forget.lua";
    MISSING = "lua/missing.lua";
}

/// Deliveries that ended their jobs, as Redis must know them. Those whose events may go unrecorded under pressure come last.
#[derive(Debug, Default)]
pub(crate) struct Finish<'f> {
    pub(crate) ids: Vec<&'f str>,
    pub(crate) leases: Vec<&'f Lease>,
    /// How many of them, the last ones, are successes of direct pushes.
    pub(crate) droppable: usize,
    /// JSON arrays for the recorder; empty when there is nothing to record.
    pub(crate) events: Vec<u8>,
    pub(crate) droppable_events: Vec<u8>,
    /// How many ended how: `completed 3 dead 1`.
    pub(crate) statistics: String,
}

/// A delivery that did not end its job, as Redis must know it.
#[derive(Debug)]
pub(crate) struct Yield<'y> {
    pub(crate) id: &'y str,
    pub(crate) lease: &'y Lease,
    pub(crate) verb: Verb,
    /// JSON for the recorder; empty when there is nothing to record.
    pub(crate) event: String,
}

/// What happens to a claimed job that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Another attempt after this long; one is used up.
    Retry(Duration),
    /// Another attempt after this long; none is used up.
    Wait(Duration),
    /// No worker at hand knows it; look again after this long, or when a worker starts.
    Park(Duration),
    /// Back to the head of the lane, nothing counted.
    Release,
}

impl Verb {
    /// The same when so much of its delay has passed.
    pub(crate) fn sooner(self, passed: Duration) -> Self {
        match self {
            Self::Retry(delay) => Self::Retry(delay.saturating_sub(passed)),
            Self::Wait(delay) => Self::Wait(delay.saturating_sub(passed)),
            Self::Park(_) | Self::Release => self,
        }
    }

    fn name_and_delay(self) -> (&'static str, u64) {
        match self {
            Self::Retry(delay) => ("retry", whole_millis(delay)),
            Self::Wait(delay) => ("wait", whole_millis(delay)),
            Self::Park(delay) => ("park", whole_millis(delay)),
            Self::Release => ("release", 0),
        }
    }
}

/// The events that a recorder has written into the ledger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorded {
    /// Their stream ids.
    pub(crate) entries: Vec<String>,
    pub(crate) bytes: usize,
    pub(crate) events: usize,
}

/// What a job has behind it: "attempts-used due crashes"; absent: nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    used: u32,
    crashes: u32,
}

impl Past {
    fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let used = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        Self { used, crashes: words.nth(1).and_then(|word| word.parse().ok()).unwrap_or(0) }
    }
}

/// A lease to be renewed.
#[derive(Debug)]
pub(crate) struct Renewal {
    pub(crate) id: String,
    pub(crate) lease: Lease,
    /// How far the job has got, if it has said so since the last time.
    pub(crate) progress: Option<String>,
}

/// What a renewal found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// The lease is somebody else's now.
    Lost,
    /// It is ours for another [`LEASE`].
    Held,
    /// It is ours, and somebody wants the job cancelled.
    CancelWanted,
}

/// What became of a wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// It was waiting and is over.
    Now,
    /// It runs; its worker looks for that five times a second.
    Asked,
    /// It was over before.
    TooLate,
    /// Redis knows no such live job.
    Unknown,
}

/// What a withdrawal found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Withdrawn {
    pub(crate) was: Cancelled,
    /// How many attempts it had used.
    pub(crate) used: u32,
    /// Newer than every delivery so far, and older than all to come.
    pub(crate) epoch: i64,
    pub(crate) fence: i64,
}

impl Store {
    /// A handle on the jobs under `namespace` (the prefix of every key) on the Redis at `url`. Does not connect yet.
    ///
    /// # Errors
    /// The URL is not a Redis URL.
    pub fn new(url: &str, namespace: &str) -> Result<Self, StoreError> {
        let opened = Client::open(url).and_then(|client| Ok((client.clone(), SharedConnection::new(client)?)));
        let (client, connection) = opened.map_err(|source| StoreError { doing: "reading the URL", source })?;
        Ok(Self { client, connection, pusher: Pusher::default(), namespace: namespace.to_owned() })
    }

    pub(crate) fn key(&self, lane: Lane, name: &str) -> String {
        format!("{}:{{{lane}}}:{name}", self.namespace)
    }

    /// When each worker was heard of last.
    pub(crate) fn beats_key(&self) -> String {
        format!("{}:{{workers}}:beats", self.namespace)
    }

    /// What each worker said of itself then.
    pub(crate) fn workers_key(&self) -> String {
        format!("{}:{{workers}}:workers", self.namespace)
    }

    /// A connection of its own for a loop that blocks in Redis for at most `longest_wait` at a time.
    pub(crate) async fn blocking_connection(&self, longest_wait: Duration) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(longest_wait + RESPONSE_TIMEOUT));
        self.client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|source| StoreError { doing: "connecting", source })
    }

    /// Claims at most `limit` jobs. `None` when Redis has no epoch: take one first. The connection is the caller's own, so that a
    /// Redis that was restarted or replaced cannot be claimed from before its epoch was looked at.
    pub(crate) async fn claim(
        &self,
        connection: &mut MultiplexedConnection,
        lane: Lane,
        limit: usize,
        worker: &str,
    ) -> Result<Option<Vec<Delivery>>, StoreError> {
        let token = lease_token();
        let call = self.claim_call(lane, limit, worker, &token);
        let claimed = call.invoke_async(connection).await.map_err(|source| StoreError { doing: "claiming jobs", source })?;
        Ok(deliveries(lane, token, claimed))
    }

    /// Waits at most `longest` for a push to an empty lane, and claims at most `limit` jobs then. Redis has the claim already when the
    /// push comes, so that a job on its own costs no further way to Redis and back. Nobody can call that claim back, only hurry it, with
    /// [`Self::hurry`]: whoever stops waiting before the answer leaves a job to its lease.
    pub(crate) async fn wait_and_claim(
        &self,
        connection: &mut MultiplexedConnection,
        lane: Lane,
        limit: usize,
        worker: &str,
        longest: Duration,
    ) -> Result<Option<Vec<Delivery>>, StoreError> {
        let trouble = |source| StoreError { doing: "waiting for jobs", source };
        let mut asked = redis::pipe();
        asked.cmd("BLPOP").arg(self.hurry_key(lane, worker)).arg(self.key(lane, "wake")).arg(longest.as_secs_f64()).ignore();
        if limit == 0 {
            return asked.exec_async(connection).await.map_err(trouble).map(|()| Some(Vec::new()));
        }
        let token = lease_token();
        asked.invoke_script(&self.claim_call(lane, limit, worker, &token));
        let answer: Result<(Claim,), _> = asked.query_async(connection).await;
        match answer {
            Ok((claimed,)) => Ok(deliveries(lane, token, claimed)),
            // The next claim brings the script along.
            Err(error) if error.kind() == redis::ErrorKind::Server(redis::ServerErrorKind::NoScript) => Ok(Some(Vec::new())),
            Err(error) => Err(trouble(error)),
        }
    }

    /// Ends this worker's [`Self::wait_and_claim`].
    pub(crate) async fn hurry(&self, lane: Lane, worker: &str) -> Result<(), StoreError> {
        let key = self.hurry_key(lane, worker);
        let mut told = redis::pipe();
        // Where nobody waits any more nobody takes it away either.
        told.cmd("RPUSH").arg(&key).arg(1).ignore().cmd("EXPIRE").arg(&key).arg(2).ignore();
        self.together(&told, "ending a wait for jobs").await
    }

    fn hurry_key(&self, lane: Lane, worker: &str) -> String {
        self.key(lane, &format!("wake:{worker}"))
    }

    fn claim_call(&self, lane: Lane, limit: usize, worker: &str, token: &str) -> redis::ScriptInvocation<'static> {
        let mut call = self.call(&CLAIM, lane);
        call.arg(limit.clamp(1, MAX_BATCH)).arg(millis(LEASE)).arg(token).arg(worker);
        call
    }

    /// Ends jobs that are over: all of them (then the answer is empty), or none (then it names those whose lease is somebody else's).
    pub(crate) async fn finish(&self, lane: Lane, worker: &str, finish: &Finish<'_>) -> Result<Vec<usize>, StoreError> {
        let mut call = self.call(&FINISH, lane);
        call.arg(finish.ids.len()).arg(finish.droppable).arg(DROP_AT_BYTES).arg(worker);
        call.arg(&finish.events).arg(&finish.droppable_events).arg(&finish.statistics);
        for id in &finish.ids {
            call.arg(id);
        }
        for run in finish.leases.chunk_by(|one, next| one.mark() == next.mark()) {
            call.arg(run.len()).arg(run[0].mark());
        }
        let refused: Vec<usize> = self.run(&call, "finishing jobs").await?;
        if refused.is_empty() && sabotaged(Sabotage::NoTombstone) {
            self.query::<i64>(redis::cmd("HDEL").arg(self.key(lane, "job")).arg(&finish.ids), "dropping tombstones").await?;
        }
        Ok(refused.into_iter().map(|place| place.saturating_sub(1)).collect())
    }

    /// Takes back deliveries that did not end their jobs. Answers for each whether the lease was still held.
    pub(crate) async fn take_back(&self, lane: Lane, worker: &str, yields: &[Yield<'_>]) -> Result<Vec<bool>, StoreError> {
        let mut answers = Vec::with_capacity(yields.len());
        for batch in yields.chunks(MAX_BATCH) {
            let mut call = self.call(&YIELD, lane);
            call.arg(worker);
            for Yield { id, lease, verb, event } in batch {
                let (verb, delay) = verb.name_and_delay();
                call.arg(id).arg(lease.mark()).arg(verb).arg(delay).arg(event);
            }
            answers.extend(self.run::<Vec<bool>>(&call, "handing jobs back").await?);
        }
        Ok(answers)
    }

    /// Extends leases by [`LEASE`].
    pub(crate) async fn renew(&self, lane: Lane, held: &[Renewal]) -> Result<Vec<Renewed>, StoreError> {
        let mut answers = Vec::with_capacity(held.len());
        for batch in held.chunks(MAX_BATCH) {
            let mut call = self.call(&RENEW, lane);
            call.arg(millis(LEASE));
            for Renewal { id, lease, progress } in batch {
                call.arg(id).arg(lease.mark()).arg(progress.as_deref().map_or_else(String::new, to_word));
            }
            answers.extend(self.run::<Vec<i64>>(&call, "renewing leases").await?.into_iter().map(|answer| match answer {
                0 => Renewed::Lost,
                1 => Renewed::Held,
                _ => Renewed::CancelWanted,
            }));
        }
        Ok(answers)
    }

    /// Running jobs that somebody wants cancelled, and which delivery of each: see [`Lease::is_named_by`].
    pub(crate) async fn cancels(&self, lane: Lane) -> Result<Vec<(String, String)>, StoreError> {
        self.query(redis::cmd("HGETALL").arg(self.key(lane, "cancels")), "looking for cancelled jobs").await
    }

    /// Returns orphans to their lane, if `epoch` still holds and Redis has not stood still since it was `asked` about it; answers how many,
    /// `None` if not.
    pub(crate) async fn rescue(&self, lane: Lane, epoch: &Epoch, asked: DateTime<Utc>) -> Result<Option<u64>, StoreError> {
        let (mut cursor, mut total, mut asked) = (0_u64, 0, asked.timestamp_millis());
        loop {
            let mut call = self.call(&RESCUE, lane);
            call.arg(&epoch.text).arg(cursor).arg(MAX_BATCH).arg(asked);
            let (next, rescued, now): (u64, i64, i64) = self.run(&call, "rescuing orphans").await?;
            let Ok(rescued) = u64::try_from(rescued) else { return Ok(None) };
            total += rescued;
            if next == 0 {
                return Ok(Some(total));
            }
            (cursor, asked) = (next, now);
        }
    }

    /// Counts the crashes of jobs that a dead process was running, and returns them to their lanes at once. Answers how many: jobs that
    /// somebody else holds by now are left alone.
    ///
    /// # Errors
    /// Redis refuses or cannot be reached; what was not counted returns when its lease runs out.
    pub async fn count_crashes(&self, started: &[Started]) -> Result<u64, StoreError> {
        let mut counted = 0;
        for batch in started.chunk_by(|one, other| one.lane == other.lane).flat_map(|of_lane| of_lane.chunks(250)) {
            let mut call = self.call(&CRASH, batch[0].lane);
            for Started { fence, id, .. } in batch {
                call.arg(id).arg(fence);
            }
            counted += self.run::<u64>(&call, "counting crashes").await?;
        }
        Ok(counted)
    }

    /// Makes due jobs available, and parked ones whatever their time if told so; answers how many, and how long until the next is due.
    pub(crate) async fn promote(&self, lane: Lane, parked: bool) -> Result<(usize, Option<Duration>), StoreError> {
        let mut call = self.call(&PROMOTE, lane);
        call.arg(MAX_BATCH).arg(u8::from(parked));
        let (promoted, next_due): (usize, i64) = self.run(&call, "promoting due jobs").await?;
        Ok((promoted, u64::try_from(next_due).ok().map(Duration::from_millis)))
    }

    /// Ends a job with that event; a running one is told to stop, unless only a job that waits is meant.
    pub(crate) async fn cancel(&self, lane: Lane, id: &str, event: &str, waiting_only: bool) -> Result<Cancelled, StoreError> {
        let mut call = self.call(&CANCEL, lane);
        call.arg(id).arg(event).arg(if waiting_only { "waiting" } else { "" });
        let (cancelled, _used): (String, u32) = self.run(&call, "cancelling a job").await?;
        Ok(Cancelled::parse(&cancelled))
    }

    /// Takes a job that waits out of Redis, without an end: whoever does that pushes it anew. Over a connection of the caller's own, on which the
    /// epoch was looked at; see [`Self::claim`]. `even_running`: whoever has it loses it.
    pub(crate) async fn withdraw(
        &self,
        connection: &mut MultiplexedConnection,
        lane: Lane,
        id: &str,
        even_running: bool,
    ) -> Result<Withdrawn, StoreError> {
        let mut call = self.call(&CANCEL, lane);
        call.arg(id).arg("").arg(if even_running { "recall" } else { "withdraw" });
        let (was, used, epoch, fence): (String, u32, i64, i64) =
            call.invoke_async(connection).await.map_err(|source| StoreError { doing: "taking a job back", source })?;
        Ok(Withdrawn { was: Cancelled::parse(&was), used, epoch, fence })
    }

    /// Makes a scheduled or retryable job available at once; answers whether it was one.
    pub(crate) async fn hasten(&self, lane: Lane, id: &str) -> Result<bool, StoreError> {
        let mut call = self.call(&HASTEN, lane);
        call.arg(id);
        self.run(&call, "making a job available").await
    }

    /// Forgets what the ledger holds: the events, and the tombstones of ended jobs (id and fence).
    pub(crate) async fn forget(&self, lane: Lane, recorded: &Recorded, ended: &[(&str, i64)]) -> Result<(), StoreError> {
        let mut call = self.call(&FORGET, lane);
        call.arg(recorded.entries.len()).arg(recorded.bytes).arg(recorded.events).arg(&recorded.entries);
        for (id, fence) in ended {
            call.arg(id).arg(format!("!{fence}"));
        }
        self.run::<i64>(&call, "forgetting recorded events").await.map(drop)
    }

    /// Of these pushed jobs, those that Redis neither holds live nor remembers as ended.
    pub(crate) async fn missing(&self, lane: Lane, ids: &[JobId]) -> Result<Vec<String>, StoreError> {
        let mut call = self.call(&MISSING, lane);
        for id in ids {
            call.arg(id.to_string());
        }
        self.run(&call, "looking for lost jobs").await
    }

    /// Runs one plain command.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &redis::Cmd, doing: &'static str) -> Result<T, StoreError> {
        let mut asked = self.connection.now();
        let answer = command.query_async(&mut asked.manager).await;
        self.connection.heard(&asked, answer).map_err(|source| StoreError { doing, source })
    }

    /// Sends commands together. Not as one unit: of units, a full Redis refuses even those that only read.
    pub(crate) async fn together<T: FromRedisValue>(
        &self,
        commands: &redis::Pipeline,
        doing: &'static str,
    ) -> Result<T, StoreError> {
        let mut asked = self.connection.now();
        let answer = commands.query_async(&mut asked.manager).await;
        self.connection.heard(&asked, answer).map_err(|source| StoreError { doing, source })
    }

    /// A call of a script with the keys of a lane that its head lists.
    pub(crate) fn call<'s>(&self, lua: &'s Lua, lane: Lane) -> redis::ScriptInvocation<'s> {
        self.call_with(lua, lane, &lua.keys)
    }

    /// A call with other keys than those.
    pub(crate) fn call_with<'s>(&self, lua: &'s Lua, lane: Lane, keys: &[&str]) -> redis::ScriptInvocation<'s> {
        let mut call = lua.script.prepare_invoke();
        for key in keys {
            call.key(self.key(lane, key));
        }
        call
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        call: &redis::ScriptInvocation<'_>,
        doing: &'static str,
    ) -> Result<T, StoreError> {
        let mut asked = self.connection.now();
        let answer = call.invoke_async(&mut asked.manager).await;
        self.connection.heard(&asked, answer).map_err(|source| StoreError { doing, source })
    }
}

impl Cancelled {
    fn parse(answer: &str) -> Self {
        match answer {
            "cancelled" => Self::Now,
            "running" => Self::Asked,
            "ended" => Self::TooLate,
            _ => Self::Unknown,
        }
    }
}

impl StoreError {
    pub(crate) fn of(doing: &'static str, source: RedisError) -> Self {
        Self { doing, source }
    }

    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        Self { doing: "encoding a job", source: (redis::ErrorKind::Client, "not JSON", error.to_string()).into() }
    }

    /// A failover came in between: whoever asked looks again.
    pub(crate) fn another_life() -> Self {
        Self { doing: "beginning an epoch", source: (redis::ErrorKind::Client, "another Redis began one").into() }
    }

    /// Whether this is of one lane's keys, and other lanes have nothing to do with it.
    pub(crate) fn is_of_one_lane(&self) -> bool {
        self.source.code() == Some("WRONGTYPE")
    }

    /// Redis answers, but Postgres, which numbers the epochs, does not.
    pub(crate) fn no_epoch() -> Self {
        Self { doing: "beginning an epoch", source: (redis::ErrorKind::Client, "Postgres gives no number for it").into() }
    }
}

/// Rounded up, so that nothing is due too early, and within what a score in Redis holds exactly.
/// What a claim answers: epoch, fence, now, ids, envelopes, what earlier attempts were.
type Claim = Option<(String, i64, i64, Vec<String>, Vec<Vec<u8>>, Vec<String>)>;

fn lease_token() -> Arc<str> {
    uuid::Uuid::new_v4().simple().to_string().into()
}

fn deliveries(lane: Lane, token: Arc<str>, claimed: Claim) -> Option<Vec<Delivery>> {
    let (epoch, fence, now, ids, envelopes, used) = claimed?;
    let lease = Lease::new(Epoch::parse(&epoch).number, fence, token);
    let claimed_at = at(now);
    let mut used = used.into_iter();
    let delivery = |(id, raw)| {
        let past = used.next().map_or_else(Past::default, |used| Past::parse(&used));
        Delivery {
            id,
            lane,
            lease: lease.clone(),
            attempt: past.used.saturating_add(1),
            crashes: past.crashes,
            claimed_at,
            raw: without_words(raw),
        }
    };
    Some(ids.into_iter().zip(envelopes).map(delivery).collect())
}

fn whole_millis(delay: Duration) -> u64 {
    u64::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(1 << 48)
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The instant that Redis wrote as milliseconds; out of range becomes the Unix epoch.
pub(crate) fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
