//! The database is brought up to date, and left alone when it is.

use std::net::TcpListener;

use faena_tests::{
    process::{run_to_end, try_to_end},
    servers::PrivatePostgres,
};
use sqlx::{Connection, PgConnection};

#[tokio::test]
async fn migrating_twice_changes_nothing_even_for_a_role_called_like_a_schema() {
    let postgres = PrivatePostgres::start().await;
    assert!(postgres.url().contains("//faena@"), "the role is called like the engine's schema");
    // Whoever migrates needs to know of Postgres alone.
    let settings = [("DATABASE_URL".to_owned(), postgres.url())];

    run_to_end("worker", &["migrate"], &settings).await;
    let (again, _, error) = try_to_end("worker", &["migrate"], &settings).await;

    assert!(again, "{error}");
    let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
    let (applied,): (i64,) =
        sqlx::query_as("select count(*) from public._sqlx_migrations").fetch_one(&mut connection).await.unwrap();
    assert_eq!(
        usize::try_from(applied).unwrap(),
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations")).unwrap().count()
    );
}

#[tokio::test]
async fn a_postgres_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://faena@{}/faena", silent.local_addr().unwrap());

    let (done, _, error) = try_to_end("worker", &["migrate"], &[("DATABASE_URL".to_owned(), url)]).await;

    assert!(!done && error.contains("connecting to Postgres"), "{error}");
}
