//! `GET /baja`, `POST /baja`: the link by which a person says no to letters of a sort. Looking changes nothing, because programs that look
//! for danger in mail open every link; the button does, and so does a mail program on its reader's behalf (RFC 8058).

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    accounts::user::UserId,
    mail::{Stream, unsubscribe::set_wish},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::Wish,
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

/// What the link says. The form and the mail program send to the link itself.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    token: String,
}

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct UnsubscribePage {
    page: Page,
    token: String,
    standing: Standing,
}

/// What the link is worth.
#[derive(Debug, Clone, Copy)]
enum Standing {
    Good(Stream),
    Done(Stream),
    Forged,
}

impl UnsubscribePage {
    fn is_whole(&self) -> bool {
        !matches!(self.standing, Standing::Forged)
    }

    /// Which letters are meant, in words.
    fn letters(&self, stream: &Stream) -> String {
        self.page.text(match stream {
            Stream::Transactional | Stream::Notifications => key("unsubscribe-notifications"),
            Stream::Broadcast => key("unsubscribe-broadcast"),
        })
    }
}

/// Shows the button, or why there is none.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let standing = app.unsubscribe.read(&asked.token).map_or(Standing::Forged, |(_, stream)| Standing::Good(stream));
    shown(UnsubscribePage { page, token: asked.token, standing })
}

/// Notes it. Twice is as good as once.
pub(crate) async fn submit(State(app): State<App>, page: Page, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let standing = match app.unsubscribe.read(&asked.token) {
        Some((user_id, stream)) => {
            unsubscribe(&app, user_id, stream).await?;
            Standing::Done(stream)
        }
        None => Standing::Forged,
    };
    shown(UnsubscribePage { page, token: String::new(), standing })
}

async fn unsubscribe(app: &App, user_id: UserId, stream: Stream) -> Result<(), Problem> {
    const DOING: &str = "noting that somebody wants no such letters";
    let mut db = app.db.acquire().await.doing(DOING)?;
    set_wish(&mut db, user_id, stream, false).await.doing(DOING)?;
    metrics::counter!("faena_web_unsubscribed_total", "stream" => stream.as_str()).increment(1);
    Ok(())
}

fn shown(shown: UnsubscribePage) -> Result<Response, Problem> {
    render(if shown.is_whole() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &shown)
}
