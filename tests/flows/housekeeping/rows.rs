//! Sessions, tokens, letters and providers' messages: what is over goes, what is young or needed stays.

use faena_tests::stores::Stores;
use jobs::housekeeping::{
    sweep_ledger::SweepLedger, sweep_letters::SweepLetters, sweep_payment_messages::SweepPaymentMessages,
    sweep_sessions::SweepSessions, sweep_tokens::SweepTokens,
};
use queue::{Job, JobId, kit::Outcome};

use super::{Swept, counts, kit, number, rows_of, run_sql, swept};

/// Runs a dry sweep, which must change none of the tables, and a real one, which must count the same; then another, which finds nothing.
async fn sweeps<J: Job<Ports = jobs::ports::Ports>>(stores: &Stores, job: fn(bool) -> J, tables: &[&str]) -> Swept {
    let (kit, dry, id, again) = (kit(stores), JobId::new(), JobId::new(), JobId::new());
    let before = rows_of(stores, tables).await;
    assert_eq!(kit.attempt(job(true)).id(dry).await, Outcome::Completed);
    assert_eq!(rows_of(stores, tables).await, before, "a dry run changes nothing");
    assert_eq!(kit.attempt(job(false)).id(id).await, Outcome::Completed);
    let (told, done) = (swept(stores, dry).await, swept(stores, id).await);
    assert!(told.dry_run && !done.dry_run && done.finished_at.is_some());
    assert_eq!(told.counts.0, done.counts.0, "a dry run tells what would go");
    let after = rows_of(stores, tables).await;
    assert_eq!(kit.attempt(job(false)).id(again).await, Outcome::Completed);
    assert_eq!(rows_of(stores, tables).await, after, "run twice, it does nothing more");
    assert!(swept(stores, again).await.counts.values().all(|count| *count == 0));
    done
}

#[tokio::test]
async fn expired_sessions_go_in_steps_and_the_others_stay() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "insert into core.sessions (id_hash, data, expires_at)
         select sha256(n::text::bytea), '{}', now() + case when n <= 3 then interval '1 hour' else interval '-1 second' end
         from generate_series(1, 12003) n",
    )
    .await;

    let done = sweeps(&stores, |dry_run| SweepSessions { dry_run }, &["core.sessions"]).await;

    assert_eq!((done.counts.0, done.looked_at), (counts([("sessions", 12_000)]), 12_000));
    // Of a thousand, and one that finds nothing more.
    assert_eq!(done.batches, 13);
    assert_eq!(number(&stores, "select count(*) from core.sessions").await, 3);
    assert_eq!(number(&stores, "select count(*) from core.sessions where expires_at < now()").await, 0);
}

#[tokio::test]
async fn tokens_that_let_nobody_in_go_after_ninety_days_and_answers_after_one() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "insert into faena.api_tokens (name, hash, scopes, created_by, expires_at, revoked_at, revoked_by)
         select name, sha256(name::bytea), array['jobs:read'], 'a test', expires, revoked, case when revoked is not null then 'a test' end
         from (values ('good for ever', null::timestamptz, null::timestamptz), ('good for now', now() + interval '1 day', null),
             ('expired lately', now() - interval '89 days', null), ('expired', now() - interval '91 days', null),
             ('revoked lately', null, now() - interval '89 days'), ('revoked', null, now() - interval '91 days'),
             ('revoked long before it expires', now() + interval '1 year', now() - interval '91 days')) t (name, expires, revoked);
         insert into faena.api_answers (token_id, key, request_hash, job_id, answered_at)
         select id, n || ' ' || kind, sha256(''), gen_random_uuid(), now() - case kind when 'old' then interval '25 hours' else interval '23 hours' end
         from faena.api_tokens, generate_series(1, 400) n, unnest(array['old', 'young']) kind where name = 'good for ever'",
    )
    .await;

    let done = sweeps(&stores, |dry_run| SweepTokens { dry_run }, &["faena.api_tokens", "faena.api_answers"]).await;

    assert_eq!(done.counts.0, counts([("api_answers", 400), ("api_tokens", 3)]));
    let left: Vec<String> =
        sqlx::query_scalar("select name from faena.api_tokens order by name").fetch_all(&stores.db).await.unwrap();
    assert_eq!(left, ["expired lately", "good for ever", "good for now", "revoked lately"]);
    assert_eq!(number(&stores, "select count(*) from faena.api_answers where key like '%young'").await, 400);
}

#[tokio::test]
async fn letters_go_when_they_are_over_and_nothing_rests_on_them() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "insert into mail.messages (id, dedupe_key, letter, locale, to_address, message_id, state, sent_at, withheld_for, created_at, updated_at)
         select gen_random_uuid(), key, 'welcome', 'es', 'ana@correo.example', key, state, case when state = 'sent' then created end,
             case when state = 'withheld' then 'unsubscribed' end, created, coalesce(updated, created)
         from (select 'sent ' || n as key, 'sent' as state, now() - interval '366 days' as created, null::timestamptz as updated from generate_series(1, 1500) n
             union all values ('young', 'sent', now() - interval '364 days', null), ('failed', 'failed', now() - interval '366 days', null),
             ('unknown', 'unknown', now() - interval '366 days', null), ('withheld', 'withheld', now() - interval '366 days', null),
             ('queued', 'queued', now() - interval '366 days', null), ('sending', 'sending', now() - interval '366 days', null),
             ('sent again lately', 'sent', now() - interval '366 days', now() - interval '1 day'),
             ('suppressed', 'failed', now() - interval '366 days', null), ('suppressed once', 'failed', now() - interval '366 days', null)) t;
         insert into mail.bounces (message_id, address, kind, detail) select id, to_address, 'hard', '' from mail.messages where dedupe_key like 's%ed%';
         insert into mail.suppressions (address, cause, detail, message_id, lifted_at)
         select dedupe_key || '@correo.example', 'hard_bounce', '', id, case when dedupe_key like '%once' then now() end from mail.messages where dedupe_key like 'suppressed%';
         insert into core.chat_channels (name) values ('ops');
         insert into core.chat_notices (channel, key, text, state, created_at)
         select 'ops', state || age, 'x', state, now() - interval '1 day' * age from unnest(array['waiting', 'sent', 'refused', 'withdrawn']) state, unnest(array[364, 366]) age;
         insert into core.operator_notices (subject_es, subject_en, es, en, path, at) select 's', 's', 't', 't', '/ops', now() - interval '1 day' * age from unnest(array[364, 366]) age;
         insert into mail.reports (id, source, event_id, body, received_at, read_at, found)
         select gen_random_uuid(), 'webhook', key, '', received, case when key <> 'unread' then received end, case when key <> 'unread' then 1 end
         from (values ('read', now() - interval '91 days'), ('young', now() - interval '89 days'), ('unread', now() - interval '91 days')) t (key, received)",
    )
    .await;

    let done = sweeps(
        &stores,
        |dry_run| SweepLetters { dry_run },
        &["mail.messages", "mail.bounces", "mail.suppressions", "mail.reports"],
    )
    .await;

    assert_eq!(done.counts.0, counts([("letters", 1504), ("mail_reports", 1), ("chat_notices", 3), ("operator_notices", 1)]));
    let left: Vec<String> =
        sqlx::query_scalar("select dedupe_key from mail.messages order by 1").fetch_all(&stores.db).await.unwrap();
    assert_eq!(left, ["queued", "sending", "sent again lately", "suppressed", "young"]);
    assert_eq!(number(&stores, "select count(*) from core.chat_notices").await, 5, "what waits is said, however late");
    assert_eq!(number(&stores, "select count(*) from mail.suppressions").await, 2, "decisions stay");
    assert_eq!(number(&stores, "select count(*) from mail.bounces").await, 1, "the one of the letter that stays");
    assert_eq!(number(&stores, "select count(*) from mail.reports where event_id = 'read'").await, 0);
}

#[tokio::test]
async fn providers_messages_go_or_are_emptied_and_the_books_are_as_they_were() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "insert into school.payment_events (provider, event_id, type, object_ref, livemode, body, happened_at, received_at, outcome, processed_at)
         select 'stripe', key || n, 'charge.refunded', 'ch_1', false, '{}', received, received, outcome, case when outcome is not null then received end
         from (values ('ignored ', now() - interval '181 days', 'ignored'), ('applied ', now() - interval '181 days', 'applied'),
             ('young ', now() - interval '179 days', 'ignored'), ('open ', now() - interval '181 days', null)) t (key, received, outcome), generate_series(1, 700) n",
    )
    .await;
    let money = [
        "school.sales",
        "school.refunds",
        "school.disputes",
        "school.ledger_transactions",
        "school.ledger_lines",
        "school.reconciliations",
        "school.reconciliation_differences",
    ];
    let books = rows_of(&stores, &money).await;

    let done = sweeps(&stores, |dry_run| SweepPaymentMessages { dry_run }, &["school.payment_events"]).await;

    assert_eq!(done.counts.0, counts([("messages_removed", 700), ("messages_emptied", 700)]));
    let left: Vec<(String, i64, i64)> = sqlx::query_as(
        "select split_part(event_id, ' ', 1), count(*), count(*) filter (where body = '') from school.payment_events group by 1 order by 1",
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();
    assert_eq!(left, [("applied".to_owned(), 700, 700), ("open".to_owned(), 700, 0), ("young".to_owned(), 700, 0)]);
    assert_eq!(rows_of(&stores, &money).await, books);
}

#[tokio::test]
async fn results_of_sweeps_and_who_had_jobs_deleted_are_kept_for_four_hundred_days() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "insert into core.sweeps (job_id, job, dry_run, began_at, finished_at)
         select gen_random_uuid(), 'sweep_sessions', false, now() - interval '1 day' * days, now() from generate_series(395, 405) days;
         insert into faena.commands (job_id, verb, actor, asked_at, carried_out_at, outcome)
         select gen_random_uuid(), verb, 'operadora', now() - interval '1 day' * days, now(), 'deleted' from generate_series(395, 405) days, unnest(array['delete', 'cancel']) verb",
    )
    .await;
    let id = JobId::new();

    assert_eq!(kit(&stores).attempt(SweepLedger::default()).id(id).await, Outcome::Completed);

    // One began four hundred days ago, to the second: a moment before now.
    let counts = swept(&stores, id).await.counts;
    assert_eq!((counts["sweeps"], counts["deletions"]), (6, 6));
    let left = "select count(*) from faena.commands";
    assert_eq!(number(&stores, left).await, 5 + 11, "a job's other commands go with the job");
    assert_eq!(
        number(&stores, "select count(*) from core.sweeps where began_at < now() - interval '399 days 12 hours'").await,
        0
    );
}

#[tokio::test]
async fn what_was_asked_of_a_deleted_job_goes_with_the_record_of_its_deletion() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "create table asked (name text, deleted_at timestamptz, job_id uuid not null default gen_random_uuid());
         insert into asked (name, deleted_at) values ('deleted long ago', now() - interval '401 days'), ('kept', now() - interval '399 days'),
             ('never deleted', null), ('over again', now() - interval '401 days'), ('promised again', now() - interval '401 days');
         insert into faena.commands (job_id, verb, actor, asked_at, carried_out_at, outcome)
         select job_id, verb, 'operadora', now() - interval '401 days', now(), 'done' from asked, unnest(array['cancel', 'edit', 'retry']) verb
         union all select job_id, 'delete', 'operadora', deleted_at, now(), 'deleted' from asked where deleted_at is not null;
         insert into faena.outbox (id, queue, name, version, args) select job_id, 'low', 'touch', 1, '{}' from asked where name = 'promised again';
         insert into faena.jobs (id, queue, name, version, args, durability, state, attempts, enqueued_at, ended_at)
         select job_id, 'low', 'touch', 1, '{}', 'outbox', 'completed', 1, now(), now() from asked where name = 'over again'",
    )
    .await;

    let done = sweeps(&stores, |dry_run| SweepLedger { dry_run }, &["faena.commands", "faena.jobs", "faena.outbox"]).await;

    assert_eq!(done.counts["deletions"], 3, "of what else was asked nobody is told");
    let left: Vec<(String, String)> = sqlx::query_as(
        "select name, string_agg(verb, ' ' order by verb) from asked join faena.commands using (job_id) group by name order by name",
    )
    .fetch_all(&stores.db)
    .await
    .unwrap();
    let left: Vec<(&str, &str)> = left.iter().map(|(name, verbs)| (name.as_str(), verbs.as_str())).collect();
    let rest = "cancel edit retry";
    assert_eq!(
        left,
        [("kept", "cancel delete edit retry"), ("never deleted", rest), ("over again", rest), ("promised again", rest)]
    );
}

#[tokio::test]
async fn batches_go_half_a_year_after_they_are_over_and_those_that_nothing_has_joined_after_they_began() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "insert into faena.batches (id, about, follow_ups, begun_at, ended_at)
         select gen_random_uuid(), about, '[]', now() - interval '1 day' * begun, now() - interval '1 day' * ended
         from (values ('over', 200, 181), ('over lately', 200, 179), ('empty', 181, null), ('empty and young', 179, null), ('open', 200, null))
             t (about, begun, ended);
         insert into faena.batch_jobs (job_id, batch_id, state)
         select gen_random_uuid(), id, case when ended_at is not null then 'completed' end from faena.batches, generate_series(1, 3)
         where about not like 'empty%'",
    )
    .await;

    let done = sweeps(&stores, |dry_run| SweepLedger { dry_run }, &["faena.batches", "faena.batch_jobs"]).await;

    assert_eq!(done.counts["batches"], 2);
    let left: Vec<String> =
        sqlx::query_scalar("select about from faena.batches order by about").fetch_all(&stores.db).await.unwrap();
    assert_eq!(left, ["empty and young", "open", "over lately"]);
    assert_eq!(number(&stores, "select count(*) from faena.batch_jobs").await, 6);
}

#[tokio::test]
async fn a_worker_whose_clock_is_years_ahead_removes_nothing_that_is_young() {
    let stores = Stores::fresh().await;
    run_sql(
        &stores,
        "insert into core.sessions (id_hash, data, expires_at) select sha256(n::text::bytea), '{}', now() + interval '1 hour' from generate_series(1, 10) n",
    )
    .await;
    let kit = kit(&stores);
    kit.advance(std::time::Duration::from_secs(10 * 365 * 86_400));

    assert_eq!(kit.attempt(SweepSessions::default()).await, Outcome::Completed);

    assert_eq!(number(&stores, "select count(*) from core.sessions").await, 10);
}
