//! Producers in other languages, as `jobs/MOVING.md` shows them, each with the transaction of its own driver.

use std::process::Stdio;

use faena_tests::{
    judge::{no_leftovers, quiet},
    process::start_probe,
    stores::Stores,
};
use queue::{JobId, operations::State};
use tokio::process::Command;

use super::{Producer, promised, reaches};

/// Interpreter, program, and the language's name on the page.
const PRODUCERS: [(&str, &str, &str); 2] =
    [("/usr/bin/python3", "produce.py", "python"), ("/usr/bin/ruby", "produce.rb", "ruby")];

fn path(name: &str) -> String {
    format!("{}/producers/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a program as that producer; the lines that it prints.
async fn run(interpreter: &str, program: &str, first: i64, producer: &Producer) -> Vec<String> {
    let mut command = Command::new(interpreter);
    command.arg(path(program)).arg(first.to_string()).env_clear().env("DATABASE_URL", &producer.url).env("LANG", "C.UTF-8");
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|error| panic!("{interpreter}: {error}: start the tests with tests/run"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn of_a_transaction_that_commits_and_one_that_does_not_exactly_the_first_ones_job_runs() {
    let stores = Stores::fresh().await;
    let producer = Producer::admitted(&stores).await;
    let shop = format!(
        "create schema shop; create table shop.orders (number bigint primary key);
         grant usage on schema shop to {0}; grant insert on shop.orders to {0}",
        producer.name
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(shop)).execute(&stores.db).await.unwrap();

    let (mut committed, mut rolled_back) = (Vec::new(), Vec::new());
    for (language, (interpreter, program, _)) in PRODUCERS.into_iter().enumerate() {
        let told = run(interpreter, program, 10 * (1 + i64::try_from(language).unwrap()), &producer).await;
        assert_eq!(told.len(), 3, "{program}: {told:?}");
        committed.push(told[0].parse::<JobId>().unwrap());
        rolled_back.push(told[1].parse::<JobId>().unwrap());
        assert_eq!(told[2], "/n touch: /n: must be an integer", "{program}");
    }
    assert_eq!(promised(&stores).await, 2);
    let _worker = start_probe(&stores, &[]).await;

    for id in &committed {
        reaches(&stores, *id, State::Completed).await;
    }
    quiet(&stores).await;
    for id in rolled_back {
        assert!(stores.operations().job(id).await.unwrap().is_none(), "{id}");
    }
    let orders: Vec<i64> =
        sqlx::query_scalar("select number from shop.orders order by number").fetch_all(&stores.db).await.unwrap();
    let effects: Vec<(i64, JobId)> =
        sqlx::query_as("select n, job_id from probe.effects order by n").fetch_all(&stores.db).await.unwrap();
    assert_eq!(orders, [10, 20]);
    assert_eq!(effects, [(10, committed[0]), (20, committed[1])]);
    no_leftovers(&stores).await;
    sqlx::raw_sql("drop schema shop cascade").execute(&stores.db).await.unwrap();
    producer.dropped(&stores).await;
}

#[test]
fn the_page_on_moving_shows_the_programs_that_ran() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../jobs/MOVING.md")).unwrap();
    for (_, program, language) in PRODUCERS {
        let text = std::fs::read_to_string(path(program)).unwrap();
        assert!(page.contains(&format!("```{language}\n{text}```\n")), "the page shows another {program}");
    }
}
