//! The knowledge base and the search as people meet them.

use reqwest::StatusCode;

use super::{Page, Visitor, Web, help_desk::desk, leads_to};

/// A second client with somebody to write for it: `vecina`.
pub(super) async fn with_a_neighbour(web: Web) -> Web {
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, password_hash, email_verified_at)
         select 'vecina@faena.example', 'Nuria Vecina', 'client', password_hash, now() from core.users where email = 'cliente@faena.example';
         insert into desk.contacts (user_id, client_id) select u.id, c.id from core.users u, desk.clients c
         where u.email = 'vecina@faena.example' and c.name like 'Hospital%'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    web
}

impl Visitor {
    /// The titles on every page of what was found.
    async fn turns(&self, first: &str) -> Vec<String> {
        let (mut seen, mut path) = (Vec::new(), first.to_owned());
        loop {
            let page = self.page(&path).await;
            seen.extend(page.texts(".hits h3"));
            let Some(next) = page.attribute("a[rel=next]", "href") else {
                assert_eq!(page.attribute("a[rel=prev]", "href").is_some(), path != first);
                return seen;
            };
            path = next;
        }
    }

    async fn searches(&self, query: &str) -> Page {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", query).finish();
        self.page(&format!("/buscar?{query}")).await
    }

    /// Sends the editor's form.
    async fn writes(&self, to: &str, fields: &[(&str, &str)]) -> Page {
        let mut all =
            vec![("act", "save"), ("version", "0"), ("locale", "es"), ("audience", "clients"), ("client", ""), ("slug", "")];
        all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        all.extend_from_slice(fields);
        let answer = self.send("/ayuda", to, &all).await;
        match answer.status() {
            StatusCode::SEE_OTHER => self.page(leads_to(&answer)).await,
            _ => Page::of(answer).await,
        }
    }
}

#[tokio::test]
async fn people_search_their_own_tickets_and_the_articles_that_are_for_them() {
    let web = with_a_neighbour(desk().await).await;
    let (client, agent, neighbour) =
        (web.signed_in("cliente").await, web.signed_in("agente").await, web.signed_in("vecina").await);
    let ours = client.opens("La <b>báscula</b> no pesa & parpadea", "normal").await;
    let theirs = neighbour.opens("La báscula del laboratorio", "normal").await;

    let found = client.searches("bascula").await;
    assert_eq!(found.status, StatusCode::OK);
    assert_eq!(found.attribute(".hits a", "href"), Some(ours.clone()));
    assert!(found.html.contains("La &#60;b&#62;<mark>báscula</mark>&#60;/b&#62; no pesa &#38; parpadea"), "{}", found.html);
    assert!(!found.html.contains("laboratorio") && !found.html.contains("Hospital"), "{}", found.html);
    assert_eq!(found.attribute("input[type=search]", "value").as_deref(), Some("bascula"));
    let every = agent.searches("bascula").await;
    let titles = every.texts("section[aria-labelledby=tickets] h3");
    assert!(titles.len() == 2 && every.html.contains("Hospital San Roque"), "{titles:?}");
    assert!(every.html.contains(&theirs));

    // The demo's articles: one for every client, one for the coffee's people, one for the desk.
    let titles = async |who: &Visitor, query: &str| who.searches(query).await.texts("section[aria-labelledby=articles] h3");
    for (query, of_client, of_agent, of_neighbour) in [
        ("Amenia", 1, 1, 0),
        ("escalar proveedor ", 0, 1, 0),
        ("fecha y la hora", 1, 2, 1),
        ("TPM", 0, 1, 0),
        ("fax virtual", 0, 0, 0),
        ("inpresora", 1, 1, 1),
    ] {
        let counts =
            [titles(&client, query).await.len(), titles(&agent, query).await.len(), titles(&neighbour, query).await.len()];
        assert_eq!(counts, [of_client, of_agent, of_neighbour], "{query}");
    }
    let typo = client.searches("inpresora").await;
    assert!(typo.text("p[role=status]").starts_with("También se buscó impresora"), "{}", typo.html);
    let english = client.page("/search?q=vpn").await;
    let first = english.attribute("section[aria-labelledby=articles] h3 a", "href");
    assert_eq!(first.as_deref(), Some("/help/vpn-does-not-connect"), "the reader's language first");
    assert!(english.html.contains("/ayuda/vpn-no-conecta"));
}

#[tokio::test]
async fn a_search_says_what_it_cannot_do_and_goes_on_page_by_page() {
    let web = desk().await;
    let agent = web.signed_in("agente").await;
    let blank = agent.page("/buscar").await;
    assert!(blank.status == StatusCode::OK && blank.html.contains("Los acentos no importan"), "{}", blank.html);
    for (query, says) in
        [("%%", "Escribe alguna palabra"), (&*"x".repeat(201), "caben 200"), ("a b c d e f g h i j k l m ", "hasta 12")]
    {
        let refused = agent.searches(query).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert!(refused.text("[role=alert]").contains(says), "{query}: {}", refused.html);
    }
    let strange = agent.searches("\"><script>alert(1)</script>\u{0}").await;
    assert!(strange.status == StatusCode::OK && !strange.html.contains("<script>alert"), "{}", strange.html);
    assert!(strange.html.contains("No se encontró nada así."));

    sqlx::raw_sql(
        "insert into desk.tickets (created_at, client_id, title, description, created_by, updated_at)
         select now() - n * interval '1 minute', (select min(id) from desk.clients), 'Telégrafo ' || n, '-', u.id, now()
         from generate_series(1, 45) n, core.users u where u.email = 'agente@faena.example'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let seen = agent.turns("/buscar?q=tel%C3%A9grafo+").await;
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (45, 45));
    for behind in ["4", "20", "400"] {
        let answer = agent.get(&format!("/buscar?q=tel%C3%A9grafo+&page={behind}")).await;
        assert_eq!(leads_to(&answer), "/buscar?q=tel%C3%A9grafo+&page=3", "behind the last page: back to it");
    }
    for page in ["0", "-1", "999999999999999999999", "x"] {
        assert_eq!(agent.get(&format!("/buscar?q=nada&page={page}")).await.status(), StatusCode::OK, "{page}");
    }

    // Of one status, page by page; a word that means nothing counts as not said.
    sqlx::raw_sql("update desk.tickets set status = 'open' where title ~ '[05]$' or title ~ '[1-4][1-9]$'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    let open = web.number("select count(*) from desk.tickets where status = 'open'").await;
    let chosen = |page: &Page| page.attribute("#status option[selected]", "value");
    let seen = agent.turns("/buscar?q=tel%C3%A9grafo+&status=open").await;
    assert_eq!(i64::try_from(seen.len()).unwrap(), open);
    assert!((21..=40).contains(&open), "{open}: two pages");
    let behind = agent.get("/buscar?q=tel%C3%A9grafo+&status=open&page=9").await;
    assert_eq!(leads_to(&behind), "/buscar?q=tel%C3%A9grafo+&status=open&page=2");
    let last = agent.page("/buscar?q=tel%C3%A9grafo+&status=open&page=2").await;
    assert_eq!(chosen(&last).as_deref(), Some("open"));
    for (status, total, kept) in [("live", "45", Some("live")), ("resolved", "", Some("resolved")), ("lost", "45", None)] {
        let page = agent.page(&format!("/buscar?q=tel%C3%A9grafo+&status={status}")).await;
        assert_eq!((page.texts("#tickets .soft").concat().as_str(), chosen(&page).as_deref()), (total, kept), "{status}");
    }
}

#[tokio::test]
async fn an_agent_writes_looks_publishes_and_takes_back_and_clients_see_only_what_is_published() {
    let web = with_a_neighbour(desk().await).await;
    let (client, agent, manager) = (web.signed_in("cliente").await, web.signed_in("agente").await, web.signed_in("jefa").await);
    let text =
        "# Pasos\n\n1. Abre el **portal**\n2. <script>alert(1)</script>\n3. [mal](javascript:alert(1)) [bien](/ayuda/phishing)";
    let fields = [("title", "Firmar un PDF"), ("body", text)];

    let preview = agent.writes("/ayuda/articulos/nuevo", &[fields[0], fields[1], ("act", "preview")]).await;
    assert_eq!(preview.status, StatusCode::OK);
    assert_eq!(preview.text(".preview h2:not([id])"), "Pasos");
    assert!(preview.html.contains("&lt;script&gt;") && !preview.html.contains("<script>alert"), "{}", preview.html);
    assert_eq!(preview.each(".preview a", |link| link.attr("href").unwrap().to_owned()), ["/ayuda/phishing"]);
    assert_eq!(preview.text("textarea").split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
    assert_eq!(web.number("select count(*) from desk.kb_articles where title = 'Firmar un PDF'").await, 0, "looked at, not kept");

    let written = agent.writes("/ayuda/articulos/nuevo", &fields).await;
    assert!(
        written.text("aside .state").contains("Borrador") && written.text("article h1") == "Firmar un PDF",
        "{}",
        written.html
    );
    assert_eq!(client.get("/ayuda/firmar-un-pdf").await.status(), StatusCode::NOT_FOUND);
    assert!(!client.page("/ayuda").await.html.contains("Firmar un PDF"));
    let id = web.number("select id from desk.kb_articles where slug = 'firmar-un-pdf'").await;
    let moves = async |who: &Visitor, version: &str, state: &str| {
        let fields = [("version", version), ("state", state)];
        who.send("/ayuda", &format!("/ayuda/articulos/{id}/estado"), &fields).await
    };
    assert_eq!(moves(&client, "0", "published").await.status(), StatusCode::FORBIDDEN);
    leads_to(&moves(&agent, "0", "published").await);
    let read = client.page("/ayuda/firmar-un-pdf").await;
    assert!(read.status == StatusCode::OK && read.text(".prose ol").contains("Abre el portal"), "{}", read.html);
    assert!(!read.html.contains("/ayuda/articulos/") && !read.html.contains("Íñigo"), "what is the desk's: {}", read.html);
    assert!(client.page("/ayuda").await.html.contains("Firmar un PDF"));

    // The manager has it open from before, and so is told.
    let late = manager
        .writes(
            &format!("/ayuda/articulos/{id}"),
            &[("title", "Firmar un PDF"), ("body", "Lo «mío»."), ("slug", "firmar-un-pdf")],
        )
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(
        late.text("[role=alert]").contains("Otra persona cambió el artículo") && late.text("textarea") == "Lo «mío».",
        "{}",
        late.html
    );
    assert_eq!(moves(&manager, "0", "archived").await.status(), StatusCode::CONFLICT);
    for state in ["draft", "archived"] {
        let version =
            web.number("select lock_version::bigint from desk.kb_articles where slug = 'firmar-un-pdf'").await.to_string();
        leads_to(&moves(&manager, &version, state).await);
        assert_eq!(client.get("/ayuda/firmar-un-pdf").await.status(), StatusCode::NOT_FOUND, "{state}");
        assert!(client.searches("firmar pdf").await.texts(".hits h3").is_empty(), "{state}");
    }
    for (state, status) in [("published", StatusCode::CONFLICT), ("deleted", StatusCode::BAD_REQUEST)] {
        assert_eq!(moves(&agent, "3", state).await.status(), status, "{state}");
    }
    assert!(agent.page("/ayuda?state=archived").await.html.contains("Firmar un PDF"));
    assert!(!client.page("/ayuda?state=archived").await.html.contains("Firmar un PDF"));
}

#[tokio::test]
async fn an_article_whose_title_makes_no_address_is_called_by_its_number() {
    let web = desk().await;
    let agent = web.signed_in("agente").await;
    let last = web.number("select max(id) from desk.kb_articles").await;
    for (place, title) in ["印刷", "New", "打印机卡纸 (A4)"].into_iter().enumerate() {
        let written = agent.writes("/ayuda/articulos/nuevo", &[("title", title), ("body", "x")]).await;

        assert_eq!((written.status, written.text("h1")), (StatusCode::OK, title.to_owned()), "{}", written.html);
        let address = format!("/ayuda/articulo-{}", last + 1 + i64::try_from(place).unwrap());
        assert_eq!(agent.get(&address).await.status(), StatusCode::OK, "{address}");
    }
    assert_eq!(
        agent.page("/ayuda/articulos/nuevo").await.attribute("#title", "value").as_deref(),
        Some(""),
        "the form of a new one"
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_article_stands_beside_its_field() {
    let web = desk().await;
    let agent = web.signed_in("agente").await;
    let new = "/ayuda/articulos/nuevo";
    for (fields, problems) in [
        (vec![("title", " "), ("body", "")], vec!["Escribe algo.", "Escribe algo."]),
        (vec![("title", "x"), ("slug", "nuevo"), ("body", "x")], vec!["Esa dirección es de otra página"]),
        (vec![("title", "x"), ("slug", "Con Mayúsculas"), ("body", "x")], vec!["Solo letras minúsculas"]),
        (vec![("title", "x"), ("slug", "phishing"), ("body", "x")], vec!["ya tiene esta dirección"]),
        (vec![("title", "x"), ("body", "a\u{202e}b")], vec!["signos que no se pueden mostrar"]),
    ] {
        let refused = agent.writes(new, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}: {}", refused.html);
        let said = refused.texts(".problem");
        assert_eq!(said.len(), problems.len(), "{said:?}");
        assert!(said.iter().zip(&problems).all(|(said, problem)| said.contains(problem)), "{said:?}");
    }
    for fields in [[("audience", "everybody"), ("title", "x"), ("body", "x")], [("client", "x"), ("title", "x"), ("body", "x")]] {
        assert_eq!(agent.writes(new, &fields).await.status, StatusCode::BAD_REQUEST, "{fields:?}");
    }
    for path in ["/ayuda/no-hay", "/ayuda/NO", "/ayuda/articulos/999999", "/ayuda/articulos/x"] {
        assert_eq!(agent.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let client = web.signed_in("cliente").await;
    for path in ["/ayuda/articulos/nuevo", "/ayuda/articulos/1"] {
        assert_eq!(client.get(path).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    for path in ["/ayuda/escalar-red-proveedor", "/ayuda/migracion-windows-11", "/ayuda/fax-virtual"] {
        assert_eq!(client.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(agent.get(path).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn an_answer_links_an_article_that_the_client_can_read() {
    let web = desk().await;
    let (client, agent) = (web.signed_in("cliente").await, web.signed_in("agente").await);
    let ticket = client.opens("La VPN pierde la red del proveedor", "normal").await;
    let page = agent.page(&ticket).await;
    let suggested = page.each(".suggested li a", |link| link.attr("href").unwrap().to_owned());
    assert!(suggested.contains(&"/ayuda/vpn-no-conecta".to_owned()), "{suggested:?}");
    assert!(
        suggested.contains(&"/ayuda/escalar-red-proveedor".to_owned())
            && page.text(".suggested ul").contains("Solo la mesa de ayuda")
    );
    assert!(client.page(&ticket).await.texts(".suggested").is_empty(), "they are the desk's");
    let option = |slug: &str| {
        let place = suggested.iter().position(|path| path.ends_with(slug)).unwrap();
        page.each(".suggested option", |option| option.attr("value").unwrap().to_owned())[place + 1].clone()
    };

    let inside = option("escalar-red-proveedor");
    let refused = agent.does(&ticket, "comentario", &[("body", "Mira esto:"), ("article", &inside)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.text("[role=alert]").contains("no puede leer ese artículo") && refused.text("#body") == "Mira esto:",
        "{}",
        refused.html
    );
    agent.does(&ticket, "comentario", &[("body", "Para nosotros"), ("internal", "yes"), ("article", &inside)]).await;
    agent
        .does(
            &ticket,
            "comentario",
            &[("body", "Prueba esto; no https://evil.example/x"), ("article", &option("vpn-no-conecta"))],
        )
        .await;

    let read = client.page(&ticket).await;
    let links = read.each(".thread .lines a", |link| link.attr("href").unwrap().to_owned());
    assert_eq!(links, ["http://127.0.0.1:8080/ayuda/vpn-no-conecta"], "addresses of others stay text");
    assert!(read.html.contains("La VPN no conecta o se cae cada pocos minutos"));
    for (article, status) in [("999999", StatusCode::NOT_FOUND), ("x", StatusCode::BAD_REQUEST)] {
        assert_eq!(agent.does(&ticket, "comentario", &[("body", "Hola"), ("article", article)]).await.status, status);
    }
}

#[tokio::test]
async fn what_is_for_the_desk_alone_is_of_no_client() {
    let web = desk().await;
    let agent = web.signed_in("agente").await;
    let id = web.number("select min(id) from desk.clients").await.to_string();
    let fields = [("title", "Llaves del armario"), ("body", "Detrás."), ("audience", "desk"), ("client", id.as_str())];

    let refused = agent.writes("/ayuda/articulos/nuevo", &fields).await;

    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text("#client-problem").contains("no es de ningún cliente"), "{}", refused.html);
    assert_eq!(refused.attribute("#client option[selected]", "value"), Some(id.clone()), "what was chosen is there still");
    assert_eq!(web.number("select count(*) from desk.kb_articles where title like 'Llaves%'").await, 0);
    let written = agent.writes("/ayuda/articulos/nuevo", &fields[..3]).await;
    assert_eq!(written.text("article h1"), "Llaves del armario");
}
