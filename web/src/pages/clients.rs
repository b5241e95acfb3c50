//! `GET /clientes`: whom the desk works for.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::NaiveDate;
use jobs::help_desk::{number::ClientId, words::WithoutContract};
use serde::Deserialize;

use super::desk_rules::{Done, Said};
use crate::{
    app::App,
    forms::Wish,
    page::{Page, cut, key, render},
    paths,
    problem::{Doing as _, Problem},
};

/// How many clients stand on a page.
const LIMIT: i64 = 50;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    name: String,
    /// The last client of the page before.
    after: Option<i64>,
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: ClientId,
    name: String,
    calendar: String,
    open_tickets_count: i64,
    contract: Option<String>,
    ends_on: Option<NaiveDate>,
    without_contract: WithoutContract,
}

#[derive(Template)]
#[template(path = "clients.html")]
struct Clients {
    page: Page,
    said: Said,
    clients: Vec<Line>,
    name: String,
    has_more: bool,
    is_first: bool,
}

impl Clients {
    fn next(&self) -> Option<String> {
        let last = self.clients.last().filter(|_| self.has_more)?.id.to_string();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("name", &self.name)
            .append_pair("after", &last)
            .finish();
        Some(format!("{}?{query}", self.page.at(paths::CLIENTS)))
    }
}

/// The key of what becomes of tickets without a contract.
pub(super) fn without_contract_key(word: &WithoutContract) -> &'static str {
    match word {
        WithoutContract::Serve => key("without-contract-serve"),
        WithoutContract::NoPromise => key("without-contract-no-promise"),
        WithoutContract::Refuse => key("without-contract-refuse"),
    }
}

/// Shows the list.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let name: String = asked.name.trim().chars().filter(|c| !c.is_control()).take(160).collect();
    // A sign that means something in a pattern is one of the name here.
    let pattern = Some(name.replace(['%', '_', '\\'], " ")).filter(|name| !name.trim().is_empty());
    let clients = sqlx::query_as(include_str!("clients.sql"))
        .bind(pattern)
        .bind(asked.after)
        .bind(LIMIT + 1)
        .fetch_all(&app.db)
        .await
        .doing("listing clients")?;
    let (clients, has_more) = cut(clients, LIMIT);
    let said = Said::of(&app, &page, &Done::default()).await?;
    render(StatusCode::OK, &Clients { page, said, clients, name, has_more, is_first: asked.after.is_none() })
}
