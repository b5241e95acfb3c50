//! Registering: everything or nothing, and a sentence at each field that is wrong.

use faena_tests::process::try_to_end;
use futures_util::future::join_all;
use reqwest::StatusCode;

use super::{Page, Web, leads_to};

const STRONG: &str = "sopa de letras a las 7";

#[tokio::test]
async fn who_registers_is_signed_in_and_a_letter_is_promised() {
    let web = Web::start().await;
    let visitor = web.visitor();

    let answer = visitor.registers("  Bego\u{6e}\u{303}a Núñez 李 ", " Begona@Correo.EXAMPLE ", STRONG).await;

    assert_eq!(leads_to(&answer), "/cuenta?done=registered");
    let account = visitor.page("/cuenta").await;
    assert_eq!(account.text("h1"), "Hola, Begoña Núñez 李");
    assert!(account.text(".letter").contains("Begona@correo.example"));
    assert_eq!(account.text("[aria-current=step]"), "En cola");
    let (role, locale, hash, job): (String, String, String, serde_json::Value) = sqlx::query_as(
        "select role, locale, password_hash, o.args from core.users u join faena.outbox o on (o.args->>'user_id')::bigint = u.id",
    )
    .fetch_one(&web.stores.db)
    .await
    .unwrap();
    assert_eq!((role.as_str(), locale.as_str()), ("learner", "es"));
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(job["resend"], 0);
}

#[tokio::test]
async fn the_english_page_makes_an_english_account() {
    let web = Web::start().await;
    let visitor = web.visitor();
    let fields = [("full_name", "Ann"), ("email", "ann@mail.example"), ("password", STRONG)];

    let answer = visitor.send("/register", "/register", &fields).await;

    assert_eq!(leads_to(&answer), "/account?done=registered");
    assert_eq!(web.number("select count(*) from core.users where locale = 'en'").await, 1);
}

#[tokio::test]
async fn what_nobody_sees_in_a_name_is_left_out_of_it() {
    let web = Web::start().await;

    let answer = web.visitor().registers("A\u{200b}na\u{feff} Luz", "ana@correo.example", STRONG).await;

    assert_eq!(leads_to(&answer), "/cuenta?done=registered");
    assert_eq!(web.number("select count(*) from core.users where full_name = 'Ana Luz'").await, 1);
}

#[tokio::test]
async fn every_mistake_is_told_at_its_field_and_nothing_is_written() {
    let web = Web::start().await.with_demo_accounts().await;
    let before = web.number("select count(*) from core.users").await;
    let visitor = web.visitor();
    let long = format!("{}@correo.example", "a".repeat(320));
    for (field, name, email, password, said) in [
        ("full_name", " \u{200d} ", "a@correo.example", STRONG, "Escribe tu nombre."),
        ("full_name", "Ana\0", "a@correo.example", STRONG, "caracteres que no se pueden mostrar"),
        ("full_name", "A\u{202e}na", "a@correo.example", STRONG, "caracteres que no se pueden mostrar"),
        ("full_name", &"ñ".repeat(201), "a@correo.example", STRONG, "hasta 200 caracteres"),
        ("email", "Ana", "ana@@correo", STRONG, "No parece un correo"),
        ("email", "Ana", "a\0@correo.example", STRONG, "No parece un correo"),
        ("email", "Ana", &long, STRONG, "hasta 254 caracteres"),
        ("email", "Ana", " APRENDIZ@faena.example", STRONG, "Ya hay una cuenta"),
        ("password", "Ana", "a@correo.example", "corta", "al menos 10 caracteres"),
        ("password", "Ana", "a@correo.example", "12345678910", "se prueban primero"),
        ("password", "Consuelo Güell", "a@correo.example", "ConsueloGüell1", "Se adivina con tu nombre"),
        ("password", "Ana", "a@correo.example", &"x1Y ".repeat(40), "hasta 128"),
    ] {
        let page = Page::of(visitor.registers(name, email, password).await).await;

        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(page.text(&format!("#{field}-problem")).contains(said), "{said}: {}", page.text(&format!("#{field}-problem")));
        let input = format!("#{field}[aria-invalid=true][autofocus]");
        assert!(page.attribute(&input, "aria-describedby").unwrap().starts_with(&format!("{field}-problem")));
        assert_eq!(page.texts("[aria-invalid]").len(), 1);
        let kept = page.attribute(if field == "email" { "#full_name" } else { "#email" }, "value");
        assert_eq!(kept.as_deref(), Some(if field == "email" { name } else { email }), "the other fields are kept");
        assert_eq!(page.attribute("#password", "value"), None, "the password never comes back");
    }
    assert_eq!(web.number("select count(*) from core.users").await, before);
    assert_eq!(web.number("select count(*) from faena.outbox").await, 0);
    assert_eq!(web.number("select count(*) from core.sessions").await, 0);
}

#[tokio::test]
async fn of_many_who_register_one_address_at_once_one_succeeds() {
    let web = Web::start().await;
    let visitors: Vec<_> = (0..6).map(|_| web.visitor()).collect();

    let answers = join_all(visitors.iter().map(|visitor| visitor.registers("Ana Luz", "Ana@correo.example", STRONG))).await;

    let statuses: Vec<_> = answers.iter().map(reqwest::Response::status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count(), 5, "{statuses:?}");
    assert_eq!(web.number("select count(*) from core.users").await, 1);
    assert_eq!(web.number("select count(*) from faena.outbox").await, 1);
}

#[tokio::test]
async fn a_body_beyond_all_measure_is_refused_in_words() {
    let web = Web::start().await;
    let visitor = web.visitor();
    for bytes in [70_000, 3_000_000] {
        let page = Page::of(visitor.registers(&"x".repeat(bytes), "a@correo.example", STRONG).await).await;

        assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(page.text(".lead").contains("64 KiB"));
    }
    assert_eq!(web.number("select count(*) from core.users").await, 0);
}

#[tokio::test]
async fn an_operator_makes_an_agent_of_somebody_and_closes_an_account_but_never_the_last_administrators() {
    let web = Web::start().await.with_demo_accounts().await;
    let learner = web.signed_in("aprendiz").await;
    assert_eq!(learner.get("/solicitudes").await.status(), StatusCode::FORBIDDEN);
    let change = async |who: &str, more: &[&str]| {
        let args = [&["accounts", "change", who, "--by", "operadora"][..], more].concat();
        try_to_end("worker", &args, &web.stores.settings()).await
    };

    let (ok, said, _) = change("aprendiz@faena.example", &["--role", "agent", "--time-zone", "Europe/Madrid"]).await;

    assert!(ok && said.trim() == "agent, Europe/Madrid", "{said}");
    assert_eq!(learner.get("/solicitudes").await.status(), StatusCode::OK, "at once");
    let (ok, ..) = change("aprendiz@faena.example", &["--close"]).await;
    assert!(ok);
    assert_eq!(learner.get("/solicitudes").await.status(), StatusCode::SEE_OTHER, "and out at once");
    for (who, more, why) in [
        ("admin@faena.example", &["--close"][..], "this is the last account that administrates"),
        ("admin@faena.example", &["--role", "learner"], "this is the last account that administrates"),
        ("nadie@faena.example", &["--reopen"], "no account has the address nadie@faena.example"),
        ("aprendiz@faena.example", &["--role", "boss"], "the roles are learner, instructor, agent"),
        ("aprendiz@faena.example", &[], "--role"),
        ("aprendiz", &["--reopen"], "the address is malformed"),
    ] {
        let (ok, _, error) = change(who, more).await;
        assert!(!ok && error.contains(why), "{who} {more:?}: {error}");
    }
    let (ok, listed, _) = try_to_end("worker", &["accounts", "list", "--role", "agent", "--json"], &web.stores.settings()).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let closed: Vec<&str> = listed["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|account| !account["disabled_at"].is_null())
        .filter_map(|account| account["email"].as_str())
        .collect();
    assert!(ok && closed == ["aprendiz@faena.example"], "{listed}");
    let noted: i64 =
        web.number("select count(*) from core.audit_log where action = 'amend_account' and detail ->> 'by' = 'operadora'").await;
    assert_eq!(noted, 2);
}
