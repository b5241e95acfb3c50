//! What people do to a ticket: `POST /solicitudes/{id}/comentario`, `…/asignar`, `…/prioridad`, `…/clasificar`, `…/anular`, `…/resolver`, `…/estado`.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::{
    accounts::user::UserId,
    help_desk::{
        actor::Actor,
        articles::article::Article,
        change,
        comment::{Audience, comment as write_comment},
        number::{ArticleId, TicketId},
        text::{Body, TextProblem},
        ticket::{Seen, Ticket, now},
        trouble::DeskError,
        words::{Category, Priority, VoidReason},
    },
};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{
    help_article::address,
    new_ticket::{no_contract, read_tags, text_problem},
    ticket::{TicketPage, Typed},
    tickets::actor,
};
use crate::{
    app::App,
    forms::Sent,
    page::{Page, key, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// A word under the ticket.
#[derive(Debug, Deserialize)]
pub(crate) struct Comment {
    body: String,
    /// For agents alone.
    #[serde(default)]
    internal: String,
    /// The client is asked something, and time stands still until they answer.
    #[serde(default)]
    wait: String,
    /// The article whose address is written below it.
    #[serde(default)]
    article: String,
}

/// Who should have it. Empty: nobody.
#[derive(Debug, Deserialize)]
pub(crate) struct Assignment {
    version: i32,
    agent: String,
}

/// How much depends on it.
#[derive(Debug, Deserialize)]
pub(crate) struct Urgency {
    version: i32,
    priority: String,
}

/// What it is about, and by which words it is found again.
#[derive(Debug, Deserialize)]
pub(crate) struct Classification {
    version: i32,
    category: String,
    tags: String,
}

/// Why it should not have been, and in which ticket it goes on. Empty: in none.
#[derive(Debug, Deserialize)]
pub(crate) struct Nullity {
    version: i32,
    reason: String,
    #[serde(default)]
    into: String,
}

/// What the client is told. Empty: they have been told.
#[derive(Debug, Deserialize)]
pub(crate) struct Solution {
    version: i32,
    answer: String,
}

/// Where it should stand.
#[derive(Debug, Deserialize)]
pub(crate) struct Standing {
    version: i32,
    act: Act,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    GoOn,
    Reopen,
    Close,
}

/// What a handler of this file is given.
type Given = (State<App>, Extension<Arc<Visit>>, Page, Path<String>);

/// Writes under the ticket, and leads back to it.
pub(crate) async fn comment(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Comment>,
) -> Result<Response, Problem> {
    let given = (State(app), Extension(visit), page, Path(id));
    let typed = Typed::Comment(&form.body);
    let audience = if form.internal.is_empty() { Audience::Everybody } else { Audience::Agents };
    let text = match linked(&given, &form, audience).await? {
        Ok(text) => text,
        Err(why) => return refuse(given, StatusCode::CONFLICT, typed, why).await,
    };
    let body = match Body::parse(&text) {
        Ok(body) => body,
        Err(what) => {
            let why = text_problem(&given.2, what);
            return refuse(given, StatusCode::UNPROCESSABLE_ENTITY, typed, why).await;
        }
    };
    let waits = !form.wait.is_empty() && audience == Audience::Everybody;
    act(given, typed, async |tx, at, actor, ticket| {
        write_comment(tx, at, actor, ticket, &body, audience).await?;
        if waits {
            // Nobody has changed it in between: this transaction holds it.
            let seen = Ticket::find(&mut *tx, actor, ticket).await?.seen();
            change::wait_for_client(tx, at, actor, seen).await?;
        }
        Ok(())
    })
    .await
}

/// What was typed, and below it the article that was chosen, if whoever reads the comment may read that; else why not.
async fn linked(given: &Given, form: &Comment, audience: Audience) -> Result<Result<String, String>, Problem> {
    if form.article.is_empty() || matches!(Body::parse(&form.body), Err(TextProblem::Blank)) {
        return Ok(Ok(form.body.clone()));
    }
    let (State(app), Extension(visit), page, Path(id)) = given;
    let actor = actor(app, visit).await?;
    let ticket = TicketId(id.parse().map_err(|_| Problem::NotFound)?);
    let article = ArticleId(form.article.parse().map_err(|_| Problem::BadRequest)?);
    let ticket = Ticket::find(&app.db, &actor, ticket).await.doing("looking up a ticket")?;
    let article = Article::find(&app.db, &actor, article).await.doing("looking up an article")?;
    if audience == Audience::Everybody && !article.is_for(ticket.client_id) {
        return Ok(Err(page.text(key("ticket-article-not-for-client"))));
    }
    let home = app.settings.public_url.as_str().trim_end_matches('/');
    let path = address(&article.locale, &article.slug);
    Ok(Ok(format!("{}\n\n{}\n{home}{path}", form.body.trim_end(), article.title)))
}

/// Gives it to somebody.
pub(crate) async fn assign(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Assignment>,
) -> Result<Response, Problem> {
    let to = match form.agent.as_str() {
        "" => None,
        agent => Some(UserId(agent.parse().map_err(|_| Problem::BadRequest)?)),
    };
    act((app, visit, page, id), Typed::Nothing, async |tx, at, actor, ticket| {
        change::assign(tx, at, actor, Seen { ticket, version: form.version }, to).await.map(drop)
    })
    .await
}

/// Gives it another priority.
pub(crate) async fn set_priority(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Urgency>,
) -> Result<Response, Problem> {
    let priority: Priority = form.priority.parse().map_err(|_| Problem::BadRequest)?;
    act((app, visit, page, id), Typed::Nothing, async |tx, at, actor, ticket| {
        change::set_priority(tx, at, actor, Seen { ticket, version: form.version }, priority).await.map(drop)
    })
    .await
}

/// Says what it is about.
pub(crate) async fn classify(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Classification>,
) -> Result<Response, Problem> {
    let category: Category = form.category.parse().map_err(|_| Problem::BadRequest)?;
    let (field, tags) = read_tags(&page, &form.tags);
    let typed = Typed::Tags(&form.tags);
    let Some(tags) = tags else {
        let why = field.problem.unwrap_or_default();
        return refuse((app, visit, page, id), StatusCode::UNPROCESSABLE_ENTITY, typed, why).await;
    };
    act((app, visit, page, id), typed, async |tx, at, actor, ticket| {
        change::classify(tx, at, actor, Seen { ticket, version: form.version }, category, &tags).await.map(drop)
    })
    .await
}

/// Says that it should not have been.
pub(crate) async fn make_void(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Nullity>,
) -> Result<Response, Problem> {
    let reason: VoidReason = form.reason.parse().map_err(|_| Problem::BadRequest)?;
    let typed = Typed::Into(&form.into);
    let number = form.into.trim().trim_start_matches('#');
    let into = match number.parse() {
        Ok(number) => Some(TicketId(number)),
        Err(_) if number.is_empty() => None,
        Err(_) => {
            let why = page.text(key("ticket-no-merger"));
            return refuse((app, visit, page, id), StatusCode::UNPROCESSABLE_ENTITY, typed, why).await;
        }
    };
    act((app, visit, page, id), typed, async |tx, at, actor, ticket| {
        change::make_void(tx, at, actor, Seen { ticket, version: form.version }, reason, into).await.map(drop)
    })
    .await
}

/// Says that it is solved, and how.
pub(crate) async fn resolve(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Solution>,
) -> Result<Response, Problem> {
    let typed = Typed::Answer(&form.answer);
    let answer = match form.answer.trim() {
        "" => None,
        answer => match Body::parse(answer) {
            Ok(body) => Some(body),
            Err(what) => {
                let why = text_problem(&page, what);
                return refuse((app, visit, page, id), StatusCode::UNPROCESSABLE_ENTITY, typed, why).await;
            }
        },
    };
    act((app, visit, page, id), typed, async |tx, at, actor, ticket| {
        change::resolve(tx, at, actor, Seen { ticket, version: form.version }, answer.as_ref()).await.map(drop)
    })
    .await
}

/// Goes on with it, opens it again, or closes it.
pub(crate) async fn set_status(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Standing>,
) -> Result<Response, Problem> {
    act((app, visit, page, id), Typed::Nothing, async |tx, at, actor, ticket| {
        let seen = Seen { ticket, version: form.version };
        match form.act {
            Act::GoOn => change::go_on(tx, at, actor, seen).await,
            Act::Reopen => change::reopen(tx, at, actor, seen).await,
            Act::Close => change::close(tx, at, actor, seen).await,
        }
        .map(drop)
    })
    .await
}

/// Does it in one transaction, in the visitor's name and at Postgres's time, and leads back to the ticket; or shows the ticket as it is now, with why
/// it was not done.
async fn act(
    given: Given,
    typed: Typed<'_>,
    does: impl AsyncFnOnce(&mut PgConnection, DateTime<Utc>, &Actor, TicketId) -> Result<(), DeskError>,
) -> Result<Response, Problem> {
    let (State(app), Extension(visit), page, Path(id)) = &given;
    let actor = actor(app, visit).await?;
    let ticket = TicketId(id.parse().map_err(|_| Problem::NotFound)?);
    let done = async {
        let mut tx = app.db.begin().await?;
        let at = now(&mut *tx).await?;
        does(&mut tx, at, &actor, ticket).await?;
        tx.commit().await.map_err(DeskError::from)
    };
    let why = match done.await {
        Ok(()) => return Ok(see_other(&page.to(paths::TICKET, "id", ticket))),
        Err(DeskError::Changed { .. }) => page.text(key("ticket-changed")),
        Err(DeskError::WrongStatus { .. }) => page.text(key("ticket-wrong-status")),
        Err(DeskError::Unanswered) => page.text(key("ticket-unanswered")),
        Err(DeskError::NoContract) => no_contract(page, &actor),
        Err(DeskError::NoAgent) => page.text(key("ticket-no-agent")),
        Err(DeskError::NoMerger) => page.text(key("ticket-no-merger")),
        Err(DeskError::MergerOver { ticket, .. }) => page.text1(key("ticket-merger-over"), "ticket", ticket.0.to_string()),
        Err(DeskError::Merged(into)) => page.text1(key("ticket-merged-go-on"), "ticket", into.0.to_string()),
        Err(error) => return Err(error).doing("changing a ticket"),
    };
    refuse(given, StatusCode::CONFLICT, typed, why).await
}

async fn refuse(given: Given, status: StatusCode, typed: Typed<'_>, why: String) -> Result<Response, Problem> {
    let (State(app), Extension(visit), page, Path(id)) = given;
    TicketPage::load(&app, &visit, page, &id, None).await?.refused(status, typed, why)
}
