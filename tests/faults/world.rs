//! One isolated installation to be broken: its own Redis and Postgres, a proxy before each, workers, a load, and a record.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chrono::Utc;
use faena_tests::{
    proxy::Proxy,
    servers::{PrivatePostgres, PrivateRedis},
    stores::Stores,
};
use futures_util::future::join_all;
use nix::sys::signal::Signal;
use queue::{Lane, Paused};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::sync::{Mutex, MutexGuard, Semaphore};

use crate::{
    businesses::Businesses,
    crew::Crew,
    ledger_disk::LedgerDisk,
    load::Loader,
    plan::{Episode, Fault, SLOTS, Store, is_seldom, needs_loss},
    record::Record,
    trace::Trace,
};

/// A worker that was told to die at a point comes by it within this, under load.
const LONGEST_WAY_TO_A_POINT: Duration = Duration::from_secs(20);
/// A connection that went silent lies there for so long, and takes up room, before both ends hear that it is gone.
const SILENCE: Duration = Duration::from_secs(90);
/// So many workers are on their way to a crash point at once.
const MOST_ARMED: u32 = 2;

/// Everything of one world.
pub(crate) struct World {
    redis: Mutex<PrivateRedis>,
    postgres: Mutex<PrivatePostgres>,
    redis_proxy: Proxy,
    postgres_proxy: Proxy,
    ledger_disk: LedgerDisk,
    /// Direct, past the proxies: what the harness itself uses.
    pub(crate) stores: Stores,
    /// Gives up soon, because servers are often away.
    pub(crate) db: PgPool,
    pub(crate) crew: Arc<Crew>,
    pub(crate) record: Arc<Record>,
    /// Who works here instead of jobs made to be a strain.
    pub(crate) businesses: Option<Businesses>,
    pub(crate) trace: Arc<Trace>,
    outstanding: Arc<AtomicI64>,
    first_of_episode: AtomicI64,
    deploying: Mutex<()>,
    armed: Semaphore,
    /// Keys under which something foreign has stood.
    foreign: Mutex<BTreeSet<String>>,
}

/// A fault that struck, and whether work was in flight.
#[derive(Debug, Clone)]
pub(crate) struct Struck {
    pub(crate) name: &'static str,
    pub(crate) counts: bool,
}

/// Who works in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Staff {
    /// Every kind of job that the engine's guarantees are about.
    Strain,
    /// The school and the help desk.
    Businesses,
}

impl Staff {
    /// A lane that nobody else has.
    pub(crate) const fn own_lane(self) -> &'static str {
        match self {
            Self::Strain => "low/ferry",
            Self::Businesses => "low/reports",
        }
    }
}

impl World {
    pub(crate) async fn start(binaries: [PathBuf; 2], staff: Staff, sabotage: Option<&str>) -> anyhow::Result<Arc<Self>> {
        let (redis, postgres) = (PrivateRedis::start().await, PrivatePostgres::start().await);
        let stores = Stores::on(&postgres.url(), &redis.url()).await;
        let db = PgPoolOptions::new()
            .max_connections(6)
            .acquire_timeout(Duration::from_millis(1500))
            .connect_lazy(&stores.database_url)
            .context("a Postgres URL")?;
        let ledger_disk = LedgerDisk::under(&db).await?;
        let (redis_proxy, redis_url) = Proxy::before_url(&stores.redis_url).await;
        let (postgres_proxy, database_url) = Proxy::before_url(&stores.database_url).await;
        let businesses = match staff {
            Staff::Strain => None,
            Staff::Businesses => Some(Businesses::open(&stores, db.clone(), &database_url, &redis_url).await?),
        };
        let mut settings = businesses.as_ref().map(|businesses| businesses.settings.clone()).unwrap_or_default();
        let own_lane = format!("{}=2", staff.own_lane());
        let ours = [
            ("DATABASE_URL", database_url.as_str()),
            ("REDIS_URL", &redis_url),
            ("FAENA_NAMESPACE", &stores.namespace),
            ("ADMIN_ADDR", "127.0.0.1:0"),
            ("SLOTS_CRITICAL", "3"),
            ("SLOTS_DEFAULT", "8"),
            ("SLOTS_LOW", "3"),
            ("SLOTS_LANES", &own_lane),
            ("DRAIN_SECONDS", "3"),
            // The crew supervises, and kills what it means to kill.
            ("SUPERVISE", "false"),
        ];
        settings.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
        settings.extend(sabotage.map(|name| ("FAENA_SABOTAGE".to_owned(), name.to_owned())));
        let trace = Arc::new(Trace::new());
        let world = Arc::new(Self {
            redis: Mutex::new(redis),
            postgres: Mutex::new(postgres),
            redis_proxy,
            postgres_proxy,
            ledger_disk,
            stores,
            db,
            crew: Crew::new(binaries, settings, trace.clone()),
            record: Arc::default(),
            businesses,
            trace,
            outstanding: Arc::default(),
            first_of_episode: AtomicI64::new(0),
            deploying: Mutex::default(),
            armed: Semaphore::new(MOST_ARMED as usize),
            foreign: Mutex::default(),
        });
        tokio::spawn(count_outstanding(Arc::downgrade(&world)));
        Ok(world)
    }

    /// How the ledger's disk becomes full here.
    pub(crate) fn disk_is_real(&self) -> bool {
        matches!(self.ledger_disk, LedgerDisk::Small(_))
    }

    /// Plays an episode under load, and leaves everything whole and the load at rest.
    pub(crate) async fn play(self: &Arc<Self>, episode: Episode, seed: u64) -> Vec<Struck> {
        self.first_of_episode.store(self.record.len(), Ordering::Relaxed);
        let rest = Arc::new(AtomicBool::new(false));
        let resting = rest.clone();
        let loader = Loader {
            stores: self.stores.clone(),
            db: self.db.clone(),
            record: self.record.clone(),
            outstanding: self.outstanding.clone(),
            resting: resting.clone(),
        };
        let loading = tokio::spawn({
            let world = self.clone();
            async move {
                match &world.businesses {
                    Some(businesses) => businesses.trade(seed, &resting).await,
                    None => loader.run(seed).await,
                }
            }
        });
        let mut at = tokio::time::Instant::now();
        let struck = join_all(episode.strikes.into_iter().map(|strike| {
            at += strike.after;
            async move {
                tokio::time::sleep_until(at).await;
                self.strike(strike.fault).await
            }
        }))
        .await;
        rest.store(true, Ordering::Relaxed);
        let _ = loading.await;
        self.crew.disarm().await;
        struck
    }

    async fn strike(&self, fault: Fault) -> Struck {
        let (name, text) = (fault.name(), fault.to_string());
        let began = Utc::now();
        let loses = fault.loses_redis_data();
        let counts = match self.carry_out(fault, &text).await {
            Ok(counts) => counts,
            Err(error) => {
                self.trace.note(format!("{text}: could not be done: {error:#}"));
                false
            }
        };
        if loses {
            self.record.lost_data(began, Utc::now());
        }
        Struck { name, counts }
    }

    /// Whether the fault met work in flight; it is waited for, but not for long.
    async fn meets_work(&self, text: &str) -> bool {
        let began = Instant::now();
        while self.outstanding.load(Ordering::Relaxed) <= 0 && began.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let outstanding = self.outstanding.load(Ordering::Relaxed);
        self.trace.note(format!("{text} ({outstanding} in flight)"));
        outstanding > 0
    }

    async fn carry_out(&self, fault: Fault, text: &str) -> anyhow::Result<bool> {
        let wait = async |ms: u64| tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(match fault {
            Fault::Kill { slot } => {
                let met = self.meets_work(text).await;
                self.crew.signal(slot, Signal::SIGKILL).await > 0 && met
            }
            Fault::Freeze { slot, ms } => {
                let met = self.meets_work(text).await;
                let pid = self.crew.signal(slot, Signal::SIGSTOP).await;
                wait(ms).await;
                Crew::thaw(pid);
                met && pid > 0
            }
            Fault::Terminate { slot } => {
                let met = self.meets_work(text).await;
                self.crew.terminate(slot).await;
                met
            }
            Fault::Deploy => {
                let _one_at_a_time = self.deploying.lock().await;
                let met = self.meets_work(text).await;
                self.crew.deploy().await;
                met
            }
            Fault::Crash { slot, point, nth } => self.crash(slot, &point, nth, text).await?,
            Fault::Starve { slot } => {
                let met = self.meets_work(text).await;
                self.crew.starve(slot).await;
                met
            }
            Fault::RedisKilled { down_ms } => self.restart_redis(text, down_ms, |_| {}).await,
            Fault::RedisTorn { down_ms, bytes } => self.restart_redis(text, down_ms, |redis| redis.tear(bytes)).await,
            Fault::RedisWiped { down_ms } => self.restart_redis(text, down_ms, PrivateRedis::wipe).await,
            Fault::RedisFlushed => {
                let redis = self.redis.lock().await;
                let met = self.meets_work(text).await;
                ask(&redis, &["FLUSHALL"]).await?;
                met
            }
            Fault::RedisPaused { ms, by_signal } => {
                let redis = self.redis.lock().await;
                let met = self.meets_work(text).await;
                if by_signal {
                    redis.signal(Signal::SIGSTOP);
                    wait(ms).await;
                    redis.signal(Signal::SIGCONT);
                } else {
                    ask(&redis, &["CLIENT", "PAUSE", &ms.to_string(), "ALL"]).await?;
                    wait(ms).await;
                }
                met
            }
            Fault::Foreign { key, ms } => {
                let redis = self.redis.lock().await;
                let met = self.meets_work(text).await;
                let key = format!("{}:{key}", self.stores.namespace);
                self.foreign.lock().await.insert(key.clone());
                let put = ask(&redis, &["SET", &key, NOT_OURS, "NX"]).await;
                wait(ms).await;
                // Whether or not it was heard.
                while remove_foreign(&redis, &key).await.is_err() {
                    wait(100).await;
                }
                met && put? == redis::Value::Okay
            }
            Fault::RedisFull { ms } => {
                let mut postgres = self.postgres.lock().await;
                let redis = self.redis.lock().await;
                let met = self.meets_work(text).await;
                postgres.crash();
                let full = ask(&redis, &["CONFIG", "SET", "maxmemory", "1mb"]).await;
                wait(ms).await;
                // Whether or not it was heard: a Redis that is paused answers late, and nobody else sets this right.
                while ask(&redis, &["CONFIG", "SET", "maxmemory", "0"]).await.is_err() {
                    wait(100).await;
                }
                postgres.resume().await;
                full.map(|_| met)?
            }
            Fault::PostgresCrashed { down_ms } => self.restart_postgres(text, down_ms, true).await,
            Fault::PostgresStopped { down_ms } => self.restart_postgres(text, down_ms, false).await,
            Fault::LedgerFull { ms } => {
                let _postgres = self.postgres.lock().await;
                let met = self.meets_work(text).await;
                let full = self.ledger_disk.fill(&self.db).await;
                wait(ms).await;
                while self.ledger_disk.free(&self.db).await.is_err() {
                    wait(100).await;
                }
                full.map(|()| met)?
            }
            Fault::Pause { what, ms } => {
                let met = self.meets_work(text).await;
                let operations = self.stores.operations();
                let jobs = Paused::Job(what.to_owned());
                let paused = match what.parse::<Lane>() {
                    Ok(lane) => operations.pause(lane, "faults").await.is_ok(),
                    Err(_) => operations.pause_jobs(&jobs, "faults").await.is_ok(),
                };
                wait(ms).await;
                // Whether or not it was heard, and however long Postgres is away.
                let resumed = async || match what.parse::<Lane>() {
                    Ok(lane) => operations.resume(lane).await.is_ok(),
                    Err(_) => operations.resume_jobs(&jobs).await.is_ok(),
                };
                while !resumed().await {
                    wait(100).await;
                }
                met && paused
            }
            Fault::Reset { store } => {
                let met = self.meets_work(text).await;
                self.proxy(store).reset();
                met
            }
            Fault::HalfOpen { store } => {
                let met = self.meets_work(text).await;
                self.proxy(store).silence(SILENCE);
                met
            }
            Fault::Slow { store, latency_ms, ms } => {
                let met = self.meets_work(text).await;
                self.proxy(store).set_latency(latency_ms);
                wait(ms).await;
                self.proxy(store).set_latency(0);
                met
            }
            Fault::Narrow { store, bytes_per_second, ms } => {
                let met = self.meets_work(text).await;
                self.proxy(store).set_rate(bytes_per_second);
                wait(ms).await;
                self.proxy(store).set_rate(0);
                met
            }
        })
    }

    /// Counts when a worker has died there.
    async fn crash(&self, slot: usize, point: &str, nth: u32, text: &str) -> anyhow::Result<bool> {
        // One worker at least is free for other faults; where whoever comes first must die, all are on their way.
        let everybody = if needs_loss(point) || is_seldom(point) { MOST_ARMED } else { 1 };
        let _armed = self.armed.acquire_many(everybody).await?;
        let before = self.crew.hits(point);
        // Whoever of them walks first must be the one to die, or another would repair what was lost or do what there is to do.
        for slot in if everybody == 1 { slot..slot + 1 } else { 0..SLOTS } {
            self.crew.arm(slot, point, nth).await;
        }
        if needs_loss(point) {
            let redis = self.redis.lock().await;
            self.trace.note("FLUSHALL, for there to be a loss");
            ask(&redis, &["FLUSHALL"]).await?;
        }
        let met = self.meets_work(text).await;
        let began = Instant::now();
        while began.elapsed() < LONGEST_WAY_TO_A_POINT {
            if self.crew.hits(point) > before {
                return Ok(met);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.trace.note(format!("nobody came by {point}"));
        Ok(false)
    }

    async fn restart_redis(&self, text: &str, down_ms: u64, damage: impl FnOnce(&mut PrivateRedis)) -> bool {
        let mut redis = self.redis.lock().await;
        let met = self.meets_work(text).await;
        redis.kill_9();
        damage(&mut redis);
        tokio::time::sleep(Duration::from_millis(down_ms)).await;
        redis.resume().await;
        // That something foreign was removed may be among what it has forgotten, and nobody else removes it.
        for key in &*self.foreign.lock().await {
            let _ = remove_foreign(&redis, key).await;
        }
        met
    }

    async fn restart_postgres(&self, text: &str, down_ms: u64, crashes: bool) -> bool {
        let mut postgres = self.postgres.lock().await;
        let met = self.meets_work(text).await;
        if crashes {
            postgres.crash();
        } else {
            postgres.stop_patiently().await;
        }
        tokio::time::sleep(Duration::from_millis(down_ms)).await;
        postgres.resume().await;
        met
    }

    async fn outstanding_now(&self) -> sqlx::Result<i64> {
        if self.businesses.is_some() {
            return sqlx::query_scalar("select count(*) from faena.outbox").fetch_one(&self.db).await;
        }
        let first = self.first_of_episode.load(Ordering::Relaxed);
        let seen: Vec<i64> =
            sqlx::query_scalar("select n from probe.effects where n >= $1").bind(first).fetch_all(&self.db).await?;
        Ok(self.record.outstanding(first, &BTreeSet::from_iter(seen)))
    }

    /// How much was handed over: jobs, or what people and providers have done.
    pub(crate) fn handed_over(&self) -> i64 {
        self.businesses
            .as_ref()
            .map_or_else(|| self.record.len(), |businesses| i64::try_from(businesses.handed_over()).unwrap_or(i64::MAX))
    }

    fn proxy(&self, store: Store) -> &Proxy {
        match store {
            Store::Redis => &self.redis_proxy,
            Store::Postgres => &self.postgres_proxy,
        }
    }
}

/// What is foreign says so.
const NOT_OURS: &str = "not ours";

/// One command to Redis itself.
async fn ask(redis: &MutexGuard<'_, PrivateRedis>, command: &[&str]) -> anyhow::Result<redis::Value> {
    let mut connection = redis::Client::open(redis.url())?.get_multiplexed_async_connection().await?;
    Ok(redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await?)
}

/// Removes what is foreign from under one of our names, and nothing else.
async fn remove_foreign(redis: &MutexGuard<'_, PrivateRedis>, key: &str) -> anyhow::Result<()> {
    if ask(redis, &["TYPE", key]).await? == redis::Value::SimpleString("string".to_owned())
        && ask(redis, &["GET", key]).await? == redis::Value::BulkString(NOT_OURS.into())
    {
        ask(redis, &["DEL", key]).await?;
    }
    Ok(())
}

/// How much is under way: acknowledged jobs that have not had their effect yet, as far as the harness has seen; of businesses, what is promised.
async fn count_outstanding(world: std::sync::Weak<World>) {
    while let Some(world) = world.upgrade() {
        if let Ok(outstanding) = world.outstanding_now().await {
            world.outstanding.store(outstanding, Ordering::Relaxed);
        }
        drop(world);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}
