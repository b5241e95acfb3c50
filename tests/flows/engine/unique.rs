//! Unique jobs: of those that ask for the same, one runs, and the others say whose duplicate they are.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use faena_tests::{
    controls::{Debounce, Now, Recount},
    judge::{no_leftovers, quiet},
    process::{Process, start_probe},
    stores::Stores,
    wait::{eventually, until},
};
use futures_util::future::join_all;
use queue::{
    Enqueued, Job, JobId, Order, Unique,
    operations::{CommandError, State},
};

use super::{ended, enqueue, reaches};

async fn try_enqueue<J: Job>(stores: &Stores, order: impl Into<Order<J>>) -> Enqueued {
    let mut tx = stores.db.begin().await.unwrap();
    let enqueued = queue::enqueue(&mut tx, order).await.unwrap();
    tx.commit().await.unwrap();
    enqueued
}

fn recount(user: i64) -> Recount {
    Recount { user, n: user, sleep_ms: 0, refuses: false }
}

async fn holders(stores: &Stores) -> i64 {
    sqlx::query_scalar("select count(*) from faena.unique_holders").fetch_one(&stores.db).await.unwrap()
}

#[tokio::test]
async fn a_job_that_meets_one_that_asks_for_the_same_says_so_and_does_not_run() {
    let stores = Stores::fresh().await;

    let first = try_enqueue(&stores, recount(7)).await;
    let second = try_enqueue(&stores, Recount { n: 99, ..recount(7) }.on_end(recount(1))).await;
    let other = try_enqueue(&stores, recount(8)).await;
    let waived = try_enqueue(&stores, recount(7).not_unique()).await;
    let repeated = try_enqueue(&stores, recount(7).with_id(first.id)).await;
    let by_itself = try_enqueue(&stores, recount(7).unique(Unique::until_end().by(&["n"]))).await;

    assert_eq!(second.duplicate_of, Some(first.id));
    assert_eq!(repeated, first, "the same order twice is no duplicate of itself");
    for wanted in [first, other, waived, by_itself] {
        assert_eq!(wanted.duplicate_of, None);
    }
    let job = ended(&stores, second.id).await;
    assert_eq!((job.summary.state, job.summary.attempts), (State::Cancelled, 0));
    assert_eq!(job.summary.reason, Some(format!("duplicate of {}", first.id)));

    let _worker = start_probe(&stores, &[]).await;
    assert_eq!(ended(&stores, first.id).await.summary.state, State::Completed);
    quiet(&stores).await;
    assert_eq!(try_enqueue(&stores, recount(7)).await.duplicate_of, None, "it has ended, so another is wanted");
    quiet(&stores).await;
    let effects: Vec<(i64,)> = sqlx::query_as("select n from probe.effects order by n").fetch_all(&stores.db).await.unwrap();
    assert_eq!(effects, [(7,), (7,), (7,), (7,), (8,)]);
    assert_eq!(holders(&stores).await, 0);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn of_transactions_that_want_the_same_at_once_one_has_it() {
    let stores = Stores::fresh().await;
    let rolled_back = {
        let mut tx = stores.db.begin().await.unwrap();
        let enqueued = queue::enqueue(&mut tx, recount(7)).await.unwrap();
        tx.rollback().await.unwrap();
        enqueued
    };

    let enqueued = join_all((0..8).map(|_| try_enqueue(&stores, recount(7)))).await;

    let first: Vec<&Enqueued> = enqueued.iter().filter(|enqueued| enqueued.duplicate_of.is_none()).collect();
    assert_eq!(first.len(), 1, "{enqueued:?}");
    assert!(enqueued.iter().all(|enqueued| enqueued.duplicate_of.is_none_or(|holder| holder == first[0].id)));
    assert_eq!(rolled_back.duplicate_of, None);
    let (promised, duplicates): (i64, i64) = sqlx::query_as(
        "select (select count(*) from faena.outbox), (select count(*) from faena.jobs where reason like 'duplicate of %')",
    )
    .fetch_one(&stores.db)
    .await
    .unwrap();
    assert_eq!((promised, duplicates), (1, 7));
}

#[tokio::test]
async fn one_may_wait_while_another_runs_and_its_start_sees_what_met_it() {
    let stores = Stores::fresh().await;
    let waits = || Debounce { user: 7, lingers: false };
    let runs = enqueue(&stores, Debounce { user: 7, lingers: true }).await;
    // Somebody writes something, asks for the job, and has not committed when it could start.
    let mut tx = stores.db.begin().await.unwrap();
    assert_eq!(queue::enqueue(&mut tx, waits()).await.unwrap().duplicate_of, Some(runs));

    let _worker = start_probe(&stores, &[]).await;
    until("the job to wait for the transaction", async || {
        let (waiting,): (bool,) = sqlx::query_as(
            "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
                 and query like 'delete from faena.unique_holders%')",
        )
        .fetch_one(&stores.db)
        .await
        .unwrap();
        waiting
    })
    .await;
    let starts = async || sqlx::query_scalar::<_, i64>("select count(*) from probe.starts").fetch_one(&stores.db).await.unwrap();
    assert_eq!(starts().await, 0);
    tx.commit().await.unwrap();
    until("the job to start", async || starts().await == 1).await;

    let next = try_enqueue(&stores, waits().after(Duration::from_secs(3600))).await;
    let after_next = try_enqueue(&stores, waits()).await;
    assert_eq!((next.duplicate_of, after_next.duplicate_of), (None, Some(next.id)));

    // What never starts gives its key back all the same.
    stores.operations().cancel(next.id, "operadora").await.unwrap();
    stores.operations().cancel(runs, "operadora").await.unwrap();
    quiet(&stores).await;
    assert_eq!(holders(&stores).await, 0);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_key_that_is_held_for_a_time_is_held_after_the_end_and_then_free() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let now = || Now { text: "¡ya!".to_owned() };

    let begun = Utc::now();
    let first = try_enqueue(&stores, now()).await;
    assert_eq!(ended(&stores, first.id).await.summary.state, State::Completed);
    assert_eq!(try_enqueue(&stores, Now { text: "mañana".to_owned() }).await.duplicate_of, None);

    let free = eventually("the time to pass", async || {
        let again = try_enqueue(&stores, now()).await;
        match again.duplicate_of {
            Some(holder) => {
                assert_eq!(holder, first.id);
                None
            }
            None => Some(Utc::now()),
        }
    })
    .await;
    assert!((free - begun).num_milliseconds() >= 2_900, "free after {}", free - begun);
    quiet(&stores).await;
    until("the keys to be forgotten", async || holders(&stores).await == 0).await;
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn an_operator_who_runs_a_job_again_takes_its_key_again_or_hears_who_has_it() {
    let stores = Stores::fresh().await;
    let worker = start_probe(&stores, &[]).await;
    let dead = enqueue(&stores, Recount { refuses: true, ..recount(7) }).await;
    reaches(&stores, dead, State::Dead).await;
    quiet(&stores).await;
    let other = try_enqueue(&stores, recount(7).after(Duration::from_secs(3600))).await;
    assert_eq!(other.duplicate_of, None);

    let refused = stores.operations().retry(dead, "operadora").await.unwrap_err();
    assert!(
        matches!(refused, CommandError::Duplicate { id, duplicate_of } if id == dead && duplicate_of == other.id),
        "{refused}"
    );
    assert_eq!(refused.to_string(), format!("the job {dead} cannot be enqueued again: it would be a duplicate of {}", other.id));
    assert_eq!(reaches(&stores, dead, State::Dead).await.commands.len(), 0, "a command that is refused leaves no trace");

    reaches(&stores, other.id, State::Scheduled).await;
    stores.operations().cancel(other.id, "operadora").await.unwrap();
    quiet(&stores).await;
    worker.kill_9().await;
    stores.operations().retry(dead, "operadora").await.unwrap();
    assert_eq!(try_enqueue(&stores, recount(7)).await.duplicate_of, Some(dead));
}

#[tokio::test]
async fn direct_pushes_are_unique_among_themselves() {
    let stores = Stores::fresh().await;
    let push = async |order: Order<Recount>| queue::push(&stores.store, order).await.unwrap();

    let first = push(recount(7).order()).await;
    let again = push(recount(7).with_id(first.id)).await;
    let second = push(Recount { n: 99, ..recount(7) }.on_end(recount(6))).await;
    let bulk = queue::push_all(&stores.store, [recount(8), recount(7), recount(8)]).await.unwrap();
    assert_eq!((first.duplicate_of, again.duplicate_of, second.duplicate_of), (None, None, Some(first.id)));
    let holders: Vec<_> = bulk.iter().map(|pushed| pushed.duplicate_of).collect();
    assert_eq!(holders, [None, Some(first.id), Some(bulk[0].id)]);

    // What met another one is told to the ledger like any end; nothing follows it, for it never was.
    let worker = start_probe(&stores, &[("SLOTS_DEFAULT", "0")]).await;
    let job = ended(&stores, second.id).await;
    assert_eq!((job.summary.state, job.summary.attempts), (State::Cancelled, 0));
    assert_eq!(job.summary.reason, Some(format!("duplicate of {}", first.id)));
    // One that is cancelled while it waits lets go of its key.
    stores.operations().cancel(bulk[0].id, "operadora").await.unwrap();
    assert_eq!(push(recount(8).order()).await.duplicate_of, None);
    worker.kill_9().await;

    let _worker = start_probe(&stores, &[]).await;
    quiet(&stores).await;
    assert_eq!(push(recount(7).order()).await.duplicate_of, None, "it has ended, so another is wanted");
    quiet(&stores).await;
    let effects: Vec<(i64,)> = sqlx::query_as("select n from probe.effects order by n").fetch_all(&stores.db).await.unwrap();
    assert_eq!(effects, [(7,), (7,), (8,)]);
    no_leftovers(&stores).await;
}

#[tokio::test]
async fn a_direct_push_may_wait_while_another_runs_and_a_time_passes() {
    let stores = Stores::fresh().await;
    let _worker = start_probe(&stores, &[]).await;
    let runs = queue::push(&stores.store, Debounce { user: 7, lingers: true }).await.unwrap();
    reaches(&stores, runs.id, State::Running).await;
    let waits = || Debounce { user: 7, lingers: false }.after(Duration::from_secs(3600));
    let (next, after_next) =
        (queue::push(&stores.store, waits()).await.unwrap(), queue::push(&stores.store, waits()).await.unwrap());
    assert_eq!((next.duplicate_of, after_next.duplicate_of), (None, Some(next.id)));
    stores.operations().cancel(next.id, "operadora").await.unwrap();
    stores.operations().cancel(runs.id, "operadora").await.unwrap();

    let now = || Now { text: "¡ya!".to_owned() };
    let begun = Utc::now();
    let first = queue::push(&stores.store, now()).await.unwrap();
    reaches(&stores, first.id, State::Completed).await;
    let free = eventually("the time to pass", async || {
        let again = queue::push(&stores.store, now()).await.unwrap();
        again.duplicate_of.is_none().then(Utc::now)
    })
    .await;
    assert!((free - begun).num_milliseconds() >= 2_900, "free after {}", free - begun);
    quiet(&stores).await;
}

/// Who held what, when, as the jobs themselves and those who enqueued them have it.
#[tokio::test]
async fn among_four_workers_and_kills_no_two_of_a_kind_are_wanted_at_once() {
    const USERS: i64 = 5;
    let stores = Stores::fresh().await;
    let mut workers: Vec<Process> = Vec::new();
    for _ in 0..4 {
        workers.push(start_probe(&stores, &[("SLOTS_DEFAULT", "8")]).await);
    }
    let done = tokio_util::sync::CancellationToken::new();
    let askers: Vec<_> = (0..3)
        .map(|asker| {
            let (stores, done) = (stores.clone(), done.clone());
            tokio::spawn(async move {
                let (mut n, mut enqueued) = (asker * 1_000_000, Vec::new());
                while !done.is_cancelled() {
                    n += 1;
                    enqueued.push(try_enqueue(&stores, Recount { user: n % USERS, n, sleep_ms: 20, refuses: false }).await);
                }
                enqueued
            })
        })
        .collect();
    for round in 1..=4 {
        until("some more effects", async || {
            let effects: i64 = sqlx::query_scalar("select count(*) from probe.effects").fetch_one(&stores.db).await.unwrap();
            effects >= round * 40
        })
        .await;
        workers.remove(0).kill_9().await;
        workers.push(start_probe(&stores, &[("SLOTS_DEFAULT", "8")]).await);
    }
    done.cancel();
    let mut enqueued = Vec::new();
    for asker in askers {
        enqueued.extend(asker.await.unwrap());
    }
    quiet(&stores).await;

    // From when a job was promised until its effect, by the clock of one Postgres.
    type Span = (JobId, i64, DateTime<Utc>, DateTime<Utc>);
    let spans: Vec<Span> = sqlx::query_as(
        "select j.id, (j.args ->> 'user')::bigint, min(s.at), e.at from faena.jobs j join probe.effects e on e.job_id = j.id
         join probe.starts s on s.job_id = j.id group by j.id, j.args, e.at order by 2, 3",
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();
    let wanted = enqueued.iter().filter(|enqueued| enqueued.duplicate_of.is_none()).count();
    assert_eq!(spans.len(), wanted, "each that was wanted had its effect once");
    for pair in spans.windows(2).filter(|pair| pair[0].1 == pair[1].1) {
        assert!(pair[0].3 <= pair[1].2, "{:?} ran while {:?} did", pair[1], pair[0]);
    }
    let by_id: BTreeMap<JobId, &Span> = spans.iter().map(|span| (span.0, span)).collect();
    let duplicates: Vec<_> = enqueued.iter().filter_map(|enqueued| enqueued.duplicate_of).collect();
    assert!(duplicates.len() > wanted && duplicates.iter().all(|holder| by_id.contains_key(holder)));
    assert_eq!(holders(&stores).await, 0);
    no_leftovers(&stores).await;
}
