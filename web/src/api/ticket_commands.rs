//! `POST /api/v1/tickets` opens one, and `PATCH /api/v1/tickets/{id}` changes one that is as it was seen.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use jobs::{
    accounts::{locale::Locale, user::UserId},
    help_desk::{
        actor::Actor,
        change,
        number::{ClientId, TicketId},
        open::NewTicket,
        text::{Body, Tag, TextProblem, Title},
        ticket::{Ticket as Seeing, now},
        trouble::DeskError,
        words::{Category, Priority, Status, VoidReason},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use sqlx::PgConnection;

use super::{
    answers, body,
    person::actor,
    tickets::{Ticket, one, read_id},
};
use crate::{
    app::App,
    paths,
    problem::{Doing as _, Problem, Told},
    visit::Visit,
};

/// The most tags that a ticket has.
const MOST_TAGS: usize = 20;

/// A ticket to be opened.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketRequest {
    /// Whose it is. Who belongs to a client opens that client's, and may leave it out.
    client: Option<i64>,
    /// What it is about, in a line; 300 characters at most.
    title: String,
    /// What it is about; 20,000 characters at most.
    description: String,
    /// `access`, `hardware`, `network`, `software`, `billing` or `other`, which it is if left out.
    category: Option<String>,
    /// `low`, `normal`, `high` or `urgent`; `normal`, if left out.
    priority: Option<String>,
    /// Words by which it is found again; 20 at most, each without blanks.
    #[serde(default)]
    tags: Vec<String>,
}

/// What is to be otherwise about a ticket: all of it, or nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketChange {
    /// The version that was seen: if the ticket has changed since, nothing is done.
    version: i32,
    /// `low`, `normal`, `high` or `urgent`.
    priority: Option<String>,
    /// `access`, `hardware`, `network`, `software`, `billing` or `other`.
    category: Option<String>,
    /// The words by which it is found from now on; 20 at most, each without blanks.
    tags: Option<Vec<String>>,
    /// The account of who is to be at it; null: nobody.
    #[serde(default, deserialize_with = "given")]
    assignee: Option<Option<i64>>,
    /// `open` (it is gone on with, or opened again), `waiting_client`, `resolved` or `closed`.
    status: Option<String>,
    /// What the client is told with `resolved`; left out: they have been told.
    answer: Option<String>,
    /// `spam`, `duplicate` or `mistake`: it should not have been, and is closed unsolved.
    void_reason: Option<String>,
    /// With `duplicate`: the ticket of the same client in which it goes on.
    merged_into: Option<i64>,
}

/// A null that was given is not one that was left out.
#[expect(clippy::option_option, reason = "that is the point")]
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What is wrong with a request, all of it.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(String, String)>);

impl Faults {
    fn add(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.0.push((at.into(), what.into()));
    }

    /// A text, or a fault.
    pub(super) fn read<T>(&mut self, at: impl Into<String>, read: Result<T, TextProblem>) -> Option<T> {
        read.map_err(|problem| self.add(at, problem.to_string())).ok()
    }

    /// A word, or a fault; left out: the usual one.
    fn word<T: std::str::FromStr>(&mut self, at: &str, given: Option<&str>) -> Option<T> {
        let given = given?;
        given.parse().map_err(|_| self.add(at, format!("there is no {given:?}"))).ok()
    }

    fn tags(&mut self, given: &[String]) -> Vec<Tag> {
        if given.len() > MOST_TAGS {
            self.add("/tags", format!("a ticket has {MOST_TAGS} tags at most"));
        }
        given.iter().enumerate().filter_map(|(at, tag)| self.read(format!("/tags/{at}"), Tag::parse(tag))).collect()
    }

    /// Refuses the request, if anything is wrong.
    pub(super) fn none(self) -> Result<(), Problem> {
        let Some((_, first)) = self.0.first() else { return Ok(()) };
        let told = Told::new(StatusCode::UNPROCESSABLE_ENTITY, first.clone());
        Err(Told { faults: self.0, ..told }.into())
    }
}

/// Opens it, or gives the answer that was given under the same idempotency key.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    const DOING: &str = "opening a ticket";
    let (caller, actor) = actor(&app, &visit).await?;
    let asked: TicketRequest = body::read(&headers, &bytes)?;
    let ticket = wanted(&asked, &actor)?;
    let key = answers::key_of(&headers)?;
    let mut tx = app.db.begin().await.doing(DOING)?;
    if let Some(key) = key
        && let Some(id) = answers::claim_at(&mut tx, caller.id, key, "tickets", &bytes).await?
    {
        return Ok(replayed(opened(one(&app, &actor, TicketId(id)).await?)));
    }
    let done = async {
        let at = now(&mut *tx).await?;
        let id = ticket.open(&mut tx, at, &actor).await?;
        if let Some(key) = key {
            answers::note_number(&mut tx, caller.id, key, id.0).await?;
        }
        tx.commit().await?;
        Ok(id)
    };
    let id = done.await.or_else(|error| Err(refusal(error, DOING)?))?;
    Ok(opened(one(&app, &actor, id).await?))
}

fn opened(ticket: Ticket) -> Response {
    let location = paths::API_TICKET.at(Locale::default()).replace("{id}", &ticket.id.to_string());
    let mut response = (StatusCode::CREATED, Json(ticket)).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The same answer as to an earlier request.
pub(super) fn replayed(mut response: Response) -> Response {
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

/// What is asked for, in the words of the desk; or everything that is wrong with it.
fn wanted(asked: &TicketRequest, actor: &Actor) -> Result<NewTicket, Problem> {
    let mut faults = Faults::default();
    let client = asked.client.map(ClientId).or(actor.client());
    if client.is_none() {
        faults.add("/client", "whose ticket it is has to be said by who works at the desk");
    }
    let title = faults.read("/title", Title::parse(&asked.title));
    let description = faults.read("/description", Body::parse(&asked.description));
    let category = faults.word("/category", asked.category.as_deref());
    let priority = faults.word("/priority", asked.priority.as_deref());
    let tags = faults.tags(&asked.tags);
    faults.none()?;
    let (Some(client), Some(title), Some(description)) = (client, title, description) else { return Err(Problem::BadRequest) };
    let (category, priority) = (category.unwrap_or(Category::Other), priority.unwrap_or(Priority::Normal));
    Ok(NewTicket { client, title, description, category, tags, priority })
}

/// A change in the words of the desk.
struct Change {
    priority: Option<Priority>,
    category: Option<Category>,
    tags: Option<Vec<Tag>>,
    assignee: Option<Option<UserId>>,
    status: Option<Status>,
    answer: Option<Body>,
    void_reason: Option<VoidReason>,
    merged_into: Option<TicketId>,
}

impl Change {
    fn read(asked: &TicketChange) -> Result<Self, Problem> {
        let mut faults = Faults::default();
        let change = Self {
            priority: faults.word("/priority", asked.priority.as_deref()),
            category: faults.word("/category", asked.category.as_deref()),
            tags: asked.tags.as_deref().map(|tags| faults.tags(tags)),
            assignee: asked.assignee.map(|to| to.map(UserId)),
            status: faults.word("/status", asked.status.as_deref()),
            answer: asked.answer.as_deref().and_then(|answer| faults.read("/answer", Body::parse(answer))),
            void_reason: faults.word("/void_reason", asked.void_reason.as_deref()),
            merged_into: asked.merged_into.map(TicketId),
        };
        if change.status == Some(Status::New) {
            faults.add("/status", "no ticket becomes new again");
        }
        if asked.answer.is_some() && asked.status.as_deref() != Some(Status::Resolved.as_str()) {
            faults.add("/answer", "an answer goes with the status resolved; everything else that is said is a comment");
        }
        if asked.merged_into.is_some() && asked.void_reason.as_deref() != Some(VoidReason::Duplicate.as_str()) {
            faults.add("/merged_into", "only a duplicate goes on in another ticket");
        }
        if asked.void_reason.is_some() && asked.status.is_some() {
            faults.add("/status", "a ticket that is made void is closed by that");
        }
        let is_classified = asked.category.is_some() || asked.tags.is_some();
        if !is_classified
            && asked.priority.is_none()
            && asked.assignee.is_none()
            && asked.status.is_none()
            && asked.void_reason.is_none()
        {
            faults.add("", "nothing is to be changed: a priority, a category, tags, an assignee, a status or a void_reason");
        }
        faults.none().map(|()| change)
    }

    /// Does all of it in one transaction. What is over is opened first, and what is to be over is closed last: in between it can be changed.
    async fn carry_out(&self, tx: &mut PgConnection, at: DateTime<Utc>, actor: &Actor, was: &Seeing) -> Result<(), DeskError> {
        let (mut seen, is) = (was.seen(), was.status);
        if self.status == Some(Status::Open) {
            seen.version = match is {
                Status::WaitingClient => change::go_on(tx, at, actor, seen).await?,
                Status::Resolved | Status::Closed => change::reopen(tx, at, actor, seen).await?,
                // Who takes it up, or answers, opens it.
                Status::New if !matches!(self.assignee, Some(Some(_))) => {
                    return Err(DeskError::WrongStatus { status: is, act: "open before somebody is at it" });
                }
                Status::New | Status::Open => seen.version,
            };
        }
        if let Some(priority) = self.priority {
            seen.version = change::set_priority(tx, at, actor, seen, priority).await?;
        }
        if self.category.is_some() || self.tags.is_some() {
            let tags = self.tags.clone().unwrap_or_else(|| was.tags.iter().filter_map(|tag| Tag::parse(tag).ok()).collect());
            seen.version = change::classify(tx, at, actor, seen, self.category.unwrap_or(was.category), &tags).await?;
        }
        if let Some(to) = self.assignee {
            seen.version = change::assign(tx, at, actor, seen, to).await?;
        }
        if let Some(reason) = self.void_reason {
            return change::make_void(tx, at, actor, seen, reason, self.merged_into).await.map(drop);
        }
        match self.status {
            Some(Status::WaitingClient) => change::wait_for_client(tx, at, actor, seen).await.map(drop),
            Some(Status::Resolved) => change::resolve(tx, at, actor, seen, self.answer.as_ref()).await.map(drop),
            Some(Status::Closed) => change::close(tx, at, actor, seen).await.map(drop),
            Some(Status::New | Status::Open) | None => Ok(()),
        }
    }
}

/// Changes it, if it is as it was seen.
pub(crate) async fn edit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Ticket>, Problem> {
    const DOING: &str = "changing a ticket";
    let (_, actor) = actor(&app, &visit).await?;
    let asked: TicketChange = body::read(&headers, &bytes)?;
    let id = read_id(&id)?;
    let change = Change::read(&asked)?;
    let done = async {
        let mut tx = app.db.begin().await?;
        let at = now(&mut *tx).await?;
        let ticket = Seeing::find(&mut *tx, &actor, id).await?;
        if ticket.lock_version != asked.version {
            return Err(DeskError::Changed { seen: asked.version, present: ticket.lock_version });
        }
        change.carry_out(&mut tx, at, &actor, &ticket).await?;
        tx.commit().await.map_err(DeskError::from)
    };
    done.await.or_else(|error| Err(refusal(error, DOING)?))?;
    one(&app, &actor, id).await.map(Json)
}

/// Why it is not done, in the request's own terms.
///
/// # Errors
/// It is not the request that is wrong.
pub(super) fn refusal(error: DeskError, doing: &'static str) -> Result<Problem, Problem> {
    let said = error.to_string();
    let (status, at) = match error {
        DeskError::NoSuchClient => (StatusCode::UNPROCESSABLE_ENTITY, "/client"),
        DeskError::NoAgent => (StatusCode::UNPROCESSABLE_ENTITY, "/assignee"),
        DeskError::NoContract => (StatusCode::CONFLICT, "/client"),
        DeskError::Changed { .. } => (StatusCode::CONFLICT, "/version"),
        DeskError::WrongStatus { .. } => (StatusCode::CONFLICT, "/status"),
        DeskError::Unanswered => (StatusCode::CONFLICT, "/answer"),
        DeskError::NoMerger => (StatusCode::UNPROCESSABLE_ENTITY, "/merged_into"),
        DeskError::MergerOver { .. } => (StatusCode::CONFLICT, "/merged_into"),
        DeskError::Merged(_) => return Ok(Told::new(StatusCode::CONFLICT, said).into()),
        DeskError::NotAllowed => return Ok(Told::new(StatusCode::FORBIDDEN, said).into()),
        DeskError::NoSuchTicket => return Ok(Problem::NotFound),
        error => return Err::<Problem, _>(error).doing(doing),
    };
    Ok(Told::new(status, said).at(at).into())
}
