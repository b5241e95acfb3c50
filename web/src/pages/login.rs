//! `GET /entrar`, `POST /entrar`: in, with an address and a password.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::accounts::{
    password::HashError,
    role::Role,
    sign_in::{SignIn, SignInError, sign_in},
};
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    app::App,
    client_ip::throttle_subject,
    forms::{Field, Sent, Wish},
    guard::OPERATORS,
    identity,
    next_url::local_path,
    page::{Page, render, see_other},
    paths::{self, Twin},
    problem::{Doing as _, Problem},
    throttle::{LOGINS_PER_ACCOUNT, LOGINS_PER_CLIENT},
    visit::Visit,
};

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    next: Option<String>,
    done: Option<String>,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    email: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    page: Page,
    email: Field,
    password: Field,
    next: String,
    refusal: Option<String>,
    is_verified: bool,
    has_new_password: bool,
    has_first_password: bool,
    is_sent_here: bool,
}

/// Shows the empty form.
pub(crate) async fn show(page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let next = asked.next.as_deref().and_then(local_path);
    let login = Login {
        page,
        email: Field::default(),
        password: Field::default(),
        is_sent_here: next.is_some(),
        next: next.unwrap_or_default(),
        refusal: None,
        is_verified: asked.done.as_deref() == Some("verified"),
        has_new_password: asked.done.as_deref() == Some("password"),
        has_first_password: asked.done.as_deref() == Some("first-password"),
    };
    render(StatusCode::OK, &login)
}

/// Signs in and leads on; or says no, and not why.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    session: Session,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let account = form.email.trim().to_lowercase();
    let counted = match app.throttle.take(LOGINS_PER_CLIENT, &throttle_subject(visit.client)).await {
        Ok(()) => app.throttle.take(LOGINS_PER_ACCOUNT, &account).await,
        refused => refused,
    };
    counted.inspect_err(|_| count("throttled"))?;

    let answer = sign_in(&app.db, &app.passwords, &form.email, form.password).await;
    let refusal = match answer {
        Ok(SignIn::Welcome(user)) => {
            identity::sign_in(&session, user.id).await?;
            app.throttle.forgive(LOGINS_PER_ACCOUNT, &account).await;
            count("welcome");
            let next = local_path(&form.next).unwrap_or_else(|| page.at(home(user.role)).to_owned());
            return Ok(see_other(&next));
        }
        Ok(SignIn::Disabled) => {
            count("disabled");
            page.text("login-disabled")
        }
        Ok(SignIn::Refused) => {
            count("refused");
            page.text("login-refused")
        }
        Err(SignInError::Postgres(error)) => return Err(error).doing("signing in"),
        Err(SignInError::Hash(HashError::Busy)) => return Err(Problem::Busy),
        Err(SignInError::Hash(error)) => return Err(Problem::Internal(error.into())),
    };
    let login = Login {
        page,
        email: Field { is_first_problem: true, ..Field::of(&form.email) },
        password: Field::default(),
        next: local_path(&form.next).unwrap_or_default(),
        refusal: Some(refusal),
        is_verified: false,
        has_new_password: false,
        has_first_password: false,
        is_sent_here: false,
    };
    render(StatusCode::UNPROCESSABLE_ENTITY, &login)
}

/// Where somebody begins who said nothing else.
fn home(role: Role) -> Twin {
    if OPERATORS.contains(&role) { paths::OPS } else { paths::ACCOUNT }
}

fn count(outcome: &'static str) {
    metrics::counter!("faena_web_logins_total", "outcome" => outcome).increment(1);
}
