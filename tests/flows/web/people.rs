//! Who people are, as an administrator sets it, and what everybody sets about themselves.

use reqwest::StatusCode;

use super::{Page, Visitor, Web, clients::MAIN};

impl Visitor {
    /// The addresses on a list of accounts, page after page, and how many pages there were.
    async fn lists_people(&self, query: &str) -> (Vec<String>, usize) {
        let (mut found, mut pages) = (Vec::new(), 0);
        let mut next = Some(format!("/admin/accounts?{query}"));
        while let Some(path) = next {
            let page = self.page(&path).await;
            found.extend(page.texts("tbody tr td:nth-child(3)"));
            pages += 1;
            next = page.attribute("a[rel=next]", "href");
        }
        (found, pages)
    }
}

async fn account(web: &Web, who: &str) -> String {
    let id: i64 = sqlx::query_scalar("select id from core.users where email = $1")
        .bind(format!("{who}@faena.example"))
        .fetch_one(&web.stores.db)
        .await
        .unwrap();
    format!("/admin/accounts/{id}")
}

#[tokio::test]
async fn an_administrator_finds_people_by_a_part_of_their_name_or_address_page_by_page() {
    let web = Web::start().await.with_demo_accounts().await;
    sqlx::raw_sql(
        "insert into core.users (email, full_name, role, password_hash, disabled_at)
         select 'p' || lpad(n::text, 3, '0') || '@personas.example', 'Persona ' || n, 'learner', '-', case when n % 10 = 0 then now() end
         from generate_series(1, 120) n;
         insert into core.users (email, full_name, role, password_hash) values ('a%b_c@signos.example', 'José Ñáñez', 'client', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true);
         insert into desk.clients (name, calendar_id) select 'Óptica <Sol>', id from desk.calendars;
         insert into desk.contacts (user_id, client_id) select u.id, c.id from core.users u, desk.clients c where u.email like '%signos%'",
    )
    .execute(&web.stores.db)
    .await
    .unwrap();
    let admin = web.signed_in("admin").await;
    let expected = async |sql: &'static str| sqlx::query_scalar::<_, String>(sql).fetch_all(&web.stores.db).await.unwrap();

    let (all, pages) = admin.lists_people("").await;
    assert_eq!((all, pages), (expected("select email::text from core.users order by email").await, 3));
    let (closed, _) = admin.lists_people("standing=closed&role=learner").await;
    assert_eq!(closed, expected("select email::text from core.users where disabled_at is not null order by email").await);
    assert_eq!(closed.len(), 12);
    for (query, found) in [
        ("find=nanez", &["a%b_c@signos.example"][..]),
        ("find=OSE+%C3%91%C3%A1", &["a%b_c@signos.example"]),
        ("find=a%25b_c", &["a%b_c@signos.example"]),
        ("find=p007%40personas", &["p007@personas.example"]),
        ("find=begona&role=instructor", &["instructora@faena.example"]),
        ("find=begona&role=agent", &[]),
        ("role=agent&after=%00", &["agente@faena.example"]),
    ] {
        assert_eq!(admin.lists_people(query).await.0, found, "{query}");
    }
    assert_eq!(admin.lists_people("find=%25").await.0.len(), 128, "a sign alone asks for nothing, and is no pattern");
    let row = admin.page("/admin/accounts?find=nanez").await.text("tbody tr");
    assert!(row.contains("José Ñáñez") && row.contains("Cliente") && row.contains("Óptica <Sol>"), "{row}");
    assert_eq!(web.signed_in("operadora").await.get("/admin/accounts").await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_administrator_changes_what_somebody_is_and_undoes_nothing_that_they_have_not_seen() {
    let web = Web::start().await.with_demo_accounts().await;
    let (admin, learner) = (web.signed_in("admin").await, web.signed_in("aprendiz").await);
    let path = account(&web, "aprendiz").await;
    let before = admin.page(&path).await;

    let (status, saved) = admin.fills(&before, MAIN, &[("role", Some("agent"))]).await;

    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(saved.text("[role=status]").contains("Guardado"), "{}", saved.html);
    assert_eq!(learner.get("/tablero").await.status(), StatusCode::OK, "at once");
    // From the page of before somebody changes the zone alone.
    let (_, moved) = admin.fills(&before, MAIN, &[("time_zone", Some("europe/madrid"))]).await;
    let standing: (String, String) = sqlx::query_as("select role, time_zone from core.users where email like 'aprendiz%'")
        .fetch_one(&web.stores.db)
        .await
        .unwrap();
    assert_eq!(standing, ("agent".to_owned(), "Europe/Madrid".to_owned()));
    let changes = moved.texts("table tbody tr");
    assert!(changes[0].contains("Europe/Madrid") && changes[1].contains("Agente"), "the last one first: {changes:?}");
    assert!(changes.iter().all(|change| change.contains("Andrés Camacho")), "{changes:?}");
    let noted = "select count(*) from core.audit_log a join core.users u on u.id = a.actor_id
         where a.action = 'amend_account' and u.email = 'admin@faena.example' and a.detail ->> 'by' = 'admin@faena.example'";
    assert_eq!(web.number(noted).await, 2);
    let (_, same) = admin.fills(&moved, MAIN, &[]).await;
    assert!(same.text("[role=status]").contains("No cambiaste nada"), "{}", same.html);
    assert_eq!(web.number(noted).await, 2, "nothing is noted of nothing");

    let (status, wrong) = admin.fills(&moved, MAIN, &[("time_zone", Some("America/Macondo")), ("role", Some("client"))]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text("#time_zone-problem").contains("No existe esa zona"), "{}", wrong.html);
    assert_eq!(wrong.attribute("#time_zone", "value").as_deref(), Some("America/Macondo"));
    assert_eq!(wrong.attribute("#role option[selected]", "value").as_deref(), Some("client"), "what was chosen is kept");
    let (_, closed) = admin.fills(&moved, MAIN, &[("standing", Some("closed"))]).await;
    assert!(closed.text("dl.facts").contains("Cerrada"), "{}", closed.html);
    assert_eq!(learner.get("/tablero").await.status(), StatusCode::SEE_OTHER, "and out at once");
    for (path, status) in [("/admin/accounts/999999", StatusCode::NOT_FOUND), ("/admin/accounts/x", StatusCode::NOT_FOUND)] {
        assert_eq!(admin.get(path).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn the_last_account_that_administrates_stays_and_who_administrates_no_more_is_led_away() {
    let web = Web::start().await.with_demo_accounts().await;
    let admin = web.signed_in("admin").await;
    let own = account(&web, "admin").await;
    for change in [("role", Some("learner")), ("standing", Some("closed"))] {
        let (status, refused) = admin.fills(&admin.page(&own).await, MAIN, &[change]).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert!(refused.text("[role=alert]").contains("la última cuenta que administra"), "{}", refused.html);
    }
    let other = account(&web, "jefa").await;
    admin.fills(&admin.page(&other).await, MAIN, &[("role", Some("admin"))]).await;

    let (status, account) = admin.fills(&admin.page(&own).await, MAIN, &[("role", Some("learner"))]).await;

    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(account.text("h1").contains("Andrés Camacho"), "their own account: {}", account.html);
    assert_eq!(admin.get("/admin/accounts").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(web.number("select count(*) from core.users where role = 'admin'").await, 1);
}

#[tokio::test]
async fn everybody_sets_the_clock_and_the_language_by_which_they_live() {
    let web = Web::start().await.with_demo_accounts().await;
    let agent = web.signed_in("agente").await;
    let form = "section form[action$=preferencias]";
    let page = agent.page("/cuenta").await;
    assert_eq!(page.attribute("#time_zone", "value").as_deref(), Some("America/Bogota"));

    let (status, wrong) = agent.fills(&page, form, &[("time_zone", Some("Bogotá")), ("language", Some("en"))]).await;

    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text("#time_zone-problem").contains("No existe esa zona"), "{}", wrong.html);
    assert_eq!(wrong.attribute("#time_zone", "value").as_deref(), Some("Bogotá"));
    assert_eq!(wrong.attribute("#language option[selected]", "value").as_deref(), Some("en"));

    let (status, saved) = agent.fills(&page, form, &[("time_zone", Some(" asia/tokyo")), ("language", Some("en"))]).await;

    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(saved.text("[role=status]").contains("Your preferences are saved"), "{}", saved.html);
    let noted: Vec<(String, String, i64)> = sqlx::query_as(
        "select a.detail ->> 'locale', a.detail ->> 'time_zone', (u.locale = 'en' and u.time_zone = 'Asia/Tokyo')::int::bigint
         from core.audit_log a join core.users u on u.id = a.actor_id where a.action = 'set_preferences' and u.email = 'agente@faena.example'",
    )
    .fetch_all(&web.stores.db)
    .await
    .unwrap();
    assert_eq!(noted, [("en".to_owned(), "Asia/Tokyo".to_owned(), 1)]);
    let hour = web.number("select extract(hour from now() at time zone 'Asia/Tokyo')::bigint").await;
    let told = saved.text("#time_zone-hint");
    assert!(told.contains(&format!(", {hour:02}:")) || told.contains(&format!(", {:02}:", (hour + 23) % 24)), "{told}");
    agent.fills(&saved, "section form[action$=preferences]", &[]).await;
    assert_eq!(
        web.number("select count(*) from core.audit_log where action = 'set_preferences'").await,
        1,
        "nothing is noted of nothing"
    );
    let forged = agent.send("/cuenta", "/cuenta/preferencias", &[("language", "fr"), ("time_zone", "UTC")]).await;
    assert_eq!(Page::of(forged).await.status, StatusCode::BAD_REQUEST);
}
