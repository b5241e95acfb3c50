//! `GET`, `POST /clientes/nuevo` and `/clientes/{id}/editar`: a client is written down.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    help_desk::{
        client::{Client, SeenClient},
        client_draft::{ClientDraft, LONGEST_NAME},
        number::{CalendarId, ClientId},
        rule_change::Followed,
        trouble::DeskError,
        words::WithoutContract,
    },
    text::line,
};
use serde::Deserialize;

use super::{
    desk_rules::{in_one, minutes, refusal, saved},
    new_ticket::text_problem,
    tickets::actor,
};
use crate::{
    app::App,
    forms::{Field, Sent, mark_first_problem},
    page::{Page, key, render},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    /// The version that was seen, of a client that there is.
    #[serde(default)]
    version: i32,
    name: String,
    calendar: String,
    response_minutes: String,
    without_contract: String,
}

#[derive(Template)]
#[template(path = "client_form.html")]
struct ClientForm {
    page: Page,
    /// None: it is a new one.
    client: Option<ClientId>,
    version: i32,
    calendars: Vec<(CalendarId, String)>,
    name: Field,
    calendar: Field,
    response_minutes: Field,
    without_contract: WithoutContract,
    refused: Option<String>,
}

impl ClientForm {
    async fn blank(app: &App, page: Page) -> Result<Self, Problem> {
        let calendars = sqlx::query_as("select id, name from desk.calendars order by lower(name), id limit 1000")
            .fetch_all(&app.db)
            .await
            .doing("listing calendars")?;
        Ok(Self {
            page,
            client: None,
            version: 0,
            calendars,
            name: Field::default(),
            calendar: Field::default(),
            response_minutes: Field::of("240"),
            without_contract: WithoutContract::NoPromise,
            refused: None,
        })
    }

    async fn of(app: &App, page: Page, id: ClientId) -> Result<Self, Problem> {
        const DOING: &str = "looking up a client";
        let mut db = app.db.acquire().await.doing(DOING)?;
        let client = Client::find(&mut db, id).await.doing(DOING)?;
        Ok(Self {
            client: Some(client.id),
            version: client.lock_version,
            name: Field::of(&client.name),
            calendar: Field::of(&client.calendar_id.to_string()),
            response_minutes: Field::of(&client.response_minutes.to_string()),
            without_contract: client.without_contract,
            ..Self::blank(app, page).await?
        })
    }

    /// Takes over what was typed, and what is wrong with it; the client, if nothing is.
    fn read(&mut self, form: &Form) -> Result<Option<ClientDraft>, Problem> {
        self.version = form.version;
        // A choice that none of our forms offers.
        self.without_contract = form.without_contract.parse().map_err(|_| Problem::BadRequest)?;
        let name = line(&form.name, LONGEST_NAME);
        self.name = Field { problem: name.as_ref().err().map(|what| text_problem(&self.page, *what)), ..Field::of(&form.name) };
        let chosen = form.calendar.parse().ok().filter(|id| self.calendars.iter().any(|(known, _)| known.0 == *id));
        self.calendar =
            Field { problem: chosen.is_none().then(|| self.page.text(key("client-no-calendar"))), ..Field::of(&form.calendar) };
        let (mut field, response) = minutes(&self.page, &form.response_minutes, 1);
        if field.value.is_empty() {
            field.problem = Some(self.page.text1(key("minutes-bad"), "least", 1));
        }
        self.response_minutes = field;
        Ok(match (name, chosen, response) {
            (Ok(name), Some(calendar), Some(response_minutes)) => Some(ClientDraft {
                name,
                calendar: CalendarId(calendar),
                response_minutes,
                without_contract: self.without_contract,
            }),
            _ => None,
        })
    }

    fn is_calendar(&self, calendar: &CalendarId) -> bool {
        self.calendar.value == calendar.to_string()
    }

    fn is_without(&self, word: &WithoutContract) -> bool {
        self.without_contract == *word
    }

    /// Where the form is sent.
    fn action(&self) -> String {
        match self.client {
            Some(id) => self.page.to(paths::CLIENT_EDIT, "id", id),
            None => self.page.at(paths::NEW_CLIENT).to_owned(),
        }
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let is_wrong = mark_first_problem(&mut [&mut self.name, &mut self.calendar, &mut self.response_minutes]);
        render(if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }
}

/// Shows the empty form.
pub(crate) async fn show_new(State(app): State<App>, page: Page) -> Result<Response, Problem> {
    ClientForm::blank(&app, page).await?.shown()
}

/// Shows the form with a client in it.
pub(crate) async fn show_edit(State(app): State<App>, page: Page, Path(id): Path<String>) -> Result<Response, Problem> {
    ClientForm::of(&app, page, number(&id)?).await?.shown()
}

/// Writes a new client, and leads to it.
pub(crate) async fn create(
    State(app): State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    keep(&app, &visit, ClientForm::blank(&app, page).await?, &form).await
}

/// Writes over a client, and leads to it.
pub(crate) async fn edit(
    State(app): State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    keep(&app, &visit, ClientForm::of(&app, page, number(&id)?).await?, &form).await
}

async fn keep(app: &App, visit: &Visit, mut form_page: ClientForm, form: &Form) -> Result<Response, Problem> {
    let actor = actor(app, visit).await?;
    let Some(draft) = form_page.read(form)? else { return form_page.shown() };
    let over = form_page.client;
    let kept = in_one(app, async |tx, at| match over {
        None => Ok((draft.make(tx, &actor).await?, Followed { tickets: 0, is_done: true })),
        Some(client) => {
            let seen = SeenClient { client, version: form.version };
            Ok((client, draft.write_over(tx, at, &actor, seen).await?))
        }
    });
    match kept.await {
        Ok((client, followed)) => Ok(saved(&form_page.page.to(paths::CLIENT, "id", client), followed)),
        Err(DeskError::NameTaken) => {
            form_page.name.problem = Some(form_page.page.text(key("client-name-taken")));
            form_page.shown()
        }
        Err(error) => {
            let why = refusal(&form_page.page, error);
            form_page.refused = Some(why.doing("writing a client")?);
            render(StatusCode::CONFLICT, &form_page)
        }
    }
}

pub(super) fn number(id: &str) -> Result<ClientId, Problem> {
    id.parse().map(ClientId).map_err(|_| Problem::NotFound)
}
