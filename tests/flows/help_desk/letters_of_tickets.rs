//! Who hears by letter of what was done to a ticket: each once, and nobody who has nothing to do with it any more.

use jobs::{
    accounts::user::UserId,
    catalogue,
    help_desk::{
        actor::Actor,
        announce_answer::AnnounceAnswer,
        change,
        comment::{Audience, comment},
        number::{CommentId, TicketId},
        text::Body,
        words::{Priority, VoidReason},
    },
    ports::fakes::Fakes,
};
use queue::kit::{Kit, Outcome, Ran};

use super::{Desk, at, letters::addressed};

impl Desk {
    async fn answers(&self, when: &str, actor: &Actor, ticket: TicketId, words: &str, audience: Audience) -> CommentId {
        let mut tx = self.begin().await;
        let id = comment(&mut tx, at(when), actor, ticket, &Body::parse(words).unwrap(), audience).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn resolves(&self, when: &str, ticket: TicketId, words: Option<&str>) {
        let mut tx = self.begin().await;
        let answer = words.map(|words| Body::parse(words).unwrap());
        change::resolve(&mut tx, at(when), &self.agent, self.seen(ticket).await, answer.as_ref()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn gives(&self, when: &str, by: &Actor, ticket: TicketId, to: Option<UserId>) {
        let mut tx = self.begin().await;
        change::assign(&mut tx, at(when), by, self.seen(ticket).await, to).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn makes_void(&self, when: &str, ticket: TicketId, reason: VoidReason, into: Option<TicketId>) {
        let mut tx = self.begin().await;
        change::make_void(&mut tx, at(when), &self.agent, self.seen(ticket).await, reason, into).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Another person of the client's.
    async fn colleague(&self) -> Actor {
        self.run(
            "with person as (insert into core.users (email, full_name, role, locale, time_zone, password_hash)
                 values ('pilar@cafes.example', 'Pilar Mora', 'client', 'en', 'Europe/Madrid', '-') returning id)
             insert into desk.contacts (user_id, client_id) select id, (select min(id) from desk.clients) from person",
        )
        .await;
        let id = sqlx::query_scalar("select id from core.users where email = 'pilar@cafes.example'");
        Actor::find(&self.stores.db, id.fetch_one(&self.stores.db).await.unwrap()).await.unwrap()
    }
}

fn reasons(ran: &[Ran]) -> Vec<&Outcome> {
    ran.iter().map(|ran| &ran.outcome).collect()
}

#[tokio::test]
async fn the_client_reads_an_answer_once_and_no_note() {
    let desk = Desk::open().await;
    desk.colleague().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.answers("11-24 09:05", &desk.agent, ticket, "Nota: es el cortafuegos.", Audience::Agents).await;
    desk.answers("11-24 09:06", &desk.contact, ticket, "Sigue igual.", Audience::Everybody).await;
    assert_eq!(addressed(&desk.sent().await.1), [], "neither a note nor their own word");
    let words = "Ya vimos <b>qué</b> es.\n\n¿Desde qué red?\nGracias.";
    let answer = desk.answers("11-24 09:10", &desk.agent, ticket, words, Audience::Everybody).await;

    let (_, letters) = desk.sent().await;

    let subject = format!("Respuesta a tu solicitud #{ticket}: El correo no sale");
    assert_eq!(addressed(&letters), [("oscar@cafes.example", subject.as_str())], "who asked, and not everybody of the client");
    let letter = &letters[0];
    for said in ["Íñigo Zúñiga respondió", words, &format!("https://compilandocode.example/solicitudes/{ticket}"), "/baja?token="]
    {
        assert!(letter.text.contains(said), "{said}: {}", letter.text);
    }
    assert!(letter.html.contains("&#60;b&#62;qué") && !letter.html.contains("<b>qué"), "{}", letter.html);
    assert!(letter.unsubscribe.is_some());
    let kit = Kit::new(catalogue(), Fakes::default().ports()).with_database(desk.stores.db.clone());
    let again = kit.attempt(AnnounceAnswer { user_id: desk.contact.id(), comment_id: answer }).await;
    assert!(matches!(&again, Outcome::Cancelled { reason } if reason.starts_with("duplicate of")), "{again:?}");
}

#[tokio::test]
async fn whoever_has_a_ticket_hears_what_its_client_writes() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.gives("11-24 09:05", &desk.other_agent, ticket, Some(desk.other_agent.id())).await;
    let words = "Sigue <b>igual</b>.\n\nDesde la bodega.";
    desk.answers("11-24 09:10", &desk.contact, ticket, words, Audience::Everybody).await;
    desk.answers("11-24 09:11", &desk.agent, ticket, "Nota: mirar el cable.", Audience::Agents).await;

    let (_, letters) = desk.sent().await;

    let subject = format!("The client has written under #{ticket}: El correo no sale");
    assert_eq!(addressed(&letters), [("grace@mesa.example", subject.as_str())], "in her language, and of no note");
    for said in ["(Cafés del Quindío", words, &format!("https://compilandocode.example/tickets/{ticket}")] {
        assert!(letters[0].text.contains(said), "{said}: {}", letters[0].text);
    }
    assert!(letters[0].html.contains("&#60;b&#62;igual") && !letters[0].html.contains("<b>igual"), "{}", letters[0].html);
    assert!(letters[0].unsubscribe.is_some(), "she may say no to such letters");

    // What opens a solved ticket again is heard of too; what is written while it is given to somebody else is not.
    desk.resolves("11-24 10:00", ticket, Some("Cambiamos el cable.")).await;
    desk.sent().await;
    desk.answers("11-24 10:30", &desk.contact, ticket, "Otra vez no sale.", Audience::Everybody).await;
    assert_eq!(addressed(&desk.sent().await.1), [("grace@mesa.example", subject.as_str())]);
    desk.answers("11-24 10:40", &desk.contact, ticket, "¿Hola?", Audience::Everybody).await;
    desk.gives("11-24 10:41", &desk.agent, ticket, Some(desk.agent.id())).await;
    let (ran, letters) = desk.sent().await;
    assert!(
        letters.is_empty() && matches!(reasons(&ran)[..], [Outcome::Cancelled { reason }] if reason.contains("not theirs")),
        "{ran:?}"
    );
    desk.gives("11-24 10:50", &desk.agent, ticket, None).await;
    desk.answers("11-24 10:51", &desk.contact, ticket, "¿Nadie?", Audience::Everybody).await;
    assert_eq!(desk.sent().await.0.len(), 0, "nobody has it");
}

#[tokio::test]
async fn who_has_a_part_in_a_ticket_is_written_to_and_everybody_where_nobody_has() {
    let desk = Desk::open().await;
    let colleague = desk.colleague().await;
    let neighbour = desk.neighbour().await;
    let ticket = desk.tries_to_open("11-24 09:00", &desk.agent, &desk.ticket(Priority::Normal)).await.unwrap();
    desk.answers("11-24 09:10", &desk.agent, ticket, "Abrimos esto por teléfono.", Audience::Everybody).await;
    let (_, letters) = desk.sent().await;
    let readers: Vec<_> = addressed(&letters).into_iter().map(|(to, _)| to.to_owned()).collect();
    assert_eq!(readers, ["oscar@cafes.example", "pilar@cafes.example"], "an agent opened it: both of the client's people");

    desk.answers("11-24 09:20", &colleague, ticket, "Me ocupo yo.", Audience::Everybody).await;
    desk.answers("11-24 09:30", &desk.other_agent, ticket, "Muy bien.", Audience::Everybody).await;

    let (_, letters) = desk.sent().await;
    let subject = format!("An answer to your ticket #{ticket}: El correo no sale");
    assert_eq!(addressed(&letters), [("pilar@cafes.example", subject.as_str())], "she has a part in it now; in her language");
    assert!(letters.iter().all(|letter| letter.to.address.as_str() != "nuria@hospital.example"), "{neighbour:?}");
}

#[tokio::test]
async fn a_solution_is_one_letter_with_its_answer_and_none_where_it_was_none() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.resolves("11-24 10:00", ticket, Some("Renovamos el certificado.")).await;
    let (_, letters) = desk.sent().await;
    let subject = format!("Tu solicitud #{ticket} está resuelta: El correo no sale");
    assert_eq!(addressed(&letters), [("oscar@cafes.example", subject.as_str())]);
    assert!(
        letters[0].text.contains("Renovamos el certificado.") && letters[0].text.contains("se abre de nuevo"),
        "{}",
        letters[0].text
    );

    // It was not solved, and is solved again without another word: that is another event.
    desk.answers("11-24 10:30", &desk.contact, ticket, "Sigue igual.", Audience::Everybody).await;
    desk.resolves("11-24 11:00", ticket, None).await;
    let (_, letters) = desk.sent().await;
    assert_eq!(addressed(&letters), [("oscar@cafes.example", subject.as_str())]);
    assert!(!letters[0].text.contains("Renovamos"), "{}", letters[0].text);

    desk.answers("11-24 11:30", &desk.contact, ticket, "Otra vez.", Audience::Everybody).await;
    desk.resolves("11-24 11:40", ticket, None).await;
    desk.answers("11-24 11:41", &desk.contact, ticket, "Que no.", Audience::Everybody).await;
    let (ran, letters) = desk.sent().await;
    assert_eq!((addressed(&letters).len(), ran.len()), (0, 1));
    assert!(matches!(reasons(&ran)[0], Outcome::Cancelled { reason } if reason.contains("opened again")), "{ran:?}");
}

#[tokio::test]
async fn whose_ticket_is_void_hears_why_and_where_it_goes_on_once() {
    let desk = Desk::open().await;
    let colleague = desk.colleague().await;
    let kept = desk.opened("11-24 09:00").await;
    let twice = desk.tries_to_open("11-24 09:01", &colleague, &desk.ticket(Priority::Normal)).await.unwrap();
    let mistaken = desk.opened("11-24 09:02").await;

    desk.makes_void("11-24 09:10", twice, VoidReason::Duplicate, Some(kept)).await;
    desk.makes_void("11-24 09:11", mistaken, VoidReason::Mistake, None).await;

    let (_, letters) = desk.sent().await;
    let subjects = [
        format!("Tu solicitud #{mistaken} se anuló: El correo no sale"),
        format!("Your ticket #{twice} goes on in #{kept}: El correo no sale"),
    ];
    assert_eq!(
        addressed(&letters),
        [("oscar@cafes.example", subjects[0].as_str()), ("pilar@cafes.example", subjects[1].as_str())],
        "each hears of their own, in their language"
    );
    let to = |name: &str| letters.iter().find(|letter| letter.to.address.as_str().starts_with(name)).unwrap();
    let (oscar, pilar) = (to("oscar"), to("pilar"));
    assert!(
        oscar.text.contains("se abrió por error") && oscar.text.contains(&format!("/solicitudes/{mistaken}\n")),
        "{}",
        oscar.text
    );
    assert!(pilar.text.contains("about the same as") && pilar.text.contains(&format!("/tickets/{kept}\n")), "{}", pilar.text);
    assert!(letters.iter().all(|letter| letter.unsubscribe.is_some()), "they may say no to such letters");
    assert_eq!(desk.sent().await.0.len(), 0);

    // What is answered where it goes on, both hear.
    desk.answers("11-24 09:20", &desk.agent, kept, "Ya está.", Audience::Everybody).await;
    assert_eq!(addressed(&desk.sent().await.1).len(), 2);
}

#[tokio::test]
async fn of_a_void_ticket_nobody_hears_who_wants_no_letters_has_left_or_has_opened_it_again() {
    let desk = Desk::open().await;
    let (first, second, third) =
        (desk.opened("11-24 09:00").await, desk.opened("11-24 09:01").await, desk.opened("11-24 09:02").await);
    let only = |ran: &[Ran], words: &str| matches!(reasons(ran)[..], [Outcome::Cancelled { reason }] if reason.contains(words));

    desk.makes_void("11-24 09:10", first, VoidReason::Spam, None).await;
    desk.answers("11-24 09:11", &desk.contact, first, "No es correo no deseado.", Audience::Everybody).await;
    let (ran, letters) = desk.sent().await;
    assert!(letters.is_empty() && only(&ran, "opened again"), "{ran:?}");

    desk.makes_void("11-24 09:20", second, VoidReason::Spam, None).await;
    desk.run(
        "insert into mail.unsubscribed (user_id, stream) select id, 'notifications' from core.users where email like 'oscar@%'",
    )
    .await;
    let (ran, letters) = desk.sent().await;
    assert!(letters.is_empty() && only(&ran, "stays here"), "{ran:?}");

    desk.run("delete from mail.unsubscribed").await;
    desk.makes_void("11-24 09:30", third, VoidReason::Spam, None).await;
    desk.run("delete from desk.contacts").await;
    let (ran, letters) = desk.sent().await;
    assert!(letters.is_empty() && only(&ran, "not theirs"), "{ran:?}");
}

#[tokio::test]
async fn whoever_wants_no_such_letters_or_has_left_the_client_gets_none() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.answers("11-24 09:10", &desk.agent, ticket, "Uno.", Audience::Everybody).await;
    desk.run(
        "insert into mail.unsubscribed (user_id, stream) select id, 'notifications' from core.users where email like 'oscar@%'",
    )
    .await;
    let (ran, letters) = desk.sent().await;
    assert!(
        letters.is_empty() && matches!(reasons(&ran)[0], Outcome::Cancelled { reason } if reason.contains("stays here")),
        "{ran:?}"
    );

    desk.run("delete from mail.unsubscribed").await;
    desk.answers("11-24 09:20", &desk.agent, ticket, "Dos.", Audience::Everybody).await;
    desk.run("delete from desk.contacts").await;
    let (ran, letters) = desk.sent().await;
    assert!(
        letters.is_empty() && matches!(reasons(&ran)[0], Outcome::Cancelled { reason } if reason.contains("not theirs")),
        "{ran:?}"
    );
    desk.answers("11-24 09:30", &desk.agent, ticket, "Tres.", Audience::Everybody).await;
    assert_eq!(desk.sent().await.0.len(), 0, "nobody is there to be written to");
}

#[tokio::test]
async fn an_agent_hears_of_a_ticket_that_somebody_else_gives_them() {
    let desk = Desk::open().await;
    let ticket = desk.opened("11-24 09:00").await;
    desk.gives("11-24 09:05", &desk.agent, ticket, Some(desk.agent.id())).await;
    assert_eq!(desk.sent().await.0.len(), 0, "they took it themselves");
    desk.gives("11-24 09:10", &desk.manager, ticket, Some(desk.agent.id())).await;
    assert_eq!(desk.sent().await.0.len(), 0, "they have it already");

    desk.gives("11-24 09:20", &desk.manager, ticket, Some(desk.other_agent.id())).await;

    let (_, letters) = desk.sent().await;
    let subject = format!("A ticket was assigned to you: #{ticket} El correo no sale");
    assert_eq!(addressed(&letters), [("grace@mesa.example", subject.as_str())]);
    for said in
        ["Consuelo Güell has assigned", "Client: Cafés del Quindío", "Priority: Normal", "Next deadline: 24 November 2026, 16:00"]
    {
        assert!(letters[0].text.contains(said), "{said}: {}", letters[0].text);
    }
    // Given away again before the letter leaves.
    desk.gives("11-24 09:25", &desk.manager, ticket, Some(desk.agent.id())).await;
    desk.gives("11-24 09:26", &desk.manager, ticket, None).await;
    let (ran, letters) = desk.sent().await;
    assert!(
        letters.is_empty() && matches!(reasons(&ran)[0], Outcome::Cancelled { reason } if reason.contains("not theirs")),
        "{ran:?}"
    );
    let mut tx = desk.begin().await;
    change::assign(&mut tx, at("11-24 09:28"), &desk.manager, desk.seen(ticket).await, Some(desk.agent.id())).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(desk.sent().await.0.len(), 0, "what did not happen is told to nobody");
}
