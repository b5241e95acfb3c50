//! Nobody knows whether the letter arrived.

use std::{
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering},
    time::Duration,
};

use faena_tests::{
    sandbox::{At, Sandbox, SmtpRule},
    servers::{PrivatePostgres, PrivateRedis},
    stores::Stores,
    wait::until,
};
use jobs::{
    accounts::{full_name::FullName, locale::Locale, welcome_learner::WelcomeLearner},
    mail::{
        Dispatch, Paper, Stream, deliver,
        letter::{HeaderText, Letter, Recipient},
    },
    ports::{
        Ctx, Ports,
        fakes::FakeMailer,
        mailer::{BoxFuture, Fate, Mailer, Offered, Reply},
    },
};
use queue::{Attempted, Job, Registry, operations::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify};

use super::{ADDRESS, kept, reaches, row, somebody_registers, start_engine, start_worker};

/// A letter that nobody is locked out without.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct SendNews;

impl Job for SendNews {
    type Ports = Ports;
    const NAME: &'static str = "send_news";

    async fn run(self, ctx: &Ctx) -> Attempted {
        let paper = Paper { subject: HeaderText::new("Novedades"), text: "Hola\n".to_owned(), html: "<p>Hola</p>".to_owned() };
        let to = Recipient::new(&FullName::parse("Begoña").unwrap(), ADDRESS.to_owned().try_into().unwrap());
        let key = format!("news:{}", ctx.job_id());
        let dispatch = Dispatch {
            key,
            letter: "news",
            stream: Stream::Transactional,
            user_id: None,
            to,
            locale: Locale::Es,
            paper,
            security: false,
            unsubscribe: None,
        };
        deliver(ctx, dispatch).await
    }
}

fn registry() -> Registry<Ports> {
    Registry::new().job::<SendNews>().job::<WelcomeLearner>()
}

#[tokio::test]
async fn a_verification_letter_whose_answer_was_lost_is_repeated_once_under_its_message_id() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    sandbox.misbehave_smtp([SmtpRule::keep_and_cut().once()]).await.unwrap();
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;

    reaches(&stores, id, State::Retryable).await;

    assert!(row(&stores, id).await.is("unknown", 1, None), "{:?}", row(&stores, id).await);
    reaches(&stores, id, State::Completed).await;
    assert!(row(&stores, id).await.is("sent", 2, Some(250)), "{:?}", row(&stores, id).await);
    let letters = kept(&sandbox).await;
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].message_id, letters[1].message_id);
}

#[tokio::test]
async fn a_letter_that_stays_unknown_is_dead_with_what_to_do_and_an_operator_can_send_it_again() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    sandbox.misbehave_smtp([SmtpRule::keep_and_cut().times(2)]).await.unwrap();
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;

    let job = reaches(&stores, id, State::Dead).await;

    let reason = job.summary.reason.unwrap();
    assert!(reason.contains(&format!("2 copies left as <{id}@compilandocode.example>")), "{reason}");
    assert!(row(&stores, id).await.is("unknown", 2, None), "{:?}", row(&stores, id).await);
    stores.operations().retry(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Completed).await;
    assert!(row(&stores, id).await.is("sent", 3, Some(250)), "{:?}", row(&stores, id).await);
    assert_eq!(kept(&sandbox).await.len(), 3);
}

#[tokio::test]
async fn a_letter_in_flight_when_its_worker_is_killed_is_repeated_once_and_no_more() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    sandbox.misbehave_smtp([SmtpRule::delay(At::Body, Duration::from_secs(20)).times(2)]).await.unwrap();
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;
    for sends in 1..=2 {
        let worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
        sandbox.smtp_fired(sends).await.unwrap();
        assert!(row(&stores, id).await.is("sending", i32::try_from(sends).unwrap(), None), "{:?}", row(&stores, id).await);
        worker.kill_9().await;
    }

    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;

    let job = reaches(&stores, id, State::Dead).await;
    assert!(job.summary.reason.unwrap().contains("an earlier attempt ended before the mail server had answered"));
    assert!(row(&stores, id).await.is("unknown", 2, None), "{:?}", row(&stores, id).await);
    let letters = sandbox.mails_to(ADDRESS, 2).await.unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].message_id, letters[1].message_id);
}

#[tokio::test]
async fn a_letter_in_flight_when_its_worker_is_killed_was_not_kept_back_though_its_address_is_suppressed_by_then() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    sandbox.misbehave_smtp([SmtpRule::delay(At::Body, Duration::from_secs(20)).once()]).await.unwrap();
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;
    let worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
    sandbox.smtp_fired(1).await.unwrap();
    assert!(row(&stores, id).await.is("sending", 1, None), "{:?}", row(&stores, id).await);
    worker.kill_9().await;
    sqlx::query("insert into mail.suppressions (address, cause, detail) values ($1::citext, 'operator', 'llamó')")
        .bind(ADDRESS)
        .execute(&stores.db)
        .await
        .unwrap();

    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;

    let reason = reaches(&stores, id, State::Dead).await.summary.reason.unwrap();
    assert!(reason.contains("one copy left") && reason.contains("its address is suppressed: an operator wanted it"), "{reason}");
    assert!(row(&stores, id).await.is("unknown", 1, None), "{:?}", row(&stores, id).await);
    assert_eq!(sandbox.mails_to(ADDRESS, 1).await.unwrap().len(), 1, "it had left");
    // Lifted, another copy leaves when its job is retried.
    sqlx::raw_sql("update mail.suppressions set lifted_at = now()").execute(&stores.db).await.unwrap();
    stores.operations().retry(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Completed).await;
    assert!(row(&stores, id).await.is("sent", 2, Some(250)), "{:?}", row(&stores, id).await);
}

#[tokio::test]
async fn a_letter_whose_worker_is_killed_before_the_body_could_leave_was_never_in_doubt() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    sandbox.misbehave_smtp([SmtpRule::delay(At::Rcpt, Duration::from_secs(300)).times(3)]).await.unwrap();
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;
    for times in 1..=3 {
        let worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;
        sandbox.smtp_fired(times).await.unwrap();
        assert!(row(&stores, id).await.is("queued", 0, None), "{:?}", row(&stores, id).await);
        worker.kill_9().await;
    }

    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[]).await;

    reaches(&stores, id, State::Completed).await;
    assert!(row(&stores, id).await.is("sent", 1, Some(250)), "{:?}", row(&stores, id).await);
    assert_eq!(kept(&sandbox).await.len(), 1);
}

#[tokio::test]
async fn other_letters_are_never_repeated_by_themselves() {
    let stores = Stores::fresh().await;
    let mail = Arc::new(FakeMailer::with_fates([Fate::Unknown { why: "the connection was closed".to_owned() }]));
    let _engine = start_engine(&stores, registry(), mail.clone());
    let mut connection = stores.db.acquire().await.unwrap();
    let id = queue::enqueue(&mut connection, SendNews).await.unwrap().id;

    let job = reaches(&stores, id, State::Dead).await;

    assert!(job.summary.reason.unwrap().contains("the connection was closed"));
    assert!(row(&stores, id).await.is("unknown", 1, None), "{:?}", row(&stores, id).await);
    assert_eq!((job.attempts.len(), mail.letters().len()), (1, 1));
    stores.operations().retry(id, "operadora").await.unwrap();
    reaches(&stores, id, State::Completed).await;
    assert_eq!(mail.letters().len(), 2);
}

/// A mail server that takes the letter while Postgres goes down.
#[derive(Debug, Clone)]
struct TakesWhilePostgresCrashes(Arc<Crash>);

#[derive(Debug)]
struct Crash {
    postgres: Mutex<PrivatePostgres>,
    letters: AtomicUsize,
    happened: Notify,
}

impl Mailer for TakesWhilePostgresCrashes {
    fn domain(&self) -> &'static str {
        "compilandocode.example"
    }

    fn offer<'a>(&'a self, _letter: &'a Letter) -> BoxFuture<'a, Result<Box<dyn Offered>, Fate>> {
        let offered = Box::new(self.clone());
        Box::pin(async { Ok(offered as Box<dyn Offered>) })
    }
}

impl Offered for TakesWhilePostgresCrashes {
    fn hand_over(self: Box<Self>) -> BoxFuture<'static, Fate> {
        Box::pin(async move {
            self.0.letters.fetch_add(1, Ordering::SeqCst);
            self.0.postgres.lock().await.crash();
            self.0.happened.notify_one();
            Fate::Accepted(Reply::new(250, "2.0.0 taken"))
        })
    }
}

#[tokio::test]
async fn a_letter_that_was_taken_while_postgres_was_down_is_not_sent_again() {
    let (postgres, redis) = (PrivatePostgres::start().await, PrivateRedis::start().await);
    let stores = Stores::on(&postgres.url(), &redis.url()).await;
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;
    let crash = Arc::new(Crash { postgres: Mutex::new(postgres), letters: AtomicUsize::new(0), happened: Notify::new() });
    let _engine = start_engine(&stores, registry(), Arc::new(TakesWhilePostgresCrashes(crash.clone())));

    crash.happened.notified().await;
    crash.postgres.lock().await.resume().await;

    until("the letter's row to say that it was sent", async || {
        let found: sqlx::Result<(bool,)> =
            sqlx::query_as("select state = 'sent' and sends = 1 from mail.messages").fetch_one(&stores.db).await;
        found.is_ok_and(|(sent,)| sent)
    })
    .await;
    reaches(&stores, id, State::Completed).await;
    assert_eq!(crash.letters.load(Ordering::SeqCst), 1);
}
