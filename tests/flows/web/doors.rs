//! In and out: sessions begin anew, end for good, and nobody is led away or let in by trickery.

use faena_tests::wait::eventually;
use reqwest::{StatusCode, header};

use super::{PASSWORD, Page, Web, leads_to};

#[tokio::test]
async fn a_session_begins_under_a_new_name_and_ends_for_good() {
    let web = Web::start().await.with_demo_accounts().await;
    let visitor = web.visitor();
    let login = [("email", "aprendiz@faena.example"), ("password", PASSWORD), ("next", "")];

    // A session that the browser brings along, as somebody else may have planted it.
    let (form, planted) = ("A".repeat(43), "AAAAAAAAAAAAAAAAAAAAAA");
    let cookies = format!("form={form}; session={planted}");
    let page = visitor.asks("/entrar").header(header::COOKIE, &cookies).send().await.unwrap();
    let token = Page::of(page).await.token();
    let fields: Vec<_> = login.into_iter().chain([("csrf", &*token)]).collect();
    let request = visitor.client.post(format!("{}/entrar", visitor.site)).header(header::COOKIE, &cookies);
    let answer = request.form(&fields).send().await.unwrap();
    let cookie = answer.cookies().find(|cookie| cookie.name() == "session").expect("a session");
    assert!(cookie.http_only() && cookie.same_site_lax() && cookie.path() == Some("/"));
    assert_ne!(cookie.value(), planted);
    assert_eq!(leads_to(&answer), "/cuenta");
    let first = cookie.value().to_owned();

    let account = visitor.get("/cuenta").await;
    assert_eq!(account.headers()[header::CACHE_CONTROL], "no-store");
    let goodbye = visitor.send("/cuenta", "/salir", &[]).await;
    assert_eq!(leads_to(&goodbye), "/");

    // The cookie that was stolen before is worth nothing now, although the cache was filled with it.
    let thief = web.visitor();
    let answer = thief.asks("/cuenta").header(header::COOKIE, format!("session={first}")).send().await.unwrap();
    assert_eq!(leads_to(&answer), "/entrar?next=%2Fcuenta");
    assert_eq!(web.number("select count(*) from core.sessions").await, 0);

    let again = visitor.send("/entrar", "/entrar", &login).await;
    assert_ne!(again.cookies().find(|cookie| cookie.name() == "session").expect("a session").value(), first);
}

#[tokio::test]
async fn reading_pages_writes_no_session() {
    let web = Web::start().await;
    let visitor = web.visitor();
    for path in ["/", "/registro", "/entrar", "/verificar?token=x", "/nowhere"] {
        visitor.get(path).await;
    }
    assert_eq!(web.number("select count(*) from core.sessions").await, 0);
}

#[tokio::test]
async fn an_old_session_lives_on_while_it_is_used() {
    let web = Web::start().await.with_demo_accounts().await;
    let visitor = web.signed_in("aprendiz").await;
    let ends_in = "select extract(epoch from expires_at - now())::bigint from core.sessions";
    sqlx::raw_sql("update core.sessions set expires_at = now() + interval '1 hour'").execute(&web.stores.db).await.unwrap();

    visitor.get("/cuenta").await;
    assert!(web.number(ends_in).await < 3_700, "a fresh session is not written again");

    let mut cache = redis::Client::open(web.stores.redis_url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("{}:web:session:*", web.stores.namespace);
    // The cache is not waited for: what it did not take at one visit it takes at another.
    let cached = eventually("the session to be cached", async || {
        visitor.get("/cuenta").await;
        let keys: Vec<String> = redis::cmd("KEYS").arg(&pattern).query_async(&mut cache).await.unwrap();
        keys.into_iter().next()
    })
    .await;
    let old = "update core.sessions set data = jsonb_set(data, '{touched}', '1000')";
    sqlx::raw_sql(old).execute(&web.stores.db).await.unwrap();
    let () = redis::cmd("DEL").arg(cached).query_async(&mut cache).await.unwrap();
    let answer = visitor.get("/cuenta").await;

    assert!(answer.cookies().any(|cookie| cookie.name() == "session"), "the browser is told as well");
    assert!(web.number(ends_in).await > 86_000);
}

#[tokio::test]
async fn a_closed_account_is_out_at_once_and_stays_out() {
    let web = Web::start().await.with_demo_accounts().await;
    let visitor = web.signed_in("agente").await;
    sqlx::raw_sql("update core.users set disabled_at = now() where email = 'agente@faena.example'")
        .execute(&web.stores.db)
        .await
        .unwrap();

    assert_eq!(leads_to(&visitor.get("/cuenta").await), "/entrar?next=%2Fcuenta");

    let login = |password| [("email", "agente@faena.example"), ("password", password), ("next", "")];
    let right = Page::of(visitor.send("/entrar", "/entrar", &login(PASSWORD)).await).await;
    assert!(right.text("[role=alert]").contains("cerrada"));
    let wrong = Page::of(visitor.send("/entrar", "/entrar", &login("otra cosa")).await).await;
    assert!(wrong.text("[role=alert]").contains("no son correctos"), "only who knows the password learns that it is closed");
}

#[tokio::test]
async fn a_role_changes_what_is_open_at_the_next_click() {
    let web = Web::start().await.with_demo_accounts().await;
    let visitor = web.signed_in("aprendiz").await;
    assert_eq!(visitor.get("/ops").await.status(), StatusCode::FORBIDDEN);
    sqlx::raw_sql("update core.users set role = 'operator' where email = 'aprendiz@faena.example'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    assert_eq!(visitor.get("/ops").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_was_going_somewhere_gets_there_and_nowhere_else() {
    let web = Web::start().await.with_demo_accounts().await;
    for (next, goes_to) in [
        ("/ops/jobs?state=dead", "/ops/jobs?state=dead"),
        ("", "/ops"),
        ("//evil.example", "/ops"),
        ("/\\evil.example", "/ops"),
        ("https://evil.example/", "/ops"),
        ("/\t/evil.example", "/ops"),
    ] {
        let visitor = web.visitor();
        let login = [("email", "operadora@faena.example"), ("password", PASSWORD), ("next", next)];
        assert_eq!(leads_to(&visitor.send("/entrar", "/entrar", &login).await), goes_to, "{next:?}");
    }
    let visitor = web.visitor();
    assert_eq!(visitor.page("/entrar?next=//evil.example").await.attribute("input[name=next]", "value").as_deref(), Some(""));
    assert_eq!(visitor.page("/entrar?next=/cuenta").await.attribute("input[name=next]", "value").as_deref(), Some("/cuenta"));
}

#[tokio::test]
async fn guessing_is_slowed_down_and_the_owner_is_not_told_who_exists() {
    let web = Web::start().await.with_demo_accounts().await;
    for account in ["agente@faena.example", "nadie@faena.example"] {
        let visitor = web.visitor();
        let token = visitor.page("/entrar").await.token();
        let login = [("email", account), ("password", "otra cosa"), ("next", "")];

        // Ten by the cache's count; a try that the cache answers late is counted by the web itself, which has ten more.
        let (mut refused, mut answer) = (0, visitor.send_with(&token, "/entrar", &login).await);
        while answer.status() == StatusCode::UNPROCESSABLE_ENTITY {
            (refused, answer) = (refused + 1, visitor.send_with(&token, "/entrar", &login).await);
        }
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{account}");
        assert!((10..=20).contains(&refused), "{account}: {refused}");
        let wait: u64 = answer.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    // Another account from the same place is free, and one that signs in well is never slowed down.
    for _ in 0..3 {
        web.signed_in("jefa").await;
    }
}

#[tokio::test]
async fn a_cookie_that_was_tampered_with_is_nobodys() {
    let web = Web::start().await.with_demo_accounts().await;
    for cookie in ["session=", "session=%00", "session=AAAAAAAAAAAAAAAAAAAAAA", "session=ñ", "session=a; session=b", "form=x"] {
        let answer = web.visitor().asks("/cuenta").header(header::COOKIE, cookie).send().await.unwrap();
        assert_eq!(leads_to(&answer), "/entrar?next=%2Fcuenta", "{cookie}");
        let answer = web.visitor().asks("/").header(header::COOKIE, cookie).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{cookie}");
    }
}
