//! `GET /clientes/{id}`: a client, its contracts, what it is promised, its people and its open tickets.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, NaiveDate, Utc};
use jobs::{
    accounts::{invite::NO_PASSWORD, locale::Locale, user::UserId},
    help_desk::{
        client::Client,
        number::{ClientId, ContractId, TicketId},
        policy::Policy,
        words::{Priority, Status},
    },
};

use super::{
    client_form::number,
    desk_rules::{Done, Said, span},
    help_editor::locale_key,
};
use crate::{
    app::App,
    forms::{Field, Wish, mark_first_problem},
    page::{Page, key, render},
    problem::{Doing as _, Problem},
};

/// How many open tickets stand on the page.
const MOST_TICKETS: i64 = 20;
/// How many people do.
const MOST_PEOPLE: i64 = 200;

#[derive(Debug, sqlx::FromRow)]
struct Contract {
    id: ContractId,
    reference: String,
    starts_on: NaiveDate,
    ends_on: Option<NaiveDate>,
    standing: String,
}

impl Contract {
    /// How it looks and is called: the class of its colour, its icon, its word.
    fn look(&self) -> (&'static str, &'static str, &'static str) {
        match self.standing.as_str() {
            "present" => ("completed", "circle-check", key("contract-present")),
            "ahead" => ("scheduled", "clock", key("contract-ahead")),
            _ => ("cancelled", "lock", key("contract-over")),
        }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Person {
    id: UserId,
    full_name: String,
    email: String,
    is_closed: bool,
    /// They have chosen no password yet.
    is_invited: bool,
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: TicketId,
    title: String,
    status: Status,
    priority: Priority,
    due_at: Option<DateTime<Utc>>,
    is_overdue: bool,
    is_paused: bool,
}

/// What is promised for tickets of a priority, and who says so.
struct Promised {
    priority: Priority,
    first_response: Option<String>,
    resolution: Option<String>,
    by: &'static str,
}

/// The form of a contract, as it was typed: of one that there is, or of a new one.
#[derive(Default)]
pub(super) struct ContractForm {
    pub(super) over: Option<ContractId>,
    pub(super) reference: Field,
    pub(super) starts_on: Field,
    pub(super) ends_on: Field,
}

impl ContractForm {
    pub(super) fn is_wrong(&self) -> bool {
        [&self.reference, &self.starts_on, &self.ends_on].iter().any(|field| field.problem.is_some())
    }
}

/// The form for somebody who is to open tickets, as it was typed.
pub(super) struct NewcomerForm {
    pub(super) email: Field,
    pub(super) full_name: Field,
    pub(super) language: Locale,
}

#[derive(Template)]
#[template(path = "client.html")]
pub(super) struct ClientPage {
    page: Page,
    said: Said,
    client: Client,
    calendar: String,
    contracts: Vec<Contract>,
    promised: Vec<Promised>,
    people: Vec<Person>,
    tickets: Vec<Line>,
    pub(super) contract_form: ContractForm,
    pub(super) newcomer: NewcomerForm,
    refused: Option<String>,
}

impl ClientPage {
    pub(super) async fn load(app: &App, page: Page, id: ClientId, done: &Done) -> Result<Self, Problem> {
        const DOING: &str = "looking up a client";
        let said = Said::of(app, &page, done).await?;
        let mut tx = app.db.begin().await.doing(DOING)?;
        let client = Client::find(&mut tx, id).await.doing(DOING)?;
        let calendar = sqlx::query_scalar("select name from desk.calendars where id = $1")
            .bind(client.calendar_id)
            .fetch_one(&mut *tx)
            .await
            .doing(DOING)?;
        let contracts = sqlx::query_as(include_str!("client_contracts.sql")).bind(id).fetch_all(&mut *tx).await.doing(DOING)?;
        let own = Policy::all(&mut *tx, Some(id)).await.doing(DOING)?;
        let everybodys = Policy::all(&mut *tx, None).await.doing(DOING)?;
        let people = sqlx::query_as(
            "select u.id, u.full_name, u.email::text as email, u.disabled_at is not null as is_closed, u.password_hash = $3 as is_invited
             from desk.contacts c join core.users u on u.id = c.user_id where c.client_id = $1 order by lower(u.full_name), u.id limit $2",
        )
        .bind(id)
        .bind(MOST_PEOPLE)
        .bind(NO_PASSWORD)
        .fetch_all(&mut *tx)
        .await
        .doing(DOING)?;
        let tickets = sqlx::query_as(include_str!("client_tickets.sql"))
            .bind(id)
            .bind(MOST_TICKETS)
            .fetch_all(&mut *tx)
            .await
            .doing(DOING)?;
        let promised = Priority::ALL.iter().rev().map(|priority| promised(*priority, &client, &own, &everybodys)).collect();
        let newcomer = NewcomerForm { email: Field::default(), full_name: Field::default(), language: page.locale };
        Ok(Self {
            page,
            said,
            client,
            calendar,
            contracts,
            promised,
            people,
            tickets,
            contract_form: ContractForm::default(),
            newcomer,
            refused: None,
        })
    }

    fn is_of(&self, contract: &ContractId) -> bool {
        self.contract_form.over == Some(*contract) && self.contract_form.is_wrong()
    }

    fn is_new_wrong(&self) -> bool {
        self.contract_form.over.is_none() && self.contract_form.is_wrong()
    }

    fn is_language(&self, locale: &Locale) -> bool {
        self.newcomer.language == *locale
    }

    fn name_of(locale: &Locale) -> &'static str {
        locale_key(locale)
    }

    fn has_more_tickets(&self) -> bool {
        self.client.open_tickets_count > MOST_TICKETS
    }

    /// The page with what is wrong beside each field.
    pub(super) fn wrong(mut self) -> Result<Response, Problem> {
        let ContractForm { reference, starts_on, ends_on, .. } = &mut self.contract_form;
        mark_first_problem(&mut [reference, starts_on, ends_on, &mut self.newcomer.email, &mut self.newcomer.full_name]);
        render(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }

    /// The page as it is now, with why something was not done.
    pub(super) fn refused(mut self, why: String) -> Result<Response, Problem> {
        self.refused = Some(why);
        render(StatusCode::CONFLICT, &self)
    }
}

fn promised(priority: Priority, client: &Client, own: &[(Policy, i32)], everybodys: &[(Policy, i32)]) -> Promised {
    let of = |policies: &[(Policy, i32)]| {
        policies.iter().find(|(policy, _)| policy.priority == priority).map(|(policy, _)| policy.clone())
    };
    let (policy, by) = match (of(own), of(everybodys)) {
        (Some(own), _) => (Some(own), key("policy-own")),
        (None, Some(everybodys)) => (Some(everybodys), key("policy-everybodys")),
        (None, None) => (None, key("policy-fallback")),
    };
    Promised {
        priority,
        first_response: policy.as_ref().map_or(Some(client.response_minutes), |policy| policy.first_response_minutes).map(span),
        resolution: policy.and_then(|policy| policy.resolution_minutes).map(span),
        by,
    }
}

/// Shows it.
pub(crate) async fn show(
    State(app): State<App>,
    page: Page,
    Path(id): Path<String>,
    Wish(done): Wish<Done>,
) -> Result<Response, Problem> {
    render(StatusCode::OK, &ClientPage::load(&app, page, number(&id)?, &done).await?)
}
