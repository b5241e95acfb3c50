//! `GET /admin/sales`: sales, the worst news first.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use jobs::payments::{
    money::{Currency, Money},
    sale::{Provider, SaleId, SaleState},
};
use serde::Deserialize;

use crate::{
    app::App,
    forms::Wish,
    page::{Page, cut, render},
    problem::{Doing as _, Problem},
};

/// How many sales stand on a page.
const LIMIT: i64 = 50;

/// What the address asks for. Words that mean nothing count as not said.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    state: String,
    /// The last sale of the page before.
    #[serde(default)]
    after: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Line {
    id: SaleId,
    state: SaleState,
    title: String,
    email: String,
    provider: Provider,
    amount_minor: i64,
    #[sqlx(try_from = "String")]
    currency: Currency,
    created_at: DateTime<Utc>,
    /// Whether a person still has to look at it, although its money has gone on.
    is_in_review: bool,
}

impl Line {
    fn amount(&self) -> Money {
        Money::new(self.amount_minor, self.currency)
    }
}

#[derive(Template)]
#[template(path = "admin_sales.html")]
struct AdminSales {
    page: Page,
    sales: Vec<Line>,
    state: Option<SaleState>,
    counts: Vec<(SaleState, u64)>,
    has_more: bool,
    is_first: bool,
}

impl AdminSales {
    fn is_shown(&self, state: &SaleState) -> bool {
        self.state == Some(*state)
    }

    fn state_word(&self) -> &'static str {
        self.state.as_ref().map_or("", |state| state.as_str())
    }

    fn next(&self) -> Option<String> {
        let last = self.sales.last().filter(|_| self.has_more)?;
        Some(format!("/admin/sales?state={}&after={}", self.state_word(), last.id))
    }
}

/// Shows the list.
pub(crate) async fn show(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    let state = SaleState::ALL.into_iter().find(|state| state.as_str() == asked.state);
    let after: Option<SaleId> = asked.after.parse().ok().map(SaleId);
    let sales = sqlx::query_as(include_str!("admin_sales.sql"))
        .bind(state)
        .bind(after)
        .bind(LIMIT + 1)
        .fetch_all(&app.db)
        .await
        .doing("listing sales")?;
    let (sales, has_more) = cut(sales, LIMIT);
    let counted: Vec<(SaleState, i64, i64)> = sqlx::query_as(
        "select state, count(*), count(*) filter (where state <> 'review' and review_reason is not null and review_closed_at is null)
         from school.sales group by state",
    )
    .fetch_all(&app.db)
    .await
    .doing("counting sales")?;
    let in_review_besides: i64 = counted.iter().map(|(.., in_review)| in_review).sum();
    let count = |state: SaleState| {
        let own = counted.iter().find(|(counted, ..)| *counted == state).map_or(0, |(_, count, _)| *count);
        let all = if state == SaleState::Review { own + in_review_besides } else { own };
        (all > 0).then_some((state, all.unsigned_abs()))
    };
    let counts = SaleState::ALL.into_iter().filter_map(count).collect();
    render(StatusCode::OK, &AdminSales { page, sales, state, counts, has_more, is_first: after.is_none() })
}
