//! A gate in Postgres: whoever writes one of certain rows stands there until the story has come so far.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::stores::Stores;

/// Whoever writes one of certain rows waits until it is opened: a job is in the middle of its work, however slow the story is.
#[derive(Debug)]
pub struct Gate(PgConnection);

impl Gate {
    /// Shuts it, for example before each `insert on probe.effects` of which `new.n >= 7`. A test has one gate.
    ///
    /// # Panics
    /// Postgres does not take it.
    pub async fn shut(stores: &Stores, before: &str, rows: &str) -> Self {
        let mut keeper = PgConnection::connect(&stores.database_url).await.expect("Postgres answers");
        let sql = format!(
            "select pg_advisory_lock(7);
             create function probe.wait() returns trigger language plpgsql as
                 $$ begin perform pg_advisory_xact_lock_shared(7); return new; end $$;
             create trigger gate before {before} for each row when ({rows}) execute function probe.wait()"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut keeper).await.expect("the gate is made");
        Self(keeper)
    }

    /// Opens it for good.
    ///
    /// # Panics
    /// Postgres is away.
    pub async fn open(mut self) {
        sqlx::raw_sql("select pg_advisory_unlock(7)").execute(&mut self.0).await.expect("the gate opens");
        self.0.close().await.expect("the connection closes");
    }
}
