//! `GET /contrasena`, `POST /contrasena`: asks for the letter with which to choose another password.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::accounts::{
    email_address::EmailAddress,
    password_reset::{AskError, ask},
};
use serde::Deserialize;

use super::register::email_problem;
use crate::{
    app::App,
    client_ip::throttle_subject,
    forms::{Field, Sent, Wish, mark_first_problem},
    page::{Page, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    throttle::{RESETS_PER_ACCOUNT, RESETS_PER_CLIENT},
    visit::Visit,
};

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<String>,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    email: String,
}

#[derive(Template)]
#[template(path = "forgotten_password.html")]
struct ForgottenPassword {
    page: Page,
    email: Field,
    is_asked: bool,
}

/// Shows the form, or that a letter is on its way if there is anybody to write to.
pub(crate) async fn show(page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    render(StatusCode::OK, &ForgottenPassword { page, email: Field::default(), is_asked: asked.done.is_some() })
}

/// Promises the letter. The answer is the same whether there is such an account or not.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    const DOING: &str = "promising a letter about a password";
    app.throttle.take(RESETS_PER_CLIENT, &throttle_subject(visit.client)).await?;
    let address = match EmailAddress::parse(&form.email) {
        Ok(address) => address,
        Err(what) => {
            let mut email = Field { problem: Some(email_problem(&page, what)), ..Field::of(&form.email) };
            mark_first_problem(&mut [&mut email]);
            return render(StatusCode::UNPROCESSABLE_ENTITY, &ForgottenPassword { page, email, is_asked: false });
        }
    };
    app.throttle.take(RESETS_PER_ACCOUNT, &address.as_str().to_lowercase()).await?;
    let mut tx = app.db.begin().await.doing(DOING)?;
    match ask(&mut tx, &address).await {
        Ok(()) => tx.commit().await.doing(DOING)?,
        Err(AskError::Postgres(error)) => return Err(error).doing(DOING),
        Err(error) => return Err(Problem::Internal(error.into())),
    }
    Ok(see_other(&format!("{}?done=asked", page.at(paths::FORGOTTEN_PASSWORD))))
}
