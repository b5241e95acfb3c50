//! What was said under tickets is found by whom it was said to; what agents note is found by agents.

use std::collections::BTreeSet;

use jobs::help_desk::{
    actor::Actor,
    comment::{Audience, comment},
    number::TicketId,
    search::find::Place,
    text::Body,
};

use super::{
    Desk, at,
    search::{ids, meant, shown},
};

impl Desk {
    async fn remarks(&self, actor: &Actor, ticket: TicketId, words: &str, audience: Audience) {
        let mut tx = self.begin().await;
        comment(&mut tx, at("11-24 11:00"), actor, ticket, &Body::parse(words).unwrap(), audience).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_is_found_by_both_and_a_note_by_agents_alone() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    let ticket = desk.asked(&desk.contact, "El portal va lento", "Desde ayer por la tarde.").await;
    let other = desk.asked(&neighbour, "Otra cosa", "Nada que ver.").await;
    desk.remarks(&desk.agent, ticket, "Renovamos los certificados del balanceador.", Audience::Everybody).await;
    desk.remarks(&desk.contact, ticket, "Sigue igual en la «bodega».", Audience::Everybody).await;
    desk.remarks(&desk.agent, ticket, "Ojo: el cliente no paga desde agosto; moroso.", Audience::Agents).await;
    desk.remarks(&desk.agent, other, "Aquí también cambiamos un certificado.", Audience::Everybody).await;

    for (actor, typed, found) in [
        (&desk.contact, "certificado ", vec![ticket]),
        (&desk.contact, "bodega", vec![ticket]),
        // One word in the title, the other in an answer.
        (&desk.contact, "portal balanceador ", vec![ticket]),
        (&desk.contact, "\"del balanceador\"", vec![ticket]),
        (&desk.contact, "moroso", vec![]),
        (&desk.contact, "agosto", vec![]),
        (&desk.contact, "portal agosto ", vec![]),
        (&neighbour, "certificado ", vec![other]),
        (&neighbour, "balanceador", vec![]),
        (&desk.agent, "moroso", vec![ticket]),
        (&desk.agent, "portal moroso ", vec![]),
        (&desk.agent, "certificado ", vec![ticket, other]),
        (&desk.manager, "morosos ", vec![ticket]),
    ] {
        let ids: BTreeSet<TicketId> = ids(&desk.finds(actor, typed).await).into_iter().collect();
        assert_eq!(ids, found.into_iter().collect(), "{typed} by {actor:?}");
    }
    let found = desk.finds(&desk.contact, "certificado ").await;
    assert_eq!(
        (found.tickets[0].place, shown(&found.tickets[0].excerpt).as_str()),
        (Place::Comment, "Renovamos los [certificados] del balanceador.")
    );
    let found = desk.finds(&desk.agent, "moroso").await;
    assert_eq!(found.tickets[0].place, Place::Note);
    assert!(shown(&found.tickets[0].excerpt).contains("agosto; [moroso]."), "{:?}", found.tickets[0].excerpt);
    let found = desk.finds(&desk.contact, "portal").await;
    assert_eq!(
        (found.tickets[0].place, shown(&found.tickets[0].excerpt).as_str()),
        (Place::Description, "Desde ayer por la tarde.")
    );
}

#[tokio::test]
async fn nothing_that_a_client_is_shown_comes_from_a_note() {
    let desk = Desk::open().await;
    // Word for word the same in a note as in the title: what is shown is the client's own.
    let ticket = desk.asked(&desk.contact, "Cortafuegos nuevo", "Para la sede.").await;
    desk.remarks(&desk.agent, ticket, "Cortafuegos nuevo, y caro.", Audience::Agents).await;
    desk.remarks(&desk.agent, ticket, "El cortafuegos llega el lunes.", Audience::Everybody).await;
    for typed in ["cortafuegos nuevo ", "cortafuegos lunes ", "llega cortafuegos ", "cortafuegso"] {
        let found = desk.finds(&desk.contact, typed).await;
        assert_eq!(ids(&found), [ticket], "{typed}");
        let excerpt = shown(&found.tickets[0].excerpt);
        assert!(found.tickets[0].place != Place::Note && !excerpt.contains("caro"), "{typed}: {excerpt}");
    }
    let found = desk.finds(&desk.contact, "caro").await;
    assert_eq!((ids(&found), meant(&found)), (vec![], vec![]));
}

#[tokio::test]
async fn a_slip_is_known_for_one_wherever_the_word_stands_by_whoever_may_read_it() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    let text = "Ayer reiniciamos el enrutador. Siguen los jams de papel, nada más.";
    let ticket = desk.asked(&desk.contact, "Sin servicio", text).await;
    let other = desk.asked(&neighbour, "Otra cosa", "Todo en orden.").await;
    desk.remarks(&desk.agent, ticket, "Cambiamos la fusora.", Audience::Everybody).await;
    desk.remarks(&desk.agent, ticket, "Ojo: el cliente es moroso.", Audience::Agents).await;
    desk.remarks(&desk.agent, other, "El hidrófono funciona.", Audience::Everybody).await;
    desk.run("update desk.tickets set tags = '{equipo,telemetría}' where title = 'Sin servicio'").await;

    for (actor, typed, word, found) in [
        (&desk.contact, "reinciamos ", "reiniciamos", ticket),
        (&desk.contact, "fusroa ", "fusora", ticket),
        (&desk.contact, "telemertia ", "telemetría", ticket),
        (&desk.agent, "moorso ", "moroso", ticket),
        (&desk.agent, "hidorfono ", "hidrófono", other),
        (&neighbour, "hidorfono ", "hidrófono", other),
        // Changed neighbours are one slip; and small words are meant by nobody.
        (&desk.contact, "jmas ", "jams", ticket),
    ] {
        let of = desk.finds(actor, typed).await;
        assert_eq!((ids(&of), meant(&of)), (vec![found], vec![(typed.trim(), vec![word])]), "{typed} by {actor:?}");
    }
    for (actor, typed) in [
        (&desk.contact, "moorso "),
        (&desk.contact, "hidorfono "),
        (&neighbour, "reinciamos "),
        (&neighbour, "fusroa "),
        (&neighbour, "telemertia "),
    ] {
        let of = desk.finds(actor, typed).await;
        assert_eq!((ids(&of), meant(&of)), (vec![], vec![]), "{typed} by {actor:?}");
    }

    let tagged = desk.finds(&desk.contact, "telemetria ").await;
    assert_eq!(ids(&tagged), [ticket]);
    assert_eq!(tagged.tickets[0].tags.iter().map(shown).collect::<Vec<_>>(), ["[telemetría]"], "the tag that was asked for");
    assert_eq!(ids(&desk.finds(&neighbour, "telemetria ").await), []);
}

#[tokio::test]
async fn of_words_that_are_equally_alike_the_more_frequent_is_meant_first() {
    let desk = Desk::open().await;
    for title in ["Primera meta", "Una mesa", "Segunda meta"] {
        desk.asked(&desk.contact, title, "Gracias.").await;
    }
    for actor in [&desk.contact, &desk.agent] {
        assert_eq!(meant(&desk.finds(actor, "meza ").await), [("meza", vec!["meta", "mesa"])], "{actor:?}");
    }
}

#[tokio::test]
async fn comments_that_were_there_before_or_are_many_are_found_and_a_thread_that_is_endless_is_kept() {
    let desk = Desk::open().await;
    let ticket = desk.asked(&desk.contact, "Una conversación", "Larga.").await;
    // Written by a statement of somebody else's, several at once.
    desk.run(
        "insert into desk.comments (ticket_id, ticket_created_at, author_id, body, is_internal, created_at)
         select id, created_at, created_by, w.body, w.is_internal, created_at from desk.tickets,
             (values ('Hablamos del telégrafo', false), ('y del gramófono', false), ('y del fonógrafo', true)) w (body, is_internal)",
    )
    .await;
    assert_eq!(ids(&desk.finds(&desk.contact, "telegrafo gramofono ").await), [ticket], "in two answers");
    assert_eq!(ids(&desk.finds(&desk.agent, "fonografo").await), [ticket]);
    // Each word another one, as long as a comment may be: until a vector is full, and then on.
    for turn in 0..12 {
        let words: String = (0..2_200).map(|n| format!("w{turn}x{n} ")).collect();
        desk.remarks(&desk.agent, ticket, &words.chars().take(19_000).collect::<String>(), Audience::Everybody).await;
    }
    assert_eq!(ids(&desk.finds(&desk.contact, "w0x7 ").await), [ticket]);
    let kept: i64 = sqlx::query_scalar("select count(*) from desk.comments").fetch_one(&desk.stores.db).await.unwrap();
    assert_eq!(kept, 15, "what is not found is kept all the same");
    // A title that is set right keeps what was said.
    desk.run("update desk.tickets set title = 'Un coloquio'").await;
    assert_eq!(ids(&desk.finds(&desk.contact, "coloquio telegrafo ").await), [ticket]);
    assert_eq!(ids(&desk.finds(&desk.contact, "conversacion ").await), []);
}

#[tokio::test]
async fn an_articles_excerpt_has_no_marks_of_markdown() {
    let desk = Desk::open().await;
    let mut tx = desk.begin().await;
    sqlx::query(
        "insert into desk.kb_articles (locale, slug, title, body, audience, state, author_id, editor_id, created_at, updated_at, published_at)
         values ('es', 'vpn', 'Conectar la VPN', $1, 'clients', 'published', $2, $2, now(), now(), now())",
    )
    .bind("## Antes\n\n1. Abre el **cliente** de [la VPN](https://vpn.example/a_b).\n2. Escribe `usuario` y _clave_:\n\n---\n\n| Sede | Servidor |\n|---|:--|\n| Armenia | ~~uno~~ dos |\n\n> Listo")
    .bind(desk.agent.id())
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let found = desk.finds(&desk.contact, "clave vpn ").await;
    assert_eq!(
        shown(&found.articles[0].excerpt),
        "Antes Abre el cliente de la [VPN]. Escribe usuario y [clave]: Sede Servidor Armenia uno dos Listo"
    );
}
