//! Somebody has forgotten their password: the letter, the link in it, and what the link ends.

use faena_tests::{
    process::{Process, start_worker},
    sandbox::Sandbox,
    stores::Stores,
    wait::until,
};
use reqwest::StatusCode;

use super::{Page, Visitor, Web, leads_to};

const ANA: &str = "ana@correo.example";
const OLD: &str = "sopa de letras a las 7";
const NEW: &str = "caldo de cifras a las 9";

/// A web, a worker that sends its letters, and somebody with an account.
struct Scene {
    web: Web,
    sandbox: Sandbox,
    _worker: Process,
    ana: Visitor,
}

impl Scene {
    async fn set() -> Self {
        let (web, sandbox) = (Web::start().await, Sandbox::start().await.unwrap());
        let worker = start_worker(&web.stores, &sandbox.smtp_url(), &[]).await;
        let ana = web.visitor();
        ana.registers("Ana", ANA, OLD).await;
        sandbox.mail_to(ANA).await.unwrap();
        sandbox.forget_mail().await.unwrap();
        Self { web, sandbox, _worker: worker, ana }
    }

    /// Asks for the letter and takes the link out of it.
    async fn link(&self, visitor: &Visitor) -> String {
        let before = self.sandbox.mails_now(Some(ANA)).await.unwrap().len();
        let answer = visitor.send("/contrasena", "/contrasena", &[("email", ANA)]).await;
        assert_eq!(leads_to(&answer), "/contrasena?done=asked");
        let letter = self.sandbox.mails_to(ANA, before + 1).await.unwrap().pop().unwrap();
        assert_eq!(letter.subject, "Elige otra contraseña");
        letter.link_with("/contrasena/nueva?token=").unwrap().replace("https://compilandocode.example", "")
    }

    async fn signs_in(&self, password: &str) -> StatusCode {
        let fields = [("email", ANA), ("password", password), ("next", "")];
        self.web.visitor().send("/entrar", "/entrar", &fields).await.status()
    }
}

fn token(link: &str) -> &str {
    link.split_once("token=").unwrap().1
}

#[tokio::test]
async fn the_link_changes_the_password_once_and_ends_every_session() {
    let scene = Scene::set().await;
    let stranger = scene.web.visitor();
    let (first, second) = (scene.link(&stranger).await, scene.link(&stranger).await);
    let page = stranger.page(&first).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Elige otra contraseña"));
    // Too weak: the link is as good as before.
    let weak = stranger.send(&first, "/contrasena/nueva", &[("token", token(&first)), ("password", "ana@correo.example")]).await;
    assert_eq!(weak.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(scene.signs_in(OLD).await, StatusCode::SEE_OTHER);

    let answer = stranger.send(&first, "/contrasena/nueva", &[("token", token(&first)), ("password", NEW)]).await;

    assert_eq!(leads_to(&answer), "/entrar?done=password");
    assert_eq!(leads_to(&scene.ana.get("/cuenta").await), "/entrar?next=%2Fcuenta", "her old session has ended");
    assert_eq!((scene.signs_in(OLD).await, scene.signs_in(NEW).await), (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::SEE_OTHER));
    assert_eq!(scene.web.number("select count(*) from core.audit_log where action = 'reset_password'").await, 1);
    assert_eq!(scene.web.number("select count(*) from core.users where email_verified_at is not null").await, 1);
    // Neither link is good any more.
    for link in [&first, &second] {
        assert_eq!(stranger.page(link).await.text("h1"), "Este enlace ya no sirve");
        let again = stranger.send("/contrasena", "/contrasena/nueva", &[("token", token(link)), ("password", OLD)]).await;
        assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(scene.signs_in(NEW).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nobody_learns_whether_there_is_an_account() {
    let web = Web::start_on(Stores::fresh().await, &[]).await;
    let visitor = web.visitor();
    visitor.registers("Ana", ANA, OLD).await;
    sqlx::raw_sql("insert into core.users (email, full_name, role, password_hash, disabled_at) values ('cerrada@correo.example', 'C', 'learner', '', now())")
        .execute(&web.stores.db)
        .await
        .unwrap();
    let mut answers = Vec::new();
    for email in [ANA, "nadie@correo.example", "cerrada@correo.example"] {
        let stranger = web.visitor();
        let answer = stranger.send("/contrasena", "/contrasena", &[("email", email)]).await;
        answers.push((leads_to(&answer).to_owned(), stranger.page("/contrasena?done=asked").await.text("[role=status]")));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert_eq!(web.number("select count(*) from faena.outbox where name = 'send_password_reset'").await, 1);

    let wrong = Page::of(visitor.send("/contrasena", "/contrasena", &[("email", "ana@")]).await).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    // The first was asked for above.
    let asks = async |email: &str| web.visitor().send("/contrasena", "/contrasena", &[("email", email)]).await.status();
    let (mut asked, mut status) = (1, asks(ANA).await);
    while status == StatusCode::SEE_OTHER {
        (asked, status) = (asked + 1, asks("ANA@correo.example").await);
    }
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "nobody fills another's mailbox");
    assert!(asked == 3 || (4..=6).contains(&asked) && web.missed().await > 0, "{asked}");
}

#[tokio::test]
async fn of_two_who_use_a_link_at_once_one_changes_the_password() {
    let scene = Scene::set().await;
    let visitor = scene.web.visitor();
    let link = scene.link(&visitor).await;
    let form = visitor.page(&link).await.token();

    let use_it = |password| {
        let (visitor, form, link) = (&visitor, &form, &link);
        async move { visitor.send_with(form, "/contrasena/nueva", &[("token", token(link)), ("password", password)]).await }
    };
    let (one, other) = tokio::join!(use_it(NEW), use_it("otra cosa larga 55"));

    let mut statuses = [one.status().as_u16(), other.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    until("one line in the audit log", async || {
        scene.web.number("select count(*) from core.audit_log where action = 'reset_password'").await == 1
    })
    .await;
}
