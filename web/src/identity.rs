//! Who is signed in: from a session to a person, and back.

use std::sync::Arc;

use chrono::Utc;
use jobs::accounts::user::{User, UserId};
use tower_sessions::Session;

use crate::{
    app::App,
    problem::{Doing as _, Problem},
    sessions::{USER_KEY, hash_of, hex_of},
    visit::Visit,
};

/// A session lives this long after its last use.
pub(crate) const SESSION_HOURS: i64 = 24;
/// Its end is moved only when this much of its life has passed, so that reading pages writes nothing.
const TOUCH_AFTER_S: i64 = 600;
const TOUCHED_KEY: &str = "touched";

/// Finds out whose visit it is. The session may come from the cache; whether it still stands is always asked of Postgres, in the
/// query that reads the person, so that an ended session or a closed account is out at once.
///
/// # Errors
/// Postgres cannot be reached.
pub(crate) async fn identify(app: &App, visit: &Visit, session: &Session) -> Result<(), Problem> {
    if visit.is_identified() {
        return Ok(());
    }
    if session.id().is_none() {
        visit.is_by(None);
        return Ok(());
    }
    let user_id: Option<UserId> = session.get(USER_KEY).await.doing("reading a session")?;
    let (Some(user_id), Some(id)) = (user_id, session.id()) else {
        visit.is_by(None);
        return Ok(());
    };
    let hash = hash_of(&id);
    let Some(user) = User::find_by_session(&app.db, user_id, &hash).await.doing("looking up who is signed in")? else {
        session.flush().await.doing("forgetting an ended session")?;
        visit.is_by(None);
        return Ok(());
    };
    let now = Utc::now().timestamp();
    let touched: i64 = session.get(TOUCHED_KEY).await.doing("reading a session")?.unwrap_or_default();
    if now - touched > TOUCH_AFTER_S {
        session.insert(TOUCHED_KEY, now).await.doing("renewing a session")?;
    }
    visit.is_by(Some((Arc::new(user), hex_of(&hash))));
    Ok(())
}

/// Signs somebody in under a new session: whatever id the browser held before means nothing afterwards.
///
/// # Errors
/// Postgres cannot be reached.
pub(crate) async fn sign_in(session: &Session, user_id: UserId) -> Result<(), Problem> {
    sign_out(session).await?;
    session.insert(USER_KEY, user_id).await.doing("beginning a session")?;
    session.insert(TOUCHED_KEY, Utc::now().timestamp()).await.doing("beginning a session")
}

/// Ends the session, here and in the store.
///
/// # Errors
/// Postgres cannot be reached.
pub(crate) async fn sign_out(session: &Session) -> Result<(), Problem> {
    if session.id().is_some() { session.flush().await.doing("ending a session") } else { Ok(()) }
}
