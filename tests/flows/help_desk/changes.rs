//! What is promised changes while a ticket is open: its priority, the policy, the calendar, the contract.

use chrono::Weekday;
use jobs::help_desk::{
    business_time::Hours,
    calendar::{Calendar, Plan, SeenCalendar},
    change,
    comment::{Audience, comment},
    number::TicketId,
    policy::Policy,
    rule_change::Followed,
    text::Body,
    ticket::Seen,
    trouble::DeskError,
    words::Priority,
};
use schedules::Tz;

use super::{Desk, at, day, is, office, policy};

impl Desk {
    async fn given(&self, when: &str, ticket: TicketId, priority: Priority) {
        let mut tx = self.begin().await;
        change::set_priority(&mut tx, at(when), &self.agent, self.seen(ticket).await, priority).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn promises(&self, when: &str, policy: Policy) {
        let mut tx = self.begin().await;
        policy.set(&mut tx, at(when), &self.manager).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn another_priority_keeps_what_is_used_up() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::Urgent, Some(30), Some(240))).await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.says("11-24 09:20", &desk.agent, ticket, Audience::Everybody).await;

    desk.given("11-24 12:00", ticket, Priority::Urgent).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 13:00"), "three of four hours are used up");
    assert_eq!(desk.clock(ticket, "first_response").await.0, "met", "what was kept was kept");
    desk.given("11-24 12:15", ticket, Priority::Normal).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 17:00"), "as it was");
}

#[tokio::test]
async fn a_deadline_that_would_have_passed_under_another_priority_is_now() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::Urgent, Some(30), Some(120))).await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.says("11-24 09:20", &desk.agent, ticket, Audience::Everybody).await;

    desk.given("11-24 12:00", ticket, Priority::Urgent).await;

    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 12:00"));
    desk.monitored("11-24 12:05").await;
    // It was used up an hour before: the time after which managers are told had passed, too.
    assert_eq!(desk.told().await, [("resolution".to_owned(), 3, 0)]);
    desk.given("11-24 12:10", ticket, Priority::Normal).await;
    assert_eq!(desk.monitored("11-24 16:29").await.alerts, 0, "it is ahead again");
    desk.monitored("11-24 16:31").await;
    assert_eq!(desk.told().await[1..], [("resolution".to_owned(), 1, 0)], "and warned about for itself");
}

#[tokio::test]
async fn a_priority_that_is_set_again_and_again_tells_nothing_again() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::High, Some(60), Some(480))).await;
    let ticket = desk.opened("11-24 09:00").await;
    assert_eq!(desk.monitored("11-24 09:31").await.alerts, 1);
    for (minute, priority) in (32..60).zip([Priority::High, Priority::Normal].into_iter().cycle()) {
        desk.given(&format!("11-24 09:{minute}"), ticket, priority).await;
        assert_eq!(desk.monitored(&format!("11-24 09:{minute}")).await.alerts, 0);
    }
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-24 10:00"));
}

#[tokio::test]
async fn a_policy_counts_for_open_tickets_from_when_it_is_written() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let other = desk.tries_to_open("11-24 09:00", &desk.contact, &desk.ticket(Priority::Low)).await.unwrap();
    assert_eq!(desk.clocks(other).await.len(), 1, "without a policy an answer is promised, and no solution");
    assert_eq!(desk.clock(other, "first_response").await, is("running", "11-24 13:00"), "by the client's own number");

    desk.promises("11-24 10:30", Policy { client: Some(desk.client), ..policy(Priority::Normal, Some(120), Some(600)) }).await;

    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-24 11:00"));
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-25 10:00"));
    assert_eq!(desk.clock(other, "first_response").await, is("running", "11-24 13:00"), "of another priority");
    // The first was overdue when its policy came: that was told before.
    assert_eq!(desk.told().await, [("first_response".to_owned(), 2, 0)]);
    desk.promises("11-24 10:40", policy(Priority::Normal, Some(15), Some(30))).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-25 10:00"), "the client has a policy of its own");
}

#[tokio::test]
async fn what_is_promised_no_more_is_void_and_what_is_promised_again_counts_from_where_it_began() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.promises("11-24 10:00", policy(Priority::Normal, Some(60), None)).await;
    assert_eq!(desk.clock(ticket, "resolution").await.0, "void");
    desk.promises("11-24 12:00", policy(Priority::Normal, Some(60), Some(480))).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 17:00"), "as if it had not been taken back");

    desk.promises("11-24 12:30", policy(Priority::Normal, Some(60), None)).await;
    let answer = ("first_response".to_owned(), 3, 1);
    assert_eq!(desk.told().await.last(), Some(&answer), "of the answer all has been told");
    assert_eq!(desk.monitored("11-25 17:00").await.alerts, 0, "and of the solution nothing is");
    desk.promises("11-26 09:00", policy(Priority::Normal, Some(60), Some(480))).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-26 09:00"), "more is used up than that: it is due now");
    assert_eq!(desk.monitored("11-26 09:01").await.alerts, 1);
    let (late_s, told): (f64, i16) = sqlx::query_as(
        "select extract(epoch from a.created_at - a.reached_at)::float8, a.level from desk.alerts a order by a.id desc limit 1",
    )
    .fetch_one(&desk.stores.db)
    .await
    .unwrap();
    assert_eq!((late_s, told), (60.0, 3), "it was due by nobody's promise before, and so it is not told late");
}

#[tokio::test]
async fn a_promise_that_comes_back_with_a_priority_counts_from_where_it_began() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::High, Some(60), Some(480))).await;
    desk.promises("11-24 08:00", policy(Priority::Urgent, Some(30), Some(240))).await;
    let ticket = desk.tries_to_open("11-24 09:00", &desk.contact, &desk.ticket(Priority::High)).await.unwrap();
    desk.says("11-24 09:20", &desk.agent, ticket, Audience::Everybody).await;
    // Nothing is promised for the solution of what can wait.
    desk.given("11-24 10:00", ticket, Priority::Low).await;
    assert_eq!(desk.clock(ticket, "resolution").await.0, "void");
    desk.given("11-24 11:00", ticket, Priority::Urgent).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 13:00"), "two of four hours are used up");

    // While the client is waited for no time is used up, promised or not.
    desk.given("11-24 11:30", ticket, Priority::Low).await;
    desk.waits("11-24 12:00", ticket).await;
    desk.says("11-24 15:00", &desk.contact, ticket, Audience::Everybody).await;
    desk.given("11-24 15:30", ticket, Priority::Urgent).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 16:00"), "half an hour is left");
}

#[tokio::test]
async fn an_answer_that_is_promised_again_after_a_ticket_was_closed_is_waited_for_still() {
    let desk = Desk::open().await;
    // Of what can wait neither is promised.
    desk.promises("11-24 08:00", policy(Priority::Low, None, None)).await;
    let (answered, waiting) = (desk.opened("11-24 09:00").await, desk.opened("11-24 09:00").await);
    for ticket in [answered, waiting] {
        desk.says("11-24 09:20", &desk.agent, ticket, Audience::Everybody).await;
        let mut tx = desk.begin().await;
        let seen = desk.seen(ticket).await;
        let version = change::resolve(&mut tx, at("11-24 09:30"), &desk.agent, seen, None).await.unwrap();
        change::close(&mut tx, at("11-24 09:40"), &desk.agent, Seen { ticket, version }).await.unwrap();
        tx.commit().await.unwrap();
        desk.says("11-25 09:00", &desk.contact, ticket, Audience::Everybody).await;
        assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-25 10:00"), "it is another matter");
        desk.given("11-25 09:10", ticket, Priority::Low).await;
    }
    desk.says("11-25 09:15", &desk.agent, answered, Audience::Everybody).await;

    for ticket in [answered, waiting] {
        desk.given("11-25 09:20", ticket, Priority::Normal).await;
    }

    assert_eq!(desk.clock(waiting, "first_response").await, is("running", "11-25 10:00"), "from where it began");
    assert_eq!(desk.clock(answered, "first_response").await.0, "void", "nothing was promised when the answer came");
}

#[tokio::test]
async fn a_promise_is_one_of_the_priority_that_it_was_made_for() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::Urgent, Some(30), Some(240))).await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.says("11-24 09:20", &desk.agent, ticket, Audience::Everybody).await;
    desk.given("11-24 09:30", ticket, Priority::Urgent).await;
    let counted = async || -> Vec<(String, String)> {
        sqlx::query_as("select promise, priority from desk.promise_outcomes order by promise")
            .fetch_all(&desk.stores.db)
            .await
            .unwrap()
    };
    let expected = [("first_response", "normal"), ("resolution", "urgent")];
    let expected = expected.map(|(promise, priority)| (promise.to_owned(), priority.to_owned()));
    assert_eq!(counted().await, expected, "the answer was kept as a normal one, the solution is an urgent one now");
    // A policy that is gone takes nothing along.
    desk.run("delete from desk.sla_policies where priority = 'normal'").await;
    assert_eq!(counted().await, expected);
}

#[tokio::test]
async fn a_new_promise_for_a_ticket_that_waits_stands_still_until_the_client_answers() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::Normal, Some(60), None)).await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.says("11-24 09:10", &desk.agent, ticket, Audience::Everybody).await;
    desk.waits("11-24 09:20", ticket).await;
    desk.promises("11-24 10:00", policy(Priority::Normal, Some(60), Some(60))).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("paused", ""));
    desk.says("11-24 17:30", &desk.contact, ticket, Audience::Everybody).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-25 09:30"));
}

#[tokio::test]
async fn time_stands_still_only_for_as_long_as_the_policy_says_so() {
    let desk = Desk::open().await;
    let unpausing = |priority| Policy { pauses_while_waiting: false, ..policy(priority, Some(60), Some(480)) };
    desk.promises("11-24 08:00", unpausing(Priority::High)).await;
    let high = desk.tries_to_open("11-24 09:00", &desk.contact, &desk.ticket(Priority::High)).await.unwrap();
    let normal = desk.opened("11-24 09:00").await;
    for ticket in [high, normal] {
        desk.says("11-24 09:10", &desk.agent, ticket, Audience::Everybody).await;
        desk.waits("11-24 10:00", ticket).await;
    }
    assert_eq!(desk.clock(high, "resolution").await, is("running", "11-24 17:00"), "it runs while the client is waited for");
    assert_eq!(desk.clock(normal, "resolution").await, is("paused", ""));

    // Another priority, and back; then another policy.
    desk.given("11-24 12:00", normal, Priority::High).await;
    assert_eq!(desk.clock(normal, "resolution").await, is("running", "11-25 10:00"), "an hour is used up");
    desk.given("11-24 12:30", normal, Priority::Normal).await;
    assert_eq!(desk.clock(normal, "resolution").await, is("paused", ""), "an hour and a half");
    desk.promises("11-24 13:00", unpausing(Priority::Normal)).await;
    assert_eq!(desk.clock(normal, "resolution").await, is("running", "11-25 10:30"));

    desk.says("11-24 14:00", &desk.contact, normal, Audience::Everybody).await;
    assert_eq!(desk.clock(normal, "resolution").await, is("running", "11-25 10:30"), "there is nothing to go on from");
    let pauses: Vec<(i64, Option<String>)> = sqlx::query_as(
        "select c.ticket_id, to_char(upper(p.during) - lower(p.during), 'HH24:MI') from desk.sla_pauses p join desk.sla_clocks c on c.id = p.clock_id
         order by lower(p.during)",
    )
    .fetch_all(&desk.stores.db)
    .await
    .unwrap();
    assert_eq!(pauses, [(normal.0, Some("02:00".to_owned())), (normal.0, Some("00:30".to_owned()))], "each has its end");
}

#[tokio::test]
async fn what_is_overdue_when_its_promise_is_taken_back_was_broken_and_goes_on_if_it_is_promised_again() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::High, Some(60), Some(120))).await;
    let ticket = desk.tries_to_open("11-24 09:00", &desk.contact, &desk.ticket(Priority::High)).await.unwrap();
    desk.says("11-24 09:20", &desk.agent, ticket, Audience::Everybody).await;
    let outcomes = async || -> Vec<(String, String)> {
        sqlx::query_as(
            "select outcome, to_char(counts_at at time zone 'America/Bogota', 'MM-DD HH24:MI') from desk.promise_outcomes where promise = 'resolution'",
        )
        .fetch_all(&desk.stores.db)
        .await
        .unwrap()
    };

    // Nothing is promised for the solution of a ticket of low priority. It should have been solved by eleven.
    desk.given("11-24 11:30", ticket, Priority::Low).await;

    assert_eq!(desk.clock(ticket, "resolution").await, is("missed", "11-24 11:00"));
    assert_eq!(outcomes().await, [("broken".to_owned(), "11-24 11:00".to_owned())], "it counts on");
    assert_eq!(desk.monitored("11-24 13:00").await.alerts, 0, "nobody is told of it any more");
    desk.given("11-24 13:30", ticket, Priority::High).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 11:00"), "as overdue as it was");
    assert_eq!(desk.monitored("11-24 13:59").await.alerts, 0, "half an hour of the sixty minutes had passed");
    assert_eq!(desk.monitored("11-24 14:01").await.alerts, 1);
    assert_eq!(desk.told().await, [("resolution".to_owned(), 2, 0), ("resolution".to_owned(), 3, 2)]);
    assert_eq!(outcomes().await.len(), 1);
}

#[tokio::test]
async fn a_calendar_that_changes_moves_what_is_left_and_not_what_is_used_up() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 16:00").await;
    let mut tx = desk.begin().await;
    // From noon on Wednesday on they work from seven to three, and Thursday is a holiday.
    let early = office().into_iter().map(|hours| Hours { opens: 7 * 60, closes: 15 * 60, ..hours }).collect();
    let plan = Plan {
        zone: Tz::America__Bogota,
        is_always_open: false,
        hours: early,
        holidays: vec![(day("2026-11-26"), "Acción de gracias".to_owned())],
    };
    let seen = SeenCalendar { calendar: desk.calendar, revision: 1 };
    let followed = Calendar::change(&mut tx, at("11-25 12:00"), &desk.manager, seen, "Bogotá", &plan).await.unwrap();
    assert_eq!(followed, Followed { tickets: 1, is_done: true });
    tx.commit().await.unwrap();

    // Two hours on Tuesday, three on Wednesday; three more on Wednesday.
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-25 15:00"));
    assert_eq!(desk.clock(ticket, "first_response").await, is("running", "11-24 17:00"), "what has passed stays as it was");
    let later = desk.opened("11-25 14:30").await;
    assert_eq!(desk.clock(later, "first_response").await, is("running", "11-27 07:30"), "Thursday is off");

    let mut tx = desk.begin().await;
    let never = Plan { hours: Vec::new(), ..plan.clone() };
    let refused = Calendar::change(&mut tx, at("11-25 14:31"), &desk.manager, seen, "Bogotá", &plan).await;
    assert!(matches!(refused, Err(DeskError::RulesChanged)), "somebody else has changed it: {refused:?}");
    let seen = SeenCalendar { revision: 2, ..seen };
    let refused = Calendar::change(&mut tx, at("11-25 14:31"), &desk.manager, seen, "Bogotá", &never).await;
    assert!(matches!(refused, Err(DeskError::NoOpenHour)), "{refused:?}");
    let sabbatical = day("2028-01-01").iter_days().take(400).map(|day| (day, "Año sabático".to_owned())).collect();
    let later = Plan { holidays: sabbatical, ..plan.clone() };
    let refused = Calendar::change(&mut tx, at("11-25 14:31"), &desk.manager, seen, "Bogotá", &later).await;
    assert!(matches!(refused, Err(DeskError::NoOpenHour)), "nor would they come back from there: {refused:?}");
    tx.rollback().await.unwrap();
    let mut tx = desk.begin().await;
    let twice = Hours { weekday: Weekday::Mon, opens: 0, closes: 1440 };
    let refused = Calendar::change(
        &mut tx,
        at("11-25 14:31"),
        &desk.manager,
        seen,
        "Bogotá",
        &Plan { hours: vec![twice, twice], ..plan.clone() },
    )
    .await;
    assert!(matches!(refused, Err(DeskError::Hours(_))), "{refused:?}");
    let refused = Calendar::change(&mut tx, at("11-25 14:31"), &desk.agent, seen, "Bogotá", &plan).await;
    assert!(matches!(refused, Err(DeskError::NotAllowed)), "{refused:?}");
}

#[tokio::test]
async fn without_a_contract_a_client_is_served_as_was_agreed() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::High, Some(60), Some(480))).await;
    // The contract's last day is the client's: in Greenwich it is the year after.
    let last = desk.opened("12-31 23:30").await;
    assert_eq!(desk.clocks(last).await.len(), 2);
    desk.run("update desk.contracts set ends_on = '2026-11-23'").await;

    let unpromised = desk.opened("11-24 09:00").await;
    assert_eq!((desk.clocks(unpromised).await, desk.look(unpromised).await.contract_id), (Vec::new(), None));
    // An agent's answer is one, whether it was promised or not.
    desk.says("11-24 09:30", &desk.agent, unpromised, Audience::Everybody).await;
    assert_eq!(desk.look(unpromised).await.first_responded_at, Some(at("11-24 09:30")));
    desk.given("11-24 10:00", unpromised, Priority::High).await;
    assert_eq!(desk.clocks(unpromised).await, [], "nor does a change promise anything");

    desk.run("update desk.clients set without_contract = 'refuse'").await;
    let refused = desk.tries_to_open("11-24 09:00", &desk.contact, &desk.ticket(Priority::Normal)).await;
    assert!(matches!(refused, Err(DeskError::NoContract)), "{refused:?}");
    desk.run("update desk.clients set without_contract = 'serve'").await;
    let served = desk.opened("11-24 09:00").await;
    assert_eq!(desk.clocks(served).await.len(), 2);
}

#[tokio::test]
async fn a_promise_outlives_the_contract_under_which_it_was_made_but_not_the_ticket() {
    let desk = Desk::open().await;
    desk.promises("11-24 08:00", policy(Priority::High, Some(60), Some(480))).await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.run("update desk.contracts set ends_on = '2026-11-24'; update desk.clients set without_contract = 'refuse'").await;
    desk.given("11-25 09:00", ticket, Priority::High).await;
    assert_eq!(desk.clock(ticket, "resolution").await, is("running", "11-24 17:00"), "overdue, and promised all the same");
    let mut tx = desk.begin().await;
    let done = Body::parse("Hecho.").unwrap();
    change::resolve(&mut tx, at("11-25 10:00"), &desk.agent, desk.seen(ticket).await, Some(&done)).await.unwrap();
    tx.commit().await.unwrap();
    desk.says("11-25 11:00", &desk.contact, ticket, Audience::Everybody).await;
    assert_eq!(desk.clock(ticket, "resolution").await.0, "running", "opened again, it is the same matter");
    let mut tx = desk.begin().await;
    change::resolve(&mut tx, at("11-25 12:00"), &desk.agent, desk.seen(ticket).await, None).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = desk.begin().await;
    change::close(&mut tx, at("11-25 12:00"), &desk.agent, desk.seen(ticket).await).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = desk.begin().await;
    let refused = comment(&mut tx, at("11-26 09:00"), &desk.contact, ticket, &done, Audience::Everybody).await;
    assert!(matches!(refused, Err(DeskError::NoContract)), "{refused:?}");
}
