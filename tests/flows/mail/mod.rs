//! Letters: the real worker, a mail server that misbehaves, and what the letter's row says afterwards.

mod doubt;
mod refusals;
mod story;
mod trouble;

use faena_tests::{
    process::{SECRET, start_worker},
    sandbox::Sandbox,
    stores::Stores,
    wait::eventually,
};
use jobs::accounts::{
    email_address::EmailAddress,
    full_name::FullName,
    locale::Locale,
    password::{Passwords, StrongPassword},
    register::{NewAccount, register},
    user::UserId,
};
use queue::{
    JobId,
    operations::{JobDetail, State},
};

pub(crate) const ADDRESS: &str = "begona@correo.example";

/// What mail.messages says of a letter.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
struct Row {
    state: String,
    sends: i32,
    smtp_code: Option<i32>,
    smtp_reply: Option<String>,
}

impl Row {
    fn is(&self, state: &str, sends: i32, code: Option<i32>) -> bool {
        (self.state.as_str(), self.sends, self.smtp_code) == (state, sends, code)
    }
}

/// Somebody registers; the letter is promised.
pub(crate) async fn somebody_registers(stores: &Stores, name: &str, locale: Locale) -> (UserId, JobId) {
    let password = StrongPassword::judge("aceituna-farola-trineo-91".into(), &[]).unwrap();
    let account = NewAccount {
        full_name: FullName::parse(name).unwrap(),
        email: EmailAddress::parse(ADDRESS).unwrap(),
        password_hash: Passwords::new(1).hash(password).await.unwrap(),
        locale,
    };
    let user_id = register(&stores.db, &account).await.unwrap();
    let (id,): (JobId,) =
        sqlx::query_as("select id from faena.outbox where name = 'welcome_learner' and (args->>'user_id')::bigint = $1")
            .bind(user_id)
            .fetch_one(&stores.db)
            .await
            .unwrap();
    (user_id, id)
}

/// Waits until the job is in this state and the ledger has all that happened before.
async fn reaches(stores: &Stores, id: JobId, state: State) -> JobDetail {
    let operations = stores.operations();
    let look = async || operations.job(id).await.ok().flatten().filter(|job| job.summary.state == state);
    eventually(format!("{id} to be {state}"), async || {
        look().await?;
        operations.overview().await.ok().filter(|all| all.unrecorded == 0)?;
        look().await
    })
    .await
}

async fn row(stores: &Stores, id: JobId) -> Row {
    sqlx::query_as("select state, sends, smtp_code, smtp_reply from mail.messages where id = $1")
        .bind(id)
        .fetch_one(&stores.db)
        .await
        .unwrap()
}

/// The letters that the mail server has kept for our person.
async fn kept(sandbox: &Sandbox) -> Vec<faena_tests::sandbox::Mail> {
    sandbox.mails_now(Some(ADDRESS)).await.unwrap()
}
