//! Counts that stand beside the rows are checked against the rows.

use faena_tests::stores::Stores;
use jobs::housekeeping::check_counters::{CheckCounters, NOTICE};
use queue::{JobId, kit::Outcome};

use super::{counts, kit, number, run_sql, swept};

async fn checked(stores: &Stores, repair: bool) -> std::collections::BTreeMap<String, i64> {
    let id = JobId::new();
    assert_eq!(kit(stores).attempt(CheckCounters { repair }).id(id).await, Outcome::Completed);
    swept(stores, id).await.counts.0
}

async fn notice(stores: &Stores) -> Option<String> {
    sqlx::query_scalar("select message from faena.notices where key = $1").bind(NOTICE).fetch_optional(&stores.db).await.unwrap()
}

#[tokio::test]
async fn counts_that_have_drifted_are_told_to_operators_until_they_are_right() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "insert into core.users (email, full_name, role, password_hash) values ('agente@mesa.example', 'Agente', 'agent', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true);
         insert into desk.clients (name, calendar_id) select n.name, c.id from desk.calendars c, unnest(array['Cafés', 'Hospital', 'Óptica']) n (name);
         insert into desk.tickets (created_at, client_id, title, description, created_by, updated_at)
         select now(), c.id, 'Ticket', '-', u.id, now() from core.users u, desk.clients c, generate_series(1, 7) where c.name <> 'Óptica'",
    )
    .await;
    assert_eq!(checked(&stores, false).await, counts([("drifted", 0), ("repaired", 0)]));
    assert_eq!(notice(&stores).await, None);

    run_sql(
        &stores,
        "update desk.clients set tickets_count = 9 where name = 'Cafés';
         update desk.clients set tickets_count = 3, open_tickets_count = 2 where name = 'Óptica'",
    )
    .await;
    assert_eq!(checked(&stores, false).await, counts([("drifted", 2), ("repaired", 0)]));
    let told = notice(&stores).await.expect("operators are told");
    assert!(told.contains("7/9 ≠ 7/7") && told.contains("2/3 ≠ 0/0") && told.contains("check_counters"), "{told}");
    assert_eq!(
        number(&stores, "select sum(tickets_count)::bigint from desk.clients").await,
        19,
        "nothing is set right by itself"
    );

    assert_eq!(checked(&stores, true).await, counts([("drifted", 2), ("repaired", 2)]));
    assert_eq!(number(&stores, "select sum(tickets_count * 100 + open_tickets_count)::bigint from desk.clients").await, 1414);
    assert_eq!(notice(&stores).await, None);
    assert_eq!(checked(&stores, false).await, counts([("drifted", 0), ("repaired", 0)]));
}
