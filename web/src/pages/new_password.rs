//! `GET /contrasena/nueva`, `POST /contrasena/nueva`: the link in the letter about a forgotten password, or in an invitation. Looking changes nothing, and
//! says no more than whether the link is good.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::Utc;
use jobs::accounts::{
    password::{HashError, StrongPassword},
    password_reset::Subject,
};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::register::password_problem;
use crate::{
    app::App,
    forms::{Field, Sent, Wish, mark_first_problem},
    page::{Page, key, render, see_other},
    paths,
    problem::{Doing as _, Problem},
};

/// What the link says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    token: String,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    token: String,
    password: SecretString,
}

#[derive(Template)]
#[template(path = "new_password.html")]
struct NewPassword {
    page: Page,
    /// `None`: the link is good no more.
    token: Option<String>,
    /// Whether it is their first: they were invited.
    is_first: bool,
    password: Field,
}

impl NewPassword {
    fn title(&self) -> &'static str {
        if self.is_first { key("first-password-title") } else { key("new-password-title") }
    }

    fn is_good(&self) -> bool {
        self.token.is_some()
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let is_refused = mark_first_problem(&mut [&mut self.password]);
        render(if is_refused || !self.is_good() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }
}

/// Shows the form, or that the link is good no more.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let proven = app.password_reset.prove(&app.db, &asked.token, Utc::now()).await.doing("looking up whose link it is")?;
    let is_first = proven.as_ref().is_some_and(Subject::is_invited);
    NewPassword { page, token: proven.map(|_| asked.token), is_first, password: Field::default() }.shown()
}

/// Changes the password and leads to the login.
pub(crate) async fn submit(State(app): State<App>, page: Page, Sent(form): Sent<Form>) -> Result<Response, Problem> {
    const DOING: &str = "changing a password";
    let Form { token, password } = form;
    let Some(subject) = app.password_reset.prove(&app.db, &token, Utc::now()).await.doing("looking up whose link it is")? else {
        return NewPassword { page, token: None, is_first: false, password: Field::default() }.shown();
    };
    let is_first = subject.is_invited();
    let judged = spawn_blocking(move || StrongPassword::judge(password, &[&subject.full_name, subject.email.as_str()])).await;
    let password = match judged.map_err(|error| Problem::Internal(anyhow::Error::from(error).context("judging a password")))? {
        Ok(password) => password,
        Err(what) => {
            let password = Field { problem: Some(password_problem(&page, what)), ..Field::default() };
            return NewPassword { page, token: Some(token), is_first, password }.shown();
        }
    };
    let hash = app.passwords.hash(password).await.map_err(|error| match error {
        HashError::Busy => Problem::Busy,
        HashError::Failed(_) => Problem::Internal(error.into()),
    })?;
    let mut tx = app.db.begin().await.doing(DOING)?;
    let is_changed = app.password_reset.use_up(&mut tx, &token, &hash, Utc::now()).await.doing(DOING)?;
    tx.commit().await.doing(DOING)?;
    if !is_changed {
        return NewPassword { page, token: None, is_first: false, password: Field::default() }.shown();
    }
    let done = if is_first { "first-password" } else { "password" };
    Ok(see_other(&format!("{}?done={done}", page.at(paths::LOGIN))))
}
