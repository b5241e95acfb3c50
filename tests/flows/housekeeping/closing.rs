//! Tickets that were solved for two weeks close by themselves, and those that somebody has opened again do not.

use chrono::Utc;
use faena_tests::stores::Stores;
use jobs::{catalogue, housekeeping::close_tickets::CloseTickets, ports::fakes::Fakes};
use queue::{
    JobId,
    kit::{Kit, Outcome},
};

use super::{counts, kit, number, rows_of, run_sql, swept};

/// 1,500 tickets that were solved 15 to 40 days ago, more than a batch; of three days ago one; one that was opened again; one that is closed already.
async fn solved() -> Stores {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "select desk.make_partitions(0, (now() - interval '3 months')::date);
         insert into core.users (email, full_name, role, password_hash) values ('agente@mesa.example', 'Agente', 'agent', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true);
         insert into desk.clients (name, calendar_id) select 'Cafés', id from desk.calendars;
         insert into desk.tickets (created_at, client_id, title, description, created_by, status, resolved_at, closed_at, updated_at)
         select t.solved_at - interval '1 day', c.id, t.title, '-', u.id, t.status, case when t.status <> 'open' then t.solved_at end,
                case when t.status = 'closed' then t.solved_at end, t.solved_at
         from core.users u, desk.clients c, (
             select 'Ticket ' || n as title, now() - interval '15 days' - n * interval '24 minutes' as solved_at, 'resolved' as status from generate_series(1, 1500) n
             union all select 'young', now() - interval '3 days', 'resolved'
             union all select 'again', now() - interval '30 days', 'open'
             union all select 'over', now() - interval '30 days', 'closed'
         ) t",
    )
    .await;
    stores
}

const LEFT: &str = "select count(*) from desk.tickets where status = 'resolved'";

#[tokio::test]
async fn what_was_solved_for_two_weeks_is_closed_in_batches_and_said() {
    let stores = solved().await;
    let before = rows_of(&stores, &["desk.tickets", "core.audit_log"]).await;
    let dry = JobId::new();
    assert_eq!(kit(&stores).attempt(CloseTickets { dry_run: true }).id(dry).await, Outcome::Completed);
    let told = swept(&stores, dry).await;
    assert_eq!((told.dry_run, told.looked_at, told.counts.0), (true, 1500, counts([("tickets", 1500)])));
    assert_eq!(rows_of(&stores, &["desk.tickets", "core.audit_log"]).await, before, "a dry run changes nothing");

    let (done, before) = (JobId::new(), Utc::now());
    assert_eq!(kit(&stores).attempt(CloseTickets { dry_run: false }).id(done).await, Outcome::Completed);

    let done = swept(&stores, done).await;
    assert_eq!((done.batches, done.counts.0), (2, counts([("tickets", 1500)])));
    assert_eq!(number(&stores, LEFT).await, 1, "the young one");
    let right =
        "select count(*) from desk.tickets where title like 'Ticket %' and status = 'closed' and closed_at between date_trunc('second', $1) and now()
        and lock_version = 1 and updated_at = closed_at";
    let right: i64 = sqlx::query_scalar(right).bind(before).fetch_one(&stores.db).await.unwrap();
    assert_eq!(right, 1500);
    let said = "select count(distinct subject) from core.audit_log where action = 'close_ticket' and actor_id is null and subject like 'ticket:%'
        and detail -> 'status' ->> 'to' = 'closed'";
    assert_eq!((number(&stores, said).await, number(&stores, "select count(*) from core.audit_log").await), (1500, 1500));
    assert_eq!(number(&stores, "select open_tickets_count from desk.clients").await, 1, "the one that was opened again");
    let again = JobId::new();
    assert_eq!(kit(&stores).attempt(CloseTickets { dry_run: false }).id(again).await, Outcome::Completed);
    assert_eq!(swept(&stores, again).await.counts.0, counts([("tickets", 0)]));
}

#[tokio::test]
async fn who_opens_a_ticket_again_meanwhile_has_it() {
    let stores = solved().await;
    let mut somebody = stores.db.begin().await.unwrap();
    sqlx::query("update desk.tickets set status = 'open', resolved_at = null where title = 'Ticket 700'")
        .execute(&mut *somebody)
        .await
        .unwrap();
    assert_eq!(kit(&stores).attempt(CloseTickets { dry_run: false }).await, Outcome::Completed, "it waits for nobody");
    somebody.commit().await.unwrap();
    let open = "select count(*) from desk.tickets where title = 'Ticket 700' and status = 'open' and closed_at is null";
    assert_eq!((number(&stores, open).await, number(&stores, LEFT).await), (1, 1));
    assert_eq!(kit(&stores).attempt(CloseTickets { dry_run: false }).await, Outcome::Completed);
    assert_eq!(number(&stores, open).await, 1, "it is not solved");
}

#[tokio::test]
async fn whose_ticket_closes_by_itself_hears_of_it_once() {
    let stores = solved().await;
    // Who closes tickets by SQL enqueues by name.
    catalogue().publication().write(&mut stores.db.acquire().await.unwrap(), "test").await.unwrap();
    run_sql(
        &stores,
        "delete from desk.tickets where title like 'Ticket %' and title not in ('Ticket 1', 'Ticket 2');
         insert into core.users (email, full_name, role, locale, password_hash)
         values ('oscar@cafes.example', 'Óscar Yáñez', 'client', 'es', '-'), ('pilar@cafes.example', 'Pilar Mora', 'client', 'en', '-');
         insert into desk.contacts (user_id, client_id) select u.id, c.id from core.users u, desk.clients c where u.role = 'client';
         update desk.tickets set created_by = (select id from core.users where email like 'oscar%') where title = 'Ticket 1'",
    )
    .await;
    let fakes = Fakes::default();
    let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
    assert_eq!(kit.attempt(CloseTickets { dry_run: true }).await, Outcome::Completed);
    assert_eq!(kit.drain().await.len(), 0, "a dry run tells nobody");

    assert_eq!(kit.attempt(CloseTickets { dry_run: false }).await, Outcome::Completed);
    kit.drain().await;

    let letters = fakes.mail.letters();
    let mut told: Vec<(&str, &str)> = letters
        .iter()
        .map(|letter| (letter.to.address.as_str(), letter.subject.as_str().rsplit_once(": ").map_or("", |(_, title)| title)))
        .collect();
    told.sort_unstable();
    let both = [("oscar@cafes.example", "Ticket 1"), ("oscar@cafes.example", "Ticket 2"), ("pilar@cafes.example", "Ticket 2")];
    assert_eq!(told, both, "whoever opened it; of what an agent has opened, everybody of the client's");
    let english = letters.iter().find(|letter| letter.to.address.as_str().starts_with("pilar")).unwrap();
    assert!(english.text.contains("had been resolved for 14 days"), "{}", english.text);
    assert_eq!(kit.attempt(CloseTickets { dry_run: false }).await, Outcome::Completed);
    kit.drain().await;
    assert_eq!(fakes.mail.letters().len(), 3, "once");
}
