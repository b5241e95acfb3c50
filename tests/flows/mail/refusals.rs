//! The mail server says no.

use std::time::Duration;

use faena_tests::{
    sandbox::{At, Sandbox, SmtpRule},
    stores::Stores,
};
use jobs::accounts::locale::Locale;
use queue::operations::State;

use super::{kept, reaches, row, somebody_registers, start_worker};

#[tokio::test]
async fn a_letter_refused_for_now_waits_at_least_five_minutes_and_leaves_when_it_may() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    sandbox.misbehave_smtp([SmtpRule::reply(At::Rcpt, 451, "4.7.1 Greylisted, come back later").once()]).await.unwrap();
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;

    let job = reaches(&stores, id, State::Retryable).await;

    assert!(job.attempts[0].error.as_deref().unwrap().contains("451 4.7.1 Greylisted, come back later"), "{job:?}");
    let wait = (job.summary.at.unwrap() - job.attempts[0].ended_at).to_std().unwrap();
    assert!((Duration::from_secs(280)..Duration::from_secs(370)).contains(&wait), "{wait:?}");
    assert!(row(&stores, id).await.is("queued", 0, Some(451)), "{:?}", row(&stores, id).await);
    stores.operations().retry(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Completed).await;
    assert!(row(&stores, id).await.is("sent", 1, Some(250)), "{:?}", row(&stores, id).await);
    assert_eq!(kept(&sandbox).await.len(), 1);
}

#[tokio::test]
async fn a_letter_refused_for_good_is_dead_with_the_servers_words_until_an_operator_retries() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    for at in [At::Rcpt, At::Body] {
        sandbox.misbehave_smtp([SmtpRule::reply(at, 550, "5.7.1 Not wanted here").once()]).await.unwrap();
        let (user_id, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;

        let job = reaches(&stores, id, State::Dead).await;

        assert_eq!(job.summary.reason.as_deref(), Some("the mail server refused the letter for good: 550 5.7.1 Not wanted here"));
        assert_eq!(job.attempts.len(), 1);
        let found = row(&stores, id).await;
        assert!(found.is("failed", 0, Some(550)) && found.smtp_reply.as_deref() == Some("5.7.1 Not wanted here"), "{found:?}");
        stores.operations().retry(id, "operadora").await.unwrap();
        reaches(&stores, id, State::Completed).await;
        assert!(row(&stores, id).await.is("sent", 1, Some(250)), "{:?}", row(&stores, id).await);
        assert_eq!(kept(&sandbox).await.len(), 1);
        sandbox.forget_mail().await.unwrap();
        sqlx::query("delete from core.users where id = $1").bind(user_id).execute(&stores.db).await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_letter_that_nobody_waits_for_any_more_closes_its_row() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    sandbox.misbehave_smtp([SmtpRule::reply(At::Rcpt, 451, "4.7.1 Greylisted").once()]).await.unwrap();
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;
    reaches(&stores, id, State::Retryable).await;
    sqlx::raw_sql("update core.users set disabled_at = now()").execute(&stores.db).await.unwrap();

    stores.operations().retry(id, "operadora").await.unwrap();

    let job = reaches(&stores, id, State::Cancelled).await;
    assert_eq!(job.summary.reason.as_deref(), Some("the account is disabled"));
    assert!(row(&stores, id).await.is("failed", 0, Some(451)), "{:?}", row(&stores, id).await);
}
