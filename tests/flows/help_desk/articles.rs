//! Articles: who writes them, who reads which, and that nobody writes over what they have not seen.

use std::collections::BTreeSet;

use jobs::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        articles::{
            article::{Article, SeenArticle, Shelf},
            slug::Slug,
            suggest::suggest,
            write::{Draft, move_to},
        },
        number::{ArticleId, ClientId},
        search::{
            find::{Found, Part, find},
            query::Query,
        },
        text::{Body, Title},
        trouble::DeskError,
        words::{ArticleState, Readers},
    },
};

use super::{Desk, at, search::meant};

fn draft(title: &str, body: &str) -> Draft {
    Draft {
        locale: Locale::Es,
        slug: Slug::of(title).unwrap(),
        title: Title::parse(title).unwrap(),
        body: Body::parse(body).unwrap(),
        audience: Readers::Clients,
        client: None,
    }
}

impl Desk {
    async fn writes(&self, draft: &Draft) -> ArticleId {
        let mut tx = self.begin().await;
        let id = draft.write(&mut tx, at("11-24 10:00"), &self.agent).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn moves(&self, id: ArticleId, state: ArticleState) {
        let mut tx = self.begin().await;
        let seen = Article::find(&mut *tx, &self.agent, id).await.unwrap().seen();
        move_to(&mut tx, at("11-24 11:00"), &self.manager, seen, state).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn published(&self, draft: &Draft) -> ArticleId {
        let id = self.writes(draft).await;
        self.moves(id, ArticleState::Published).await;
        id
    }

    async fn reads(&self, actor: &Actor, id: ArticleId) -> Result<Article, DeskError> {
        Article::find(&self.stores.db, actor, id).await
    }

    async fn finds_articles(&self, actor: &Actor, typed: &str, locale: Locale) -> Found {
        find(&self.stores.db, actor, &Query::parse(typed).unwrap(), locale, Part { offset: 0, limit: 50 }).await.unwrap()
    }

    /// What the database says of an article: state, version, whether it was ever published, who wrote and who changed it last.
    async fn row(&self, id: ArticleId) -> (String, i32, bool, i64, i64) {
        sqlx::query_as(
            "select state, lock_version, published_at is not null, author_id, editor_id from desk.kb_articles where id = $1",
        )
        .bind(id)
        .fetch_one(&self.stores.db)
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn an_article_is_written_published_taken_back_and_archived_and_each_step_is_noted() {
    let desk = Desk::open().await;
    let id = desk.writes(&draft("Cambiar la contraseña", "Pulsa **Ctrl**.")).await;
    let (agent, manager) = (desk.agent.id().0, desk.manager.id().0);
    assert_eq!(desk.row(id).await, ("draft".to_owned(), 0, false, agent, agent));
    assert!(matches!(desk.reads(&desk.contact, id).await, Err(DeskError::NoSuchArticle)), "nobody but the desk");

    desk.moves(id, ArticleState::Published).await;
    assert_eq!(desk.row(id).await, ("published".to_owned(), 1, true, agent, manager));
    assert_eq!(desk.reads(&desk.contact, id).await.unwrap().title, "Cambiar la contraseña");
    for (state, sees) in [
        (ArticleState::Draft, false),
        (ArticleState::Published, true),
        (ArticleState::Archived, false),
        (ArticleState::Draft, false),
    ] {
        desk.moves(id, state).await;
        assert_eq!(desk.reads(&desk.contact, id).await.is_ok(), sees, "{state}");
    }

    for (from, to) in [(ArticleState::Draft, ArticleState::Draft), (ArticleState::Archived, ArticleState::Published)] {
        if from == ArticleState::Archived {
            desk.moves(id, from).await;
        }
        let mut tx = desk.begin().await;
        let seen = desk.reads(&desk.agent, id).await.unwrap().seen();
        let refused = move_to(&mut tx, at("11-24 12:00"), &desk.agent, seen, to).await;
        assert!(
            matches!(refused, Err(DeskError::WrongArticleState { from: was, to: wanted }) if (was, wanted) == (from, to)),
            "{refused:?}"
        );
    }
    let noted: Vec<String> = sqlx::query_scalar("select action from core.audit_log where subject = 'article:' || $1 order by id")
        .bind(id)
        .fetch_all(&desk.stores.db)
        .await
        .unwrap();
    assert_eq!(noted.len(), 7, "{noted:?}");
}

#[tokio::test]
async fn nobody_writes_over_what_they_have_not_seen() {
    let desk = Desk::open().await;
    let id = desk.writes(&draft("Cambiar la contraseña", "Uno.")).await;
    let seen = desk.reads(&desk.agent, id).await.unwrap().seen();
    // Two people have it open. Both save at once.
    let save = async |actor: Actor, body: &'static str| {
        let mut tx = desk.begin().await;
        let saved = draft("Cambiar la contraseña", body).write_over(&mut tx, at("11-24 12:00"), &actor, seen).await;
        if saved.is_ok() {
            tx.commit().await.unwrap();
        }
        saved
    };
    let (one, other) = tokio::join!(save(desk.agent, "Dos."), save(desk.other_agent, "Tres."));
    let (kept, refused) = if one.is_ok() { (("Dos.", desk.agent), other) } else { (("Tres.", desk.other_agent), one) };
    assert!(matches!(refused, Err(DeskError::ArticleChanged { seen: 0, present: 1 })), "{refused:?}");
    let article = desk.reads(&desk.agent, id).await.unwrap();
    assert_eq!((article.body.as_str(), article.lock_version), (kept.0, 1));
    assert_eq!(desk.row(id).await.4, kept.1.id().0);

    let mut tx = desk.begin().await;
    let stale = move_to(&mut tx, at("11-24 12:00"), &desk.agent, seen, ArticleState::Published).await;
    assert!(matches!(stale, Err(DeskError::ArticleChanged { .. })), "{stale:?}");
    let none = SeenArticle { article: ArticleId(999_999), version: 0 };
    let missing = move_to(&mut tx, at("11-24 12:00"), &desk.agent, none, ArticleState::Published).await;
    assert!(matches!(missing, Err(DeskError::NoSuchArticle)), "{missing:?}");
}

#[tokio::test]
async fn clients_write_nothing_and_names_are_one_of_their_language() {
    let desk = Desk::open().await;
    let id = desk.published(&draft("La VPN", "Texto.")).await;
    let seen = desk.reads(&desk.contact, id).await.unwrap().seen();
    let mut tx = desk.begin().await;
    let written = draft("Otro", "Mío.").write(&mut tx, at("11-24 12:00"), &desk.contact).await;
    assert!(matches!(written, Err(DeskError::NotAllowed)), "{written:?}");
    let edited = draft("La VPN", "Mío.").write_over(&mut tx, at("11-24 12:00"), &desk.contact, seen).await;
    assert!(matches!(edited, Err(DeskError::NotAllowed)), "{edited:?}");
    let archived = move_to(&mut tx, at("11-24 12:00"), &desk.contact, seen, ArticleState::Archived).await;
    assert!(matches!(archived, Err(DeskError::NotAllowed)), "{archived:?}");
    let suggested = suggest(&mut *tx, &desk.contact, "vpn", desk.client).await;
    assert!(matches!(suggested, Err(DeskError::NotAllowed)), "{suggested:?}");
    let taken = draft("La VPN", "Otra vez.").write(&mut tx, at("11-24 12:00"), &desk.agent).await;
    assert!(matches!(taken, Err(DeskError::SlugTaken)), "{taken:?}");
    tx.rollback().await.unwrap();

    let english = desk.published(&Draft { locale: Locale::En, ..draft("La VPN", "Text.") }).await;
    let named =
        async |locale| Article::named(&desk.stores.db, &desk.contact, &Slug::parse("la-vpn").unwrap(), locale).await.unwrap().id;
    assert_eq!((named(Locale::Es).await, named(Locale::En).await), (id, english));
    desk.moves(english, ArticleState::Archived).await;
    assert_eq!(named(Locale::En).await, id, "the other language's, where there is none");
    let mut tx = desk.begin().await;
    let nobody = Draft { client: Some(ClientId(999_999)), ..draft("Para nadie", "x") }
        .write(&mut tx, at("11-24 12:00"), &desk.agent)
        .await;
    assert!(matches!(nobody, Err(DeskError::NoSuchClient)), "{nobody:?}");
}

/// Which articles a person reads, judged apart: a line for each reason.
const JUDGE: &str = "select a.id from desk.kb_articles a, core.users u where u.id = $1 and u.role <> 'client'
    union select a.id from desk.kb_articles a where a.state = 'published' and a.audience = 'clients' and a.client_id is null
    union select a.id from desk.kb_articles a join desk.contacts c on c.client_id = a.client_id where c.user_id = $1 and a.state = 'published'
    order by 1";

#[tokio::test]
async fn clients_read_list_and_find_what_is_published_for_them_and_nothing_else() {
    let desk = Desk::open().await;
    let neighbour = desk.neighbour().await;
    let theirs = neighbour.client().unwrap();
    let mut all = Vec::new();
    for state in ArticleState::ALL {
        for (audience, client) in [
            (Readers::Clients, None),
            (Readers::Clients, Some(desk.client)),
            (Readers::Clients, Some(theirs)),
            (Readers::Desk, None),
        ] {
            let title = format!("Telescopio {}", all.len());
            let id = desk.writes(&Draft { audience, client, ..draft(&title, "Cómo se limpia el telescopio.") }).await;
            if *state != ArticleState::Draft {
                desk.moves(id, *state).await;
            }
            all.push(id);
        }
    }
    assert_eq!(all.len(), 12);
    for (actor, count) in [(&desk.agent, 12), (&desk.contact, 2), (&neighbour, 2)] {
        let expected: BTreeSet<ArticleId> =
            sqlx::query_scalar(JUDGE).bind(actor.id()).fetch_all(&desk.stores.db).await.unwrap().into_iter().collect();
        assert_eq!(expected.len(), count);
        let mut read = BTreeSet::new();
        for id in &all {
            if let Ok(article) = desk.reads(actor, *id).await {
                let named = Article::named(&desk.stores.db, actor, &article.slug, Locale::Es).await.unwrap();
                assert_eq!(named.id, *id);
                read.insert(*id);
            }
        }
        assert_eq!(read, expected);
        let (mut listed, mut after) = (BTreeSet::new(), None);
        loop {
            let part = Article::list(&desk.stores.db, actor, Shelf { after, limit: 5, ..Shelf::default() }).await.unwrap();
            let Some(last) = part.last() else { break };
            after = Some(last.id);
            assert!(part.iter().all(|article| listed.insert(article.id)), "each once");
        }
        assert_eq!(listed, expected);
        // A search shows the desk no archived ones, and whoever slips with a finger no others.
        let archived: BTreeSet<ArticleId> = all[8..].iter().copied().collect();
        for typed in ["telescopio ", "telescpoio", "limpi"] {
            let found = desk.finds_articles(actor, typed, Locale::Es).await;
            let found: BTreeSet<ArticleId> = found.articles.iter().map(|article| article.id).collect();
            assert_eq!(found, expected.difference(&archived).copied().collect(), "{typed}");
        }
        let states =
            Article::list(&desk.stores.db, actor, Shelf { state: Some(ArticleState::Draft), limit: 50, ..Shelf::default() })
                .await
                .unwrap();
        assert_eq!(states.len(), if count == 12 { 4 } else { 0 }, "drafts");
    }
}

#[tokio::test]
async fn an_article_is_found_by_the_words_of_its_language_and_that_of_the_reader_comes_first() {
    let desk = Desk::open().await;
    let spanish = desk.published(&draft("Conectar la VPN", "Si las **conexiones** fallan, mira el certificado. VPN.")).await;
    let english =
        desk.published(&Draft { locale: Locale::En, ..draft("Connecting to the VPN", "Certificates expire. VPN.") }).await;
    let ids = async |typed: &str, locale| -> Vec<ArticleId> {
        desk.finds_articles(&desk.contact, typed, locale).await.articles.iter().map(|article| article.id).collect()
    };
    assert_eq!(ids("vpn", Locale::Es).await, [spanish, english]);
    assert_eq!(ids("vpn", Locale::En).await, [english, spanish]);
    assert_eq!(ids("conexion ", Locale::En).await, [spanish]);
    assert_eq!(ids("connects ", Locale::Es).await, [english]);
    assert_eq!(ids("expiring certificate ", Locale::Es).await, [english]);
    assert_eq!(ids("\"mira el certificado\"", Locale::Es).await, [spanish]);
}

#[tokio::test]
async fn a_slip_is_known_for_one_by_whoever_may_read_an_article_that_has_the_word() {
    let desk = Desk::open().await;
    let theirs = desk.neighbour().await.client().unwrap();
    desk.published(&Draft { audience: Readers::Desk, ..draft("Turmalina del proveedor", "Solo para la mesa.") }).await;
    desk.published(&Draft { client: Some(theirs), ..draft("Obsidiana del hospital", "Solo de ellos.") }).await;
    desk.writes(&draft("Amatista", "Sin publicar.")).await;
    let open = desk.published(&draft("Esmeralda azulísima", "Para todos.")).await;
    for (typed, word, is_read) in [
        ("turmailna ", "turmalina", false),
        ("obsidaina ", "obsidiana", false),
        ("amatitsa ", "amatista", false),
        ("esmerlada ", "esmeralda", true),
        ("azulisma ", "azulísima", true),
    ] {
        let known = vec![(typed.trim(), vec![word])];
        assert_eq!(meant(&desk.finds_articles(&desk.agent, typed, Locale::Es).await), known, "{typed}");
        let known = if is_read { known } else { vec![] };
        assert_eq!(meant(&desk.finds_articles(&desk.contact, typed, Locale::Es).await), known, "{typed}");
    }
    let mut tx = desk.begin().await;
    let seen = Article::find(&mut *tx, &desk.agent, open).await.unwrap().seen();
    let over = Draft { title: Title::parse("Esmeralda").unwrap(), ..draft("Esmeralda azulísima", "Para todos.") };
    over.write_over(&mut tx, at("11-24 12:00"), &desk.agent, seen).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(meant(&desk.finds_articles(&desk.contact, "azulisma ", Locale::Es).await), [], "it is written over");
}

#[tokio::test]
async fn a_tickets_title_suggests_what_is_published_about_it() {
    let desk = Desk::open().await;
    let theirs = desk.neighbour().await.client().unwrap();
    let vpn = desk.published(&draft("La VPN no conecta", "Mira la hora.")).await;
    let both = desk.published(&draft("Renovar el certificado de la VPN", "Certificado de la VPN: se renueva cada año.")).await;
    let inside = desk.published(&Draft { audience: Readers::Desk, ..draft("VPN: a quién llamar", "Al proveedor.") }).await;
    desk.published(&Draft { client: Some(theirs), ..draft("VPN del hospital", "Solo de ellos.") }).await;
    desk.published(&draft("La impresora", "No conecta con la red.")).await;
    desk.writes(&draft("VPN nueva", "Borrador sobre la VPN.")).await;
    let mut suggested = suggest(&desk.stores.db, &desk.agent, "¿El certificado de la VPN caducó?", desk.client).await.unwrap();
    assert_eq!(suggested.remove(0).id, both, "two words of it");
    let rest: BTreeSet<(ArticleId, bool)> = suggested.iter().map(|article| (article.id, article.is_for_client)).collect();
    assert_eq!(rest, BTreeSet::from([(vpn, true), (inside, false)]), "none of another client's, and no draft");
    for nothing in ["", "¿?", "%", &"palabra ".repeat(200)] {
        let none = suggest(&desk.stores.db, &desk.agent, nothing, desk.client).await.unwrap();
        assert!(none.iter().all(|article| article.id != vpn), "{nothing}: {none:?}");
    }
}
