//! What is old or expired goes, in bounded batches that are counted, and nothing else does.

mod archive;
mod closing;
mod counters;
mod files;
mod ledger;
mod partitions;
mod return_of_the_past;
mod rows;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use faena_tests::stores::Stores;
use jobs::{
    catalogue,
    ports::{Ports, fakes::Fakes},
};
use queue::{JobId, kit::Kit};
use serde_json::Value;

/// A kit whose jobs may ask the test's Redis for live jobs.
fn kit(stores: &Stores) -> Kit<Ports> {
    let fakes = Fakes { live: Some(stores.store.clone()), ..Fakes::default() };
    Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone())
}

/// What a sweep has noted.
#[derive(Debug, sqlx::FromRow)]
struct Swept {
    dry_run: bool,
    finished_at: Option<DateTime<Utc>>,
    batches: i64,
    looked_at: i64,
    counts: sqlx::types::Json<BTreeMap<String, i64>>,
}

async fn swept(stores: &Stores, id: JobId) -> Swept {
    sqlx::query_as("select dry_run, finished_at, batches, looked_at, counts from core.sweeps where job_id = $1")
        .bind(id)
        .fetch_one(&stores.db)
        .await
        .unwrap()
}

fn counts<const N: usize>(counts: [(&str, i64); N]) -> BTreeMap<String, i64> {
    counts.into_iter().map(|(what, count)| (what.to_owned(), count)).collect()
}

/// Every row of these tables, to be compared: what is there, not where it lies. Of effects, those of the kit's own jobs are left out.
async fn rows_of(stores: &Stores, tables: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let mut all = BTreeMap::new();
    for table in tables {
        let rest =
            if *table == "faena.effects" { "where not exists (select from core.sweeps s where s.job_id = t.job_id)" } else { "" };
        let sql = format!("select to_jsonb(t) from {table} t {rest} order by to_jsonb(t)::text");
        let rows: Vec<Value> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&stores.db).await.unwrap();
        all.insert((*table).to_owned(), rows);
    }
    all
}

async fn run_sql(stores: &Stores, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&stores.db).await.unwrap();
}

async fn number(stores: &Stores, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&stores.db).await.unwrap()
}
