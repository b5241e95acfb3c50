//! Who may say no to which letters, and what becomes of a letter that nobody wants or nobody can get.

use std::sync::Arc;

use faena_tests::{
    sandbox::{At, Sandbox, SmtpRule},
    stores::Stores,
};
use jobs::{
    accounts::{
        locale::Locale,
        user::{User, UserId},
    },
    mail::{
        delivery,
        letters::{Blanks as _, CertificateReady, CourseAnnouncement, Receipt},
        unsubscribe::Unsubscribe,
    },
    ports::{Ctx, Ports},
};
use queue::{Attempted, Job, JobId, OrFailure as _, Registry, operations::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ADDRESS, SECRET, kept, mailer, reaches, row, somebody_registers, start_engine, start_worker};

/// Sends one letter of each stream by its name.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub(super) struct SendSample {
    pub(super) user_id: UserId,
    pub(super) stream: Which,
    pub(super) number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum Which {
    Transactional,
    Notifications,
    Broadcast,
}

impl Job for SendSample {
    type Ports = Ports;
    const NAME: &'static str = "send_sample";

    async fn run(self, ctx: &Ctx) -> Attempted {
        let user = User::find(&ctx.db, self.user_id).await.context("looking up the account")?.or_dead("the account is gone")?;
        let key = format!("sample:{}:{:?}:{}", user.id, self.stream, self.number);
        let home = ctx.links.home();
        match self.stream {
            Which::Transactional => delivery::send(ctx, key, &user, &Receipt::sample(home, user.locale)).await,
            Which::Notifications => delivery::send(ctx, key, &user, &CertificateReady::sample(home, user.locale)).await,
            Which::Broadcast => delivery::send(ctx, key, &user, &CourseAnnouncement::sample(home, user.locale)).await,
        }
    }
}

pub(super) fn registry() -> Registry<Ports> {
    Registry::new().job::<SendSample>()
}

/// Somebody with an account; the letter that welcomes them is not this story's.
pub(super) async fn somebody(stores: &Stores) -> UserId {
    let (user_id, _) = somebody_registers(stores, "Begoña", Locale::Es).await;
    sqlx::raw_sql("delete from faena.outbox").execute(&stores.db).await.unwrap();
    user_id
}

pub(super) async fn enqueue(stores: &Stores, user_id: UserId, stream: Which, number: u32) -> JobId {
    let mut connection = stores.db.acquire().await.unwrap();
    queue::enqueue(&mut connection, SendSample { user_id, stream, number }).await.unwrap().id
}

#[tokio::test]
async fn a_letter_that_may_be_refused_carries_its_link_where_mail_programs_look_and_in_its_foot() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _engine = start_engine(&stores, registry(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    let user_id = somebody(&stores).await;
    let unsubscribe = Unsubscribe::new(&SECRET.into());
    for (number, which) in [Which::Transactional, Which::Notifications, Which::Broadcast].into_iter().enumerate() {
        let id = enqueue(&stores, user_id, which, 0).await;
        reaches(&stores, id, State::Completed).await;

        let mail = kept(&sandbox).await.swap_remove(number);

        let stream: String =
            sqlx::query_scalar("select stream from mail.messages where id = $1").bind(id).fetch_one(&stores.db).await.unwrap();
        assert_eq!(stream, format!("{which:?}").to_lowercase());
        if which == Which::Transactional {
            assert_eq!((mail.header("List-Unsubscribe"), mail.link_with("/baja")), (None, None));
            continue;
        }
        let link = mail.link_with("/baja?token=").unwrap();
        assert_eq!(mail.header("List-Unsubscribe"), Some(&*format!("<{link}>")));
        assert_eq!(mail.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
        let (whose, of) = unsubscribe.read(link.split_once("token=").unwrap().1).unwrap();
        assert_eq!((whose, of.as_str()), (user_id, &*stream));
    }
}

#[tokio::test]
async fn who_says_no_to_a_stream_gets_the_others_and_a_letter_on_its_way_is_kept_back() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let user_id = somebody(&stores).await;
    // Enqueued before they say no.
    let news = enqueue(&stores, user_id, Which::Broadcast, 0).await;
    let notice = enqueue(&stores, user_id, Which::Notifications, 0).await;
    let receipt = enqueue(&stores, user_id, Which::Transactional, 0).await;
    sqlx::query("insert into mail.unsubscribed (user_id, stream) values ($1, 'broadcast')")
        .bind(user_id)
        .execute(&stores.db)
        .await
        .unwrap();

    let _engine = start_engine(&stores, registry(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));

    let job = reaches(&stores, news, State::Cancelled).await;
    assert_eq!(
        job.summary.reason.as_deref(),
        Some("the letter stays here: its reader wants no letters of this stream"),
        "{job:?}"
    );
    reaches(&stores, notice, State::Completed).await;
    reaches(&stores, receipt, State::Completed).await;
    assert!(row(&stores, news).await.is("withheld", 0, None), "{:?}", row(&stores, news).await);
    assert_eq!(kept(&sandbox).await.len(), 2);
}

#[tokio::test]
async fn nobody_whose_account_is_closed_gets_a_letter_of_any_stream() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _engine = start_engine(&stores, registry(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    let user_id = somebody(&stores).await;
    sqlx::raw_sql("update core.users set disabled_at = now()").execute(&stores.db).await.unwrap();

    let mut receipt = None;
    for which in [Which::Notifications, Which::Broadcast, Which::Transactional] {
        let id = enqueue(&stores, user_id, which, 0).await;
        let job = reaches(&stores, id, State::Cancelled).await;
        assert_eq!(job.summary.reason.as_deref(), Some("the letter stays here: its reader's account is closed"), "{job:?}");
        assert!(row(&stores, id).await.is("withheld", 0, None), "{:?}", row(&stores, id).await);
        receipt = Some(id);
    }

    let reasons: Vec<String> =
        sqlx::query_scalar("select distinct withheld_for from mail.messages").fetch_all(&stores.db).await.unwrap();
    assert_eq!((reasons, kept(&sandbox).await.len()), (vec!["closed".to_owned()], 0));
    // Opened again, the letter leaves when its job is retried.
    sqlx::raw_sql("update core.users set disabled_at = null").execute(&stores.db).await.unwrap();
    stores.operations().retry(receipt.unwrap(), "operadora").await.unwrap();
    reaches(&stores, receipt.unwrap(), State::Completed).await;
    assert_eq!(kept(&sandbox).await.len(), 1);
}

#[tokio::test]
async fn an_address_without_a_mailbox_gets_nothing_more_until_an_operator_lifts_it() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _engine = start_engine(&stores, registry(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    let user_id = somebody(&stores).await;
    sandbox.misbehave_smtp([SmtpRule::reply(At::Rcpt, 550, "5.1.1 no such mailbox").once()]).await.unwrap();
    let first = enqueue(&stores, user_id, Which::Transactional, 0).await;
    reaches(&stores, first, State::Dead).await;

    let second = enqueue(&stores, user_id, Which::Transactional, 1).await;

    let job = reaches(&stores, second, State::Cancelled).await;
    assert!(job.summary.reason.unwrap().contains("no such mailbox"));
    assert!(row(&stores, second).await.is("withheld", 0, None), "{:?}", row(&stores, second).await);
    let (address, cause, detail): (String, String, String) =
        sqlx::query_as("select address::text, cause, detail from mail.suppressions").fetch_one(&stores.db).await.unwrap();
    assert_eq!((&*address, &*cause, &*detail), (ADDRESS, "hard_bounce", "5.1.1 no such mailbox"));
    // Lifted, the letter leaves when its job is retried.
    sqlx::raw_sql("update mail.suppressions set lifted_at = now()").execute(&stores.db).await.unwrap();
    stores.operations().retry(second, "operadora").await.unwrap();
    reaches(&stores, second, State::Completed).await;
    assert_eq!(kept(&sandbox).await.len(), 1);
}

#[tokio::test]
async fn a_full_mailbox_is_tried_again_and_three_letters_that_meet_one_close_the_address() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _engine = start_engine(&stores, registry(), Arc::new(mailer(&sandbox.smtp_url(), |_| {})));
    let user_id = somebody(&stores).await;
    sandbox.misbehave_smtp([SmtpRule::reply(At::Rcpt, 552, "5.2.2 mailbox full")]).await.unwrap();
    for number in 0..3 {
        let suppressed: i64 = sqlx::query_scalar("select count(*) from mail.suppressions").fetch_one(&stores.db).await.unwrap();
        assert_eq!(suppressed, 0, "after {number} letters");
        let id = enqueue(&stores, user_id, Which::Notifications, number).await;

        let job = reaches(&stores, id, State::Retryable).await;

        assert_eq!(job.attempts[0].outcome, "retry", "{job:?}");
        // Trying the same letter again does not count twice.
        stores.operations().retry(id, "operadora").await.unwrap();
        faena_tests::wait::until("the second attempt", async || {
            stores.operations().job(id).await.ok().flatten().is_some_and(|job| job.attempts.len() == 2)
                || row(&stores, id).await.state == "withheld"
        })
        .await;
    }
    let (cause, letters): (String, i64) =
        sqlx::query_as("select cause, (select count(*) from mail.bounces) from mail.suppressions")
            .fetch_one(&stores.db)
            .await
            .unwrap();
    assert_eq!((&*cause, letters), ("soft_bounces", 3));
}

#[tokio::test]
async fn the_return_path_names_the_letter_where_one_is_set() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &[("MAIL_RETURN_PATH", "bounces@compilandocode.example")]).await;
    let (_, id) = somebody_registers(&stores, "Begoña", Locale::Es).await;

    let letter = sandbox.mail_to(ADDRESS).await.unwrap();

    let tag = letter.header("X-PM-Metadata-Return-Tag").unwrap();
    assert_eq!(
        (letter.from.as_str(), &tag[..32]),
        (&*format!("bounces+{tag}@compilandocode.example"), &*id.0.simple().to_string())
    );
    assert!(letter.header("From").unwrap().contains("hola@compilandocode.example"));
}
