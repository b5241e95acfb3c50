//! The catalogue in Postgres is what the binaries at hand run.

use faena_tests::{
    probe::catalogue,
    process::{run_to_end, start_probe},
    stores::Stores,
    wait::until,
};
use serde_json::{Value, json};

async fn names(stores: &Stores) -> Vec<String> {
    sqlx::query_scalar("select name from faena.job_kinds order by name").fetch_all(&stores.db).await.unwrap()
}

fn known() -> Vec<String> {
    catalogue().kinds().map(|kind| kind.name.to_owned()).collect()
}

#[tokio::test]
async fn migrating_publishes_every_kind_with_its_schema() {
    let stores = Stores::fresh().await;
    assert_eq!(names(&stores).await, known());
    let (lane, description, schema): (String, String, Value) =
        sqlx::query_as("select lane, description, schema from faena.job_kinds where name = 'film'")
            .fetch_one(&stores.db)
            .await
            .unwrap();
    assert_eq!((lane.as_str(), description.as_str()), ("low/films", "As [`Touch`], in a lane of its own."));
    assert_eq!(schema["properties"]["sleep_ms"]["format"], "uint64");
    assert_eq!(schema["required"], json!(["n", "sleep_ms"]));
}

#[tokio::test]
async fn a_worker_that_starts_publishes_what_it_runs() {
    let stores = Stores::fresh().await;
    sqlx::raw_sql("truncate faena.job_kinds").execute(&stores.db).await.unwrap();
    let _worker = start_probe(&stores, &[]).await;
    until("the catalogue to be published", async || names(&stores).await == known()).await;
}

#[tokio::test]
async fn an_older_binary_leaves_a_newer_version_and_a_kind_it_does_not_know() {
    let stores = Stores::fresh().await;
    sqlx::raw_sql(
        "update faena.job_kinds set version = 9, schema = '{\"description\": \"newer\"}', published_by = '9.0.0' where name = 'touch';
         update faena.job_kinds set lane = 'low', published_by = '0.0.1' where name = 'nap';
         insert into faena.job_kinds (name, version, lane, schema, description, published_by) values ('paint', 1, 'low', 'true', '', '9.0.0')",
    )
    .execute(&stores.db)
    .await
    .unwrap();

    let told = run_to_end("probe", &["migrate", "--json"], &stores.settings()).await;

    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told, json!({ "published": 1, "producers": true }));
    let rows: Vec<(String, i16, String, String)> = sqlx::query_as(
        "select name, version, lane, published_by from faena.job_kinds where name in ('touch', 'nap', 'paint') order by name",
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();
    let expected =
        [("nap", 1, "default", env!("CARGO_PKG_VERSION")), ("paint", 1, "low", "9.0.0"), ("touch", 9, "default", "9.0.0")];
    assert_eq!(rows, expected.map(|(name, version, lane, by)| (name.to_owned(), version, lane.to_owned(), by.to_owned())));
}

#[tokio::test]
async fn an_older_worker_that_starts_again_takes_no_field_away_and_the_migration_does() {
    let stores = Stores::fresh().await;
    let fields = async || {
        let sql = "select jsonb_object_keys(schema -> 'properties') from faena.job_kinds where name = 'nap' order by 1";
        sqlx::query_scalar::<_, String>(sql).fetch_all(&stores.db).await.unwrap()
    };
    // As a newer binary has published it, whose job has a field more.
    sqlx::raw_sql(
        "update faena.job_kinds set schema = jsonb_set(schema, '{properties,until}', '{\"type\": \"integer\"}') where name = 'nap';
         delete from faena.job_kinds where name = 'touch'",
    )
    .execute(&stores.db)
    .await
    .unwrap();

    let _worker = start_probe(&stores, &[]).await;
    until("the worker to publish", async || names(&stores).await == known()).await;
    assert_eq!(fields().await, ["note", "sleep_ms", "until"]);
    sqlx::query(r#"select faena.enqueue('nap', '{"sleep_ms": 0, "note": "", "until": 7}')"#).execute(&stores.db).await.unwrap();

    run_to_end("probe", &["migrate"], &stores.settings()).await;
    assert_eq!(fields().await, ["note", "sleep_ms"]);
}
