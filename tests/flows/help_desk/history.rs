//! What a ticket is about may be set right, what should not have been is made void or goes on elsewhere, and the history says who did what.

use jobs::help_desk::{
    change,
    comment::{Audience, comment},
    history::{Event, What, history},
    number::TicketId,
    policy::Policy,
    text::{Body, Tag},
    ticket::Seen,
    trouble::DeskError,
    words::{Category, Priority, Promise, Status, VoidReason},
};

use super::{Desk, at, is, letters::addressed, policy};

/// When, who, what, and from which status to which.
type Told<'t> = (&'t str, Option<&'t str>, What, Option<(Status, Status)>);

fn tags(words: &[&str]) -> Vec<Tag> {
    words.iter().map(|word| Tag::parse(word).unwrap()).collect()
}

impl Desk {
    async fn history(&self, ticket: TicketId) -> Vec<Event> {
        history(&self.stores.db, &self.agent, &self.look(ticket).await).await.unwrap()
    }

    async fn voids(&self, when: &str, ticket: TicketId, reason: VoidReason, into: Option<TicketId>) -> Result<(), DeskError> {
        let mut tx = self.begin().await;
        let seen = self.seen(ticket).await;
        change::make_void(&mut tx, at(when), &self.agent, seen, reason, into).await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    async fn reopens(&self, when: &str, ticket: TicketId) {
        let mut tx = self.begin().await;
        change::reopen(&mut tx, at(when), &self.agent, self.seen(ticket).await).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn the_history_says_who_did_what_and_when() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let mut tx = desk.begin().await;
    let agent = desk.agent.id();
    let version = change::assign(&mut tx, at("11-24 09:10"), &desk.manager, desk.seen(ticket).await, Some(agent)).await.unwrap();
    let seen = Seen { ticket, version };
    let version = change::set_priority(&mut tx, at("11-24 09:15"), &desk.agent, seen, Priority::High).await.unwrap();
    let seen = Seen { ticket, version };
    change::classify(&mut tx, at("11-24 09:20"), &desk.agent, seen, Category::Software, &tags(&["correo", "vpn"])).await.unwrap();
    tx.commit().await.unwrap();
    let high = policy(Priority::High, Some(60), Some(480));
    let mut tx = desk.begin().await;
    high.set(&mut tx, at("11-24 09:25"), &desk.manager).await.unwrap();
    // Of another client, and of another priority: that is nothing to this ticket.
    policy(Priority::Low, Some(60), None).set(&mut tx, at("11-24 09:26"), &desk.manager).await.unwrap();
    tx.commit().await.unwrap();
    let neighbour = desk.neighbour().await;
    let mut tx = desk.begin().await;
    Policy { client: neighbour.client(), ..high }.set(&mut tx, at("11-24 09:27"), &desk.manager).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.monitored("11-24 10:01").await.alerts, 1);
    desk.says("11-24 10:30", &desk.agent, ticket, Audience::Agents).await;
    desk.says("11-24 10:31", &desk.agent, ticket, Audience::Everybody).await;
    let mut tx = desk.begin().await;
    let version = change::wait_for_client(&mut tx, at("11-24 10:40"), &desk.agent, desk.seen(ticket).await).await.unwrap();
    tx.commit().await.unwrap();
    desk.says("11-24 11:00", &desk.contact, ticket, Audience::Everybody).await;
    let mut tx = desk.begin().await;
    let stale = change::classify(&mut tx, at("11-24 11:01"), &desk.agent, Seen { ticket, version }, Category::Other, &[]).await;
    assert!(matches!(stale, Err(DeskError::Changed { .. })), "{stale:?}");
    tx.rollback().await.unwrap();
    let mut tx = desk.begin().await;
    let version = change::resolve(&mut tx, at("11-24 11:30"), &desk.agent, desk.seen(ticket).await, None).await.unwrap();
    change::close(&mut tx, at("11-24 11:40"), &desk.other_agent, Seen { ticket, version }).await.unwrap();
    tx.commit().await.unwrap();

    let told = desk.history(ticket).await;

    let (inigo, consuelo, grace) = (Some("Íñigo Zúñiga"), Some("Consuelo Güell"), Some("Grace Obi"));
    let first_alert = What::Alert { promise: Promise::FirstResponse, level: 2, due_at: at("11-24 10:00") };
    let expected: Vec<Told<'_>> = vec![
        ("11-24 11:40", grace, What::Closed, Some((Status::Resolved, Status::Closed))),
        ("11-24 11:30", inigo, What::Resolved, Some((Status::Open, Status::Resolved))),
        ("11-24 11:00", Some("Óscar Yáñez"), What::Commented { is_internal: false }, Some((Status::WaitingClient, Status::Open))),
        ("11-24 10:40", inigo, What::Waits, Some((Status::Open, Status::WaitingClient))),
        ("11-24 10:31", inigo, What::Commented { is_internal: false }, None),
        ("11-24 10:30", inigo, What::Commented { is_internal: true }, None),
        ("11-24 10:01", None, first_alert, None),
        ("11-24 09:25", consuelo, What::Rules, None),
        (
            "11-24 09:20",
            inigo,
            What::Classified {
                category: Some((Category::Network, Category::Software)),
                added: vec!["correo".to_owned(), "vpn".to_owned()],
                removed: Vec::new(),
            },
            None,
        ),
        ("11-24 09:15", inigo, What::Priority { from: Priority::Normal, to: Priority::High }, None),
        (
            "11-24 09:10",
            consuelo,
            What::Assigned { from: None, to: Some("Íñigo Zúñiga".to_owned()) },
            Some((Status::New, Status::Open)),
        ),
        ("11-24 09:00", Some("Óscar Yáñez"), What::Opened, None),
    ];
    let expected: Vec<Event> = expected
        .into_iter()
        .map(|(when, by, what, status)| Event { at: at(when), by: by.map(str::to_owned), what, status })
        .collect();
    assert_eq!(told, expected);
    let mine = history(&desk.stores.db, &desk.contact, &desk.look(ticket).await).await;
    assert!(matches!(mine, Err(DeskError::NotAllowed)), "the client reads their own words on the page: {mine:?}");
}

#[tokio::test]
async fn what_a_ticket_is_about_is_set_right_by_agents_and_nothing_new_is_no_change() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let mut tx = desk.begin().await;
    let at_nine = at("11-24 09:30");
    let seen = desk.seen(ticket).await;
    let theirs = change::classify(&mut tx, at_nine, &desk.contact, seen, Category::Other, &[]).await;
    assert!(matches!(theirs, Err(DeskError::NotAllowed)), "{theirs:?}");
    let same = change::classify(&mut tx, at_nine, &desk.agent, seen, Category::Network, &[]).await.unwrap();
    assert_eq!(same, seen.version);
    let two = tags(&["vpn", "correo", "vpn"]);
    let version = change::classify(&mut tx, at_nine, &desk.agent, seen, Category::Access, &two).await.unwrap();
    let seen = Seen { ticket, version };
    change::classify(&mut tx, at_nine, &desk.agent, seen, Category::Access, &tags(&["correo", "outlook"])).await.unwrap();
    tx.commit().await.unwrap();
    let now = desk.look(ticket).await;
    assert_eq!(
        (now.category, now.tags, now.lock_version),
        (Category::Access, vec!["correo".to_owned(), "outlook".to_owned()], 2)
    );
    let last = &desk.history(ticket).await[0].what;
    let expected = What::Classified { category: None, added: vec!["outlook".to_owned()], removed: vec!["vpn".to_owned()] };
    assert_eq!(last, &expected);
    assert_eq!(desk.clock(ticket, "resolution").await.0, "running", "no clock is touched");
}

#[tokio::test]
async fn what_should_not_have_been_is_void_and_nothing_promised_for_it_counts() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let mut tx = desk.begin().await;
    let theirs =
        change::make_void(&mut tx, at("11-24 09:05"), &desk.contact, desk.seen(ticket).await, VoidReason::Spam, None).await;
    assert!(matches!(theirs, Err(DeskError::NotAllowed)), "{theirs:?}");
    tx.rollback().await.unwrap();

    desk.voids("11-24 09:10", ticket, VoidReason::Spam, None).await.unwrap();

    let void = desk.look(ticket).await;
    assert_eq!(
        (void.status, void.void_reason, void.closed_at),
        (Status::Closed, Some(VoidReason::Spam), Some(at("11-24 09:10")))
    );
    assert_eq!(
        (desk.clock(ticket, "first_response").await.0, desk.clock(ticket, "resolution").await.0),
        ("void".into(), "void".into())
    );
    assert_eq!(desk.monitored("11-25 17:00").await.alerts, 0);
    let open: i64 =
        sqlx::query_scalar("select sum(open_tickets_count)::bigint from desk.clients").fetch_one(&desk.stores.db).await.unwrap();
    let (_, letters) = desk.sent().await;
    let told: Vec<_> = letters.iter().map(|letter| letter.to.address.as_str()).collect();
    assert_eq!((open, told), (0, vec!["oscar@cafes.example"]), "who opened it is told, and nobody else");
    assert!(matches!(desk.voids("11-24 09:20", ticket, VoidReason::Spam, None).await, Err(DeskError::WrongStatus { .. })));
    // It was none after all: the client insists, and the promises go on.
    desk.says("11-24 10:00", &desk.contact, ticket, Audience::Everybody).await;
    let again = desk.look(ticket).await;
    assert_eq!((again.status, again.void_reason, again.resolved_at, again.cycle), (Status::Open, None, None, 1));
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-24 10:50"), "ten minutes were used up");
}

#[tokio::test]
async fn what_was_not_void_after_all_goes_on_as_it_was_and_what_was_broken_stays_so() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    assert_eq!(desk.monitored("11-24 10:05").await.alerts, 1, "it should have been answered by ten");
    desk.voids("11-24 10:30", ticket, VoidReason::Mistake, None).await.unwrap();
    let counted = "select count(*) from desk.promise_outcomes";
    assert_eq!(sqlx::query_scalar::<_, i64>(counted).fetch_one(&desk.stores.db).await.unwrap(), 0);
    assert_eq!(desk.monitored("11-24 12:00").await.alerts, 0);

    desk.reopens("11-24 12:30", ticket).await;

    let again = desk.look(ticket).await;
    assert_eq!((again.status, again.cycle, again.void_reason), (Status::Open, 1, None));
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-24 10:00"), "as overdue as it was");
    assert_eq!(
        desk.clock(ticket, "resolution").await,
        is("running", "11-25 10:00"),
        "an hour and a half is used up, and what passed while it was void does not count"
    );
    let paused: Vec<(String, String, String)> = sqlx::query_as(
        "select c.promise, p.reason, to_char(upper(p.during) - lower(p.during), 'HH24:MI') from desk.sla_pauses p join desk.sla_clocks c on c.id = p.clock_id
         where c.cycle = 1 and c.started_at = $1 order by 1",
    )
    .bind(at("11-24 09:00"))
    .fetch_all(&desk.stores.db)
    .await
    .unwrap();
    let void = |promise: &str| (promise.to_owned(), "void".to_owned(), "02:00".to_owned());
    assert_eq!(paused, [void("first_response"), void("resolution")]);
    assert_eq!(desk.monitored("11-24 12:59").await.alerts, 0, "what was told is not told again");
    assert_eq!(desk.monitored("11-24 13:01").await.alerts, 1, "an hour of work after the deadline");
    assert_eq!(desk.told().await, [("first_response".to_owned(), 2, 0), ("first_response".to_owned(), 3, 2)]);

    // Again, when it was solved: the promises that were kept stay so, and the solution goes on from there.
    let mut tx = desk.begin().await;
    let word = Body::parse("Ya está.").unwrap();
    change::resolve(&mut tx, at("11-24 14:00"), &desk.agent, desk.seen(ticket).await, Some(&word)).await.unwrap();
    tx.commit().await.unwrap();
    desk.voids("11-24 15:00", ticket, VoidReason::Spam, None).await.unwrap();
    desk.reopens("11-24 16:00", ticket).await;
    assert_eq!(desk.clock(ticket, "first_response").await, is("missed", "11-24 10:00"));
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-25 12:00"), "three hours are used up");
}

#[tokio::test]
async fn an_answer_that_the_client_waited_for_when_their_ticket_became_void_is_waited_for_when_it_goes_on() {
    let desk = Desk::open().await;
    let (ticket, kept) = (desk.opened("11-24 09:00").await, desk.opened("11-24 09:00").await);
    let mut tx = desk.begin().await;
    let word = Body::parse("Ya está.").unwrap();
    let version = change::resolve(&mut tx, at("11-24 10:00"), &desk.agent, desk.seen(ticket).await, Some(&word)).await.unwrap();
    change::close(&mut tx, at("11-24 10:10"), &desk.agent, Seen { ticket, version }).await.unwrap();
    tx.commit().await.unwrap();
    desk.says("11-25 10:00", &desk.contact, ticket, Audience::Everybody).await;
    desk.voids("11-25 10:20", ticket, VoidReason::Duplicate, Some(kept)).await.unwrap();

    desk.reopens("11-25 10:40", ticket).await;

    assert_eq!(desk.look(ticket).await.cycle, 2);
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-25 11:20"), "forty minutes are left");
    let mut tx = desk.begin().await;
    let silent = change::resolve(&mut tx, at("11-25 10:50"), &desk.agent, desk.seen(ticket).await, None).await;
    assert!(matches!(silent, Err(DeskError::Unanswered)), "{silent:?}");
}

#[tokio::test]
async fn nothing_goes_on_in_a_ticket_that_is_over() {
    let desk = Desk::open().await;
    let (twice, over) = (desk.opened("11-24 09:00").await, desk.opened("11-24 09:01").await);
    let mut tx = desk.begin().await;
    let word = Body::parse("Ya está.").unwrap();
    let seen = desk.seen(over).await;
    let version = change::resolve(&mut tx, at("11-24 09:10"), &desk.agent, seen, Some(&word)).await.unwrap();
    tx.commit().await.unwrap();
    let refused = desk.voids("11-24 09:20", twice, VoidReason::Duplicate, Some(over)).await;
    assert!(
        matches!(refused, Err(DeskError::MergerOver { ticket, status: Status::Resolved }) if ticket == over),
        "nobody would see it there: {refused:?}"
    );
    let mut tx = desk.begin().await;
    change::close(&mut tx, at("11-24 09:30"), &desk.agent, Seen { ticket: over, version }).await.unwrap();
    tx.commit().await.unwrap();
    let refused = desk.voids("11-24 09:40", twice, VoidReason::Duplicate, Some(over)).await;
    assert!(matches!(refused, Err(DeskError::MergerOver { status: Status::Closed, .. })), "{refused:?}");
    let waits = desk.look(twice).await;
    assert_eq!((waits.status, waits.merged_into), (Status::New, None), "it is there still");
    assert_eq!(desk.clock(twice, "first_response").await, is("running", "11-24 10:00"));

    desk.reopens("11-24 09:50", over).await;
    desk.voids("11-24 09:55", twice, VoidReason::Duplicate, Some(over)).await.unwrap();
    assert_eq!(desk.look(twice).await.merged_into, Some(over));
}

#[tokio::test]
async fn a_duplicate_goes_on_in_another_ticket_of_the_same_client() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    let (kept, twice) = (
        desk.tries_to_open("11-24 09:00", &desk.agent, &desk.ticket(Priority::Normal)).await.unwrap(),
        desk.opened("11-24 09:10").await,
    );
    let mut foreign = desk.ticket(Priority::Normal);
    foreign.client = neighbour.client().unwrap();
    let foreign = desk.tries_to_open("11-24 09:15", &neighbour, &foreign).await.unwrap();
    for (reason, into) in [
        (VoidReason::Duplicate, foreign),
        (VoidReason::Duplicate, twice),
        (VoidReason::Duplicate, TicketId(999_999)),
        (VoidReason::Spam, kept),
    ] {
        let refused = desk.voids("11-24 09:20", twice, reason, Some(into)).await;
        assert!(matches!(refused, Err(DeskError::NoMerger)), "{reason:?} {into}: {refused:?}");
    }

    desk.voids("11-24 09:30", twice, VoidReason::Duplicate, Some(kept)).await.unwrap();

    assert_eq!(desk.look(twice).await.merged_into, Some(kept));
    assert_eq!(desk.history(kept).await[0].what, What::Merged { from: twice });
    assert_eq!(desk.history(twice).await[0].what, What::Void { reason: VoidReason::Duplicate, into: Some(kept) });
    let mut tx = desk.begin().await;
    let word = Body::parse("¿Y esto?").unwrap();
    let elsewhere = comment(&mut tx, at("11-24 09:40"), &desk.contact, twice, &word, Audience::Everybody).await;
    assert!(matches!(elsewhere, Err(DeskError::Merged(into)) if into == kept), "{elsewhere:?}");
    tx.rollback().await.unwrap();
    let mut tx = desk.begin().await;
    let reopened = change::reopen(&mut tx, at("11-24 09:41"), &desk.contact, desk.seen(twice).await).await;
    assert!(matches!(reopened, Err(DeskError::Merged(_))), "{reopened:?}");
    tx.rollback().await.unwrap();
    desk.sent().await;
    // Whoever opened the duplicate hears what is answered where it goes on.
    desk.run("delete from mail.messages; insert into core.users (email, full_name, role, password_hash) values ('x@cafes.example', 'X', 'client', '-');
              insert into desk.contacts (user_id, client_id) select u.id, c.id from core.users u, desk.clients c where u.email = 'x@cafes.example' and c.name like 'Cafés%'").await;
    desk.says("11-24 10:00", &desk.agent, kept, Audience::Everybody).await;
    let (_, letters) = desk.sent().await;
    let readers: Vec<_> = addressed(&letters).into_iter().map(|(to, _)| to).filter(|to| to.ends_with("@cafes.example")).collect();
    assert_eq!(readers, ["oscar@cafes.example"]);
    assert!(
        matches!(desk.voids("11-24 10:10", kept, VoidReason::Duplicate, Some(twice)).await, Err(DeskError::NoMerger)),
        "no rings"
    );
    // Who works here may take them apart again.
    let mut tx = desk.begin().await;
    change::reopen(&mut tx, at("11-24 10:20"), &desk.agent, desk.seen(twice).await).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((desk.look(twice).await.merged_into, desk.look(twice).await.status), (None, Status::Open));
}

#[tokio::test]
async fn two_that_are_put_together_crosswise_at_once_do_not_wait_for_each_other_for_ever() {
    let desk = Desk::open().await;
    let (one, other) = (desk.opened("11-24 09:00").await, desk.opened("11-24 09:01").await);
    for turn in 0..10 {
        let (there, back) = tokio::join!(
            desk.voids("11-24 09:10", one, VoidReason::Duplicate, Some(other)),
            desk.voids("11-24 09:10", other, VoidReason::Duplicate, Some(one))
        );
        let done = [&there, &back].iter().filter(|done| done.is_ok()).count();
        assert_eq!(done, 1, "turn {turn}: {there:?} {back:?}");
        let void = if there.is_ok() { one } else { other };
        let mut tx = desk.begin().await;
        change::reopen(&mut tx, at("11-24 09:11"), &desk.agent, desk.seen(void).await).await.unwrap();
        tx.commit().await.unwrap();
    }
}
