//! Finding tickets and articles: what counts as the same word, who finds what, and by which index.

use std::collections::BTreeSet;

use jobs::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        number::TicketId,
        open::NewTicket,
        search::{
            excerpt::Marked,
            find::{Found, Part, SearchError, TIMEOUT_MS, find, months, prepare, ticket_statement},
            query::{Query, QueryProblem},
        },
        text::{Body, Title},
        words::{Priority, Status},
    },
};
use serde_json::Value;

use super::Desk;

impl Desk {
    /// Somebody of a client opens a ticket.
    pub(super) async fn asked(&self, actor: &Actor, title: &str, description: &str) -> TicketId {
        let ticket = NewTicket {
            client: actor.client().unwrap_or(self.client),
            title: Title::parse(title).unwrap(),
            description: Body::parse(description).unwrap(),
            ..self.ticket(Priority::Normal)
        };
        self.tries_to_open("11-24 10:00", actor, &ticket).await.unwrap()
    }

    pub(super) async fn finds(&self, actor: &Actor, typed: &str) -> Found {
        self.looks_for(actor, typed, Part { offset: 0, limit: 50 }).await.unwrap_or_else(|error| panic!("{typed}: {error}"))
    }

    pub(super) async fn looks_for(&self, actor: &Actor, typed: &str, part: Part) -> Result<Found, SearchError> {
        let query = Query::parse(typed).unwrap_or_else(|problem| panic!("{typed}: {problem}"));
        find(&self.stores.db, actor, &query, Locale::Es, part).await
    }

    /// The numbers of the tickets that the client finds.
    async fn found(&self, typed: &str) -> Vec<TicketId> {
        ids(&self.finds(&self.contact, typed).await)
    }
}

pub(super) fn ids(found: &Found) -> Vec<TicketId> {
    found.tickets.iter().map(|ticket| ticket.id).collect()
}

/// The pieces as one text, what is marked in brackets.
pub(super) fn shown(marked: &Marked) -> String {
    marked.0.iter().map(|piece| if piece.is_hit { format!("[{}]", piece.text) } else { piece.text.clone() }).collect()
}

/// What was typed, and what may have been meant.
pub(super) fn meant(found: &Found) -> Vec<(&str, Vec<&str>)> {
    found.meant.iter().map(|meant| (meant.typed.as_str(), meant.words.iter().map(String::as_str).collect())).collect()
}

#[tokio::test]
async fn words_are_found_in_other_forms_without_their_accents_and_by_how_they_begin() {
    let desk = Desk::open().await;
    let printer =
        desk.asked(&desk.contact, "Las impresoras de facturación no imprimen", "Sale el código E-1042 en SRV-01.").await;
    let access = desk
        .asked(&desk.contact, "Acceso al portal", "La contraseña de José Ñáñez caducó; ana@cafes.example tampoco entra.")
        .await;
    let english = desk.asked(&desk.contact, "Printers are offline", "Invoices cannot be printed since this morning.").await;
    for (typed, expected) in [
        ("impresora ", vec![printer]),
        ("IMPRESORAS ", vec![printer]),
        ("impresora facturacion ", vec![printer]),
        ("facturaciones ", vec![printer]),
        ("contrasena ", vec![access]),
        ("CONTRASEÑAS ", vec![access]),
        ("josé nanez ", vec![access]),
        ("jose ñañez ", vec![access]),
        ("caduco ", vec![access]),
        ("printer ", vec![english]),
        ("invoice printing ", vec![english]),
        // Beginnings: of the last word alone, also where they are longer than the stem.
        ("facturaci", vec![printer]),
        ("contrase", vec![access]),
        ("no impri", vec![printer]),
        ("el acceso al port", vec![access]),
        ("ana@cafes.example", vec![access]),
        ("srv-01", vec![printer]),
        ("E-1042", vec![printer]),
        ("1042", vec![printer]),
        ("\"no imprimen\"", vec![printer]),
        ("«de facturación»", vec![printer]),
        ("\"imprimen no\"", vec![]),
        ("\"impresora de\"", vec![]),
        ("facturaci acceso ", vec![]),
        ("impresora portal ", vec![]),
    ] {
        assert_eq!(desk.found(typed).await, expected, "{typed:?}");
    }
}

#[tokio::test]
async fn every_beginning_of_every_word_finds_it() {
    let desk = Desk::open().await;
    let text = "Configuración inalámbrica: sincronización, videoconferencias, actualizaciones y organizaciones universitarias rápidamente";
    let ticket = desk.asked(&desk.contact, text, "-").await;
    for word in text.split([' ', ':', ',']).filter(|word| word.chars().count() > 3) {
        let letters: Vec<char> = word.chars().collect();
        for end in 3..=letters.len() {
            let beginning: String = letters[..end].iter().collect();
            assert_eq!(desk.found(&beginning).await, [ticket], "{beginning}");
        }
    }
}

#[tokio::test]
async fn a_slip_of_the_finger_finds_what_was_meant_and_says_so() {
    let desk = Desk::open().await;
    let printer = desk.asked(&desk.contact, "La impresora no responde", "Es la de recepción.").await;
    let described = desk.asked(&desk.contact, "Otra cosa", "También pasa con la impresora grande.").await;
    let password = desk.asked(&desk.contact, "Cambiar la contraseña de un usuario", "Entró ayer.").await;
    for (typed, words, expected) in [
        ("imprsora", "impresora", vec![printer, described]),
        ("ipmresora ", "impresora", vec![printer, described]),
        ("inpresora", "impresora", vec![printer, described]),
        ("usaurio", "usuario", vec![password]),
        ("usario ", "usuario", vec![password]),
        ("contrasela", "contraseña", vec![password]),
        ("cotraseña ", "contraseña", vec![password]),
    ] {
        let found = desk.finds(&desk.contact, typed).await;
        assert_eq!(ids(&found), expected, "{typed}");
        assert_eq!(meant(&found), [(typed.trim(), vec![words])], "{typed}");
    }
    let both = desk.finds(&desk.contact, "imprsora recepcion ").await;
    assert_eq!(ids(&both), [printer], "the other word as it is");
    assert_eq!(shown(&both.tickets[0].title), "La [impresora] no responde");
    assert_eq!(shown(&both.tickets[0].excerpt), "Es la de [recepción].");
    for right in ["impresora ", "xilofono", "red", "12345"] {
        assert_eq!(meant(&desk.finds(&desk.contact, right).await), [], "{right}");
    }
    // Somebody wrote it like that too: theirs comes first, and the others after it.
    let wrong = desk.asked(&desk.contact, "imprsora nueva", "Gracias").await;
    assert_eq!(desk.found("imprsora").await, [wrong, printer, described]);
}

#[tokio::test]
async fn the_closest_come_first_and_a_ticket_is_found_by_its_number() {
    let desk = Desk::open().await;
    let aside = desk.asked(&desk.contact, "Otra cosa", "Por cierto, la VPN también falla a veces.").await;
    let about = desk.asked(&desk.contact, "La VPN falla", "Falla la VPN desde ayer. La VPN no conecta.").await;
    let number = desk.asked(&desk.contact, "Sin relación", &format!("Parecida a la solicitud {aside}.")).await;
    assert_eq!(desk.found("vpn falla").await, [about, aside]);
    assert_eq!(desk.found(&format!("#{aside}")).await, [aside, number], "itself, and what speaks of it");
    assert_eq!(desk.found(&format!("{about}")).await, [about]);
    let part = |offset| Part { offset, limit: 1 };
    for (offset, expected) in [(0, vec![about]), (1, vec![aside]), (2, vec![])] {
        let found = desk.looks_for(&desk.contact, "vpn falla", part(offset)).await.unwrap();
        assert_eq!((ids(&found), if expected.is_empty() { 2 } else { found.tickets_total }), (expected, 2), "part by part");
    }
}

#[tokio::test]
async fn whatever_is_typed_is_words_and_nothing_in_it_is_an_operator() {
    let desk = Desk::open().await;
    let percent = desk.asked(&desk.contact, "Descuento del 100% mal aplicado", "a_b").await;
    desk.asked(&desk.contact, "Nada que ver", "xxb").await;
    for blank in ["", " ", "%", "_", ":*", "'", "\"", "\\", "&|!()<->", "¿?", "\0", "--;", "\u{202e}"] {
        assert_eq!(Query::parse(blank), Err(QueryProblem::Blank), "{blank:?}");
    }
    assert_eq!(Query::parse(&"palabra ".repeat(26)), Err(QueryProblem::TooLong(Query::MAX_CHARS)));
    assert_eq!(Query::parse("a b c d e f g h i j k l m "), Err(QueryProblem::TooManyWords(Query::MAX_TERMS)));
    for (typed, expected) in
        [("100%", vec![percent]), ("a_b", vec![percent]), ("1%0", vec![]), ("a%b", vec![percent]), ("%%100__", vec![percent])]
    {
        assert_eq!(desk.found(typed).await, expected, "{typed}");
    }
    let long = "ñ".repeat(Query::MAX_CHARS);
    for nasty in [
        "descuento:*",
        "descuento & ! | ( ) <-> nada",
        "'descuento''",
        "\\'descuento",
        "descuento\\",
        "\"descuento",
        "o'brien",
        "x'); drop table desk.tickets; --",
        "$1 $$ $x$",
        "{a,b} [c]",
        "a:b:c*",
        "a\0b",
        "½ ª º ﬁ ß Æ œ",
        "印刷 ПРИВЕТ مرحبا",
        "🙂 hola 👩‍👩‍👧",
        "e\u{301}\u{301}\u{301}",
        &long,
        "https://x.example/a?b=%27#c",
        "el la los de que",
        "the of and",
        "NULL",
        "true",
        "e'\\x41'",
        "-descuento",
        "+100",
        "1e999 -0 0x1f 1_000",
        "\u{feff}\u{200b}x\u{200d}",
    ] {
        let found = desk.finds(&desk.agent, nasty).await;
        assert!(found.tickets.len() <= 2, "{nasty}");
    }
    assert_eq!(desk.finds(&desk.agent, "nada").await.tickets.len(), 1, "everything is still there");
}

#[tokio::test]
async fn what_was_asked_for_is_marked_and_markup_stays_text() {
    let desk = Desk::open().await;
    let long =
        format!("{} El <b>módem</b> parpadea & la conexión se cae.\nOtra línea. {}", "relleno ".repeat(60), "final ".repeat(60));
    desk.asked(&desk.contact, "<script>Conexiones</script> del módem", &long).await;
    let found = desk.finds(&desk.agent, "conexion mod").await;
    let ticket = &found.tickets[0];
    assert_eq!(shown(&ticket.title), "<script>[Conexiones]</script> del [módem]");
    let excerpt = shown(&ticket.excerpt);
    assert!(excerpt.starts_with("… relleno") && excerpt.ends_with("final …"), "{excerpt}");
    assert!(excerpt.contains("El <b>[módem]</b> parpadea & la [conexión] se cae. Otra línea."), "{excerpt}");
}

/// What each person finds, judged by a table of letters and regular expressions: which tickets have a word that begins so, of whose tickets they see.
const JUDGE: &str = r"select t.id from desk.tickets t
    where translate(lower(t.title || ' ' || t.description), 'áéíóúüñ', 'aeiouun') ~ ('\m' || $1)
      and (select u.role <> 'client' or exists (select from desk.contacts c where c.user_id = u.id and c.client_id = t.client_id) from core.users u where u.id = $2)";

#[tokio::test]
async fn nobody_finds_what_is_another_clients_and_everybody_finds_all_of_their_own() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    desk.run(
        "insert into desk.tickets (created_at, client_id, title, description, created_by, updated_at)
         select '2026-11-01 00:00+00'::timestamptz + n * interval '5 hours', (select (array_agg(id order by id))[1 + n % 2] from desk.clients),
             (array['Impresora', 'Servidor', 'Contraseña', 'Teclado', 'Cortafuegos', 'Nómina', 'Pantalla'])[1 + n % 7] || ' ' || n,
             (array['del monitor', 'de la báscula', 'con el módem', 'y la tableta', 'del escáner'])[1 + n % 5], (select min(id) from core.users), now()
         from generate_series(1, 280) n",
    )
    .await;
    let mut judged = 0;
    for actor in [&desk.agent, &desk.manager, &desk.contact, &neighbour] {
        for beginning in [
            "impresora",
            "serv",
            "contrasena",
            "contras",
            "tecl",
            "cortafueg",
            "nomina",
            "pant",
            "monito",
            "bascula",
            "modem",
            "table",
            "escaner",
            "279",
        ] {
            let expected: BTreeSet<TicketId> = sqlx::query_scalar(JUDGE)
                .bind(beginning)
                .bind(actor.id())
                .fetch_all(&desk.stores.db)
                .await
                .unwrap()
                .into_iter()
                .collect();
            let mut found = BTreeSet::new();
            let mut total = 0;
            for offset in (0..280).step_by(50) {
                let part = desk.looks_for(actor, beginning, Part { offset, limit: 50 }).await.unwrap();
                assert!(ids(&part).into_iter().all(|id| found.insert(id)), "{beginning}: each once");
                total = total.max(part.tickets_total);
            }
            // A number of a ticket is found as well: judged by itself.
            if let Ok(number) = beginning.parse::<i64>() {
                let own: Option<TicketId> = sqlx::query_scalar(
                    "select t.id from desk.tickets t where t.id = $1 and ($2::bigint is null or t.client_id = $2)",
                )
                .bind(number)
                .bind(actor.client())
                .fetch_optional(&desk.stores.db)
                .await
                .unwrap();
                assert_eq!(own.is_some_and(|own| found.contains(&own)), own.is_some(), "{number}");
                found.retain(|id| expected.contains(id) || Some(*id) != own);
                assert_eq!(found, expected, "{beginning} by {actor:?}");
            } else {
                assert_eq!(found, expected, "{beginning} by {actor:?}");
                assert_eq!(total, i64::try_from(expected.len()).unwrap(), "{beginning} by {actor:?}");
            }
            judged += expected.len();
        }
    }
    assert!(judged > 500, "{judged}");
}

/// Which tickets have a word that begins so, or, where $2 says so, are of a client that is called so, and stand where $3 says; of client $4, or of every one.
const JUDGE_BY_STATUS: &str = r"select t.id from desk.tickets t join desk.clients c on c.id = t.client_id
    where (lower(t.title) ~ ('\m' || $1) or $2 and translate(lower(c.name), 'áéíóúüñ', 'aeiouun') ~ ('\m' || $1))
      and t.status = any ($3) and ($4::bigint is null or t.client_id = $4)";

#[tokio::test]
async fn who_asks_for_a_status_finds_all_tickets_that_stand_there_and_no_others() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    desk.run(
        "insert into desk.tickets (created_at, client_id, title, description, created_by, status, resolved_at, closed_at, updated_at)
         select at, (select (array_agg(id order by id))[1 + n % 2] from desk.clients), (array['Impresora', 'Servidor', 'Cafetera'])[1 + n % 3] || ' ' || n, '-',
             (select min(id) from core.users), status, case when status in ('resolved', 'closed') then at end, case when status = 'closed' then at end, now()
         from generate_series(1, 120) n
         cross join lateral (select '2026-11-01 00:00+00'::timestamptz + n * interval '5 hours' as at,
             (array['new', 'open', 'waiting_client', 'resolved', 'closed'])[1 + n % 5] as status) t",
    )
    .await;
    let finds = async |actor: &Actor, typed: &str, statuses: &[Status]| {
        let query = Query::parse(typed).unwrap().of_statuses(statuses.to_vec());
        find(&desk.stores.db, actor, &query, Locale::Es, Part { offset: 0, limit: 200 }).await.unwrap()
    };
    let live: Vec<Status> = Status::ALL.iter().copied().filter(|status| status.is_live()).collect();
    let each = Status::ALL.iter().map(|status| vec![*status]);
    for statuses in each.chain([live]) {
        for actor in [&desk.agent, &desk.contact, &neighbour] {
            // Of the words one is a client's name, too, for those who work here.
            for beginning in ["impresora", "serv", "cafe"] {
                let expected: BTreeSet<TicketId> = sqlx::query_scalar(JUDGE_BY_STATUS)
                    .bind(beginning)
                    .bind(actor.client().is_none())
                    .bind(statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>())
                    .bind(actor.client())
                    .fetch_all(&desk.stores.db)
                    .await
                    .unwrap()
                    .into_iter()
                    .collect();
                assert!(!expected.is_empty(), "{beginning} {statuses:?} by {actor:?}");
                let found = finds(actor, beginning, &statuses).await;
                assert_eq!(found.tickets_total, i64::try_from(expected.len()).unwrap(), "{beginning} {statuses:?} by {actor:?}");
                assert_eq!(ids(&found).into_iter().collect::<BTreeSet<_>>(), expected, "{beginning} {statuses:?} by {actor:?}");
            }
        }
    }
    // The number of a ticket that stands elsewhere is not what is asked for either.
    let number: TicketId =
        sqlx::query_scalar("select max(id) from desk.tickets where status = 'new'").fetch_one(&desk.stores.db).await.unwrap();
    for (status, is_there) in [(Status::New, true), (Status::Closed, false)] {
        let found = finds(&desk.agent, &format!("#{number}"), &[status]).await;
        assert_eq!(ids(&found).contains(&number), is_there, "{status}");
    }
}

#[tokio::test]
async fn a_correction_tells_nobody_what_another_client_writes_about() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    desk.asked(&neighbour, "Proyecto Zafiro: fusión con el laboratorio", "Es secreto.").await;
    assert_eq!(meant(&desk.finds(&neighbour, "zafrio").await), [("zafrio", vec!["zafiro"])]);
    let found = desk.finds(&desk.contact, "zafrio").await;
    assert_eq!((meant(&found), ids(&found)), (vec![], vec![]));
    let number: TicketId = sqlx::query_scalar("select id from desk.tickets").fetch_one(&desk.stores.db).await.unwrap();
    assert_eq!(desk.found(&format!("#{number}")).await, [], "nor by its number");
}

#[tokio::test]
async fn a_search_that_takes_too_long_ends() {
    let desk = Desk::open().await;
    let mut tx = desk.begin().await;
    sqlx::query("lock table desk.tickets in access exclusive mode").execute(&mut *tx).await.unwrap();
    let refused = desk.looks_for(&desk.agent, "impresora", Part { offset: 0, limit: 1 }).await;
    assert!(matches!(refused, Err(SearchError::TooSlow)), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains(&TIMEOUT_MS.to_string()));
    tx.rollback().await.unwrap();
    assert_eq!(desk.finds(&desk.agent, "impresora").await.tickets.len(), 0, "the connection is as it was");
}

/// The nodes of a plan: type, table, index.
fn nodes(plan: &Value, into: &mut Vec<(String, String, String)>) {
    let text = |name: &str| plan[name].as_str().unwrap_or_default().to_owned();
    into.push((text("Node Type"), text("Relation Name"), text("Index Name")));
    plan["Plans"].as_array().into_iter().flatten().for_each(|plan| nodes(plan, into));
}

#[tokio::test]
async fn where_many_tickets_are_they_are_found_by_the_indexes_of_words_and_of_spelling() {
    let desk = Desk::open().await;
    sqlx::raw_sql("select desk.make_partitions(1, (now() - interval '25 months')::date)").execute(&desk.stores.db).await.unwrap();
    desk.run(
        "insert into desk.clients (name, calendar_id) select 'Cliente ' || n, id from desk.calendars, generate_series(1, 20) n",
    )
    .await;
    sqlx::query(include_str!("../../search/tickets.sql"))
        .bind(0_i64)
        .bind(8_000_i64)
        .bind(8_000_i64)
        .execute(&desk.stores.db)
        .await
        .unwrap();
    desk.run("analyze desk.tickets").await;
    let alike = include_str!("../../../jobs/src/help_desk/search/sql/words_alike.sql");
    let mut tx = desk.begin().await;
    prepare(&mut tx).await.unwrap();
    let months = months(&mut tx).await.unwrap();
    let find = ticket_statement(&months, false);
    let partitions: BTreeSet<String> = sqlx::query_scalar(
        "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'desk.tickets'::regclass and c.reltuples > 100",
    )
    .fetch_all(&desk.stores.db)
    .await
    .unwrap()
    .into_iter()
    .collect();
    assert!(partitions.len() >= 23, "{partitions:?}");
    for (words, client, statuses) in [
        ("'zafiro'", None, None),
        ("'impresora':*", None, None),
        ("'correo' & 'cable'", None, None),
        ("'correo'", None, Some(["resolved"].as_slice())),
        ("'impresora':*", None, Some(["new", "open", "waiting_client"].as_slice())),
        ("'correo'", Some(desk.client), None),
        ("'zafiro'", Some(desk.client), None),
        ("'correo'", Some(desk.client), Some(["closed"].as_slice())),
    ] {
        let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain (format json) {find}")))
            .persistent(false)
            .bind(words)
            .bind(words)
            .bind(client)
            .bind(None::<i64>)
            .bind(400_i64)
            .bind(0_i64)
            .bind(20_i64)
            .bind(words)
            .bind(statuses)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        judge(&plan, &partitions, "_search_idx", words);
        if client.is_none() {
            judge(&plan, &partitions, "_noted_idx", words);
        }
    }
    let find_named = ticket_statement(&months, true);
    for besides in [None, Some("'correo'")] {
        let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain (format json) {find_named}")))
            .persistent(false)
            .bind("'cafes'")
            .bind("'cafes'")
            .bind(None::<i64>)
            .bind(None::<i64>)
            .bind(400_i64)
            .bind(0_i64)
            .bind(20_i64)
            .bind("'cafes'")
            .bind(None::<Vec<&str>>)
            .bind([desk.client.0].as_slice())
            .bind(besides)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        judge(&plan, &partitions, "_search_idx", "of a client");
        if besides.is_none() {
            judge(&plan, &partitions, "_client_id_status_idx", "of a client");
        }
    }
    let named = include_str!("../../../jobs/src/help_desk/search/sql/clients_named.sql");
    let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain (format json) {named}")))
        .persistent(false)
        .bind(Query::parse("cafes").unwrap().terms_json())
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    let mut found = Vec::new();
    nodes(&plan[0]["Plan"], &mut found);
    for index in ["clients_by_spelling", "contacts_by_spelling"] {
        assert!(found.iter().any(|(.., used)| used == index), "{index}: {found:?}");
    }
    for client in [None, Some(desk.client)] {
        let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain (format json) {alike}")))
            .persistent(false)
            .bind(["imprsora"].as_slice())
            .bind(client)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        let mut found = Vec::new();
        nodes(&plan[0]["Plan"], &mut found);
        let is_of_words = |table: &String| ["words", "client_words", "article_words"].contains(&table.as_str());
        let read: Vec<_> = found
            .iter()
            .filter(|(node, table, _)| node == "Seq Scan" && (partitions.contains(table) || is_of_words(table)))
            .collect();
        assert!(read.is_empty(), "{read:?}");
        assert!(found.iter().any(|(.., index)| index.starts_with("words_")), "{found:?}");
    }
}

/// Every partition with tickets in it is looked up in that index, and none is read from end to end.
fn judge(plan: &Value, partitions: &BTreeSet<String>, index: &str, words: &str) {
    let mut found = Vec::new();
    nodes(&plan[0]["Plan"], &mut found);
    let read: Vec<_> = found.iter().filter(|(node, table, _)| node == "Seq Scan" && partitions.contains(table)).collect();
    assert!(read.is_empty(), "{words}: {read:?}");
    let used: BTreeSet<String> = found.iter().filter_map(|(_, _, name)| name.strip_suffix(index)).map(str::to_owned).collect();
    assert!(partitions.is_subset(&used), "{words}: {:?} are not looked up in {index}: {found:?}", partitions.difference(&used));
}

#[tokio::test]
async fn a_month_that_is_made_later_has_the_indexes_and_is_searched() {
    let desk = Desk::open().await;
    // How many of the parent's indexes a month has, by kind and options.
    let indexes = async |table: &'static str| -> Vec<(String, String)> {
        sqlx::query_as(
            "select regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', ''), coalesce(array_to_string(c.reloptions, ','), '')
             from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = $1::text::regclass order by 1, 2",
        )
        .bind(table)
        .fetch_all(&desk.stores.db)
        .await
        .unwrap()
    };
    desk.run("create table desk.tickets_2031_05 partition of desk.tickets for values from ('2031-05-01 00:00+00') to ('2031-06-01 00:00+00')").await;
    let parents = indexes("desk.tickets").await;
    assert_eq!(indexes("desk.tickets_2031_05").await, parents);
    for part in ["gin (search)|fastupdate=off", "gin (noted) WHERE (noted IS NOT NULL)|fastupdate=off"] {
        assert!(
            parents.iter().any(|(index, options)| format!("{index}|{options}")
                .replace(" WITH (fastupdate=off)", "")
                .replace("(fastupdate='off')", "")
                == part),
            "{part}: {parents:?}"
        );
    }
    desk.run(
        "insert into desk.tickets (created_at, client_id, title, description, created_by, updated_at)
         select '2031-05-05 10:00+00', min(c.id), 'El telégrafo', '-', (select min(id) from core.users), now() from desk.clients c",
    )
    .await;
    assert_eq!(desk.finds(&desk.agent, "telegrafo").await.tickets.len(), 1);
    assert_eq!(meant(&desk.finds(&desk.agent, "telegrfao").await), [("telegrfao", vec!["telégrafo"])]);
}
