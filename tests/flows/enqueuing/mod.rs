//! Whoever enqueues without linking our code: the published catalogue, SQL, the shell, and other languages. (The API is
//! a story of the web.)

mod by_shell;
mod by_sql;
mod producers;
mod published;
mod samples;
mod validator;

use faena_tests::{stores::Stores, wait::until};
use queue::{JobId, operations::State};
use sqlx::{Connection, PgConnection};

/// Publishes the real catalogue beside the probe's, as a database has it whose workers run both.
async fn publish_real_catalogue(stores: &Stores) {
    let mut connection = stores.db.acquire().await.unwrap();
    jobs::catalogue().publication().write(&mut connection, "test").await.unwrap();
}

/// A role that may log in and enqueue. Roles belong to the whole server, so this one has to be dropped.
struct Producer {
    name: String,
    url: String,
}

impl Producer {
    async fn admitted(stores: &Stores) -> Self {
        let name = format!("producer_{}", uuid::Uuid::new_v4().simple());
        let create = format!("create role {name} login password 'clave' in role faena_producer");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&stores.db).await.unwrap();
        let mut url = url::Url::parse(&stores.database_url).unwrap();
        url.set_username(&name).unwrap();
        url.set_password(Some("clave")).unwrap();
        Self { name, url: url.into() }
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    async fn dropped(self, stores: &Stores) {
        let drop = format!("drop role {}", self.name);
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&stores.db).await.unwrap();
    }
}

async fn reaches(stores: &Stores, id: JobId, state: State) {
    let operations = stores.operations();
    until(format!("{id} to be {state}"), async || {
        operations.job(id).await.ok().flatten().is_some_and(|job| job.summary.state == state)
    })
    .await;
}

async fn promised(stores: &Stores) -> i64 {
    sqlx::query_scalar("select count(*) from faena.outbox").fetch_one(&stores.db).await.unwrap()
}
