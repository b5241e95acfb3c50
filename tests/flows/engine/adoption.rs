//! The jobs of a stock apalis-redis queue are moved into ours. The stock crate itself produces them and has them in flight; the judge reads
//! its keys by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use apalis_core::{
    backend::TaskSink,
    error::BoxDynError,
    task::{builder::TaskBuilder, data::Data, task_id::TaskId},
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use apalis_redis::{Config, ConnectionManager, RedisStorage, RedisTask, queries};
use chrono::{DateTime, Utc};
use faena_tests::{
    judge::effects,
    probe::Pass,
    process::{Process, run_to_end, start_probe, try_to_end},
    stores::Stores,
    wait::{PATIENCE, until},
};
use queue::JobId;
use redis::{AsyncCommands, aio::ConnectionManagerConfig};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;
use ulid::Ulid;
use uuid::Uuid;

/// What a stock worker has done.
type Done = Arc<Mutex<Vec<i64>>>;

/// A stock queue.
struct Stock {
    name: String,
    config: Config,
    connection: ConnectionManager,
}

/// What a stock queue holds of a job, read by hand.
#[derive(Debug, Clone, PartialEq)]
struct Record {
    place: String,
    /// When it is due, in seconds.
    due: Option<i64>,
    attempts: i32,
    payload: Vec<u8>,
}

impl Stock {
    /// A queue of the test's own. No heartbeat but the first is seen in a test: what is to be retried stays so.
    async fn fresh(stores: &Stores) -> Self {
        let name = format!("{}::shop::SendReceipt", stores.namespace);
        let config = Config::default().queue(&name).batch_size(500).lock_tasks(false);
        // The judge reads everything at once, and may have to wait for it.
        let patient = ConnectionManagerConfig::new().set_response_timeout(Some(PATIENCE));
        let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
        Self { config, connection: ConnectionManager::new_with_config(client, patient).await.unwrap(), name }
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.name)
    }

    /// Pushes payloads, as the crate's storage does; answers their ids.
    async fn push(&mut self, payloads: impl IntoIterator<Item = (Vec<u8>, Option<i64>)>) -> Vec<Ulid> {
        let (mut ids, mut jobs): (Vec<Ulid>, Vec<RedisTask>) = (Vec::new(), Vec::new());
        for (payload, due) in payloads {
            let id = Ulid::generate();
            let mut job = TaskBuilder::new(payload).task_id(TaskId::from_ulid(id));
            if let Some(due) = due {
                job = job.run_at_timestamp(due.unsigned_abs());
            }
            jobs.push(job.build());
            ids.push(id);
        }
        for jobs in jobs.chunks(500) {
            queries::push_tasks(&mut self.connection, &self.config, jobs).await.unwrap();
        }
        ids
    }

    /// A stock worker, which does to each job what it says: fails, never ends, or is done and noted.
    fn work(&self, name: &str, done: Done) -> JoinHandle<()> {
        let storage = RedisStorage::<Value>::new(self.connection.clone()).with_config(self.config.clone());
        async fn handle(job: Value, done: Data<Done>) -> Result<(), BoxDynError> {
            match job["say"].as_str() {
                Some("fail") => Err("as told".into()),
                Some("hang") => std::future::pending().await,
                _ => {
                    done.lock().unwrap().extend(job["n"].as_i64());
                    Ok(())
                }
            }
        }
        let worker = WorkerBuilder::new(name).backend(storage).data(done).build(handle);
        tokio::spawn(async move { drop(worker.run().await) })
    }

    async fn size(&mut self, command: &str, name: &str) -> u64 {
        redis::cmd(command).arg(self.key(name)).query_async(&mut self.connection).await.unwrap()
    }

    /// Everything that is not over.
    async fn records(&mut self) -> BTreeMap<String, Record> {
        let mut places: Vec<(String, String, Option<i64>)> = Vec::new();
        let active: Vec<String> = self.connection.lrange(self.key("active"), 0, -1).await.unwrap();
        places.extend(active.into_iter().map(|id| (id, "active".to_owned(), None)));
        for place in ["scheduled", "adopting"] {
            let due: Vec<(String, i64)> = self.connection.zrange_withscores(self.key(place), 0, -1).await.unwrap();
            places.extend(due.into_iter().map(|(id, due)| (id, place.to_owned(), Some(due))));
        }
        for worker in ["fails_or_hangs", "goes_on", "lives"] {
            let place = format!("inflight:{worker}");
            let in_flight: BTreeSet<String> = self.connection.smembers(self.key(&place)).await.unwrap();
            places.extend(in_flight.into_iter().map(|id| (id, place.clone(), None)));
        }
        let payloads: BTreeMap<String, Vec<u8>> = self.connection.hgetall(self.key("data")).await.unwrap();
        let mut records = BTreeMap::new();
        for places in places.chunks(1000) {
            let mut attempts = redis::pipe();
            for (id, ..) in places {
                attempts.hget(self.key(&format!("meta:{id}")), "attempts");
            }
            let attempts: Vec<Option<i32>> = attempts.query_async(&mut self.connection).await.unwrap();
            for ((id, place, due), attempts) in places.iter().cloned().zip(attempts) {
                let payload = payloads.get(&id).cloned().unwrap_or_default();
                let record = Record { place, due, attempts: attempts.unwrap_or(-1), payload };
                assert_eq!(records.insert(id, record), None, "a job in two places");
            }
        }
        records
    }
}

fn ours(id: &str) -> JobId {
    JobId(Uuid::from_bytes(Ulid::from_string(id).unwrap().to_bytes()))
}

fn touch(n: usize, say: &str) -> Vec<u8> {
    json!({"n": n, "sleep_ms": 0, "say": say}).to_string().into_bytes()
}

fn arguments<'a>(stock: &'a Stock, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["adopt-apalis", "--queue", stock.name.as_str(), "--json"];
    arguments.extend(["--job", "touch"].iter().filter(|_| !more.contains(&"--job")));
    arguments.extend(more);
    arguments
}

async fn adopt(stores: &Stores, stock: &Stock, more: &[&str]) -> Value {
    serde_json::from_str(&run_to_end("probe", &arguments(stock, more), &stores.settings()).await).unwrap()
}

async fn count(stores: &Stores, table: &'static str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}"))).fetch_one(&stores.db).await.unwrap()
}

/// What became ours: id → (due, attempts used before), promised or in the ledger.
async fn adopted(stores: &Stores) -> BTreeMap<JobId, (Option<i64>, i32)> {
    let rows: Vec<(JobId, Option<DateTime<Utc>>, i32)> = sqlx::query_as(
        "select id, run_at, attempts_before from faena.outbox where name = 'touch'
         union all select id, run_at, attempts - 1 from faena.jobs where name = 'touch'",
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();
    let number = rows.len();
    let adopted: BTreeMap<_, _> =
        rows.into_iter().map(|(id, run_at, attempts)| (id, (run_at.map(|at| at.timestamp()), attempts))).collect();
    assert_eq!(adopted.len(), number, "a job both promised and over");
    adopted
}

#[tokio::test]
async fn fifty_thousand_jobs_in_every_state_are_moved_once_while_the_moving_process_is_killed() {
    const IN_AN_HOUR: usize = 41_950;
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    let mut n = 0;
    let mut next = || {
        n += 1;
        n - 1
    };

    // 1,000 wait for another attempt, 1,000 are in flight at a worker that is gone, 50 are done.
    for (number, say) in [(1000, "fail"), (1000, "hang"), (50, "end")] {
        let payloads: Vec<_> = (0..number).map(|_| (touch(next(), say), None)).collect();
        stock.push(payloads).await;
    }
    let worker = stock.work("fails_or_hangs", Done::default());
    until("the stock worker to have had them all", async || {
        let at_work = stock.size("SCARD", "inflight:fails_or_hangs").await;
        (at_work, stock.size("ZCARD", "scheduled").await, stock.size("SCARD", "done").await) == (1000, 1000, 50)
    })
    .await;
    worker.abort();
    // 3,000 and a few of those that failed stand in the list, 2,500 are due and have not got there, the rest has time. What nobody can
    // decode is among them all.
    let broken = |number: usize| match number % 5 {
        0 => br#"{"n":"many","sleep_ms":0}"#.to_vec(),
        1 => br#"{"sleep_ms":0}"#.to_vec(),
        2 => vec![0x92, 0xff, 0x00, 0xc3],
        3 => br#"{"n":1,"sleep_ms":0"#.to_vec(),
        _ => touch(0, &"x".repeat(300_000)),
    };
    let payloads: Vec<_> = (0..3200).map(|at| (if at % 16 == 0 { broken(at / 16) } else { touch(next(), "") }, None)).collect();
    stock.push(payloads).await;
    let (gone, config) = (WorkerContext::new("fails_or_hangs"), stock.config.clone().batch_size(1));
    assert_eq!(queries::fetch_next(&mut stock.connection, &gone, &config).await.unwrap().len(), 1);
    let payloads: Vec<_> = (0..2700).map(|at| (if at % 27 == 0 { broken(at / 27) } else { touch(next(), "") }, None)).collect();
    stock.push(payloads).await;
    let now = Utc::now().timestamp();
    let soon: Vec<_> = (0..100).map(|at| (touch(next(), ""), Some(now + 5 + at % 10))).collect();
    stock.push(soon).await;
    let later: Vec<_> = (0..IN_AN_HOUR)
        .map(|at| {
            (if at % 200 == 0 { broken(at / 200) } else { touch(next(), "") }, Some(now + 3600 + i64::try_from(at).unwrap()))
        })
        .collect();
    stock.push(later).await;

    let before = stock.records().await;
    assert_eq!(before.len() + 50, 50_000);
    let decodes = |record: &Record| {
        let job = serde_json::from_slice::<Value>(&record.payload).unwrap_or_default();
        record.payload.len() < 300_000 && job["n"].is_i64() && job["sleep_ms"].is_u64()
    };
    let (good, bad): (BTreeMap<_, _>, BTreeMap<_, _>) = before.into_iter().partition(|(_, record)| decodes(record));
    assert!(bad.len() > 450 && ["active", "scheduled"].iter().all(|place| bad.values().any(|record| record.place == *place)));

    // Our worker runs what arrives, so that a second run meets jobs that are over already.
    let _worker = start_probe(&stores, &[]).await;
    let mut kills = 0;
    loop {
        let mut run = Process::spawn("probe", &arguments(&stock, &["--dead-after-seconds", "1"]), &stores.settings());
        let enough = count(&stores, "faena.adopted").await + rand::random_range(1..6000);
        let mut ended = None;
        until("the adoption to end, or to have got as far as it may", async || {
            ended = run.ended();
            ended.is_some() || count(&stores, "faena.adopted").await >= enough
        })
        .await;
        if let Some(status) = ended {
            // Right after the stock worker's end it still counts as alive.
            let refused = run.log_text().contains("are alive");
            assert!(status.success() || refused, "{}", run.log_text());
            if !refused {
                break;
            }
        } else {
            run.kill_9().await;
            kills += 1;
        }
    }
    assert!(kills >= 5, "it was killed {kills} times");

    // What cannot be decoded stands where it stood, and is listed. Nothing else is left.
    let report = adopt(&stores, &stock, &["--dead-after-seconds", "1"]).await;
    assert_eq!(report["adopted"], json!({"pending": 0, "scheduled": 0, "retrying": 0, "orphaned": 0, "resumed": 0}));
    let listed: BTreeSet<&str> = report["kept"].as_array().unwrap().iter().map(|kept| kept["id"].as_str().unwrap()).collect();
    assert_eq!(listed, bad.keys().map(String::as_str).collect());
    assert!(report["kept"].as_array().unwrap().iter().all(|kept| kept["reason"].as_str().unwrap().starts_with("its payload ")));
    assert_eq!((report["done"].as_u64(), report["dead"].as_u64()), (Some(50), Some(0)));
    assert_eq!(stock.records().await, bad);
    assert_eq!(stock.size("HLEN", "data").await, bad.len() as u64 + 50);

    // What is due ran once, not before its time. What is not waits for the time that it always had.
    let due: BTreeSet<i64> = good
        .values()
        .filter(|record| record.due.is_none_or(|due| due < now + 3600))
        .map(|record| serde_json::from_slice::<Value>(&record.payload).unwrap()["n"].as_i64().unwrap())
        .collect();
    assert!(due.len() > 7000);
    until("what is due to have run", async || count(&stores, "faena.jobs").await >= i64::try_from(due.len()).unwrap()).await;
    let ran: Vec<(i64, i64)> =
        sqlx::query_as("select n, count(*) from probe.effects group by n").fetch_all(&stores.db).await.unwrap();
    assert!(ran.iter().all(|(_, times)| *times == 1));
    assert_eq!(ran.into_iter().map(|(n, _)| n).collect::<BTreeSet<_>>(), due);
    assert_eq!(count(&stores, "probe.starts").await, i64::try_from(due.len()).unwrap());
    let early: i64 =
        sqlx::query_scalar("select count(*) from probe.effects e join faena.jobs j on j.id = e.job_id where e.at < j.run_at")
            .fetch_one(&stores.db)
            .await
            .unwrap();
    assert_eq!(early, 0);

    // None lost, none twice, each with its due time and the attempts that it had used.
    let expected: BTreeMap<JobId, (Option<i64>, i32)> =
        good.iter().map(|(id, record)| (ours(id), (record.due, record.attempts))).collect();
    assert!(expected.values().filter(|(_, attempts)| *attempts > 0).count() >= 1000);
    assert_eq!(adopted(&stores).await, expected);
}

/// Makes every commit of an adoption wait for the lock that the test holds.
const HOLD: &str = "
    create function hold() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(42); return null; end $$;
    create constraint trigger hold after insert on faena.adopted deferrable initially deferred for each row execute function hold();
    select pg_advisory_lock(42)";

#[tokio::test]
async fn an_adoption_that_dies_around_its_commit_is_taken_up_where_it_was() {
    for committed in [false, true] {
        let stores = Stores::fresh().await;
        let mut stock = Stock::fresh(&stores).await;
        let later = Utc::now().timestamp() + 3600;
        let ids = stock.push((0..10).map(|n| (touch(n, ""), Some(later)))).await;
        let mut held = PgConnection::connect(&stores.database_url).await.unwrap();
        sqlx::raw_sql(HOLD).execute(&mut held).await.unwrap();

        let run = Process::spawn("probe", &arguments(&stock, &[]), &stores.settings());
        until("the jobs to be set aside", async || stock.size("ZCARD", "adopting").await == 10).await;
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'advisory'";
        let waits = async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(&stores.db).await.unwrap();
        until("the commit to wait", async || waits().await == 1).await;
        run.kill_9().await;
        if !committed {
            let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event = 'advisory'";
            sqlx::query(end).execute(&stores.db).await.unwrap();
        }
        held.close().await.unwrap();
        until("the commit to be over", async || {
            waits().await == 0 && adopted(&stores).await.len() == if committed { 10 } else { 0 }
        })
        .await;
        assert_eq!((stock.size("ZCARD", "scheduled").await, stock.size("HLEN", "data").await), (0, 10));
        if committed {
            // What was promised may be over, and even forgotten by the ledger, before anybody takes up the adoption.
            sqlx::query("delete from faena.outbox where id = $1")
                .bind(ours(&ids[0].to_string()))
                .execute(&stores.db)
                .await
                .unwrap();
        }

        let report = adopt(&stores, &stock, &[]).await;

        assert_eq!(report["adopted"]["resumed"], 10);
        assert_eq!(adopted(&stores).await.len(), if committed { 9 } else { 10 });
        assert!(adopted(&stores).await.values().all(|(due, _)| *due == Some(later)));
        assert_eq!((stock.records().await.len(), stock.size("HLEN", "data").await), (0, 0));
    }
}

#[tokio::test]
async fn what_was_set_aside_and_can_no_longer_be_adopted_goes_back_to_its_queue() {
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    let later = Utc::now().timestamp() + 3600;
    let id = stock.push([(touch(0, ""), Some(later))]).await[0].to_string();
    let before = stock.records().await;
    let _: () = redis::pipe()
        .zadd(stock.key("adopting"), &id, later)
        .zrem(stock.key("scheduled"), &id)
        .query_async(&mut stock.connection)
        .await
        .unwrap();

    let report = adopt(&stores, &stock, &["--job", "refuse"]).await;

    assert_eq!((report["adopted"]["resumed"].as_u64(), report["kept"][0]["id"].as_str()), (Some(0), Some(id.as_str())));
    assert!(
        report["kept"][0]["reason"].as_str().unwrap().starts_with("its payload is no refuse: missing field `reason`"),
        "{report}"
    );
    assert_eq!(stock.records().await, before);
}

#[tokio::test]
async fn while_stock_workers_live_nothing_is_moved_and_with_force_what_they_run_stays_theirs() {
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    stock.push((0..5).map(|n| (touch(n, "hang"), None))).await;
    let worker = stock.work("lives", Done::default());
    until("the stock worker to run them", async || stock.size("SCARD", "inflight:lives").await == 5).await;
    stock.push((5..8).map(|n| (touch(n, ""), None))).await;
    let before = stock.records().await;

    let (ok, _, refusal) = try_to_end("probe", &arguments(&stock, &[]), &stores.settings()).await;
    assert!(!ok && refusal.contains("are alive: lives (heard of "), "{refusal}");
    let tried = adopt(&stores, &stock, &["--dry-run"]).await;
    assert_eq!((tried["adopted"]["pending"].as_u64(), tried["running"][0]["in_flight"].as_u64()), (Some(3), Some(5)));
    assert_eq!((stock.records().await, count(&stores, "faena.adopted").await), (before.clone(), 0));

    let forced = adopt(&stores, &stock, &["--force"]).await;

    assert_eq!((forced["adopted"]["pending"].as_u64(), forced["running"][0]["worker"].as_str()), (Some(3), Some("lives")));
    let left: BTreeMap<_, _> = before.into_iter().filter(|(_, record)| record.place == "inflight:lives").collect();
    assert_eq!(stock.records().await, left);
    worker.abort();
}

#[tokio::test]
async fn a_stock_worker_that_goes_on_against_all_advice_runs_nothing_that_was_moved() {
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    stock.config = stock.config.clone().batch_size(20);
    stock.push((0..6000).map(|n| (touch(n, ""), None))).await;
    let mut held = PgConnection::connect(&stores.database_url).await.unwrap();
    sqlx::raw_sql(HOLD).execute(&mut held).await.unwrap();
    let mut run = Process::spawn("probe", &arguments(&stock, &["--force"]), &stores.settings());
    until("the adoption to have begun", async || stock.size("ZCARD", "adopting").await > 0).await;

    let done = Done::default();
    let worker = stock.work("goes_on", done.clone());
    until("the stock worker to have had some", async || !done.lock().unwrap().is_empty()).await;
    held.close().await.unwrap();

    assert!(run.end().await, "{}", run.log_text());
    until("the stock worker to have nothing left", async || {
        let waits = stock.size("LLEN", "active").await + stock.size("ZCARD", "scheduled").await;
        let at_work = stock.size("SCARD", "inflight:goes_on").await;
        waits + at_work == 0 && stock.size("SCARD", "done").await == u64::try_from(done.lock().unwrap().len()).unwrap()
    })
    .await;
    worker.abort();
    let theirs = done.lock().unwrap().clone();
    let ours: Vec<i64> =
        sqlx::query_scalar("select (args ->> 'n')::bigint from faena.outbox").fetch_all(&stores.db).await.unwrap();
    assert!(!theirs.is_empty() && !ours.is_empty(), "both had some: {} and {}", theirs.len(), ours.len());
    let mut all = [theirs, ours].concat();
    all.sort_unstable();
    assert_eq!(all, (0..6000).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_adopted_counts_against_its_limits_like_any_job_of_its_kind() {
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    stock.push([(json!({"n": 0, "gate": "north", "sleep_ms": 0}).to_string().into_bytes(), None)]).await;
    let mut tx = stores.db.begin().await.unwrap();
    queue::enqueue(&mut tx, Pass { n: 1, gate: "north".to_owned(), sleep_ms: 0 }).await.unwrap();
    tx.commit().await.unwrap();

    adopt(&stores, &stock, &["--job", "pass"]).await;

    let terms: Vec<Value> = sqlx::query_scalar("select terms from faena.outbox").fetch_all(&stores.db).await.unwrap();
    assert_eq!((terms.len(), &terms[0]), (2, &terms[1]));
    assert_eq!(terms[0]["tenant"], "north");
}

#[tokio::test]
async fn what_only_postgres_refuses_stays_too_and_holds_up_nobody() {
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    let nap = |note: &str| format!(r#"{{"sleep_ms":0,"note":"{note}"}}"#).into_bytes();
    let ids = stock.push([(nap("one"), None), (nap(r"\u0000"), None), (nap("three"), None)]).await;

    let report = adopt(&stores, &stock, &["--job", "nap"]).await;

    assert_eq!((report["adopted"]["pending"].as_u64(), report["kept"].as_array().unwrap().len()), (Some(2), 1));
    assert_eq!(report["kept"][0]["id"], ids[1].to_string());
    assert!(report["kept"][0]["reason"].as_str().unwrap().starts_with("Postgres does not take it: "), "{report}");
    assert_eq!(stock.records().await.into_keys().collect::<Vec<_>>(), [ids[1].to_string()]);
}

#[tokio::test]
async fn a_repeated_push_under_an_idempotency_key_is_still_refused_after_the_adoption() {
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    let config = stock.config.clone().idempotency_ttl(Some(std::time::Duration::from_secs(3600)));
    let mut shop = RedisStorage::<Value>::new(stock.connection.clone()).with_config(config);
    let mut push = async |n: usize| {
        let job = TaskBuilder::new(serde_json::from_slice(&touch(n, "")).unwrap()).idempotency_key("receipt of order 7");
        shop.push_task(job.build()).await.unwrap();
    };
    push(0).await;
    let id = stock.records().await.into_keys().next().unwrap();

    adopt(&stores, &stock, &[]).await;
    push(1).await;
    let again = adopt(&stores, &stock, &[]).await;

    assert_eq!(again["adopted"]["pending"], 0);
    let (was, key): (String, String) =
        sqlx::query_as("select stock_id, metadata ->> 'idempotency_key' from faena.adopted where id = $1")
            .bind(ours(&id))
            .fetch_one(&stores.db)
            .await
            .unwrap();
    assert_eq!((was, key.as_str()), (id, "receipt of order 7"));
}

#[tokio::test]
async fn jobs_whose_payload_was_swept_away_or_whose_id_comes_again_stay_and_are_listed() {
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    let named = |id: &str, n| TaskBuilder::new(touch(n, "")).task_id(TaskId::from_string(id)).build();
    queries::push_tasks(&mut stock.connection, &stock.config, &[named("order-7", 0), named("order-8", 1)]).await.unwrap();
    let _: () = stock.connection.hdel(stock.key("data"), "order-8").await.unwrap();

    let first = adopt(&stores, &stock, &[]).await;
    queries::push_tasks(&mut stock.connection, &stock.config, &[named("order-7", 2)]).await.unwrap();
    let second = adopt(&stores, &stock, &[]).await;

    assert_eq!(
        (first["adopted"]["pending"].as_u64(), first["kept"][0]["reason"].as_str()),
        (Some(1), Some("its payload is gone"))
    );
    let kept: BTreeMap<&str, &str> = second["kept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kept| (kept["id"].as_str().unwrap(), kept["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(kept, BTreeMap::from([("order-7", "a job of its id was adopted before"), ("order-8", "its payload is gone")]));
    let (promised,): (i64,) = sqlx::query_as("select count(*) from faena.outbox").fetch_one(&stores.db).await.unwrap();
    assert_eq!(promised, 1);
}

#[tokio::test]
async fn a_queue_that_is_called_like_no_job_says_which_there_are() {
    let stores = Stores::fresh().await;
    let (ok, _, error) = try_to_end("probe", &["adopt-apalis", "--queue", "shop::SendReceipt"], &stores.settings()).await;
    assert!(!ok && error.contains("no job is named \"shop::SendReceipt\"; the jobs are ") && error.contains("--job"), "{error}");
}

#[tokio::test]
async fn a_name_under_which_there_is_nothing_says_which_queues_there_are() {
    let stores = Stores::fresh().await;
    let mut redis = redis::Client::open(stores.redis_url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    // As a stock worker registers its queue.
    let queue = format!("shop::{}", stores.namespace);
    let _: () = redis.zadd("core:apalis:queues:list", format!("{queue}:workers"), 1).await.unwrap();

    let told = run_to_end("probe", &["adopt-apalis", "--queue", "shop::Typo", "--job", "touch"], &stores.settings()).await;

    assert!(told.contains("holds nothing of a queue shop::Typo; its queues are ") && told.contains(&queue), "{told}");
    let _: () = redis.zrem("core:apalis:queues:list", format!("{queue}:workers")).await.unwrap();
}

#[tokio::test]
async fn effects_of_the_adopted_are_those_of_any_job() {
    let stores = Stores::fresh().await;
    let mut stock = Stock::fresh(&stores).await;
    stock.push((0..20).map(|n| (touch(n, ""), None))).await;
    adopt(&stores, &stock, &[]).await;

    let _worker = start_probe(&stores, &[]).await;

    faena_tests::judge::quiet(&stores).await;
    assert_eq!(effects(&stores, 20).await, (vec![], vec![]));
    faena_tests::judge::no_leftovers(&stores).await;
}
