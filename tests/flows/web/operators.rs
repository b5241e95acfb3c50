//! What operators see and do, without JavaScript.

use queue::{JobId, Operations, OrderByName, Paused, operations::State};
use reqwest::StatusCode;
use uuid::Uuid;

use super::{Page, Web, leads_to};

async fn letter_due_later(web: &Web) -> JobId {
    let mut tx = web.stores.db.begin().await.unwrap();
    let later = Some(chrono::Utc::now() + chrono::TimeDelta::hours(1));
    let order =
        OrderByName { name: "welcome_learner", args: r#"{"user_id":1,"resend":7}"#, run_at: later, ..OrderByName::default() };
    let id = jobs::catalogue().enqueue_by_name(&mut tx, order).await.unwrap().id;
    tx.commit().await.unwrap();
    id
}

async fn state_of(operations: &Operations, id: JobId) -> State {
    operations.job(id).await.unwrap().unwrap().summary.state
}

#[tokio::test]
async fn what_is_paused_stands_on_the_overview_with_whoever_paused_it() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let operations = Operations::new(web.stores.store.clone(), web.stores.db.clone());
    operations.pause_jobs(&Paused::Tenant("Año <nuevo>".to_owned()), "ana@faena.example").await.unwrap();
    operations.pause_jobs(&Paused::Job("touch".to_owned()), "eva@faena.example").await.unwrap();

    let notices = operator.page("/ops").await.texts(".notice.warn:not([data-stale])");

    assert!(notices[0].contains("Los trabajos touch están en pausa") && notices[0].contains("eva@faena.example"), "{notices:?}");
    assert!(notices[1].contains("Los trabajos de Año <nuevo> están en pausa"), "{notices:?}");
}

#[tokio::test]
async fn an_operator_cancels_a_job_and_has_it_promised_again() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let id = letter_due_later(&web).await;
    let page = format!("/ops/jobs/{id}");

    let overview = operator.page("/ops").await;
    assert!(overview.text("[role=alert]").contains("Ningún worker"), "the worst news is first");
    let list = operator.page("/ops/jobs?state=outboxed").await;
    assert_eq!(list.attribute("tbody a", "href"), Some(page.clone()));
    assert_eq!(leads_to(&operator.get(&format!("/ops/jobs?id=%20{id}")).await), page);

    let answer = operator.send(&page, &format!("{page}/cancel"), &[]).await;
    assert_eq!(leads_to(&answer), format!("{page}?done=cancelled"));
    let shown = operator.page(leads_to(&answer)).await;
    assert_eq!(shown.text("h1"), "welcome_learner cancelado");
    assert!(shown.text("table").contains("operadora@faena.example"), "who did it stands there");
    assert_eq!(state_of(&web.stores.operations(), id).await, State::Cancelled);

    let late = operator.send(&page, &format!("{page}/cancel"), &[]).await;
    assert_eq!(leads_to(&late), format!("{page}?done=wrong_state"));
    let answer = operator.send(&page, &format!("{page}/retry"), &[]).await;
    assert_eq!(leads_to(&answer), format!("{page}?done=enqueued_again"));
    assert_eq!(state_of(&web.stores.operations(), id).await, State::Outboxed);
}

#[tokio::test]
async fn an_operator_changes_what_a_job_is_to_do_and_has_one_forgotten_that_is_over() {
    let web = Web::start().await.with_demo_accounts().await;
    jobs::catalogue().publication().write(&mut web.stores.db.acquire().await.unwrap(), "a story").await.unwrap();
    let operator = web.signed_in("operadora").await;
    let id = letter_due_later(&web).await;
    let (page, form) = (format!("/ops/jobs/{id}"), format!("/ops/jobs/{id}/edit"));
    let shown = operator.page(&form).await;
    assert!(shown.text("textarea").contains(r#""user_id": 1"#), "{}", shown.html);

    let refused = async |args: &str, run_at: &str| {
        let answer = operator.send(&form, &form, &[("args", args), ("run_at", run_at)]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{args} {run_at}");
        let again = Page::of(answer).await;
        assert_eq!(again.text("textarea").trim(), args, "what was typed is not lost");
        again.text(".problem")
    };
    assert!(refused("{oops", "").await.contains("no son JSON"));
    assert!(refused(r#"{"user_id":"<b>"}"#, "").await.contains("args/user_id"));
    assert!(refused(r#"{"user_id":1,"resend":7}"#, "mañana").await.contains("no es una fecha"));
    let unchanged = shown.text("textarea").trim().to_owned();
    assert!(refused(&unchanged, "").await.contains("No cambiaste nada"));

    let answer = operator.send(&form, &form, &[("args", r#"{"user_id":2,"resend":7}"#), ("run_at", "2030-01-02T08:30")]).await;
    assert_eq!(leads_to(&answer), format!("{page}?done=edited"));
    let job = web.stores.operations().job(id).await.unwrap().unwrap();
    let args: serde_json::Value = serde_json::from_str(&job.args).unwrap();
    assert_eq!(args["user_id"], 2);
    // The operator's clock is Bogotá's.
    assert_eq!(job.run_at.unwrap().to_rfc3339(), "2030-01-02T13:30:00+00:00");
    assert!(operator.page(&page).await.text("table").contains("edit"), "who did what stands there");

    let early = operator.send(&page, &format!("{page}/delete"), &[]).await;
    assert_eq!(leads_to(&early), format!("{page}?done=wrong_state"));
    operator.send(&page, &format!("{page}/cancel"), &[]).await;
    let answer = operator.send(&page, &format!("{page}/delete"), &[]).await;
    assert_eq!(leads_to(&answer), "/ops/jobs?state=cancelled");
    for gone in [&page, &form] {
        assert_eq!(operator.get(gone).await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_job_shows_what_was_asked_beside_it_and_no_secret() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let (id, next) = (Uuid::now_v7(), Uuid::now_v7());
    let sealed = r#"{"$secret": "v1.k1.AAAA.BBBB"}"#;
    let terms = format!(
        r#"{{"tenant": "Academia Ñandú", "expires_at": 4102444800000, "unique": {{"key": "charge:user=7", "until": "end"}},
            "follow_ups": [{{"on": "death", "id": "{next}", "name": "apologize", "version": 1, "lane": "low", "args": {sealed}}}]}}"#
    );
    sqlx::query("insert into faena.outbox (id, queue, name, version, args, terms) values ($1, 'default', 'charge', 1, $2::jsonb, $3::jsonb)")
        .bind(id)
        .bind(format!(r#"{{"user": 7, "card": {sealed}}}"#))
        .bind(terms)
        .execute(&web.stores.db)
        .await
        .unwrap();

    let page = operator.page(&format!("/ops/jobs/{id}")).await;

    assert!(!page.html.contains("BBBB") && page.text("pre").contains(r#""card": "[secret]""#), "{}", page.html);
    let facts = page.text("dl");
    assert!(
        facts.contains("Academia Ñandú") && facts.contains("charge:user=7") && facts.contains("2099-12-31 19:00:00"),
        "{facts}"
    );
    assert_eq!(page.text("ul[aria-labelledby=follows] li"), "Si muere: apologize");
    assert_eq!(page.attribute("ul[aria-labelledby=follows] a", "href"), Some(format!("/ops/jobs/{next}")));
}

#[tokio::test]
async fn what_nobody_knows_is_not_found_and_nonsense_asks_for_nothing() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("admin").await;
    for path in [format!("/ops/jobs/{}", Uuid::now_v7()), "/ops/jobs/no-id".to_owned(), "/ops/jobs/%00".to_owned()] {
        assert_eq!(operator.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in
        ["/ops/jobs?state=x&queue=y&after=z", "/ops/jobs?after=%00", "/ops/jobs?state=running&after=low~1~x", "/ops/jobs?id=%27"]
    {
        assert_eq!(operator.get(path).await.status(), StatusCode::OK, "{path}");
    }
    let unknown = format!("/ops/jobs/{}/retry", Uuid::now_v7());
    assert_eq!(operator.send("/ops", &unknown, &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page_and_misses_nothing() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let mut wanted = Vec::new();
    for _ in 0..120 {
        wanted.push(format!("/ops/jobs/{}", letter_due_later(&web).await));
    }
    let (mut seen, mut address) = (Vec::new(), Some("/ops/jobs?state=outboxed".to_owned()));
    while let Some(path) = address {
        let page: Page = operator.page(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        seen.extend(page.each("tbody th a", |link| link.attr("href").unwrap_or_default().to_owned()));
        address = page.attribute("a[rel=next]", "href");
    }
    seen.sort();
    wanted.sort();
    assert_eq!(seen, wanted);
}
