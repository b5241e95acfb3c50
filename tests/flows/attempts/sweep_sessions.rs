//! Sessions that have expired go, the others stay.

use faena_tests::stores::Stores;
use jobs::{catalogue, housekeeping::sweep_sessions::SweepSessions, ports::fakes::Fakes};
use queue::kit::{Kit, Outcome};

#[tokio::test]
async fn expired_sessions_go_in_steps_and_the_others_stay() {
    let stores = Stores::fresh().await;
    sqlx::raw_sql(
        "insert into core.sessions (id_hash, data, expires_at)
         select sha256(n::text::bytea), '{}', now() + case when n <= 3 then interval '1 hour' else interval '-1 second' end
         from generate_series(1, 12003) n",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    let kit = Kit::new(catalogue(), Fakes::default().ports()).with_database(stores.db.clone());

    assert_eq!(kit.attempt(SweepSessions {}).await, Outcome::Completed);

    let (left, expired): (i64, i64) =
        sqlx::query_as("select count(*), count(*) filter (where expires_at < now()) from core.sessions")
            .fetch_one(&stores.db)
            .await
            .unwrap();
    assert_eq!((left, expired), (3, 0));
    assert_eq!(kit.attempt(SweepSessions {}).await, Outcome::Completed, "with nothing to do");
}
