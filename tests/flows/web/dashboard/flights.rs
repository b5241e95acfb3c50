//! How the dashboard's figures come about: by one question for everybody who wants them, whoever dies meanwhile.

use faena_tests::{
    process::Process,
    servers::PrivateRedis,
    stores::Stores,
    wait::{eventually, until},
};
use sqlx::{Postgres, Transaction};

use super::{Page, StatusCode, Visitor, Web, counted, desk, furnished, settings};

/// How many groups of figures the page has.
const GROUPS: i64 = 3;
/// Tickets are read through a view. Each transaction that reads them for the dashboard, whose questions alone say `agent or null` at their head, is written
/// down, and then stands at a gate, with its snapshot taken.
const COUNTING: &str = "create schema counted;
    create table counted.questions (question xid8 primary key);
    create function counted.passes() returns boolean language plpgsql volatile set lock_timeout = 0 as $$
    begin
        if current_query() like '-- %agent or null%' then
            insert into counted.questions values (pg_current_xact_id()) on conflict do nothing;
            perform pg_advisory_xact_lock_shared(4242);
        end if;
        return true;
    end $$;
    alter table desk.tickets rename to tickets_behind_the_gate;
    create view desk.tickets as select * from desk.tickets_behind_the_gate where counted.passes()";
/// Who waits for the lock of another.
const WAITING: &str = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";

/// A web on a desk whose questions are counted, with a ticket that was answered in time, and another web beside it.
async fn counting() -> (Web, Process, String) {
    let web = desk().await;
    sqlx::raw_sql(COUNTING).execute(&web.stores.db).await.unwrap();
    let other = Process::start("web", &["serve"], &settings(&web.stores, &[])).await;
    let ticket = web.signed_in("cliente").await.opens("El correo no sale", "urgent").await;
    web.signed_in("agente").await.does(&ticket, "comentario", &[("body", "Lo estamos mirando.")]).await;
    (web, other, ticket)
}

async fn questions(web: &Web) -> i64 {
    web.number("select count(*) from counted.questions").await
}

/// Nobody passes the gate until this is over.
async fn gate(web: &Web) -> Transaction<'static, Postgres> {
    let mut tx = web.stores.db.begin().await.unwrap();
    sqlx::raw_sql("select pg_advisory_xact_lock(4242)").execute(&mut *tx).await.unwrap();
    tx
}

fn reader(visitor: &Visitor) -> tokio::task::JoinHandle<Page> {
    let asks = visitor.asks("/tablero");
    tokio::spawn(async move { Page::of(asks.send().await.unwrap()).await })
}

/// A page whose figures were not there in time is asked for once more.
async fn in_time(page: Page, visitor: &Visitor) -> Page {
    if page.texts(".notice").is_empty() { page } else { visitor.dashboard().await }
}

#[tokio::test]
async fn a_crowd_of_readers_in_two_webs_asks_once() {
    let (web, other, _) = counting().await;
    let here = web.signed_in("jefa").await;
    let there = here.at(&other);

    let made = async || counted(&here, "made").await + counted(&there, "made").await;
    let (asked, made_before) = loop {
        let (asked, made, joined) = (questions(&web).await, made().await, counted(&here, "joined").await);
        let gate = gate(&web).await;
        let first = reader(&here);
        let are_asked = async || first.is_finished() || web.number(WAITING).await == GROUPS;
        until("one of each group to be asked for", are_asked).await;
        let mut readers: Vec<_> = (0..20).flat_map(|_| [reader(&here), reader(&there)]).collect();
        // Who comes while the gate is closed joins them; who comes later is given what they were.
        until("others to join", async || first.is_finished() || counted(&here, "joined").await >= joined + 3).await;
        gate.rollback().await.unwrap();
        readers.push(first);

        let mut is_in_time = true;
        for reader in readers {
            let page = reader.await.unwrap();
            is_in_time &= page.texts(".notice").is_empty();
            assert!(
                !is_in_time || (page.status, page.figure("Sin resolver")) == (StatusCode::OK, "1".to_owned()),
                "{}",
                page.html
            );
        }
        if is_in_time {
            break (asked, made);
        }
        // A question gives up after some seconds. Where the gate was closed for longer than that, the crowd comes once more, after a change.
        sqlx::raw_sql("update desk.sla_clocks set level = level").execute(&web.stores.db).await.unwrap();
    };
    assert_eq!(questions(&web).await, asked + GROUPS);
    for visitor in [&here, &there, &here] {
        visitor.dashboard().await;
    }
    assert_eq!(questions(&web).await, asked + GROUPS, "they are kept");
    assert_eq!(made().await, made_before + GROUPS.unsigned_abs());
}

#[tokio::test]
async fn what_was_made_before_a_change_is_nobodys_after_it() {
    let (web, other, ticket) = counting().await;
    let (manager, client, agent) = (web.signed_in("jefa").await, web.signed_in("cliente").await, web.signed_in("agente").await);
    let there = manager.at(&other);
    assert_eq!(manager.dashboard().await.figure("Sin resolver"), "1");

    let second = client.opens("La impresora no imprime", "low").await;
    for visitor in [&there, &manager] {
        assert_eq!(visitor.dashboard().await.figure("Sin resolver"), "2");
    }
    let refused = agent.does(&ticket, "estado", &[("act", "close")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    there.dashboard().await;
    assert_eq!(questions(&web).await, 2 * GROUPS, "what changed nothing ends nothing");

    // Somebody is at it when the ticket is resolved: whoever comes afterwards is not given theirs.
    agent.does(&second, "comentario", &[("body", "Sale un técnico.")]).await;
    let gate = gate(&web).await;
    let before = reader(&manager);
    until("figures to be asked for", async || before.is_finished() || web.number(WAITING).await >= 1).await;
    agent.does(&ticket, "resolver", &[("answer", "Abrimos el puerto.")]).await;
    let after = reader(&there);
    gate.rollback().await.unwrap();
    before.await.unwrap();
    assert_eq!(in_time(after.await.unwrap(), &there).await.figure("Sin resolver"), "1");
    for visitor in [&manager, &there] {
        let page = visitor.dashboard().await;
        assert_eq!((page.figure("Sin resolver"), page.figure("Resueltas")), ("1".to_owned(), "1".to_owned()));
        assert_eq!(page.figure("Cumplimiento"), "100,0 %");
    }
    let kept_for = kept_for(&web.stores).await;
    assert_eq!(kept_for.len(), 3, "{kept_for:?}");
    for (key, ms) in kept_for {
        let most = if key.contains(":volumes:") { 900_000 } else { 300_000 };
        assert!(ms > most - 120_000 && ms <= most, "{key} is kept for {ms} ms");
    }
}

/// The figures that are kept, and for how many milliseconds yet.
async fn kept_for(stores: &Stores) -> Vec<(String, i64)> {
    let mut redis = redis::Client::open(stores.redis_url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("{}:web:{{desk}}:figures:*", stores.namespace);
    let mut keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut redis).await.unwrap();
    keys.sort();
    let mut found = Vec::new();
    for key in keys {
        let ms = redis::cmd("PTTL").arg(&key).query_async(&mut redis).await.unwrap();
        found.push((key, ms));
    }
    found
}

#[tokio::test]
async fn the_flight_of_a_web_that_dies_is_free_within_seconds() {
    let (web, other, _) = counting().await;
    let here = web.signed_in("jefa").await;
    let there = here.at(&other);
    let gate = gate(&web).await;
    let lost = tokio::spawn(there.asks("/tablero").send());
    until("the other web to ask", async || web.number(WAITING).await >= 2).await;
    other.kill_9().await;
    assert!(lost.await.unwrap().is_err(), "nobody answers");
    let waits = reader(&here);
    gate.rollback().await.unwrap();

    let page = in_time(waits.await.unwrap(), &here).await;

    assert_eq!((page.status, page.figure("Sin resolver")), (StatusCode::OK, "1".to_owned()));
    assert_eq!(page.texts(".notice"), Vec::<String>::new(), "all of it is there");
}

#[tokio::test]
async fn what_the_cache_has_kept_and_is_no_figures_hurts_nobody() {
    let (web, _other, _) = counting().await;
    let here = web.signed_in("jefa").await;
    assert_eq!(here.page("/tablero").await.figure("Sin resolver"), "1");
    let mut redis = redis::Client::open(web.stores.redis_url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let kept = kept_for(&web.stores).await;
    assert!(kept.len() as i64 >= GROUPS, "{kept:?}");
    for (key, _) in kept {
        redis::cmd("HSET").arg(&key).arg("figures").arg(b"{\"at\":\0[").exec_async(&mut redis).await.unwrap();
    }

    let page = here.page("/tablero").await;

    assert_eq!((page.status, page.figure("Sin resolver")), (StatusCode::OK, "1".to_owned()), "{}", page.html);
    until("that to be logged", async || web.process.logged("what the cache has kept are no figures").is_some()).await;
}

#[tokio::test]
async fn what_is_not_there_in_time_is_said_and_comes_later() {
    let (web, other, _) = counting().await;
    let here = web.signed_in("jefa").await;
    let there = here.at(&other);
    let gate = gate(&web).await;
    let (slow, also_slow) = tokio::join!(here.page("/tablero"), there.page("/tablero"));
    for page in [slow, also_slow] {
        assert_eq!(page.status, StatusCode::OK, "{}", page.html);
        let notices = page.texts(".notice");
        assert!(notices.len() == 3 && notices[0].contains("No se pudo calcular a tiempo"), "{notices:?}");
        assert!(page.texts("dl.figures dd").is_empty(), "no figure is a guess");
    }
    gate.rollback().await.unwrap();
    eventually("the figures", async || Some(here.dashboard().await).filter(|page| page.texts(".notice").is_empty())).await;
}

#[tokio::test]
async fn without_the_cache_figures_are_right_and_what_it_kept_is_nobodys_when_it_is_back() {
    let mut cache = PrivateRedis::start().await;
    let url = cache.url();
    let web = Web::start_on(Stores::fresh().await, &[("CACHE_REDIS_URL", &url)]).await;
    let web = furnished(web).await;
    let (manager, client) = (web.signed_in("jefa").await, web.signed_in("cliente").await);
    client.opens("El correo no sale", "urgent").await;
    assert_eq!(manager.dashboard().await.figure("Sin resolver"), "1");
    // It has what it was told on its disk.
    cache.stop();

    client.opens("La impresora no imprime", "normal").await;
    assert_eq!(manager.dashboard().await.figure("Sin resolver"), "2", "from Postgres");
    let crowd: Vec<_> = (0..20).map(|_| reader(&manager)).collect();
    for reader in crowd {
        assert_eq!(reader.await.unwrap().figure("Sin resolver"), "2");
    }

    cache.resume().await;
    until("figures to be kept again", async || {
        assert_eq!(manager.dashboard().await.figure("Sin resolver"), "2", "what it kept from before is old");
        counted(&manager, "kept").await >= 3
    })
    .await;
}

#[tokio::test]
async fn whoever_changes_a_ticket_nobody_is_shown_what_was_made_before() {
    let (web, other, _) = counting().await;
    let here = web.signed_in("jefa").await;
    let there = here.at(&other);
    let open = async |visitor: &Visitor| visitor.dashboard().await.figure("Sin resolver");
    web.signed_in("cliente").await.opens("La impresora no imprime", "low").await;
    assert_eq!((open(&here).await, open(&there).await), ("2".to_owned(), "2".to_owned()));
    let asked = questions(&web).await;

    // A job, another program, somebody at a terminal: none of them knows of the webs. It is committed after others have made figures without it.
    let mut tx = web.stores.db.begin().await.unwrap();
    let solve = "update desk.tickets_behind_the_gate set status = 'resolved', resolved_at = now(), updated_at = now() where title like 'La impresora%'";
    sqlx::query(solve).execute(&mut *tx).await.unwrap();
    let touch = "update desk.sla_clocks set level = level";
    sqlx::raw_sql(touch).execute(&web.stores.db).await.unwrap();
    assert_eq!((open(&here).await, open(&there).await), ("2".to_owned(), "2".to_owned()));
    assert_eq!(questions(&web).await, asked + GROUPS);
    tx.commit().await.unwrap();

    assert_eq!((open(&there).await, open(&here).await), ("1".to_owned(), "1".to_owned()));
    assert_eq!(questions(&web).await, asked + 2 * GROUPS, "once for both");
    let generation = "select desk.generation()";
    let before = web.number(generation).await;
    for nothing in [
        "update desk.tickets_behind_the_gate set updated_at = now() where id < 0",
        "begin; update desk.sla_clocks set level = 1; rollback",
        "select desk.count_changes_up()",
        "select desk.count_changes_up()",
    ] {
        sqlx::raw_sql(nothing).execute(&web.stores.db).await.unwrap();
        open(&here).await;
    }
    assert_eq!(questions(&web).await, asked + 2 * GROUPS, "what changes nothing ends nothing");
    assert_eq!(
        (web.number(generation).await, web.number("select count(*) from desk.changes").await),
        (before, 0),
        "counted up, and removed"
    );
    sqlx::raw_sql(touch).execute(&web.stores.db).await.unwrap();
    assert_eq!(web.number(generation).await, before + 1);
}
