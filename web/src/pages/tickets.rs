//! `GET /solicitudes`: tickets, for those who see to them and for the client who opened them.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::{
    accounts::user::UserId,
    help_desk::{
        actor::Actor,
        number::{ClientId, TicketId},
        words::{Category, Priority, Status},
    },
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::{self, Wish},
    page::{Page, cut, key, render},
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
    /// `mine`, `nobodys`, `gone` (of those who do not work here any more), or an agent's number.
    #[serde(default)]
    whose: String,
    /// A client's number: only those who work here choose.
    #[serde(default)]
    client: String,
    /// Anything: overdue ones alone.
    #[serde(default)]
    overdue: String,
    /// The first day on which it may have been opened, and the last one.
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    /// `deadline`; the newest first if it is left out.
    #[serde(default)]
    order: String,
    /// The last ticket of the page before: its number; in the order of deadlines, its deadline in microseconds, or `none`, a dash and its number.
    #[serde(default)]
    after: String,
}

impl Asked {
    /// Takes away what means nothing: it is not carried on to the next page.
    fn tidy(&mut self) {
        if self.status.parse::<Status>().is_err() && self.status != "all" {
            self.status.clear();
        }
        self.tag = self.tag.chars().filter(|c| !c.is_control()).take(40).collect();
        for day in [&mut self.from, &mut self.to] {
            if forms::day(day).is_none() {
                day.clear();
            }
        }
        if !self.is_by_deadline() {
            self.order.clear();
        }
    }

    fn statuses(&self) -> Vec<Status> {
        match (self.status.parse(), self.status.as_str()) {
            (Ok(status), _) => vec![status],
            (Err(_), "all") => Status::ALL.to_vec(),
            (Err(_), _) => Status::ALL.iter().copied().filter(|status| status.is_live()).collect(),
        }
    }

    fn is_by_deadline(&self) -> bool {
        self.order == "deadline"
    }

    /// The last ticket of the page before, and its deadline.
    fn last(&self) -> Option<(i64, Option<DateTime<Utc>>)> {
        if !self.is_by_deadline() {
            return Some((self.after.parse().ok()?, None));
        }
        let (due, id) = self.after.split_once('-')?;
        let due = match due {
            "none" => None,
            micros => Some(DateTime::from_timestamp_micros(micros.parse().ok()?)?),
        };
        Some((id.parse().ok()?, due))
    }

    /// The statement for it: what there is to do has an index of its own, which only a condition that is written out can use.
    fn sql(&self) -> String {
        let live = self.statuses().iter().all(|status| status.is_live());
        let (after, order) = if self.is_by_deadline() {
            (
                "and ($12::bigint is null or (coalesce(k.due_at, 'infinity'), t.id) > (coalesce($13::timestamptz, 'infinity'), $12))",
                "coalesce(k.due_at, 'infinity'), t.id",
            )
        } else {
            (
                "and ($12::bigint is null or (t.created_at, t.id) < (select a.created_at, a.id from desk.tickets a where a.id = $12))",
                "t.created_at desc, t.id desc",
            )
        };
        include_str!("tickets.sql")
            .replace("{live}", if live { "and t.status in ('new', 'open', 'waiting_client')" } else { "" })
            .replace("{after}", after)
            .replace("{order}", order)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: TicketId,
    title: String,
    client: String,
    status: Status,
    is_void: bool,
    priority: Priority,
    assignee: Option<String>,
    created_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    is_overdue: bool,
    /// Time stands still.
    is_paused: bool,
}

#[derive(Template)]
#[template(path = "tickets.html")]
struct Tickets {
    page: Page,
    tickets: Vec<Line>,
    has_more: bool,
    asked: Asked,
    is_agent: bool,
    /// Whose they may be, and who may have them: for those who work here.
    clients: Choice<ClientId>,
    agents: Choice<UserId>,
}

impl Tickets {
    fn is_client(&self, client: &ClientId) -> bool {
        self.asked.client == client.to_string()
    }

    fn is_agents(&self, agent: &UserId) -> bool {
        self.asked.whose == agent.to_string()
    }

    /// Whether something is asked for that stands among the lesser filters.
    fn asks_more(&self) -> bool {
        let Asked { category, client, overdue, from, to, tag, .. } = &self.asked;
        [category, client, overdue, from, to, tag].iter().any(|asked| !asked.is_empty())
    }

    fn is_status(&self, word: &str) -> bool {
        self.asked.status == word
    }

    fn is_priority(&self, priority: &Priority) -> bool {
        self.asked.priority == priority.as_str()
    }

    fn is_category(&self, category: &Category) -> bool {
        self.asked.category == category.as_str()
    }

    fn is_by_deadline(&self) -> bool {
        self.asked.is_by_deadline()
    }

    fn is_whose(&self, word: &str) -> bool {
        self.asked.whose == word
    }

    fn is_first(&self) -> bool {
        self.asked.after.is_empty()
    }

    /// The address of the list with what is asked for, from a ticket on.
    fn address(&self, after: Option<&Line>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let Asked { status, priority, category, tag, whose, client, overdue, from, to, order, .. } = &self.asked;
        for (name, value) in [
            ("status", status),
            ("priority", priority),
            ("category", category),
            ("tag", tag),
            ("whose", whose),
            ("client", client),
            ("overdue", overdue),
            ("from", from),
            ("to", to),
            ("order", order),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(last) = after {
            let due = last.due_at.map_or_else(|| "none".to_owned(), |due| due.timestamp_micros().to_string());
            query.append_pair(
                "after",
                &if self.asked.is_by_deadline() { format!("{due}-{}", last.id) } else { last.id.to_string() },
            );
        }
        format!("{}?{}", self.page.at(paths::TICKETS), query.finish())
    }

    fn next(&self) -> Option<String> {
        let last = self.tickets.last().filter(|_| self.has_more)?;
        Some(self.address(Some(last)))
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

/// What can be chosen from a list: those that come first by name, and those that are chosen already.
#[derive(Debug)]
pub(super) struct Choice<I> {
    pub(super) list: Vec<(I, String)>,
    /// Whether there are more than a list has.
    pub(super) has_more: bool,
}

impl<I> Default for Choice<I> {
    fn default() -> Self {
        Self { list: Vec::new(), has_more: false }
    }
}

/// Those who may see to tickets.
pub(super) async fn agents(app: &App, chosen: &[UserId]) -> Result<Choice<UserId>, Problem> {
    const MOST: i64 = 500;
    const DOING: &str = "listing agents";
    let first = sqlx::query_as(
        "select id, full_name from core.users where role in ('agent', 'manager') and disabled_at is null order by lower(full_name), id limit $1",
    )
    .bind(MOST + 1);
    let (mut list, has_more): (Vec<(UserId, String)>, bool) = cut(first.fetch_all(&app.db).await.doing(DOING)?, MOST);
    if has_more {
        let others = sqlx::query_as(
            "select id, full_name from core.users where role in ('agent', 'manager') and disabled_at is null and id = any($1) and id <> all($2)",
        )
        .bind(chosen)
        .bind(list.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let others: Vec<(UserId, String)> = others.fetch_all(&app.db).await.doing(DOING)?;
        list.extend(others);
    }
    Ok(Choice { list, has_more })
}

/// Clients to choose from. Those that are not in the list are chosen on their own pages.
pub(super) async fn clients(app: &App, chosen: Option<ClientId>) -> Result<Choice<ClientId>, Problem> {
    const MOST: i64 = 1000;
    const DOING: &str = "listing clients";
    let first = sqlx::query_as("select id, name from desk.clients order by lower(name), id limit $1").bind(MOST + 1);
    let (mut list, has_more): (Vec<(ClientId, String)>, bool) = cut(first.fetch_all(&app.db).await.doing(DOING)?, MOST);
    if let Some(chosen) = chosen.filter(|chosen| has_more && !list.iter().any(|(id, _)| id == chosen)) {
        let other = sqlx::query_as("select id, name from desk.clients where id = $1").bind(chosen);
        let other: Option<(ClientId, String)> = other.fetch_optional(&app.db).await.doing(DOING)?;
        list.extend(other);
    }
    Ok(Choice { list, has_more })
}

/// Shows the list.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Wish(mut asked): Wish<Asked>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    asked.tidy();
    let (priority, category): (Option<Priority>, Option<Category>) = (asked.priority.parse().ok(), asked.category.parse().ok());
    let tag = Some(asked.tag.trim().to_lowercase()).filter(|tag| !tag.is_empty());
    let is_agent = matches!(actor, Actor::Agent { .. });
    // Whatever the address says, a client's people see their own.
    let client = actor.client().or_else(|| asked.client.parse().ok().map(ClientId));
    let whose = match asked.whose.as_str() {
        "mine" => Some(actor.id()),
        agent => agent.parse().ok().map(UserId),
    };
    let (from, to) = (forms::day(&asked.from), forms::day(&asked.to));
    let (last, last_due) = asked.last().unzip();
    let tickets = sqlx::query_as(sqlx::AssertSqlSafe(asked.sql()))
        .bind(client)
        .bind(asked.statuses().iter().map(|status| status.as_str()).collect::<Vec<_>>())
        .bind(priority)
        .bind(category)
        .bind(tag)
        .bind(whose)
        .bind(asked.whose == "nobodys")
        .bind(!asked.overdue.is_empty())
        .bind(from)
        .bind(to)
        .bind(page.zone())
        .bind(last)
        .bind(last_due.flatten())
        .bind(LIMIT + 1)
        .bind(asked.whose == "gone")
        .fetch_all(&app.db)
        .await
        .doing("listing tickets")?;
    let (tickets, has_more) = cut(tickets, LIMIT);
    let (clients, agents) = match is_agent {
        true => (clients(&app, client).await?, agents(&app, whose.as_slice()).await?),
        false => Default::default(),
    };
    render(StatusCode::OK, &Tickets { page, tickets, has_more, asked, is_agent, clients, agents })
}
