//! `GET /solicitudes/archivo`: tickets that were put away, for those who work here and for the client whose they are.

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
    number::{ClientId, TicketId},
    words::Status,
};
use serde::Deserialize;

use super::tickets::{Choice, actor, clients};
use crate::{
    app::App,
    forms::{self, Wish},
    page::{Page, cut, render},
    paths,
    problem::{Doing as _, Problem},
    titles,
    visit::Visit,
};

/// How many tickets stand on a page.
const LIMIT: i64 = 50;
/// The number of the first parameter that is a word.
const FIRST_WORD: usize = 7;

/// What the address asks for. What means nothing counts as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// Words of the title.
    #[serde(default)]
    title: String,
    /// A client's number: only those who work here choose.
    #[serde(default)]
    client: String,
    /// The first day on which it may have been opened, and the last one.
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    /// The last ticket of the page before.
    #[serde(default)]
    after: String,
}

impl Asked {
    /// Takes away what means nothing: it is not carried on to the next page.
    fn tidy(&mut self) {
        self.title = self.title.chars().filter(|c| !c.is_control()).take(200).collect();
        for day in [&mut self.from, &mut self.to] {
            if forms::day(day).is_none() {
                day.clear();
            }
        }
        for number in [&mut self.client, &mut self.after] {
            if number.parse::<i64>().is_err() {
                number.clear();
            }
        }
    }

    fn words(&self) -> Vec<&str> {
        titles::words(&self.title).take(titles::MOST_WORDS).collect()
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: TicketId,
    title: String,
    client: String,
    status: Status,
    is_void: bool,
    assignee: Option<String>,
    created_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

#[derive(Template)]
#[template(path = "archive.html")]
struct Archive {
    page: Page,
    tickets: Vec<Line>,
    has_more: bool,
    asked: Asked,
    is_agent: bool,
    /// Whose they may be: for those who work here.
    clients: Choice<ClientId>,
}

impl Archive {
    fn is_client(&self, client: &ClientId) -> bool {
        self.asked.client == client.to_string()
    }

    fn is_first(&self) -> bool {
        self.asked.after.is_empty()
    }

    /// The address of the list with what is asked for, from a ticket on.
    fn address(&self, after: Option<&Line>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let Asked { title, client, from, to, .. } = &self.asked;
        for (name, value) in [("title", title), ("client", client), ("from", from), ("to", to)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(last) = after {
            query.append_pair("after", &last.id.to_string());
        }
        format!("{}?{}", self.page.at(paths::ARCHIVE), query.finish())
    }

    fn next(&self) -> Option<String> {
        self.tickets.last().filter(|_| self.has_more).map(|last| self.address(Some(last)))
    }
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
    let is_agent = matches!(actor, Actor::Agent { .. });
    // Whatever the address says, a client's people see their own.
    let client = actor.client().or_else(|| asked.client.parse().ok().map(ClientId));
    let (from, to) = (forms::day(&asked.from), forms::day(&asked.to));
    let words = asked.words();
    let sql = include_str!("archive.sql").replace("{words}", &titles::conditions(FIRST_WORD, &words));
    let found = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(client)
        .bind(from)
        .bind(to)
        .bind(page.zone())
        .bind(asked.after.parse::<i64>().ok())
        .bind(LIMIT + 1);
    let found = words.iter().fold(found, |found, word| found.bind((*word).to_owned()));
    let (tickets, has_more) = cut(found.fetch_all(&app.db).await.doing("listing tickets that were put away")?, LIMIT);
    let clients = if is_agent { clients(&app, client).await? } else { Choice::default() };
    render(StatusCode::OK, &Archive { page, tickets, has_more, asked, is_agent, clients })
}
