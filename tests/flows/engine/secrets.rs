//! Secret arguments are read by the attempt and by nobody else.

use faena_tests::{
    controls::Charge,
    judge::{no_leftovers, quiet},
    process::{Process, run_to_end, start_probe, try_to_end},
    stores::Stores,
};
use queue::{JobId, Secret, operations::State};

use super::{ended, reaches};

const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "new:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
/// What must be found nowhere.
const CARD: &str = "4111-9f3c-cuatro-1111";

fn args(n: i64) -> String {
    format!(r#"{{"n":{n},"card":"{CARD}","length":{}}}"#, CARD.chars().count())
}

fn with_keys(stores: &Stores, keys: &str) -> Vec<(String, String)> {
    let mut settings = stores.settings();
    settings.push(("SECRET_ARGS_KEYS".to_owned(), keys.to_owned()));
    settings
}

async fn charge(stores: &Stores, keys: &str, n: i64) -> JobId {
    let told = run_to_end("probe", &["enqueue", "charge", &args(n)], &with_keys(stores, keys)).await;
    told.trim().parse().unwrap()
}

/// Everything that Redis and Postgres hold for this test.
async fn stored(stores: &Stores) -> String {
    let mut all = String::new();
    let tables: Vec<(String,)> =
        sqlx::query_as("select format('%I.%I', table_schema, table_name) from information_schema.tables where table_schema in ('faena', 'probe') and table_type = 'BASE TABLE'")
            .fetch_all(&stores.db)
            .await
            .unwrap();
    for (table,) in tables {
        let rows: Vec<(String,)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("select t::text from {table} t"))).fetch_all(&stores.db).await.unwrap();
        all.extend(rows.into_iter().map(|(row,)| row + "\n"));
    }
    let client = redis::Client::open(stores.redis_url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg(format!("{}:*", stores.namespace)).query_async(&mut connection).await.unwrap();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.unwrap();
        let read = match kind.as_str() {
            "hash" => vec!["HGETALL", &key],
            "list" => vec!["LRANGE", &key, "0", "-1"],
            "set" => vec!["SMEMBERS", &key],
            "zset" => vec!["ZRANGE", &key, "0", "-1"],
            "stream" => vec!["XRANGE", &key, "-", "+"],
            _ => vec!["GET", &key],
        };
        let mut command = redis::cmd(read[0]);
        command.arg(&read[1..]);
        let value: redis::Value = command.query_async(&mut connection).await.unwrap();
        write_value(&value, &mut all);
    }
    all
}

/// Every byte of text in it.
fn write_value(value: &redis::Value, text: &mut String) {
    match value {
        redis::Value::BulkString(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
        redis::Value::SimpleString(said) => text.push_str(said),
        redis::Value::Array(values) => values.iter().for_each(|value| write_value(value, text)),
        redis::Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            write_value(key, text);
            write_value(value, text);
        }),
        other => text.push_str(&format!("{other:?}")),
    }
    text.push('\n');
}

#[tokio::test]
async fn a_secret_reaches_its_attempt_and_nothing_else() {
    let stores = Stores::fresh().await;
    let relay_only = start_probe(&stores, &[("ONLY", "low")]).await;

    let id = charge(&stores, OLD, 7).await;

    reaches(&stores, id, State::Available).await;
    let waiting = stored(&stores).await;
    assert!(waiting.contains("$secret") && !waiting.contains(CARD), "while it waits");
    relay_only.kill_9().await;
    let worker = start_probe(&stores, &[("SECRET_ARGS_KEYS", OLD)]).await;
    let job = ended(&stores, id).await;
    assert_eq!((job.summary.state, job.summary.attempts), (State::Completed, 2), "{job:?}");
    assert_eq!(job.attempts[0].error.as_deref(), Some("the first attempt at Charge { n: 7, card: [secret], length: 21 } fails"));
    quiet(&stores).await;

    let sealed = format!("{}{}", worker.log_text(), stored(&stores).await);
    assert!(!sealed.contains(CARD), "in the log, or in what is stored when it has ended");
    assert!(worker.log_text().contains("[secret]") && !worker.log_text().contains("v2.old."));
    let inspect = async |more: &[&str]| run_to_end("probe", &[&["inspect"], more].concat(), &with_keys(&stores, OLD)).await;
    for shown in [
        inspect(&[&id.to_string()]).await,
        inspect(&[&id.to_string(), "--json"]).await,
        inspect(&["--state", "completed", "--json"]).await,
    ] {
        assert!(!shown.contains(CARD) && !shown.contains("v2.old."), "{shown}");
    }
    assert!(job.args.contains(r#""card":"[secret]""#), "{}", job.args);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_secret_is_opened_for_as_long_as_its_key_is_kept() {
    let stores = Stores::fresh().await;
    let (before, lost) = (charge(&stores, OLD, 0).await, charge(&stores, OLD, 1).await);

    let both = format!("{NEW},{OLD}");
    let rotated = start_probe(&stores, &[("SECRET_ARGS_KEYS", &both), ("SLOTS_DEFAULT", "1")]).await;
    assert_eq!(ended(&stores, before).await.summary.state, State::Completed);
    assert_eq!(ended(&stores, lost).await.summary.state, State::Completed);
    rotated.kill_9().await;

    let lost = charge(&stores, OLD, 2).await;
    let kept = charge(&stores, &both, 3).await;
    let worker = start_probe(&stores, &[("SECRET_ARGS_KEYS", NEW)]).await;
    let job = ended(&stores, lost).await;
    let reason = job.summary.reason.unwrap();
    assert_eq!(job.summary.state, State::Dead);
    assert!(
        reason.contains("cannot be opened: it was sealed with the key \"old\", which SECRET_ARGS_KEYS does not have"),
        "{reason}"
    );
    assert_eq!(ended(&stores, kept).await.summary.state, State::Completed, "the first key of the ring seals");
    worker.kill_9().await;

    let _worker = start_probe(&stores, &[("SECRET_ARGS_KEYS", &both)]).await;
    stores.operations().retry(lost, "operadora").await.unwrap();
    reaches(&stores, lost, State::Completed).await;
}

#[tokio::test]
async fn nothing_is_written_in_plain_because_a_key_is_missing() {
    let stores = Stores::fresh().await;
    let (ok, _, error) = try_to_end("probe", &["enqueue", "charge", &args(0)], &stores.settings()).await;
    assert!(!ok && error.contains("no keyring is installed") && error.contains("SECRET_ARGS_KEYS"), "{error}");
    assert!(!error.contains(CARD));
    let (ok, _, error) = try_to_end("probe", &["enqueue", "charge", &args(0)], &with_keys(&stores, "old:short")).await;
    assert!(!ok && error.contains("SECRET_ARGS_KEYS: the key \"old\" is not 32 bytes"), "{error}");
    let mut tx = stores.db.begin().await.unwrap();
    let charge = Charge { n: 0, card: Secret::new(CARD.to_owned()), length: 21 };
    let refused = queue::enqueue(&mut tx, charge).await.unwrap_err().to_string();
    assert!(
        refused.starts_with("the arguments of charge cannot be written as JSON: a secret argument cannot be sealed"),
        "{refused}"
    );
    tx.rollback().await.unwrap();

    // Somebody wrote it into the outbox by hand.
    let id = JobId::new();
    sqlx::query("insert into faena.outbox (id, queue, name, version, args) values ($1, 'default', 'charge', 1, $2::jsonb)")
        .bind(id)
        .bind(r#"{"n":0,"card":"x","length":1}"#)
        .execute(&stores.db)
        .await
        .unwrap();
    let _worker: Process = start_probe(&stores, &[("SECRET_ARGS_KEYS", OLD)]).await;
    let job = ended(&stores, id).await;
    assert_eq!(job.summary.state, State::Dead);
    assert!(job.summary.reason.unwrap().contains("a secret argument is not sealed"));
}

#[tokio::test]
async fn the_secret_of_a_schedule_is_kept_and_shown_to_nobody() {
    let stores = Stores::fresh().await;
    let keys = with_keys(&stores, OLD);
    let schedules = async |args: &[&str]| run_to_end("probe", &[&["schedules"], args].concat(), &keys).await;
    let made = schedules(&["create", "monthly_charge", "--expression", "0 3 1 * *", "--job", "charge", "--args", &args(7)]).await;

    let edited = schedules(&["edit", "monthly_charge", "--expression", "0 4 1 * *"]).await;

    let told = [made, edited, schedules(&["list"]).await, schedules(&["next", "monthly_charge", "--json"]).await].concat();
    assert!(told.contains(r#""card":"[secret]""#) && !told.contains(CARD) && !told.contains("v2.old."), "{told}");
    assert!(!stored(&stores).await.contains(CARD));
    let _worker = start_probe(&stores, &[("SECRET_ARGS_KEYS", OLD)]).await;
    let id: JobId = schedules(&["run-now", "monthly_charge"]).await.trim().parse().unwrap();
    assert_eq!(ended(&stores, id).await.summary.state, State::Completed, "an edit keeps what it does not touch");
}
