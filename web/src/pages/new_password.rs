//! `GET /contrasena/nueva`, `POST /contrasena/nueva`: the link in the letter about a forgotten password. Looking changes nothing, and says
//! no more than whether the link is good.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::Utc;
use jobs::accounts::password::{HashError, StrongPassword};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::register::password_problem;
use crate::{
    app::App,
    forms::{Field, Sent, Wish, mark_first_problem},
    page::{Page, render, see_other},
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
    password: Field,
}

impl NewPassword {
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
    NewPassword { page, token: proven.map(|_| asked.token), password: Field::default() }.shown()
}

/// Changes the password and leads to the login.
pub(crate) async fn submit(State(app): State<App>, page: Page, Sent(form): Sent<Form>) -> Result<Response, Problem> {
    const DOING: &str = "changing a password";
    let Form { token, password } = form;
    let Some(subject) = app.password_reset.prove(&app.db, &token, Utc::now()).await.doing("looking up whose link it is")? else {
        return NewPassword { page, token: None, password: Field::default() }.shown();
    };
    let judged = spawn_blocking(move || StrongPassword::judge(password, &[&subject.full_name, subject.email.as_str()])).await;
    let password = match judged.map_err(|error| Problem::Internal(anyhow::Error::from(error).context("judging a password")))? {
        Ok(password) => password,
        Err(what) => {
            let password = Field { problem: Some(password_problem(&page, what)), ..Field::default() };
            return NewPassword { page, token: Some(token), password }.shown();
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
        return NewPassword { page, token: None, password: Field::default() }.shown();
    }
    Ok(see_other(&format!("{}?done=password", page.at(paths::LOGIN))))
}
