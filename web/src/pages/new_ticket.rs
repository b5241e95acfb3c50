//! `GET /solicitudes/nueva`, `POST /solicitudes/nueva`: a new ticket.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use jobs::help_desk::{
    actor::Actor,
    number::{ClientId, TicketId},
    open::NewTicket,
    text::{Body, Tag, TextProblem, Title},
    ticket::now,
    trouble::DeskError,
    words::{Category, Priority},
};
use serde::Deserialize;

use super::tickets::{Choice, actor, clients};
use crate::{
    app::App,
    forms::{Field, Sent, Wish, is_shown, mark_first_problem},
    page::{Page, render, see_other},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// The most tags that a form takes.
const MOST_TAGS: usize = 20;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// The number of the client whose it is to be.
    #[serde(default)]
    client: String,
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Form {
    /// Only those who work here choose.
    #[serde(default)]
    client: String,
    title: String,
    description: String,
    category: String,
    priority: String,
    tags: String,
}

#[derive(Template)]
#[template(path = "new_ticket.html")]
struct NewTicketPage {
    page: Page,
    /// Whose it may be, where there is a choice.
    clients: Choice<ClientId>,
    client: Field,
    title: Field,
    description: Field,
    tags: Field,
    category: Category,
    priority: Priority,
    refused: Option<String>,
}

impl NewTicketPage {
    /// For that client, where there is a choice.
    async fn blank(app: &App, page: Page, actor: &Actor, client: &str) -> Result<Self, Problem> {
        let clients = match actor {
            Actor::Contact { .. } => Choice::default(),
            Actor::Agent { .. } => clients(app, client.parse().ok().map(ClientId)).await?,
        };
        Ok(Self {
            page,
            clients,
            client: Field::of(client),
            title: Field::default(),
            description: Field::default(),
            tags: Field::default(),
            category: Category::Other,
            priority: Priority::Normal,
            refused: None,
        })
    }

    fn is_client(&self, client: &ClientId) -> bool {
        self.client.value == client.to_string()
    }

    fn is_category(&self, category: &Category) -> bool {
        self.category == *category
    }

    fn is_priority(&self, priority: &Priority) -> bool {
        self.priority == *priority
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let fields = &mut [&mut self.client, &mut self.title, &mut self.description, &mut self.tags];
        let is_refused = mark_first_problem(fields) || self.refused.is_some();
        render(if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }
}

/// The sentence about a text that is not taken.
pub(super) fn text_problem(page: &Page, what: TextProblem) -> String {
    match what {
        TextProblem::Blank => page.text("text-blank"),
        TextProblem::TooLong(most) => page.text1("text-too-long", "most", most),
        TextProblem::Forbidden => page.text("text-forbidden"),
    }
}

/// The sentence about a client that has no contract and is not served without one: to its own people, or to those who work here.
pub(super) fn no_contract(page: &Page, actor: &Actor) -> String {
    match actor {
        Actor::Contact { .. } => page.text("ticket-no-contract"),
        Actor::Agent { .. } => page.text("ticket-client-no-contract"),
    }
}

/// Reads tags as they are typed, words between commas or blanks; none: what is wrong with them stands in the field.
pub(super) fn read_tags(page: &Page, typed: &str) -> (Field, Option<Vec<Tag>>) {
    let words: Vec<&str> = typed.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()).collect();
    let tags: Result<Vec<Tag>, TextProblem> = words.iter().map(|word| Tag::parse(word)).collect();
    let problem = match &tags {
        Ok(_) if words.len() > MOST_TAGS => Some(page.text1("ticket-too-many-tags", "most", MOST_TAGS)),
        Ok(_) => None,
        Err(what) => Some(text_problem(page, *what)),
    };
    let tags = tags.ok().filter(|_| problem.is_none());
    (Field { problem, ..Field::of(typed) }, tags)
}

/// What was typed into a large field, as it can stand in a page again.
pub(super) fn kept(typed: &str) -> Field {
    Field { value: typed.chars().filter(is_shown).take(Body::MAX_CHARS * 2).collect(), ..Field::default() }
}

/// Shows the empty form.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    NewTicketPage::blank(&app, page, &actor, &asked.client).await?.shown()
}

/// Opens the ticket and leads to it; or shows the form again with what is wrong beside each field.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let mut again = NewTicketPage::blank(&app, page, &actor, &form.client).await?;
    let client = match actor {
        Actor::Contact { client, .. } => Some(client),
        Actor::Agent { .. } => form.client.parse().ok().map(ClientId),
    };
    let (title, description) = (Title::parse(&form.title), Body::parse(&form.description));
    let (tags_field, tags) = read_tags(&again.page, &form.tags);
    let problem = |what: &TextProblem| text_problem(&again.page, *what);
    let title_field = Field { problem: title.as_ref().err().map(problem), ..kept(&form.title) };
    let description_field = Field { problem: description.as_ref().err().map(problem), ..kept(&form.description) };
    let client_field =
        Field { problem: client.is_none().then(|| again.page.text("ticket-no-client")), ..Field::of(&form.client) };
    let is_complete = [&title_field, &description_field, &tags_field, &client_field].iter().all(|field| field.problem.is_none());
    (again.title, again.description, again.tags, again.client) = (title_field, description_field, tags_field, client_field);
    // A choice that none of our forms offers.
    again.category = form.category.parse().map_err(|_| Problem::BadRequest)?;
    again.priority = form.priority.parse().map_err(|_| Problem::BadRequest)?;
    let (true, Some(client), Ok(title), Ok(description), Some(tags)) = (is_complete, client, title, description, tags) else {
        return again.shown();
    };
    let ticket = NewTicket { client, title, description, category: again.category, tags, priority: again.priority };
    match open(&app, &actor, &ticket).await {
        Ok(id) => Ok(see_other(&again.page.to(paths::TICKET, "id", id))),
        Err(DeskError::NoContract) => {
            again.refused = Some(no_contract(&again.page, &actor));
            again.shown()
        }
        other => other.doing("opening a ticket").and(Err(Problem::NotFound)),
    }
}

async fn open(app: &App, actor: &Actor, ticket: &NewTicket) -> Result<TicketId, DeskError> {
    let mut tx = app.db.begin().await?;
    let at = now(&mut *tx).await?;
    let id = ticket.open(&mut tx, at, actor).await?;
    tx.commit().await?;
    Ok(id)
}
