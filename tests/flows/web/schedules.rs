//! Schedules on the operators' pages, without JavaScript.

use std::sync::Arc;

use faena_tests::wait::until;
use reqwest::StatusCode;
use schedules::Operations;

use super::{Page, Visitor, Web, leads_to};

const FORM: &str = "/ops/new-schedule";

fn operations(web: &Web) -> Operations {
    Operations::new(web.stores.db.clone(), Arc::new(jobs::catalogue()))
}

/// A form filled in, but for what a test says otherwise.
fn filled<'a>(other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("name", "sweep_often"),
        ("expression", "*/20 * * * *"),
        ("time_zone", "America/Bogota"),
        ("job", "sweep_sessions"),
        ("args", "{}"),
        ("catch_up", "once"),
        ("within", "6h"),
        ("jitter", ""),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !other.iter().any(|(said, _)| said == name));
    kept.chain(other.iter().copied()).collect()
}

async fn made(operator: &Visitor, other: &[(&str, &str)]) {
    let answer = operator.send(FORM, "/ops/schedules", &filled(other)).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
}

/// Where no worker runs, none watches either.
#[tokio::test]
async fn a_schedule_that_fires_nowhere_is_noticed_by_the_web_alone() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    made(&operator, &[]).await;
    let nobody_looks = "update faena.schedules set settled_to = now() - interval '1 hour', next_at = now() - interval '1 hour'
        where name = 'sweep_often'";
    sqlx::raw_sql(nobody_looks).execute(&web.stores.db).await.unwrap();

    until("the notice", async || {
        web.number("select count(*) from faena.notices where key = 'schedule_late:sweep_often'").await == 1
    })
    .await;
    until("the overview to say so", async || operator.page("/ops").await.html.contains("/ops/schedules/sweep_often")).await;
}

#[tokio::test]
async fn an_operator_makes_a_schedule_looks_ahead_changes_runs_and_deletes_it() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let mine = "/ops/schedules/sweep_often";

    let look = filled(&[("expression", "0 9 * * 1-5"), ("look", "1")]);
    let looked = Page::of(operator.send(FORM, "/ops/schedules", &look).await).await;
    assert_eq!(
        (looked.status, looked.text("[role=status] .say")),
        (StatusCode::OK, "A las 09:00, de lunes a viernes".to_owned())
    );
    assert_eq!(looked.texts("[role=status] li").len(), 10);
    assert_eq!(operator.get(mine).await.status(), StatusCode::NOT_FOUND, "looking makes nothing");

    let answer =
        operator.send(FORM, "/ops/schedules", &filled(&[("catch_up", "all"), ("within", "12h"), ("jitter", "30s")])).await;
    assert_eq!(leads_to(&answer), format!("{mine}?done=created"));
    let page = operator.page(leads_to(&answer)).await;
    assert_eq!(page.text("h1"), "sweep_often");
    assert!(page.text(".facts").contains("Cada 20 minutos") && page.text(".facts").contains("hasta 12h atrás"), "{}", page.html);
    assert_eq!(page.texts(".to-come li").len(), 10);
    assert!(operator.page("/ops/schedules").await.text("tbody").contains("Cada 20 minutos (America/Bogota) sweep_sessions"));

    let answer = operator.send(mine, &format!("{mine}/run-now"), &[]).await;
    let ran = operator.page(leads_to(&answer)).await;
    let job = ran.attribute("[role=status] a", "href").unwrap();
    assert_eq!(operator.page(&job).await.text("h1 code"), "sweep_sessions");
    assert!(ran.text("tbody").contains("a mano") && ran.text("tbody").contains("operadora@faena.example"), "{}", ran.html);

    operator.send(mine, &format!("{mine}/pause"), &[]).await;
    assert!(operator.page("/ops/schedules").await.text("tbody").contains("en pausa"));
    operator.send(mine, &format!("{mine}/resume"), &[]).await;
    assert!(operations(&web).get("sweep_often").await.unwrap().paused_at.is_none());

    let answer = operator.send(mine, &format!("{mine}/delete"), &[]).await;
    assert_eq!(leads_to(&answer), "/ops/schedules?done=deleted");
    assert_eq!(operator.get(mine).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_runs_a_schedule_in_vain_is_told_why() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let mine = "/ops/schedules/sweep_often";
    made(&operator, &[("job", "check_pending_payments")]).await;
    let runs = async || operator.page(leads_to(&operator.send(mine, &format!("{mine}/run-now"), &[]).await)).await;

    let (first, again) = (runs().await, runs().await);

    let job = first.attribute("[role=status] a", "href").unwrap();
    assert!(again.text("[role=status]:not([data-stale])").starts_with("No hace falta otro"), "{}", again.html);
    assert_eq!(again.attribute("[role=status] a", "href"), Some(job), "it leads to the one that is wanted already");

    sqlx::raw_sql("update faena.schedules set job = 'of_a_newer_binary' where name = 'sweep_often'")
        .execute(&web.stores.db)
        .await
        .unwrap();
    assert!(runs().await.text("[role=status]:not([data-stale])").starts_with("No se encoló nada"));
    assert_eq!(web.number("select count(*) from faena.outbox where name = 'check_pending_payments'").await, 1);
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_in_the_readers_language() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let wrong = [
        ("name", "Mal nombre"),
        ("expression", "0 25 * * *"),
        ("time_zone", "Marte/Base"),
        ("job", "welcome_learner"),
        ("args", "{\"user_id\": \"siete\"}"),
        ("catch_up", "all"),
        ("within", "mucho"),
        ("jitter", "2h"),
    ];
    let page = Page::of(operator.send(FORM, "/ops/schedules", &wrong).await).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.texts(".problem").len(), 6, "{:?}", page.texts(".problem"));
    assert_eq!(page.text("#expression-problem"), "La hora «25» no se entiende: va de 0 a 23.");
    assert!(page.text("#args-problem").contains("invalid type: string"), "{}", page.text("#args-problem"));
    assert_eq!(page.attribute("#name", "value"), Some("Mal nombre".to_owned()), "what was typed is still there");
    let never = filled(&[("expression", "0 0 30 2 *")]);
    let page = Page::of(operator.send(FORM, "/ops/schedules", &never).await).await;
    assert_eq!(page.text("#expression-problem"), "Ese día no llega nunca.");

    made(&operator, &[]).await;
    let page = Page::of(operator.send(FORM, "/ops/schedules", &filled(&[])).await).await;
    assert_eq!(page.text("#name-problem"), "Ya hay un horario con ese nombre.");
}

#[tokio::test]
async fn who_only_asks_when_it_would_tick_need_not_name_it_yet() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let asked = filled(&[("name", ""), ("job", ""), ("args", ""), ("expression", "0 9 * * 5#2"), ("look", "1")]);

    let page = Page::of(operator.send(FORM, "/ops/schedules", &asked).await).await;

    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    assert_eq!(page.text("#ahead"), "A las 09:00, el segundo viernes de cada mes");
    assert_eq!(page.texts(".to-come li").len(), 10);
}

#[tokio::test]
async fn two_who_edit_at_once_do_not_undo_each_other() {
    let web = Web::start().await.with_demo_accounts().await;
    let (one, other) = (web.signed_in("operadora").await, web.signed_in("admin").await);
    made(&one, &[]).await;
    let edit = "/ops/schedules/sweep_often/edit";
    let version = one.page(edit).await.attribute("[name=version]", "value").unwrap();

    let first = other.send(edit, edit, &filled(&[("expression", "5 * * * *"), ("version", &version)])).await;
    assert_eq!(leads_to(&first), "/ops/schedules/sweep_often?done=edited");
    let second = Page::of(one.send(edit, edit, &filled(&[("expression", "6 * * * *"), ("version", &version)])).await).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.text("[role=alert]").contains("Alguien cambió este horario"), "{}", second.html);
    let same = filled(&[("expression", "5 * * * *"), ("version", "2")]);
    assert_eq!(leads_to(&one.send(edit, edit, &same).await), "/ops/schedules/sweep_often?done=edited");
    let view = operations(&web).get("sweep_often").await.unwrap();
    assert_eq!(view.version, 2, "what changes nothing is no edit");
    assert_eq!((view.expression.as_str(), view.edited_by.as_deref()), ("5 * * * *", Some("admin@faena.example")));
}

#[tokio::test]
async fn the_web_itself_notices_a_schedule_that_no_worker_fires() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    made(&operator, &[]).await;
    sqlx::query("update faena.schedules set next_at = clock_timestamp() - interval '5 minutes'")
        .execute(&web.stores.db)
        .await
        .unwrap();

    until("the alert on the overview", async || {
        operator.page("/ops").await.texts("[role=alert]").iter().any(|alert| alert.contains("sweep_often"))
    })
    .await;
    let list = operator.page("/ops/schedules").await.text("tbody");
    assert!((5..15).any(|minutes| list.contains(&format!("tarde: {minutes} min"))), "{list}");
    assert!(operator.page("/ops/schedules/sweep_often").await.text("[role=alert]").contains("¿Hay algún worker en marcha"));
}

#[tokio::test]
async fn what_is_no_schedule_is_not_found_and_the_programs_own_are_not_edited() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    for path in ["/ops/schedules/nothing", "/ops/schedules/%00", "/ops/schedules/nothing/edit", "/ops/schedules/x%27y"] {
        assert_eq!(operator.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/ops/schedules?after=%00", "/ops/schedules?after=zzz"] {
        assert_eq!(operator.get(path).await.status(), StatusCode::OK, "{path}");
    }
    for verb in ["run-now", "pause", "resume", "delete", "edit"] {
        let answer = operator.send(FORM, &format!("/ops/schedules/nothing/{verb}"), &filled(&[])).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{verb}");
    }

    made(&operator, &[("name", "of_the_program")]).await;
    sqlx::query("update faena.schedules set source = 'code'").execute(&web.stores.db).await.unwrap();
    let page = operator.page("/ops/schedules/of_the_program").await;
    assert!(page.text(".soft").contains("Este horario es del propio programa"), "{}", page.html);
    assert!(page.texts("[href$=edit], [action$=delete]").is_empty());
    assert_eq!(leads_to(&operator.get("/ops/schedules/of_the_program/edit").await), "/ops/schedules/of_the_program");
    for verb in ["delete", "edit"] {
        let answer = operator.send(FORM, &format!("/ops/schedules/of_the_program/{verb}"), &filled(&[])).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{verb}");
    }
    for name in ["b", "a"] {
        made(&operator, &[("name", name)]).await;
    }
    let english = operator.page("/ops/schedules/a").await;
    assert_eq!(english.text("h1"), "a");
}
