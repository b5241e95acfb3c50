//! Letters: the real worker, a mail server that misbehaves, and what the letter's row says afterwards.

mod announcements;
mod dkim;
mod doubt;
mod losses;
mod refusals;
mod reports;
mod story;
mod streams;
mod trouble;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use faena_tests::{
    process::{SECRET, start_worker},
    sandbox::Sandbox,
    stores::Stores,
    wait::eventually,
};
use jobs::{
    accounts::{
        email_address::EmailAddress,
        full_name::FullName,
        locale::Locale,
        password::{Passwords, StrongPassword},
        register::{NewAccount, register},
        user::UserId,
    },
    ports::{Ports, fakes::Fakes, links::Links, mailer::Mailer},
};
use queue::{
    Engine, JobId, Queue, Registry,
    operations::{JobDetail, State},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use worker::{
    Mistakes,
    smtp::{Smtp, SmtpArgs},
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

/// The worker's own mailer, in this process: sends through `smtp_url`, and is told these settings besides.
fn mailer(smtp_url: &str, adjust: impl FnOnce(&mut SmtpArgs)) -> Smtp {
    let mut args = SmtpArgs {
        smtp_url: Some(smtp_url.into()),
        mail_from: Some("CompilandoCode <hola@compilandocode.example>".to_owned()),
        ..SmtpArgs::default()
    };
    adjust(&mut args);
    let mut mistakes = Mistakes::default();
    args.checked(&mut mistakes).unwrap_or_else(|| panic!("{mistakes}"))
}

/// An engine in this process, so that a test can stand in for the mail server. It ends with the guard.
fn start_engine(stores: &Stores, registry: Registry<Ports>, mail: Arc<dyn Mailer>) -> DropGuard {
    let stop = CancellationToken::new();
    let engine = Engine {
        store: stores.store.clone(),
        db: stores.db.clone(),
        loop_db: stores.db.clone(),
        direct_url: stores.database_url.clone(),
        registry,
        ports: Arc::new(Ports {
            mail,
            links: Links::new("https://compilandocode.example".parse().unwrap(), &SECRET.into()),
            blobs: None,
            pdf: None,
            signer: None,
            ..Fakes::default().ports()
        }),
        slots: BTreeMap::from([(Queue::Critical.into(), 2), (Queue::Default.into(), 2)]),
        record: true,
        journal: None,
        alone: None,
        drain: Duration::from_secs(1),
        worker: format!("here-{}", queue::JobId::new()),
        companions: Vec::new(),
    };
    tokio::spawn(engine.run(stop.clone()));
    stop.drop_guard()
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
