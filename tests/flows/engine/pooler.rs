//! A pooler between a worker and Postgres: PgBouncer, by sessions. (By transactions it would run one client's statement for another: the engine's README.)

use std::{ops::Range, time::Duration};

use faena_tests::{
    judge::{effects, no_leftovers, quiet},
    probe::Touch,
    process::start_probe,
    servers::{PrivatePooler, PrivatePostgres},
    stores::Stores,
    wait::until,
};
use queue::Job;
use sqlx::{Connection, PgConnection};

const JOBS: i64 = 600;

/// Enqueues jobs of these numbers in one transaction: by our own call, of which every fifth is due later, and by SQL.
async fn enqueue_through(url: &str, numbers: Range<i64>) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    let middle = i64::midpoint(numbers.start, numbers.end);
    for n in numbers.start..middle {
        let wait = Duration::from_secs(u64::from(n % 5 == 0));
        queue::enqueue(&mut tx, Touch { n, sleep_ms: 10 }.after(wait)).await.unwrap();
    }
    sqlx::query("select faena.enqueue('touch', jsonb_build_object('n', n, 'sleep_ms', 10)) from generate_series($1, $2) n")
        .bind(middle)
        .bind(numbers.end - 1)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_pooler_by_sessions_is_killed_under_load_and_returns() {
    let postgres = PrivatePostgres::start().await;
    let redis = std::env::var("FAENA_TEST_REDIS_URL").expect("start the tests with tests/run");
    let stores = Stores::on(&postgres.url(), &redis).await;
    // What a program wants of its sessions a pooler keeps to itself.
    sqlx::raw_sql(
        "alter role faena set search_path = public;
         alter role faena set statement_timeout = '60s';
         alter role faena set idle_in_transaction_session_timeout = '20s'",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    let mut pooler = PrivatePooler::before(&postgres.url()).await;
    let through = pooler.url_of(&stores.database_url);
    enqueue_through(&through, 0..JOBS / 2).await;
    let mut worker = start_probe(&stores, &[("DATABASE_URL", &through)]).await;
    until("some effects", async || {
        let count: i64 = sqlx::query_scalar("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
        count >= JOBS / 6
    })
    .await;

    pooler.kill_9();
    until("the worker to notice", async || worker.logged("a loop of the engine fails, and tries again").is_some()).await;
    pooler.resume(&postgres.url()).await;
    enqueue_through(&through, JOBS / 2..JOBS).await;

    quiet(&stores).await;
    assert_eq!(effects(&stores, JOBS).await, (vec![], vec![]));
    no_leftovers(&stores).await;
    assert!(!worker.has_ended());
    assert!(worker.terminate().await, "the drain was not clean:\n{}", worker.log_text());
}
