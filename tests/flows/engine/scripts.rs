//! Each Lua script alone against Redis: what it changes, what it answers, and what it leaves alone.

use redis::{AsyncCommands, FromRedisValue, Script, aio::MultiplexedConnection};
use uuid::Uuid;

/// One queue's keys, with no engine around them.
struct Keys {
    redis: MultiplexedConnection,
    prefix: String,
}

type Row = (String, i64, String, String);

impl Keys {
    async fn fresh() -> Self {
        let url = std::env::var("FAENA_TEST_REDIS_URL").expect("start the tests with tests/run");
        let redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        Self { redis, prefix: format!("{{{}}}", Uuid::new_v4().simple()) }
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    async fn call<T: FromRedisValue>(&mut self, source: &str, keys: &[&str], args: &[&str]) -> T {
        let script = Script::new(source);
        let mut call = script.prepare_invoke();
        for name in keys {
            call.key(self.key(name));
        }
        for arg in args {
            call.arg(*arg);
        }
        call.invoke_async(&mut self.redis).await.unwrap()
    }

    async fn push(&mut self, jobs: &[(&str, &str)]) -> u64 {
        let mut args = vec!["0"];
        jobs.iter().for_each(|(id, due)| args.extend([*id, *due, "envelope"]));
        self.call(
            include_str!("../../../jobs/queue/src/lua/push.lua"),
            &["job", "ready", "scheduled", "ended", "gone", "wake", "tail"],
            &args,
        )
        .await
    }

    /// The ids claimed, and the mark under which they run.
    async fn claim(&mut self, limit: &str) -> (Vec<String>, String) {
        let keys = ["job", "ready", "running", "leases", "attempts", "gone", "wake", "fence", "epoch"];
        let reply: Vec<String> =
            self.call(include_str!("../../../jobs/queue/src/lua/claim.lua"), &keys, &[limit, "4000", "token", "worker"]).await;
        (reply[3..].chunks(3).map(|job| job[0].clone()).collect(), format!("{} token ", reply[1]))
    }

    async fn finish(&mut self, id: &str, mark: &str, verb: &str, delay: &str) -> Vec<u8> {
        let keys = ["job", "ready", "running", "leases", "attempts", "retryable", "ended", "cancels", "events", "wake"];
        self.call(include_str!("../../../jobs/queue/src/lua/finish.lua"), &keys, &[id, mark, verb, delay, "{}"]).await
    }

    async fn rescue(&mut self) -> u64 {
        let keys = ["job", "ready", "running", "leases", "cancels", "events", "wake", "epoch", "attempts", "ended"];
        self.call(include_str!("../../../jobs/queue/src/lua/rescue.lua"), &keys, &["500"]).await
    }

    async fn cancel(&mut self, id: &str) -> String {
        let keys = ["job", "running", "scheduled", "retryable", "attempts", "gone", "ended", "cancels", "events"];
        self.call(include_str!("../../../jobs/queue/src/lua/cancel.lua"), &keys, &[id, r#"{"id":"x","outcome":"cancelled"}"#])
            .await
    }

    async fn promote(&mut self) -> (u64, i64) {
        let keys = ["ready", "scheduled", "retryable", "wake", "gone", "tail"];
        self.call(include_str!("../../../jobs/queue/src/lua/promote.lua"), &keys, &["500"]).await
    }

    async fn line(&mut self, after: i64, limit: usize) -> Vec<Row> {
        let keys = ["ready", "job", "attempts", "gone", "tail"];
        self.call(include_str!("../../../jobs/queue/src/lua/line.lua"), &keys, &[&after.to_string(), &limit.to_string()]).await
    }

    async fn begin_epoch(&mut self) {
        let _: () = self.redis.set(self.key("epoch"), 1).await.unwrap();
    }

    async fn ready(&mut self) -> Vec<String> {
        self.redis.lrange(self.key("ready"), 0, -1).await.unwrap()
    }

    /// Every lease has run out.
    async fn expire_leases(&mut self) {
        let ids: Vec<String> = self.redis.zrange(self.key("leases"), 0, -1).await.unwrap();
        for id in ids {
            let _: () = self.redis.zadd(self.key("leases"), id, 1).await.unwrap();
        }
    }
}

#[tokio::test]
async fn push_leaves_live_and_ended_jobs_alone_and_wakes_one_worker_once() {
    let mut keys = Keys::fresh().await;
    let _: () = keys.redis.hset(keys.key("ended"), "over", 1).await.unwrap();

    assert_eq!(keys.push(&[("a", "0"), ("a", "0"), ("over", "0"), ("later", "99999999999999")]).await, 2);
    assert_eq!(keys.push(&[("a", "0"), ("b", "0")]).await, 1);

    assert_eq!(keys.ready().await, ["a", "b"]);
    let scheduled: Vec<String> = keys.redis.zrange(keys.key("scheduled"), 0, -1).await.unwrap();
    assert_eq!(scheduled, ["later"]);
    let tokens: u64 = keys.redis.llen(keys.key("wake")).await.unwrap();
    assert_eq!(tokens, 1);
}

#[tokio::test]
async fn claim_gives_nothing_without_an_epoch_and_then_the_oldest_first() {
    let mut keys = Keys::fresh().await;
    keys.push(&[("a", "0"), ("b", "0"), ("c", "0")]).await;
    let names = ["job", "ready", "running", "leases", "attempts", "gone", "wake", "fence", "epoch"];
    let nothing: Option<Vec<String>> =
        keys.call(include_str!("../../../jobs/queue/src/lua/claim.lua"), &names, &["9", "4000", "token", "worker"]).await;
    assert_eq!(nothing, None);
    keys.begin_epoch().await;

    let (first, mark) = keys.claim("2").await;
    let (second, later_mark) = keys.claim("2").await;

    assert_eq!((first, second), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
    assert_ne!(mark, later_mark, "the fence does not rise");
    let leases: u64 = keys.redis.zcard(keys.key("leases")).await.unwrap();
    assert_eq!(leases, 3);
}

#[tokio::test]
async fn finish_refuses_a_mark_that_is_not_the_present_one() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0")]).await;
    let (_, stale) = keys.claim("1").await;
    keys.expire_leases().await;
    keys.rescue().await;
    let (_, fresh) = keys.claim("1").await;

    assert_eq!(keys.finish("a", &stale, "end", "0").await, [0]);
    assert_eq!(keys.finish("a", &fresh, "end", "0").await, [1]);
    assert_eq!(keys.finish("a", &fresh, "end", "0").await, [0], "an end happened twice");
    let tombstone: bool = keys.redis.hexists(keys.key("ended"), "a").await.unwrap();
    assert!(tombstone);
}

#[tokio::test]
async fn a_mark_that_begins_like_another_is_another() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    let _: () = keys.redis.set(keys.key("fence"), 11).await.unwrap();
    keys.push(&[("a", "0")]).await;
    keys.claim("1").await;

    assert_eq!(keys.finish("a", "1 token ", "end", "0").await, [0]);
    assert_eq!(keys.finish("a", "12 tok ", "end", "0").await, [0]);
    assert_eq!(keys.finish("a", "12 token ", "end", "0").await, [1]);
}

#[tokio::test]
async fn a_failed_attempt_is_counted_and_a_handed_back_one_is_not() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0")]).await;
    let (_, mark) = keys.claim("2").await;

    keys.finish("a", &mark, "retry", "0").await;
    keys.finish("b", &mark, "release", "0").await;

    assert_eq!(keys.ready().await, ["b"]);
    assert_eq!(keys.promote().await, (1, -1));
    assert_eq!(keys.ready().await, ["b", "a"]);
    let used: Vec<Option<String>> = keys.redis.hmget(keys.key("attempts"), &["a", "b"]).await.unwrap();
    assert!(used[0].as_deref().is_some_and(|used| used.starts_with("1 ")) && used[1].is_none());
}

#[tokio::test]
async fn renewal_tells_held_from_lost_and_passes_on_a_wish_to_cancel() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0")]).await;
    let (_, mark) = keys.claim("2").await;
    keys.expire_leases().await;
    assert_eq!(keys.cancel("b").await, "running");

    let source = include_str!("../../../jobs/queue/src/lua/renew.lua");
    let answers: Vec<u8> = keys
        .call(source, &["running", "leases", "cancels"], &["4000", "a", &mark, "b", &mark, "a", "9 other ", "nobody", &mark])
        .await;

    assert_eq!(answers, [1, 2, 0, 0]);
    assert_eq!(keys.rescue().await, 0, "a renewed lease ran out");
}

#[tokio::test]
async fn rescue_returns_orphans_to_the_head_and_ends_those_that_nobody_wants() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("unwanted", "0"), ("b", "0")]).await;
    keys.claim("2").await;
    assert_eq!(keys.cancel("unwanted").await, "running");
    keys.expire_leases().await;

    assert_eq!(keys.rescue().await, 2);

    assert_eq!(keys.ready().await, ["a", "b"]);
    let running: u64 = keys.redis.hlen(keys.key("running")).await.unwrap();
    let ended: Vec<String> = keys.redis.hkeys(keys.key("ended")).await.unwrap();
    assert_eq!((running, ended), (0, vec!["unwanted".to_owned()]));
}

#[tokio::test]
async fn twenty_thousand_due_jobs_are_promoted_five_hundred_at_a_time() {
    let mut keys = Keys::fresh().await;
    for batch in 0..40 {
        let ids: Vec<String> = (0..500).map(|n| format!("{batch:02}-{n:03}")).collect();
        let mut add = redis::pipe();
        for id in &ids {
            add.zadd(keys.key("scheduled"), id, 1).ignore();
        }
        let _: () = add.query_async(&mut keys.redis).await.unwrap();
    }

    let mut steps = Vec::new();
    while steps.last() != Some(&0) {
        steps.push(keys.promote().await.0);
    }

    assert_eq!((steps.len(), steps.iter().max(), steps.iter().sum::<u64>()), (41, Some(&500), 20_000));
    let ready: u64 = keys.redis.llen(keys.key("ready")).await.unwrap();
    assert_eq!(ready, 20_000);
}

#[tokio::test]
async fn a_place_in_line_stays_while_others_come_and_go() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0"), ("c", "0"), ("d", "0"), ("e", "0")]).await;
    let first = keys.line(-1, 2).await;
    assert_eq!(first.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["a", "b"]);

    keys.claim("1").await;
    keys.push(&[("f", "0")]).await;
    assert_eq!(keys.cancel("d").await, "cancelled");
    let rest = keys.line(first[1].1, 9).await;

    assert_eq!(rest.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["c", "e", "f"]);
}

#[tokio::test]
async fn a_page_of_due_jobs_goes_on_after_a_job_that_is_gone() {
    let mut keys = Keys::fresh().await;
    let ids = ["a", "b", "c", "d", "e"];
    for id in ids {
        let _: () = keys.redis.zadd(keys.key("scheduled"), id, 5).await.unwrap();
    }
    let _: () = keys.redis.zrem(keys.key("scheduled"), "c").await.unwrap();

    let source = include_str!("../../../jobs/queue/src/lua/page.lua");
    let rest: Vec<Row> = keys.call(source, &["scheduled", "job", "attempts"], &["5", "c", "9"]).await;

    assert_eq!(rest.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["d", "e"]);
}

#[tokio::test]
async fn a_job_cancelled_in_line_and_pushed_again_has_one_place() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0")]).await;
    assert_eq!(keys.cancel("a").await, "cancelled");
    assert_eq!(keys.cancel("a").await, "ended");
    let _: () = keys.redis.hdel(keys.key("ended"), "a").await.unwrap();

    assert_eq!(keys.push(&[("a", "0")]).await, 1);

    assert_eq!(keys.claim("9").await.0, ["a", "b"]);
    let gone: u64 = keys.redis.scard(keys.key("gone")).await.unwrap();
    assert_eq!(gone, 0);
}

#[tokio::test]
async fn forget_removes_tombstones_and_events_up_to_the_recorded_one() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0")]).await;
    let (_, mark) = keys.claim("2").await;
    keys.finish("a", &mark, "end", "0").await;
    let first: Vec<(String, Vec<String>)> =
        redis::cmd("XRANGE").arg(keys.key("events")).arg("-").arg("+").query_async(&mut keys.redis).await.unwrap();
    keys.finish("b", &mark, "end", "0").await;

    let source = include_str!("../../../jobs/queue/src/lua/forget.lua");
    let forgotten: u64 = keys.call(source, &["ended", "events"], &[&first[0].0, "a"]).await;

    let events: u64 = keys.redis.xlen(keys.key("events")).await.unwrap();
    let ended: Vec<String> = keys.redis.hkeys(keys.key("ended")).await.unwrap();
    assert_eq!((forgotten, events, ended), (1, 1, vec!["b".to_owned()]));
}
