//! In whose name a program asks, and what that person is at the help desk.

use axum::http::StatusCode;
use jobs::{access::api_token::ApiToken, accounts::user::User, help_desk::actor::Actor, help_desk::trouble::DeskError};

use crate::{
    app::App,
    problem::{Doing as _, Problem, Told},
    visit::Visit,
};

/// In whose name the token asks.
///
/// # Errors
/// In nobody's, or the account is closed, or Postgres cannot be reached.
pub(crate) async fn person(app: &App, caller: &ApiToken) -> Result<User, Problem> {
    let nobody = |what: &str| Problem::from(Told::new(StatusCode::FORBIDDEN, what));
    let id = caller.user_id.ok_or_else(|| nobody("the token bears nobody's name"))?;
    let found = User::find(&app.db, id).await.doing("looking up in whose name a token asks")?;
    found
        .filter(|person| person.disabled_at.is_none())
        .ok_or_else(|| nobody("the account in whose name the token asks is closed"))
}

/// What that person is at the help desk.
///
/// # Errors
/// Nothing, or as [`person`].
pub(crate) async fn actor<'v>(app: &App, visit: &'v Visit) -> Result<(&'v ApiToken, Actor), Problem> {
    let caller: &ApiToken = visit.caller().ok_or(Problem::NotSignedIn)?;
    let person = person(app, caller).await?;
    match Actor::find(&app.db, person.id).await {
        Err(DeskError::NotAllowed) => {
            Err(Told::new(StatusCode::FORBIDDEN, "the person has nothing to do with the help desk").into())
        }
        found => found.doing("asking what somebody is at the help desk").map(|actor| (caller, actor)),
    }
}

/// The same of somebody who works there.
///
/// # Errors
/// They do not, or as [`person`].
pub(crate) async fn agent(app: &App, visit: &Visit) -> Result<Actor, Problem> {
    match actor(app, visit).await? {
        (_, agent @ Actor::Agent { .. }) => Ok(agent),
        (_, Actor::Contact { .. }) => Err(Told::new(StatusCode::FORBIDDEN, "the person does not work at the help desk").into()),
    }
}
