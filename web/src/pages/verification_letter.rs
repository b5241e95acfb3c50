//! `POST /cuenta/carta`: the verification letter once more.

use std::sync::Arc;

use axum::{
    extract::{Extension, State},
    response::Response,
};
use jobs::accounts::{user::UserId, welcome_learner::WelcomeLearner};

use crate::{
    app::App,
    page::{Page, see_other},
    paths,
    problem::{Doing as _, Problem},
    throttle::LETTERS_PER_PERSON,
    visit::Visit,
};

/// Promises another letter, unless the address is verified already.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
) -> Result<Response, Problem> {
    let person = visit.person().cloned().ok_or(Problem::NotSignedIn)?;
    let account = page.at(paths::ACCOUNT);
    if person.email_verified_at.is_some() {
        return Ok(see_other(account));
    }
    app.throttle.take(LETTERS_PER_PERSON, &person.id.to_string()).await?;
    enqueue_letter(&app, person.id).await?;
    Ok(see_other(&format!("{account}?done=letter")))
}

async fn enqueue_letter(app: &App, user_id: UserId) -> Result<(), Problem> {
    const DOING: &str = "promising another verification letter";
    let mut tx = app.db.begin().await.doing(DOING)?;
    // The number after the newest letter's. While that one has not been taken up, asking again asks for the same letter, and one
    // is sent.
    let resend: i32 = sqlx::query_scalar(
        "select coalesce(max(split_part(dedupe_key, ':', 3)::integer), -1) + 1 from mail.messages
         where user_id = $1 and dedupe_key ~ '^welcome:[0-9]+:[0-9]{1,8}$'",
    )
    .bind(user_id)
    .fetch_one(&mut *tx)
    .await
    .doing(DOING)?;
    let letter = WelcomeLearner { user_id, resend: u32::try_from(resend).unwrap_or_default() };
    queue::enqueue(&mut tx, letter).await.map_err(|error| Problem::Internal(anyhow::Error::from(error).context(DOING)))?;
    tx.commit().await.doing(DOING)
}
