//! What is said in a channel: once, at Slack's pace, and nothing of a webhook anywhere else.

use std::time::{Duration, Instant};

use faena_tests::{
    judge::quiet,
    process::{NO_SMTP, Process, start_worker},
    slack::{Answer, Slack},
    stores::Stores,
    wait::until,
};
use jobs::{
    catalogue,
    chat::{Notice, notify_slack::NotifySlack, post},
    help_desk::monitor_sla::MonitorSla,
    ports::{chat::ChatTrouble, fakes::Fakes},
};
use queue::{
    Job as _,
    kit::{Kit, Outcome},
    operations::State,
};

const SECRET: &str = "T0000/B0000/nobody-may-read-this";

async fn start(stores: &Stores, slack: &Slack, secret: &str) -> Process {
    let settings = slack.settings(secret);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    start_worker(stores, NO_SMTP, &settings).await
}

async fn say(stores: &Stores, key: &str, text: &str, is_urgent: bool) {
    let mut tx = stores.db.begin().await.unwrap();
    post(&mut tx, Notice { channel: "ops", key, text, is_urgent, ..Notice::default() }).await.unwrap();
    tx.commit().await.unwrap();
}

/// How many notices are in each state.
async fn states(stores: &Stores) -> Vec<(String, i64)> {
    let sql = "select state, count(*) from core.chat_notices group by state order by state";
    sqlx::query_as(sql).fetch_all(&stores.db).await.unwrap()
}

fn all(state: &str, count: i64) -> Vec<(String, i64)> {
    vec![(state.to_owned(), count)]
}

/// Whether it says between these that ten minutes are over: or a few more, where everything is slow.
fn is_so_late(text: &str, before: &str, after: &str) -> bool {
    (10..20).any(|minutes| text.contains(&format!("{before}{minutes}{after}")))
}

#[tokio::test]
async fn a_notice_is_said_once_as_it_is_and_its_webhook_stands_nowhere() {
    let (stores, slack) = (Stores::fresh().await, Slack::start().await);
    let worker = start(&stores, &slack, SECRET).await;
    let text =
        "#2187 <!channel> «R&D» <https://a.example|clic> https://b.example *no* _es_ ~nada~ `más` &amp; :fire: que palabras";

    say(&stores, "sla:2187:breached", text, false).await;
    say(&stores, "sla:2187:breached", text, false).await;

    until("the notice to be said", async || states(&stores).await == all("sent", 1)).await;
    quiet(&stores).await;
    let heard = slack.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].shown, text, "sign for sign");
    assert!(
        heard[0].text.starts_with("#2187 &lt;!channel&gt; «R&amp;D» &lt;https://a.example|clic&gt; https://b.example *no*"),
        "{heard:?}"
    );
    assert!(heard[0].links.is_empty(), "what somebody typed is no link: {heard:?}");
    assert_eq!(heard[0].path, format!("/services/{SECRET}"));
    assert!(!worker.log_text().contains("nobody-may-read-this"), "the log has it");
    for table in ["faena.jobs", "faena.attempts", "core.chat_channels", "core.chat_notices", "faena.notices", "faena.effects"] {
        let sql = format!("select count(*) from {table} t where to_jsonb(t)::text like '%nobody-may-read-this%'");
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&stores.db).await.unwrap();
        assert_eq!(found, 0, "{table} has it");
    }
}

#[tokio::test]
async fn a_storm_becomes_a_few_messages_a_second_apart() {
    const NOTICES: i64 = 150;
    const GUSTS: i64 = 10;
    let (stores, slack) = (Stores::fresh().await, Slack::start().await);
    let _worker = start(&stores, &slack, SECRET).await;
    let begun = Instant::now();

    for gust in 0..GUSTS {
        let mut tx = stores.db.begin().await.unwrap();
        for n in (gust..NOTICES).step_by(10) {
            let (key, text) = (format!("storm:{n}"), format!("notice {n}."));
            post(&mut tx, Notice { channel: "ops", key: &key, text: &text, ..Notice::default() }).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    until("all to be said", async || states(&stores).await == all("sent", NOTICES)).await;
    quiet(&stores).await;
    let heard = slack.heard();
    let told: i64 = heard
        .iter()
        .map(|message| if message.text.contains("avisos") { message.text.split(' ').next().unwrap().parse().unwrap() } else { 1 })
        .sum();
    assert_eq!(told, NOTICES, "each is told of once: {heard:?}");
    assert!(heard.len() <= 10, "{} messages", heard.len());
    // Starts are a second apart; a message that leaves late comes closer to the next, and to the first no closer than that.
    let since: Vec<Duration> = heard.iter().map(|message| message.at - begun).collect();
    assert!((0..).zip(&since).all(|(n, since)| *since > Duration::from_millis(950) * n), "{since:?}");
}

#[tokio::test]
async fn who_is_told_to_wait_waits_exactly_so_long_whatever_comes_meanwhile() {
    let (stores, slack) = (Stores::fresh().await, Slack::start().await);
    let _worker = start(&stores, &slack, SECRET).await;
    slack.answer([Answer::Says(429, "rate_limited", Some(4))]);
    let answer = slack.hold().await;

    say(&stores, "one", "one", false).await;
    until("the first knock", async || slack.heard().len() == 1).await;
    say(&stores, "two", "two", false).await;
    drop(answer);

    until("both to be said", async || states(&stores).await == all("sent", 2)).await;
    quiet(&stores).await;
    let heard = slack.heard();
    assert!(heard[1].at - heard[0].at >= Duration::from_secs(4), "{heard:?}");
    assert!(heard[1].text.contains("• one") && heard[1].text.contains("• two"), "{heard:?}");
    assert_eq!(heard.len(), 2, "{heard:?}");
    let used: i32 = sqlx::query_scalar("select max(attempts) from faena.jobs where name = 'notify_slack'")
        .fetch_one(&stores.db)
        .await
        .unwrap();
    assert_eq!(used, 1, "waiting uses no attempt");
}

#[tokio::test]
async fn what_slack_turns_away_for_now_is_said_later() {
    let (stores, slack) = (Stores::fresh().await, Slack::start().await);
    let _worker = start(&stores, &slack, SECRET).await;
    slack.answer([Answer::Says(500, "rollup_error", None), Answer::Says(503, "", None)]);

    say(&stores, "one", "one", false).await;

    until("it to be said", async || states(&stores).await == all("sent", 1)).await;
    assert_eq!(slack.heard().iter().map(|heard| heard.status).collect::<Vec<_>>(), [500, 503, 200]);
}

#[tokio::test]
async fn whose_answer_is_lost_is_unknown_and_only_what_is_urgent_is_said_again() {
    let (stores, slack) = (Stores::fresh().await, Slack::start().await);
    let _worker = start(&stores, &slack, SECRET).await;
    slack.answer([Answer::Cut]);

    say(&stores, "warning", "a warning", false).await;
    until("nobody to know", async || states(&stores).await == all("unknown", 1)).await;
    quiet(&stores).await;
    assert_eq!(slack.heard().len(), 1);

    slack.answer([Answer::Cut, Answer::Cut]);
    say(&stores, "breach", "a breach", true).await;
    until("nobody to know of the other", async || states(&stores).await == all("unknown", 2)).await;
    quiet(&stores).await;

    let texts: Vec<String> = slack.heard().into_iter().map(|heard| heard.text).collect();
    assert_eq!(texts, ["a warning", "a breach", "(posible duplicado · possible duplicate) a breach"]);
}

#[tokio::test]
async fn a_dead_webhook_disables_its_channel_until_there_is_another() {
    let (stores, slack) = (Stores::fresh().await, Slack::start().await);
    let worker = start(&stores, &slack, SECRET).await;
    slack.answer([Answer::Says(404, "no_service", None)]);

    say(&stores, "one", "one", false).await;
    until("the channel to be disabled", async || states(&stores).await == all("refused", 1)).await;
    say(&stores, "two", "two", false).await;
    until("what comes after to be refused", async || states(&stores).await == all("refused", 2)).await;
    quiet(&stores).await;
    assert_eq!(slack.heard().len(), 1, "nobody knocks at a dead door");
    let reasons: Vec<String> = sqlx::query_scalar("select reason from faena.jobs where name = 'notify_slack' order by ended_at")
        .fetch_all(&stores.db)
        .await
        .unwrap();
    assert!(
        reasons[0].contains("404 no_service") && reasons[1].contains("the channel is disabled: 404 no_service"),
        "{reasons:?}"
    );

    worker.kill_9().await;
    let _other = start(&stores, &slack, "T0000/B0000/another").await;
    say(&stores, "three", "three", false).await;

    until("the other to be heard", async || slack.heard().len() == 2).await;
    assert_eq!(slack.heard()[1].path, "/services/T0000/B0000/another");
}

#[tokio::test]
async fn operators_are_told_of_a_dead_channel_by_letter_once_and_can_try_it_again() {
    let stores = Stores::fresh().await;
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, locale, password_hash, email_verified_at, disabled_at)
         select name || '@faena.example', name, role, locale, 'x', verified, disabled
         from (values ('Olga', 'operator', 'es', now(), null::timestamptz), ('Adam', 'admin', 'en', now(), null), ('Lea', 'learner', 'es', now(), null),
             ('Gone', 'operator', 'es', now(), now()), ('Unproven', 'operator', 'es', null, null)) t (name, role, locale, verified, disabled)",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    let fakes = Fakes::default();
    fakes.chat.fail_with([ChatTrouble::Gone { words: "410 channel_is_archived".to_owned() }]);
    let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
    say(&stores, "one", "one", false).await;

    let ran = kit.drain().await;

    assert!(matches!(&ran[0].outcome, Outcome::Dead { reason } if reason.contains("channel_is_archived")), "{ran:?}");
    let letters = fakes.mail.letters();
    let told: Vec<(&str, &str)> = letters.iter().map(|letter| (letter.to.address.as_str(), letter.subject.as_str())).collect();
    assert_eq!(
        told,
        [
            ("Olga@faena.example", "Aviso: el canal ops ya no recibe avisos"),
            ("Adam@faena.example", "Notice: the channel ops gets no notices any more"),
        ]
    );
    assert!(
        letters.iter().all(|letter| letter.text.contains("410 channel_is_archived") && letter.text.contains("/ops")),
        "{letters:?}"
    );
    say(&stores, "two", "two", false).await;
    kit.drain().await;
    assert_eq!(fakes.mail.letters().len(), 2, "they know");

    assert_eq!(kit.attempt(NotifySlack { channel: "ops".to_owned(), test: true }).await, Outcome::Completed);

    let said = fakes.chat.said();
    assert!(said.len() == 1 && said[0].1.starts_with("Prueba de Faena"), "{said:?}");
    say(&stores, "three", "three", false).await;
    kit.drain().await;
    assert_eq!(fakes.chat.said()[1].1, "three");
}

#[tokio::test]
async fn what_the_last_attempt_cannot_tell_is_left_unknown_and_not_under_way() {
    let stores = Stores::fresh().await;
    let fakes = Fakes::default();
    fakes.chat.fail_with([ChatTrouble::Unknown { words: "no answer".to_owned() }]);
    let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
    say(&stores, "one", "one", true).await;

    let ended = kit.attempt(NotifySlack { channel: "ops".to_owned(), test: false }).number(NotifySlack::MAX_ATTEMPTS).await;

    assert!(matches!(&ended, Outcome::Dead { reason } if reason.contains("it may have arrived: no answer")), "{ended:?}");
    assert_eq!(states(&stores).await, all("unknown", 1));
}

#[tokio::test]
async fn a_chat_that_is_away_for_long_loses_nothing_and_operators_are_told_until_it_is_back() {
    let stores = Stores::fresh().await;
    let fakes = Fakes::default();
    let away = || ChatTrouble::Away { words: "no route".to_owned() };
    fakes.chat.fail_with([away(), away()]);
    let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
    let says = async |attempt: u32| kit.attempt(NotifySlack { channel: "ops".to_owned(), test: false }).number(attempt).await;
    let told = async || -> Option<String> {
        let sql = "select message from faena.notices where key = 'chat_away:ops'";
        sqlx::query_scalar(sql).fetch_optional(&stores.db).await.unwrap()
    };
    say(&stores, "one", "one", false).await;

    assert!(matches!(says(1).await, Outcome::Retry { .. }));
    assert_eq!(told().await, None, "a moment wakes nobody");
    let waits = says(NotifySlack::MAX_ATTEMPTS).await;
    assert!(matches!(&waits, Outcome::Throttled { reason, .. } if reason.contains("no route")), "{waits:?}");
    assert_eq!(states(&stores).await, all("waiting", 1), "nothing is given up, whatever the attempt");
    assert!(told().await.is_some_and(|told| told.contains("El canal ops") && told.contains("(no route)")));
    say(&stores, "two", "two", false).await;
    assert!(matches!(says(1).await, Outcome::Throttled { .. }), "no other job knocks meanwhile");

    kit.advance(Duration::from_secs(301));
    assert_eq!(says(NotifySlack::MAX_ATTEMPTS).await, Outcome::Completed);

    assert_eq!(states(&stores).await, all("sent", 2));
    assert_eq!(told().await, None);
    assert_eq!(fakes.chat.said().len(), 1, "both in one message");
}

#[tokio::test]
async fn a_storm_of_alerts_is_one_message_and_no_alert_is_said_twice() {
    const ALERTS: i64 = 40;
    let (stores, slack) = (Stores::fresh().await, Slack::start().await);
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, password_hash) values ('agente@mesa.example', 'Agente', 'agent', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true);
         insert into desk.clients (name, calendar_id) select 'Óptica <Sol>', id from desk.calendars;
         insert into desk.tickets (created_at, client_id, title, description, created_by, status, updated_at)
         select date_trunc('second', now()), c.id, 'Ticket *' || n || '* http://evil.example', '-', u.id, 'open', now() from desk.clients c, core.users u, generate_series(1, 40) n;
         insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, escalate_s,
             started_at, counted_to, warn_at, due_at, escalate_at, next_at)
         select t.id, t.created_at, 'resolution', 1, c.id, 1, 3600, 1800, '{}', t.created_at, t.created_at, now() - interval '40 min',
                now() - interval '10 min', '{}', now() - interval '40 min'
         from desk.tickets t, desk.calendars c",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    let settings = slack.settings(SECRET).map(|(name, value)| (name, value.replace("ops=", "desk=")));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _worker = start_worker(&stores, NO_SMTP, &settings).await;
    let look = async || {
        let mut connection = stores.db.acquire().await.unwrap();
        let id = queue::enqueue(&mut connection, MonitorSla {}).await.unwrap().id;
        until("the look to be over", async || {
            stores.operations().job(id).await.unwrap().is_some_and(|job| job.summary.state == State::Completed)
        })
        .await;
    };

    look().await;
    look().await;

    until("all to be said", async || states(&stores).await == all("sent", ALERTS)).await;
    let heard = slack.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].text.starts_with("40 avisos")
            && is_so_late(&heard[0].text, ", hace ", " min. http")
            && heard[0].text.contains("«Ticket *7* http://evil.example» (Óptica &lt;Sol&gt;): la solución venció el ")
            && heard[0].shown.contains("«Ticket *7* http://evil.example» (Óptica <Sol>): la solución venció el "),
        "{heard:?}"
    );
    let led: Vec<&str> = heard[0].links.iter().map(|link| link.split_once("://").unwrap().1.split_once('/').unwrap().1).collect();
    assert_eq!(led[0], "alertas", "to all of them first");
    assert!(
        led.len() > 5 && led[1..].iter().all(|link| link.starts_with("solicitudes/")),
        "and to each ticket, nowhere else: {led:?}"
    );
}

#[tokio::test]
async fn of_what_was_solved_noted_or_came_to_worse_nothing_is_said() {
    let stores = Stores::fresh().await;
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, password_hash) values ('agente@mesa.example', 'Agente', 'agent', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true);
         insert into desk.clients (name, calendar_id) select 'Óptica Sol', id from desk.calendars;
         insert into desk.tickets (created_at, client_id, title, description, created_by, status, updated_at)
         select date_trunc('second', now()), c.id, 'Ticket ' || n || repeat(' largo', 20), '-', u.id, 'open', now()
         from desk.clients c, core.users u, generate_series(1, 4) n;
         insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, started_at,
             counted_to, warn_at, due_at, level, state, stopped_at)
         select t.id, t.created_at, 'resolution', 1, c.id, 1, 3600, 1800, t.created_at, t.created_at, now() - interval '40 min',
                date_trunc('second', now()) - interval '10 min', 2, case when t.title like 'Ticket 2%' then 'missed' else 'running' end,
                case when t.title like 'Ticket 2%' then now() end
         from desk.tickets t, desk.calendars c;
         insert into desk.alerts (clock_id, ticket_id, level, due_at, reached_at, created_at, after_level, acknowledged_at)
         select c.id, c.ticket_id, l, c.due_at, c.warn_at, c.due_at + interval '1 min', l - 1, case when t.title like 'Ticket 3%' then now() end
         from desk.sla_clocks c join desk.tickets t on t.id = c.ticket_id, generate_series(1, 2) l
         where t.title not like 'Ticket 4%' or l = 1",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    let fakes = Fakes::default();
    let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
    catalogue().publication().write(&mut stores.db.acquire().await.unwrap(), "test").await.unwrap();

    kit.attempt(MonitorSla {}).await;
    kit.drain().await;

    let texts: Vec<String> = sqlx::query_scalar("select text || page from core.chat_notices where channel = 'desk'")
        .fetch_all(&stores.db)
        .await
        .unwrap();
    assert_eq!(texts.len(), 1, "the first ticket's breach alone: {texts:?}");
    assert!(texts[0].starts_with("Incumplido: #") && texts[0].contains("«Ticket 1 largo"), "{texts:?}");
    assert!(
        texts[0].contains("…» (Óptica Sol): la solución venció el ") && is_so_late(&texts[0], ", hace ", " min./solicitudes/"),
        "{texts:?}"
    );
}

#[tokio::test]
async fn what_clients_open_is_heard_once_unless_somebody_has_taken_it_up() {
    let stores = Stores::fresh().await;
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, password_hash)
         values ('agente@mesa.example', 'Agente', 'agent', '-'), ('sol@optica.example', 'Sol', 'client', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true);
         insert into desk.clients (name, calendar_id) select 'Óptica Sol', id from desk.calendars;
         -- The third is an agent's own, the fourth is taken up, the fifth is of yesterday; nothing is promised for any.
         select desk.make_partitions(1, (now() - interval '2 days')::date);
         insert into desk.tickets (created_at, client_id, title, description, created_by, priority, assigned_to, updated_at)
         select date_trunc('second', now()) - case when n = 5 then interval '1 day' else n * interval '1 minute' end, c.id, 'Ticket ' || n, '-',
             case when n = 3 then agent.id else client.id end, case when n = 1 then 'urgent' else 'normal' end, case when n = 4 then agent.id end, now()
         from desk.clients c, core.users agent, core.users client, generate_series(1, 5) n where agent.role = 'agent' and client.role = 'client'",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    catalogue().publication().write(&mut stores.db.acquire().await.unwrap(), "test").await.unwrap();
    let fakes = Fakes::default();
    let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
    let says = async || kit.attempt(NotifySlack { channel: "desk".to_owned(), test: false }).await;
    fakes.chat.fail_with([ChatTrouble::Away { words: "no route".to_owned() }]);

    kit.attempt(MonitorSla {}).await;
    kit.attempt(MonitorSla {}).await;

    let sql = "select text || page || list || is_urgent from core.chat_notices where channel = 'desk' order by id";
    let notices: Vec<String> = sqlx::query_scalar(sql).fetch_all(&stores.db).await.unwrap();
    let ids: Vec<i64> = sqlx::query_scalar("select id from desk.tickets where title in ('Ticket 1', 'Ticket 2') order by title")
        .fetch_all(&stores.db)
        .await
        .unwrap();
    let notice = |id: i64, n: i64, priority: &str, is_urgent: bool| {
        format!("Nueva: #{id} «Ticket {n}» (Óptica Sol), de prioridad {priority}./solicitudes/{id}/solicitudes{is_urgent}")
    };
    assert_eq!(notices, [notice(ids[1], 2, "normal", false), notice(ids[0], 1, "urgente", true)]);

    // While the chat is away somebody takes one of them up.
    assert!(matches!(says().await, Outcome::Retry { .. }));
    sqlx::raw_sql("update desk.tickets set status = 'open' where title = 'Ticket 2'").execute(&stores.db).await.unwrap();
    assert_eq!(says().await, Outcome::Completed);
    assert_eq!(states(&stores).await, [("sent".to_owned(), 1), ("withdrawn".to_owned(), 1)]);
    let said = fakes.chat.said();
    assert!(said.len() == 1 && said[0].1.starts_with(&format!("Nueva: #{} «Ticket 1»", ids[0])), "{said:?}");
}

#[tokio::test]
async fn a_channel_that_comes_back_hears_how_things_stand_and_not_how_they_stood() {
    let stores = Stores::fresh().await;
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, password_hash) values ('agente@mesa.example', 'Agente', 'agent', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true);
         insert into desk.clients (name, calendar_id) select 'Óptica Sol', id from desk.calendars;
         insert into desk.tickets (created_at, client_id, title, description, created_by, status, updated_at)
         select date_trunc('second', now()), c.id, 'Ticket ' || n, '-', u.id, 'open', now() from desk.clients c, core.users u, generate_series(1, 6) n;
         insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, started_at,
             counted_to, warn_at, due_at, level)
         select t.id, t.created_at, 'resolution', 1, c.id, 1, 3600, 1800, t.created_at, t.created_at, now() - interval '40 min',
                date_trunc('second', now()) - interval '10 min', 2
         from desk.tickets t, desk.calendars c;
         insert into desk.alerts (clock_id, ticket_id, level, due_at, reached_at, created_at, after_level)
         select id, ticket_id, 2, due_at, due_at, due_at + interval '1 min', 1 from desk.sla_clocks",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    catalogue().publication().write(&mut stores.db.acquire().await.unwrap(), "test").await.unwrap();
    let fakes = Fakes::default();
    let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
    let says = async || kit.attempt(NotifySlack { channel: "desk".to_owned(), test: false }).await;
    fakes.chat.fail_with([ChatTrouble::Away { words: "no route".to_owned() }]);
    kit.attempt(MonitorSla {}).await;
    assert!(matches!(says().await, Outcome::Retry { .. }));
    assert_eq!(states(&stores).await, all("waiting", 6));

    // An hour goes by for the first; the others are solved, made void, given another deadline, escalated and taken note of.
    sqlx::raw_sql(
        "create temporary view numbered as select c.id, right(t.title, 1)::integer as n from desk.sla_clocks c join desk.tickets t on t.id = c.ticket_id;
         update desk.sla_clocks c set warn_at = warn_at - interval '1 hour', due_at = due_at - interval '1 hour' from numbered k where k.id = c.id and n = 1;
         update desk.alerts a set due_at = due_at - interval '1 hour' from numbered k where k.id = a.clock_id and n = 1;
         update desk.sla_clocks c set state = 'missed', stopped_at = now() from numbered k where k.id = c.id and n = 2;
         update desk.sla_clocks c set state = 'void', stopped_at = now() from numbered k where k.id = c.id and n = 3;
         update desk.sla_clocks c set due_at = due_at + interval '2 hours', level = 0 from numbered k where k.id = c.id and n = 4;
         update desk.sla_clocks c set level = 3 from numbered k where k.id = c.id and n = 5;
         insert into desk.alerts (clock_id, ticket_id, level, due_at, reached_at, created_at, after_level)
         select c.id, c.ticket_id, 3, c.due_at, now(), now(), 2 from desk.sla_clocks c join numbered k on k.id = c.id where n = 5;
         update desk.alerts a set acknowledged_at = now() from numbered k where k.id = a.clock_id and n = 6",
    )
    .execute(&stores.db)
    .await
    .unwrap();
    kit.attempt(MonitorSla {}).await;
    assert_eq!(says().await, Outcome::Completed);

    assert_eq!(states(&stores).await, [("sent".to_owned(), 2), ("withdrawn".to_owned(), 5)]);
    let said = fakes.chat.said();
    assert_eq!(said.len(), 1, "{said:?}");
    let lines: Vec<&str> = said[0].1.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("2 avisos"), "{said:?}");
    assert!(lines[1].starts_with("• Incumplido: #") && lines[1].contains("«Ticket 1»"), "{said:?}");
    assert!(is_so_late(lines[1], ", hace 1 h ", " min."), "as late as it is now: {said:?}");
    assert!(lines[2].starts_with("• Escalado: #") && lines[2].contains("«Ticket 5»"), "the highest level alone: {said:?}");
}
