//! `GET /registro`, `POST /registro`: a new account, and the promise of its welcome letter.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::accounts::{
    email_address::{EmailAddress, EmailAddressProblem},
    full_name::{FullName, FullNameProblem},
    password::{HashError, PasswordProblem, StrongPassword, Weakness},
    register::{NewAccount, RegisterError, register},
};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use tower_sessions::Session;

use crate::{
    app::App,
    client_ip::throttle_subject,
    forms::{Field, Sent, mark_first_problem},
    identity,
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    throttle::REGISTRATIONS_PER_CLIENT,
    visit::Visit,
};

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    full_name: String,
    email: String,
    password: SecretString,
}

#[derive(Template)]
#[template(path = "register.html")]
struct Register {
    page: Page,
    full_name: Field,
    email: Field,
    password: Field,
}

impl Register {
    fn problems(&self) -> usize {
        [&self.full_name, &self.email, &self.password].iter().filter(|field| field.problem.is_some()).count()
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let is_refused = mark_first_problem(&mut [&mut self.full_name, &mut self.email, &mut self.password]);
        render(if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }
}

/// Shows the empty form.
pub(crate) async fn show(page: Page) -> Result<Response, Problem> {
    Register { page, full_name: Field::default(), email: Field::default(), password: Field::default() }.shown()
}

/// Registers, signs in, and leads to the account; or shows the form again with what is wrong beside each field.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    session: Session,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    app.throttle.take(REGISTRATIONS_PER_CLIENT, &throttle_subject(visit.client)).await?;

    let full_name = FullName::parse(&form.full_name);
    let email = EmailAddress::parse(&form.email);
    let mut again = Register {
        full_name: Field {
            problem: full_name.as_ref().err().map(|what| name_problem(&page, *what)),
            ..Field::of(&form.full_name)
        },
        email: Field { problem: email.as_ref().err().map(|what| email_problem(&page, *what)), ..Field::of(&form.email) },
        password: Field::default(),
        page,
    };
    let (typed_name, typed_email) = (form.full_name, form.email);
    // Judging takes some milliseconds of work.
    let judged = spawn_blocking(move || StrongPassword::judge(form.password, &[&typed_name, &typed_email]));
    let password = judged.await.map_err(|error| Problem::Internal(anyhow::Error::from(error).context("judging a password")))?;
    again.password.problem = password.as_ref().err().map(|what| password_problem(&again.page, *what));
    if let Ok(email) = &email
        && is_taken(&app, email).await?
    {
        again.email.problem = Some(again.page.text("email-taken"));
    }
    let (Ok(full_name), Ok(email), Ok(password), 0) = (full_name, email, password, again.problems()) else {
        metrics::counter!("faena_web_registrations_total", "outcome" => "refused").increment(1);
        return again.shown();
    };

    let password_hash = app.passwords.hash(password).await.map_err(|error| match error {
        HashError::Busy => Problem::Busy,
        HashError::Failed(_) => Problem::Internal(error.into()),
    })?;
    let account = NewAccount { full_name, email, password_hash, locale: again.page.locale };
    match register(&app.db, &account).await {
        Ok(user_id) => {
            identity::sign_in(&session, user_id).await?;
            metrics::counter!("faena_web_registrations_total", "outcome" => "registered").increment(1);
            Ok(see_other(&format!("{}?done=registered", again.page.at(paths::ACCOUNT))))
        }
        // Somebody was faster by a moment.
        Err(RegisterError::EmailTaken) => {
            again.email.problem = Some(again.page.text("email-taken"));
            again.shown()
        }
        Err(RegisterError::Postgres(error)) => Err(error).doing("registering an account"),
        Err(RegisterError::Enqueue(error)) => {
            Err(Problem::Internal(anyhow::Error::from(error).context("promising the welcome letter")))
        }
    }
}

/// Asked early only to tell it together with the other mistakes; the table's own rule decides.
async fn is_taken(app: &App, email: &EmailAddress) -> Result<bool, Problem> {
    sqlx::query_scalar("select exists (select from core.users where email = $1::citext)")
        .bind(email.as_str())
        .fetch_one(&app.db)
        .await
        .doing("looking whether an address is taken")
}

pub(super) fn name_problem(page: &Page, what: FullNameProblem) -> String {
    page.text(match what {
        FullNameProblem::Blank => key("full-name-blank"),
        FullNameProblem::TooLong => key("full-name-too-long"),
        FullNameProblem::Forbidden => key("full-name-forbidden"),
    })
}

pub(super) fn email_problem(page: &Page, what: EmailAddressProblem) -> String {
    page.text(match what {
        EmailAddressProblem::Blank => key("email-blank"),
        EmailAddressProblem::TooLong => key("email-too-long"),
        EmailAddressProblem::LocalPartNotAscii => key("email-local-part"),
        EmailAddressProblem::Malformed => key("email-malformed"),
    })
}

pub(super) fn password_problem(page: &Page, what: PasswordProblem) -> String {
    page.text(match what {
        PasswordProblem::TooShort => key("password-too-short"),
        PasswordProblem::TooLong => key("password-too-long"),
        PasswordProblem::Weak(Weakness::Common) => key("password-common"),
        PasswordProblem::Weak(Weakness::Personal) => key("password-personal"),
        PasswordProblem::Weak(Weakness::Word) => key("password-word"),
        PasswordProblem::Weak(Weakness::Keyboard) => key("password-keyboard"),
        PasswordProblem::Weak(Weakness::Repeat) => key("password-repeat"),
        PasswordProblem::Weak(Weakness::Sequence) => key("password-sequence"),
        PasswordProblem::Weak(Weakness::Date) => key("password-date"),
        PasswordProblem::Weak(Weakness::Simple) => key("password-simple"),
    })
}
