//! Each Lua script alone against Redis: what it changes, what it answers, and what it leaves alone.

use std::collections::BTreeMap;

use redis::{AsyncCommands, FromRedisValue, Script, aio::MultiplexedConnection};
use uuid::Uuid;

mod trouble;

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

    async fn call<T: FromRedisValue>(&mut self, name: &str, args: &[&str]) -> T {
        self.try_call(name, args).await.unwrap()
    }

    async fn try_call<T: FromRedisValue>(&mut self, name: &str, args: &[&str]) -> redis::RedisResult<T> {
        self.try_call_with(name, &keys_of(name), args).await
    }

    async fn try_call_with<T: FromRedisValue>(&mut self, name: &str, keys: &[&str], args: &[&str]) -> redis::RedisResult<T> {
        let script = Script::new(&script(name));
        let mut call = script.prepare_invoke();
        for name in keys {
            call.key(self.key(name));
        }
        for arg in args {
            call.arg(*arg);
        }
        call.invoke_async(&mut self.redis).await
    }

    async fn push(&mut self, jobs: &[(&str, &str)]) -> u64 {
        let count = jobs.len().to_string();
        let mut args = vec![count.as_str(), "0"];
        args.extend(jobs.iter().map(|(id, _)| *id));
        jobs.iter().for_each(|(id, _)| args.extend([*id, "{envelope}"]));
        if jobs.iter().any(|(_, due)| *due != "0") {
            args.extend(jobs.iter().map(|(_, due)| *due));
        }
        let (added, _duplicates): (u64, Vec<String>) = self.call("push", &args).await;
        added
    }

    /// The ids claimed, and the mark under which they run.
    async fn claim(&mut self, limit: &str) -> (Vec<String>, String) {
        let reply: (String, i64, i64, Vec<String>, Vec<String>, Vec<String>) =
            self.call("claim", &[limit, "4000", "token", "worker"]).await;
        (reply.3, format!("{} token ", reply.1))
    }

    /// The places of those that were refused.
    async fn finish(&mut self, ids: &[&str], marks: &[&str]) -> Vec<usize> {
        self.finish_under_pressure(ids, marks, 0, "999999").await
    }

    async fn finish_under_pressure(&mut self, ids: &[&str], marks: &[&str], droppable: usize, limit: &str) -> Vec<usize> {
        let (count, drop) = (ids.len().to_string(), droppable.to_string());
        let events = if droppable < ids.len() { "[{}]" } else { "" };
        let mut args = vec![count.as_str(), &drop, limit, "worker", events, "[{}]", "completed 2 dead 1 "];
        args.extend(ids);
        args.extend(marks.iter().flat_map(|mark| ["1", *mark]));
        self.call("finish", &args).await
    }

    async fn take_back(&mut self, id: &str, mark: &str, verb: &str, delay: &str) -> Vec<u8> {
        self.call("yield", &["worker", id, mark, verb, delay, "{}"]).await
    }

    /// By somebody who may take their time.
    async fn rescue(&mut self) -> i64 {
        self.rescue_as_of(-3_600_000).await
    }

    /// By somebody who asked so many ms ago whether the epoch holds.
    async fn rescue_as_of(&mut self, passed_ms: i64) -> i64 {
        let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut self.redis).await.unwrap();
        let asked = (seconds * 1000 + micros / 1000 - passed_ms).to_string();
        self.call::<(i64, i64, i64)>("rescue", &["1 here", "0", "500", &asked]).await.1
    }

    /// What became of it, and how many attempts it had used.
    async fn cancel(&mut self, id: &str) -> (String, u64) {
        self.call("cancel", &[id, r#"{"id":"x","outcome":"cancelled"}"#, ""]).await
    }

    async fn promote(&mut self) -> (u64, i64) {
        self.call("promote", &["500", "0"]).await
    }

    async fn line(&mut self, after: i64, limit: usize) -> Vec<Row> {
        self.call("line", &[&after.to_string(), &limit.to_string()]).await
    }

    async fn begin_epoch(&mut self) {
        let _: () = self.redis.set(self.key("epoch"), "1 here").await.unwrap();
    }

    async fn ready(&mut self) -> Vec<String> {
        self.redis.lrange(self.key("ready"), 0, -1).await.unwrap()
    }

    /// Everything, for comparison.
    async fn dump(&mut self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        let pattern = format!("{}:*", self.prefix.replace('{', "\\{"));
        let names: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut self.redis).await.unwrap();
        for name in names {
            let value = redis::cmd("DUMP").arg(&name).query_async(&mut self.redis).await.unwrap();
            all.insert(name, value);
        }
        all
    }

    /// Every lease has run out.
    async fn expire_leases(&mut self) {
        let running: Vec<(String, String)> = self.redis.hgetall(self.key("running")).await.unwrap();
        for (id, mark) in running {
            let (kept, _) = mark.rsplit_once(' ').unwrap();
            let _: () = self.redis.hset(self.key("running"), id, format!("{kept} 1")).await.unwrap();
        }
    }

    /// Ended jobs whose end the recorder has not written.
    async fn tombstones(&mut self) -> Vec<String> {
        let jobs: Vec<(String, String)> = self.redis.hgetall(self.key("job")).await.unwrap();
        let mut ended: Vec<String> =
            jobs.into_iter().filter(|(_, envelope)| envelope.starts_with('!')).map(|(id, _)| id).collect();
        ended.sort();
        ended
    }

    async fn events(&mut self) -> Vec<(String, Vec<String>)> {
        redis::cmd("XRANGE").arg(self.key("events")).arg("-").arg("+").query_async(&mut self.redis).await.unwrap()
    }

    async fn forget(&mut self, last: &str, ended: &[(&str, &str)]) -> u64 {
        let mut args = vec!["1", "4", "1", last];
        ended.iter().for_each(|(id, stone)| args.extend([*id, *stone]));
        self.call("forget", &args).await
    }
}

/// The script as the engine sends it.
fn script(name: &str) -> String {
    let source = source_of(name);
    let (flags, body) = source.split_once('\n').expect("a script has lines");
    let shared = [("expect_keys(", "keys"), ("open_limits(", "limits")];
    let shared: String = shared.iter().filter(|(call, _)| body.contains(call)).map(|(_, name)| source_of(name)).collect();
    format!("{flags}\n{shared}{body}")
}

/// The keys of a script. Two keys of a push are for unique jobs alone.
fn keys_of(name: &str) -> Vec<&'static str> {
    all_keys_of(name).into_iter().take(if name == "push" { 7 } else { usize::MAX }).collect()
}

/// The keys of a script, as its head lists them. A page is of any set.
fn all_keys_of(name: &str) -> Vec<&'static str> {
    let head = source_of(name).lines().filter_map(|line| line.strip_prefix("--")).skip_while(|line| !line.contains("KEYS"));
    let about_keys = head.take_while(|line| !line.contains("ARGV") && !line.contains("Returns"));
    let words: Vec<&str> = about_keys.flat_map(str::split_whitespace).collect();
    let numbered = words.windows(2).filter(|pair| pair[0].parse::<u8>().is_ok()).map(|pair| pair[1]);
    numbered.map(|key| if name == "page" && key == "set" { "scheduled" } else { key }).collect()
}

fn source_of(name: &str) -> &'static str {
    macro_rules! scripts {
        ($($name:literal)*) => {
            match name { $($name => include_str!(concat!("../../../jobs/queue/src/lua/", $name, ".lua")),)* _ => panic!("{name}") }
        };
    }
    scripts!("push" "claim" "finish" "yield" "renew" "rescue" "cancel" "promote" "line" "page" "forget" "epoch" "limits" "settings" "crash" "hasten" "keys" "span" "recount")
}

#[tokio::test]
async fn push_leaves_live_and_ended_jobs_alone_and_wakes_one_worker_once() {
    let mut keys = Keys::fresh().await;
    let _: () = keys.redis.hset(keys.key("job"), "over", "!1").await.unwrap();

    assert_eq!(keys.push(&[("a", "0"), ("over", "0"), ("later", "99999999999999")]).await, 2);
    assert_eq!(keys.push(&[("a", "0"), ("b", "0")]).await, 1);

    assert_eq!(keys.ready().await, ["a", "b"]);
    let scheduled: Vec<String> = keys.redis.zrange(keys.key("scheduled"), 0, -1).await.unwrap();
    assert_eq!(scheduled, ["later"]);
    let tokens: u64 = keys.redis.llen(keys.key("wake")).await.unwrap();
    assert_eq!(tokens, 1);
}

/// Redis does not undo what a script did before its error: a job taken out of the line by half a claim would be lost.
#[tokio::test]
async fn a_script_that_meets_something_foreign_has_changed_nothing() {
    for name in
        ["push", "claim", "finish", "yield", "rescue", "crash", "cancel", "promote", "hasten", "forget", "settings", "recount"]
    {
        let keys = all_keys_of(name);
        // Jobs that ask for shares of limits, and such as ask for nothing: for those, three scripts take a shorter way.
        for (line, foreign) in ["~gate\n", ""].into_iter().flat_map(|line| keys.iter().map(move |key| (line, key))) {
            let mut world = Keys::fresh().await;
            world.begin_epoch().await;
            let _: () = world.redis.hset(world.key("settings"), "gate", "9 0 0 1").await.unwrap();
            world.push(&[("a", "0"), ("b", "0"), ("c", "0"), ("later", "99999999999999")]).await;
            let envelope = format!("{line}{{envelope}}");
            let jobs = ["a", "b", "c", "later", "due"].map(|id| (id, envelope.as_str()));
            let _: () = world.redis.hset_multiple(world.key("job"), &jobs).await.unwrap();
            let (_, mark) = world.claim("2").await;
            world.expire_leases().await;
            let _: () = world.redis.zadd(world.key("scheduled"), "due", 1).await.unwrap();
            let _: () = world.redis.del(world.key(foreign)).await.unwrap();
            let _: () = world.redis.pfadd(world.key(foreign), "foreign").await.unwrap();
            // What counts as a string to Redis is foreign to none of our strings.
            if ["tail", "fence", "epoch"].contains(foreign) {
                let _: () = world.redis.del(world.key(foreign)).await.unwrap();
                let _: () = world.redis.zadd(world.key(foreign), "foreign", 1).await.unwrap();
            }
            let fence = mark.split(' ').next().unwrap().to_owned();
            let pushed = format!("{}{{}}", line.replace("gate", "=held"));
            let args: Vec<&str> = match name {
                "push" => vec!["1", "999", "new", "new", &pushed],
                "claim" => vec!["9", "4000", "token", "worker"],
                "finish" => vec!["1", "0", "999", "worker", "[{}]", "", "completed 1 ", "a", "1", &mark],
                "yield" => vec!["worker", "a", &mark, "retry", "0", "{}", "b", &mark, "release", "0", "{}"],
                "rescue" => vec!["1 here", "0", "500", "9999999999999"],
                "recount" => vec![],
                "crash" => vec!["a", &fence],
                "cancel" => vec!["c", r#"{"id":"c","outcome":"cancelled"}"#],
                "promote" => vec!["500", "0"],
                "hasten" => vec!["later"],
                "forget" => vec!["1", "1", "1", "1-1", "a", "!1"],
                _ => vec!["version", "1", "gate", "1 0 0 1", "job:nap"],
            };
            let before = world.dump().await;

            let answer = match (name, line) {
                // As it is called for jobs that are not unique.
                ("push", "") => world.try_call_with::<redis::Value>(name, &keys[..7], &args).await,
                _ => world.try_call_with(name, &keys, &args).await,
            };

            // The shorter way does not meet what only limits need.
            let is_on_the_way = match name {
                "claim" => !["limits", "settings", "waiting", "turns", "stats", "unique"].contains(foreign),
                "finish" => !["settings", "thaw", "wake"].contains(foreign),
                "push" => !["scheduled", "unique", "events", "running"].contains(foreign),
                _ => true,
            };
            if line.is_empty() && !is_on_the_way && answer.is_ok() {
                continue;
            }
            let error = answer.expect_err(&format!("{name} did not mind {foreign}"));
            assert!(error.code() == Some("WRONGTYPE") && error.to_string().contains(&world.key(foreign)), "{name}: {error}");
            assert_eq!(world.dump().await, before, "{name} stopped half-way at {foreign}");
        }
    }
}

#[tokio::test]
async fn claim_gives_nothing_without_an_epoch_and_then_the_oldest_first() {
    let mut keys = Keys::fresh().await;
    keys.push(&[("a", "0"), ("b", "0"), ("c", "0")]).await;
    let nothing: Option<Vec<String>> = keys.call("claim", &["9", "4000", "token", "worker"]).await;
    assert_eq!(nothing, None);
    keys.begin_epoch().await;

    let (first, mark) = keys.claim("2").await;
    let (second, later_mark) = keys.claim("2").await;

    assert_eq!((first, second), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
    assert_ne!(mark, later_mark, "the fence does not rise");
    let leases: u64 = keys.redis.hlen(keys.key("running")).await.unwrap();
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

    assert_eq!(keys.finish(&["a"], &[&stale]).await, [1]);
    assert!(keys.finish(&["a"], &[&fresh]).await.is_empty());
    assert_eq!(keys.finish(&["a"], &[&fresh]).await, [1], "an end happened twice");
    assert_eq!(keys.tombstones().await, ["a"]);
}

#[tokio::test]
async fn a_mark_that_begins_like_another_is_another() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    let _: () = keys.redis.set(keys.key("fence"), 11).await.unwrap();
    keys.push(&[("a", "0")]).await;
    keys.claim("1").await;

    assert_eq!(keys.finish(&["a"], &["1 token "]).await, [1]);
    assert_eq!(keys.finish(&["a"], &["12 tok "]).await, [1]);
    assert!(keys.finish(&["a"], &["12 token "]).await.is_empty());
}

#[tokio::test]
async fn one_refused_end_holds_back_its_whole_batch_and_is_named() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0"), ("c", "0")]).await;
    let (_, mark) = keys.claim("3").await;

    assert_eq!(keys.finish(&["a", "b", "c"], &[&mark, "9 other ", &mark]).await, [2]);
    assert!(keys.tombstones().await.is_empty() && keys.events().await.is_empty(), "half a batch was carried out");
    assert!(keys.finish(&["a", "c"], &[&mark, &mark]).await.is_empty());

    assert_eq!((keys.tombstones().await, keys.events().await.len()), (vec!["a".to_owned(), "c".to_owned()], 1));
    let (completed, dead): (u64, u64) = keys.redis.hmget(keys.key("stats"), &["completed", "dead"]).await.unwrap();
    assert_eq!((completed, dead), (2, 1));
}

#[tokio::test]
async fn under_pressure_successes_of_direct_pushes_go_unrecorded_and_new_ones_are_refused() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("promised", "0"), ("direct", "0")]).await;
    let (_, mark) = keys.claim("2").await;
    let _: () = keys.redis.hset(keys.key("stats"), "event_bytes", 50).await.unwrap();

    assert!(keys.finish_under_pressure(&["promised", "direct"], &[&mark, &mark], 1, "50").await.is_empty());

    assert_eq!(keys.tombstones().await, ["promised"], "nobody would ever remove the other's tombstone");
    let (dropped, jobs): (u64, u64) =
        (keys.redis.hget(keys.key("stats"), "dropped").await.unwrap(), keys.redis.hlen(keys.key("job")).await.unwrap());
    assert_eq!((keys.events().await.len(), dropped, jobs), (1, 1, 1));
    let refused = keys.try_call::<redis::Value>("push", &["1", "50", "new", "new", "{}"]).await.unwrap_err();
    assert!(refused.to_string().contains("the recorder is behind"), "{refused}");
}

#[tokio::test]
async fn a_failed_attempt_is_counted_and_a_handed_back_one_is_not() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0")]).await;
    let (_, mark) = keys.claim("2").await;

    keys.take_back("a", &mark, "retry", "0").await;
    keys.take_back("b", &mark, "release", "0").await;

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
    assert_eq!(keys.cancel("b").await.0, "running");

    let answers: Vec<u8> =
        keys.call("renew", &["3600000", "a", &mark, "", "b", &mark, "", "a", "9 other ", "", "nobody", &mark, ""]).await;

    assert_eq!(answers, [1, 2, 0, 0]);
    assert_eq!(keys.rescue().await, 0, "a renewed lease ran out");
}

#[tokio::test]
async fn rescue_returns_orphans_to_the_head_and_ends_those_that_nobody_wants() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("unwanted", "0"), ("b", "0")]).await;
    keys.claim("2").await;
    assert_eq!(keys.cancel("unwanted").await.0, "running");
    keys.expire_leases().await;

    assert_eq!(keys.rescue().await, 2);

    assert_eq!(keys.ready().await, ["a", "b"]);
    let running: u64 = keys.redis.hlen(keys.key("running")).await.unwrap();
    assert_eq!((running, keys.tombstones().await), (0, vec!["unwanted".to_owned()]));
}

/// A Redis that was torn within a step may hold one for a delivery that is over.
#[tokio::test]
async fn a_wish_to_cancel_is_for_the_delivery_that_it_names_and_for_no_other() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    let _: () = keys.redis.set(keys.key("fence"), 1).await.unwrap();
    keys.push(&[("a", "0"), ("b", "0"), ("c", "0")]).await;
    let (_, mark) = keys.claim("3").await;
    let stale = [("a", "1 token"), ("b", "2 another"), ("c", "2 tok")];
    let _: () = keys.redis.hset_multiple(keys.key("cancels"), &stale).await.unwrap();

    let answers: Vec<u8> = keys.call("renew", &["4000", "a", &mark, "", "b", &mark, "", "c", &mark, ""]).await;
    keys.take_back("a", &mark, "release", "0").await;
    let crashed: u64 = keys.call("crash", &["b", "2"]).await;
    keys.expire_leases().await;

    assert_eq!((answers, crashed, keys.rescue().await), (vec![1, 1, 1], 1, 1));
    assert_eq!((keys.ready().await, keys.tombstones().await), (["c", "b", "a"].map(str::to_owned).to_vec(), vec![]));
    let wishes: u64 = keys.redis.hlen(keys.key("cancels")).await.unwrap();
    assert_eq!(wishes, 0, "they are of no use to anybody");
}

#[tokio::test]
async fn a_job_that_nobody_wants_ends_when_its_process_dies() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("unwanted", "0"), ("wanted", "0")]).await;
    keys.claim("2").await;
    assert_eq!(keys.cancel("unwanted").await.0, "running");

    let counted: u64 = keys.call("crash", &["unwanted", "1", "wanted", "1"]).await;

    assert_eq!((counted, keys.ready().await), (2, vec!["wanted".to_owned()]));
    let wishes: u64 = keys.redis.hlen(keys.key("cancels")).await.unwrap();
    assert_eq!((wishes, keys.tombstones().await), (0, vec!["unwanted".to_owned()]));
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
    assert_eq!(keys.cancel("d").await.0, "cancelled");
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

    let rest: Vec<Row> = keys.call("page", &["5", "c", "9"]).await;

    assert_eq!(rest.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["d", "e"]);
}

#[tokio::test]
async fn a_job_cancelled_in_line_and_pushed_again_has_one_place() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0")]).await;
    assert_eq!(keys.cancel("a").await.0, "cancelled");
    assert_eq!(keys.cancel("a").await.0, "ended");
    let last = keys.events().await[0].0.clone();
    keys.forget(&last, &[("a", "!0")]).await;

    assert_eq!(keys.push(&[("a", "0")]).await, 1);

    assert_eq!(keys.claim("9").await.0, ["a", "b"]);
    let gone: u64 = keys.redis.scard(keys.key("gone")).await.unwrap();
    assert_eq!(gone, 0);
}

/// A Redis that forgot its last second has entries again that were gone when a recorder read: it forgets those that it read.
#[tokio::test]
async fn forget_removes_what_was_recorded_and_no_older_entry_that_nobody_has_read() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0")]).await;
    let (_, mark) = keys.claim("2").await;
    keys.finish(&["a"], &[&mark]).await;
    keys.finish(&["b"], &[&mark]).await;
    let read = keys.events().await[1].0.clone();

    let forgotten = keys.forget(&read, &[("b", "!1")]).await;

    assert_eq!((forgotten, keys.events().await.len(), keys.tombstones().await), (1, 1, vec!["a".to_owned()]));
    let bytes: i64 = keys.redis.hget(keys.key("stats"), "event_bytes").await.unwrap();
    assert_eq!(bytes, 4);
}

#[tokio::test]
async fn a_recorder_that_comes_late_forgets_no_job_that_lives_again() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0")]).await;
    let (_, mark) = keys.claim("2").await;
    keys.finish(&["a"], &[&mark]).await;
    let first = keys.events().await[0].0.clone();
    keys.finish(&["b"], &[&mark]).await;
    let second = keys.events().await[1].0.clone();
    keys.forget(&first, &[("a", "!1")]).await;
    keys.push(&[("a", "0")]).await;

    // It had read both entries before the other one forgot the first.
    keys.forget(&second, &[("a", "!1"), ("b", "!1")]).await;

    let (alive, events) = (keys.claim("9").await.0, keys.events().await.len());
    assert_eq!((alive, events), (vec!["a".to_owned()], 0));
}

#[tokio::test]
async fn of_two_who_begin_an_epoch_one_does() {
    let mut keys = Keys::fresh().await;

    let one: String = keys.call("epoch", &["", "7 here", "4000"]).await;
    let other: String = keys.call("epoch", &["", "8 here", "4000"]).await;

    assert_eq!((one.as_str(), other.as_str()), ("7 here", "7 here"));
}

#[tokio::test]
async fn in_another_epoch_nothing_is_rescued() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0")]).await;
    keys.claim("1").await;
    keys.expire_leases().await;
    let _: () = keys.redis.set(keys.key("epoch"), "2 elsewhere").await.unwrap();

    assert_eq!(keys.rescue().await, -1);

    assert!(keys.ready().await.is_empty());
}

#[tokio::test]
async fn a_parked_job_waits_apart_and_counts_no_attempt() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0")]).await;
    let (_, mark) = keys.claim("1").await;

    keys.take_back("a", &mark, "park", "3600000").await;

    assert_eq!(keys.promote().await.0, 0);
    let (offered, _): (u64, i64) = keys.call("promote", &["500", "1"]).await;
    assert_eq!((offered, keys.claim("1").await.0), (1, vec!["a".to_owned()]));
    let attempts: u64 = keys.redis.hlen(keys.key("attempts")).await.unwrap();
    assert_eq!(attempts, 0);
}
