//! Whoever works at the desk finds a client's tickets by what the client, or one of its people, is called.

use std::collections::BTreeSet;

use jobs::help_desk::{actor::Actor, number::TicketId, search::find::Part};

use super::{
    Desk,
    search::{ids, meant, shown},
};

#[tokio::test]
async fn a_clients_tickets_are_found_by_its_name_and_by_those_of_its_people_behind_what_speaks_of_them() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    let portal = desk.asked(&desk.contact, "El portal va lento", "Desde ayer por la tarde.").await;
    let printer = desk.asked(&desk.contact, "La impresora no imprime", "Es la de recepción.").await;
    let jam = desk.asked(&neighbour, "La impresora se atasca", "Otra vez.").await;
    for (typed, expected) in [
        ("cafes", vec![printer, portal]),
        ("CAFÉS DEL QUINDIO ", vec![printer, portal]),
        ("quind", vec![printer, portal]),
        ("\"cafés del\"", vec![printer, portal]),
        ("\"quindio cafes\"", vec![]),
        ("yanez ", vec![printer, portal]),
        ("Óscar Yáñez", vec![printer, portal]),
        ("nuria", vec![jam]),
        ("san roque", vec![jam]),
        // With words beside the name: those tickets of the client that hold them.
        ("impresora cafes", vec![printer]),
        ("la impresora de Cafés ", vec![printer]),
        ("oscar lento ", vec![portal]),
        ("hospital portal ", vec![]),
        ("nuria roque ", vec![jam]),
        // Nobody is called both: what is asked for is all of it.
        ("oscar roque ", vec![]),
        ("del ", vec![]),
        ("xilofono", vec![]),
    ] {
        assert_eq!(ids(&desk.finds(&desk.agent, typed).await), expected, "{typed:?}");
    }
    let of = desk.asked(&neighbour, "Pedido a Cafés del Quindío", "No ha llegado.").await;
    assert_eq!(ids(&desk.finds(&desk.agent, "cafes quindio ").await), [of, printer, portal], "what speaks of them comes first");

    let found = desk.finds(&desk.manager, "yañez").await;
    let ticket = &found.tickets[0];
    assert_eq!(ticket.people.iter().map(shown).collect::<Vec<_>>(), ["Óscar [Yáñez]"]);
    assert_eq!((shown(&ticket.client).as_str(), shown(&ticket.excerpt).as_str()), ("Cafés del Quindío", "Es la de recepción."));
    let found = desk.finds(&desk.agent, "cafes impresora ").await;
    assert_eq!(shown(&found.tickets[0].client), "[Cafés] del Quindío");
    assert_eq!(shown(&found.tickets[0].title), "La [impresora] no imprime");
    assert!(found.tickets[0].people.is_empty());
}

#[tokio::test]
async fn a_slip_in_a_name_is_known_for_one_at_the_desk_alone() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    let ticket = desk.asked(&desk.contact, "El portal va lento", "Desde ayer por la tarde.").await;
    desk.asked(&neighbour, "Otra cosa", "Nada que ver.").await;
    for (typed, word) in [("cafse ", "cafés"), ("qiundio", "quindío"), ("yañes ", "yáñez"), ("ósacr ", "óscar")] {
        let found = desk.finds(&desk.agent, typed).await;
        assert_eq!((ids(&found), meant(&found)), (vec![ticket], vec![(typed.trim(), vec![word])]), "{typed}");
        for client in [&desk.contact, &neighbour] {
            let found = desk.finds(client, typed).await;
            assert_eq!((ids(&found), meant(&found)), (vec![], vec![]), "{typed} by {client:?}");
        }
    }
    let found = desk.finds(&desk.agent, "cafes ").await;
    assert_eq!((ids(&found), meant(&found)), (vec![ticket], vec![]), "a name is spelled as it should be");
    for (client, typed) in [(&desk.contact, "cafes"), (&desk.contact, "oscar"), (&neighbour, "quindio"), (&neighbour, "nuria")] {
        assert_eq!(ids(&desk.finds(client, typed).await), [], "{typed} by {client:?}");
    }
}

#[tokio::test]
async fn who_is_called_otherwise_or_has_left_is_found_as_things_are() {
    let desk = Desk::open().await;
    let ticket = desk.asked(&desk.contact, "El portal va lento", "Desde ayer por la tarde.").await;
    desk.run("update core.users set full_name = 'Beatriz Muñoz' where full_name = 'Óscar Yáñez'").await;
    desk.run("update desk.clients set name = 'Tostadores Unidos' where name = 'Cafés del Quindío'").await;
    for (typed, expected) in [
        ("beatriz", vec![ticket]),
        ("munoz ", vec![ticket]),
        ("tostador", vec![ticket]),
        ("yanez ", vec![]),
        ("quindio ", vec![]),
    ] {
        assert_eq!(ids(&desk.finds(&desk.agent, typed).await), expected, "{typed}");
    }
    desk.run("delete from desk.contacts").await;
    assert_eq!(ids(&desk.finds(&desk.agent, "beatriz").await), []);
    assert_eq!(ids(&desk.finds(&desk.agent, "tostadores ").await), [ticket], "whoever has left, the client is called so");
}

/// Which tickets have a word that begins so, or, where $2 says so, are of a client that is called so or has somebody who is; of client $3, or of every one.
/// Judged by a table of letters and regular expressions.
const JUDGE: &str = r"with plain as (
        select t.id, t.client_id, t.title || ' ' || t.description as said,
            c.name || ' ' || coalesce((select string_agg(u.full_name, ' ') from desk.contacts k join core.users u on u.id = k.user_id where k.client_id = c.id), '')
                as names
        from desk.tickets t join desk.clients c on c.id = t.client_id
    )
    select id from plain
    where (translate(lower(said), 'áéíóúüñÁÉÍÓÚÜÑ', 'aeiouunaeiouun') ~ ('\m' || $1)
        or $2 and translate(lower(names), 'áéíóúüñÁÉÍÓÚÜÑ', 'aeiouunaeiouun') ~ ('\m' || $1))
      and ($3::bigint is null or client_id = $3)";

impl Desk {
    async fn judged(&self, actor: &Actor, beginning: &str, by_names: bool) -> BTreeSet<TicketId> {
        sqlx::query_scalar(JUDGE)
            .bind(beginning)
            .bind(by_names)
            .bind(actor.client())
            .fetch_all(&self.stores.db)
            .await
            .unwrap()
            .into_iter()
            .collect()
    }
}

#[tokio::test]
async fn every_beginning_of_a_name_finds_all_tickets_of_those_who_are_called_so_and_no_others() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    desk.run(
        "insert into desk.clients (name, calendar_id)
         select (array['Cafés de la Sierra', 'Hospital Santa Ana', 'Óptica Ñandú', 'Transportes Peña y Peña', 'Ferretería El Tornillo'])[n], id
         from desk.calendars, generate_series(1, 5) n",
    )
    .await;
    desk.run(
        "with person as (
             insert into core.users (email, full_name, role, password_hash)
             select 'persona' || n || '@clientes.example',
                 (array['Ana Cafiero', 'José Peñaranda', 'Íñigo Sierra', 'Lucía Transmiera', 'Ñusta Tornero'])[1 + n % 5], 'client', '-'
             from generate_series(1, 12) n
             returning id
         ), numbered as (
             select id, row_number() over (order by id) as n from person
         ), client as (
             select array_agg(id order by id) as ids from desk.clients
         )
         insert into desk.contacts (user_id, client_id) select p.id, c.ids[1 + p.n % 7] from numbered p, client c",
    )
    .await;
    desk.run(
        "insert into desk.tickets (created_at, client_id, title, description, created_by, updated_at)
         select '2026-11-01 00:00+00'::timestamptz + n * interval '5 hours', (select (array_agg(id order by id))[1 + n % 7] from desk.clients),
             (array['Cafetera', 'Servidor', 'Contraseña', 'Tornos', 'Cortafuegos'])[1 + n % 5] || ' ' || n,
             (array['del hospital', 'de la báscula', 'en la sierra'])[1 + n % 3], (select min(id) from core.users), now()
         from generate_series(1, 280) n",
    )
    .await;
    let mut judged = 0;
    for actor in [&desk.agent, &desk.manager, &desk.contact, &neighbour] {
        for beginning in [
            "caf", "cafe", "cafes", "sier", "ana", "san", "pena", "torn", "trans", "hosp", "nand", "nusta", "inigo", "lucia",
            "quind",
        ] {
            let expected = desk.judged(actor, beginning, actor.client().is_none()).await;
            let mut found = Vec::new();
            for offset in (0..300).step_by(50) {
                let part = desk.looks_for(actor, beginning, Part { offset, limit: 50 }).await.unwrap();
                if offset == 0 {
                    assert_eq!(part.tickets_total, i64::try_from(expected.len()).unwrap(), "{beginning} by {actor:?}");
                }
                found.extend(ids(&part));
            }
            let first: BTreeSet<TicketId> =
                found.iter().copied().take(desk.judged(actor, beginning, false).await.len()).collect();
            assert_eq!(first, desk.judged(actor, beginning, false).await, "{beginning} by {actor:?}: what holds it comes first");
            assert_eq!(found.len(), expected.len(), "{beginning} by {actor:?}: each once");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{beginning} by {actor:?}");
            judged += expected.len();
        }
    }
    assert!(judged > 1_500, "{judged}");
}
