//! What is promised changes while more tickets are open than can be set anew at once: their clocks follow in batches, whatever dies, and come to what
//! somebody comes to who looks at both calendars minute by minute.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use faena_tests::{judge::somebody_waits_for_a_lock, wait::until};
use jobs::{
    help_desk::{
        actor::Actor,
        advance::advance,
        calendar::{Calendar, Plan, SeenCalendar},
        client::{Client, SeenClient},
        client_draft::ClientDraft,
        comment::Audience,
        follow_rule_change::FollowRuleChange,
        number::{CalendarId, TicketId},
        policy::{Policy, Sheet},
        rule_change::{Followed, RuleChange, follow_again},
        trouble::DeskError,
        words::{Priority, WithoutContract},
    },
    ports::{Ports, fakes::Fakes},
};
use queue::kit::{Kit, Outcome};
use schedules::Tz;

use super::{
    Desk, at,
    business_time::{Days, Week, hours},
    day, minutes, policy,
};

/// More than two batches of the job's.
const TICKETS: usize = 1_234;
/// Minutes from the Monday on which the story begins until the calendar changes: Wednesday at 11:20.
const CHANGE: usize = 2 * 24 * 60 + 11 * 60 + 20;
const DAYS: usize = 21;

/// Monday, 2026-11-16, at midnight in Bogotá.
fn begin() -> DateTime<Utc> {
    at("11-16 00:00")
}

fn before() -> Week {
    (0..5).map(|day| (day, 9 * 60, 18 * 60)).collect()
}

/// Shorter days, on Saturdays too; Thursday is a holiday.
fn after() -> Week {
    (0..6).flat_map(|day| [(day, 8 * 60, 12 * 60), (day, 13 * 60, 16 * 60 + 30)]).collect()
}

fn plan() -> Plan {
    Plan {
        zone: Tz::America__Bogota,
        is_always_open: false,
        hours: hours(&after()),
        holidays: vec![(day("2026-11-19"), "Día de la mesa".to_owned())],
    }
}

/// The minute at which each ticket is opened, from the beginning on: some so that they come to something around the change.
fn opened(ticket: usize) -> usize {
    8 * 60 + ticket * (CHANGE - 8 * 60) / TICKETS
}

/// By when a promise is to be kept, by who looks at the clock every minute.
fn oracle(old: &Days, new: &Days, opened: usize, target: usize) -> DateTime<Utc> {
    let used = old.between(opened, CHANGE);
    let due = if used >= target { old.after(opened, target) } else { new.after(CHANGE, target - used) };
    new.at(due.expect("a deadline"))
}

struct Crowd {
    desk: Arc<Desk>,
    kit: Arc<Kit<Ports>>,
    tickets: Vec<TicketId>,
    /// When each is to be answered and to be solved, after the change.
    due: HashMap<(TicketId, String), DateTime<Utc>>,
}

/// A desk with many tickets, whose calendar has just changed.
async fn crowd() -> Crowd {
    let desk = Desk::open().await;
    let mut tx = desk.begin().await;
    let mut tickets = Vec::new();
    for ticket in 0..TICKETS {
        let at = begin() + minutes(opened(ticket) as i64);
        tickets.push(desk.ticket(Priority::Normal).open(&mut tx, at, &desk.contact).await.unwrap());
    }
    tx.commit().await.unwrap();
    let walked = |week: &Week, holidays: &[_]| Days::walked(Tz::America__Bogota, begin(), DAYS, week, holidays);
    let (old, new) = (walked(&before(), &[]), walked(&after(), &[day("2026-11-19")]));
    let mut due = HashMap::new();
    for (place, ticket) in tickets.iter().enumerate() {
        for (promise, target) in [("first_response", 60), ("resolution", 480)] {
            due.insert((*ticket, promise.to_owned()), oracle(&old, &new, opened(place), target));
        }
    }
    let mut tx = desk.begin().await;
    let seen = SeenCalendar { calendar: desk.calendar, revision: 1 };
    let change_at = begin() + minutes(CHANGE as i64);
    let followed = Calendar::change(&mut tx, change_at, &desk.manager, seen, "Bogotá", &plan()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(followed, Followed { tickets: TICKETS as i64, is_done: false }, "too many to be set at once");
    let kit = Kit::new(jobs::catalogue(), Fakes::default().ports()).with_database(desk.stores.db.clone());
    Crowd { desk: Arc::new(desk), kit: Arc::new(kit), tickets, due }
}

impl Crowd {
    async fn change(&self) -> Option<RuleChange> {
        RuleChange::under_way(&mut self.desk.stores.db.acquire().await.unwrap()).await.unwrap()
    }

    /// Deadlines of live clocks, by ticket and promise.
    async fn deadlines(&self) -> HashMap<(TicketId, String), DateTime<Utc>> {
        let rows: Vec<(TicketId, String, DateTime<Utc>)> = sqlx::query_as(
            "select ticket_id, promise, due_at from desk.sla_clocks where state = 'running' and calendar_revision = 2",
        )
        .fetch_all(&self.desk.stores.db)
        .await
        .unwrap();
        rows.into_iter().map(|(ticket, promise, due)| ((ticket, promise), due)).collect()
    }

    /// The job runs in a process that dies while it waits for the clock of that ticket.
    async fn dies_at(&self, ticket: TicketId) {
        let change = self.change().await.unwrap();
        let mut gate = self.desk.begin().await;
        sqlx::query("select from desk.sla_clocks where ticket_id = $1 for update")
            .bind(ticket)
            .execute(&mut *gate)
            .await
            .unwrap();
        let kit = Arc::clone(&self.kit);
        let job = tokio::spawn(async move { kit.attempt(FollowRuleChange { change_id: change.id }).await });
        until("the job to stand before the gate", async || {
            let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
            let waiting: i64 = sqlx::query_scalar(waits).fetch_one(&self.desk.stores.db).await.unwrap();
            waiting == 1
        })
        .await;
        job.abort();
        assert!(job.await.unwrap_err().is_cancelled());
        gate.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn clocks_of_a_crowd_follow_a_new_calendar_in_batches_whatever_dies() {
    let crowd = crowd().await;
    let desk = &crowd.desk;

    crowd.dies_at(crowd.tickets[700]).await;

    let change = crowd.change().await.expect("it is under way");
    assert_eq!((change.tickets, change.followed), (TICKETS as i64, 500), "one batch, and nothing of the next");
    let set = crowd.deadlines().await;
    assert_eq!(set.len(), 1_000);
    // What is asked for meanwhile is refused, whoever leads the desk.
    let mut tx = desk.begin().await;
    let refused = policy(Priority::Low, Some(10), None).set(&mut tx, at("11-18 11:30"), &desk.manager).await;
    assert!(matches!(refused, Err(DeskError::ChangeUnderWay { followed: 500, tickets: 1_234 })), "{refused:?}");
    tx.rollback().await.unwrap();
    // Somebody works on a ticket that the job has not come to.
    let late = crowd.tickets[1_200];
    desk.says("11-18 11:24", &desk.agent, late, Audience::Everybody).await;
    assert_eq!(crowd.deadlines().await[&(late, "resolution".to_owned())], crowd.due[&(late, "resolution".to_owned())]);
    // The monitor tells nothing of clocks that would be told by the hours that are gone.
    let mut tx = desk.begin().await;
    advance(&mut tx, at("11-18 11:28")).await.unwrap();
    tx.commit().await.unwrap();
    let since: i64 = sqlx::query_scalar(
        "select count(*) from desk.alerts a join desk.sla_clocks c on c.id = a.clock_id where a.reached_at >= $1 and c.calendar_revision = 1",
    )
    .bind(at("11-18 11:20"))
    .fetch_one(&desk.stores.db)
    .await
    .unwrap();
    assert_eq!(since, 0);

    assert_eq!(crowd.kit.attempt(FollowRuleChange { change_id: change.id }).await, Outcome::Completed);

    let mut expected = crowd.due.clone();
    expected.remove(&(late, "first_response".to_owned())).expect("it was answered");
    let set = crowd.deadlines().await;
    assert_eq!(set.len(), expected.len());
    for (clock, due) in &set {
        assert_eq!(*due, expected[clock], "{clock:?}");
    }
    assert!(crowd.change().await.is_none(), "it is over");
    let wrong: i64 = sqlx::query_scalar(
        "select count(*) from desk.sla_clocks where state = 'running' and (next_at is distinct from
             case level when 0 then warn_at when 1 then due_at when 2 then escalate_at[1] end)",
    )
    .fetch_one(&desk.stores.db)
    .await
    .unwrap();
    assert_eq!(wrong, 0, "the monitor looks when something comes");
    let again = crowd.kit.attempt(FollowRuleChange { change_id: change.id }).await;
    assert!(matches!(again, Outcome::Cancelled { .. }), "{again:?}");
    let looks: i64 = sqlx::query_scalar("select count(*) from faena.outbox where name = 'monitor_sla'")
        .fetch_one(&desk.stores.db)
        .await
        .unwrap();
    assert_eq!(looks, 1, "what the monitor left alone is told now");
}

#[tokio::test]
async fn a_change_that_is_stuck_holds_the_monitor_up_for_ten_minutes_and_no_longer() {
    let crowd = crowd().await;
    let told = async |when: &str| {
        let mut tx = crowd.desk.begin().await;
        let advanced = advance(&mut tx, at(when)).await.unwrap();
        tx.commit().await.unwrap();
        advanced.alerts
    };
    assert_eq!(told("11-18 11:29").await, 0, "by the new hours perhaps not");
    assert!(told("11-18 11:31").await > 0, "better told by the old ones than never");
}

/// Ends the job that has clocks follow, as one that is dead.
const THE_JOB_IS_DEAD: &str = "with gone as (delete from faena.outbox where name = 'follow_rule_change' returning id)
     insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, ended_at)
     select id, 'critical', 'follow_rule_change', 1, '{}', 'outbox', 'dead', 'its process died', 2, now(), now() from gone";

#[tokio::test]
async fn a_change_whose_job_died_goes_on_when_somebody_asks_for_it_or_is_superseded_by_the_next() {
    let crowd = crowd().await;
    let desk = &crowd.desk;
    crowd.dies_at(crowd.tickets[700]).await;
    let first = crowd.change().await.expect("it is under way");
    assert_eq!((first.followed, first.is_stopped), (500, false));
    let again = async |actor: &Actor| {
        let mut tx = desk.begin().await;
        let again = follow_again(&mut tx, actor).await;
        tx.commit().await.unwrap();
        again
    };
    assert!(matches!(again(&desk.manager).await, Ok(false)), "its job may yet go on");
    desk.run(THE_JOB_IS_DEAD).await;
    assert!(crowd.change().await.is_some_and(|change| change.is_stopped));
    assert!(matches!(again(&desk.agent).await, Err(DeskError::NotAllowed)));
    assert!(matches!(again(&desk.manager).await, Ok(true)));
    assert!(
        crowd.change().await.is_some_and(|change| !change.is_stopped && change.job_id != first.job_id && change.followed == 500)
    );
    desk.run(THE_JOB_IS_DEAD).await;

    // An hour and forty minutes after the first, the hours change again.
    const SECOND: usize = CHANGE + 100;
    let third: Week = (0..5).map(|day| (day, 10 * 60, 15 * 60)).collect();
    let plan = Plan { hours: hours(&third), holidays: Vec::new(), ..plan() };
    let mut tx = desk.begin().await;
    let seen = SeenCalendar { calendar: desk.calendar, revision: 2 };
    let followed =
        Calendar::change(&mut tx, begin() + minutes(SECOND as i64), &desk.manager, seen, "Bogotá", &plan).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(followed, Followed { tickets: TICKETS as i64, is_done: false }, "all of them, whoever has followed the first");
    let second = crowd.change().await.expect("it is under way");
    let superseded: Option<i64> = sqlx::query_scalar("select superseded_by from desk.rule_changes where id = $1")
        .bind(first.id)
        .fetch_one(&desk.stores.db)
        .await
        .unwrap();
    assert_eq!(superseded, Some(second.id.0));
    let late = crowd.kit.attempt(FollowRuleChange { change_id: first.id }).await;
    assert!(matches!(late, Outcome::Cancelled { .. }), "an operator who runs the dead job again does no harm: {late:?}");
    assert_eq!(crowd.kit.attempt(FollowRuleChange { change_id: second.id }).await, Outcome::Completed);
    assert!(crowd.change().await.is_none());
    // Those that had followed the first went by its hours in between, the others by those before it.
    let walked = |week: &Week, holidays: &[_]| Days::walked(Tz::America__Bogota, begin(), DAYS, week, holidays);
    let (old, new, third) = (walked(&before(), &[]), walked(&after(), &[day("2026-11-19")]), walked(&third, &[]));
    let due = |place: usize, target: usize| {
        let opened = opened(place);
        let (mut begun, mut left) = (opened, target);
        let hours: &[(&Days, usize)] = if place < 500 { &[(&old, CHANGE), (&new, SECOND)] } else { &[(&old, SECOND)] };
        for (days, until) in hours {
            let used = days.between(begun, *until);
            if used >= left {
                return days.at(days.after(begun, left).expect("a deadline"));
            }
            (begun, left) = (*until, left - used);
        }
        third.at(third.after(begun, left).expect("a deadline"))
    };
    let set: Vec<(TicketId, String, DateTime<Utc>, i32)> =
        sqlx::query_as("select ticket_id, promise, due_at, calendar_revision from desk.sla_clocks where state = 'running'")
            .fetch_all(&desk.stores.db)
            .await
            .unwrap();
    assert_eq!(set.len(), 2 * TICKETS);
    for (ticket, promise, at, revision) in set {
        let place = crowd.tickets.iter().position(|known| *known == ticket).expect("one of ours");
        let target = if promise == "first_response" { 60 } else { 480 };
        assert_eq!((at, revision), (due(place, target), 3), "{promise} of the ticket {place}");
    }
}

#[tokio::test]
async fn a_ticket_that_is_opened_while_a_change_waits_for_it_follows_too() {
    let desk = Desk::open().await;
    let (mut opening, mut changing) = (desk.begin().await, desk.begin().await);
    let ticket = desk.ticket(Priority::Normal).open(&mut opening, at("11-24 09:01"), &desk.contact).await.unwrap();

    // Asked for a minute before, and done when the ticket is there.
    let shorter = policy(Priority::Normal, Some(30), Some(240));
    let (followed, ()) = tokio::join!(shorter.set(&mut changing, at("11-24 09:00"), &desk.manager), async {
        somebody_waits_for_a_lock(&desk.stores).await;
        opening.commit().await.unwrap();
    });
    changing.commit().await.unwrap();

    assert_eq!(followed.unwrap(), Followed { tickets: 1, is_done: true });
    assert_eq!(desk.clock(ticket, "first_response").await.1.as_deref(), Some("11-24 09:31"));
    assert_eq!(desk.clock(ticket, "resolution").await.1.as_deref(), Some("11-24 13:01"));
}

#[tokio::test]
async fn policies_of_a_client_change_together_and_only_what_differs_moves_clocks() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    let of = |priority, first, resolution| Policy { client: Some(desk.client), ..policy(priority, first, resolution) };
    let sheet = |lines: Vec<(Priority, Option<Policy>, i32)>| Sheet { client: Some(desk.client), lines };
    let write = async |when: &str, actor: &Actor, sheet: &Sheet| {
        let mut tx = desk.begin().await;
        let written = sheet.write(&mut tx, at(when), actor).await;
        if written.is_ok() {
            tx.commit().await.unwrap();
        }
        written
    };
    let own = sheet(vec![
        (Priority::Normal, Some(of(Priority::Normal, Some(120), Some(240))), 0),
        (Priority::High, Some(of(Priority::High, Some(30), None)), 0),
        (Priority::Low, None, 0),
    ]);
    let refused = write("11-24 09:30", &desk.agent, &own).await;
    assert!(matches!(refused, Err(DeskError::NotAllowed)), "{refused:?}");
    assert_eq!(write("11-24 09:30", &desk.manager, &own).await.unwrap(), Followed { tickets: 1, is_done: true });
    assert_eq!(desk.clock(ticket, "first_response").await.1.as_deref(), Some("11-24 11:00"));
    assert_eq!(desk.clock(ticket, "resolution").await.1.as_deref(), Some("11-24 13:00"));
    let refused = write("11-24 09:40", &desk.manager, &own).await;
    assert!(matches!(refused, Err(DeskError::RulesChanged)), "they were seen before: {refused:?}");

    let seen = |sheet: &Sheet| Sheet {
        lines: sheet.lines.iter().map(|(priority, policy, _)| (*priority, policy.clone(), i32::from(policy.is_some()))).collect(),
        ..sheet.clone()
    };
    assert_eq!(write("11-24 09:45", &desk.manager, &seen(&own)).await.unwrap().tickets, 0, "nothing differs");
    // Without one of its own, everybody's counts again: an hour and eight.
    let none = sheet(vec![(Priority::Normal, None, 1)]);
    assert_eq!(write("11-24 09:50", &desk.manager, &none).await.unwrap().tickets, 1);
    assert_eq!(desk.clock(ticket, "first_response").await.1.as_deref(), Some("11-24 10:00"));
    assert_eq!(desk.clock(ticket, "resolution").await.1.as_deref(), Some("11-24 17:00"));
    let noted: Vec<serde_json::Value> = sqlx::query_scalar(
        "select detail from core.audit_log where action = 'change_policies' and subject = 'client:' || $1 order by id",
    )
    .bind(desk.client)
    .fetch_all(&desk.stores.db)
    .await
    .unwrap();
    let priorities: Vec<_> = noted.iter().map(|detail| detail["priorities"].to_string()).collect();
    assert_eq!(priorities, [r#"["normal","high"]"#, r#"["normal"]"#]);
}

#[tokio::test]
async fn a_client_that_moves_to_another_calendar_takes_what_is_used_up_along() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 16:00").await;
    let mut tx = desk.begin().await;
    let always = Plan { zone: Tz::UTC, is_always_open: true, hours: Vec::new(), holidays: Vec::new() };
    let calendar = Calendar::make(&mut tx, at("11-24 16:10"), &desk.manager, "Día y noche", &always).await.unwrap();
    let client = Client::find(&mut tx, desk.client).await.unwrap();
    let draft = ClientDraft {
        name: client.name.clone(),
        calendar,
        response_minutes: client.response_minutes,
        without_contract: WithoutContract::NoPromise,
    };
    draft.write_over(&mut tx, at("11-24 17:30"), &desk.manager, client.seen()).await.unwrap();
    tx.commit().await.unwrap();

    // An hour and a half was used up in the office; six and a half hours are left of the night.
    assert_eq!(desk.clock(ticket, "resolution").await.1.as_deref(), Some("11-25 00:00"));
    assert_eq!(desk.clock(ticket, "first_response").await.1.as_deref(), Some("11-24 17:00"), "what has passed stays as it was");
    let mut tx = desk.begin().await;
    let refused = draft.write_over(&mut tx, at("11-24 17:40"), &desk.manager, client.seen()).await;
    assert!(matches!(refused, Err(DeskError::RulesChanged)), "{refused:?}");
    tx.rollback().await.unwrap();
    let nowhere = ClientDraft { calendar: CalendarId(-1), ..draft };
    let mut tx = desk.begin().await;
    let seen = SeenClient { version: client.lock_version + 1, ..client.seen() };
    let refused = nowhere.write_over(&mut tx, at("11-24 17:50"), &desk.manager, seen).await;
    assert!(matches!(refused, Err(DeskError::NoSuchCalendar)), "{refused:?}");
}
