//! No letter can leave, and the letters are not to blame.

use std::time::Duration;

use faena_tests::{
    sandbox::{At, Sandbox, SmtpRule},
    stores::Stores,
    wait::until,
};
use jobs::accounts::locale::Locale;
use queue::operations::State;

use super::{kept, reaches, row, somebody_registers, start_worker};

async fn notices(stores: &Stores) -> Vec<(String, String)> {
    sqlx::query_as("select key, message from faena.notices").fetch_all(&stores.db).await.unwrap()
}

#[tokio::test]
async fn letters_wait_without_using_attempts_and_the_operator_is_told_why() {
    for (rules, login, es, en) in [
        (vec![SmtpRule::refuse()], false, "no responde", "does not answer"),
        (vec![SmtpRule::cut(At::Rcpt)], false, "corta la conversación", "ends the conversation"),
        (vec![SmtpRule::reply(At::Auth, 535, "5.7.8 Bad credentials")], true, "contraseña", "535 5.7.8 Bad credentials"),
        (vec![SmtpRule::untrusted_certificate()], true, "certificado", "certificate"),
        (vec![SmtpRule::no_starttls()], true, "cifrado", "STARTTLS"),
    ] {
        let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
        let ca_file = sandbox.ca_file().to_str().unwrap();
        let url = if login { sandbox.smtp_url_with_login() } else { sandbox.smtp_url() };
        let trust = [("SMTP_CA_FILE", ca_file)];
        sandbox.misbehave_smtp(rules.clone()).await.unwrap();
        let worker = start_worker(&stores, &url, if login { &trust } else { &[] }).await;
        let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;

        let job = reaches(&stores, id, State::Retryable).await;

        assert_eq!(job.attempts[0].outcome, "throttled", "{rules:?}");
        let wait = (job.summary.at.unwrap() - job.attempts[0].ended_at).to_std().unwrap();
        assert!((Duration::from_secs(20)..Duration::from_secs(40)).contains(&wait), "{wait:?}");
        assert!(row(&stores, id).await.is("queued", 0, None), "{:?}", row(&stores, id).await);
        let told = notices(&stores).await;
        assert!(told.len() == 1 && told[0].0 == "smtp" && told[0].1.contains(es) && told[0].1.contains(en), "{told:?}");

        sandbox.behave_smtp().await.unwrap();
        stores.operations().retry(id, "operadora").await.unwrap();
        let job = reaches(&stores, id, State::Completed).await;
        assert_eq!(job.attempts.last().unwrap().attempt, 1, "waiting used no attempt: {job:?}");
        assert_eq!(kept(&sandbox).await.len(), 1);
        assert_eq!(notices(&stores).await, []);
        worker.kill_9().await;
    }
}

#[tokio::test]
async fn many_letters_outlast_an_outage_by_themselves() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    sandbox.misbehave_smtp([SmtpRule::refuse()]).await.unwrap();
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    let mut tx = stores.db.begin().await.unwrap();
    for n in 0..200 {
        let (user_id,) = sqlx::query_as(
            "insert into core.users (email, full_name, role, password_hash) values ('n' || $1 || '@correo.example', 'N', 'learner', '')
             returning id",
        )
        .bind(n)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        queue::enqueue(&mut tx, jobs::accounts::welcome_learner::WelcomeLearner { user_id, resend: 0 }).await.unwrap();
    }
    tx.commit().await.unwrap();
    until("every letter to have met the outage", async || {
        let (times,): (Option<i64>,) =
            sqlx::query_as("select sum(times)::bigint from faena.notices").fetch_one(&stores.db).await.unwrap();
        times.is_some_and(|times| times >= 200)
    })
    .await;

    sandbox.behave_smtp().await.unwrap();

    until("every letter to have left", async || {
        let (sent,): (i64,) =
            sqlx::query_as("select count(*) from mail.messages where state = 'sent'").fetch_one(&stores.db).await.unwrap();
        sent == 200
    })
    .await;
    assert_eq!(sandbox.mails_now(None).await.unwrap().len(), 200, "each once");
    assert_eq!(notices(&stores).await, []);
}
