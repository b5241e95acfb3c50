//! From opening a ticket to closing it, and what becomes of what was promised.

use jobs::help_desk::{
    actor::Actor,
    change,
    comment::{Audience, Comment, comment},
    open::NewTicket,
    text::{Body, Tag},
    ticket::{Seen, Ticket},
    trouble::DeskError,
    words::{Priority, Status},
};

use super::{Desk, at, is};

fn body() -> Body {
    Body::parse("Ya está: era el certificado.").unwrap()
}

#[tokio::test]
async fn a_ticket_starts_the_clocks_of_what_is_promised_by_the_clients_calendar() {
    let desk = Desk::open().await;
    // Tuesday, twenty to six: twenty minutes are left of the day.
    let ticket = desk.opened("11-24 17:40").await;
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-25 09:40"));
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-25 16:40"));
    let (warn_at, next_at, escalate_at): (String, String, String) = sqlx::query_as(
        "select to_char(warn_at at time zone 'America/Bogota', 'MM-DD HH24:MI'), to_char(next_at at time zone 'America/Bogota', 'MM-DD HH24:MI'),
                to_char(escalate_at[1] at time zone 'America/Bogota', 'MM-DD HH24:MI')
         from desk.sla_clocks where promise = 'first_response'",
    )
    .fetch_one(&desk.stores.db)
    .await
    .unwrap();
    assert_eq!(
        [warn_at, next_at, escalate_at],
        ["11-25 09:10", "11-25 09:10", "11-25 10:40"],
        "half an hour of work ahead, an hour after"
    );
    let opened = desk.look(ticket).await;
    assert_eq!((opened.status, opened.lock_version, opened.contract_id.is_some()), (Status::New, 0, true));
}

#[tokio::test]
async fn a_word_from_an_agent_to_the_client_answers_and_nothing_else_does() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 10:00").await;
    desk.says("11-24 10:10", &desk.agent, ticket, Audience::Agents).await;
    desk.says("11-24 10:20", &desk.contact, ticket, Audience::Everybody).await;
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-24 11:00"), "a note, and the client's own word");

    desk.says("11-24 11:00", &desk.agent, ticket, Audience::Everybody).await;

    assert_eq!(desk.clock(ticket, "first_response").await.0, "met", "at the very minute");
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 18:00"), "that of the solution goes on");
    let answered = desk.look(ticket).await;
    assert_eq!((answered.status, answered.first_responded_at), (Status::Open, Some(at("11-24 11:00"))));

    let late = desk.opened("11-24 12:00").await;
    desk.says("11-24 13:01", &desk.agent, late, Audience::Everybody).await;
    assert_eq!(desk.clock(late, "first_response").await.0, "missed");
}

#[tokio::test]
async fn who_opened_a_ticket_for_the_client_does_not_answer_it() {
    let desk = Desk::open().await;
    let ticket = desk.tries_to_open("11-24 10:00", &desk.agent, &desk.ticket(Priority::Normal)).await.unwrap();
    desk.says("11-24 10:10", &desk.agent, ticket, Audience::Everybody).await;
    assert_eq!(desk.clock(ticket, "first_response").await.0, "running");
    desk.says("11-24 10:30", &desk.other_agent, ticket, Audience::Everybody).await;
    assert_eq!(desk.clock(ticket, "first_response").await.0, "met");
}

#[tokio::test]
async fn who_opened_a_ticket_for_the_client_waits_for_them_and_solves_it_once_they_have_written() {
    let desk = Desk::open().await;
    let ticket = desk.tries_to_open("11-24 10:00", &desk.agent, &desk.ticket(Priority::Normal)).await.unwrap();
    desk.says("11-24 10:05", &desk.agent, ticket, Audience::Agents).await;
    let mut tx = desk.begin().await;
    let unasked = change::wait_for_client(&mut tx, at("11-24 10:06"), &desk.agent, desk.seen(ticket).await).await;
    assert!(matches!(unasked, Err(DeskError::Unanswered)), "the client has read nothing: {unasked:?}");
    tx.rollback().await.unwrap();
    desk.says("11-24 10:10", &desk.agent, ticket, Audience::Everybody).await;
    desk.waits("11-24 10:20", ticket).await;
    assert_eq!(desk.clock(ticket, "first_response").await, is("paused", ""), "their own word keeps no promise");
    desk.says("11-24 10:50", &desk.contact, ticket, Audience::Everybody).await;
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-24 11:30"), "twenty minutes are used up");
    let mut tx = desk.begin().await;
    change::resolve(&mut tx, at("11-24 11:00"), &desk.agent, desk.seen(ticket).await, None).await.unwrap();
    tx.commit().await.unwrap();

    let resolved = desk.look(ticket).await;
    assert_eq!((resolved.status, resolved.first_responded_at), (Status::Resolved, Some(at("11-24 11:00"))));
    assert_eq!([desk.clock(ticket, "first_response").await.0, desk.clock(ticket, "resolution").await.0], ["met", "met"]);
}

#[tokio::test]
async fn what_is_so_already_is_no_change() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let me = Some(desk.agent.id());
    let mut tx = desk.begin().await;
    let version = change::assign(&mut tx, at("11-24 09:05"), &desk.agent, desk.seen(ticket).await, me).await.unwrap();
    tx.commit().await.unwrap();
    let noted = async || -> i64 {
        sqlx::query_scalar("select count(*) from core.audit_log where subject = 'ticket:' || $1")
            .bind(ticket)
            .fetch_one(&desk.stores.db)
            .await
            .unwrap()
    };
    let before = (desk.look(ticket).await.lock_version, desk.look(ticket).await.updated_at, noted().await);

    let seen = Seen { ticket, version };
    let mut tx = desk.begin().await;
    assert_eq!(change::assign(&mut tx, at("11-24 09:06"), &desk.manager, seen, me).await.unwrap(), version);
    assert_eq!(change::set_priority(&mut tx, at("11-24 09:07"), &desk.agent, seen, Priority::Normal).await.unwrap(), version);
    tx.commit().await.unwrap();

    assert_eq!((desk.look(ticket).await.lock_version, desk.look(ticket).await.updated_at, noted().await), before);
    let mut tx = desk.begin().await;
    let stale = Seen { ticket, version: 0 };
    let refused = change::set_priority(&mut tx, at("11-24 09:08"), &desk.agent, stale, Priority::Normal).await;
    assert!(matches!(refused, Err(DeskError::Changed { .. })), "who has not seen it is told so: {refused:?}");
}

#[tokio::test]
async fn time_stands_still_while_the_client_is_asked_something() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 10:00").await;
    let mut tx = desk.begin().await;
    let unasked = change::wait_for_client(&mut tx, at("11-24 10:20"), &desk.agent, desk.seen(ticket).await).await;
    assert!(matches!(unasked, Err(DeskError::Unanswered)), "nobody has asked them anything: {unasked:?}");
    tx.rollback().await.unwrap();
    desk.says("11-24 10:30", &desk.agent, ticket, Audience::Everybody).await;
    let mut tx = desk.begin().await;
    change::wait_for_client(&mut tx, at("11-24 12:00"), &desk.agent, desk.seen(ticket).await).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.clock(ticket, "resolution").await, is("paused", ""), "two of eight hours are used up");
    assert_eq!(desk.monitored("11-30 10:00").await.alerts, 0, "for days");

    // They answer on Thursday, ten minutes before the end of the day.
    desk.says("11-26 17:50", &desk.contact, ticket, Audience::Everybody).await;

    assert_eq!(desk.look(ticket).await.status, Status::Open);
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-27 14:50"), "six hours are left");
    let pauses: Vec<(String, String)> =
        sqlx::query_as("select reason, to_char(upper(during) - lower(during), 'DD HH24:MI') from desk.sla_pauses")
            .fetch_all(&desk.stores.db)
            .await
            .unwrap();
    assert_eq!(pauses, [("waiting_client".to_owned(), "02 05:50".to_owned())]);
}

#[tokio::test]
async fn a_pause_after_the_deadline_does_not_take_it_back() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.says("11-24 09:30", &desk.agent, ticket, Audience::Everybody).await;
    // Due at 17:00. It is half past five: the monitor has not looked yet, and time is to stand still.
    let mut tx = desk.begin().await;
    let version = change::wait_for_client(&mut tx, at("11-24 17:30"), &desk.agent, desk.seen(ticket).await).await.unwrap();
    assert_eq!(desk.told().await, [], "not committed yet");
    tx.commit().await.unwrap();
    assert_eq!(desk.told().await, [("resolution".to_owned(), 2, 0)], "what the clock had come to is told before it is moved");
    assert_eq!(desk.clock(ticket, "resolution").await, is("paused", "11-24 17:00"));
    let mut tx = desk.begin().await;
    change::go_on(&mut tx, at("11-25 09:00"), &desk.agent, Seen { ticket, version }).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 17:00"));

    assert_eq!(desk.monitored("11-25 09:29").await.alerts, 0, "half an hour of the sixty minutes was used up before the pause");
    assert_eq!(desk.monitored("11-25 09:31").await.alerts, 1);
    assert_eq!(desk.told().await[1..], [("resolution".to_owned(), 3, 2)], "escalated");
}

#[tokio::test]
async fn a_ticket_is_not_resolved_in_silence() {
    let desk = Desk::open().await;
    let ticket = desk.tries_to_open("11-24 10:00", &desk.agent, &desk.ticket(Priority::Normal)).await.unwrap();
    let mut tx = desk.begin().await;
    let silent = change::resolve(&mut tx, at("11-24 10:30"), &desk.agent, desk.seen(ticket).await, None).await;
    assert!(matches!(silent, Err(DeskError::Unanswered)), "{silent:?}");
    tx.rollback().await.unwrap();

    let mut tx = desk.begin().await;
    change::resolve(&mut tx, at("11-24 10:30"), &desk.agent, desk.seen(ticket).await, Some(&body())).await.unwrap();
    tx.commit().await.unwrap();

    let resolved = desk.look(ticket).await;
    assert_eq!((resolved.status, resolved.resolved_at), (Status::Resolved, Some(at("11-24 10:30"))));
    assert_eq!([desk.clock(ticket, "first_response").await.0, desk.clock(ticket, "resolution").await.0], ["met", "met"]);
    let (read, _) = Comment::of(&desk.stores.db, &desk.contact, &resolved, None).await.unwrap();
    assert_eq!(read.iter().map(|comment| comment.body.as_str()).collect::<Vec<_>>(), [body().as_str()]);
}

#[tokio::test]
async fn a_resolved_ticket_that_is_opened_again_goes_on_where_it_was() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let mut tx = desk.begin().await;
    change::resolve(&mut tx, at("11-24 12:00"), &desk.agent, desk.seen(ticket).await, Some(&body())).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.clock(ticket, "resolution").await.0, "met");

    // On Thursday the client says that it is not.
    desk.says("11-26 10:00", &desk.contact, ticket, Audience::Everybody).await;

    let open = desk.look(ticket).await;
    assert_eq!((open.status, open.resolved_at, open.cycle), (Status::Open, None, 1));
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-26 15:00"), "five of the eight hours are left");
    assert_eq!(desk.clock(ticket, "first_response").await.0, "missed", "the answer came late, and that stays so");
    let reason: String = sqlx::query_scalar("select reason from desk.sla_pauses").fetch_one(&desk.stores.db).await.unwrap();
    assert_eq!(reason, "resolved");
}

#[tokio::test]
async fn after_a_ticket_was_closed_the_clients_word_is_another_matter() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let mut tx = desk.begin().await;
    let version = change::resolve(&mut tx, at("11-24 12:00"), &desk.agent, desk.seen(ticket).await, Some(&body())).await.unwrap();
    change::close(&mut tx, at("11-24 12:30"), &desk.agent, Seen { ticket, version }).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = desk.begin().await;
    let refused = comment(&mut tx, at("11-24 13:00"), &desk.agent, ticket, &body(), Audience::Everybody).await;
    assert!(matches!(refused, Err(DeskError::WrongStatus { status: Status::Closed, .. })), "{refused:?}");
    tx.rollback().await.unwrap();

    desk.says("11-26 10:00", &desk.contact, ticket, Audience::Everybody).await;

    let open = desk.look(ticket).await;
    assert_eq!((open.status, open.cycle, open.closed_at), (Status::Open, 2, None));
    let clocks: Vec<(String, String)> =
        desk.clocks(ticket).await.into_iter().map(|(promise, state, ..)| (promise, state)).collect();
    let said = [("first_response", "missed"), ("resolution", "met"), ("first_response", "running"), ("resolution", "running")];
    assert_eq!(clocks, said.map(|(promise, state)| (promise.to_owned(), state.to_owned())));
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-26 11:00"));
    assert_eq!(
        desk.clock(ticket, "resolution").await,
        is("running", "11-26 18:00"),
        "all eight hours again, to the end of the day"
    );
    desk.says("11-26 10:30", &desk.agent, ticket, Audience::Everybody).await;
    assert_eq!(desk.clock(ticket, "first_response").await.0, "met");
    assert_eq!(desk.look(ticket).await.first_responded_at, Some(at("11-24 12:00")), "the first word was the first");
}

#[tokio::test]
async fn who_changes_what_has_changed_since_they_looked_is_told_so() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let (mine, yours) = (desk.seen(ticket).await, desk.seen(ticket).await);
    let mut tx = desk.begin().await;
    change::assign(&mut tx, at("11-24 09:10"), &desk.agent, mine, Some(desk.agent.id())).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = desk.begin().await;
    let refused = change::set_priority(&mut tx, at("11-24 09:11"), &desk.other_agent, yours, Priority::Low).await.unwrap_err();

    assert_eq!(refused.to_string(), "the ticket has changed since it was looked at: then it was version 0, now it is version 1");
    tx.rollback().await.unwrap();
    let kept = desk.look(ticket).await;
    assert_eq!((kept.priority, kept.assigned_to, kept.status), (Priority::Normal, Some(desk.agent.id()), Status::Open));
    desk.says("11-24 09:12", &desk.other_agent, ticket, Audience::Agents).await;
    assert_eq!(desk.look(ticket).await.lock_version, 2, "who only adds a word needs not have seen the last");
}

#[tokio::test]
async fn of_two_who_take_a_ticket_at_once_one_gets_it() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let seen = desk.seen(ticket).await;
    let take = async |actor: Actor| {
        let mut tx = desk.begin().await;
        change::assign(&mut tx, at("11-24 09:10"), &actor, seen, Some(actor.id())).await?;
        tx.commit().await.map_err(DeskError::from)
    };
    let (mine, yours) = tokio::join!(take(desk.agent), take(desk.other_agent));
    assert_eq!(u8::from(mine.is_ok()) + u8::from(yours.is_ok()), 1, "{mine:?} {yours:?}");
    let taken_by = if mine.is_ok() { desk.agent.id() } else { desk.other_agent.id() };
    assert_eq!(desk.look(ticket).await.assigned_to, Some(taken_by));
}

#[tokio::test]
async fn nobody_does_what_is_not_theirs_to_do() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.run(
        "with other as (insert into desk.clients (name, calendar_id) select 'Otra', id from desk.calendars returning id),
              person as (insert into core.users (email, full_name, role, password_hash) values ('ana@otra.example', 'Ana', 'client', '-') returning id)
         insert into desk.contacts (user_id, client_id) select p.id, o.id from person p, other o;
         insert into core.users (email, full_name, role, password_hash) values ('leo@aula.example', 'Leo', 'learner', '-');
         insert into core.users (email, full_name, role, password_hash, disabled_at) values ('ido@mesa.example', 'Ido', 'agent', '-', now())",
    )
    .await;
    let user = async |email: &'static str| {
        sqlx::query_scalar("select id from core.users where email = $1").bind(email).fetch_one(&desk.stores.db).await.unwrap()
    };
    for email in ["leo@aula.example", "ido@mesa.example"] {
        let stranger = Actor::find(&desk.stores.db, user(email).await).await;
        assert!(matches!(stranger, Err(DeskError::NotAllowed)), "{email}: {stranger:?}");
    }
    let neighbour = Actor::find(&desk.stores.db, user("ana@otra.example").await).await.unwrap();
    let mut tx = desk.begin().await;
    let seen = desk.seen(ticket).await;
    assert!(matches!(Ticket::find(&desk.stores.db, &neighbour, ticket).await, Err(DeskError::NoSuchTicket)));
    let written = comment(&mut tx, at("11-24 10:00"), &neighbour, ticket, &body(), Audience::Everybody).await;
    assert!(matches!(written, Err(DeskError::NoSuchTicket)), "{written:?}");
    let opened =
        NewTicket { client: desk.client, ..desk.ticket(Priority::Low) }.open(&mut tx, at("11-24 10:00"), &neighbour).await;
    assert!(matches!(opened, Err(DeskError::NoSuchClient)), "{opened:?}");
    let noted = comment(&mut tx, at("11-24 10:00"), &desk.contact, ticket, &body(), Audience::Agents).await;
    assert!(matches!(noted, Err(DeskError::NotAllowed)), "{noted:?}");
    let hurried = change::set_priority(&mut tx, at("11-24 10:00"), &desk.contact, seen, Priority::Urgent).await;
    assert!(matches!(hurried, Err(DeskError::NotAllowed)), "{hurried:?}");
    for nobody in ["oscar@cafes.example", "ido@mesa.example"] {
        let given = change::assign(&mut tx, at("11-24 10:00"), &desk.agent, seen, Some(user(nobody).await)).await;
        assert!(matches!(given, Err(DeskError::NoAgent)), "{nobody}: {given:?}");
    }
    tx.rollback().await.unwrap();
    desk.says("11-24 10:30", &desk.agent, ticket, Audience::Agents).await;
    let (read, _) = Comment::of(&desk.stores.db, &desk.contact, &desk.look(ticket).await, None).await.unwrap();
    assert_eq!(read.len(), 0, "what is for agents alone");
}

#[tokio::test]
async fn a_clients_counts_are_those_of_who_counts_whatever_is_done() {
    let desk = Desk::open().await;
    let counts = async || -> (i64, i64, i64, i64) {
        sqlx::query_as(
            "select c.tickets_count, count(t.id), c.open_tickets_count, count(t.id) filter (where t.status not in ('resolved', 'closed'))
             from desk.clients c left join desk.tickets t on t.client_id = c.id group by c.id order by c.id limit 1",
        )
        .fetch_one(&desk.stores.db)
        .await
        .unwrap()
    };
    let tickets = futures_util::future::join_all((0..12).map(|_| desk.opened("11-24 09:00"))).await;
    assert_eq!(counts().await, (12, 12, 12, 12));
    let resolve = async |ticket| {
        let mut tx = desk.begin().await;
        let seen = desk.seen(ticket).await;
        change::resolve(&mut tx, at("11-24 12:00"), &desk.agent, seen, Some(&body())).await.unwrap();
        tx.commit().await.unwrap();
    };
    futures_util::future::join_all(tickets[..5].iter().map(|ticket| resolve(*ticket))).await;
    desk.says("11-24 13:00", &desk.contact, tickets[0], Audience::Everybody).await;
    assert_eq!(counts().await, (12, 12, 8, 8));
    desk.run(
        "delete from desk.sla_clocks where ticket_id in (select id from desk.tickets where status = 'new' order by id limit 3)",
    )
    .await;
    desk.run("delete from desk.tickets where id in (select id from desk.tickets where status = 'new' order by id limit 3)").await;
    desk.run("insert into desk.clients (name, calendar_id) select 'Otra', calendar_id from desk.clients").await;
    desk.run("update desk.tickets set client_id = (select max(id) from desk.clients) where status = 'resolved'").await;
    assert_eq!(counts().await, (5, 5, 5, 5));
}

#[tokio::test]
async fn tags_are_kept_once_and_in_order() {
    let desk = Desk::open().await;
    let tags = ["Red", "correo", "red"].map(|tag| Tag::parse(tag).unwrap()).to_vec();
    let ticket = NewTicket { tags, ..desk.ticket(Priority::Low) };
    let id = desk.tries_to_open("11-24 09:00", &desk.contact, &ticket).await.unwrap();
    assert_eq!(desk.look(id).await.tags, ["correo", "red"]);
}
