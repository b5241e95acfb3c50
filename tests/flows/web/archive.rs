//! The list of tickets that were put away: by client, day and words of the title, page by page, and to each their own.

use reqwest::StatusCode;

use super::{Visitor, Web, help_desk::desk};

/// 130 tickets of both clients that were put away, one a day since the middle of 2020, and one that is at the desk.
pub(super) async fn past() -> Web {
    let web = desk().await;
    sqlx::raw_sql(
        "insert into archive.tickets (id, created_at, client_id, title, description, category, tags, priority, status, created_by, resolved_at, closed_at, void_reason,
             cycle, lock_version, updated_at)
         select nextval('desk.ticket_ids'), timestamptz '2020-06-01 03:00+00' + n * interval '1 day', (select (array_agg(id order by id))[1 + n % 2] from desk.clients),
             case n % 5 when 0 then 'Impresión de la SRV-01: 100 % «rota»' when 1 then 'El fax' when 2 then 'Contraseña caducada' else 'Asunto ' || n end,
             '-', 'other', '{}', 'normal', 'closed', u.id, '2021-01-01', '2021-01-01', case when n % 7 = 0 then 'spam' end, 1, 3, '2021-01-01'
         from generate_series(1, 130) n, core.users u where u.email = 'agente@faena.example';
         insert into desk.tickets (created_at, client_id, title, description, created_by, updated_at)
         select now(), (select min(id) from desk.clients), 'El fax de hoy', '-', id, now() from core.users where email = 'agente@faena.example'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    web
}

impl Visitor {
    /// The tickets of every page of the list: number and title.
    async fn finds(&self, query: &str) -> Vec<String> {
        let (mut seen, mut path) = (Vec::new(), format!("/solicitudes/archivo?{query}"));
        loop {
            let page = self.page(&path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            seen.extend(page.texts("tbody th"));
            let Some(next) = page.attribute("a[rel=next]", "href") else { return seen };
            path = next;
        }
    }
}

/// What the table says that it should have, in SQL of the test's own.
async fn expected(web: &Web, condition: &str) -> Vec<String> {
    let sql = format!(
        "select '#' || t.id || ' ' || t.title from archive.tickets t join desk.clients c on c.id = t.client_id
         where {condition} order by t.created_at desc, t.id desc"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&web.stores.db).await.unwrap()
}

#[tokio::test]
async fn what_was_put_away_is_listed_by_client_day_and_words_page_by_page() {
    let web = past().await;
    let agent = web.signed_in("agente").await;
    let coffee = web.number("select id from desk.clients where name like 'Cafés%'").await;
    for (query, condition) in [
        (String::new(), "true"),
        ("client=x&from=ayer&after=z&title=%00".to_owned(), "true"),
        ("from=-9000-01-01&to=%2B200000-01-01".to_owned(), "true"),
        (format!("client={coffee}"), "c.name like 'Cafés%'"),
        ("title=impresion".to_owned(), "t.title like 'Impresión%'"),
        ("title=ROTA+srv-01".to_owned(), "t.title like 'Impresión%'"),
        ("title=100+%25".to_owned(), "t.title like 'Impresión%'"),
        ("title=contrasena".to_owned(), "t.title like 'Contraseña%'"),
        ("title=%25".to_owned(), "true"),
        ("title=a_u".to_owned(), "false"),
        ("title=fax+rota".to_owned(), "false"),
        // By the visitor's clock, which is five hours behind.
        (
            "from=2020-06-10&to=2020-07-09".to_owned(),
            "t.created_at >= '2020-06-10 05:00+00' and t.created_at < '2020-07-10 05:00+00'",
        ),
        (
            format!("client={coffee}&title=fax&from=2020-08-01"),
            "c.name like 'Cafés%' and t.title = 'El fax' and t.created_at >= '2020-08-01 05:00+00'",
        ),
    ] {
        assert_eq!(agent.finds(&query).await, expected(&web, condition).await, "{query}");
    }
    let first = agent.page("/solicitudes/archivo").await;
    assert_eq!(first.texts("tbody tr").len(), 50);
    assert!(first.text("tbody").contains("Anulada") && first.text("tbody").contains("Cafés"), "{}", first.html);
    assert!(agent.page("/solicitudes").await.html.contains("/solicitudes/archivo"), "the way leads there from the list");
    let reports = web.signed_in("jefa").await.page("/informes").await;
    assert!(reports.text("main").contains("No se cuentan las solicitudes que ya se guardaron en"));
    let path = first.attribute("tbody th a", "href").unwrap();
    let back = agent.page(&path).await;
    assert_eq!(back.attribute("main p a", "href").as_deref(), Some("/solicitudes/archivo"), "and back from a ticket");
}

#[tokio::test]
async fn a_client_finds_their_own_and_nobody_elses() {
    let web = past().await;
    let hospital = web.number("select id from desk.clients where name like 'Hospital%'").await;
    let theirs = web.signed_in("cliente").await;
    let own = expected(&web, "t.client_id = (select client_id from desk.contacts k join core.users u on u.id = k.user_id where u.email = 'cliente@faena.example')").await;
    assert!(own.len() == 65 && theirs.finds("").await == own, "all of them and no other");
    assert_eq!(theirs.finds(&format!("client={hospital}")).await, own, "whatever the address says");
    let page = theirs.page("/solicitudes/archivo").await;
    assert!(!page.html.contains("Hospital") && page.texts("#client").is_empty(), "{}", page.html);
    let other = web.signed_in("aprendiz").await;
    assert_eq!(other.get("/solicitudes/archivo").await.status(), StatusCode::FORBIDDEN);
}
