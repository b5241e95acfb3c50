//! Agents read when time stood still for a ticket, why, and how much working time that kept from its clocks, whatever has become of the hours since.

use jobs::help_desk::{
    calendar::{Calendar, Plan, SeenCalendar},
    change,
    client::Client,
    client_draft::ClientDraft,
    comment::Audience,
    number::TicketId,
    pause::{Pause, pauses},
    trouble::DeskError,
    words::{PauseReason, Promise},
};
use schedules::Tz;

use super::{Desk, at, business_time::hours};

const HOUR_S: i64 = 3_600;

impl Desk {
    async fn pauses(&self, when: &str, ticket: TicketId) -> Vec<Pause> {
        let ticket = self.look(ticket).await;
        pauses(&mut self.stores.db.acquire().await.unwrap(), at(when), &self.agent, &ticket).await.unwrap()
    }
}

/// One of the clock of the solution.
fn pause(began: &str, ended: Option<&str>, reason: PauseReason, held_s: Option<i64>) -> Pause {
    Pause { began_at: at(began), ended_at: ended.map(at), reason, promises: vec![Promise::Resolution], held_s }
}

#[tokio::test]
async fn pauses_say_when_why_and_how_much_working_time_was_not_counted() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    assert_eq!(desk.pauses("11-24 09:10", ticket).await, []);
    desk.says("11-24 09:30", &desk.agent, ticket, Audience::Everybody).await;
    desk.waits("11-24 12:00", ticket).await;
    desk.says("11-26 17:50", &desk.contact, ticket, Audience::Everybody).await;
    // Solved on Friday, and on Monday the client says that it is not.
    let mut tx = desk.begin().await;
    change::resolve(&mut tx, at("11-27 10:00"), &desk.agent, desk.seen(ticket).await, None).await.unwrap();
    tx.commit().await.unwrap();
    desk.says("11-30 10:00", &desk.contact, ticket, Audience::Everybody).await;
    desk.waits("11-30 11:00", ticket).await;

    let told = desk.pauses("11-30 11:30", ticket).await;

    let expected = [
        pause("11-30 11:00", None, PauseReason::WaitingClient, Some(HOUR_S / 2)),
        // Eight hours of Friday, one of Monday.
        pause("11-27 10:00", Some("11-30 10:00"), PauseReason::Resolved, Some(9 * HOUR_S)),
        // Six hours, nine, and nine but for ten minutes.
        pause("11-24 12:00", Some("11-26 17:50"), PauseReason::WaitingClient, Some(24 * HOUR_S - 600)),
    ];
    assert_eq!(told, expected);
    let seen = desk.look(ticket).await;
    let theirs = pauses(&mut desk.stores.db.acquire().await.unwrap(), at("11-30 11:30"), &desk.contact, &seen).await.unwrap_err();
    assert!(matches!(theirs, DeskError::NotAllowed), "the client is told that they are waited for, and no more: {theirs:?}");
}

#[tokio::test]
async fn each_day_of_a_pause_is_counted_by_the_hours_that_it_had() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.says("11-24 09:30", &desk.agent, ticket, Audience::Everybody).await;
    desk.waits("11-24 12:00", ticket).await;
    // On Wednesday at noon the afternoons become free.
    let mornings: Vec<(u8, u16, u16)> = (0..5).map(|day| (day, 9 * 60, 13 * 60)).collect();
    let plan = Plan { zone: Tz::America__Bogota, is_always_open: false, hours: hours(&mornings), holidays: Vec::new() };
    let mut tx = desk.begin().await;
    let seen = SeenCalendar { calendar: desk.calendar, revision: 1 };
    Calendar::change(&mut tx, at("11-25 12:00"), &desk.manager, seen, "Bogotá", &plan).await.unwrap();
    tx.commit().await.unwrap();
    desk.says("11-26 17:50", &desk.contact, ticket, Audience::Everybody).await;
    // Six hours of Tuesday, three of Wednesday and one by the new hours, four of Thursday.
    let waited = pause("11-24 12:00", Some("11-26 17:50"), PauseReason::WaitingClient, Some(14 * HOUR_S));
    assert_eq!(desk.pauses("11-26 18:00", ticket).await, std::slice::from_ref(&waited));

    // The client is served day and night from then on, and the office by which it was counted before never closes either.
    let always = Plan { zone: Tz::UTC, is_always_open: true, hours: Vec::new(), holidays: Vec::new() };
    let mut tx = desk.begin().await;
    let calendar = Calendar::make(&mut tx, at("12-01 09:00"), &desk.manager, "Día y noche", &always).await.unwrap();
    let client = Client::find(&mut tx, desk.client).await.unwrap();
    let draft = ClientDraft {
        name: client.name.clone(),
        calendar,
        response_minutes: client.response_minutes,
        without_contract: client.without_contract,
    };
    draft.write_over(&mut tx, at("12-01 10:00"), &desk.manager, client.seen()).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = desk.begin().await;
    let seen = SeenCalendar { calendar: desk.calendar, revision: 2 };
    Calendar::change(&mut tx, at("12-01 10:30"), &desk.manager, seen, "Bogotá", &always).await.unwrap();
    tx.commit().await.unwrap();
    desk.waits("12-01 22:00", ticket).await;

    let night = pause("12-01 22:00", None, PauseReason::WaitingClient, Some(4 * HOUR_S));
    assert_eq!(desk.pauses("12-02 02:00", ticket).await, [night.clone(), waited.clone()]);

    // Had the client's change superseded another one, it would not say whose it was.
    desk.run("update desk.rule_changes set client_id = null where client_id is not null").await;
    assert_eq!(desk.pauses("12-02 02:00", ticket).await, [night, Pause { held_s: None, ..waited }]);
}
