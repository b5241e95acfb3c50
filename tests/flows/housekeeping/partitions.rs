//! The months to come have room before they come.

use faena_tests::stores::Stores;
use jobs::housekeeping::make_partitions::MakePartitions;
use queue::kit::Outcome;

use super::{kit, run_sql};

/// The months for which tickets have room, from the present one on.
async fn months(stores: &Stores) -> Vec<String> {
    let sql = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'desk.tickets'::regclass and c.relname >= to_char(now() at time zone 'UTC', '\"tickets_\"YYYY_MM') order by 1";
    sqlx::query_scalar(sql).fetch_all(&stores.db).await.unwrap()
}

/// As a calendar has them, worked out apart.
async fn present_and_three_more(stores: &Stores) -> Vec<String> {
    let sql = "select to_char(date_trunc('month', now() at time zone 'UTC') + n * interval '1 month', '\"tickets_\"YYYY_MM')
        from generate_series(0, 3) n order by 1";
    sqlx::query_scalar(sql).fetch_all(&stores.db).await.unwrap()
}

#[tokio::test]
async fn three_months_ahead_have_room_for_tickets_and_are_made_once() {
    let stores = Stores::fresh().await;
    // As a year goes by without housekeeping: nothing is left of what the migration made.
    run_sql(
        &stores,
        "do $$ declare part regclass; begin
            for part in select inhrelid::regclass from pg_inherits where inhparent = 'desk.tickets'::regclass loop
                execute format('alter table desk.tickets detach partition %s', part);
                execute format('drop table %s', part);
            end loop;
        end $$",
    )
    .await;
    assert!(months(&stores).await.is_empty());

    for _ in 0..2 {
        assert_eq!(kit(&stores).attempt(MakePartitions {}).await, Outcome::Completed);
        assert_eq!(months(&stores).await, present_and_three_more(&stores).await);
    }
}
