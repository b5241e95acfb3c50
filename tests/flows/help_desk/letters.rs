//! Who is written to about deadlines, in which language, and when nobody needs to be any more.

use jobs::{
    accounts::user::UserId,
    catalogue,
    help_desk::{
        actor::Actor,
        alert::acknowledge,
        change,
        comment::Audience,
        notify_sla_alert::NotifySlaAlert,
        number::{AlertId, TicketId},
        text::Title,
        trouble::DeskError,
        words::Priority,
    },
    mail::letter::Letter,
    ports::fakes::Fakes,
};
use queue::kit::{Kit, Outcome, Ran};

use super::{Desk, at};

impl Desk {
    /// Somebody takes the ticket.
    async fn assigned(&self, when: &str, ticket: TicketId, to: UserId) {
        let mut tx = self.begin().await;
        let them = Actor::find(&mut *tx, to).await.unwrap();
        change::assign(&mut tx, at(when), &them, self.seen(ticket).await, Some(to)).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The letters that were promised leave.
    pub(super) async fn sent(&self) -> (Vec<Ran>, Vec<Letter>) {
        let fakes = Fakes::default();
        let kit = Kit::new(catalogue(), fakes.ports()).with_database(self.stores.db.clone());
        let ran = kit.drain().await;
        (ran, fakes.mail.letters())
    }
}

/// To whom, and about what.
pub(super) fn addressed(letters: &[Letter]) -> Vec<(&str, &str)> {
    let mut found: Vec<_> = letters.iter().map(|letter| (letter.to.address.as_str(), letter.subject.as_str())).collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn whose_ticket_it_is_is_written_to_and_managers_when_nothing_has_happened() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.assigned("11-24 09:10", ticket, desk.other_agent.id()).await;
    desk.monitored("11-24 09:35").await;

    let (_, letters) = desk.sent().await;

    let subject = format!("A deadline is near: #{ticket} El correo no sale");
    assert_eq!(addressed(&letters), [("grace@mesa.example", subject.as_str())], "in her language");
    let text = &letters[0].text;
    for said in [
        "First answer: 24 November 2026, 16:00 (Europe/Madrid)",
        "Client: Cafés del Quindío",
        &format!("https://compilandocode.example/tickets/{ticket}"),
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("Overdue") && !text.contains("Told late"), "{text}");
    desk.monitored("11-24 10:05").await;
    assert_eq!(addressed(&desk.sent().await.1).len(), 1, "a breach is the agent's matter");
    desk.monitored("11-24 11:17").await;
    let (_, letters) = desk.sent().await;
    let escalated = [
        ("consuelo@mesa.example", format!("Plazo incumplido y todavía pendiente: #{ticket} El correo no sale")),
        ("grace@mesa.example", format!("Deadline missed, and still not met: #{ticket} El correo no sale")),
    ];
    assert_eq!(addressed(&letters), escalated.each_ref().map(|(to, subject)| (*to, subject.as_str())));
    let manager = letters.iter().find(|letter| letter.to.address.as_str() == "consuelo@mesa.example").unwrap();
    assert!(manager.text.contains("Vencido: 1 h 17 min") && manager.text.contains("Aviso retrasado: 17 min"), "{}", manager.text);
    assert!(manager.text.contains(&format!("https://compilandocode.example/solicitudes/{ticket}")), "{}", manager.text);
}

#[tokio::test]
async fn where_nobody_has_the_ticket_managers_are_written_to() {
    let desk = Desk::open().await;
    desk.opened("11-24 09:00").await;
    desk.monitored("11-24 09:35").await;
    assert_eq!(desk.sent().await.1[0].to.address.as_str(), "consuelo@mesa.example");
    let ticket = desk.opened("11-24 10:00").await;
    desk.assigned("11-24 10:10", ticket, desk.agent.id()).await;
    desk.run("update core.users set disabled_at = now() where role = 'agent'; update desk.sla_clocks set state = 'void', next_at = null, stopped_at = now() where ticket_id <> (select max(id) from desk.tickets)").await;
    desk.monitored("11-24 10:35").await;
    let (_, letters) = desk.sent().await;
    assert_eq!(
        letters.iter().map(|letter| letter.to.address.as_str()).collect::<Vec<_>>(),
        ["consuelo@mesa.example"],
        "their agent has left"
    );
}

#[tokio::test]
async fn whoever_works_at_the_desk_no_more_is_told_nothing_of_it() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.assigned("11-24 09:10", ticket, desk.other_agent.id()).await;
    // The letter is promised, and then she leaves.
    desk.monitored("11-24 09:35").await;
    desk.run("update core.users set role = 'learner' where email = 'grace@mesa.example'").await;
    let (ran, letters) = desk.sent().await;
    assert!(letters.is_empty(), "{letters:?}");
    assert!(
        matches!(&ran[0].outcome, Outcome::Cancelled { reason } if reason.contains("does not work at the help desk")),
        "{:?}",
        ran[0].outcome
    );

    desk.monitored("11-24 10:05").await;

    let (_, letters) = desk.sent().await;
    assert_eq!(
        letters.iter().map(|letter| letter.to.address.as_str()).collect::<Vec<_>>(),
        ["consuelo@mesa.example"],
        "the ticket is nobody's now"
    );
}

#[tokio::test]
async fn what_somebody_is_told_at_once_is_one_letter_with_the_worst_first() {
    let desk = Desk::open().await;
    for number in 0..25 {
        // The seventh was opened earlier: its deadline has passed when the others are warned about.
        let (opened, assigned) = if number == 7 { ("11-24 09:00", "11-24 09:20") } else { ("11-24 09:45", "11-24 09:50") };
        let mut new = desk.ticket(Priority::Normal);
        new.title = Title::parse(&format!("Asunto <b>{number}</b>")).unwrap();
        let ticket = desk.tries_to_open(opened, &desk.contact, &new).await.unwrap();
        desk.assigned(assigned, ticket, desk.agent.id()).await;
    }
    assert_eq!(desk.monitored("11-24 10:20").await.alerts, 25);

    let (ran, letters) = desk.sent().await;

    assert_eq!((ran.len(), letters.len()), (1, 1), "{ran:?}");
    assert_eq!(letters[0].subject.as_str(), "25 plazos piden atención");
    let (text, html) = (&letters[0].text, &letters[0].html);
    let place = |number: i32| text.find(&format!("<b>{number}</b>"));
    assert!(place(7) < place(0) && place(0).is_some(), "{text}");
    assert!(text.contains("Y otros 5, en la página de alertas") && text.contains("/alertas"), "{text}");
    assert!(html.contains("&#60;b&#62;7") && !html.contains("<b>7"), "{html}");
}

#[tokio::test]
async fn nobody_is_written_to_about_what_was_done_meanwhile() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.assigned("11-24 09:10", ticket, desk.agent.id()).await;
    desk.monitored("11-24 09:35").await;
    desk.says("11-24 09:36", &desk.agent, ticket, Audience::Everybody).await;

    let (ran, letters) = desk.sent().await;

    let outcome = Outcome::Cancelled { reason: "the promises were kept or given up, or have other deadlines now".to_owned() };
    let about_deadlines: Vec<_> = ran.iter().filter(|ran| ran.name == "notify_sla_alert").map(|ran| &ran.outcome).collect();
    assert_eq!((about_deadlines, addressed(&letters).len()), (vec![&outcome], 1), "the client hears of the answer alone");
    let kit = Kit::new(catalogue(), Fakes::default().ports()).with_database(desk.stores.db.clone());
    let nothing = kit.attempt(NotifySlaAlert { user_id: desk.agent.id(), alert_ids: Vec::new() }).await;
    assert_eq!(nothing, Outcome::Dead { reason: "a letter about nothing".to_owned() });
}

#[tokio::test]
async fn nobody_is_written_to_about_a_deadline_that_is_none_any_more() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.assigned("11-24 09:10", ticket, desk.agent.id()).await;
    desk.says("11-24 09:20", &desk.agent, ticket, Audience::Everybody).await;
    desk.monitored("11-24 16:35").await;
    let about_deadlines = async || {
        let (ran, _) = desk.sent().await;
        ran.into_iter().filter(|ran| ran.name == "notify_sla_alert").map(|ran| ran.outcome).collect::<Vec<_>>()
    };

    // The letter is promised, and then time stands still.
    desk.waits("11-24 16:36", ticket).await;
    let outcomes = about_deadlines().await;
    assert!(matches!(&*outcomes, [Outcome::Cancelled { .. }]), "{outcomes:?}");
    desk.says("11-25 09:00", &desk.contact, ticket, Audience::Everybody).await;
    desk.monitored("11-25 09:05").await;
    assert_eq!(about_deadlines().await, [Outcome::Completed], "of the one that there is now");
    // Two letters wait for the mail server, and the first says less than is known.
    desk.waits("11-25 09:06", ticket).await;
    desk.says("11-25 09:10", &desk.contact, ticket, Audience::Everybody).await;
    desk.monitored("11-25 09:15").await;
    desk.monitored("11-25 09:29").await;
    let outcomes = about_deadlines().await;
    assert!(matches!(&*outcomes, [Outcome::Cancelled { .. }, Outcome::Completed]), "{outcomes:?}");
}

#[tokio::test]
async fn an_alert_is_taken_note_of_once_and_by_those_who_work_here() {
    let desk = Desk::open().await;
    desk.opened("11-24 09:00").await;
    desk.monitored("11-24 09:35").await;
    let alert: AlertId = sqlx::query_scalar("select id from desk.alerts").fetch_one(&desk.stores.db).await.unwrap();
    let mut tx = desk.begin().await;
    assert!(matches!(acknowledge(&mut tx, at("11-24 09:36"), &desk.contact, alert).await, Err(DeskError::NotAllowed)));
    assert!(acknowledge(&mut tx, at("11-24 09:36"), &desk.agent, alert).await.unwrap());
    assert!(!acknowledge(&mut tx, at("11-24 09:37"), &desk.other_agent, alert).await.unwrap());
    tx.commit().await.unwrap();
    let (by, noted): (UserId, String) = sqlx::query_as(
        "select acknowledged_by, to_char(acknowledged_at at time zone 'America/Bogota', 'HH24:MI') from desk.alerts",
    )
    .fetch_one(&desk.stores.db)
    .await
    .unwrap();
    assert_eq!((by, noted.as_str()), (desk.agent.id(), "09:36"));
}
