//! Workers are killed and connections cut while letters leave: what is lost, what comes twice, and whether the rows say so.

use std::{collections::HashMap, time::Duration};

use faena_tests::{
    sandbox::{At, Sandbox, SmtpRule},
    stores::Stores,
    wait::until,
};
use jobs::accounts::welcome_learner::WelcomeLearner;
use uuid::Uuid;

use super::start_worker;

const LETTERS: usize = 120;
/// Letters that the server keeps, and whose answers are lost.
const CUT: u32 = 12;
const KILLS: usize = 4;
/// Few letters are on their way at a time: one that is met by two deaths is left to a person, and that is another story.
const FEW: [(&str, &str); 1] = [("SLOTS_CRITICAL", "4")];

/// What a letter's row says, and how many copies of it the mail server has.
#[derive(Debug)]
struct Fate {
    state: String,
    sends: i64,
    copies: i64,
}

async fn promise_letters(stores: &Stores) {
    let mut tx = stores.db.begin().await.unwrap();
    for number in 0..LETTERS {
        let (user_id,) = sqlx::query_as(
            "insert into core.users (email, full_name, role, password_hash) values ('n' || $1 || '@correo.example', 'N', 'learner', '')
             returning id",
        )
        .bind(i64::try_from(number).unwrap())
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        queue::enqueue(&mut tx, WelcomeLearner { user_id, resend: 0 }).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn sent(stores: &Stores) -> i64 {
    sqlx::query_scalar("select count(*) from mail.messages where state = 'sent'").fetch_one(&stores.db).await.unwrap()
}

async fn fates(stores: &Stores, sandbox: &Sandbox) -> Vec<Fate> {
    let mut copies: HashMap<String, i64> = HashMap::new();
    for letter in sandbox.mails_now(None).await.unwrap() {
        *copies.entry(letter.message_id.unwrap()).or_default() += 1;
    }
    let rows: Vec<(Uuid, String, String, i32)> =
        sqlx::query_as("select id, message_id, state, sends from mail.messages").fetch_all(&stores.db).await.unwrap();
    rows.into_iter()
        .map(|(_, message_id, state, sends)| Fate {
            state,
            sends: sends.into(),
            copies: copies.get(&message_id).copied().unwrap_or(0),
        })
        .collect()
}

#[tokio::test]
async fn no_letter_is_lost_or_doubled_without_its_row_saying_so() {
    let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
    promise_letters(&stores).await;
    let slow = Duration::from_millis(250);
    sandbox.misbehave_smtp([SmtpRule::keep_and_cut().times(CUT), SmtpRule::delay(At::Body, slow)]).await.unwrap();
    for kill in 1..=KILLS {
        let worker = start_worker(&stores, &sandbox.smtp_url(), &FEW).await;
        // In the middle of it: the server is so slow that there is always a letter on its way.
        let target = i64::try_from(LETTERS / (KILLS + 1) * kill).unwrap();
        until(format!("{target} letters to have left"), async || sent(&stores).await >= target).await;
        worker.kill_9().await;
    }
    let _worker = start_worker(&stores, &sandbox.smtp_url(), &FEW).await;
    until("every letter to have an end", async || {
        let ended: i64 = sqlx::query_scalar(
            "select count(*) from faena.jobs where name = 'welcome_learner' and state in ('completed', 'dead')",
        )
        .fetch_one(&stores.db)
        .await
        .unwrap();
        usize::try_from(ended).unwrap() == LETTERS
    })
    .await;

    let fates = fates(&stores, &sandbox).await;

    assert_eq!(fates.len(), LETTERS);
    let count = |what: &dyn Fn(&Fate) -> bool| fates.iter().filter(|fate| what(fate)).count();
    let (sent, unknown) = (count(&|fate| fate.state == "sent"), count(&|fate| fate.state == "unknown"));
    let (lost, doubled) = (count(&|fate| fate.copies == 0), count(&|fate| fate.copies > 1));
    eprintln!(
        "{LETTERS} letters, {KILLS} workers killed, {CUT} answers lost: {sent} sent, {unknown} unknown, {lost} without a copy, \
         {doubled} twice ({:.1} %)",
        100.0 * doubled as f64 / LETTERS as f64
    );
    assert_eq!(sent + unknown, LETTERS);
    for fate in &fates {
        // Said to be sent, it is there; a second copy went only where the first one's answer was lost; a third never.
        assert!(fate.state != "sent" || fate.copies >= 1, "{fate:?}");
        assert!(fate.copies <= fate.sends && fate.sends <= 2, "{fate:?}");
    }
    assert!(doubled >= 1, "every answer that was lost made its letter go twice: the story has happened");
}
