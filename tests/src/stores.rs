//! A database and a Redis namespace of a test's own, on the servers that all tests share (or on the test's own servers).

use std::{
    str::FromStr,
    sync::{Arc, LazyLock, mpsc},
};

use queue::{Operations, Store};
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions, postgres::PgPoolOptions};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::process::run_to_end;

/// The stores of one test.
#[derive(Debug, Clone)]
pub struct Stores {
    /// What a worker or a web is told as DATABASE_URL.
    pub database_url: String,
    /// What they are told as REDIS_URL.
    pub redis_url: String,
    /// What they are told as FAENA_NAMESPACE.
    pub namespace: String,
    /// A pool on the test's database.
    pub db: PgPool,
    /// The engine's handle on the test's live jobs.
    pub store: Store,
    database: Arc<Database>,
}

/// A database that goes when its test ends: those of a whole run would fill a disk.
#[derive(Debug)]
struct Database {
    server: String,
    name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        static JANITOR: LazyLock<mpsc::Sender<(String, String)>> = LazyLock::new(start_janitor);
        // What a run that ends leaves over goes with its server.
        let _ = JANITOR.send((std::mem::take(&mut self.server), std::mem::take(&mut self.name)));
    }
}

impl Stores {
    /// Fresh stores on the shared servers.
    ///
    /// # Panics
    /// `tests/run` did not start the servers.
    pub async fn fresh() -> Self {
        let server =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: start the tests with tests/run"));
        Self::on(&server("FAENA_TEST_DATABASE_URL"), &server("FAENA_TEST_REDIS_URL")).await
    }

    /// Fresh stores on these servers.
    ///
    /// # Panics
    /// A server does not answer.
    pub async fn on(database_server: &str, redis_server: &str) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let admin = PgConnectOptions::from_str(database_server).expect("a Postgres URL");
        let mut connection = PgConnection::connect_with(&admin).await.expect("Postgres answers");
        let template = template(database_server, &mut connection).await;
        let create = format!("create database {name} template {template}");
        connection.execute(sqlx::AssertSqlSafe(create)).await.expect("a database can be created");
        let database_url = with_database(database_server, &name);
        let db = PgPoolOptions::new().max_connections(8).connect_lazy(&database_url).expect("a Postgres URL");
        let store = Store::new(redis_server, &name).expect("a Redis URL");
        let database = Arc::new(Database { server: database_server.to_owned(), name: name.clone() });
        Self { database_url, redis_url: redis_server.to_owned(), namespace: name, db, store, database }
    }

    /// Removes the database now: one of millions of rows is not left to whoever tidies up behind stories.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn remove(self) -> sqlx::Result<()> {
        self.db.close().await;
        let mut admin = PgConnection::connect(&self.database.server).await?;
        admin.execute(sqlx::AssertSqlSafe(format!("drop database {} with (force)", self.namespace))).await.map(drop)
    }

    /// What an operator may look at and do.
    #[must_use]
    pub fn operations(&self) -> Operations {
        Operations::new(self.store.clone(), self.db.clone())
    }

    /// The settings that point a process at these stores.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        [("DATABASE_URL", &self.database_url), ("REDIS_URL", &self.redis_url), ("FAENA_NAMESPACE", &self.namespace)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .to_vec()
    }
}

/// Apart from the tests, whose runtimes end with them.
fn start_janitor() -> mpsc::Sender<(String, String)> {
    let (sender, ended) = mpsc::channel::<(String, String)>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        for (server, name) in ended {
            // A server of the test's own is gone already.
            let _: sqlx::Result<()> = runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await?;
                let drop = format!("drop database if exists {name} with (force)");
                connection.execute(sqlx::AssertSqlSafe(drop)).await?;
                connection.close().await
            });
        }
    });
    sender
}

/// The migrated database from which every test's is copied, made once a server and a run of the tests.
async fn template(server: &str, admin: &mut PgConnection) -> String {
    static SHARED: OnceCell<String> = OnceCell::const_new();
    let shared = std::env::var("FAENA_TEST_DATABASE_URL").is_ok_and(|url| url == server);
    if shared { SHARED.get_or_init(|| make_template(server, admin)).await.clone() } else { make_template(server, admin).await }
}

async fn make_template(server: &str, admin: &mut PgConnection) -> String {
    let name = format!("template_{}", Uuid::new_v4().simple());
    admin.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await.expect("a database can be created");
    let url = with_database(server, &name);
    run_to_end("probe", &["migrate"], &[("DATABASE_URL".to_owned(), url.clone())]).await;
    let mut connection = PgConnection::connect(&url).await.expect("the template answers");
    sqlx::raw_sql(include_str!("probe.sql")).execute(&mut connection).await.expect("the probe's tables can be made");
    // A database with connections cannot be copied.
    connection.close().await.expect("the connection closes");
    name
}

fn with_database(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).expect("a Postgres URL");
    url.set_path(name);
    url.into()
}
