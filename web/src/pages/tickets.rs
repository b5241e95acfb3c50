//! `GET /solicitudes`: tickets, for those who see to them and for the client who opened them.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::help_desk::{
    actor::Actor,
    number::TicketId,
    words::{Category, Priority, Status},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::Wish,
    page::{Page, key, render},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// How many tickets stand on a page.
const LIMIT: i64 = 50;

/// What the address asks for. Words that mean nothing count as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// A status, or `all`; those that are not resolved if it is left out.
    #[serde(default)]
    status: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    tag: String,
    /// `mine` or `nobodys`.
    #[serde(default)]
    whose: String,
    /// The last ticket of the page before.
    #[serde(default)]
    after: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: TicketId,
    title: String,
    client: String,
    status: Status,
    priority: Priority,
    assignee: Option<String>,
    created_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    is_overdue: bool,
}

#[derive(Template)]
#[template(path = "tickets.html")]
struct Tickets {
    page: Page,
    tickets: Vec<Line>,
    asked: Asked,
    is_agent: bool,
}

impl Tickets {
    fn is_status(&self, word: &str) -> bool {
        self.asked.status == word
    }

    fn is_priority(&self, priority: &Priority) -> bool {
        self.asked.priority == priority.as_str()
    }

    fn is_category(&self, category: &Category) -> bool {
        self.asked.category == category.as_str()
    }

    fn is_whose(&self, word: &str) -> bool {
        self.asked.whose == word
    }

    fn is_first(&self) -> bool {
        self.asked.after.is_empty()
    }

    /// The address of the list with what is asked for, from a ticket on.
    fn address(&self, after: Option<TicketId>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let Asked { status, priority, category, tag, whose, .. } = &self.asked;
        for (name, value) in [("status", status), ("priority", priority), ("category", category), ("tag", tag), ("whose", whose)]
        {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(after) = after {
            query.append_pair("after", &after.to_string());
        }
        format!("{}?{}", self.page.at(paths::TICKETS), query.finish())
    }

    fn next(&self) -> Option<String> {
        let last = self.tickets.last().filter(|_| self.tickets.len() as i64 == LIMIT)?;
        Some(self.address(Some(last.id)))
    }
}

/// The key of a status's name.
pub(super) fn status_key(status: &Status) -> &'static str {
    match status {
        Status::New => key("ticket-new"),
        Status::Open => key("ticket-open"),
        Status::WaitingClient => key("ticket-waiting-client"),
        Status::Resolved => key("ticket-resolved"),
        Status::Closed => key("ticket-closed"),
    }
}

/// How a status looks: the class of its colour, and its icon.
pub(super) fn look(status: &Status) -> (&'static str, &'static str) {
    match status {
        Status::New => ("retryable", "circle-alert"),
        Status::Open => ("running", "play"),
        Status::WaitingClient => ("scheduled", "pause"),
        Status::Resolved => ("completed", "circle-check"),
        Status::Closed => ("cancelled", "lock"),
    }
}

/// The key of a priority's name.
pub(super) fn priority_key(priority: &Priority) -> &'static str {
    match priority {
        Priority::Low => key("priority-low"),
        Priority::Normal => key("priority-normal"),
        Priority::High => key("priority-high"),
        Priority::Urgent => key("priority-urgent"),
    }
}

/// The key of a category's name.
pub(super) fn category_key(category: &Category) -> &'static str {
    match category {
        Category::Access => key("category-access"),
        Category::Hardware => key("category-hardware"),
        Category::Network => key("category-network"),
        Category::Software => key("category-software"),
        Category::Billing => key("category-billing"),
        Category::Other => key("category-other"),
    }
}

/// What the visitor is at the help desk.
pub(super) async fn actor(app: &App, visit: &Visit) -> Result<Actor, Problem> {
    let person = visit.person().ok_or(Problem::NotSignedIn)?;
    Actor::find(&app.db, person.id).await.doing("asking what somebody is at the help desk")
}

/// Shows the list.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(mut asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let status: Option<Status> = asked.status.parse().ok();
    let (priority, category): (Option<Priority>, Option<Category>) = (asked.priority.parse().ok(), asked.category.parse().ok());
    let statuses: Vec<Status> = match (&status, asked.status.as_str()) {
        (Some(status), _) => vec![*status],
        (None, "all") => Status::ALL.to_vec(),
        (None, _) => Status::ALL.iter().copied().filter(|status| status.is_live()).collect(),
    };
    // What means nothing is not carried on to the next page.
    if status.is_none() && asked.status != "all" {
        asked.status.clear();
    }
    asked.tag = asked.tag.chars().filter(|c| !c.is_control()).take(40).collect();
    let tag = Some(asked.tag.trim().to_lowercase()).filter(|tag| !tag.is_empty());
    let client = match actor {
        Actor::Contact { client, .. } => Some(client),
        Actor::Agent { .. } => None,
    };
    let tickets = sqlx::query_as(include_str!("tickets.sql"))
        .bind(client)
        .bind(statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>())
        .bind(priority)
        .bind(category)
        .bind(tag)
        .bind((asked.whose == "mine").then_some(actor.id()))
        .bind(asked.whose == "nobodys")
        .bind(asked.after.parse::<i64>().ok())
        .bind(LIMIT)
        .fetch_all(&app.db)
        .await
        .doing("listing tickets")?;
    render(StatusCode::OK, &Tickets { page, tickets, asked, is_agent: matches!(actor, Actor::Agent { .. }) })
}
