//! The welcome letter: what it says, and what becomes of it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use faena_tests::stores::Stores;
use jobs::{
    accounts::{
        locale::Locale,
        user::UserId,
        verification::{LinkProblem, Verification},
        welcome_learner::WelcomeLearner,
    },
    catalogue,
    ports::{
        Ports,
        fakes::{FakeMailer, Fakes, SECRET_KEY},
        mailer::{Fate, Part, Reply, Trouble},
    },
};
use queue::{
    JobId,
    kit::{Kit, Outcome},
};

use crate::mail::{ADDRESS, somebody_registers};

/// Somebody who has just registered, the kit, and the mailer that meets these fates.
async fn registered(fates: impl IntoIterator<Item = Fate>) -> (Stores, Kit<Ports>, Arc<FakeMailer>, UserId, JobId) {
    let stores = Stores::fresh().await;
    let (user_id, id) = somebody_registers(&stores, "Begoña Núñez", Locale::Es).await;
    let fakes = Fakes::default().with_mail(FakeMailer::with_fates(fates));
    let kit = Kit::new(catalogue(), fakes.ports()).with_database(stores.db.clone());
    (stores, kit, fakes.mail, user_id, id)
}

async fn letter_row(stores: &Stores) -> (String, i32) {
    sqlx::query_as("select state, sends from mail.messages").fetch_one(&stores.db).await.unwrap()
}

#[tokio::test]
async fn who_registers_is_promised_a_letter_whose_link_is_good_for_a_week_from_then() {
    let (stores, kit, mail, user_id, id) = registered([]).await;
    let waiting = kit.enqueued::<WelcomeLearner>().await;
    assert_eq!((waiting.len(), waiting[0].id, waiting[0].job.user_id, waiting[0].run_at), (1, id, user_id, None));
    let later: DateTime<Utc> = kit.now() + TimeDelta::days(30);
    let kit = kit.at(later);

    let ran = kit.drain().await;

    assert_eq!(ran.iter().map(|ran| (&ran.outcome, ran.at)).collect::<Vec<_>>(), [(&Outcome::Completed, later)]);
    let letter = mail.letters().remove(0);
    assert_eq!((letter.to.address.as_str(), letter.written_at), (ADDRESS, later));
    assert!(letter.text.contains("Begoña"), "{}", letter.text);
    let link = letter.text.split_whitespace().find(|word| word.contains("/verificar?token=")).unwrap();
    let verification = Verification::new(&SECRET_KEY.into());
    let claim = verification.read(link.split_once("token=").unwrap().1).unwrap();
    let proves = |days, minutes| {
        verification.prove(&claim, &letter.to.address, later + TimeDelta::days(days) + TimeDelta::minutes(minutes))
    };
    assert_eq!((proves(7, -1), proves(7, 1)), (Ok(()), Err(LinkProblem::Expired)));
    assert_eq!(letter_row(&stores).await, ("sent".to_owned(), 1));
}

#[tokio::test]
async fn a_letter_that_nobody_waits_for_any_more_is_not_sent() {
    for (change, outcome) in [
        (
            "update core.users set email_verified_at = now()",
            Outcome::Cancelled { reason: "the address is verified already".to_owned() },
        ),
        ("update core.users set disabled_at = now()", Outcome::Cancelled { reason: "the account is disabled".to_owned() }),
        ("delete from core.users", Outcome::Dead { reason: "the account is gone".to_owned() }),
    ] {
        let (stores, kit, mail, ..) = registered([]).await;
        sqlx::raw_sql(change).execute(&stores.db).await.unwrap();

        let ran = kit.drain().await;

        assert_eq!(ran.into_iter().map(|ran| ran.outcome).collect::<Vec<_>>(), [outcome]);
        assert_eq!(mail.letters().len(), 0);
    }
}

#[tokio::test]
async fn two_jobs_for_one_letter_send_one_letter() {
    let (_stores, kit, mail, user_id, first) = registered([]).await;
    kit.drain().await;

    let again = kit.attempt(WelcomeLearner { user_id, resend: 0 }).await;
    let asked_again = kit.attempt(WelcomeLearner { user_id, resend: 1 }).await;

    assert_eq!(again, Outcome::Cancelled { reason: format!("duplicate of {first}") });
    assert_eq!((asked_again, mail.letters().len()), (Outcome::Completed, 2));
}

#[tokio::test]
async fn a_letter_refused_for_now_leaves_after_five_minutes_or_more() {
    let grey = || Fate::RefusedForNow(Reply::new(451, "4.7.1 greylisted"));
    let (stores, kit, mail, _, id) = registered([grey(), grey()]).await;

    let ran = kit.drain().await;

    assert_eq!(ran.iter().map(|ran| ran.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(ran.windows(2).all(|pair| pair[1].at - pair[0].at >= TimeDelta::minutes(5)), "{ran:?}");
    assert_eq!(letter_row(&stores).await, ("sent".to_owned(), 1));
    let job = stores.operations().job(id).await.unwrap().unwrap();
    assert_eq!(job.attempts[0].error.as_deref(), Some("the mail server refused the letter for now: 451 4.7.1 greylisted"));
    // What the fake was handed counts each body that left.
    assert_eq!(mail.letters().len(), 3);
}

#[tokio::test]
async fn while_no_letter_can_leave_no_attempt_is_used() {
    let closed = || Fate::OutOfService(Trouble::new(Part::Connection, "refused"));
    let (stores, kit, mail, ..) = registered([closed(), closed(), closed()]).await;

    let ran = kit.drain().await;

    assert_eq!(ran.iter().map(|ran| ran.attempt).collect::<Vec<_>>(), [1, 1, 1, 1]);
    assert!(
        ran[..3].iter().all(|ran| matches!(&ran.outcome, Outcome::Throttled { delay, .. } if *delay > Duration::ZERO)),
        "{ran:?}"
    );
    assert_eq!((ran[3].outcome.clone(), mail.letters().len()), (Outcome::Completed, 1));
    assert_eq!(letter_row(&stores).await, ("sent".to_owned(), 1));
}

#[tokio::test]
async fn a_letter_in_doubt_is_repeated_once_under_its_message_id_and_then_left_to_a_person() {
    let lost = || Fate::Unknown { why: "the connection was closed".to_owned() };
    let (stores, kit, mail, ..) = registered([lost(), lost()]).await;

    let ran = kit.drain().await;

    let [first, second] = ran.as_slice() else { panic!("{ran:?}") };
    assert_eq!(second.at - first.at, TimeDelta::seconds(30));
    assert!(matches!(&second.outcome, Outcome::Dead { reason } if reason.contains("2 copies")), "{second:?}");
    let letters = mail.letters();
    assert_eq!((letters.len(), &letters[0].message_id), (2, &letters[1].message_id));
    assert_eq!(letter_row(&stores).await, ("unknown".to_owned(), 2));
}

#[tokio::test]
async fn a_letter_in_doubt_was_not_kept_back_though_its_address_is_suppressed_before_the_repeat() {
    let (stores, kit, mail, ..) = registered([Fate::Unknown { why: "the connection was closed".to_owned() }]).await;
    assert!(matches!(&kit.run_due().await[0].outcome, Outcome::Retry { .. }));
    sqlx::query("insert into mail.suppressions (address, cause, detail) values ($1::citext, 'hard_bounce', '5.1.1')")
        .bind(ADDRESS)
        .execute(&stores.db)
        .await
        .unwrap();

    let ran = kit.drain().await;

    assert!(
        matches!(&ran[..], [repeat] if matches!(&repeat.outcome, Outcome::Dead { reason } if reason.contains("one copy left"))),
        "{ran:?}"
    );
    assert_eq!((letter_row(&stores).await, mail.letters().len()), (("unknown".to_owned(), 1), 1));
}
