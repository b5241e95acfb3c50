//! Redis answers, and refuses: the worker waits, an operator is told what only a person can mend, and afterwards nothing is lost.

use chrono::{TimeDelta, Utc};
use faena_tests::{
    controls::Recount,
    judge::{effects, no_leftovers, quiet},
    probe::{Linger, Nap, Pass, Refuse, Stumble, Touch, Urge},
    process::{Process, start_probe, try_to_end},
    proxy::Proxy,
    servers::PrivateRedis,
    stores::Stores,
    wait::until,
};
use queue::{Job as _, Lane, Queue, operations::State};

use super::{ended, enqueue, enqueue_all, reaches};

const JOBS: i64 = 400;

struct Story {
    redis: PrivateRedis,
    stores: Stores,
    worker: Process,
}

impl Story {
    /// A worker that has done the first jobs, on a Redis of its own.
    async fn begin() -> Self {
        Self::begin_on(PrivateRedis::start().await).await
    }

    async fn begin_on(redis: PrivateRedis) -> Self {
        let stores =
            Stores::on(&std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run"), &redis.url()).await;
        let worker = start_probe(&stores, &[]).await;
        let story = Self { redis, stores, worker };
        story.enqueue(0..JOBS / 4).await;
        quiet(&story.stores).await;
        story
    }

    async fn enqueue(&self, numbers: std::ops::Range<i64>) {
        enqueue_all(&self.stores, numbers.map(|n| Touch { n, sleep_ms: 1 })).await;
    }

    async fn tell(&self, words: &[&str]) {
        self.tell_as(&self.redis.url(), words).await;
    }

    async fn tell_as(&self, url: &str, words: &[&str]) {
        tell(url, words).await;
    }

    /// What nobody has promised has nowhere to wait: whoever pushes it hears at once that it was not taken.
    async fn refuses_direct_pushes(&self) {
        let pushed = queue::push(&self.stores.store, Nap { sleep_ms: 0, note: String::new() }).await;
        assert!(matches!(pushed, Err(queue::EnqueueError::Redis(_))), "{pushed:?}");
    }

    async fn notices(&self) -> Vec<String> {
        sqlx::query_scalar("select key from faena.notices order by key").fetch_all(&self.stores.db).await.unwrap()
    }

    async fn noticed(&self, key: &str) {
        until(format!("the notice {key}"), async || self.notices().await == [key]).await;
    }

    /// The trouble is over: whatever was promised meanwhile happens, once, and the notice goes away.
    async fn ends_well(mut self) {
        quiet(&self.stores).await;
        assert!(!self.worker.has_ended());
        assert_eq!(effects(&self.stores, JOBS).await, (vec![], vec![]));
        until("the notice to go", async || self.notices().await.is_empty()).await;
        no_leftovers(&self.stores).await;
        assert!(self.worker.terminate().await, "the drain was not clean:\n{}", self.worker.log_text());
    }
}

/// One command to the Redis at `url`.
async fn tell(url: &str, words: &[&str]) {
    let mut connection = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::cmd(words[0]);
    let _: redis::Value = command.arg(&words[1..]).query_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_full_redis_takes_no_new_jobs_and_lets_old_ones_end() {
    let story = Story::begin().await;
    story.enqueue(JOBS / 4..JOBS / 2).await;
    story.tell(&["CONFIG", "SET", "maxmemory", "1"]).await;
    story.enqueue(JOBS / 2..JOBS).await;

    story.noticed("redis_full").await;
    story.refuses_direct_pushes().await;
    let overview = story.stores.operations().overview().await.unwrap();
    assert!(overview.lanes.iter().map(|queue| queue.outboxed).sum::<u64>() > 0, "it took new jobs");
    until("what it had taken to end", async || {
        let overview = story.stores.operations().overview().await.unwrap();
        overview.lanes.iter().all(|queue| queue.available + queue.running == 0)
    })
    .await;
    story.tell(&["CONFIG", "SET", "maxmemory", "0"]).await;

    story.ends_well().await;
}

#[tokio::test]
async fn a_redis_that_becomes_a_replica_is_waited_for() {
    let story = Story::begin().await;
    let other = PrivateRedis::start().await;
    let port = other.url().rsplit(':').next().unwrap().trim_end_matches("/0").to_owned();
    // It must not take the other's data: a replica whose primary does not let it in keeps its own.
    story.tell_as(&other.url(), &["CONFIG", "SET", "requirepass", "closed"]).await;
    story.tell(&["REPLICAOF", "127.0.0.1", &port]).await;
    story.enqueue(JOBS / 4..JOBS).await;

    story.noticed("redis_read_only").await;
    story.refuses_direct_pushes().await;
    story.tell(&["REPLICAOF", "NO", "ONE"]).await;

    story.ends_well().await;
}

/// The old primary keeps its connections and takes no writes; the address leads to the new one.
#[tokio::test]
async fn after_a_failover_by_address_the_worker_goes_on_with_the_new_primary() {
    let (old, new) = (PrivateRedis::start().await, PrivateRedis::start().await);
    let (proxy, redis_url) = Proxy::before_url(&old.url()).await;
    let database = std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run");
    let stores = Stores::on(&database, &redis_url).await;
    let worker = start_probe(&stores, &[]).await;
    let story = Story { redis: old, stores, worker };
    story.enqueue(0..JOBS / 4).await;
    quiet(&story.stores).await;
    let address = new.url().trim_start_matches("redis://").trim_end_matches("/0").parse().unwrap();
    story.tell_as(&new.url(), &["CONFIG", "SET", "requirepass", "closed"]).await;
    proxy.lead_to(address);
    let port = new.url().rsplit(':').next().unwrap().trim_end_matches("/0").to_owned();
    story.tell(&["REPLICAOF", "127.0.0.1", &port]).await;
    story.tell_as(&new.url().replace("redis://", "redis://:closed@"), &["CONFIG", "SET", "requirepass", ""]).await;
    story.enqueue(JOBS / 4..JOBS).await;

    story.ends_well().await;
}

#[tokio::test]
async fn a_redis_that_forgets_every_script_again_and_again_is_told_them_again() {
    let story = Story::begin().await;
    story.enqueue(JOBS / 4..JOBS).await;
    for _ in 0..50 {
        story.tell(&["SCRIPT", "FLUSH"]).await;
    }

    story.ends_well().await;
}

#[tokio::test]
async fn something_foreign_under_one_of_our_names_is_told_to_an_operator() {
    let story = Story::begin().await;
    let key = format!("{}:{{default}}:ready", story.stores.namespace);
    story.tell(&["SET", &key, "not a list"]).await;
    story.enqueue(JOBS / 4..JOBS).await;

    story.noticed("redis_wrong_type").await;
    story.refuses_direct_pushes().await;
    story.tell(&["DEL", &key]).await;

    story.ends_well().await;
}

#[tokio::test]
async fn something_foreign_in_one_lane_does_not_hold_the_others_up() {
    let story = Story::begin().await;
    let key = format!("{}:{{critical}}:ready", story.stores.namespace);
    story.tell(&["SET", &key, "not a list"]).await;
    // More than one step of the relay takes, and all of them before the others.
    enqueue_all(&story.stores, (0..700).map(|n| Urge { n: JOBS + n })).await;
    story.noticed("redis_wrong_type").await;
    story.enqueue(JOBS / 4..JOBS).await;

    until("the other lanes' jobs to be done", async || effects(&story.stores, JOBS).await.0.is_empty()).await;

    story.tell(&["DEL", &key]).await;
    quiet(&story.stores).await;
    assert_eq!(effects(&story.stores, JOBS + 700).await, (vec![], vec![]));
}

#[tokio::test]
async fn a_password_that_is_changed_while_the_worker_runs_is_told_to_an_operator() {
    let story = Story::begin().await;
    story.tell(&["CONFIG", "SET", "requirepass", "swordfish"]).await;
    // Those that are in already stay in.
    story.tell_as(&story.redis.url().replace("redis://", "redis://:swordfish@"), &["CLIENT", "KILL", "TYPE", "normal"]).await;
    story.enqueue(JOBS / 4..JOBS).await;

    story.noticed("redis_password").await;
    story.refuses_direct_pushes().await;
    story.tell_as(&story.redis.url().replace("redis://", "redis://:swordfish@"), &["CONFIG", "SET", "requirepass", ""]).await;

    story.ends_well().await;
}

/// Above, the worker has none to show; here it has one that was right.
#[tokio::test]
async fn a_password_that_is_no_longer_right_is_told_to_an_operator() {
    let redis = PrivateRedis::start().await;
    let [ours, theirs] = ["hunter2", "swordfish"].map(|word| redis.url().replace("redis://", &format!("redis://:{word}@")));
    tell(&redis.url(), &["CONFIG", "SET", "requirepass", "hunter2"]).await;
    let stores = Stores::on(&std::env::var("FAENA_TEST_DATABASE_URL").expect("start the tests with tests/run"), &ours).await;
    let worker = start_probe(&stores, &[]).await;
    let story = Story { redis, stores, worker };
    story.enqueue(0..JOBS / 4).await;
    quiet(&story.stores).await;
    story.tell_as(&ours, &["CONFIG", "SET", "requirepass", "swordfish"]).await;
    story.tell_as(&theirs, &["CLIENT", "KILL", "TYPE", "normal"]).await;
    story.enqueue(JOBS / 4..JOBS).await;

    story.noticed("redis_password").await;
    story.refuses_direct_pushes().await;
    story.tell_as(&theirs, &["CONFIG", "SET", "requirepass", "hunter2"]).await;

    story.ends_well().await;
}

#[tokio::test]
async fn a_redis_user_that_may_not_do_everything_is_told_to_an_operator() {
    let story = Story::begin().await;
    story.tell(&["ACL", "SETUSER", "default", "-evalsha", "-eval"]).await;
    story.enqueue(JOBS / 4..JOBS).await;

    story.noticed("redis_password").await;
    story.refuses_direct_pushes().await;
    story.tell(&["ACL", "SETUSER", "default", "+@all"]).await;

    story.ends_well().await;
}

#[tokio::test]
async fn a_redis_that_is_still_loading_is_waited_for() {
    let mut story = Story::begin().await;
    story.redis.stop();
    let loading = Loading::at(&story.redis.url()).await;
    story.enqueue(JOBS / 4..JOBS).await;
    until("the worker to be told to wait", async || loading.told() > 20).await;
    assert!(!story.worker.has_ended());
    loading.end().await;
    story.redis.resume().await;

    story.ends_well().await;
}

#[tokio::test]
async fn check_names_a_wrong_password_and_does_not_print_it() {
    let redis = PrivateRedis::start().await;
    let stores = Stores::fresh().await;
    let mut connection = redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let _: redis::Value =
        redis::cmd("CONFIG").arg(&["SET", "requirepass", "swordfish"]).query_async(&mut connection).await.unwrap();
    let mut settings = stores.settings();
    settings.push(("REDIS_URL".to_owned(), redis.url().replace("redis://", "redis://:hunter2@")));

    let (ok, out, error) = try_to_end("probe", &["check"], &settings).await;

    assert!(!ok && error.contains("REDIS_URL: ") && error.to_lowercase().contains("password"), "{error}");
    assert!(!format!("{out}{error}").contains("hunter2"));
}

/// Of a cluster each step asks one node for keys of one slot.
#[tokio::test]
async fn on_a_cluster_every_sort_of_job_ends_as_elsewhere() {
    let mut story = Story::begin_on(PrivateRedis::start_cluster().await).await;
    let stores = &story.stores;
    let operations = stores.operations();
    let others = |n| JOBS + n;

    let hour = Utc::now() + TimeDelta::hours(1);
    let [hastened, unwanted] = enqueue_all(stores, [1, 2].map(|n| Touch { n: others(n), sleep_ms: 0 }.at(hour))).await[..] else {
        unreachable!()
    };
    let lingering = enqueue(stores, Linger { n: others(3), listens: true }).await;
    let refused = enqueue(stores, Refuse { reason: "as told".to_owned() }).await;
    enqueue_all(stores, (4..8).map(|n| Pass { n: others(n), gate: "door".to_owned(), sleep_ms: 1 })).await;
    enqueue_all(stores, [Stumble { n: others(8), times: 2 }]).await;
    enqueue_all(stores, [Urge { n: others(9) }]).await;
    let unique = Recount { user: 7, n: others(10), sleep_ms: 0, refuses: false };
    queue::push(&stores.store, unique).await.unwrap();
    reaches(stores, lingering, State::Running).await;
    reaches(stores, hastened, State::Scheduled).await;
    reaches(stores, unwanted, State::Scheduled).await;
    operations.retry(hastened, "ops").await.unwrap();
    operations.cancel(unwanted, "ops").await.unwrap();
    operations.cancel(lingering, "ops").await.unwrap();
    operations.pause(Lane::from(Queue::Critical), "ops").await.unwrap();
    operations.resume(Lane::from(Queue::Critical)).await.unwrap();
    ended(stores, refused).await;
    operations.retry(refused, "ops").await.unwrap();
    // Another one finds what the first left when it was killed.
    story.enqueue(JOBS / 4..JOBS).await;
    let killed = std::mem::replace(&mut story.worker, start_probe(&story.stores, &[]).await);
    killed.kill_9().await;

    quiet(&story.stores).await;
    assert_eq!(operations.job(unwanted).await.unwrap().unwrap().summary.state, State::Cancelled);
    assert!(!operations.overview().await.unwrap().workers.is_empty());
    let log = story.worker.log_text();
    assert!(!log.contains("CROSSSLOT") && !log.contains("same slot"), "{log}");
    assert!(story.worker.terminate().await, "the drain was not clean:\n{}", story.worker.log_text());
    no_leftovers(&story.stores).await;
}

/// Stands in for a Redis that reads its data back: it answers everything with -LOADING.
struct Loading {
    told: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Loading {
    async fn at(url: &str) -> Self {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let url = url::Url::parse(url).unwrap();
        let addr = (url.host_str().unwrap().to_owned(), url.port().unwrap());
        let listener =
            faena_tests::wait::eventually("the port", async || tokio::net::TcpListener::bind(addr.clone()).await.ok()).await;
        let told = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
        let counted = told.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut connection, _)) = listener.accept().await {
                let counted = counted.clone();
                connections.spawn(async move {
                    let mut asked = vec![0; 64 * 1024];
                    while let Ok(length @ 1..) = connection.read(&mut asked).await {
                        // Each command is an array; this counts them well enough for small ones.
                        let commands = asked[..length].iter().enumerate();
                        let commands =
                            commands.filter(|(at, byte)| **byte == b'*' && (*at == 0 || asked[at - 1] == b'\n')).count();
                        counted.fetch_add(commands, std::sync::atomic::Ordering::SeqCst);
                        let answer = "-LOADING Redis is loading the dataset in memory\r\n".repeat(commands);
                        if connection.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { told, task }
    }

    fn told(&self) -> usize {
        self.told.load(std::sync::atomic::Ordering::SeqCst)
    }

    async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
