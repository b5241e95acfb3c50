//! Letters that come back and letters that are complained of: what a mail server pipes in, and what follows from it.

use std::{process::Stdio, sync::Arc};

use faena_tests::{process::binary, sandbox::Sandbox, stores::Stores, wait::until};
use jobs::{
    mail::read_mail_report::ReadMailReport,
    ports::{Ports, links::Links},
};
use queue::{JobId, Registry, operations::State};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

use super::{
    ADDRESS, SECRET, mailer, reaches, row, start_engine,
    streams::{SendSample, Which, enqueue, somebody},
};

fn everything() -> Registry<Ports> {
    Registry::new().job::<SendSample>().job::<ReadMailReport>()
}

/// `worker receive-report`, as a mail server runs it.
fn receiver(settings: &[(String, String)]) -> Child {
    let mut program = Command::new(binary("worker"));
    program.arg("receive-report").env_clear().envs(settings.iter().cloned());
    program.stdin(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

/// Pipes a message into it. Its exit code.
async fn pipe_in(settings: &[(String, String)], message: &[u8]) -> i32 {
    let mut program = receiver(settings);
    let mut input = program.stdin.take().unwrap();
    input.write_all(message).await.unwrap();
    drop(input);
    program.wait().await.unwrap().code().unwrap()
}

/// A delivery report (RFC 3464) about the letter of that job.
fn bounce(id: JobId, status: &str) -> Vec<u8> {
    let tag = Links::new("https://compilandocode.example".parse().unwrap(), &SECRET.into()).return_tag(id.0);
    format!(
        "From: MAILER-DAEMON@correo.example\r\nTo: bounces+{tag}@compilandocode.example\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.correo.example\r\n\r\n\
         Final-Recipient: rfc822; {ADDRESS}\r\nAction: failed\r\nStatus: {status}\r\nDiagnostic-Code: smtp; said so\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}

/// A complaint (RFC 5965) about the letter of that job, which is sent back in part.
fn complaint(id: JobId) -> Vec<u8> {
    let tag = Links::new("https://compilandocode.example".parse().unwrap(), &SECRET.into()).return_tag(id.0);
    format!(
        "From: fbl@correo.example\r\nTo: abuse@compilandocode.example\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSpam.\r\n\
         --b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: Correo/1\r\nVersion: 1\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nX-PM-Metadata-Return-Tag: {tag}\r\nSubject: Hola\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}

async fn all_read(stores: &Stores, count: i64) {
    until(format!("{count} reports to have been read"), async || {
        let read: i64 = sqlx::query_scalar("select count(*) from mail.reports where read_at is not null")
            .fetch_one(&stores.db)
            .await
            .unwrap();
        read == count
    })
    .await;
}

async fn suppressions(stores: &Stores) -> Vec<(String, String)> {
    sqlx::query_as("select address::text, cause from mail.suppressions where lifted_at is null order by id")
        .fetch_all(&stores.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_bounce_closes_the_address_once_however_often_it_comes() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _engine = start_engine(&stores, everything(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    let user_id = somebody(&stores).await;
    let letter = enqueue(&stores, user_id, Which::Transactional, 0).await;
    reaches(&stores, letter, State::Completed).await;

    for _ in 0..2 {
        assert_eq!(pipe_in(&stores.settings(), &bounce(letter, "5.1.1")).await, 0);
    }

    all_read(&stores, 1).await;
    assert_eq!(suppressions(&stores).await, [(ADDRESS.to_owned(), "hard_bounce".to_owned())]);
    let next = enqueue(&stores, user_id, Which::Transactional, 1).await;
    reaches(&stores, next, State::Cancelled).await;
    assert!(row(&stores, next).await.is("withheld", 0, None));
    // Long afterwards the report itself goes, when another is read; what it told stays.
    sqlx::raw_sql("update mail.reports set received_at = received_at - interval '91 days'").execute(&stores.db).await.unwrap();
    assert_eq!(pipe_in(&stores.settings(), &bounce(letter, "5.1.1 (again)")).await, 0);
    until("the old report to be gone and the new one read", async || {
        let kept: Vec<i32> = sqlx::query_scalar("select found from mail.reports").fetch_all(&stores.db).await.unwrap_or_default();
        kept == [1]
    })
    .await;
    let bounces: i64 = sqlx::query_scalar("select count(*) from mail.bounces").fetch_one(&stores.db).await.unwrap();
    assert_eq!(bounces, 2);
}

#[tokio::test]
async fn three_letters_that_come_back_softly_in_a_week_close_the_address_and_old_ones_do_not_count() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _engine = start_engine(&stores, everything(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    let user_id = somebody(&stores).await;
    for number in 0..4 {
        assert_eq!(suppressions(&stores).await, [], "after {number} letters");
        let letter = enqueue(&stores, user_id, Which::Notifications, number).await;
        reaches(&stores, letter, State::Completed).await;
        assert_eq!(pipe_in(&stores.settings(), &bounce(letter, "4.4.7")).await, 0);
        all_read(&stores, i64::from(number) + 1).await;
        if number == 0 {
            sqlx::raw_sql("update mail.bounces set at = at - interval '8 days'").execute(&stores.db).await.unwrap();
        }
    }
    assert_eq!(suppressions(&stores).await, [(ADDRESS.to_owned(), "soft_bounces".to_owned())]);
}

#[tokio::test]
async fn who_complains_gets_what_they_ask_for_and_nothing_else() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _engine = start_engine(&stores, everything(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    let user_id = somebody(&stores).await;
    let letter = enqueue(&stores, user_id, Which::Broadcast, 0).await;
    reaches(&stores, letter, State::Completed).await;

    assert_eq!(pipe_in(&stores.settings(), &complaint(letter)).await, 0);

    all_read(&stores, 1).await;
    assert_eq!(suppressions(&stores).await, [(ADDRESS.to_owned(), "complaint".to_owned())]);
    let notice = enqueue(&stores, user_id, Which::Notifications, 1).await;
    reaches(&stores, notice, State::Cancelled).await;
    let receipt = enqueue(&stores, user_id, Which::Transactional, 1).await;
    reaches(&stores, receipt, State::Completed).await;
}

#[tokio::test]
async fn a_report_that_is_none_or_forged_is_kept_and_harms_nobody() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _engine = start_engine(&stores, everything(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    let user_id = somebody(&stores).await;
    let letter = enqueue(&stores, user_id, Which::Transactional, 0).await;
    reaches(&stores, letter, State::Completed).await;
    let forged = String::from_utf8(bounce(letter, "5.1.1")).unwrap().replace(&letter.0.simple().to_string(), &"7".repeat(32));
    // Longer than what is kept of a message.
    let long = [bounce(letter, "4.4.7"), vec![b'x'; 3 * 1024 * 1024]].concat();
    for message in [b"Hola, gracias".to_vec(), Vec::new(), forged.into_bytes(), long] {
        assert_eq!(pipe_in(&stores.settings(), &message).await, 0);
    }

    all_read(&stores, 4).await;

    assert_eq!(suppressions(&stores).await, []);
    let (found, longest): (i64, i32) = sqlx::query_as("select sum(found)::bigint, max(octet_length(body)) from mail.reports")
        .fetch_one(&stores.db)
        .await
        .unwrap();
    assert_eq!((found, longest), (1, 1024 * 1024), "the long one tells of our letter, softly");
}

#[tokio::test]
async fn a_mail_server_is_told_to_come_back_while_postgres_is_away() {
    let stores = Stores::fresh().await;
    let mut settings = stores.settings();
    settings.iter_mut().find(|(name, _)| name == "DATABASE_URL").unwrap().1 = "postgres://127.0.0.1:9/none".to_owned();

    assert_eq!(pipe_in(&settings, b"From: x\r\n\r\nHola").await, 75);
}

#[tokio::test]
async fn a_message_that_never_ends_is_left_to_the_mail_server() {
    let stores = Stores::fresh().await;
    let mut program = receiver(&stores.settings());
    let mut input = program.stdin.take().unwrap();
    input.write_all(b"From: MAILER-DAEMON@correo.example\r\n").await.unwrap();

    assert_eq!(program.wait().await.unwrap().code(), Some(75));
    drop(input);
}
