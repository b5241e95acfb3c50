//! The scripts that mend, and the others where something goes wrong at the same moment.

use redis::AsyncCommands as _;

use super::Keys;

/// While Redis stood still, owners could not renew: what they hold is not taken before they could.
#[tokio::test]
async fn a_rescue_that_was_on_its_way_while_redis_stood_still_takes_nothing() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0")]).await;
    keys.claim("1").await;
    keys.expire_leases().await;

    assert_eq!(keys.rescue_as_of(1500).await, -1);

    let running: u64 = keys.redis.hlen(keys.key("running")).await.unwrap();
    assert_eq!(running, 1);
    assert_eq!(keys.rescue().await, 1);
}

/// Its worker looks five times a second for such wishes, and an attempt may end in between.
#[tokio::test]
async fn a_wish_to_cancel_that_comes_while_the_attempt_ends_is_carried_out() {
    for (verb, event, tombstone) in [
        ("retry", r#"{"id":"a","outcome":"retry","attempt":1,"fence":1,"epoch":1,"ended_ms":5,"error":"no"}"#, "!1"),
        ("wait", r#"{"id":"a","outcome":"throttled","attempt":1,"fence":1,"epoch":1,"ended_ms":5,"error":"no"}"#, "!1"),
        ("park", "", "!0"),
        ("release", "", "!0"),
    ] {
        let mut keys = Keys::fresh().await;
        keys.begin_epoch().await;
        keys.push(&[("a", "0")]).await;
        let (_, mark) = keys.claim("1").await;
        assert_eq!(keys.cancel("a").await.0, "running");

        let answer: Vec<u8> = keys.call("yield", &["worker", "a", &mark, verb, "0", event]).await;

        assert_eq!((answer, keys.tombstones().await), (vec![1], vec!["a".to_owned()]), "{verb}");
        let stone: String = keys.redis.hget(keys.key("job"), "a").await.unwrap();
        assert_eq!(stone, tombstone, "{verb}");
        let (_, told) = keys.events().await.remove(0);
        let pack: serde_json::Value = serde_json::from_str(&told[3]).unwrap();
        assert_eq!((&pack[0]["outcome"], &pack[0]["id"]), (&"cancelled".into(), &"a".into()), "{verb}");
        assert!(pack[0]["error"].as_str().unwrap().starts_with("cancelled while running"), "{verb}: {pack}");
        assert_eq!(told[4..], ["a", "{envelope}"], "{verb}");
        assert!(keys.ready().await.is_empty() && keys.claim("1").await.0.is_empty(), "{verb}");
    }
}

#[tokio::test]
async fn of_a_lane_that_rests_nothing_is_claimed_whoever_asks() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0")]).await;
    let _: () = keys.call("settings", &["v1!", "0", "!lane"]).await;

    assert!(keys.claim("1").await.0.is_empty());

    let _: () = keys.call("settings", &["v1", "0"]).await;
    assert_eq!(keys.claim("1").await.0, ["a"]);
}

#[tokio::test]
async fn a_share_that_no_lease_stands_for_is_given_back_when_the_counts_are_made_anew() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    let _: () = keys.redis.hset(keys.key("limits"), "gate", "3 0 0.000").await.unwrap();
    let _: () = keys.redis.hset(keys.key("running"), "a", "1 token worker 5 9 gate").await.unwrap();
    let _: () = keys.redis.zadd(keys.key("waiting"), "gate 5000000000000001 b", 0).await.unwrap();

    assert_eq!(keys.call::<u64>("recount", &[]).await, 1);

    let counted: String = keys.redis.hget(keys.key("limits"), "gate").await.unwrap();
    assert_eq!(counted, "1 1 0.000");
    let thawing: Vec<String> = keys.redis.zrange(keys.key("thaw"), 0, -1).await.unwrap();
    assert_eq!(thawing, ["gate"]);
    assert_eq!(keys.call::<u64>("recount", &[]).await, 0);
}

#[tokio::test]
async fn a_line_is_read_to_its_end_while_its_head_is_claimed() {
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0"), ("b", "0"), ("c", "0"), ("d", "0")]).await;

    let (next, first): (i64, Vec<String>) = keys.call("span", &["0", "2"]).await;
    keys.claim("2").await;
    let (end, second): (i64, Vec<String>) = keys.call("span", &[&next.to_string(), "2"]).await;
    let (_, none): (i64, Vec<String>) = keys.call("span", &[&end.to_string(), "2"]).await;

    assert_eq!((first, second, none), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned(), "d".to_owned()], vec![]));
}

#[tokio::test]
async fn what_is_taken_out_of_redis_is_older_than_every_claim_to_come_and_newer_than_those_before() {
    type Answer = (String, u64, i64, i64);
    let mut keys = Keys::fresh().await;
    keys.begin_epoch().await;
    keys.push(&[("a", "0")]).await;
    assert_eq!(keys.claim("1").await.1, "1 token ");
    keys.push(&[("b", "0")]).await;

    let answers: [Answer; 4] = [
        keys.call("cancel", &["b", "", "withdraw"]).await,
        keys.call("cancel", &["a", "", "withdraw"]).await,
        keys.call("cancel", &["a", "", "recall"]).await,
        keys.call("cancel", &["a", "", "withdraw"]).await,
    ];

    let expected = [("cancelled", 2), ("running", 3), ("cancelled", 4), ("unknown", 5)];
    assert_eq!(answers, expected.map(|(was, fence)| (was.to_owned(), 0, 1, fence)));
    assert!(keys.events().await.is_empty() && keys.claim("9").await.0.is_empty());
    keys.push(&[("a", "0"), ("b", "0")]).await;
    assert_eq!(keys.claim("9").await, (vec!["a".to_owned(), "b".to_owned()], "6 token ".to_owned()));
}
